//! Runs a case: builds the provider through its public door, plays the bytes, checks the contract's rules, and writes
//! what came out as lines that a person can compare.

use std::sync::Arc;

use futures_util::StreamExt;
use townkeeper_contract::conformance::provider_stream;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, Provider, ProviderEvent, ToolArgs};
use townkeeper_contract::stream::{StreamError, Usage};
use townkeeper_providers::{Kind, ProviderConfig, build};

use crate::server::{Plan, serve};

pub(crate) type Item = Result<ProviderEvent, StreamError>;

/// Not a key of anything.
pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

pub(crate) fn provider(config: ProviderConfig) -> Arc<dyn Provider> {
    rustls::crypto::ring::default_provider().install_default().ok();
    build(config, Some(KEY.into())).unwrap()
}

/// A provider of this kind at `base`; `change` edits its section first.
pub(crate) fn provider_at(base: &str, kind: Kind, change: impl FnOnce(&mut ProviderConfig)) -> Arc<dyn Provider> {
    let mut config = ProviderConfig { base_url: Some(base.to_owned()), ..ProviderConfig::new(kind, "some-model") };
    change(&mut config);
    provider(config)
}

pub(crate) fn question() -> ChatRequest {
    ChatRequest { messages: vec![ChatMessage::User { text: "Why?".into() }], ..ChatRequest::default() }
}

/// Plays a plan and returns every item, after checking the contract's rules on them.
pub(crate) async fn items(kind: Kind, plan: Plan, change: impl FnOnce(&mut ProviderConfig)) -> Vec<Item> {
    let (base, _server) = serve(plan).await;
    let items: Vec<Item> = provider_at(&base, kind, change).stream(question()).collect().await;
    assert_eq!(provider_stream(&items), Ok(()), "{items:#?}");
    items
}

pub(crate) async fn play(kind: Kind, plan: Plan) -> Vec<String> {
    lines(&items(kind, plan, |_| {}).await)
}

/// The heart: `body` gives `expected`, whole, byte by byte, and with comments between its lines.
pub(crate) async fn check(body: impl AsRef<[u8]>, expected: &[&str]) {
    check_kind(Kind::OpenAi, body, expected).await;
}

pub(crate) async fn check_kind(kind: Kind, body: impl AsRef<[u8]>, expected: &[&str]) {
    let body = body.as_ref();
    assert_eq!(play(kind, Plan::whole(body)).await, expected, "whole");
    let bytes = body.iter().map(|byte| vec![*byte]).collect();
    assert_eq!(play(kind, Plan::of(bytes)).await, expected, "byte by byte");
    let commented = commented(body);
    assert_ne!(commented, body);
    assert_eq!(play(kind, Plan::whole(commented)).await, expected, "with comments");
}

/// As [`check`], in Anthropic's tongue; and with its pings between events.
pub(crate) async fn check_anthropic(body: impl AsRef<[u8]>, expected: &[&str]) {
    check_kind(Kind::Anthropic, &body, expected).await;
    let body = String::from_utf8(body.as_ref().to_vec()).unwrap();
    let pinged = body.replace("\n\n", &format!("\n\n{}", events([r#"{"type":"ping"}"#])));
    assert_ne!(pinged, body);
    assert_eq!(play(Kind::Anthropic, Plan::whole(pinged)).await, expected, "with pings");
}

/// As [`check`], in Ollama's own tongue: JSON texts, one a line; blank lines stand for comments, which it has not.
pub(crate) async fn check_ollama(json_lines: &[&str], expected: &[&str]) {
    let body = json_lines.iter().flat_map(|line| [*line, "\n"]).collect::<String>();
    let bytes = |body: &str| body.bytes().map(|byte| vec![byte]).collect::<Vec<_>>();
    let blank = body.replace('\n', "\r\n\r\n");
    let cases = [vec![body.clone().into_bytes()], bytes(&body), bytes(body.trim_end()), vec![blank.into_bytes()]];
    for (pieces, how) in cases.into_iter().zip(["whole", "byte by byte", "without the last ending", "blank lines"]) {
        let (base, _server) = serve(Plan::of(pieces).typed("application/x-ndjson")).await;
        let provider = provider_at(base.strip_suffix("/v1").unwrap(), Kind::Ollama, |_| {});
        let items: Vec<Item> = provider.stream(question()).collect().await;
        assert_eq!(provider_stream(&items), Ok(()), "{how}: {items:#?}");
        assert_eq!(lines(&items), expected, "{how}");
    }
}

/// A comment after every line, ended as that line is.
fn commented(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let ending: &[u8] = if rest[at..].starts_with(b"\r\n") { b"\r\n" } else { &rest[at..=at] };
        let (line, after) = rest.split_at(at + ending.len());
        out.extend([line, b": ping", ending].concat());
        rest = after;
    }
    [&out, rest].concat()
}

/// One `data:` event for each text.
pub(crate) fn sse<T: AsRef<str>>(frames: impl IntoIterator<Item = T>) -> String {
    frames.into_iter().flat_map(|frame| ["data: ".to_owned(), frame.as_ref().to_owned(), "\n\n".to_owned()]).collect()
}

/// Anthropic's events: each text behind the name that it gives as its `type`.
pub(crate) fn events<T: AsRef<str>>(frames: impl IntoIterator<Item = T>) -> String {
    let event = |frame: T| {
        let json: serde_json::Value = serde_json::from_str(frame.as_ref()).unwrap();
        format!("event: {}\ndata: {}\n\n", json["type"].as_str().unwrap(), frame.as_ref())
    };
    frames.into_iter().map(event).collect()
}

/// A chunk whose first choice has this delta.
pub(crate) fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

/// A chunk with this piece of text.
pub(crate) fn text(piece: &str) -> String {
    delta(&format!(r#"{{"content":{}}}"#, serde_json::to_string(piece).unwrap()))
}

/// A chunk whose delta holds these fragments of tool calls.
pub(crate) fn calls(fragments: &str) -> String {
    delta(&format!(r#"{{"tool_calls":[{fragments}]}}"#))
}

pub(crate) fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

pub(crate) const DONE: &str = "[DONE]";

/// Items as lines, adjacent deltas of one part joined.
pub(crate) fn lines(items: &[Item]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut last = None;
    for item in items {
        let (part, line) = line(item);
        match out.last_mut() {
            Some(before) if part.is_some() && part == last => {
                let (_, piece) = line.split_once("| ").unwrap();
                before.push_str(piece);
            }
            _ => out.push(line),
        }
        last = part;
    }
    out
}

/// One item as a line, with its part if it may be joined to its neighbour.
fn line(item: &Item) -> (Option<u32>, String) {
    match item {
        Ok(ProviderEvent::Delta { part, channel, text }) => {
            (Some(*part), format!("{part} {}| {text}", format!("{channel:?}").to_lowercase()))
        }
        Ok(ProviderEvent::ToolDelta { part, name: Some(name), args }) => {
            (Some(*part), format!("{part} call {name}| {args}"))
        }
        Ok(ProviderEvent::ToolDelta { part, name: None, args }) => (Some(*part), format!("{part} more| {args}")),
        Ok(ProviderEvent::ToolReady { part, provider_id, name, args }) => {
            let args = match args {
                ToolArgs::Json(json) => json.to_string(),
                ToolArgs::Unparseable { raw } => format!("unparseable {raw}"),
            };
            (None, format!("{part} ready {name} {provider_id} {args}"))
        }
        Ok(ProviderEvent::PartEnded { part, complete: true }) => (None, format!("{part} whole")),
        Ok(ProviderEvent::PartEnded { part, complete: false }) => (None, format!("{part} incomplete")),
        Ok(ProviderEvent::Usage(usage)) => (None, usage_line(usage)),
        Ok(ProviderEvent::Warning { .. }) => (None, "warning".to_owned()),
        Ok(ProviderEvent::Stopped { reason, raw }) => {
            (None, format!("stopped {reason:?} ({})", raw.as_deref().unwrap_or_default()))
        }
        Ok(other) => (None, format!("{other:?}")),
        Err(error) => {
            let again = if error.retriable { ", retriable" } else { "" };
            (None, format!("error {:?}{again}", error.class))
        }
    }
}

fn usage_line(usage: &Usage) -> String {
    let Usage { input, output, cached_read, cached_write, reasoning, .. } = usage;
    let details = format!(" cached {cached_read}+{cached_write} reasoning {reasoning}");
    format!("usage {input}/{output}{}", if details == " cached 0+0 reasoning 0" { "" } else { &details })
}
