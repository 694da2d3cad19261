//! What Anthropic is sent: its stricter rules, and thinking on its way back.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use townkeeper_contract::provider::{ChatMessage, ChatRequest, Provider, ToolCall, ToolSpec};
use townkeeper_providers::{Kind, ProviderConfig, ProviderError, build};

use crate::run::{Item, KEY, events, lines, provider_at};
use crate::server::{Plan, Served, serve};

const START: &str = r#"{"type":"message_start","message":{}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

/// Asks a server that answers with `body`; gives what it saw, and what came of it.
async fn sent(request: ChatRequest, body: &str, at: &str) -> (Served, Vec<String>) {
    let (base, server) = serve(Plan::whole(body)).await;
    let base = base.replace("/v1", at);
    let items: Vec<Item> = provider_at(&base, Kind::Anthropic, |_| {}).stream(request).collect().await;
    (server.done().await, lines(&items))
}

async fn posted(request: ChatRequest) -> Value {
    sent(request, &events([START, STOP]), "/v1").await.0.body
}

fn user(text: &str) -> ChatMessage {
    ChatMessage::User { text: text.into() }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall { provider_id: id.into(), name: "look".into(), arguments: arguments.into() }
}

fn said(text: &str, calls: &[ToolCall]) -> ChatMessage {
    ChatMessage::Assistant { text: text.into(), calls: calls.to_vec() }
}

fn result(id: &str, content: &str) -> ChatMessage {
    ChatMessage::ToolResult { provider_id: id.into(), name: "look".into(), content: content.into() }
}

async fn messages(messages: Vec<ChatMessage>) -> Value {
    posted(ChatRequest { messages, ..ChatRequest::default() }).await["messages"].take()
}

#[tokio::test]
async fn a_conversation_as_messages() {
    let request = ChatRequest {
        system: "Be brief.".into(),
        messages: vec![
            user("Why?"),
            said("", &[call("x", r#"{"q":1}"#)]),
            result("x", "42"),
            said("So.", &[]),
            user("Ah."),
        ],
        tools: vec![ToolSpec {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: json!({"type": "object"}),
        }],
        max_output_tokens: 100,
    };
    let expected = json!({
        "model": "some-model",
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "look", "input": {"q": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "42"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "So."}]},
            {"role": "user", "content": [{"type": "text", "text": "Ah."}]},
        ],
        "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
        "stream": true,
    });
    // With its root, and without: the vendor's own libraries leave it out.
    for at in ["/v1", "/v1/", "", "/"] {
        let (served, _) = sent(request.clone(), &events([START, STOP]), at).await;
        assert_eq!(served.body, expected);
        let head = served.head.to_lowercase();
        assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
        assert!(
            head.contains(&format!("x-api-key: {KEY}")) && head.contains("anthropic-version: 2023-06-01"),
            "{head}"
        );
        assert!(!head.contains("authorization"), "{head}");
    }
}

#[tokio::test]
async fn turns_alternate_and_results_come_first() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let twice = vec![user("a"), user("b"), said("c", &[]), said(" ", &[]), said("d", &[]), user("e")];
    let expected = json!([
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
        {"role": "user", "content": [text("e")]},
    ]);
    assert_eq!(messages(twice).await, expected);
    let calls = [call("x", "{}"), call("y", "")];
    let results = vec![user("a"), said("b", &calls), result("x", "1"), user("and"), result("y", " ")];
    let expected = json!([
        {"role": "user", "content": [text("a")]},
        {"role": "assistant", "content": [text("b"),
            {"type": "tool_use", "id": "x", "name": "look", "input": {}},
            {"type": "tool_use", "id": "y", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "1"},
            {"type": "tool_result", "tool_use_id": "y"}, text("and")]},
    ]);
    assert_eq!(messages(results).await, expected);
}

#[tokio::test]
async fn what_would_be_refused_is_left_out_or_made_to_fit() {
    // The first turn is the user's; and no text is blank.
    let cut = vec![said("the end of something", &[]), user("\n"), user("a")];
    assert_eq!(messages(cut).await, json!([{"role": "user", "content": [{"type": "text", "text": "a"}]}]));
    // Another vendor's id, and arguments that are no object.
    let foreign = vec![user("a"), said("", &[call("functions.look:0", r#"{"q":"#)]), result("functions.look:0", "no")];
    let seen = messages(foreign).await;
    let wrapped =
        json!({"type": "tool_use", "id": "functions_look_0", "name": "look", "input": {"INVALID_JSON": r#"{"q":"#}});
    assert_eq!(seen[1]["content"], json!([wrapped]));
    assert_eq!(seen[2]["content"][0]["tool_use_id"], "functions_look_0");
    // A bound is required: without one, a modest one.
    let bare = posted(ChatRequest { system: " ".into(), messages: vec![user("a")], ..ChatRequest::default() }).await;
    assert_eq!((&bare["max_tokens"], bare.get("system"), bare.get("tools")), (&json!(4096), None, None));
}

#[test]
fn a_section_for_anthropic() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let config: ProviderConfig = toml::from_str("kind = \"anthropic\"\nmodel = \"m\"\napi_key_env = \"KEY\"").unwrap();
    assert_eq!(config.kind, Kind::Anthropic);
    assert_eq!(build(config.clone(), None).err(), Some(ProviderError::MissingKey { kind: "anthropic" }));
    assert_eq!(build(config, Some(KEY.into())).unwrap().name(), "anthropic");
}

/// Thinks, speaks, thinks on out of sight, and calls `look`.
fn thought() -> String {
    events([
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"why?"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"Let me look."}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":"c2VjcmV0"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"x","name":"look","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
        STOP,
    ])
}

/// What the second of two requests to one provider brings back as the model's turn. `first` is what the model answers
/// to "Why?", `question` what the second conversation began with.
async fn brought_back(first: &str, question: &str) -> Value {
    let (base, servers) = two(first).await;
    let provider: Arc<dyn Provider> = provider_at(&base, Kind::Anthropic, |_| {});
    let ask = |messages| ChatRequest { system: "Be brief.".into(), messages, ..ChatRequest::default() };
    let items: Vec<Item> = provider.stream(ask(vec![user("Why?")])).collect().await;
    assert!(items.iter().all(Result::is_ok), "{items:?}");
    let turn = said("Let me look.", &[call("x", r#"{"q":1}"#)]);
    let items: Vec<Item> = provider.stream(ask(vec![user(question), turn, result("x", "42")])).collect().await;
    assert!(items.iter().all(Result::is_ok), "{items:?}");
    drop(provider);
    servers.await["messages"][1]["content"].take()
}

/// A server for two requests: the first is answered with `first`. Gives its address, and later the second's body.
async fn two(first: &str) -> (String, impl Future<Output = Value>) {
    let (base, server) = crate::server::serve_all(vec![
        Plan { chunked: false, ..Plan::whole(first) },
        Plan { chunked: false, ..Plan::whole(events([START, STOP])) },
    ])
    .await;
    (base, async move { server.done().await.body })
}

#[tokio::test]
async fn a6_what_was_thought_before_a_call_goes_back_unchanged() {
    let expected = json!([
        {"type": "thinking", "thinking": "why?", "signature": "c2ln"},
        {"type": "text", "text": "Let me look."},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "tool_use", "id": "x", "name": "look", "input": {"q": 1}},
    ]);
    assert_eq!(brought_back(&thought(), "Why?").await, expected);
}

#[tokio::test]
async fn a6_what_was_thought_elsewhere_or_cannot_be_given_back_is_left_out() {
    let plain = json!([
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "x", "name": "look", "input": {"q": 1}},
    ]);
    // The same call's id in another conversation: what was thought in this one stays here.
    assert_eq!(brought_back(&thought(), "Where?").await, plain);
    // A block that changed in a way we do not know.
    let new = r#"{"type":"content_block_delta","index":2,"delta":{"type":"sparkle_delta"}}"#;
    let stop = r#"{"type":"content_block_stop","index":2}"#;
    let changed = thought().replace(&events([stop]), &events([new, stop]));
    assert_ne!(changed, thought());
    assert_eq!(brought_back(&changed, "Why?").await, plain);
}
