//! `townkeeper init`: by answers on standard input and by flags; what it writes works, and nothing is overwritten. Then
//! what `doctor` and `scorecard` know of an installation.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};
use crate::model::SMALL_TALK;
use crate::vendors::metric;

const TOKEN: &str = "123456:abcdefghijklmnopqrstuvwxyz";
const DISCORD: &str = "MTA-not.a_token.of-anyone";

fn townkeeper(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_townkeeper"));
    command.current_dir(folder).arg("--data").arg(folder.join("data")).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it with these lines as answers.
async fn answered(folder: &Path, args: &[&str], lines: &str) -> Output {
    let mut child = townkeeper(folder, args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended before it read everything.
    stdin.write_all(lines.as_bytes()).await.ok();
    drop(stdin);
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_few_answers_make_an_installation_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    // Name, a typing error, vendor, model, address, key, answers, tokens of Telegram and Discord, place.
    let lines = "Owl \"Keeper\"\nolama\ncompatible\nfake\nhttp://127.0.0.1:9/v1\nsk-canary\n\n".to_owned();
    let said =
        out(&answered(folder.path(), &["init", "--dir", "town"], &format!("{lines}{TOKEN}\n{DISCORD}\n\n")).await);
    assert!(said.contains("Please one of: none, ollama"), "{said}");
    assert!(said.contains("42 reviewed answers, 2 chat account(s)"), "{said}");
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    assert_eq!(last[2], "Next:");
    assert!(last[1].contains("cd town && townkeeper serve") && last[0].contains("townkeeper doctor"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains(DISCORD) && !said.contains("sk-canary"), "{said}");
    assert!(said.lines().count() <= 16, "it is brief: {said}");

    let town = folder.path().join("town");
    let config = std::fs::read_to_string(town.join("townkeeper.toml")).unwrap();
    assert!(!config.contains(TOKEN) && !config.contains(DISCORD) && !config.contains("sk-canary"), "{config}");
    let shown = out(&answered(&town, &["config", "show"], "").await);
    assert!(shown.contains("Owl \"Keeper\"") && shown.contains("http://127.0.0.1:9/v1"), "{shown}");
    assert_eq!((mode(&town.join("secrets")), mode(&town.join("secrets/model.key"))), (0o700, 0o600));
    for (platform, token) in [("telegram", TOKEN), ("discord", DISCORD)] {
        let file = town.join(format!("secrets/{platform}.token"));
        assert_eq!((mode(&file), std::fs::read_to_string(&file).unwrap().trim()), (0o600, token));
        assert!(config.contains(&format!("platform = \"{platform}\"")), "{config}");
    }
}

#[tokio::test]
async fn flags_alone_make_one_and_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let said = out(&answered(folder.path(), &["init", "--yes", "--answers", "one", "--dir", "town"], "").await);
    assert!(said.contains("1 reviewed answers") && said.lines().count() <= 7, "{said}");
    let town = folder.path().join("town");
    assert!(!town.join("secrets").exists(), "no folder for secrets that nobody gave");
    assert_eq!(mode(&folder.path().join("data/signing.key")), 0o600);
    assert!(said.contains("Your community signs with"), "{said}");
    let mut serve = townkeeper(&town, &["serve", "--listen", "127.0.0.1:0"]);
    serve.stderr(Stdio::inherit()).stdin(Stdio::null());
    let daemon = Daemon::spawned(serve).await;
    let heard = say(&daemon.client(), &question("who answers here?")).await;
    assert!(heard.text().contains("our team has reviewed"), "{}", heard.text());
    drop(daemon);
    let key = folder.path().join("a.key");
    std::fs::write(&key, "sk-canary\n").unwrap();
    let flags = ["--provider", "openrouter", "--model", "a/b", "--key-file", key.to_str().unwrap()];
    let args = [["init", "--yes", "--dir", "other", "--deploy", "systemd"].as_slice(), &flags].concat();
    let said = out(&answered(folder.path(), &args, "").await);
    assert!(said.contains("deploy/townkeeper.service"), "{said}");
    let shown = std::fs::read_to_string(folder.path().join("other/townkeeper.toml")).unwrap();
    assert!(shown.contains("kind = \"openrouter\"") && shown.contains("secrets/model.key"), "{shown}");
}

#[tokio::test]
async fn doctor_says_by_which_names_look_alikes_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("a.token");
    std::fs::write(&token, TOKEN).unwrap();
    let account = ["--telegram-token-file", token.to_str().unwrap()];
    for (name, account, expected) in [
        ("Lumen Keeper", account.as_slice(), Some(("ok ", "of Lumen are seen"))),
        ("Townkeeper", &account, Some(("note", "[shield] brands"))),
        ("Townkeeper", &[], None),
    ] {
        let dir = format!("{name}{}", account.len());
        let args = [["init", "--yes", "--dir", &dir, "--name", name].as_slice(), account].concat();
        out(&answered(folder.path(), &args, "").await);
        let town = folder.path().join(dir);
        let config = std::fs::read_to_string(town.join("townkeeper.toml")).unwrap();
        assert!(config.contains("\n[shield]\n") && config.contains("# brands = "), "{config}");
        let told = String::from_utf8(answered(&town, &["doctor", "--offline"], "").await.stdout).unwrap();
        let line = told.lines().find(|line| line.contains("look-alikes"));
        let as_expected = match (line, expected) {
            (Some(line), Some((mark, words))) => line.starts_with(mark) && line.contains(words),
            (line, expected) => line.is_none() && expected.is_none(),
        };
        assert!(as_expected, "{name}: {told}");
    }
}

#[tokio::test]
async fn init_overwrites_nothing_and_invents_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for there in ["townkeeper.toml", "answers", "secrets"] {
        let town = folder.path().join(there.replace('.', "-"));
        std::fs::create_dir(&town).unwrap();
        std::fs::write(town.join(there), "mine").unwrap();
        let refused = answered(&town, &["init", "--yes"], "").await;
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(there) && said.contains("nothing is overwritten"), "{said}");
        assert_eq!(std::fs::read_dir(&town).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(town.join(there)).unwrap(), "mine");
    }
    let cases: [(&[&str], &str); 4] = [
        (&["init"], "--yes"),
        (&["init", "--yes", "--provider", "openai"], "openai needs a key"),
        (&["init", "--yes", "--telegram-token-file", "nowhere"], "nowhere"),
        (&["init", "--yes", "--discord-token-file", "elsewhere"], "elsewhere"),
    ];
    for (args, expected) in cases {
        let town = tempfile::tempdir().unwrap();
        let refused = answered(town.path(), args, "").await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8(refused.stderr).unwrap().contains(expected));
        assert_eq!(std::fs::read_dir(town.path()).unwrap().count(), 0, "{args:?} wrote something");
    }
}

#[tokio::test]
async fn doctor_asks_the_model_and_knows_how_far_this_installation_is() {
    let model = ModelServer::start(Script::always(Reply::text("Once upon a time."))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let doctor = |args: &'static [&'static str]| {
        let home = &home;
        async move { String::from_utf8(home.run(args).await.stdout).unwrap() }
    };
    assert!(doctor(&["doctor", "--offline"]).await.contains("nobody has asked anything yet"));
    assert_eq!(model.requests().len(), 0, "offline asks nobody");
    say(&daemon.client(), &question("what is the gas fee")).await;
    let told = doctor(&["doctor"]).await;
    assert!(told.contains("first question after ") && told.contains("first answer after "), "{told}");
    assert!(!told.contains("first ticket") && !told.contains("first account"), "{told}");
    let host = model.base_url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    assert!(told.contains("model answers") && told.contains(&host), "{told}");
    assert_eq!(model.requests().len(), 1);

    let refusal = Reply::Status { status: 401, headers: Vec::new(), body: r#"{"error":{"message":"no"}}"#.to_owned() };
    model.set(Script::always(refusal));
    let told = doctor(&["doctor"]).await;
    let bad = told.lines().find(|line| line.starts_with("BAD")).unwrap();
    assert!(bad.contains(&host) && bad.contains("api_key_file"), "{told}");
}

#[tokio::test]
async fn the_scorecard_counts_starts_answers_and_deaths() {
    let model = ModelServer::start(Script::always(Reply::text("Once upon a time."))).await;
    let home = Home::new().with_model(&model.base_url());
    Daemon::start(&home).await.kill().await;
    let mut daemon = Daemon::start(&home).await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let daemon = Daemon::start(&home).await;
    say(&daemon.client(), &question(SMALL_TALK)).await;
    let card = home.run(&["scorecard", "--json"]).await;
    let card: Value = serde_json::from_slice(&card.stdout).unwrap();
    let score = |what: &str| {
        let scores = card["scores"].as_array().unwrap().iter();
        scores.clone().find(|score| score["what"] == what).unwrap_or_else(|| panic!("no {what}: {card}")).clone()
    };
    assert_eq!(score("starts that became ready")["share"], 1.0);
    assert_eq!(
        (&score("lives that ended as told")["share"], &score("lives that ended as told")["of"]),
        (&0.5.into(), &2.into())
    );
    assert_eq!(score("model answers that ended well")["of"], 1);
    assert!(card["raw"]["model"]["first_token_p50_ms"].is_u64());
    let told = String::from_utf8(home.run(&["scorecard"]).await.stdout).unwrap();
    assert!(told.contains(" 50.0 %") && told.contains("time to the first token"), "{told}");
    let metrics = http().get(format!("{}/metrics", daemon.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("townkeeper_runs_30d{outcome=\"crashed\"} 1"), "{metrics}");
    assert!(metrics.contains("townkeeper_retention_deleted_total{table=\"inbox\"} 0"), "{metrics}");
    let own = [
        "townkeeper_starts_30d{workspace=\"main\",outcome=\"ready\"} 3",
        "townkeeper_starts_30d{workspace=\"main\",outcome=\"not_ready\"} 0",
        "townkeeper_milestone_reached{workspace=\"main\",milestone=\"first_start\"} 1",
        "townkeeper_milestone_reached{workspace=\"main\",milestone=\"first_ticket\"} 0",
        "townkeeper_model_answers_total{outcome=\"ok\"} 1",
    ];
    for line in own {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(told.contains("install success") && told.contains("not measured here"), "{told}");
    // Nobody else may see it.
    let stranger = http().get(format!("{}/v1/scorecard", daemon.url)).send().await.unwrap();
    assert_eq!(stranger.status().as_u16(), 401);
}

#[tokio::test]
async fn an_account_that_is_reached_for_the_first_time_is_a_milestone() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    let operator = daemon.operator(&home);
    let reached = async {
        while !operator.scorecard().await.unwrap().milestones.iter().any(|reached| reached.name == "first_account") {}
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the account is never reached");
}

#[tokio::test]
async fn whom_to_tell_of_a_weakness_is_published() {
    let ours = Home::new().with("[web]\nsecurity_contact = \"mailto:security@lumen.example.org\"\n");
    for (home, expected) in [(ours, "Contact: mailto:security@lumen.example.org\n"), (Home::new(), "SECURITY.md")] {
        let daemon = Daemon::start(&home).await;
        let told = http().get(format!("{}/.well-known/security.txt", daemon.url)).send().await.unwrap();
        assert_eq!(told.headers()["content-type"], "text/plain; charset=utf-8");
        let told = told.text().await.unwrap();
        assert!(told.contains(expected) && told.contains("\nExpires: 20"), "{told}");
    }
}

/// Whether this installation has come to its first answer is on `/metrics`, and stays there over a restart.
#[tokio::test]
async fn the_first_answer_is_a_metric() {
    let home = Home::new();
    let reached = "townkeeper_milestone_reached{workspace=\"main\",milestone=\"first_answer\"}";
    let took = "townkeeper_milestone_seconds{workspace=\"main\",milestone=\"first_answer\"}";
    let daemon = Daemon::start(&home).await;
    assert_eq!((metric(&home, &daemon, reached).await, metric(&home, &daemon, took).await), (Some(0.0), None));
    say(&daemon.client(), &question("what is the gas fee")).await;
    // Noted beside everything else, soon after.
    let noted = async {
        while metric(&home, &daemon, reached).await != Some(1.0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.expect("the first answer is never noted");
    let seconds = metric(&home, &daemon, took).await.unwrap();
    drop(daemon);
    let daemon = Daemon::start(&home).await;
    assert_eq!(metric(&home, &daemon, reached).await, Some(1.0));
    assert_eq!(metric(&home, &daemon, took).await, Some(seconds));
}

/// What `tests/all.sh` leaves, `scorecard --ci` reads.
#[tokio::test]
async fn what_the_gates_measured_is_shown_and_nothing_is_made_up() {
    let home = Home::new();
    let file = home.folder().join("ci.json");
    let card = |file: &Path| {
        let file = file.to_str().unwrap().to_owned();
        let home = &home;
        async move { home.run(&["scorecard", "--ci", &file]).await }
    };
    let mut gates = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all.sh"));
    // Whether the formatting is right is not asked here.
    gates.arg("fmt").env("TOWNKEEPER_CI_FILE", &file).output().await.unwrap();
    let told = String::from_utf8(card(&file).await.stdout).unwrap();
    assert!(told.contains("\nfmt ") && told.contains("install success  not measured in this run"), "{told}");

    let stages = r#"[{"stage":"bare","result":"ok","seconds":2,"peak_mib":null,"note":"first answer 756 ms after nothing"},
        {"stage":"tests","result":"failed","seconds":496,"peak_mib":2200,"note":""},
        {"stage":"deny","result":"skipped","seconds":1,"peak_mib":30,"note":"no \"database\""}]"#;
    std::fs::write(&file, format!(r#"{{"commit":"abc1234","began":1795345646,"stages":{stages}}}"#)).unwrap();
    let told = String::from_utf8(card(&file).await.stdout).unwrap();
    for part in [
        "The gates at abc1234 (2026-11-22 ",
        "bare         2 s      – MiB  ok: first answer 756 ms after nothing",
        "tests      496 s   2200 MiB  FAILED",
        "skipped: no \"database\"",
        "all        499 s   2200 MiB",
        "install success  ok: first answer 756 ms after nothing",
    ] {
        assert!(told.contains(part), "{part:?}: {told}");
    }

    for (wrong, why) in [(Some("{}"), "missing field"), (Some("not JSON"), "not a file that"), (None, "cannot read")] {
        std::fs::remove_file(&file).ok();
        if let Some(wrong) = wrong {
            std::fs::write(&file, wrong).unwrap();
        }
        let out = card(&file).await;
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success() && said.contains(why) && said.contains("ci.json"), "{said}");
    }
}
