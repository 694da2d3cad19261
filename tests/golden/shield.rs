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
