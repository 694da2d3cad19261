//! The body of a request to `/api/chat`.

use serde::Serialize;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall, ToolSpec};

use crate::call::Input;
use crate::generation::Body;

#[derive(Serialize)]
struct Chat<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
}

#[derive(Serialize)]
struct Options {
    /// The bound of an answer in tokens.
    num_predict: u32,
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
        content: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    /// A result is told by its tool's name and place: calls have no ids here.
    Tool {
        tool_name: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    function: CallFunction<'a>,
}

#[derive(Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: Input<'a>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

pub(super) fn body(model: &str, limit: Option<u32>, request: &ChatRequest) -> Body {
    let system = (!request.system.is_empty()).then_some(Message::System { content: &request.system });
    serde_json::to_vec(&Chat {
        model,
        messages: system.into_iter().chain(request.messages.iter().map(message)).collect(),
        tools: request.tools.iter().map(|function| Tool { r#type: "function", function }).collect(),
        stream: true,
        options: limit.map(|num_predict| Options { num_predict }),
    })
}

fn message(message: &ChatMessage) -> Message<'_> {
    match message {
        ChatMessage::User { text } => Message::User { content: text },
        ChatMessage::Assistant { text, calls } => {
            Message::Assistant { content: text, tool_calls: calls.iter().map(call).collect() }
        }
        ChatMessage::ToolResult { name, content, .. } => Message::Tool { tool_name: name, content },
    }
}

fn call(call: &ToolCall) -> Call<'_> {
    Call { function: CallFunction { name: &call.name, arguments: Input::of(&call.arguments) } }
}
