//! The command line against a running daemon, and without one.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use townkeeper_contract::api::{Ready, TicketList};
use townkeeper_contract::stream::{Envelope, Event};
use townkeeper_contract::verify::Verifier;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use crate::daemon::{Daemon, Home, PATIENCE};

const STRANGE: &str = "will LUM be listed on the moon next year?";

/// Runs a command to its end: exit code, standard output, standard error.
async fn run(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = home.run(args).await;
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[tokio::test]
async fn ask_prints_the_answer_its_source_and_its_date() {
    let home = Home::new();
    let _daemon = Daemon::start(&home).await;
    let (code, out, err) = run(&home, &["ask", "how", "do", "I", "migrate", "from", "a", "hardware", "wallet?"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("your keys never leave the device"), "{out}");
    assert!(out.contains("Source: https://docs.lumen.example.org/hardware-wallets · as of 2026-"), "{out}");
    assert!(out.contains(&format!(" · rev {}", crate::publish::revision("hardware-wallet.md"))), "{out}");
    assert_eq!(out.matches("your keys never leave the device").count(), 1, "said once: {out}");
}

#[tokio::test]
async fn ask_tells_not_knowing_from_failing_by_its_exit_code() {
    let model = ModelServer::start(Script::always(Reply::Html)).await;
    let home = Home::new().with_model(&model.base_url());
    let _daemon = Daemon::start(&home).await;
    // Something that no model is asked about.
    let (code, out, _) = run(&home, &["ask", "which exchange on the moon is official?"]).await;
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("I don't have a reviewed answer") && out.contains("] Open a ticket"), "{out}");
    let (code, out, _) = run(&home, &["ask", crate::model::SMALL_TALK]).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("I won't guess") && out.contains("] Open a ticket"), "{out}");
}

/// A model's words may hold what a terminal obeys; people read it as nothing.
#[tokio::test]
async fn ask_and_chat_show_no_control_characters() {
    let said = "Hello \u{1b}[Hdear \u{1b}]title\u{7}friend \u{9b}mof\rlanterns\n\nand owls";
    let model = ModelServer::start(Script::always(Reply::text(said))).await;
    let home = Home::new().with_model(&model.base_url());
    let _daemon = Daemon::start(&home).await;
    let (code, out, _) = run(&home, &["ask", crate::model::SMALL_TALK]).await;
    assert_eq!(code, Some(0), "{out:?}");
    assert!(out.contains("Hello") && out.contains("owls"), "{out:?}");
    assert_eq!(out.chars().find(|c| c.is_control() && *c != '\n'), None, "{out:?}");
    // The twin: it was in the events.
    let (_, events, _) = run(&home, &["ask", "--json", crate::model::SMALL_TALK]).await;
    assert!(events.contains("\\u001b"), "{events}");
}

/// Half an answer says that it is one, and what follows stands on a line of its own.
#[tokio::test]
async fn ask_says_where_an_answer_broke_off() {
    let broken = Reply::ErrorMidStream { after: words("The lantern burns in the ") };
    let hostile = Reply::text("Of course, dear friend, gladly and kindly: open lumen-claim.example.net today");
    let whole = Reply::text("The lantern burns in the evening.");
    let model = ModelServer::start(Script::new()).await;
    let home = Home::new().with_model(&model.base_url());
    let _daemon = Daemon::start(&home).await;
    for (reply, code, begins, after) in [
        (broken, 1, "The lantern burns ", "Sorry"),
        (hostile, 2, "Of course, dear friend", "I don't have a reviewed answer"),
    ] {
        model.set(Script::always(reply.clone()));
        let (ended, out, _) = run(&home, &["ask", crate::model::SMALL_TALK]).await;
        assert_eq!(ended, Some(code), "{reply:?}: {out}");
        let (half, rest) = out.split_once("\n(broke off)\n").unwrap_or_else(|| panic!("{reply:?}: {out:?}"));
        assert!(half.starts_with(begins) && !half.contains('\n'), "{out:?}");
        assert!(rest.starts_with(after) && rest.matches(after).count() == 1, "{out:?}");
        assert!(!out.contains("lumen-claim"), "{out:?}");
    }
    // The twin: nothing of the kind below an answer that is whole.
    model.set(Script::always(whole));
    let (code, out, _) = run(&home, &["ask", crate::model::SMALL_TALK]).await;
    assert_eq!((code, out.as_str()), (Some(0), "The lantern burns in the evening.\n"));
}

/// The daemon dies in the middle of an answer and its successor says it anew: not behind the old half.
#[tokio::test]
async fn ask_begins_anew_where_the_answer_does() {
    let story = "The lantern burns in the evening, and nobody puts it out.";
    let model = ModelServer::start(Script::always(Reply::gated(story))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let url = daemon.url.clone();
    let mut ask = home.command(&["ask", crate::model::SMALL_TALK]);
    let mut ask = ask.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = ask.stdout.take().unwrap();
    model.release_many(2);
    let mut shown = vec![0; "The lantern ".len()];
    tokio::time::timeout(PATIENCE, out.read_exact(&mut shown)).await.expect("ask says nothing").unwrap();
    assert_eq!(shown, b"The lantern ");

    daemon.kill().await;
    let home = home.listening_on(&url);
    let _daemon = Daemon::start(&home).await;
    model.arrived(2).await;
    model.release_many(words(story).len());
    let mut rest = String::new();
    tokio::time::timeout(PATIENCE, out.read_to_string(&mut rest)).await.expect("ask does not end").unwrap();
    assert!(ask.wait().await.unwrap().success());
    let last: Vec<&str> = rest.lines().collect();
    assert_eq!((last.first(), last.last()), (Some(&""), Some(&story)), "{rest:?}");
}

#[tokio::test]
async fn ask_as_json_prints_the_events_of_the_turn() {
    let home = Home::new();
    let _daemon = Daemon::start(&home).await;
    let (code, out, err) = run(&home, &["ask", "--json", "When does the migration end?"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let mut verifier = Verifier::new();
    for line in out.lines() {
        let envelope: Envelope = serde_json::from_str(line).unwrap();
        verifier.check(&envelope).unwrap();
    }
    verifier.finish().unwrap();
    let last: Envelope = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let Event::TurnEnded { reply: Some(reply), .. } = last.event else { panic!("no reply: {out}") };
    assert!(reply.body.to_plain().contains("1 February 2027"));
    let (code, _, _) = run(&home, &["ask", "--json", STRANGE]).await;
    assert_eq!(code, Some(2));
}

/// Reads up to a line that holds these words.
async fn heard(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) -> String {
    let read = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("chat ended too early");
            if line.contains(words) {
                return line;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("chat does not say {words:?}"))
}

#[tokio::test]
async fn chat_reads_lines_and_numbers_press_buttons() {
    let home = Home::new();
    let _daemon = Daemon::start(&home).await;
    let mut command = home.command(&["chat"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut chat = command.spawn().unwrap();
    let mut says = chat.stdin.take().unwrap();
    let mut hears = BufReader::new(chat.stdout.take().unwrap()).lines();
    says.write_all(format!("When does the migration end?\n\n{STRANGE}\n").as_bytes()).await.unwrap();
    heard(&mut hears, "1 February 2027").await;
    let ticket = heard(&mut hears, "Open a ticket").await;
    let number = ticket.trim_start_matches(['>', ' ', '[']).split(']').next().unwrap().to_owned();
    says.write_all(format!("{number}\n").as_bytes()).await.unwrap();
    heard(&mut hears, "Ticket #1 is open").await;
    drop(says);
    let ended = tokio::time::timeout(PATIENCE, chat.wait_with_output()).await.unwrap().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let (_, tickets, _) = run(&home, &["ticket", "list"]).await;
    assert!(tickets.contains(STRANGE), "{tickets}");
}

#[tokio::test]
async fn tickets_are_listed_for_people_and_for_programs() {
    let home = Home::new();
    let _daemon = Daemon::start(&home).await;
    let (code, out, _) = run(&home, &["ticket", "list"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "No tickets.\n"));
    run(&home, &["ask", "/ticket first\u{1b}[31m line\nsecond line"]).await;
    let (code, out, _) = run(&home, &["ticket", "list"]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with("#1 ") && out.contains("open") && out.contains("web") && out.contains("UTC"), "{out}");
    assert!(out.contains("first [31m line second line") && out.lines().count() == 1, "no controls: {out:?}");
    let (code, out, _) = run(&home, &["ticket", "list", "--json"]).await;
    let list: TicketList = serde_json::from_str(&out).unwrap();
    assert_eq!((code, list.tickets.len(), list.tickets[0].number), (Some(0), 1, 1));
    assert_eq!(list.tickets[0].question, "first\u{1b}[31m line\nsecond line");
}

#[tokio::test]
async fn doctor_and_health_with_a_daemon() {
    let home = Home::new();
    let _daemon = Daemon::start(&home).await;
    let (code, out, _) = run(&home, &["doctor"]).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("canonical base") && out.contains("running") && !out.contains("BAD"), "{out}");
    let (code, out, _) = run(&home, &["doctor", "--json"]).await;
    let checks: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    assert!(checks.iter().any(|check| check["what"] == "daemon" && check["state"] == "good"), "{out}");
    assert_eq!(run(&home, &["health"]).await.0, Some(0));
    let (code, out, _) = run(&home, &["health", "--json"]).await;
    let ready: Ready = serde_json::from_str(&out).unwrap();
    assert!(code == Some(0) && ready.ready && ready.entries >= 25 && ready.model.is_none(), "{out}");
}

/// Whether it can write, the doctor finds out by writing: mode bits say little of the user that it runs as.
#[cfg(unix)]
#[tokio::test]
async fn doctor_tries_the_data_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    std::fs::create_dir_all(home.data()).unwrap();
    for mode in [0o700, 0o555] {
        std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(mode)).unwrap();
        let probe = home.data().join("probe");
        let writable = std::fs::write(&probe, "x").and_then(|()| std::fs::remove_file(&probe)).is_ok();
        let (code, out, _) = run(&home, &["doctor"]).await;
        let line = out.lines().find(|line| line.contains("data folder")).expect("it was looked at");
        assert_eq!((code == Some(0), line.starts_with("ok")), (writable, writable), "{mode:o}: {out}");
        assert_eq!(std::fs::read_dir(home.data()).unwrap().count(), 0, "nothing is left behind");
    }
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn doctor_names_secrets_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new().with_telegram("http://127.0.0.1:1", "123456:abcDEF");
    let token = home.folder().join("telegram.token");
    for (mode, told) in [(0o644, true), (0o640, true), (0o600, false)] {
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
        let (_, out, _) = run(&home, &["doctor", "--offline"]).await;
        let line = out.lines().find(|line| line.starts_with("note") && line.contains("secrets"));
        assert_eq!(line.is_some_and(|line| line.contains("telegram.token")), told, "{mode:o}: {out}");
    }
}

#[tokio::test]
async fn without_a_daemon_commands_say_how_to_start_one() {
    let home = Home::new();
    let asked: [&[&str]; 4] = [&["ask", "deadline?"], &["chat"], &["ticket", "list"], &["health"]];
    for args in asked {
        let (code, out, err) = run(&home, args).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{args:?}");
        assert!(err.contains("townkeeper serve") && err.trim_end().lines().count() == 1, "{args:?}: {err}");
    }
    let (code, out, _) = run(&home, &["doctor"]).await;
    assert_eq!(code, Some(0), "a daemon that does not run is no fault: {out}");
    assert!(out.contains("townkeeper serve"), "{out}");

    // Also where one was killed and left its address behind.
    Daemon::start(&home).await.kill().await;
    for args in asked {
        let (code, _, err) = run(&home, args).await;
        assert_eq!(code, Some(1), "{args:?}");
        assert!(err.contains("townkeeper serve"), "{args:?}: {err}");
    }
    let (code, out, _) = run(&home, &["doctor"]).await;
    assert!(code == Some(0) && out.contains("townkeeper serve"), "{out}");
}

#[tokio::test]
async fn config_shows_every_value_and_where_it_comes_from() {
    let home = Home::new().with("[log]\nlevel = \"warn\"\n");
    let (code, out, _) = run(&home, &["config", "show"]).await;
    assert_eq!(code, Some(0), "{out}");
    let origin = |key: &str| {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.unwrap_or_else(|| panic!("{key}: {out}")).rsplit("# ").next().unwrap().to_owned()
    };
    assert_eq!(origin("log.level"), "file");
    assert_eq!(origin("log.json"), "default");
    assert_eq!(origin("web.listen"), "environment");
    let (code, out, _) = run(&home, &["config", "show", "--json"]).await;
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &shown["log.level"][1]), (Some(0), &Value::from("file")), "{out}");
}

#[tokio::test]
async fn config_never_shows_a_secret() {
    let home = Home::new().with_telegram("http://127.0.0.1:9", "123456:abcDEF");
    for args in
        [["config", "show"].as_slice(), &["config", "show", "--json"], &["config", "check"], &["doctor", "--offline"]]
    {
        let (code, out, err) = run(&home, args).await;
        assert_eq!(code, Some(0), "{args:?}: {err}");
        assert!(!out.contains("abcDEF") && !err.contains("abcDEF"), "{args:?}: {out}{err}");
    }
    // Nobody answers there, which is told without it too.
    let (code, out, err) = run(&home, &["doctor"]).await;
    assert!(code == Some(1) && out.contains("could not be asked"), "{out}");
    assert!(!out.contains("abcDEF") && !err.contains("abcDEF"), "{out}{err}");
    let (_, out, _) = run(&home, &["config", "check"]).await;
    assert!(out.contains("reviewed answers, 1 chat account(s)"), "{out}");
}

/// Twelve entries of eight questions each; only the numbers in them tell the entries apart.
fn numbered_base() -> String {
    let line = |e: usize| {
        let question = |v: usize| format!("topic{e}x subject{e}y matter{e}z word{v}");
        let variants: Vec<String> = (1..8).map(question).collect();
        serde_json::json!({"id": format!("e{e}"), "question": question(0), "variants": variants, "answer": "Yes."})
            .to_string()
    };
    (0..12).map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn knowledge_eval_and_report_say_what_a_base_is_worth() {
    let home = Home::new();
    let file = |name: &str, text: &str| {
        let path = home.folder().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.display().to_string()
    };
    let base = file("base.jsonl", &numbered_base());
    let asked = file(
        "queries.jsonl",
        "{\"q\":\"matter3z topic3x please\",\"entry\":\"e3\"}\n\n{\"q\":\"how is the weather\",\"entry\":null,\"oos\":\"far\"}\n",
    );
    let (code, out, err) = run(&home, &["knowledge", "eval", "--base", &base, "--queries", &asked, "--json"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!((lines.len(), &lines[0]["top"][0]["entry"], &lines[0]["zone"]), (3, &"e3".into(), &"answer".into()));
    assert_eq!((&lines[1]["entry"], &lines[1]["zone"]), (&Value::Null, &"abstain".into()));
    let summary = &lines[2]["summary"];
    assert_eq!((&summary["promise"], &summary["top1"]), (&"kept".into(), &1.0.into()), "{summary}");
    assert_eq!((&summary["achieved_precision"], &summary["auroc"]["far"]), (&1.0.into(), &1.0.into()), "{summary}");

    let (code, out, _) = run(&home, &["knowledge", "report", "--base", &base]).await;
    assert_eq!(code, Some(0));
    assert!(out.contains("at 95 % precision we answer"), "{out}");
    let (_, out, _) = run(&home, &["knowledge", "report", "--json"]).await;
    let report: Value = serde_json::from_str(&out).expect("one line of JSON");
    assert_eq!(report["all"]["promise"], "unproven", "the sample base answers because it was measured: {report}");

    let broken = file("broken.jsonl", "{\"id\":\"a\",\"question\":\"b\"}\n{\"id\":\n");
    let (code, _, err) = run(&home, &["knowledge", "report", "--base", &broken]).await;
    assert!(code == Some(1) && err.contains("broken.jsonl:2"), "{err}");
}
