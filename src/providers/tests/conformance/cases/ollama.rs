//! O1–O3: Ollama in its own tongue, and when it is spoken.

use futures_util::StreamExt;
use serde_json::json;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall, ToolSpec};
use townkeeper_contract::stream::ErrorClass;
use townkeeper_providers::{Kind, ProviderConfig, build};

use crate::run::{Item, check_ollama, lines, provider_at, question};
use crate::server::{End, Plan, Served, serve};

const HI: &str =
    r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hi "},"done":false}"#;
const YOU: &str = r#"{"model":"m","message":{"role":"assistant","content":"€🦀"},"done":false}"#;
const DONE: &str = r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":26,"eval_count":9}"#;

const HELLO: [&str; 4] = ["0 text| Hi €🦀", "0 whole", "usage 26/9", "stopped EndTurn (stop)"];

#[tokio::test]
async fn an_answer() {
    check_ollama(&[HI, YOU, DONE], &HELLO).await;
    // Words beside the end count; what follows it does not.
    let at_once =
        r#"{"message":{"content":"Hi €🦀"},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":9}"#;
    check_ollama(&[at_once, HI, r#"{"error":"late"}"#], &HELLO).await;
    check_ollama(
        &[HI, "{\"message\":", YOU, DONE],
        &["0 text| Hi ", "warning", "0 text| €🦀", HELLO[1], HELLO[2], HELLO[3]],
    )
    .await;
}

#[tokio::test]
async fn o1_an_error_among_the_lines() {
    let error = r#"{"error":"an error was encountered while running the model"}"#;
    check_ollama(&[HI, error], &["0 text| Hi ", "0 incomplete", "error Transient"]).await;
    check_ollama(&[error], &["error Transient, retriable"]).await;
    check_ollama(&[r#"{"error":null,"message":{"content":"Hi €🦀"}}"#, DONE], &HELLO).await;
    // Whoever closes without a word has not finished either.
    check_ollama(&[HI], &["0 text| Hi ", "0 incomplete", "error Truncated"]).await;
}

#[tokio::test]
async fn o1_a_refusal_before_the_stream() {
    let plan = Plan { status: 404, ..Plan::whole(r#"{"error":"model 'm' not found"}"#).typed("application/json") };
    let (base, _server) = serve(plan).await;
    let provider = provider_at(base.strip_suffix("/v1").unwrap(), Kind::Ollama, |_| {});
    let items: Vec<Item> = provider.stream(question()).collect().await;
    let error = items[0].as_ref().unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::InvalidRequest, "HTTP 404: model 'm' not found"));
}

#[tokio::test]
async fn o2_calls_come_whole_and_thoughts_have_their_field() {
    let call = |function: &str| format!(r#"{{"message":{{"content":"","tool_calls":[{{"function":{function}}}]}}}}"#);
    let thought = r#"{"message":{"content":"","thinking":"why?"}}"#;
    let (f, g) = (call(r#"{"index":0,"name":"f","arguments":{"a":1}}"#), call(r#"{"name":"f","arguments":{}}"#));
    let expected = [
        "0 reasoning| why?",
        r#"1 call f| {"a":1}"#,
        "2 call f| {}",
        r#"1 ready f tk0001001 {"a":1}"#,
        "1 whole",
        "2 ready f tk0001002 {}",
        "2 whole",
        "0 whole",
        "usage 26/9",
        "stopped ToolUse (stop)",
    ];
    check_ollama(&[thought, &f, &g, DONE], &expected).await;
    // Newer servers give ids, and some proxies write the object as text.
    let named = r#"{"message":{"tool_calls":[{"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}]}}"#;
    let expected =
        [r#"0 call f| {"a":1}"#, r#"0 ready f x {"a":1}"#, "0 whole", "usage 26/9", "stopped ToolUse (stop)"];
    check_ollama(&[named, DONE], &expected).await;
    // Without its end, no call runs.
    check_ollama(&[named], &[r#"0 call f| {"a":1}"#, "0 incomplete", "error Truncated"]).await;
    let inline = r#"{"message":{"content":"<think>why?</think>Hi €🦀"}}"#;
    let expected =
        ["0 reasoning| why?", "1 text| Hi €🦀", "0 whole", "1 whole", "usage 26/9", "stopped EndTurn (stop)"];
    check_ollama(&[inline, DONE], &expected).await;
}

#[tokio::test]
async fn o3_reasons_to_be_done() {
    let done = |reason: &str| DONE.replace(r#""stop""#, &format!("{reason:?}"));
    check_ollama(&[HI, &done("length")], &["0 text| Hi ", "0 incomplete", "usage 26/9", "stopped Length (length)"])
        .await;
    for moved in ["load", "unload"] {
        // Never an empty success: nothing was said, the model was only moved.
        check_ollama(&[&done(moved)], &["usage 26/9", "error Truncated, retriable"]).await;
        check_ollama(&[HI, &done(moved)], &["0 text| Hi ", "0 incomplete", "usage 26/9", "error Truncated"]).await;
    }
    check_ollama(&[HI, &done("new")], &["0 text| Hi ", "0 whole", "usage 26/9", "stopped Other (new)"]).await;
    // Older servers give no reason, and count nothing where the prompt was cached.
    let bare = r#"{"done":true,"eval_count":0}"#;
    check_ollama(&[HI, bare], &["0 text| Hi ", "0 whole", "stopped EndTurn ()"]).await;
}

#[tokio::test]
async fn silence_between_lines_is_silence() {
    let plan = Plan { end: End::KeepAlive("\n"), ..Plan::whole(format!("{HI}\n")).typed("application/x-ndjson") };
    let (base, server) = serve(plan).await;
    let short = |config: &mut ProviderConfig| config.idle_timeout_s = 0.3;
    let provider = provider_at(base.strip_suffix("/v1").unwrap(), Kind::Ollama, short);
    let items: Vec<Item> = provider.stream(question()).collect().await;
    assert_eq!(lines(&items), ["0 text| Hi ", "0 incomplete", "error Stalled"]);
    assert!(server.done().await.keep_alives > 1);
}

fn conversation() -> ChatRequest {
    let call = ToolCall { provider_id: "x".into(), name: "look".into(), arguments: r#"{"q":1}"#.into() };
    ChatRequest {
        system: "Be brief.".into(),
        messages: vec![
            ChatMessage::User { text: "Why?".into() },
            ChatMessage::Assistant { text: String::new(), calls: vec![call] },
            ChatMessage::ToolResult { provider_id: "x".into(), name: "look".into(), content: "42".into() },
        ],
        tools: vec![ToolSpec { name: "look".into(), description: "Looks.".into(), parameters: json!({}) }],
        max_output_tokens: 100,
    }
}

async fn sent(at: &str, request: ChatRequest) -> Served {
    let (base, server) = serve(Plan::whole(format!("{HI}\n{DONE}\n")).typed("application/x-ndjson")).await;
    let provider = provider_at(&base.replace("/v1", at), Kind::Ollama, |_| {});
    provider.stream(request).collect::<Vec<Item>>().await;
    drop(provider);
    server.done().await
}

#[tokio::test]
async fn a_conversation_as_ollama_has_it() {
    let expected = json!({
        "model": "some-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {"q": 1}}}]},
            {"role": "tool", "tool_name": "look", "content": "42"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {}}}],
        "stream": true,
        "options": {"num_predict": 100},
    });
    for at in ["", "/", "/api", "/api/"] {
        let served = sent(at, conversation()).await;
        assert_eq!(served.body, expected);
        assert!(served.head.starts_with("POST /api/chat HTTP/1.1"), "{}", served.head);
    }
    assert_eq!(sent("", question()).await.body.get("options"), None);
}

#[tokio::test]
async fn a_base_that_ends_in_v1_speaks_chat_completions() {
    for at in ["/v1", "/v1/"] {
        let served = sent(at, conversation()).await;
        assert!(served.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", served.head);
        assert_eq!(served.body["max_tokens"], 100);
    }
    // Without one, its own tongue at its usual place; and it needs no key.
    rustls::crypto::ring::default_provider().install_default().ok();
    assert_eq!(build(ProviderConfig::new(Kind::Ollama, "m"), None).unwrap().name(), "ollama");
}
