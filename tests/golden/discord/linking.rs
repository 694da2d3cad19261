//! A server is linked as a whole, from any of its channels; what else is set is a channel's own.

use serde_json::{Value, json};
use townkeeper_contract::moderation::DeliveryState;
use townkeeper_contract::place::{PlaceInfo, PlaceSetting};
use townkeeper_fakes::discord::{DiscordFault, DiscordServer, DiscordState};

use super::{
    ADA, ASKED, ASKED_TOO, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, OWNER, SENDS, THREAD, answered, command, guild,
    nth, ready, stage, to_us, when, write,
};
use crate::daemon::{Daemon, Home, PATIENCE};

async fn unlinked() -> (DiscordServer, Home) {
    let (discord, home) = stage().await;
    (discord, home.replacing("groups = \"any\"\n", ""))
}

/// What `/keeper` answers to somebody there.
async fn keeper(discord: &DiscordServer, person: u64, channel: u64, words: &str) -> String {
    let id = command(discord, person, channel, "keeper", words);
    answered(discord, id).await
}

/// Waits until what showed that an answer comes is gone; with which flags it was shown.
async fn hushed(discord: &DiscordServer, id: u64) -> u64 {
    let gone = |s: &DiscordState| {
        let (_, message) = s.interactions[&id].original?;
        s.message(message).is_some_and(|m| m.deleted).then(|| s.interactions[&id].response.clone())
    };
    when(discord, |s| gone(s).is_some()).await;
    let response = discord.look(gone).unwrap().unwrap();
    assert_eq!(response["type"], 5);
    response["data"]["flags"].as_u64().unwrap_or(0)
}

/// Asked in a channel, where nobody is to answer; then in private, where somebody does: the `n`th message.
async fn unheard(discord: &DiscordServer, channel: u64, n: usize) {
    write(discord, channel, &to_us(ASKED.0));
    write(discord, discord.direct(BOT, ADA), ASKED_TOO.0);
    assert!(nth(discord, n).await.content.contains(ASKED_TOO.1));
}

async fn places(home: &Home) -> Vec<PlaceInfo> {
    let output = home.run(&["place", "list", "--json"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(list["places"].clone()).unwrap()
}

fn value(places: &[PlaceInfo], id: u64, setting: PlaceSetting) -> Option<&str> {
    let place = places.iter().find(|place| *place.place.0 == id.to_string())?;
    place.settings.iter().find(|shown| shown.setting == setting).map(|shown| shown.value.as_str())
}

#[tokio::test]
async fn a_server_is_told_once_and_linked_as_a_whole() {
    let (discord, home) = unlinked().await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    write(&discord, CHANNEL, &to_us(ASKED.0));
    assert!(nth(&discord, 1).await.content.contains("not switched on here"));
    unheard(&discord, ELSEWHERE, 2).await;
    // Whoever is a stranger to the place is not told so: what showed them alone that an answer comes goes.
    assert_eq!(hushed(&discord, command(&discord, ADA, CHANNEL, "keeper", "link")).await, 1 << 6);
    // What nobody answers shows nobody else that an answer comes.
    assert_eq!(hushed(&discord, command(&discord, ADA, CHANNEL, "ask", ASKED.0)).await, 1 << 6);
    unheard(&discord, CHANNEL, 3).await;
    // Who moderates channels does not switch the server on.
    assert!(keeper(&discord, MODERATOR, CHANNEL, "link").await.contains("those who manage"));
    assert!(keeper(&discord, OWNER, CHANNEL, "link").await.contains("Linked"));
    // The twin: where we answer a stranger is told.
    assert!(keeper(&discord, ADA, CHANNEL, "link").await.contains("those who moderate"));
    for (n, channel) in [CHANNEL, ELSEWHERE, THREAD].into_iter().enumerate() {
        write(&discord, channel, &to_us(ASKED.0));
        let answer = nth(&discord, 7 + n).await;
        assert!(answer.channel == channel && answer.content.contains(ASKED.1), "{}", answer.content);
    }
    let log = daemon.operator(&home).audit(10).await.unwrap().records;
    let acts: Vec<_> = log.iter().map(|record| (record.action.as_str(), record.subject.as_str())).collect();
    assert_eq!(acts, [("place.link", &*format!("discord:main/{GUILD}")), ("knowledge.bootstrap", "1")]);

    // A channel's own mode; it is linked because its server is.
    assert!(keeper(&discord, MODERATOR, ELSEWHERE, "mode off").await.contains("say nothing here"));
    unheard(&discord, ELSEWHERE, 11).await;
    let known = places(&home).await;
    assert_eq!(value(&known, GUILD, PlaceSetting::Link), Some("yes"));
    assert_eq!(value(&known, ELSEWHERE, PlaceSetting::Link), Some("yes"));
    assert_eq!(value(&known, ELSEWHERE, PlaceSetting::Mode), Some("off"));
    assert_eq!(value(&known, GUILD, PlaceSetting::Mode), Some("answer"));
    assert!(keeper(&discord, OWNER, ELSEWHERE, "unlink").await.contains("Unlinked"));
    unheard(&discord, CHANNEL, 13).await;
}

#[tokio::test]
async fn a_server_that_lets_us_go_is_unlinked_and_what_waits_for_its_channels_is_refused() {
    let (discord, home) = unlinked().await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    assert!(keeper(&discord, OWNER, ELSEWHERE, "link").await.contains("Linked"));
    discord.fault(SENDS, DiscordFault::TooMany { retry_after_s: 60.0, global: false, scope: "user" });
    write(&discord, CHANNEL, &to_us(ASKED.0));
    let client = daemon.operator(&home);
    let waits = async { while client.outbox(DeliveryState::Ready).await.unwrap().deliveries.is_empty() {} };
    tokio::time::timeout(PATIENCE, waits).await.expect("the answer does not wait");
    discord.push_dispatch("GUILD_DELETE", json!({ "id": GUILD.to_string() }));
    let refused = async { while client.outbox(DeliveryState::Refused).await.unwrap().deliveries.is_empty() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("what waits is not refused");
    assert!(client.outbox(DeliveryState::Ready).await.unwrap().deliveries.is_empty());
    assert_eq!(discord.look(|s| s.calls_of(SENDS).len()), 1);

    // Let in again, it must be wanted again, and may be told so again.
    discord.add_guild(guild(GUILD, &[CHANNEL, ELSEWHERE]));
    write(&discord, ELSEWHERE, &to_us(ASKED.0));
    when(&discord, |s| s.by(BOT).iter().any(|m| m.channel == ELSEWHERE && m.content.contains("not switched on"))).await;
}
