//! A freeze in the middle of an answer: after it is acknowledged, nothing is asked of Discord any more.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use townkeeper_fakes::discord::DiscordServer;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};
use townkeeper_store::{AdapterState, Store};

use super::live::{SHOWN, STORY, Stage, stage};
use super::{ADA, ASKED_TOO, BOT, CHANNEL, command, nth, ready, stage_at, to_us, when, write};
use crate::daemon::{Daemon, Home, PATIENCE, http};
use crate::model::SMALL_TALK;

/// Some four seconds long.
fn tale() -> Reply {
    let tale = "The keeper walks along the river and lights the lanterns again. ".repeat(8);
    Reply::Paced { deltas: words(tale.trim_end()), gap: Duration::from_millis(60) }
}

/// Every request that Discord saw.
fn left(discord: &DiscordServer) -> u64 {
    discord.look(|s| s.counts.values().sum())
}

/// Whatever a community does: writes, gives a command, types one, presses.
fn everything_happens(discord: &DiscordServer, pressed: u64) {
    let direct = discord.direct(BOT, ADA);
    write(discord, CHANNEL, &to_us(ASKED_TOO.0));
    command(discord, ADA, CHANNEL, "ask", ASKED_TOO.0);
    command(discord, ADA, CHANNEL, "ticket", "");
    let typed = json!([{ "type": 3, "name": "question", "value": "when", "focused": true }]);
    discord.push_interaction(json!({ "type": 4, "channel_id": CHANNEL, "user": { "id": ADA },
        "data": { "name": "ask", "options": typed } }));
    discord.push_interaction(json!({ "type": 3, "channel_id": direct, "user": { "id": ADA },
        "message": { "id": pressed }, "data": { "component_type": 2, "custom_id": "made-up" } }));
}

/// How many events of the account are on disk.
async fn kept(daemon: &Daemon) -> u64 {
    let page = http().get(format!("{}/metrics", daemon.url)).send().await.unwrap().text().await.unwrap();
    let of_account = |line: &&str| {
        line.starts_with("townkeeper_events_total") && line.contains("discord:main") && line.contains("\"yes\"")
    };
    let count = page.lines().find(of_account).and_then(|line| line.rsplit(' ').next());
    count.map_or(0, |count| count.parse().unwrap())
}

/// A freeze in the middle of an answer, acknowledged; then everything happens. How many requests Discord saw before that,
/// and after the daemon has ended.
async fn freezes(without: Option<&str>) -> (u64, u64) {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let (discord, home) = stage_at(Home::new().with_model(&model.base_url())).await;
    let mut command = home.command(&["serve"]);
    if let Some(guard) = without {
        command.env("TOWNKEEPER_FAULT", format!("{guard}:off"));
    }
    let daemon = Daemon::spawned(command).await;
    ready(&discord).await;
    let mut stage = Stage { model, discord, home, daemon };
    let shown = stage.shown().await;
    let frozen = stage.daemon.operator(&stage.home).freeze("drill").await.unwrap();
    assert!(frozen.frozen && !frozen.unconfirmed, "{frozen:?}");
    let before = left(&stage.discord);
    stage.model.release_many(words(STORY).len());
    everything_happens(&stage.discord, shown.id);
    let taken = async { tokio::join!(stage.model.dropped(1), async { while kept(&stage.daemon).await < 4 {} }) };
    tokio::time::timeout(PATIENCE, taken).await.expect("the model is let go, and what happens is taken");
    // Its turns and its promises end first.
    stage.daemon.signal("TERM").await;
    stage.daemon.gone().await;
    assert_eq!(stage.discord.look(|s| s.message(shown.id).unwrap().content.clone()), format!("{SHOWN} …"));
    (before, left(&stage.discord))
}

#[tokio::test]
async fn after_a_freeze_is_acknowledged_nothing_is_asked_of_discord() {
    let (before, after) = freezes(None).await;
    assert_eq!(after, before, "something was asked after the freeze was acknowledged");
}

/// The red twin: were a press or a command still told that it was heard, that would leave.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_what_stands_in_no_outbox_would_leave_a_frozen_town() {
    let (before, after) = freezes(Some("freeze.leave")).await;
    assert!(after > before, "{before}, {after}");
}

/// A freeze by a file: the answer stops where it is.
#[tokio::test]
async fn a_file_freezes_in_the_middle_of_an_answer() {
    let Stage { discord, home, daemon, model } = stage(tale()).await;
    write(&discord, discord.direct(BOT, ADA), SMALL_TALK);
    nth(&discord, 1).await;
    std::fs::write(home.data().join("freeze"), "").unwrap();
    tokio::time::timeout(PATIENCE, model.dropped(1)).await.expect("the model is let go");
    let frozen = async { while !daemon.client().ready().await.unwrap().frozen {} };
    tokio::time::timeout(PATIENCE, frozen).await.expect("it sees the file");
    assert!(nth(&discord, 1).await.content.ends_with('…'));
}

/// The red twin: a daemon that does not look says all of it.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_without_looking_a_file_stops_nothing() {
    let model = ModelServer::start(Script::always(tale())).await;
    let (discord, home) = stage_at(Home::new().with_model(&model.base_url())).await;
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER_FAULT", "freeze.look:off");
    let _daemon = Daemon::spawned(command).await;
    ready(&discord).await;
    write(&discord, discord.direct(BOT, ADA), SMALL_TALK);
    nth(&discord, 1).await;
    std::fs::write(home.data().join("freeze"), "").unwrap();
    when(&discord, |s| s.by(BOT)[0].content.ends_with("again.")).await;
}

#[cfg(feature = "faults")]
const COMMANDS: &str = "PUT /applications/{application.id}/commands";
#[cfg(feature = "faults")]
/// What a log-in asks for, and what a session that goes on does: there no event tells of the channels.
const OF_LOG_IN: [&str; 2] = ["GET /channels/{channel.id}/messages", COMMANDS];
#[cfg(feature = "faults")]
const OF_RESUME: [&str; 2] = ["GET /channels/{channel.id}", COMMANDS];

/// Started again into a frozen town, in which much was missed: by a new log-in, or with the same session. Ended once so many
/// events are taken and these routes were asked for. How often each route was, but where the gateway is.
async fn started_frozen(cold: bool, without: Option<&str>, events: u64, asks: &[&str]) -> BTreeMap<&'static str, u64> {
    let (discord, home) = super::stage().await;
    let mut daemon = Daemon::start(&home).await;
    ready(&discord).await;
    write(&discord, CHANNEL, &to_us(ASKED_TOO.0));
    nth(&discord, 1).await;
    daemon.operator(&home).freeze("drill").await.unwrap();
    daemon.signal("TERM").await;
    daemon.gone().await;
    write(&discord, CHANNEL, &to_us(ASKED_TOO.0));
    write(&discord, discord.direct(BOT, ADA), ASKED_TOO.0);
    if cold {
        discord.tune(|options| options.resume_window_ms = 0);
        discord.advance(Duration::from_secs(1));
    }
    let store = Store::open(&home.data()).await.unwrap();
    // Commands to be offered anew: what another key sealed is as good as nothing.
    let (workspace, account) = (crate::daemon::WORKSPACE.to_owned(), "discord:main".to_owned());
    let state = AdapterState { workspace, account, name: "commands".to_owned(), sealed: String::new(), now_ms: 1 };
    store.keep_adapter_state(state).await.unwrap();
    store.close().await;
    let before = discord.look(|s| s.counts.clone());
    let mut command = home.command(&["serve"]);
    if let Some(guard) = without {
        command.env("TOWNKEEPER_FAULT", format!("{guard}:off"));
    }
    let mut daemon = Daemon::spawned(command).await;
    when(&discord, |s| s.connected() == 1 && (!cold || s.identifies.len() == 2)).await;
    write(&discord, CHANNEL, &to_us(ASKED_TOO.0));
    let taken = async { while kept(&daemon).await < events {} };
    tokio::time::timeout(PATIENCE, taken).await.expect("it is taken");
    let times = |counts: &BTreeMap<&'static str, u64>, route: &str| counts.get(route).copied().unwrap_or_default();
    when(&discord, |s| asks.iter().all(|route| times(&s.counts, route) > times(&before, route))).await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let mut asked = discord.look(|s| s.counts.clone());
    for (route, count) in &mut asked {
        *count -= times(&before, route);
    }
    asked.into_iter().filter(|(route, count)| *count > 0 && !route.contains("/gateway")).collect()
}

#[tokio::test]
async fn a_start_asks_nothing_of_discord_for_a_frozen_town() {
    for (cold, events) in [(true, 1), (false, 3)] {
        let asked = started_frozen(cold, None, events, &[]).await;
        assert!(asked.is_empty(), "{cold}: {asked:?}");
    }
}

/// The red twin: what was missed, which commands there are and what kind of place something is would all be asked for.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_receiving_would_ask_for_what_it_does_not_know() {
    started_frozen(true, Some("freeze.leave"), 3, &OF_LOG_IN).await;
    started_frozen(false, Some("freeze.leave"), 3, &OF_RESUME).await;
}
