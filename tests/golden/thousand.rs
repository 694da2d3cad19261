//! The hostile model, a thousand times, against the built daemon: nothing of it is read, nothing of it happens.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use townkeeper_fakes::hostile::{Attack, calls, spoken};
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home, PATIENCE, http};
use crate::hostile::{bytes, leaks, leaves, ungated};
use crate::model::SMALL_TALK;
use crate::vendors::metric;

/// Every reply in turn, whatever is asked.
fn script(attack: &Attack) -> Script {
    attack.replies.iter().cloned().fold(Script::new(), Script::then)
}

/// Nothing was done: no ticket is open, nothing is remembered.
async fn nothing_happened(home: &Home, daemon: &Daemon) {
    assert!(daemon.operator(home).tickets().await.unwrap().tickets.is_empty(), "a ticket was opened");
    let kept = metric(home, daemon, r#"townkeeper_memory_writes_total{phase="committed"}"#).await;
    assert_eq!(kept, None, "something was remembered");
}

#[tokio::test]
async fn a_thousand_attacks_over_the_web_are_neither_read_nor_done() {
    let model = ModelServer::start(Script::new()).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let http = http();
    let attacks: Vec<Attack> = spoken().into_iter().chain(calls()).collect();
    assert!(attacks.len() >= 1000, "{}", attacks.len());
    let mut failed = Vec::new();
    for attack in &attacks {
        model.set(script(attack));
        let seen = bytes(&http, &daemon, SMALL_TALK).await;
        let said = !attack.text.is_empty() && seen.contains("\"kind\":\"model\"");
        if leaks(&seen, &attack.needle) || said || seen.contains("\"phase\":\"committed\"") {
            failed.push(format!("{}: {:?} ({:?})", attack.family, attack.text, attack.replies));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), attacks.len(), failed.join("\n"));
    assert!(model.requests().len() >= attacks.len(), "the model was not asked every time");
    nothing_happened(&home, &daemon).await;
}

/// The red twin: without the gate each of them is read, and the detector says so.
#[tokio::test]
async fn without_the_gate_each_of_them_is_read() {
    let model = ModelServer::start(Script::new()).await;
    for attack in spoken() {
        model.set(script(&attack));
        let seen = ungated(&model).await;
        assert!(leaks(&seen, &attack.needle), "{}: the detector is blind to {:?}: {seen}", attack.family, attack.text);
    }
}

/// A thousand means a thousand: no two say the same.
#[test]
fn a_thousand_attacks_are_a_thousand_different_ones() {
    let attacks = spoken();
    let texts: HashSet<&str> = attacks.iter().map(|attack| attack.text.as_str()).collect();
    assert_eq!(texts.len(), attacks.len(), "some say the same");
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for attack in &attacks {
        *families.entry(attack.family).or_default() += 1;
    }
    assert!(attacks.len() >= 1000 && families.len() >= 18, "{families:?}");
    assert!(families.values().all(|count| *count >= 8), "{families:?}");
}

/// The red twin of each family: the built daemon with its gate off lets people read it.
#[tokio::test]
async fn red_twin_without_the_gate_every_family_is_read() {
    let model = ModelServer::start(Script::new()).await;
    let (_home, daemon) = without("gate.judges", &model).await;
    let mut one_each: BTreeMap<&str, Attack> = BTreeMap::new();
    for attack in spoken() {
        one_each.entry(attack.family).or_insert(attack);
    }
    for (family, attack) in &one_each {
        model.set(script(attack));
        let seen = bytes(&http(), &daemon, SMALL_TALK).await;
        assert!(leaks(&seen, &attack.needle), "{family}: {:?} is not read without the gate: {seen}", attack.text);
    }
}

/// A near miss of one of ours is counted apart from what is merely unknown.
#[tokio::test]
async fn a_look_alike_of_ours_raises_an_alarm_and_the_unknown_does_not() {
    let model = ModelServer::start(Script::new()).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let alarms = async |kind: &str| {
        metric(&home, &daemon, &format!("townkeeper_gate_look_alikes_total{{kind=\"{kind}\"}}")).await
    };
    for (said, kind) in [("open other.example.com today", "host"), ("it ends on 9 May 2031 at noon", "date")] {
        model.set(Script::always(Reply::text(said)));
        bytes(&http(), &daemon, SMALL_TALK).await;
        assert_eq!(alarms(kind).await, None, "{said:?} is like nothing of ours");
    }
    for (said, kind) in [("open lumen.exarnple.org today", "host"), ("it ends on 2 February 2027 at noon", "date")] {
        model.set(Script::always(Reply::text(said)));
        let seen = bytes(&http(), &daemon, SMALL_TALK).await;
        assert!(seen.contains("\"kind\":\"abstention\""), "a near miss is not corrected: {seen}");
        assert_eq!(alarms(kind).await.map(|n| n.to_string()).as_deref(), Some("1"), "{said:?}");
    }
}

/// A daemon without one of its guards.
async fn without(guard: &str, model: &ModelServer) -> (Home, Daemon) {
    let home = Home::new().with_model(&model.base_url());
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER_FAULT", format!("{guard}:off"));
    let daemon = Daemon::spawned(command).await;
    (home, daemon)
}

/// The red twin: were calls shown as they come, each of them would be read, and the detector says so.
#[tokio::test]
async fn red_twin_calls_that_are_shown_as_they_come_are_read() {
    let model = ModelServer::start(Script::new()).await;
    let (_home, daemon) = without("tools.shown", &model).await;
    for attack in calls() {
        model.set(script(&attack));
        let seen = bytes(&http(), &daemon, SMALL_TALK).await;
        assert!(
            leaks(&seen, &attack.needle),
            "{}: the detector is blind to {:?}: {seen}",
            attack.family,
            attack.replies
        );
    }
}

/// The red twin: were notes not judged, each of them would be kept, and the detectors say so.
#[tokio::test]
async fn red_twin_notes_that_nobody_judges_are_kept() {
    let model = ModelServer::start(Script::new()).await;
    let (home, daemon) = without("memory.judge", &model).await;
    let notes: Vec<Attack> = calls().into_iter().filter(|attack| attack.family == "memory poisoning").collect();
    assert!(notes.len() >= 25, "{}", notes.len());
    for attack in &notes {
        model.set(script(attack));
        let seen = bytes(&http(), &daemon, SMALL_TALK).await;
        assert!(seen.contains("\"phase\":\"committed\""), "{:?}: {seen}", attack.replies);
    }
    let kept = metric(&home, &daemon, r#"townkeeper_memory_writes_total{phase="committed"}"#).await;
    assert_eq!(kept.map(|kept| kept.to_string()), Some(notes.len().to_string()));
}

#[tokio::test]
async fn attacks_over_telegram_are_neither_read_nor_done() {
    const TOKEN: &str = "123456:abcDEF";
    let telegram = TelegramServer::start(TOKEN).await;
    let model = ModelServer::start(Script::new()).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN).with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    // Some of each family, and all the calls.
    let attacks: Vec<Attack> = spoken().into_iter().step_by(6).chain(calls()).collect();
    assert!(attacks.len() >= 150, "{}", attacks.len());
    for (at, attack) in attacks.iter().enumerate() {
        model.set(script(attack));
        let person = 1000 + i64::try_from(at).unwrap();
        telegram.push_message(person, person, SMALL_TALK);
        let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(at + 1)).await.expect("no answer comes");
        let mut read = String::new();
        sent.iter().skip(at).for_each(|message| leaves(&message.body, &mut read));
        assert!(!leaks(&read, &attack.needle), "{}: {:?} was read as {read:?}", attack.family, attack.text);
    }
    assert!(model.requests().len() >= attacks.len(), "the model was not asked every time");
    nothing_happened(&home, &daemon).await;
}

/// A model that says back what it was told shows nobody the boundary.
#[tokio::test]
async fn an_echo_of_the_prompt_shows_no_boundary() {
    let model = ModelServer::start(Script::always(Reply::Echo)).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let seen = bytes(&http(), &daemon, SMALL_TALK).await;
    let request = model.requests().remove(0);
    let system = request["messages"][0]["content"].as_str().unwrap().to_owned();
    let after = system.split_once("Text between lines of ").expect("the prompt names its boundary").1;
    let boundary = after.split_whitespace().next().unwrap();
    assert!(!leaks(&seen, boundary), "{seen}");
    // The twin: the model did say it.
    assert!(leaks(&ungated_echo(&system), boundary));
}

fn ungated_echo(system: &str) -> String {
    let event: Value = json!({ "event": { "type": "StreamChunk", "part": 0, "delta": system } });
    format!("data: {event}\n\n")
}
