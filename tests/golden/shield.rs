//! `townkeeper shield` at the command line: train, scan, eval, and files that are broken.

use serde_json::{Value, json};

use crate::daemon::Home;

/// Runs a command to its end: exit code, standard output, standard error.
async fn run(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = home.run(&[&["shield"], args].concat()).await;
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.folder().join(name);
    std::fs::write(&path, text).expect("the folder is ours");
    path.display().to_string()
}

fn parsed(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Scams about a lantern, and talk about a gate.
fn corpus() -> String {
    let scam =
        |n: u8| json!({"id": n, "text": format!("{n} get your lantern bonus {n}{n}"), "label": 1, "source": "lab"});
    let talk = |n: u8| json!({"id": n, "text": format!("{n} where is that gate {n}{n}"), "label": 0, "source": "lab"});
    (0..40).flat_map(|n| [scam(n).to_string(), talk(n).to_string()]).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_model_is_trained_and_used_and_the_same_corpus_gives_the_same_bytes() {
    let home = Home::new();
    let corpus = file(&home, "lab.jsonl", &corpus());
    let out = |name: &str| home.folder().join(name).display().to_string();
    let (one, two) = (out("one.bin"), out("two.bin"));
    let (code, figures, err) =
        run(&home, &["train", "--corpus", &corpus, "--out", &one, "--aim", "lab", "--json"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("80 lines") && err.contains("round 6 of 6"), "{err}");
    let figures = &parsed(&figures)[0];
    assert_eq!(figures["sources"]["lab"]["recall"], 1.0, "{figures}");
    assert_eq!(figures["spread"].as_array().map(Vec::len), Some(5), "{figures}");
    let (code, said, _) = run(&home, &["train", "--corpus", &corpus, "--out", &two, "--weight", "lab=1"]).await;
    assert!(code == Some(0) && said.contains("lab") && said.contains("Written to"), "{said}");
    assert!(std::fs::read(&one).expect("written") == std::fs::read(&two).expect("written"), "the bytes differ");

    let (code, measured, _) = run(&home, &["eval", "--corpus", &corpus, "--model", &one, "--json"]).await;
    let measured = &parsed(&measured)[0];
    assert_eq!((code, &measured["sources"]["lab"]["caught"]), (Some(0), &40.into()), "{measured}");
    assert_eq!((&measured["all"]["f1"], &measured["all"]["fpr"]), (&1.0.into(), &0.0.into()), "{measured}");
    let (_, said, _) = run(&home, &["eval", "--corpus", &corpus, "--model", &one]).await;
    assert!(said.contains("precision 1.000  recall 1.000  F1 1.000  FPR 0.000 %"), "{said}");
}

#[tokio::test]
async fn messages_are_judged_one_a_line_in_their_order() {
    let home = Home::new();
    let scam = "You won 0.4 BTC in our giveaway! Register on the exchange, activate the promo code and withdraw now";
    let rows = [
        json!({"id": "b", "text": "how do I move the tokens on my ledger?"}),
        json!({"id": 7, "text": scam, "author": {"id": "1", "name": "Ann", "tier": "member"}, "channel": "general",
               "reply": {"asks_help": true, "after_s": 4}, "before": "gm", "extra": [1]}),
        json!({"text": ""}),
    ];
    let rows = file(&home, "rows.jsonl", &rows.map(|row| row.to_string()).join("\n\n"));
    let (code, out, err) = run(&home, &["scan", "--jsonl", &rows]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines = parsed(&out);
    let ids: Vec<&Value> = lines.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [&json!("b"), &json!(7), &Value::Null]);
    let verdicts: Vec<&str> = lines.iter().filter_map(|line| line["verdict"].as_str()).collect();
    assert!(verdicts[0] == "pass" && verdicts[1] != "pass" && verdicts[2] == "pass", "{out}");
    assert!(lines[1]["score"].as_f64().is_some_and(|score| (0.5..=1.0).contains(&score)), "{out}");
    assert!(lines[1]["signals"].is_array(), "{out}");
}

#[tokio::test]
async fn what_is_broken_is_named_and_refused() {
    let home = Home::new();
    let broken = file(&home, "broken.jsonl", "{\"text\":\"gm\",\"label\":0}\n{\"text\":\n");
    let unlabelled = file(&home, "unlabelled.jsonl", "{\"text\":\"gm\",\"label\":0}\n\n{\"text\":\"gm\"}\n");
    let clean = file(&home, "clean.jsonl", "{\"text\":\"gm\",\"label\":0}\n");
    let page = file(&home, "page.bin", "<html>not a model</html>");
    let kept = file(&home, "kept.bin", "the last good one");
    let empty = home.folder().join("empty");
    std::fs::create_dir(&empty).expect("the folder is ours");
    let empty = empty.display().to_string();
    let cases: [(&[&str], &str); 7] = [
        (&["train", "--corpus", &broken, "--out", &kept], "broken.jsonl:2"),
        (&["train", "--corpus", &unlabelled, "--out", &kept], "unlabelled.jsonl:3: label must be 1"),
        (&["train", "--corpus", &clean, "--out", &kept], "needs scams"),
        (&["train", "--corpus", &clean, "--out", &kept, "--aim", "x"], "no line of the corpus comes from \"x\""),
        (&["eval", "--corpus", &empty], "holds no *.jsonl"),
        (&["scan", "--jsonl", &broken], "broken.jsonl:2"),
        (&["scan", "--jsonl", &clean, "--model", &page], "page.bin: it is not a text model"),
    ];
    for (args, told) in cases {
        let (code, _, err) = run(&home, args).await;
        assert!(code == Some(1) && err.contains(told), "{args:?}: {err}");
    }
    assert_eq!(std::fs::read_to_string(&kept).expect("kept"), "the last good one");
}

/// The verdict upon each line, in their order, and the ids of its signals.
async fn verdicts(home: &Home, args: &[&str], lines: &[Value]) -> Vec<(String, Vec<String>)> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let rows = file(home, "strange.jsonl", &lines.join("\n"));
    let (code, out, err) = run(home, &[&["scan", "--jsonl", &rows], args].concat()).await;
    assert_eq!(code, Some(0), "{err}");
    let signals = |line: &Value| line["signals"].as_array().expect("signals").clone();
    let ids =
        |line: &Value| signals(line).iter().map(|signal| signal["id"].as_str().expect("an id").to_owned()).collect();
    parsed(&out).iter().map(|line| (line["verdict"].as_str().expect("a verdict").to_owned(), ids(line))).collect()
}

#[tokio::test]
async fn lines_of_strangers_are_read_whatever_their_shape() {
    let home = Home::new();
    let shapes = [
        json!({"author": "Ann"}),
        json!({"author": 77}),
        json!({"author": {"id": 77, "username": "@ann", "display_name": "Ann", "role": "moderator", "bot": false}}),
        json!({"author": {"id": null, "name": null, "handle": null, "tier": "wizard"}}),
        json!({"author": null, "channel": null, "reply": null, "edit": null, "quoted": null, "before": null, "id": null}),
        json!({"author": ["Ann"], "channel": 7, "reply": [], "edit": 1, "quoted": {}, "label": "ham", "source": 3}),
        json!({"channel": {"class": "reports"}}),
        json!({"channel": {"id": 9, "name": "#support"}}),
        json!({"reply": true, "edit": false}),
        json!({"reply": false, "edited": true}),
        json!({"reply": "how do I migrate?", "edited": "gm"}),
        json!({"reply": 4.5, "edit": {"before": "gm", "at": 3}}),
        json!({"reply": {}, "edit": {}}),
        json!({"reply": {"seconds": -1, "text": null}}),
    ];
    let lines: Vec<Value> = shapes
        .into_iter()
        .map(|mut line| {
            line["text"] = "good morning everybody".into();
            line
        })
        .collect();
    let all = verdicts(&home, &[], &lines).await;
    assert!(all.len() == lines.len() && all.iter().all(|(verdict, _)| verdict == "pass"), "{all:?}");
    for (n, refused) in
        ["[\"gm\"]", "\"gm\"", "{\"id\": 1}", "{\"text\": null}", "{\"text\": 4}"].into_iter().enumerate()
    {
        let name = format!("refused{n}.jsonl");
        let rows = file(&home, &name, &format!("{{\"text\": \"gm\"}}\n{refused}\n"));
        let (code, _, err) = run(&home, &["scan", "--jsonl", &rows]).await;
        assert!(code == Some(1) && err.contains(&format!("{name}:2")), "{refused}: {err}");
    }
}

#[tokio::test]
async fn what_is_held_follows_from_who_says_it_and_where() {
    let home = Home::new();
    let lure = "Claim your tokens at claim-lumen.example.net before tonight";
    let said = |mut line: Value| {
        line["text"] = lure.into();
        line
    };
    let lines = [
        said(json!({})),
        said(json!({"author": {"tier": "member"}})),
        said(json!({"author": {"role": "Trusted"}})),
        said(json!({"author": {"role": "admin"}})),
        said(json!({"channel": "reports"})),
        said(json!({"channel": {"class": "staff"}})),
        said(json!({"channel": {"name": "support"}})),
    ];
    let found = verdicts(&home, &["--brand", "lumen"], &lines).await;
    let held: Vec<&str> = found.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(&held[..3], ["hold", "hold", "flag"], "{found:?}");
    assert!(held[3..6].iter().all(|verdict| !["hold", "delete"].contains(verdict)), "{found:?}");
    assert_eq!(held[6], "hold");
    // Nobody said what we are called: the keeper's name does. The red twin: nobody may say so.
    let lure = [said(json!({}))];
    assert_eq!(verdicts(&home, &[], &lure).await[0].0, "hold");
    let nameless = Home::new().with("[shield]\nbrands = []\n");
    assert_ne!(verdicts(&nameless, &[], &lure).await[0].0, "hold");

    let help = "write to them at help-desk.example.net, they fixed mine";
    let quick = |reply: Value| json!({"text": help, "reply": reply});
    let replies = [
        quick(json!({"after_s": 3, "asks_help": true})),
        quick(json!({"seconds": 3.2, "text": "my tokens are gone, who can help?"})),
        quick(json!({"seconds": 3, "text": "my tokens are here"})),
        quick(json!("my tokens are gone, who can help?")),
        quick(json!(3)),
    ];
    let found = verdicts(&home, &[], &replies).await;
    assert!(found[0].1 == found[1].1 && found[0].1 != found[2].1, "{found:?}");
    assert!(found[2].1 == found[3].1 && found[2].1 == found[4].1, "nobody told when, or what: {found:?}");

    let edits = [
        json!({"text": "see lamp.example.net", "edit": "gm"}),
        json!({"text": "see lamp.example.net", "edited": {"before": "gm"}}),
        json!({"text": "see lamp.example.net", "before": "gm"}),
        json!({"text": "see lamp.example.net", "edited": true}),
        json!({"text": "see lamp.example.net"}),
    ];
    let found = verdicts(&home, &[], &edits).await;
    assert!(found[0].1 == found[1].1 && found[0].1 == found[2].1 && found[0].1 != found[4].1, "{found:?}");
    assert_eq!(found[3].1, found[4].1, "what it added is not known");
}
