//! C29 and C30: refusals before the stream, silence in it, and the connection's end.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use townkeeper_contract::conformance::provider_stream;
use townkeeper_contract::stream::{ErrorClass, StreamError};
use townkeeper_providers::{Kind, ProviderConfig};

use crate::run::{Item, KEY, check, delta, finish, items, lines, provider_at, question, sse, text};
use crate::server::{End, Plan, serve};

async fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> StreamError {
    let mut plan = Plan { status, ..Plan::whole(body).typed("application/json") };
    plan.headers.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let mut items = items(Kind::OpenAi, plan, |_| {}).await;
    assert_eq!(items.len(), 1);
    items.remove(0).unwrap_err()
}

#[tokio::test]
async fn c29_each_status_has_its_class() {
    use ErrorClass as E;
    let cases = [
        (400, E::InvalidRequest, false),
        (401, E::Auth, false),
        (402, E::Quota, false),
        (403, E::Auth, false),
        (404, E::InvalidRequest, false),
        (408, E::Transient, true),
        (429, E::RateLimited, true),
        (500, E::Transient, true),
        (502, E::Transient, true),
        (503, E::Overloaded, true),
        (529, E::Overloaded, true),
        (302, E::Protocol, false),
    ];
    for (status, class, retriable) in cases {
        let error = refused(status, &[], r#"{"error":{"message":"the reason"}}"#).await;
        assert_eq!((error.class, error.retriable, error.status), (class, retriable, Some(status)));
        assert_eq!(error.message, format!("HTTP {status}: the reason"));
    }
    let empty_purse = refused(429, &[], r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#).await;
    assert_eq!((empty_purse.class, empty_purse.retriable), (E::Quota, false));
    let policy = refused(400, &[], r#"{"error":{"message":"no","code":"content_policy_violation"}}"#).await;
    assert_eq!(policy.class, E::ContentPolicy);
    assert_eq!(refused(500, &[], "<html>plain</html>").await.message, "HTTP 500: <html>plain</html>");
}

#[tokio::test]
async fn c29_when_to_come_back() {
    assert_eq!(refused(429, &[("retry-after", "7")], "{}").await.retry_after_ms, Some(7000));
    assert_eq!(refused(503, &[("retry-after-ms", "150"), ("retry-after", "7")], "{}").await.retry_after_ms, Some(150));
    assert_eq!(refused(429, &[], "{}").await.retry_after_ms, None);
    let past = refused(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], "{}").await;
    assert_eq!(past.retry_after_ms, Some(0));
}

#[tokio::test]
async fn a_refusal_is_capped_and_never_repeats_the_key() {
    let said = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}. {}"}}}}"#, "x".repeat(5000));
    // The twin: the key did come back to us.
    assert!(said.contains(KEY));
    let error = refused(401, &[], &said).await;
    assert!(error.message.starts_with("HTTP 401: Incorrect API key provided: [key]."), "{error}");
    assert_eq!(error.message.len(), StreamError::MESSAGE_CAP);
    let in_stream = sse([format!(r#"{{"error":{{"message":"{KEY}","code":401}}}}"#)]);
    let items = items(Kind::OpenAi, Plan::whole(in_stream), |_| {}).await;
    assert_eq!(items[0].as_ref().unwrap_err().message, "[key]");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, other) = serve(Plan::whole(sse([&text("a"), &finish("stop")]))).await;
    let mut plan = Plan { status: 307, ..Plan::whole("") };
    plan.headers.push(("location", format!("{elsewhere}/chat/completions")));
    let items = items(Kind::OpenAi, plan, |_| {}).await;
    assert_eq!(items[0].as_ref().unwrap_err().message, "HTTP 307");
    assert!(other.asked().now_or_never().is_none(), "someone else was asked");
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let items: Vec<Item> = provider_at(&base, Kind::OpenAi, |_| {}).stream(question()).collect().await;
    assert_eq!(lines(&items), ["error Transient, retriable"]);
    let error = items[0].as_ref().unwrap_err();
    let host = base.split('/').nth(2).unwrap();
    let told = format!("openai at {host}: cannot connect (is it running, and is `base_url` right?)");
    assert!(error.message.starts_with(&told) && error.message.contains("refused"), "{error}");
    // Enough for a log line, and no more: neither the path nor the key.
    assert!(!error.message.contains("/v1") && !error.message.contains(KEY), "{error}");
}

#[tokio::test]
async fn who_fell_silent_is_told() {
    let plan = Plan { end: End::Hold, ..Plan::whole(sse([text("a")])) };
    let (base, _server) = serve(plan).await;
    let stream = provider_at(&base, Kind::OpenAi, only_idle_short).stream(question());
    let items: Vec<Item> = stream.collect().await;
    let error = items.last().unwrap().as_ref().unwrap_err();
    let told = format!("openai at {}: no word from the model for 300ms", base.split('/').nth(2).unwrap());
    assert!(error.message.starts_with(&told) && error.message.contains("idle_timeout_s"), "{error}");
}

#[tokio::test]
async fn c29_a_refusal_names_the_vendors_own_request() {
    let error = refused(500, &[("request-id", "req_123")], r#"{"error":{"message":"gone"}}"#).await;
    assert_eq!(error.message, "HTTP 500 (request req_123): gone");
}

/// Both timers short.
fn impatient(config: &mut ProviderConfig) {
    (config.first_content_timeout_s, config.idle_timeout_s) = (0.2, 0.2);
}

/// Short where the silence is expected, long where it is not.
fn only_idle_short(config: &mut ProviderConfig) {
    config.idle_timeout_s = 0.3;
}

#[tokio::test]
async fn c30_silence_after_the_headers() {
    let plan = Plan { end: End::Hold, ..Plan::of(Vec::new()) };
    assert_eq!(lines(&items(Kind::OpenAi, plan, impatient).await), ["error Stalled, retriable"]);
    // A role, as most vendors send first, is not a word.
    let plan = Plan { end: End::Hold, ..Plan::whole(sse([delta(r#"{"role":"assistant","content":""}"#)])) };
    assert_eq!(lines(&items(Kind::OpenAi, plan, impatient).await), ["error Stalled, retriable"]);
}

#[tokio::test]
async fn c30_silence_after_some_words() {
    let plan = Plan { end: End::Hold, ..Plan::whole(sse([text("a")])) };
    let seen = lines(&items(Kind::OpenAi, plan, only_idle_short).await);
    assert_eq!(seen, ["0 text| a", "0 incomplete", "error Stalled"]);
}

#[tokio::test]
async fn c30_keep_alives_are_not_words() {
    for words in [vec![], vec![sse([text("a")]).into_bytes()]] {
        let spoken = !words.is_empty();
        let plan = Plan { end: End::KeepAlive(": ping\n\n"), ..Plan::of(words) };
        let (base, server) = serve(plan).await;
        let change = if spoken { only_idle_short } else { impatient };
        let items: Vec<Item> = provider_at(&base, Kind::OpenAi, change).stream(question()).collect().await;
        assert_eq!(provider_stream(&items), Ok(()));
        let stalled = if spoken { "error Stalled" } else { "error Stalled, retriable" };
        assert_eq!(lines(&items).last().unwrap(), stalled);
        // The twin: bytes did arrive, so a timer on bytes would have waited for ever.
        assert!(server.done().await.keep_alives > 1);
    }
}

#[tokio::test]
async fn silence_after_the_finish_ends_well() {
    let plan = Plan { end: End::Hold, ..Plan::whole(sse([&text("a"), &finish("stop")])) };
    // With the usual timers: it is not the idle timer that ends this wait.
    let seen = lines(&items(Kind::OpenAi, plan, |_| {}).await);
    assert_eq!(seen, ["0 text| a", "0 whole", "stopped EndTurn (stop)"]);
}

#[tokio::test]
async fn a_consumer_that_takes_its_time_is_not_a_silent_vendor() {
    let plan = Plan::of([text("a"), text("b"), finish("stop")].map(|frame| sse([frame]).into_bytes()).into());
    let (base, _server) = serve(plan).await;
    let mut stream = provider_at(&base, Kind::OpenAi, |config| config.idle_timeout_s = 1.0).stream(question());
    let mut items = vec![stream.next().await.unwrap()];
    // Longer than the timer: the consumer's own time, which must not count.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    items.extend(stream.collect::<Vec<Item>>().await);
    assert_eq!(lines(&items), ["0 text| ab", "0 whole", "stopped EndTurn (stop)"]);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (base, mut server) = serve(Plan { end: End::Hold, ..Plan::whole(sse([text("a")])) }).await;
    let mut stream = provider_at(&base, Kind::OpenAi, |_| {}).stream(question());
    assert_eq!(lines(&[stream.next().await.unwrap()]), ["0 text| a"]);
    assert!(server.running(), "open while someone listens");
    drop(stream);
    // The server's task ends only when its peer has closed.
    server.done().await;
}

#[tokio::test]
async fn dropping_the_stream_before_the_answer_closes_the_connection() {
    let (base, mut server) = serve(Plan { end: End::Hold, ..Plan::of(Vec::new()) }).await;
    let mut stream = provider_at(&base, Kind::OpenAi, |_| {}).stream(question());
    // Asks, and gives up while waiting.
    let mut next = stream.next();
    tokio::select! {
        item = &mut next => panic!("{item:?} out of silence"),
        () = server.asked() => {}
    }
    assert!(server.running(), "open while someone waits");
    drop(stream);
    server.done().await;
}

#[tokio::test]
async fn a_vendor_that_never_stops_reads_no_further_than_asked() {
    // Endless words, one taken: the rest stays with the vendor.
    let body = sse((0..50_000).map(|n| text(&n.to_string())));
    let (base, server) = serve(Plan::of(body.as_bytes().chunks(1024).map(<[u8]>::to_vec).collect())).await;
    let mut stream = provider_at(&base, Kind::OpenAi, |_| {}).stream(question());
    stream.next().await.unwrap().unwrap();
    drop(stream);
    server.done().await;
}

#[tokio::test]
async fn a_whole_answer_ends_the_stream_once() {
    check(
        sse([&text("a"), &finish("stop"), "[DONE]", &text("late"), "[DONE]"]),
        &["0 text| a", "0 whole", "stopped EndTurn (stop)"],
    )
    .await;
}
