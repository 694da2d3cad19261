//! Stops a model that has fallen into a loop and sends the same piece for ever, at the owner's cost.

/// So many equal pieces in a row are a loop.
pub(crate) const LIMIT: u32 = 100;

/// Shorter pieces repeat in honest text: rules of dashes, blank lines, columns of zeros.
const SHORTEST: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Repeat {
    last: String,
    count: u32,
}

impl Repeat {
    /// Takes one more piece; true where it is the one too many.
    pub(crate) fn is_loop(&mut self, piece: &str) -> bool {
        if piece == self.last {
            self.count += 1;
        } else {
            piece.clone_into(&mut self.last);
            self.count = 1;
        }
        self.count >= LIMIT && piece.chars().nth(SHORTEST - 1).is_some()
    }
}
