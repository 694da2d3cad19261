//! Bodies of the HTTP API, shared by `web` and `client`. Version 1; fields may be added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, ConversationId};

/// `POST /v1/chat`: say something, or press a button. The answer is an event stream (`townkeeper.stream/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatBody {
    /// What is asked; at most [`MAX_TEXT`] bytes. Exactly one of `text` and `action` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A button of an earlier reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The conversation to go on with, as `TurnStarted` named it, or one of the caller's own making (26 characters of
    /// 0-9 and A-Z, from a random source); without it a new one begins. Whoever holds it may read and continue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// The caller's own key for this request: the same key in the same conversation is the same turn, so a request
    /// may be repeated without being answered twice. Needs `conversation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The longest question, in bytes of UTF-8.
pub const MAX_TEXT: usize = 16 * 1024;

/// Every refusal: what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Stable, in snake_case.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

/// `POST /v1/turns/{turn}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAnswer {
    /// False where the turn had ended already.
    pub cancelled: bool,
}

/// One ticket of `GET /v1/tickets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Counts from 1 within a workspace.
    pub number: i64,
    pub platform: String,
    pub person: String,
    pub question: String,
    pub state: TicketState,
    /// Unix time in milliseconds.
    pub opened_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    Open,
    Closed,
}

/// `GET /v1/tickets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketList {
    pub tickets: Vec<Ticket>,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    pub ready: bool,
    pub entries: usize,
    pub model: Option<String>,
    pub platforms: Vec<PlatformHealth>,
    /// Deliveries whose outcome nobody knows; a person should look.
    pub unknown_deliveries: i64,
    /// Nothing leaves until two people thaw the town.
    #[serde(default)]
    pub frozen: bool,
}

/// One account's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformHealth {
    pub account: String,
    /// Whether its receiver runs.
    pub receiving: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}
