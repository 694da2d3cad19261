//! How a platform counts a message's length.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The unit of a platform's length limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Unicode scalar values (Discord).
    Chars,
    /// UTF-16 code units (Telegram: message length and entity offsets).
    Utf16,
    /// UTF-8 bytes (Matrix: the size of an event).
    Bytes,
}

impl Measure {
    /// The length of `text` in this unit.
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }
}
