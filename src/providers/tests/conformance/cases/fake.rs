//! The scripted model server of `townkeeper-fakes`, through the provider: each reply is what its name says.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use townkeeper_contract::BoxStream;
use townkeeper_contract::conformance::provider_stream;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall};
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};
use townkeeper_providers::Kind;

use crate::run::{Item, lines, provider_at, question};

fn ask(server: &ModelServer, kind: Kind, request: ChatRequest) -> BoxStream<'static, Item> {
    provider_at(&server.base_url(), kind, |_| {}).stream(request)
}

/// One whole answer to `question()`.
async fn answer(reply: Reply) -> Vec<String> {
    // Only the stalled reply needs a short timer; the others must not depend on one.
    let idle = if matches!(reply, Reply::Stall { .. }) { 0.3 } else { 90.0 };
    let server = ModelServer::start(Script::always(reply)).await;
    let provider = provider_at(&server.base_url(), Kind::Compatible, |config| config.idle_timeout_s = idle);
    let items: Vec<Item> = provider.stream(question()).collect().await;
    assert_eq!(provider_stream(&items), Ok(()));
    lines(&items)
}

#[tokio::test]
async fn each_reply_is_what_its_name_says() {
    let said = ["0 text| So it is.", "0 whole", "stopped EndTurn (stop)"];
    assert_eq!(answer(Reply::text("So it is.")).await, said);
    let paced = Reply::Paced { deltas: words("So it is."), gap: Duration::from_millis(1) };
    assert_eq!(answer(paced).await, said);
    let after = || words("So it");
    let failed = |class: &str| vec!["0 text| So it".to_owned(), "0 incomplete".into(), format!("error {class}")];
    assert_eq!(answer(Reply::ErrorMidStream { after: after() }).await, failed("Transient"));
    assert_eq!(answer(Reply::Stall { after: after() }).await, failed("Stalled"));
    assert_eq!(answer(Reply::Cut { after: after() }).await, failed("Transient"));
    assert_eq!(answer(Reply::Html).await, ["error Protocol"]);
    let busy = Reply::Status { status: 429, headers: vec![("retry-after".into(), "1".into())], body: "{}".into() };
    assert_eq!(answer(busy).await, ["error RateLimited, retriable"]);
}

#[tokio::test]
async fn a_tool_call_and_what_follows_its_result() {
    let look = Reply::Tool { name: "look".into(), args: json!({"q": "x"}) };
    let script = Script::new().when("Why", [look, Reply::text("So.")]).then(Reply::text("Queued."));
    let server = ModelServer::start(script).await;
    let mut request = question();
    let items: Vec<Item> = ask(&server, Kind::OpenAi, request.clone()).collect().await;
    let called = r#"0 call look| {"q":"x"}"#;
    let ready = r#"0 ready look call_0 {"q":"x"}"#;
    assert_eq!(lines(&items), [called, ready, "0 whole", "usage 10/1", "stopped ToolUse (tool_calls)"]);
    let call = ToolCall { provider_id: "call_0".into(), name: "look".into(), arguments: r#"{"q":"x"}"#.into() };
    request.messages.push(ChatMessage::Assistant { text: String::new(), calls: vec![call] });
    let result = ChatMessage::ToolResult { provider_id: "call_0".into(), name: "look".into(), content: "42".into() };
    request.messages.push(result);
    let items: Vec<Item> = ask(&server, Kind::Compatible, request).collect().await;
    assert_eq!(lines(&items)[0], "0 text| So.");
    let other = ChatRequest { messages: vec![ChatMessage::User { text: "Hm?".into() }], ..ChatRequest::default() };
    for expected in ["0 text| Queued.", "error Transient, retriable"] {
        let items: Vec<Item> = ask(&server, Kind::Compatible, other.clone()).collect().await;
        assert_eq!(lines(&items)[0], expected);
    }
    assert_eq!(server.requests().len(), 4);
    assert_eq!(server.requests()[1]["messages"][2]["content"], "42");
}

#[tokio::test]
async fn gated_words_wait_and_a_hang_up_is_seen() {
    let server = ModelServer::start(Script::always(Reply::gated("one two three"))).await;
    let mut stream = ask(&server, Kind::Compatible, question());
    let first = tokio::select! {
        item = stream.next() => panic!("{item:?} before the gate opened"),
        () = server.arrived(1) => {
            assert!(server.written().is_empty());
            server.release();
            stream.next().await.unwrap()
        }
    };
    assert_eq!(lines(&[first]), ["0 text| one "]);
    assert_eq!((server.written().len(), server.connections_dropped()), (1, 0));
    drop(stream);
    server.dropped(1).await;
    // The next answer has its own pieces.
    server.release_many(3);
    let items: Vec<Item> = ask(&server, Kind::Compatible, question()).collect().await;
    assert_eq!(lines(&items)[0], "0 text| one two three");
    let pieces: Vec<(usize, usize)> = server.written().iter().map(|w| (w.request, w.piece)).collect();
    assert_eq!(pieces, [(0, 0), (1, 0), (1, 1), (1, 2)]);
    assert!(server.written().is_sorted_by_key(|written| written.at));
}

#[tokio::test]
async fn one_connection_serves_many_answers() {
    let server = ModelServer::start(Script::always(Reply::text("So."))).await;
    let provider = provider_at(&server.base_url(), Kind::Compatible, |_| {});
    for _ in 0..3 {
        let items: Vec<Item> = provider.stream(question()).collect().await;
        assert_eq!(lines(&items)[0], "0 text| So.");
    }
    assert_eq!((server.requests().len(), server.connections(), server.connections_dropped()), (3, 1, 0));
}
