//! Bytes cut into lines at CR, LF or CRLF, however the reads fell. The floor under both framers.
//!
//! Linear: every byte is looked at once, from where the last scan ended. Bounded: a line has a cap.

use memchr::memchr2;
use thiserror::Error;

/// Longest line, in bytes without its ending.
pub const MAX_LINE: usize = 1 << 20;

/// A peer that sends more than we are willing to hold.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("a line of the stream is longer than {MAX_LINE} bytes")]
    Line,
    #[error("an event of the stream is longer than {} bytes", crate::sse::MAX_EVENT)]
    Event,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Push reads in, take lines out.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Where the unfinished line begins.
    start: usize,
    /// No line ends before here.
    scanned: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A line has been taken, so a byte order mark can no longer come.
    begun: bool,
}

impl Lines {
    /// Adds one read. Take every line before the next push, so that little is moved.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its ending, or `None` until more is pushed.
    pub fn line(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if self.after_cr && self.start < self.buffer.len() {
            self.after_cr = false;
            if self.buffer[self.start] == b'\n' {
                self.start += 1;
            }
        }
        self.scanned = self.scanned.max(self.start);
        let found = memchr2(b'\r', b'\n', &self.buffer[self.scanned..]).map(|at| self.scanned + at);
        let end = found.unwrap_or(self.buffer.len());
        if end - self.start > MAX_LINE {
            return Err(FrameError::Line);
        }
        let Some(end) = found else {
            self.scanned = end;
            return Ok(None);
        };
        self.after_cr = self.buffer[end] == b'\r';
        let line = self.start..end;
        (self.start, self.scanned) = (end + 1, end + 1);
        Ok(Some(unmark(&self.buffer[line], &mut self.begun)))
    }

    /// What is left when the stream has ended cleanly: a last line without an ending.
    pub fn rest(&mut self) -> Option<&[u8]> {
        let line = self.start..self.buffer.len();
        (self.start, self.scanned) = (line.end, line.end);
        (!line.is_empty()).then(|| unmark(&self.buffer[line], &mut self.begun))
    }
}

/// The first line of a stream may open with a byte order mark.
fn unmark<'a>(line: &'a [u8], begun: &mut bool) -> &'a [u8] {
    if std::mem::replace(begun, true) { line } else { line.strip_prefix(BOM).unwrap_or(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(reads: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for read in reads {
            lines.push(read);
            while let Some(line) = lines.line().unwrap() {
                out.push(line.to_vec());
            }
        }
        out.extend(lines.rest().map(<[u8]>::to_vec));
        out
    }

    #[test]
    fn every_ending_cuts_the_same_wherever_the_reads_fall() {
        for body in [&b"\xEF\xBB\xBFa\r\n\r\nb\n\nc\r\rd"[..], b"a\n\nb\r\n\r\nc\r\rd", b"a\r\rb\r\n\nc\n\rd"] {
            let whole = cut(&[body]);
            assert_eq!(whole, [&b"a"[..], b"", b"b", b"", b"c", b"", b"d"], "{body:?}");
            for at in 0..=body.len() {
                assert_eq!(cut(&[&body[..at], &body[at..]]), whole, "split at {at}");
            }
        }
    }

    #[test]
    fn a_line_is_capped_whether_or_not_its_end_has_come() {
        let long = vec![b'x'; MAX_LINE + 1];
        let mut lines = Lines::default();
        lines.push(&long[..MAX_LINE]);
        assert_eq!(lines.line(), Ok(None), "at the cap");
        lines.push(b"x");
        assert_eq!(lines.line(), Err(FrameError::Line), "one more");
        let mut ended = Lines::default();
        ended.push(&long);
        ended.push(b"\n");
        assert_eq!(ended.line(), Err(FrameError::Line));
    }

    #[test]
    fn only_the_first_line_may_carry_a_mark() {
        assert_eq!(cut(&[b"a\n\xEF\xBB\xBFb\n"]), [&b"a"[..], b"\xEF\xBB\xBFb"]);
    }
}
