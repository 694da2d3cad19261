//! Stopping, dying, starting again: what was accepted is answered, once.

use serde_json::Value;
use townkeeper_contract::stream::{Event, Outcome, ReplyKind};
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Ear, Home, PATIENCE, follow_up, question, say};
use crate::model::SMALL_TALK;

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";
const TOKEN: &str = "123456:abcDEF";

/// A daemon in the middle of a model's answer, and its reader.
struct Stage {
    model: ModelServer,
    home: Home,
    daemon: Daemon,
    ear: Ear,
}

async fn mid_answer() -> Stage {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let mut ear = Ear::ask(&daemon.client(), &question(SMALL_TALK)).await;
    model.release();
    assert_eq!(ear.words().await, "The ");
    Stage { model, home, daemon, ear }
}

/// Waits until the daemon takes no new connections: it is draining.
async fn draining(daemon: &Daemon) {
    let address = daemon.url.strip_prefix("http://").unwrap().to_owned();
    let refused = async { while tokio::net::TcpStream::connect(&address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("the daemon does not drain");
}

/// Reads the turn on at the next daemon: a second attempt, whole, and the only one that ends.
async fn taken_up(model: &ModelServer, home: &Home, mut ear: Ear, said: &str) {
    model.set(Script::always(Reply::text(said)));
    let daemon = Daemon::start(home).await;
    let client = daemon.client();
    assert!(ear.resume(&client).await, "the turn has not ended");
    assert!(matches!(ear.next().await, Some(Event::TurnStarted { .. } | Event::Snapshot { .. })));
    assert_eq!(ear.attempt(), 2);
    let conversation = ear.conversation();
    let heard = ear.rest().await;
    assert_eq!((&heard.outcome, heard.text(), heard.shown()), (&Outcome::Completed, said.to_owned(), said.to_owned()));
    let last = heard.envelopes.last().unwrap();
    let point = townkeeper_contract::stream::ResumePoint { turn: last.turn.clone(), attempt: 2, seq: last.seq };
    assert!(client.resume(&point).await.unwrap().is_none(), "it ends once");
    assert_eq!(model.requests().len(), 2);
    // The conversation remembers the turn once.
    say(&client, &follow_up("and one more bedtime story", &conversation)).await;
    let messages = model.requests()[2]["messages"].to_string();
    assert_eq!((messages.matches(SMALL_TALK).count(), messages.matches(said).count()), (1, 1), "{messages}");
}

#[tokio::test]
async fn a_turn_that_outlives_the_drain_is_taken_up_by_the_next_process() {
    let Stage { model, home, mut daemon, mut ear } = mid_answer().await;
    daemon.signal("TERM").await;
    assert!(ear.next().await.is_none(), "the reader is let go without a terminal: the turn has not ended");
    assert!(daemon.gone().await.success());
    model.dropped(1).await;
    taken_up(&model, &home, ear, "A whole new story.").await;
}

#[tokio::test]
async fn an_answer_that_ends_while_draining_is_delivered() {
    let Stage { model, home, mut daemon, ear } = mid_answer().await;
    daemon.signal("TERM").await;
    draining(&daemon).await;
    model.release_many(words(STORY).len());
    let heard = ear.rest().await;
    assert_eq!((&heard.outcome, heard.text()), (&Outcome::Completed, STORY.to_owned()));
    assert!(daemon.gone().await.success());
    assert!(!home.data().join("daemon.url").exists(), "commands must not look for a daemon that is gone");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_telegram_answer_that_ends_while_draining_is_sent() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN);
    let mut daemon = Daemon::start(&home).await;
    telegram.push_message(42, 42, SMALL_TALK);
    model.arrived(1).await;
    daemon.signal("TERM").await;
    draining(&daemon).await;
    // Nothing new is accepted; it waits at Telegram for the next start.
    telegram.push_message(42, 42, "When does the migration end?");
    model.release_many(words(STORY).len());
    assert!(daemon.gone().await.success());
    let sent: Vec<String> = telegram.sent().into_iter().map(|message| message.text).collect();
    assert_eq!(sent, [STORY]);
    let _daemon = Daemon::start(&home).await;
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.unwrap();
    assert!(sent[1].text.contains("1 February 2027"), "{}", sent[1].text);
    assert_eq!(telegram.calls("sendMessage").len(), 2);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let Stage { model, home, mut daemon, ear } = mid_answer().await;
    daemon.signal("TERM").await;
    draining(&daemon).await;
    daemon.signal("TERM").await;
    assert_eq!(daemon.gone().await.code(), Some(130));
    taken_up(&model, &home, ear, "A whole new story.").await;
}

#[tokio::test]
async fn a_turn_that_was_killed_ends_once() {
    let Stage { model, home, daemon, ear } = mid_answer().await;
    daemon.kill().await;
    taken_up(&model, &home, ear, "A whole new story.").await;
}

#[tokio::test]
async fn what_was_answered_outlives_a_kill() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let heard = say(&daemon.client(), &question("will LUM be listed on the moon next year?")).await;
    let turn = heard.envelopes[0].turn.clone();
    daemon.kill().await;

    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let point = townkeeper_contract::stream::ResumePoint { turn, attempt: 1, seq: 0 };
    let again = crate::daemon::listen(client.resume(&point).await.unwrap().unwrap()).await;
    assert_eq!((&again.outcome, &again.reply), (&heard.outcome, &heard.reply));
    // Its button still works.
    let action = &heard.reply().offers.last().expect("a ticket is offered").action;
    let opened = say(&client, &crate::daemon::press(action, &heard.conversation)).await;
    assert!(opened.text().contains("#1"), "{}", opened.text());
}

#[tokio::test]
async fn a_second_daemon_on_the_same_data_is_refused() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let second = home.run(&["serve"]).await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.lines().any(|line| line.starts_with("townkeeper: ") && line.contains("in use by another")), "{said}");
    assert!(said.contains(&home.data().display().to_string()), "{said}");
    // The first is none the worse for it, and commands still find it.
    assert_eq!(say(&daemon.client(), &question("deadline?")).await.reply().kind, ReplyKind::Canonical);
    assert!(home.run(&["health"]).await.status.success());
}

#[tokio::test]
async fn an_idle_daemon_stops_for_either_signal_and_keeps_its_token() {
    let home = Home::new();
    let mut tokens = Vec::new();
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::start(&home).await;
        tokens.push(std::fs::read_to_string(home.data().join("api.token")).unwrap());
        daemon.signal(signal).await;
        assert!(daemon.gone().await.success());
    }
    assert_eq!(tokens[0], tokens[1]);
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(home.data().join("api.token")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
        assert_eq!(mode & 0o777, 0o600, "only its owner may read the token");
    }
}

#[tokio::test]
async fn logs_are_json_lines_when_asked_for_and_hold_no_questions() {
    let home = Home::new().with("[log]\njson = true\n");
    let mut command = home.command(&["serve"]);
    let log = home.folder().join("log");
    command.stderr(std::fs::File::create(&log).unwrap());
    let mut daemon = Daemon::spawned(command).await;
    say(&daemon.client(), &question("a question\nabout \u{1b}[31mlanterns")).await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.is_empty() && !log.contains("lanterns") && !log.contains('\u{1b}'), "{log}");
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
}
