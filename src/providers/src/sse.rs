//! Server-sent events from bytes, as the WHATWG grammar has them, on [`Lines`].
//!
//! Two deliberate differences: a whole event that lacks its blank line at a clean end of the stream is kept (vendors
//! end on `data: [DONE]`), and a line that is not UTF-8 is read with replacement characters and counted.

use std::borrow::Cow;

use crate::lines::{FrameError, Lines};

/// Longest event: the bytes of its data lines together.
pub const MAX_EVENT: usize = 4 << 20;

/// One event, borrowed until the next is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The `event:` field; empty where there was none.
    pub event: &'a str,
    /// The `data:` lines, joined by line feeds.
    pub data: &'a str,
}

/// Push reads in, take frames out. Comments are skipped.
#[derive(Debug, Default)]
pub struct Sse {
    lines: Lines,
    event: Event,
}

impl Sse {
    pub fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next whole frame, or `None` until more is pushed. An error is final.
    pub fn frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.event.begin();
        while let Some(line) = self.lines.line()? {
            if self.event.take(line)? {
                return Ok(Some(self.event.frame()));
            }
        }
        Ok(None)
    }

    /// Call once at a clean end of the stream, after `frame` gave `None`: the frame that only lacked its blank line.
    pub fn finish(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        if let Some(line) = self.lines.rest() {
            self.event.take(line)?;
        }
        self.event.whole = true;
        Ok(self.event.has_data.then(|| self.event.frame()))
    }

    /// The last `id:` seen; empty where there was none.
    pub fn last_id(&self) -> &str {
        &self.event.id
    }

    /// The last `retry:` seen, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.event.retry_ms
    }

    /// How many lines held bytes that are not UTF-8.
    pub fn lossy_lines(&self) -> u64 {
        self.event.lossy
    }
}

/// The event being read.
#[derive(Debug, Default)]
struct Event {
    name: String,
    data: String,
    has_data: bool,
    /// Handed out; the next line belongs to another event.
    whole: bool,
    id: String,
    retry_ms: Option<u64>,
    lossy: u64,
}

impl Event {
    /// Forgets an event that was handed out.
    fn begin(&mut self) {
        if std::mem::take(&mut self.whole) {
            self.name.clear();
            self.data.clear();
            self.has_data = false;
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame { event: &self.name, data: &self.data }
    }

    /// Takes one line; true where it completes an event.
    fn take(&mut self, line: &[u8]) -> Result<bool, FrameError> {
        if line.is_empty() {
            self.whole = self.has_data;
            if !self.has_data {
                self.name.clear();
            }
            return Ok(self.has_data);
        }
        let line = String::from_utf8_lossy(line);
        if matches!(line, Cow::Owned(_)) {
            self.lossy += 1;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(false)
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), FrameError> {
        match field {
            "data" => {
                if self.data.len() + value.len() >= MAX_EVENT {
                    return Err(FrameError::Event);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok();
            }
            // A comment (its field name is empty) or a field we do not know.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(reads: &[&[u8]]) -> (Vec<(String, String)>, Sse) {
        let mut sse = Sse::default();
        let mut out = Vec::new();
        let own = |f: Frame<'_>| (f.event.to_owned(), f.data.to_owned());
        for read in reads {
            sse.push(read);
            while let Some(frame) = sse.frame().unwrap() {
                out.push(own(frame));
            }
        }
        out.extend(sse.finish().unwrap().map(own));
        (out, sse)
    }

    #[test]
    fn two_reads_cut_anywhere_give_the_same_frames() {
        let body =
            "\u{feff}: hello\r\nevent: a\r\ndata: 1\r\ndata:2\r\n\r\ndata\n\nevent: lost\n\ndata: €🦀\r\rdata: [DONE]";
        let (whole, _) = frames(&[body.as_bytes()]);
        let expected = [("a", "1\n2"), ("", ""), ("", "€🦀"), ("", "[DONE]")];
        assert_eq!(whole, expected.map(|(event, data)| (event.to_owned(), data.to_owned())));
        for at in 0..=body.len() {
            let (first, second) = body.as_bytes().split_at(at);
            assert_eq!(frames(&[first, second]).0, whole, "split at {at}");
        }
    }

    #[test]
    fn id_and_retry_follow_the_grammar() {
        let (_, sse) = frames(&[b"id: 7\nretry: 250\nid: 8\0\nretry: soon\nretry:\ndata: x\n\n"]);
        assert_eq!((sse.last_id(), sse.retry_ms()), ("7", Some(250)));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_counted() {
        let (whole, sse) = frames(&[b"data: a\xFFb\n\ndata: c\n\n"]);
        assert_eq!(whole, [(String::new(), "a\u{fffd}b".to_owned()), (String::new(), "c".to_owned())]);
        assert_eq!(sse.lossy_lines(), 1);
    }

    #[test]
    fn an_event_is_capped_over_all_its_lines() {
        let line = format!("data: {}\n", "x".repeat(MAX_EVENT / 8));
        let mut sse = Sse::default();
        for _ in 0..7 {
            sse.push(line.as_bytes());
            assert_eq!(sse.frame(), Ok(None));
        }
        sse.push(line.as_bytes());
        assert_eq!(sse.frame(), Err(FrameError::Event));
    }
}
