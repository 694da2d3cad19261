//! The body of a chat-completions request.

use serde::Serialize;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall, ToolSpec};

use super::Dialect;
use crate::generation::Body;

#[derive(Serialize)]
struct Completion<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        /// `null` beside calls without words: some servers refuse an empty string there.
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CallFunction<'a>,
}

#[derive(Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

/// The JSON to post. The error, which no input is known to cause, is left to the caller to report.
pub(super) fn body(dialect: &Dialect, model: &str, limit: Option<u32>, request: &ChatRequest) -> Body {
    let system = (!request.system.is_empty()).then_some(Message::System { content: &request.system });
    serde_json::to_vec(&Completion {
        model,
        messages: system.into_iter().chain(request.messages.iter().map(message)).collect(),
        stream: true,
        stream_options: dialect.asks_usage.then_some(StreamOptions { include_usage: true }),
        max_tokens: limit.filter(|_| !dialect.completion_tokens),
        max_completion_tokens: limit.filter(|_| dialect.completion_tokens),
        tools: request.tools.iter().map(|function| Tool { r#type: "function", function }).collect(),
    })
}

fn message(message: &ChatMessage) -> Message<'_> {
    match message {
        ChatMessage::User { text } => Message::User { content: text },
        ChatMessage::Assistant { text, calls } => Message::Assistant {
            content: (!text.is_empty() || calls.is_empty()).then_some(text),
            tool_calls: calls.iter().map(call).collect(),
        },
        ChatMessage::ToolResult { provider_id, content, .. } => Message::Tool { tool_call_id: provider_id, content },
    }
}

fn call(call: &ToolCall) -> Call<'_> {
    let function = CallFunction { name: &call.name, arguments: &call.arguments };
    Call { id: &call.provider_id, r#type: "function", function }
}
