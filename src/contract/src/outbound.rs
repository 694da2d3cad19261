//! What goes out. Everything a person may see passes through one of these, and through `engine::door`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use townkeeper_text::RichText;

use crate::id::{ActionId, MessageRef, OutboxId};
use crate::inbound::ReplyTo;

/// One thing to do on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outbound {
    /// The row of the outbox it comes from; adapters derive idempotency keys from it.
    pub id: OutboxId,
    pub to: ReplyTo,
    pub act: Act,
}

/// What to do. Mentions are never parsed from text and link previews are off: there is no field to turn them on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "act")]
#[non_exhaustive]
pub enum Act {
    /// A new message; already cut to the platform's length.
    Message {
        body: RichText,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buttons: Vec<Button>,
    },
    /// Replace the text of a message of ours.
    Edit { message: MessageRef, body: RichText },
    /// Take a message of ours back.
    Delete { message: MessageRef },
    /// "… is typing"; best effort, never in the outbox.
    Typing,
}

/// A button below a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Button {
    pub action: ActionId,
    pub label: String,
}

/// What a platform says after it took something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The message it made, if it made one.
    pub message: Option<MessageRef>,
}
