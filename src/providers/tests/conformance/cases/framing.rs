//! F1–F16: bytes to frames, with the HTTP client in the loop.

use std::io::Write;
use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::Notify;
use townkeeper_contract::stream::ErrorClass;
use townkeeper_providers::Kind;
use townkeeper_providers::lines::MAX_LINE;

use crate::run::{DONE, Item, check, delta, finish, items, lines, play, provider_at, question, sse, text};
use crate::server::{End, Plan, serve};

/// `Hi €🦀`, finished.
fn hello() -> String {
    sse([text("Hi "), text("€🦀"), finish("stop"), DONE.to_owned()])
}

const HELLO: [&str; 3] = ["0 text| Hi €🦀", "0 whole", "stopped EndTurn (stop)"];

#[tokio::test]
async fn f1_characters_split_between_reads() {
    check(hello(), &HELLO).await;
}

#[tokio::test]
async fn f2_a_byte_that_is_not_utf8_costs_one_character() {
    let body =
        [sse([text("a")]).into_bytes(), sse([text("b?c")]).into_bytes(), sse([text("d"), finish("stop")]).into_bytes()];
    let body: Vec<u8> = body.concat().into_iter().map(|byte| if byte == b'?' { 0xFF } else { byte }).collect();
    for plan in [Plan::whole(&body), Plan::of(body.iter().map(|byte| vec![*byte]).collect())] {
        let mut seen = play(Kind::OpenAi, plan).await;
        let warnings = seen.extract_if(.., |line| line == "warning").count();
        assert_eq!(warnings, 1);
        assert_eq!(seen.iter().map(|line| line.replace("0 text| ", "")).collect::<String>(), {
            "ab\u{fffd}cd0 wholestopped EndTurn (stop)"
        });
    }
}

#[tokio::test]
async fn f3_a_byte_order_mark_is_ignored() {
    check(format!("\u{feff}{}", hello()), &HELLO).await;
}

#[tokio::test]
async fn f4_crlf() {
    check(format!("event: chunk\n{}", hello()).replace('\n', "\r\n"), &HELLO).await;
}

#[tokio::test]
async fn f5_lone_cr() {
    check(hello().replace('\n', "\r"), &HELLO).await;
}

#[tokio::test]
async fn f6_no_space_several_data_lines_unknown_fields() {
    let body = format!(
        "data:{}\n\nnonsense: 1\nfoo\ndata: {{\"choices\":[{{\"delta\":\ndata:{{\"content\":\"b\"}}}}]}}\n\n{}",
        text("a"),
        sse([finish("stop")])
    );
    check(body, &["0 text| ab", "0 whole", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn f7_comments_before_between_and_inside_events() {
    let wait = ": OPENROUTER PROCESSING\n\n";
    let inside = hello().replace("data: ", ": OPENROUTER PROCESSING\ndata: ");
    check(format!("{wait}{wait}{}", inside.replace("\n\n", &format!("\n\n{wait}"))), &HELLO).await;
}

#[tokio::test]
async fn f8_the_last_event_without_its_blank_line() {
    let body = hello();
    check(body.trim_end(), &HELLO).await;
    check(body.strip_suffix('\n').unwrap(), &HELLO).await;
    // The finish itself may be that last line.
    check(sse([text("Hi "), text("€🦀"), finish("stop")]).trim_end(), &HELLO).await;
}

#[tokio::test]
async fn f9_one_event_of_a_megabyte_in_small_reads() {
    let word = "x".repeat(MAX_LINE - 200);
    let body = sse([text(&word), finish("stop")]);
    for size in [1400, 64] {
        let pieces = body.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let seen = play(Kind::OpenAi, Plan::of(pieces)).await;
        assert_eq!(seen, [format!("0 text| {word}"), "0 whole".into(), "stopped EndTurn (stop)".into()]);
    }
}

#[tokio::test]
async fn f9_above_the_caps_the_stream_fails() {
    let line = sse([text("a"), text(&"x".repeat(MAX_LINE))]);
    let failed = ["0 text| a", "0 incomplete", "error Protocol"];
    assert_eq!(play(Kind::OpenAi, Plan::whole(line)).await, failed);
    let lines = format!("data: {}\n", "x".repeat(MAX_LINE / 2)).repeat(9);
    let event = format!("{}{lines}\n{}", sse([text("a")]), sse([finish("stop")]));
    assert_eq!(play(Kind::OpenAi, Plan::whole(event)).await, failed);
}

async fn failure(plan: Plan) -> townkeeper_contract::stream::StreamError {
    let mut items = items(Kind::OpenAi, plan, |_| {}).await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0).unwrap_err()
}

#[tokio::test]
async fn f10_an_error_sent_as_json_with_status_200() {
    let said = r#"{"error":{"message":"The upstream is down","code":502}}"#;
    let error = failure(Plan::whole(said).typed("application/json; charset=utf-8")).await;
    assert_eq!((error.class, error.status, error.retriable), (ErrorClass::Transient, Some(200), true));
    assert!(error.message.contains("application/json") && error.message.contains("The upstream is down"), "{error}");
    let error = failure(Plan::whole(r#"{"result":"no error, no stream"}"#).typed("application/json")).await;
    assert_eq!(error.class, ErrorClass::Protocol);
    assert!(error.message.contains("no error, no stream"), "{error}");
}

#[tokio::test]
async fn f11_a_page_with_status_200() {
    let error = failure(Plan::whole("<html>Please log in</html>").typed("text/html; charset=utf-8")).await;
    assert_eq!((error.class, error.retriable), (ErrorClass::Protocol, false));
    assert!(error.message.contains("text/html"), "{error}");
}

fn gzip(frames: &[String]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for frame in frames {
        out.write_all(frame.as_bytes()).unwrap();
        out.flush().unwrap();
    }
    out.finish().unwrap()
}

fn brotli(frames: &[String]) -> Vec<u8> {
    let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    for frame in frames {
        out.write_all(frame.as_bytes()).unwrap();
        out.flush().unwrap();
    }
    out.into_inner()
}

#[tokio::test]
async fn f12_compressed_bodies() {
    for (name, body) in [("gzip", gzip(&[hello()])), ("br", brotli(&[hello()]))] {
        for pieces in [vec![body.clone()], body.iter().map(|byte| vec![*byte]).collect()] {
            let mut plan = Plan::of(pieces);
            plan.headers.push(("content-encoding", name.to_owned()));
            assert_eq!(play(Kind::OpenAi, plan).await, HELLO, "{name}");
        }
    }
}

#[tokio::test]
async fn f12_a_compressed_word_is_heard_before_the_stream_ends() {
    for (name, body) in [("gzip", gzip(&[sse([text("now")]), String::new()])), ("br", brotli(&[sse([text("now")])]))] {
        let mut plan = Plan::whole(&body);
        plan.headers.push(("content-encoding", name.to_owned()));
        plan.end = End::Hold;
        let (base, _server) = serve(plan).await;
        let mut stream = provider_at(&base, Kind::OpenAi, |_| {}).stream(question());
        assert_eq!(lines(&[stream.next().await.unwrap()]), ["0 text| now"], "{name}");
    }
}

#[tokio::test]
async fn f13_one_json_text_a_line() {
    let body = [text("Hi "), String::new(), text("€🦀"), finish("stop")].join("\n");
    for body in [body.clone(), format!("{body}\r\n")] {
        for pieces in [vec![body.clone().into_bytes()], body.bytes().map(|byte| vec![byte]).collect()] {
            let plan = Plan::of(pieces).typed("application/x-ndjson");
            assert_eq!(play(Kind::Ollama, plan).await, HELLO);
        }
    }
}

/// Plays two words, lets the connection end as `end` says once both were heard, and returns everything.
async fn broken(chunked: bool, end: impl FnOnce(Arc<Notify>) -> End) -> Vec<String> {
    let heard = Arc::new(Notify::new());
    let plan = Plan { chunked, end: end(Arc::clone(&heard)), ..Plan::whole(sse([text("Hi "), text("you")])) };
    let (base, _server) = serve(plan).await;
    let mut stream = provider_at(&base, Kind::OpenAi, |_| {}).stream(question());
    let mut seen: Vec<Item> = vec![stream.next().await.unwrap(), stream.next().await.unwrap()];
    heard.notify_one();
    seen.extend(stream.collect::<Vec<Item>>().await);
    lines(&seen)
}

#[tokio::test]
async fn f14_a_broken_connection_is_told_from_a_clean_end() {
    let transient = ["0 text| Hi you", "0 incomplete", "error Transient"];
    let truncated = ["0 text| Hi you", "0 incomplete", "error Truncated"];
    assert_eq!(broken(true, End::Reset).await, transient, "reset");
    assert_eq!(broken(true, End::Cut).await, transient, "closed inside the chunked body");
    assert_eq!(broken(true, |_| End::Clean).await, truncated, "the last chunk, no terminal");
    assert_eq!(broken(false, End::Cut).await, truncated, "a body that lasts until the connection closes");
}

#[tokio::test]
async fn f14_nothing_said_before_the_end_is_worth_another_try() {
    let seen = play(Kind::OpenAi, Plan::whole(sse([delta(r#"{"role":"assistant","content":""}"#)]))).await;
    assert_eq!(seen, ["error Truncated, retriable"]);
}

#[tokio::test]
async fn f15_event_names_may_be_missing() {
    let error = r#"{"type":"error","message":"gone","code":"overloaded_error"}"#;
    let failed = ["0 text| a", "0 incomplete", "error Overloaded"];
    check(format!("event: chunk\n{}event: error\n{}", sse([text("a")]), sse([error])), &failed).await;
    check(format!("{}{}", sse([text("a")]), sse([error])), &failed).await;
    // With only the name to tell, the name tells.
    let named = format!("{}event: error\n{}", sse([text("a")]), sse([r#"{"detail":"gone"}"#]));
    check(named, &["0 text| a", "0 incomplete", "error Transient"]).await;
}

#[tokio::test]
async fn f16_odd_ids_retries_and_empty_data() {
    let odd = "id: 1\0\nretry: soon\ndata:\n\ndata\n\nid\nretry:\n\n";
    check(format!("{odd}{}", hello().replace("\n\n", &format!("\n\n{odd}"))), &HELLO).await;
}
