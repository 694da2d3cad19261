//! A1–A11: Anthropic's messages.

use townkeeper_contract::provider::ProviderEvent;
use townkeeper_contract::stream::{ErrorClass, StreamError};
use townkeeper_providers::{Kind, ProviderConfig};

use crate::run::{KEY, check_anthropic, check_kind, events, items, lines, play};
use crate::server::{End, Plan, serve};

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const PING: &str = r#"{"type":"ping"}"#;
const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;

fn begin(index: u64, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

fn piece(index: u64, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

fn text(index: u64, text: &str) -> String {
    piece(index, &format!(r#"{{"type":"text_delta","text":{}}}"#, serde_json::to_string(text).unwrap()))
}

fn json(index: u64, json: &str) -> String {
    piece(index, &format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, serde_json::to_string(json).unwrap()))
}

fn end(index: u64) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

fn stop(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"output_tokens":15}}}}"#
    )
}

const TEXT: &str = r#"{"type":"text","text":""}"#;
const CALL: &str = r#"{"type":"tool_use","id":"toolu_1","name":"look","input":{}}"#;

/// A message around these events, stopped for this reason.
fn message(inner: &[&str], reason: &str) -> String {
    let head = [START.to_owned()].into_iter().chain(inner.iter().map(|event| (*event).to_owned()));
    events(head.chain([stop(reason), STOP.to_owned()]))
}

/// `Hi €🦀`, whole.
fn hello() -> String {
    message(&[&begin(0, TEXT), &text(0, "Hi "), &text(0, "€🦀"), &end(0)], "end_turn")
}

const HELLO: [&str; 4] = ["0 text| Hi €🦀", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"];

#[tokio::test]
async fn a1_any_number_of_pings() {
    check_anthropic(hello(), &HELLO).await;
    let pings = events(vec![PING; 50]);
    check_anthropic(format!("{pings}{}", hello().replace("event: content", &format!("{pings}event: content"))), &HELLO)
        .await;
}

/// Both timers short, or only the second.
fn impatient(config: &mut ProviderConfig) {
    (config.first_content_timeout_s, config.idle_timeout_s) = (0.2, 0.2);
}

#[tokio::test]
async fn a1_pings_are_not_words() {
    let end = || End::KeepAlive("event: ping\ndata: {\"type\": \"ping\"}\n\n");
    let silent = events([START, &begin(0, TEXT)]);
    let plan = Plan { end: end(), ..Plan::whole(&silent) };
    let (base, server) = serve(plan).await;
    let provider = crate::run::provider_at(&base, Kind::Anthropic, impatient);
    let seen: Vec<_> = futures_util::StreamExt::collect(provider.stream(crate::run::question())).await;
    assert_eq!(lines(&seen), ["usage 25/1", "error Stalled, retriable"]);
    // The twin: pings did arrive, so a timer on events would have waited for ever.
    assert!(server.done().await.keep_alives > 1);
    let plan = Plan { end: end(), ..Plan::whole(format!("{silent}{}", events([text(0, "a")]))) };
    let seen = lines(&items(Kind::Anthropic, plan, |config| config.idle_timeout_s = 0.3).await);
    assert_eq!(seen, ["0 text| a", "0 incomplete", "usage 25/1", "error Stalled"]);
}

#[tokio::test]
async fn a2_errors_in_the_stream() {
    check_anthropic(events([START, PING, OVERLOADED]), &["usage 25/1", "error Overloaded, retriable"]).await;
    let spoken = [START, &begin(0, TEXT), &text(0, "a"), OVERLOADED, STOP];
    check_anthropic(events(spoken), &["0 text| a", "0 incomplete", "usage 25/1", "error Overloaded"]).await;
    let cases = [
        ("api_error", "Transient, retriable"),
        ("timeout_error", "Transient, retriable"),
        ("rate_limit_error", "RateLimited, retriable"),
        ("authentication_error", "Auth"),
        ("permission_error", "Auth"),
        ("billing_error", "Quota"),
        ("invalid_request_error", "InvalidRequest"),
        ("request_too_large", "InvalidRequest"),
        ("some_new_error", "Transient, retriable"),
    ];
    for (name, class) in cases {
        let error = OVERLOADED.replace("overloaded_error", name);
        check_anthropic(events([START, &error]), &["usage 25/1", &format!("error {class}")]).await;
    }
}

async fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> StreamError {
    let mut plan = Plan { status, ..Plan::whole(body).typed("application/json") };
    plan.headers.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    items(Kind::Anthropic, plan, |_| {}).await.remove(0).unwrap_err()
}

#[tokio::test]
async fn a2_refusals_before_the_stream() {
    let overloaded = refused(529, &[("retry-after", "7"), ("request-id", "req_1")], OVERLOADED).await;
    assert_eq!((overloaded.class, overloaded.retriable), (ErrorClass::Overloaded, true));
    assert_eq!((overloaded.status, overloaded.retry_after_ms), (Some(529), Some(7000)));
    assert_eq!(overloaded.message, "HTTP 529 (request req_1): Overloaded");
    let said =
        |name: &str, more: &str| format!(r#"{{"type":"error","error":{{"type":"{name}","message":"no"{more}}}}}"#);
    let cases = [
        (400, "invalid_request_error", ErrorClass::InvalidRequest),
        (401, "authentication_error", ErrorClass::Auth),
        (402, "billing_error", ErrorClass::Quota),
        (403, "permission_error", ErrorClass::Auth),
        (404, "not_found_error", ErrorClass::InvalidRequest),
        (413, "request_too_large", ErrorClass::InvalidRequest),
        (429, "rate_limit_error", ErrorClass::RateLimited),
        (500, "api_error", ErrorClass::Transient),
        (504, "timeout_error", ErrorClass::Transient),
    ];
    for (status, name, class) in cases {
        assert_eq!(refused(status, &[], &said(name, "")).await.class, class, "{status}");
    }
    // An empty purse in the guise of a busy minute.
    let spent = said("rate_limit_error", r#","details":{"error_code":"enforced_spend_limit_reached"}"#);
    let spent = refused(429, &[], &spent).await;
    assert_eq!((spent.class, spent.retriable), (ErrorClass::Quota, false));
    assert!(!refused(401, &[], &said(KEY, "")).await.message.contains(KEY));
}

#[tokio::test]
async fn a3_what_is_new_is_passed_over() {
    let inner = [
        r#"{"type":"content_block_summary","index":0,"summary":{"text":"x"}}"#,
        &begin(0, TEXT),
        &piece(0, r#"{"type":"sparkle_delta","sparkle":"x","text":"not said"}"#),
        &text(0, "a"),
        &end(0),
        &begin(1, r#"{"type":"sparkle","text":"not said"}"#),
        &text(1, "not said either"),
        &end(1),
    ];
    check_anthropic(
        message(&inner, "end_turn"),
        &["0 text| a", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"],
    )
    .await;
}

#[tokio::test]
async fn a4_usage_is_replaced_and_the_cache_told_apart() {
    let start = START.replace(
        r#""usage":{"input_tokens":25,"output_tokens":1}"#,
        r#""usage":{"input_tokens":25,"cache_creation_input_tokens":3,"cache_read_input_tokens":100,"output_tokens":1}"#,
    );
    let usage = |usage: &str| format!(r#"{{"type":"message_delta","delta":{{"stop_reason":null}},"usage":{usage}}}"#);
    let with = |usages: &[&str]| {
        let usages = usages.iter().map(|counts| usage(counts));
        events([start.clone()].into_iter().chain(usages).chain([stop("end_turn"), STOP.to_owned()]))
    };
    let stopped = "stopped EndTurn (end_turn)";
    // 25 + 3 + 100: the whole prompt, as other vendors count it.
    check_anthropic(with(&[]), &["usage 128/15 cached 100+3 reasoning 0", stopped]).await;
    let growing = [
        r#"{"output_tokens":5}"#,
        r#"{"output_tokens":9,"input_tokens":26,"cache_read_input_tokens":null}"#,
        r#"{"output_tokens":9,"input_tokens":0,"output_tokens_details":{"thinking_tokens":4}}"#,
    ];
    check_anthropic(with(&growing), &["usage 129/15 cached 100+3 reasoning 4", stopped]).await;
    let none = events([r#"{"type":"message_start","message":{}}"#, r#"{"type":"message_delta","usage":"odd"}"#, STOP]);
    check_anthropic(none, &["stopped EndTurn ()"]).await;
}

#[tokio::test]
async fn a5_citations_are_no_error() {
    let cited = piece(0, r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}}"#);
    let inner =
        [&begin(0, r#"{"type":"text","text":"","citations":[]}"#), &text(0, "a"), &cited, &text(0, "b"), &end(0)];
    let expected = ["0 text| ab", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"];
    check_anthropic(message(&inner.map(String::as_str), "end_turn"), &expected).await;
}

#[tokio::test]
async fn a6_blocks_that_are_not_for_us() {
    let inner = [
        begin(0, r#"{"type":"redacted_thinking","data":"c2VjcmV0"}"#),
        end(0),
        begin(1, r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#),
        json(1, r#"{"query":"x"}"#),
        end(1),
        begin(
            2,
            r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result"}]}"#,
        ),
        end(2),
        begin(3, r#"{"type":"compaction","content":null}"#),
        piece(3, r#"{"type":"compaction_delta","content":"what was said before"}"#),
        end(3),
        begin(4, TEXT),
        text(4, "a"),
        end(4),
    ];
    // Nothing of them is said, nothing runs, and what is said is the first part.
    let expected = ["0 text| a", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"];
    check_anthropic(message(&inner.each_ref().map(String::as_str), "end_turn"), &expected).await;
}

#[tokio::test]
async fn a7_interleaved_blocks_keep_apart() {
    let second = CALL.replace("toolu_1", "toolu_2").replace("look", "find");
    let inner = [
        begin(0, CALL),
        begin(1, &second),
        json(0, r#"{"a""#),
        json(1, r#"{"b""#),
        begin(7, TEXT),
        json(0, ":1}"),
        text(7, "so"),
        end(0),
        json(1, ":2}"),
        end(7),
        end(1),
    ];
    let expected = [
        "0 call look| ",
        "1 call find| ",
        r#"0 more| {"a""#,
        r#"1 more| {"b""#,
        "0 more| :1}",
        "2 text| so",
        "1 more| :2}",
        r#"0 ready look toolu_1 {"a":1}"#,
        "0 whole",
        r#"1 ready find toolu_2 {"b":2}"#,
        "1 whole",
        "2 whole",
        "usage 25/15",
        "stopped ToolUse (tool_use)",
    ];
    check_anthropic(message(&inner.each_ref().map(String::as_str), "tool_use"), &expected).await;
}

/// What a message with this one call looks like, stopped by `tool_use`; `args` as they were told and as they are ready.
async fn check_call(inner: &[&str], [told, ready]: [&str; 2]) {
    let (told, ready) = (format!("0 call look| {told}"), format!("0 ready look {ready}"));
    let expected = [&told, &ready, "0 whole", "usage 25/15", "stopped ToolUse (tool_use)"];
    check_anthropic(message(inner, "tool_use"), &expected).await;
}

#[tokio::test]
async fn a8_input_empty_whole_or_odd() {
    check_call(&[&begin(0, CALL), &end(0)], ["", "toolu_1 {}"]).await;
    check_call(&[&begin(0, CALL), &json(0, ""), &json(0, r#"{"a":1}"#), &end(0)], [r#"{"a":1}"#, r#"toolu_1 {"a":1}"#])
        .await;
    // Eager streaming does not promise JSON: ready, as what it is, which will not run.
    check_call(&[&begin(0, CALL), &json(0, r#"{"a":"#), &end(0)], [r#"{"a":"#, r#"toolu_1 unparseable {"a":"#]).await;
    // Some proxies send the whole input at once, some no id.
    let whole = CALL.replace(r#""input":{}"#, r#""input":{"a":1}"#);
    check_call(&[&begin(0, &whole), &end(0)], [r#"{"a":1}"#, r#"toolu_1 {"a":1}"#]).await;
    check_call(&[&begin(0, &CALL.replace("toolu_1", "")), &end(0)], ["", "tk0001000 {}"]).await;
    let nameless = message(&[&begin(0, &CALL.replace("look", "")), &end(0)], "tool_use");
    check_anthropic(nameless, &["warning", "usage 25/15", "stopped Other (tool_use)"]).await;
}

#[tokio::test]
async fn a8_a_call_that_is_cut_off_never_runs() {
    let inner = [begin(0, TEXT), text(0, "so"), end(0), begin(1, CALL), json(1, r#"{"a":1}"#), end(1)];
    let inner = inner.each_ref().map(String::as_str);
    let seen =
        |ended: &'static str| ["0 text| so", "1 call look| {\"a\":1}", "0 whole", "1 incomplete", "usage 25/15", ended];
    let reasons = [
        ("max_tokens", "stopped Length (max_tokens)"),
        ("model_context_window_exceeded", "stopped Length (model_context_window_exceeded)"),
        ("refusal", "stopped Refusal (refusal)"),
        ("pause_turn", "stopped Other (pause_turn)"),
    ];
    for (reason, ended) in reasons {
        // Even one that reads as whole, and that the vendor closed: it was the end that cut it.
        check_anthropic(message(&inner, reason), &seen(ended)).await;
    }
    // Never closed, never ready, whatever the message says.
    check_anthropic(message(&inner[..5], "tool_use"), &seen("stopped Other (tool_use)")).await;
    // The twin: with its end it runs.
    let expected = [
        &seen("")[..2],
        &["0 whole", "1 ready look toolu_1 {\"a\":1}", "1 whole", "usage 25/15"],
        &["stopped ToolUse (tool_use)"],
    ];
    check_anthropic(message(&inner, "tool_use"), &expected.concat()).await;
}

#[tokio::test]
async fn a8_calls_without_end_are_refused() {
    let call = |n: usize| [begin(n as u64, &CALL.replace("toolu_1", &format!("toolu_{n}"))), end(n as u64)];
    let body = |n| {
        let inner: Vec<String> = (0..n).flat_map(call).collect();
        Plan::whole(message(&inner.iter().map(String::as_str).collect::<Vec<_>>(), "tool_use"))
    };
    assert_eq!(play(Kind::Anthropic, body(65)).await.last().unwrap(), "error Protocol");
    assert_eq!(play(Kind::Anthropic, body(64)).await.last().unwrap(), "stopped ToolUse (tool_use)");
    let long = json(0, &"x".repeat(300_000));
    let seen =
        play(Kind::Anthropic, Plan::whole(message(&[&begin(0, CALL), &long, &long, &long, &long], "tool_use"))).await;
    assert_eq!(seen[1..], ["0 incomplete", "usage 25/1", "error Protocol"]);
    let blocks: Vec<String> = (0..300).map(|n| begin(n, TEXT)).collect();
    let seen = play(Kind::Anthropic, Plan::whole(events(&blocks))).await;
    assert_eq!(seen, ["error Protocol"]);
}

#[tokio::test]
async fn a9_a_second_message_is_never_merged() {
    let spliced = [
        START,
        &begin(0, TEXT),
        &text(0, "a"),
        START,
        &begin(0, TEXT),
        &text(0, "b"),
        &end(0),
        &stop("end_turn"),
        STOP,
    ];
    check_anthropic(events(spliced), &["0 text| a", "0 incomplete", "usage 25/1", "error Protocol"]).await;
    check_anthropic(events([START, START, STOP]), &["usage 25/1", "error Protocol"]).await;
    // Nor where only its head was lost: a block that begins again, or goes on after its end, is of another message.
    let again = [START, &begin(0, TEXT), &text(0, "a"), &end(0), &begin(0, TEXT), &text(0, "b")];
    check_anthropic(events(again), &["0 text| a", "0 whole", "usage 25/1", "error Protocol"]).await;
    let after = [START, &begin(0, TEXT), &text(0, "a"), &end(0), &text(0, "b")];
    check_anthropic(events(after), &["0 text| a", "0 whole", "usage 25/1", "error Protocol"]).await;
    check_anthropic(events([START, &text(3, "b")]), &["usage 25/1", "error Protocol"]).await;
}

#[tokio::test]
async fn a10_a_block_that_begins_with_its_words() {
    let inner = [
        begin(0, r#"{"type":"thinking","thinking":"why","signature":"c2ln"}"#),
        piece(0, r#"{"type":"thinking_delta","thinking":"?"}"#),
        end(0),
        begin(1, r#"{"type":"text","text":"so "}"#),
        text(1, "it is"),
        end(1),
    ];
    let expected =
        ["0 reasoning| why?", "1 text| so it is", "0 whole", "1 whole", "usage 25/15", "stopped EndTurn (end_turn)"];
    check_anthropic(message(&inner.each_ref().map(String::as_str), "end_turn"), &expected).await;
    // Thinking that is only signed says nothing, so it is no part.
    let hidden = [
        begin(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        piece(0, r#"{"type":"signature_delta","signature":"c2ln"}"#),
        end(0),
        begin(1, TEXT),
        text(1, "so"),
        end(1),
    ];
    let expected = ["0 text| so", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"];
    check_anthropic(message(&hidden.each_ref().map(String::as_str), "end_turn"), &expected).await;
}

#[tokio::test]
async fn a11_without_message_stop_nothing_is_whole() {
    let whole = hello();
    let cut = whole.strip_suffix(&events([STOP])).unwrap();
    check_anthropic(cut, &["0 text| Hi €🦀", "0 whole", "usage 25/15", "error Truncated"]).await;
    let open = events([START, &begin(0, TEXT), &text(0, "a")]);
    check_anthropic(open, &["0 text| a", "0 incomplete", "usage 25/1", "error Truncated"]).await;
    let call = events([START, &begin(0, CALL), &end(0), &stop("tool_use")]);
    check_anthropic(call, &["0 call look| ", "0 incomplete", "usage 25/15", "error Truncated"]).await;
    check_anthropic(events([START]), &["usage 25/1", "error Truncated, retriable"]).await;
}

#[tokio::test]
async fn the_last_words_are_cut_off_where_the_vendor_says_so() {
    let inner = [begin(0, TEXT), text(0, "a"), end(0), begin(1, TEXT), text(1, "b"), end(1)];
    let inner = inner.each_ref().map(String::as_str);
    let length = ["0 text| a", "1 text| b", "0 whole", "1 incomplete", "usage 25/15", "stopped Length (max_tokens)"];
    check_anthropic(message(&inner, "max_tokens"), &length).await;
    let whole = [&length[..3], &["1 whole", "usage 25/15", "stopped StopSequence (stop_sequence)"]].concat();
    check_anthropic(message(&inner, "stop_sequence"), &whole).await;
    // A refusal says why, for the log.
    let details = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}}"#;
    let refusal = events([START, &begin(0, TEXT), &text(0, "a"), &end(0), details, STOP]);
    let expected = ["0 text| a", "warning", "0 incomplete", "usage 25/1", "stopped Refusal (refusal)"];
    check_anthropic(&refusal, &expected).await;
    let seen = items(Kind::Anthropic, Plan::whole(&refusal), |_| {}).await;
    let warned = |item: &_| matches!(item, Ok(ProviderEvent::Warning { message }) if message == "the vendor refused (cyber): No.");
    assert!(seen.iter().any(warned), "{seen:?}");
}

#[tokio::test]
async fn names_and_types_may_be_missing() {
    let named = hello();
    let unnamed = named.split_inclusive('\n').filter(|line| !line.starts_with("event:")).collect::<String>();
    check_kind(Kind::Anthropic, unnamed, &HELLO).await;
    let untyped = hello().replace(r#""type":"content_block_delta","#, "").replace(r#""type":"message_stop""#, "");
    check_kind(Kind::Anthropic, untyped, &HELLO).await;
    let plain = format!("{}event: error\ndata: gone\n\n", events([START]));
    check_kind(Kind::Anthropic, plain, &["usage 25/1", "error Transient, retriable"]).await;
    // An error as others write it.
    let foreign = format!("{}data: {}\n\n", events([START]), r#"{"error":{"message":"slow down","code":429}}"#);
    check_kind(Kind::Anthropic, foreign, &["usage 25/1", "error RateLimited, retriable"]).await;
}

#[tokio::test]
async fn frames_that_cannot_be_read() {
    let bad = "data: {\"type\":\"content_block_delta\",\"ind\n\n";
    let body = hello().replacen("event: content_block_stop", &format!("{bad}event: content_block_stop"), 1);
    check_anthropic(body, &["0 text| Hi €🦀", "warning", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"]).await;
    let seen = play(Kind::Anthropic, Plan::whole(bad.repeat(1000))).await;
    assert_eq!((seen.len(), seen.last().unwrap().as_str()), (17, "error Protocol"));
    let odd = [r#"{"type":"content_block_delta","index":0}"#, r#"{"type":"content_block_start","content_block":{}}"#];
    check_anthropic(message(&odd, "end_turn"), &["warning", "warning", "usage 25/15", "stopped EndTurn (end_turn)"])
        .await;
    let astray = [&begin(0, TEXT), &json(0, "{}"), &text(0, "a"), &end(0)];
    let expected = ["warning", "0 text| a", "0 whole", "usage 25/15", "stopped EndTurn (end_turn)"];
    check_anthropic(message(&astray.map(String::as_str), "end_turn"), &expected).await;
}

#[tokio::test]
async fn a_model_in_a_loop_is_stopped() {
    let again = text(0, "again ");
    let looping = |n| {
        let first = begin(0, TEXT);
        let inner: Vec<&str> = [first.as_str()].into_iter().chain(vec![again.as_str(); n]).collect();
        Plan::whole(message(&inner, "end_turn"))
    };
    assert_eq!(play(Kind::Anthropic, looping(100)).await[1..], ["0 incomplete", "usage 25/1", "error Protocol"]);
    // The twin: one short of the limit, all of it arrives.
    assert_eq!(play(Kind::Anthropic, looping(99)).await[1..], ["0 whole", "usage 25/15", "stopped EndTurn (end_turn)"]);
}

#[tokio::test]
async fn what_follows_the_terminal_changes_nothing() {
    let late = events([START, &begin(0, TEXT), &text(0, "late"), OVERLOADED, STOP]);
    check_anthropic(format!("{}{late}", hello()), &HELLO).await;
}
