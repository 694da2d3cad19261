//! Tool calls as values, whoever the vendor is: how many there may be, what their arguments are on the way in and on the
//! way back, and an id for one that got none.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use townkeeper_contract::provider::ToolArgs;

/// More calls than this in one answer, or more bytes of arguments, are a peer gone wrong.
pub(crate) const MAX_CALLS: usize = 64;
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// What is said of a peer that sends more.
pub(crate) const TOO_MANY_CALLS: &str = "the answer holds too many tool calls, or too large ones";

/// Arguments as they came. A call without any has the empty object.
pub(crate) fn arguments(raw: String) -> ToolArgs {
    if raw.trim().is_empty() {
        return ToolArgs::Json(Value::Object(Map::new()));
    }
    match serde_json::from_str(&raw) {
        Ok(json) => ToolArgs::Json(json),
        Err(_) => ToolArgs::Unparseable { raw },
    }
}

/// A call's arguments on their way back, where a vendor takes nothing but an object: what is none goes back inside one.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Input<'a> {
    Object(&'a RawValue),
    Odd {
        #[serde(rename = "INVALID_JSON")]
        raw: &'a str,
    },
}

impl<'a> Input<'a> {
    pub(crate) fn of(arguments: &'a str) -> Self {
        let text = if arguments.trim().is_empty() { "{}" } else { arguments.trim() };
        match serde_json::from_str(text) {
            Ok(json) if text.starts_with('{') => Self::Object(json),
            _ => Self::Odd { raw: arguments },
        }
    }
}

/// An id for a call that got none, new in a conversation of so many messages. Nine letters and digits: the narrowest
/// form that any vendor demands.
pub(crate) fn minted(messages: usize, part: u32) -> String {
    format!("tk{:04}{:03}", messages % 10_000, part % 1000)
}
