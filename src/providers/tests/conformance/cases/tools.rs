//! C5–C10, C12–C15, C22: tool calls, whatever vendors do to their ids and indices.

use townkeeper_providers::Kind;

use crate::run::{DONE, calls, check, finish, play, sse, text};
use crate::server::Plan;

/// Fragments, one a chunk, finished as `reason` says.
fn finished(fragments: &[&str], reason: &str) -> String {
    sse(fragments.iter().map(|fragment| calls(fragment)).chain([finish(reason), DONE.to_owned()]))
}

/// What two whole calls `f {"a":1}` (id x) and `g {"b":2}` (id y) look like, each in one piece.
const F_AND_G: [&str; 7] = [
    r#"0 call f| {"a":1}"#,
    r#"1 call g| {"b":2}"#,
    r#"0 ready f x {"a":1}"#,
    "0 whole",
    r#"1 ready g y {"b":2}"#,
    "1 whole",
    "stopped ToolUse (tool_calls)",
];

/// What the one call `f {"a":1}` with this id looks like.
async fn check_f(fragments: &[&str], id: &str) {
    let ready = format!(r#"0 ready f {id} {{"a":1}}"#);
    let expected = [r#"0 call f| {"a":1}"#, &ready, "0 whole", "stopped ToolUse (tool_calls)"];
    check(finished(fragments, "tool_calls"), &expected).await;
}

#[tokio::test]
async fn c5_no_index() {
    let fragments = [
        r#"{"id":"x","function":{"name":"f","arguments":"{\"a\""}}"#,
        r#"{"function":{"arguments":":1}"}}"#,
        r#"{"id":"y","function":{"name":"g","arguments":""}}"#,
        r#"{"function":{"arguments":"{\"b\":2}"}}"#,
    ];
    check(finished(&fragments, "tool_calls"), &F_AND_G).await;
    // Without ids either, a name is what begins a call.
    let nameless: Vec<String> =
        fragments.iter().map(|f| f.replace(r#""id":"x","#, "").replace(r#""id":"y","#, "")).collect();
    let nameless: Vec<&str> = nameless.iter().map(String::as_str).collect();
    let minted = F_AND_G.map(|line| line.replace(" x ", " tk0001000 ").replace(" y ", " tk0001001 "));
    check(finished(&nameless, "tool_calls"), &minted.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn c6_several_calls_under_one_index() {
    let fragments = [
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}"#,
        r#"{"index":0,"id":"y","function":{"name":"g","arguments":"{\"b\""}}"#,
        r#"{"index":0,"function":{"arguments":":2}"}}"#,
    ];
    check(finished(&fragments, "tool_calls"), &F_AND_G).await;
    // Without ids, another name is another call.
    let nameless = fragments.map(|f| f.replace(r#""id":"x","#, "").replace(r#""id":"y","#, ""));
    let minted = F_AND_G.map(|line| line.replace(" x ", " tk0001000 ").replace(" y ", " tk0001001 "));
    let body = finished(&nameless.each_ref().map(String::as_str), "tool_calls");
    check(body, &minted.each_ref().map(String::as_str)).await;
    // The same name twice is still two calls.
    let twice = [
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#,
        r#"{"index":0,"id":"y","function":{"name":"f","arguments":"{}"}}"#,
    ];
    let seen = play(Kind::OpenAi, Plan::whole(finished(&twice, "tool_calls"))).await;
    assert_eq!(seen.iter().filter(|line| line.contains("ready f")).count(), 2, "{seen:?}");
}

#[tokio::test]
async fn c7_a_new_id_with_every_fragment() {
    let fragments = [
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":""}}"#,
        r#"{"index":0,"id":"x2","function":{"arguments":"{\"a\""}}"#,
        r#"{"index":0,"id":"x3","function":{"name":"","arguments":":1}"}}"#,
    ];
    check_f(&fragments, "x").await;
}

#[tokio::test]
async fn c8_no_id_is_given_one_of_ours() {
    for id in ["", r#""id":null,"#, r#""id":"","#] {
        let first = format!(r#"{{"index":0,{id}"function":{{"name":"f","arguments":"{{\"a\":1}}"}}}}"#);
        check_f(&[&first], "tk0001000").await;
    }
}

#[tokio::test]
async fn c9_sparse_and_huge_indices() {
    let fragments = [
        r#"{"index":1,"id":"x","function":{"name":"f","arguments":"{\"a\":1}"}}"#,
        r#"{"index":4294967295,"id":"y","function":{"name":"g","arguments":"{\"b\""}}"#,
        r#"{"index":4294967295,"function":{"arguments":":2}"}}"#,
    ];
    check(finished(&fragments, "tool_calls"), &F_AND_G).await;
}

#[tokio::test]
async fn c9_calls_without_end_are_refused() {
    let call =
        |n: usize| calls(&format!(r#"{{"index":{n},"id":"x{n}","function":{{"name":"f","arguments":"{{}}"}}}}"#));
    let body = |n| Plan::whole(sse((0..n).map(call).chain([finish("tool_calls")])));
    assert_eq!(play(Kind::OpenAi, body(65)).await.last().unwrap(), "error Protocol");
    assert_eq!(play(Kind::OpenAi, body(64)).await.last().unwrap(), "stopped ToolUse (tool_calls)");
    let long =
        calls(&format!(r#"{{"index":0,"id":"x","function":{{"name":"f","arguments":"{}"}}}}"#, "x".repeat(300_000)));
    let seen = play(Kind::OpenAi, Plan::whole(sse(vec![long; 4]))).await;
    assert_eq!(seen[1..], ["0 incomplete", "error Protocol"]);
}

#[tokio::test]
async fn c10_the_name_comes_last() {
    let by_id = [
        r#"{"index":0,"id":"x","function":{"arguments":"{\"a\""}}"#,
        r#"{"index":0,"id":"x","function":{"arguments":":1}"}}"#,
        r#"{"index":0,"id":"x","function":{"name":"f"}}"#,
    ];
    check_f(&by_id, "x").await;
    let by_index = [
        r#"{"index":0,"function":{"arguments":"{\"a\""}}"#,
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":":1}"}}"#,
    ];
    check_f(&by_index, "x").await;
    // Never named, never opened.
    let body = finished(&[r#"{"index":0,"id":"x","function":{"arguments":"{}"}}"#], "tool_calls");
    check(body, &["warning", "stopped Other (tool_calls)"]).await;
}

#[tokio::test]
async fn c12_interleaved_object_and_empty_arguments() {
    let interleaved = [
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""}},{"index":1,"id":"y","function":{"name":"g","arguments":"{\"b\""}}"#,
        r#"{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":":2}"}}"#,
    ];
    let expected = [r#"0 call f| {"a""#, r#"1 call g| {"b""#, "0 more| :1}", "1 more| :2}"];
    check(finished(&interleaved, "tool_calls"), &[&expected, &F_AND_G[2..]].concat()).await;
    check_f(&[r#"{"index":0,"id":"x","function":{"name":"f","arguments":{"a":1}}}"#], "x").await;
    for none in ["", r#","arguments":"""#, r#","arguments":null"#] {
        let call = format!(r#"{{"index":0,"id":"x","function":{{"name":"f"{none}}}}}"#);
        let expected = ["0 call f| ", "0 ready f x {}", "0 whole", "stopped ToolUse (tool_calls)"];
        check(finished(&[&call], "tool_calls"), &expected).await;
    }
}

#[tokio::test]
async fn c13_a_prefix_that_is_json_is_not_the_call() {
    let fragments = [
        r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#,
        r#"{"index":0,"function":{"arguments":"{\"more\":1}"}}"#,
    ];
    // Ready once, with all of it: which is not JSON, so it will not run.
    let expected = [
        r#"0 call f| {}{"more":1}"#,
        r#"0 ready f x unparseable {}{"more":1}"#,
        "0 whole",
        "stopped ToolUse (tool_calls)",
    ];
    check(finished(&fragments, "tool_calls"), &expected).await;
    // And without a finish it is never ready at all.
    check(sse([calls(fragments[0])]), &["0 call f| {}", "0 incomplete", "error Truncated"]).await;
}

#[tokio::test]
async fn c14_calls_that_end_with_stop_are_calls() {
    let body = finished(&[r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#], "stop");
    check(body, &["0 call f| {}", "0 ready f x {}", "0 whole", "stopped ToolUse (stop)"]).await;
}

#[tokio::test]
async fn c15_a_repeated_finish_runs_nothing_twice() {
    let call = calls(r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#);
    let usage =
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;
    let start = ["0 call f| {}", "0 ready f x {}", "0 whole"];
    let expected = [&start[..], &["usage 9/4", "stopped ToolUse (tool_calls)"]].concat();
    check(sse([&call, &finish("tool_calls"), usage, DONE]), &expected).await;
    let expected = [&start[..], &["stopped ToolUse (tool_calls)"]].concat();
    check(sse([&call, &finish("tool_calls"), &finish("stop"), DONE]), &expected).await;
    // What comes after the finish can no longer change a call.
    let expected = [&start[..], &["warning", "stopped ToolUse (tool_calls)"]].concat();
    check(sse([&call, &finish("tool_calls"), &call, &call, DONE]), &expected).await;
    let twice = sse([&text("a"), &finish("stop"), &finish("stop"), DONE]);
    check(twice, &["0 text| a", "0 whole", "stopped EndTurn (stop)"]).await;
}

#[tokio::test]
async fn c22_a_call_cut_off_by_the_limit_is_dropped() {
    for reason in ["length", "model_length"] {
        let half = finished(&[r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""}}"#], reason);
        check(half, &[r#"0 call f| {"a""#, "0 incomplete", &format!("stopped Length ({reason})")]).await;
    }
    // Even one that reads as whole: nobody has said that it is.
    let whole = finished(&[r#"{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}"#], "length");
    check(whole, &["0 call f| {}", "0 incomplete", "stopped Length (length)"]).await;
}
