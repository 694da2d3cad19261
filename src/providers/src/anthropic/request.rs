//! The body of a request for a message. <https://platform.claude.com/docs/en/api/messages>
//!
//! Its rules, as far as they are stricter than other vendors': the system prompt is no message; the bound of the answer
//! is required; turns alternate and the first is the user's; a tool's result is a block of the user's turn, before any
//! text; no text is blank; ids are letters, digits, `_` and `-`; a call's input is an object.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall, ToolSpec};

use super::kept::{Kept, Place};
use crate::call::Input;
use crate::generation::Body;

/// The bound of an answer where nobody set one: what every model of the vendor can do.
const MAX_TOKENS: u32 = 4096;

#[derive(Serialize)]
struct NewMessage<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    system: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Input<'a>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
    },
    /// As it came from the model.
    #[serde(untagged)]
    Kept(Value),
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: &'a Value,
}

/// The JSON to post, and the place in the conversation where its answer will stand.
pub(super) fn body(model: &str, limit: Option<u32>, request: &ChatRequest, kept: &Kept) -> (Body, Place) {
    let (messages, place) = messages(request, kept);
    let body = serde_json::to_vec(&NewMessage {
        model,
        max_tokens: limit.unwrap_or(MAX_TOKENS),
        system: if is_blank(&request.system) { "" } else { &request.system },
        messages,
        tools: request.tools.iter().map(tool).collect(),
        stream: true,
    });
    (body, place)
}

fn messages<'a>(request: &'a ChatRequest, kept: &Kept) -> (Vec<Message<'a>>, Place) {
    let mut trail = kept.trail(&request.system);
    let mut turns: Vec<Message<'a>> = Vec::new();
    for message in &request.messages {
        let (role, content) = match message {
            ChatMessage::User { text } => (Role::User, said(text).collect()),
            ChatMessage::Assistant { text, calls } => {
                let content = match kept.recall(trail.place(), calls) {
                    Some(blocks) => blocks.into_iter().map(Block::Kept).collect(),
                    None => said(text).chain(calls.iter().map(call)).collect(),
                };
                (Role::Assistant, content)
            }
            ChatMessage::ToolResult { provider_id, content, .. } => {
                let content = if is_blank(content) { "" } else { content };
                (Role::User, vec![Block::ToolResult { tool_use_id: id(provider_id), content }])
            }
        };
        trail.pass(message);
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(content),
            // What is left of a conversation that was cut: nobody had asked.
            None if role == Role::Assistant => {}
            _ if content.is_empty() => {}
            _ => turns.push(Message { role, content }),
        }
    }
    for turn in &mut turns {
        turn.content.sort_by_key(|block| turn.role == Role::User && !matches!(block, Block::ToolResult { .. }));
    }
    (turns, trail.place())
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn said(text: &str) -> impl Iterator<Item = Block<'_>> {
    (!is_blank(text)).then_some(Block::Text { text }).into_iter()
}

fn call(call: &ToolCall) -> Block<'_> {
    Block::ToolUse { id: id(&call.provider_id), name: &call.name, input: Input::of(&call.arguments) }
}

/// An id that another vendor gave (the conversation may have begun there) may hold characters that are refused here.
fn id(id: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if id.chars().all(fits) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|c| if fits(c) { c } else { '_' }).collect())
}

fn tool(tool: &ToolSpec) -> Tool<'_> {
    Tool { name: &tool.name, description: &tool.description, input_schema: &tool.parameters }
}
