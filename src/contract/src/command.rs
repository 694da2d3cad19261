//! Commands as data: declared once in `core::commands`, offered natively by each platform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One command that people can give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandSpec {
    /// Lower-case ASCII, 1 to 32 characters, no prefix.
    pub name: String,
    /// One sentence, at most 100 characters (Discord's limit, the smallest).
    pub summary: String,
    /// The words that follow it, if it takes any.
    pub argument: Option<ArgumentSpec>,
}

/// The words behind a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArgumentSpec {
    pub name: String,
    pub summary: String,
    pub required: bool,
}
