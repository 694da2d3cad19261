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
    /// Who it is offered to. What it may do is asked when it is given, not here.
    pub audience: Audience,
    /// Its name in the menu of a message, where a platform has one: chosen there, that message is what it replies to. At
    /// most 32 characters.
    pub menu: Option<String>,
    /// Whether the answer is for the one who asks alone, where a platform can do that in a group.
    pub private: bool,
}

/// Who a command is offered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    /// Those who moderate the place.
    Moderators,
}

/// The words behind a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArgumentSpec {
    pub name: String,
    pub summary: String,
    pub required: bool,
    /// Whether [`Host::suggest`](crate::platform::Host::suggest) has something to offer while it is typed.
    pub suggests: bool,
}
