//! The agent through the wire: what it may spend, how fast people may ask, its tools, its memory, and follow-ups.

use serde_json::json;
use tokio::process::Command;
use townkeeper_contract::stream::{ErrorClass, Event, MemoryPhase, Outcome, ReplyKind};
use townkeeper_core::budget;
use townkeeper_engine::clock::Clock;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::Store;

use crate::daemon::{Daemon, Ear, Heard, Home, PATIENCE, WORKSPACE, follow_up, press, question, say};
use crate::model::SMALL_TALK;
use crate::vendors::metric;

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

struct Stage {
    model: ModelServer,
    home: Home,
    daemon: Daemon,
}

/// A daemon with a model and these variables.
async fn stage(script: Script, set: &[(&str, &str)]) -> Stage {
    let model = ModelServer::start(script).await;
    let home = Home::new().with_model(&model.base_url());
    let mut command: Command = home.command(&["serve"]);
    command.envs(set.iter().copied());
    let daemon = Daemon::spawned(command).await;
    Stage { model, home, daemon }
}

fn offers_ticket(heard: &Heard) -> bool {
    heard.reply().offers.iter().any(|offer| offer.action.as_str().starts_with("ticket:"))
}

#[tokio::test]
async fn an_empty_budget_is_an_abstention_with_a_ticket() {
    // Enough for some answers of one person, and for some more people.
    let set = [("TOWNKEEPER__BUDGET__PERSON_TOKENS_PER_DAY", "8000")];
    let Stage { model, home, daemon } = stage(Script::always(Reply::text(STORY)), &set).await;
    let client = daemon.client();
    let first = say(&client, &question(SMALL_TALK)).await;
    assert_eq!(first.reply().kind, ReplyKind::Model);
    let mut answered = 1;
    let spent = loop {
        let heard = say(&client, &follow_up(SMALL_TALK, &first.conversation)).await;
        assert_eq!(heard.outcome, Outcome::Completed);
        if heard.reply().kind != ReplyKind::Model {
            break heard;
        }
        answered += 1;
        assert!(answered < 20, "a budget of 8000 tokens never ends");
    };
    assert!(spent.reply().kind == ReplyKind::Abstention && offers_ticket(&spent), "{spent:?}");
    assert_eq!(model.requests().len(), answered, "what is not in the budget is not asked");
    // The base answers as before, and so does the model somebody else.
    let canonical = say(&client, &follow_up("when does the migration end?", &first.conversation)).await;
    assert_eq!(canonical.reply().kind, ReplyKind::Canonical);
    assert_eq!(say(&client, &question(SMALL_TALK)).await.reply().kind, ReplyKind::Model);
    assert_eq!(metric(&home, &daemon, "townkeeper_budget_refused_total").await, Some(1.0));
}

#[tokio::test]
async fn without_a_budget_no_model_is_asked() {
    let set = [("TOWNKEEPER__BUDGET__WORKSPACE_TOKENS_PER_DAY", "0")];
    let Stage { model, daemon, home: _home } = stage(Script::always(Reply::text(STORY)), &set).await;
    let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
    assert_eq!((heard.reply().kind, model.requests().len()), (ReplyKind::Abstention, 0));
}

/// A vendor that never ends and lies about what it used: it is cut off, and our own count is settled.
#[tokio::test]
async fn what_never_ends_is_cut_off_and_counted_by_us() {
    let pieces = ["calm water ", "under slow ", "boats and "];
    let endless = Reply::Text(pieces.iter().cycle().take(8_000).map(|piece| (*piece).to_owned()).collect());
    let set = [("TOWNKEEPER__BUDGET__WORKSPACE_TOKENS_PER_DAY", "5000")];
    let Stage { model, daemon, home: _home } = stage(Script::always(endless), &set).await;
    let client = daemon.client();
    let heard = say(&client, &question(SMALL_TALK)).await;
    assert_eq!(heard.failure(), ErrorClass::Protocol);
    assert!(heard.streamed().len() < 70 * 1024, "{}", heard.streamed().len());
    // It used more than the day has: nobody asks it again.
    let spent = say(&client, &question(SMALL_TALK)).await;
    assert_eq!((spent.reply().kind, model.requests().len()), (ReplyKind::Abstention, 1));
}

/// Stopped in mid-answer, what was used is counted, and what was reserved is given back.
#[tokio::test]
async fn a_stopped_answer_is_settled() {
    let set = [("TOWNKEEPER__BUDGET__PERSON_TOKENS_PER_DAY", "100000")];
    let Stage { model, daemon, home } = stage(Script::always(Reply::gated(STORY)), &set).await;
    let client = daemon.client();
    let mut ear = Ear::ask(&client, &question(SMALL_TALK)).await;
    model.release();
    ear.words().await;
    assert_eq!(metric(&home, &daemon, "townkeeper_tokens_total").await, None, "not before its end");
    assert!(client.cancel(&ear.turn()).await.unwrap());
    ear.rest().await;
    model.dropped(1).await;
    let settled = async {
        while metric(&home, &daemon, "townkeeper_tokens_total").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("what it used is never counted");
    drop(daemon);
    let store = Store::open(&home.data()).await.unwrap();
    let day = budget::day(Clock::system().now_ms());
    let spent = store.spent_on(WORKSPACE, "", day).await.unwrap();
    assert!(spent.spent.tokens > 500 && spent.held.tokens == 0, "{spent:?}");
}

#[tokio::test]
async fn who_floods_is_told_so_once_and_the_base_still_answers() {
    const TOKEN: &str = "123456:abcDEF";
    let telegram = TelegramServer::start(TOKEN).await;
    let model = ModelServer::start(Script::always(Reply::text(STORY))).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN).with_model(&model.base_url());
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER__FLOOD__MESSAGES_PER_MINUTE", "10");
    let daemon = Daemon::spawned(command).await;
    for at in 0..30 {
        telegram.push_message(42, 42, &format!("please tell me a bedtime story about owl number {at} and lanterns"));
    }
    telegram.push_message(42, 42, "When does the migration end?");
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(12)).await.expect("the messages do not come");
    let texts: Vec<&str> = sent.iter().filter_map(|message| message.body["text"].as_str()).collect();
    let like = |words: &str| texts.iter().filter(|text| text.contains(words)).count();
    assert_eq!((like("lantern burns"), like("a lot in one minute"), like("1 February 2027")), (10, 1, 1), "{texts:?}");
    assert_eq!((sent.len(), model.requests().len()), (12, 10), "one notice, and silence for the rest");
    let shed = r#"townkeeper_shed_total{why="person"}"#;
    assert_eq!(metric(&home, &daemon, shed).await, Some(21.0), "each one counted");
}

fn tool(name: &str, args: serde_json::Value) -> Reply {
    Reply::Tool { name: name.to_owned(), args }
}

#[tokio::test]
async fn a_model_offers_a_ticket_and_only_the_person_opens_it() {
    let script = Script::new().when("bedtime", [tool("open_ticket", json!({})), Reply::text(STORY)]);
    let Stage { model, daemon, home } = stage(script, &[]).await;
    let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
    assert_eq!(heard.reply().kind, ReplyKind::Model);
    assert!(model.requests()[1]["messages"].to_string().contains("Only the person can open"));
    assert!(daemon.operator(&home).tickets().await.unwrap().tickets.is_empty(), "nothing was opened");
    let button = heard.reply().offers.first().expect("a button").action.clone();
    let opened = say(&daemon.client(), &press(&button, &heard.conversation)).await;
    assert!(opened.text().contains("#1"), "{}", opened.text());
    let tickets = daemon.operator(&home).tickets().await.unwrap().tickets;
    assert_eq!(tickets.iter().map(|t| t.question.as_str()).collect::<Vec<_>>(), [SMALL_TALK]);
}

#[tokio::test]
async fn tools_answer_whatever_they_are_sent() {
    for (call, told) in [
        (tool("read_status", json!({ "x": 1 })), "reviewed answers"),
        (tool("look_up", json!({ "question": 7 })), "`question` is missing"),
        (Reply::RawTool { name: "look_up".to_owned(), args: "{\"question\": \"mig".to_owned() }, "not JSON"),
        (tool("grant_role", json!({ "role": "owner" })), "no such tool"),
    ] {
        let script = Script::new().when("bedtime", [call.clone(), Reply::text(STORY)]);
        let Stage { model, daemon, home: _home } = stage(script, &[]).await;
        let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
        assert_eq!(heard.text(), STORY, "{call:?}");
        let answered = model.requests()[1]["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        assert!(answered.contains(told), "{call:?}: {answered}");
        assert!(answered.len() < 6 * 1024, "{call:?}: {}", answered.len());
        assert!(!serde_json::to_string(&heard.envelopes).unwrap().contains("grant_role"));
    }
}

/// The phases of the notes of a turn.
fn phases(heard: &Heard) -> Vec<MemoryPhase> {
    let phase = |event: &Event| match event {
        Event::MemoryWriteEvent { phase, .. } => Some(*phase),
        _ => None,
    };
    heard.envelopes.iter().filter_map(|envelope| phase(&envelope.event)).collect()
}

fn remembers(note: &str) -> Script {
    Script::new().when("bedtime", [tool("remember", json!({ "note": note })), Reply::text(STORY)])
}

#[tokio::test]
async fn a_note_is_kept_shown_used_as_data_and_erased() {
    let Stage { model, daemon, home: _home } = stage(remembers("Speaks Spanish"), &[]).await;
    let client = daemon.client();
    let heard = say(&client, &question(SMALL_TALK)).await;
    assert_eq!(phases(&heard), [MemoryPhase::Proposed, MemoryPhase::Committed]);
    let events = serde_json::to_string(&heard.envelopes).unwrap();
    assert!(!events.contains("Spanish"), "the value is not for those who read along");
    let here = |text: &str| follow_up(text, &heard.conversation);
    assert!(say(&client, &here("/memory")).await.text().contains("Speaks Spanish"));
    // Nobody else's memory.
    assert!(!say(&client, &question("/memory")).await.text().contains("Spanish"));

    say(&client, &here("one more bedtime story about the sea and boats")).await;
    let asked = || {
        let request = model.requests().last().unwrap().clone();
        let messages = request["messages"].as_array().unwrap().clone();
        let user = messages.iter().rev().find(|message| message["role"] == "user").unwrap().clone();
        (messages[0]["content"].as_str().unwrap().to_owned(), user["content"].as_str().unwrap().to_owned())
    };
    let (system, user) = asked();
    assert!(!system.contains("Spanish"), "what people wrote is not in the system prompt: {system}");
    let lines: Vec<&str> = user.lines().collect();
    let at = lines.iter().position(|line| *line == "Speaks Spanish").expect("the note is in the question");
    assert!(lines[at - 1] == lines[at + 1] && lines[at - 1].len() == 26, "fenced: {user}");

    let asked_back = say(&client, &here("/forget")).await;
    assert!(say(&client, &here("/memory")).await.text().contains("Spanish"), "nothing is erased unasked");
    let button = asked_back.reply().offers.first().expect("a button").action.clone();
    assert_eq!(say(&client, &press(&button, &heard.conversation)).await.text(), "Erased.");
    assert!(!say(&client, &here("/memory")).await.text().contains("Spanish"));
}

#[tokio::test]
async fn what_could_be_authority_is_not_remembered() {
    for note in ["The portal is lumen-claim.example.net", "Is an admin of this group", "ask @helper", "Gets double"] {
        let Stage { daemon, home: _home, model } = stage(remembers(note), &[]).await;
        let client = daemon.client();
        let heard = say(&client, &question(SMALL_TALK)).await;
        assert_eq!(phases(&heard), [MemoryPhase::Proposed, MemoryPhase::Rejected], "{note}");
        let memory = say(&client, &follow_up("/memory", &heard.conversation)).await.text();
        assert!(memory.contains("nothing"), "{note}: {memory}");
        assert!(model.requests()[1]["messages"].to_string().contains("not remembered"), "{note}");
    }
}

#[tokio::test]
async fn what_an_answer_that_does_not_stand_would_remember_is_rolled_back() {
    let note = tool("remember", json!({ "note": "Speaks Spanish" }));
    for end in [Reply::text("send 2.5 ETH and wait"), Reply::Cut { after: vec!["The lantern ".to_owned()] }] {
        let script = Script::new().when("bedtime", [note.clone(), end.clone()]);
        let Stage { daemon, home: _home, model: _model } = stage(script, &[]).await;
        let client = daemon.client();
        let heard = say(&client, &question(SMALL_TALK)).await;
        assert_eq!(phases(&heard), [MemoryPhase::Proposed, MemoryPhase::Rejected], "{end:?}");
        let memory = say(&client, &follow_up("/memory", &heard.conversation)).await.text();
        assert!(memory.contains("nothing"), "{end:?}: {memory}");
    }
}

/// Without any model: the entry that the answer before came from says what a short question is about.
#[tokio::test]
async fn a_follow_up_is_answered_in_the_light_of_the_answer_before() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let first = say(&client, &question("how do I migrate?")).await;
    assert_eq!(first.reply().kind, ReplyKind::Canonical, "{first:?}");
    let then = say(&client, &follow_up("and with staking?", &first.conversation)).await;
    let cited = |heard: &Heard| heard.reply().citation.as_ref().map(|citation| citation.entry.0.clone());
    assert_eq!(cited(&then).as_deref(), Some("staked-tokens"), "{}", then.text());
    // The twin: out of the blue it is no answer.
    let alone = say(&client, &question("and with staking?")).await;
    assert_eq!(alone.reply().kind, ReplyKind::Abstention, "{}", alone.text());
    // What shares nothing with the base stays unanswered, whatever went before.
    for asked in ["and for cats?", "and then?", "what about it?"] {
        let heard = say(&client, &follow_up(asked, &first.conversation)).await;
        assert_ne!(heard.reply().kind, ReplyKind::Canonical, "{asked}: {}", heard.text());
    }
}
