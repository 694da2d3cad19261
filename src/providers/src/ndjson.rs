//! One JSON text a line, on [`Lines`]: what a server sends that answers `application/x-ndjson`.

use crate::lines::{FrameError, Lines};
use crate::sse::Frame;

/// Push reads in, take frames out; a frame is one line that is not blank, and has no event name.
#[derive(Debug, Default)]
pub struct Ndjson {
    lines: Lines,
    text: String,
    lossy: u64,
}

impl Ndjson {
    pub fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next whole frame, or `None` until more is pushed. An error is final.
    pub fn frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        while let Some(line) = self.lines.line()? {
            if take(line, &mut self.text, &mut self.lossy) {
                return Ok(Some(Frame { event: "", data: &self.text }));
            }
        }
        Ok(None)
    }

    /// Call once at a clean end of the stream: the last line, if it lacked its ending.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        let whole = self.lines.rest().is_some_and(|line| take(line, &mut self.text, &mut self.lossy));
        whole.then_some(Frame { event: "", data: &self.text })
    }

    /// How many lines held bytes that are not UTF-8.
    pub fn lossy_lines(&self) -> u64 {
        self.lossy
    }
}

/// Copies a line; false where it is blank.
fn take(line: &[u8], text: &mut String, lossy: &mut u64) -> bool {
    text.clear();
    match String::from_utf8_lossy(line) {
        std::borrow::Cow::Borrowed(line) => text.push_str(line.trim()),
        std::borrow::Cow::Owned(line) => {
            *lossy += 1;
            text.push_str(line.trim());
        }
    }
    !text.is_empty()
}
