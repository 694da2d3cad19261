//! The trait between the daemon and a language model, and the events a model's answer is made of.

use futures_core::stream::BoxStream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stream::{Channel, StopReason, StreamError, Usage};

/// A model vendor. One method; dropping the stream cancels the request and closes its connection.
pub trait Provider: Send + Sync + 'static {
    /// For logs, metrics and `StepStarted`; never a secret.
    fn name(&self) -> &str;

    fn model(&self) -> &str;

    /// Starts a generation. Errors come as the last item; after `Stopped` or an error the stream ends.
    fn stream(&self, request: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>>;
}

/// What a model is asked. Roles are structure, never text inside a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    pub system: String,
    pub messages: Vec<ChatMessage>,
    pub tools: Vec<ToolSpec>,
    /// Upper bound of the answer, in the vendor's tokens.
    pub max_output_tokens: u32,
}

/// One message of the conversation so far.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatMessage {
    User {
        text: String,
    },
    Assistant {
        text: String,
        calls: Vec<ToolCall>,
    },
    /// What a tool gave back; `provider_id` is the id the vendor gave the call.
    ToolResult {
        provider_id: String,
        name: String,
        content: String,
    },
}

/// A finished tool call as it goes back to the vendor.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    pub provider_id: String,
    pub name: String,
    /// The arguments exactly as JSON text.
    pub arguments: String,
}

/// A tool offered to the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// One event of a generation, in the order it arrived. `part` numbers are positions in the answer: the first event
/// with a number opens that part, [`ProviderEvent::PartEnded`] closes it, nothing follows. Parts may interleave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProviderEvent {
    /// Append-only text, never empty, never cumulative.
    Delta {
        part: u32,
        channel: Channel,
        text: String,
    },
    /// A piece of a tool call. `name` comes with the first piece: a call opens only when it is named.
    ToolDelta {
        part: u32,
        name: Option<String>,
        args: String,
    },
    /// The call is whole: the vendor closed it. Only from here may a tool run.
    ToolReady {
        part: u32,
        provider_id: String,
        name: String,
        args: ToolArgs,
    },
    PartEnded {
        part: u32,
        complete: bool,
    },
    /// Replaces what was said of usage before.
    Usage(Usage),
    /// Something odd that did not end the stream (a malformed frame among good ones): for the log.
    Warning {
        message: String,
    },
    /// The vendor's own terminal. Exactly once, and last. Without it the stream ends in an error.
    Stopped {
        reason: StopReason,
        raw: Option<String>,
    },
}

/// A tool call's arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolArgs {
    Json(Value),
    /// Not JSON; the raw text, for the record. Such a call is answered with an error, never run.
    Unparseable {
        raw: String,
    },
}
