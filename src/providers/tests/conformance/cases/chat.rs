//! C1–C4, C11, C16–C21, C23–C28: choices, usage, channels, finishes and errors in the stream.

use townkeeper_providers::Kind;

use crate::run::{DONE, calls, check, check_kind, delta, finish, play, sse, text};
use crate::server::Plan;

const USAGE: &str = r#"{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":3},
    "completion_tokens_details":{"reasoning_tokens":2}}"#;

/// The frames as they are, finished with `stop` and `[DONE]`.
fn stopped(frames: &[&str]) -> String {
    sse(frames.iter().map(|frame| (*frame).to_owned()).chain([finish("stop"), DONE.to_owned()]))
}

const A: [&str; 3] = ["0 text| a", "0 whole", "stopped EndTurn (stop)"];

#[tokio::test]
async fn c1_usage_after_the_finish_without_choices() {
    let usage = format!(r#"{{"choices":[],"usage":{}}}"#, USAGE.replace('\n', ""));
    let body = sse([&text("a"), &finish("stop"), &usage, DONE]);
    check(body, &["0 text| a", "0 whole", "usage 9/4 cached 3+0 reasoning 2", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c2_a_prelude_without_choices_or_delta() {
    let azure = r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    check(stopped(&[azure, r#"{"choices":[{"index":0}]}"#, r#"{"choices":[{"delta":null}]}"#, &text("a")]), &A).await;
}

#[tokio::test]
async fn c3_choices_null_or_absent_beside_usage() {
    for choices in [r#""choices":null,"#, ""] {
        let usage = format!(r#"{{{choices}"usage":{{"prompt_tokens":9,"completion_tokens":4}}}}"#);
        let body = sse([&text("a"), &finish("stop"), &usage, DONE]);
        check(body, &["0 text| a", "0 whole", "usage 9/4", "stopped EndTurn (stop)"]).await;
    }
}

#[tokio::test]
async fn c4_the_last_usage_counts_and_none_is_none() {
    let with = |usage: &str| format!(r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"usage":{usage}}}"#);
    let growing = [
        with("null"),
        with(r#"{"prompt_tokens":9,"completion_tokens":1}"#),
        with(r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":null}"#),
    ];
    let body = stopped(&growing.each_ref().map(String::as_str));
    check(body, &["0 text| aaa", "0 whole", "usage 9/2", "stopped EndTurn (stop)"]).await;
    check(stopped(&[&with("null")]), &A).await;
    check(stopped(&[&with(r#"{"prompt_tokens":0,"completion_tokens":0}"#)]), &A).await;
    check(stopped(&[&with(r#""odd""#)]), &A).await;
    let groq =
        r#"{"choices":[{"delta":{"content":"a"}}],"x_groq":{"usage":{"prompt_tokens":9,"completion_tokens":4}}}"#;
    check(stopped(&[groq]), &["0 text| a", "0 whole", "usage 9/4", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c11_reasoning_text_and_calls_in_one_delta() {
    let both = r#"{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}},
        {"index":1,"id":"y","function":{"name":"g","arguments":"{}"}}],"content":"say","reasoning_content":"think"}"#;
    let body = sse([delta(&both.replace('\n', "")), finish("tool_calls"), DONE.into()]);
    let expected = [
        "0 reasoning| think",
        "1 text| say",
        "2 call f| {}",
        "3 call g| {}",
        "2 ready f x {}",
        "2 whole",
        "3 ready g y {}",
        "3 whole",
        "0 whole",
        "1 whole",
        "stopped ToolUse (tool_calls)",
    ];
    check(body, &expected).await;
}

#[tokio::test]
async fn c16_content_in_the_chunk_that_finishes() {
    let last = r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#;
    check(sse([&text("a"), last, DONE]), &["0 text| ab", "0 whole", "stopped EndTurn (stop)"]).await;
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}]}"#;
    let expected = [r#"0 call f| {"a":1}"#, r#"0 ready f x {"a":1}"#, "0 whole", "stopped ToolUse (tool_calls)"];
    check(sse([call, DONE]), &expected).await;
}

#[tokio::test]
async fn c17_a_finish_that_is_absent_or_empty_is_none() {
    let bare = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let empty = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":""}]}"#;
    check(stopped(&[bare, empty]), &["0 text| aa", "0 whole", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c18_what_counts_as_the_end() {
    let truncated = ["0 text| a", "0 incomplete", "error Truncated"];
    check(sse([&text("a"), &finish("stop")]), &A).await;
    check(sse([text("a")]), &truncated).await;
    check(sse([&text("a"), DONE]), &truncated).await;
    // A server of unknown habits may know no finish_reason; its [DONE] is its word. Silence is not.
    check_kind(Kind::Compatible, sse([&text("a"), DONE]), &["0 text| a", "0 whole", "stopped EndTurn ()"]).await;
    check_kind(Kind::Compatible, sse([text("a")]), &truncated).await;
    check_kind(Kind::Compatible, sse([DONE]), &["error Truncated, retriable"]).await;
}

#[tokio::test]
async fn c19_errors_in_the_stream() {
    let cases = [
        (r#"{"error":{"message":"slow down","type":"rate_limit_error","code":null}}"#, "RateLimited"),
        (r#"{"error":{"message":"no","code":"insufficient_quota"}}"#, "Quota"),
        (r#"{"error":{"message":"no","code":529}}"#, "Overloaded"),
        (r#"{"error":"plain words"}"#, "Transient"),
        (r#"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#, "InvalidRequest"),
        (
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"up"}}"#,
            "Transient",
        ),
        (
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":401,"message":"k"}}]}"#,
            "Auth",
        ),
        (r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, "Transient"),
    ];
    for (frame, class) in cases {
        let expected = ["0 text| a", "0 incomplete", &format!("error {class}")];
        check(sse([&text("a"), frame, DONE]), &expected).await;
    }
    for nothing in ["null", "\"\"", "{}"] {
        let good = format!(r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"error":{nothing}}}"#);
        check(stopped(&[&good]), &A).await;
    }
}

#[tokio::test]
async fn c20_refusals_have_their_own_channel() {
    let frames = [
        r#"{"role":"assistant","content":null,"refusal":""}"#,
        r#"{"content":null,"refusal":"I "}"#,
        r#"{"refusal":"won't"}"#,
    ];
    let body = stopped(&frames.map(delta).each_ref().map(String::as_str));
    check(body, &["0 refusal| I won't", "0 whole", "stopped Refusal (stop)"]).await;
}

#[tokio::test]
async fn c21_filtered_answers_are_never_empty_successes() {
    let filter = finish("content_filter");
    check(sse([&text("a"), &filter, DONE]), &["0 text| a", "0 incomplete", "stopped ContentFilter (content_filter)"])
        .await;
    check(sse([&filter, DONE]), &["error ContentPolicy"]).await;
}

#[tokio::test]
async fn c23_reasoning_under_all_its_names() {
    let expected = ["0 reasoning| why?", "1 text| so", "0 whole", "1 whole", "stopped EndTurn (stop)"];
    let fields = [
        [r#"{"reasoning_content":"why"}"#, r#"{"reasoning_content":"?","content":null}"#],
        [r#"{"reasoning":"why"}"#, r#"{"reasoning":"?","content":""}"#],
        [r#"{"reasoning":"why","reasoning_content":"why"}"#, r#"{"reasoning":"?","reasoning_details":[{"text":"?"}]}"#],
        [
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"why"},{"type":"reasoning.encrypted","data":"e30="}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.summary","summary":"?"}]}"#,
        ],
        [r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"why"}]}]}"#, r#"{"reasoning":"?"}"#],
    ];
    for [first, second] in fields {
        check(stopped(&[&delta(first), &delta(second), &text("so")]), &expected).await;
    }
}

#[tokio::test]
async fn c23_inline_reasoning_across_chunks() {
    let expected = ["0 reasoning| why?", "1 text| so <think> it", "0 whole", "1 whole", "stopped EndTurn (stop)"];
    for pieces in [["<think>why?</think>\n\nso", " <think> it"], ["<thi", "nk>why?</think>so <think> it"]] {
        check(stopped(&pieces.map(text).each_ref().map(String::as_str)), &expected).await;
    }
    let singles: Vec<String> = "<think>why?</think>\nso <think> it".chars().map(|c| text(&c.to_string())).collect();
    let singles: Vec<&str> = singles.iter().map(String::as_str).collect();
    check(stopped(&singles), &expected).await;
}

#[tokio::test]
async fn c24_content_as_a_list_of_parts() {
    let list = r#"{"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]},{"type":"text","text":"b"}]}"#;
    check(stopped(&[&delta(list)]), &["0 text| ab", "0 whole", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c25_odd_and_unknown_fields() {
    let odd = [
        r#"{"role":"","content":"a","obfuscation":"xyz","annotations":[{"deep":[1,{"x":null}]}],"tool_calls":null}"#,
        r#"{"role":null,"content":null,"tool_calls":[{"type":null,"function":null,"id":null,"index":null}]}"#,
        r#"{"content":7,"refusal":{},"reasoning":false,"reasoning_details":"odd"}"#,
    ];
    let body = stopped(&odd.map(delta).each_ref().map(String::as_str));
    check(body, &["0 text| a", "warning", "0 whole", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c26_a_frame_that_is_not_json() {
    let bad = r#"{"choices":[{"delta":{"content":"#;
    check(
        stopped(&[&text("a"), bad, &text("b")]),
        &["0 text| a", "warning", "0 text| b", "0 whole", "stopped EndTurn (stop)"],
    )
    .await;
    check(sse([&text("a"), bad]), &["0 text| a", "warning", "0 incomplete", "error Truncated"]).await;
    let deep = format!(r#"{{"choices":{}"#, "[".repeat(100_000));
    let plan = Plan::whole(sse([&text("a"), &deep, &finish("stop")]));
    assert_eq!(play(Kind::OpenAi, plan).await, ["0 text| a", "warning", "0 whole", "stopped EndTurn (stop)"]);
}

#[tokio::test]
async fn c26_nothing_but_noise_is_given_up() {
    let seen = play(Kind::OpenAi, Plan::whole(sse(vec!["noise"; 1000]))).await;
    assert_eq!(seen.len(), 17, "{seen:?}");
    assert_eq!(seen.last().unwrap(), "error Protocol");
}

#[tokio::test]
async fn c27_other_choices_are_ignored() {
    let second = r#"{"choices":[{"index":1,"delta":{"content":"B"},"finish_reason":"length"},{"index":0,"delta":{"content":"a"}}]}"#;
    check(stopped(&[second]), &A).await;
}

#[tokio::test]
async fn c28_a_model_in_a_loop_is_stopped() {
    let piece = text("again ");
    let looping = |n| stopped(&vec![piece.as_str(); n]);
    let plan = |n| Plan::whole(looping(n));
    let seen = play(Kind::OpenAi, plan(100)).await;
    assert_eq!(seen, [&format!("0 text| {}", "again ".repeat(99)), "0 incomplete", "error Protocol"]);
    // The twin: one short of the limit the guard is off, and all of it arrives.
    let seen = play(Kind::OpenAi, plan(99)).await;
    assert_eq!(seen, [&format!("0 text| {}", "again ".repeat(99)), "0 whole", "stopped EndTurn (stop)"]);
    // Rules of dashes and blank lines are honest.
    let dashes = stopped(&vec![text("--").as_str(); 300]);
    assert_eq!(play(Kind::OpenAi, Plan::whole(dashes)).await[1..], ["0 whole", "stopped EndTurn (stop)"]);
}

#[tokio::test]
async fn after_an_error_nothing_more_is_decoded() {
    let call = calls(r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#);
    let body = sse([&call, r#"{"error":{"code":503,"message":"gone"}}"#, &finish("tool_calls"), &text("b"), DONE]);
    check(body, &["0 call f| {}", "0 incomplete", "error Overloaded"]).await;
}
