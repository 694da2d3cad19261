//! What goes out. Everything a person may see passes through one of these, and through `engine::door`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use townkeeper_text::RichText;

use crate::id::{ActionId, MessageRef, OutboxId, PersonId};
use crate::inbound::ReplyTo;
use crate::moderation::Held;

/// One thing to do on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outbound {
    /// The row of the outbox it comes from; adapters derive idempotency keys from it.
    pub id: OutboxId,
    pub to: ReplyTo,
    pub act: Act,
    /// Whether an earlier try may have reached the platform: what has no key of its own must not be said again.
    #[serde(default)]
    pub repeated: bool,
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
    /// Replace the text and the buttons of a message of ours.
    Edit {
        message: MessageRef,
        body: RichText,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buttons: Vec<Button>,
    },
    /// Take a message of ours back.
    Delete { message: MessageRef },
    /// What an answer looks like so far, where a platform has drafts. Best effort, never in the outbox; the answer itself
    /// is a message of its own.
    Draft {
        /// The same number replaces the draft; never 0.
        draft: i32,
        body: RichText,
    },
    /// There is no answer: what showed that one is coming goes. Where nothing shows it, nothing is done.
    Dismiss,
    /// "… is typing"; best effort, never in the outbox.
    Typing,
    /// Pin a message, quietly.
    Pin { message: MessageRef },
    /// Take a message from the pinned ones.
    Unpin { message: MessageRef },
    /// Moderate. Repeating it changes nothing.
    Moderate {
        action: Moderation,
        /// For the platform's own record, where it keeps one.
        reason: String,
    },
}

impl Act {
    /// The message of ours that it is about, if it is about one.
    pub fn message(&self) -> Option<&MessageRef> {
        match self {
            Self::Edit { message, .. } | Self::Delete { message } | Self::Pin { message } | Self::Unpin { message } => {
                Some(message)
            }
            _ => None,
        }
    }

    /// Whether doing it twice is the same as doing it once, on every platform. A second message is a second message.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Message { .. })
    }
}

/// What a moderator may have done to a message or a person. People are named by the platform's number alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "do")]
#[non_exhaustive]
pub enum Moderation {
    /// Take somebody's message down.
    Remove {
        message: MessageRef,
    },
    /// May read and not write, until then (Unix milliseconds) or for good; platforms with a longest time take that.
    Restrict {
        person: PersonId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Our restriction ends.
    Release {
        person: PersonId,
        /// What holds again instead: as it was before us.
        #[serde(default, skip_serializing_if = "Held::is_nothing")]
        held: Held,
    },
    Ban {
        person: PersonId,
    },
    /// Our ban ends.
    Unban {
        person: PersonId,
        /// The same.
        #[serde(default, skip_serializing_if = "Held::is_nothing")]
        held: Held,
    },
}

/// A button below a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Button {
    pub action: ActionId,
    pub label: String,
}

/// What a platform says after it took something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The message it made, if it made one.
    pub message: Option<MessageRef>,
    /// What the platform said about its limits, if that matters for what comes next.
    pub hint: Option<LimitHint>,
}

impl Receipt {
    /// It made this message.
    pub fn made(message: MessageRef) -> Self {
        Self { message: Some(message), hint: None }
    }
}

/// "Not before": what a platform says of its limits with an answer or a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitHint {
    pub scope: LimitScope,
    /// Nothing more may be asked there for this many milliseconds.
    pub wait_ms: u64,
}

/// How far a limit reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// Everything this account does.
    Account,
    /// What it does in the place it was about to act in.
    Place,
}
