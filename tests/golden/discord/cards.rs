//! A case's card on Discord: its buttons do what they say, for moderators alone, and it says how its case stands.

use serde_json::Value;
use townkeeper_client::Client;
use townkeeper_contract::case::CaseState;
use townkeeper_contract::moderation::{DeliveryState, Verb};
use townkeeper_fakes::discord::{DiscordServer, DiscordState, Message};

use super::buttons::{button, press};
use super::{
    ADA, BOB, BOT, CHANNEL, ELSEWHERE, GUILD, MODERATOR, answered, command, guild, ready, stage_of, when, write_as,
};
use crate::cases::LURE;
use crate::daemon::{Daemon, Home, PATIENCE};

async fn keeper(discord: &DiscordServer, channel: u64, words: &str, answer: &str) {
    let id = command(discord, MODERATOR, channel, "keeper", words);
    let said = answered(discord, id).await;
    assert!(said.contains(answer), "{words}: {said}");
}

/// A server whose moderators read in a channel of their own, and a lure in the other; its number, and the card.
async fn shown() -> (DiscordServer, Home, Daemon, u64, Message) {
    let (discord, home) = stage_of(crate::cases::home(), guild(GUILD, &[CHANNEL, ELSEWHERE])).await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    keeper(&discord, CHANNEL, "shield flag", "show moderators").await;
    keeper(&discord, ELSEWHERE, "notices here", "come here from now on").await;
    let lure = write_as(&discord, BOB, CHANNEL, LURE);
    let card = says(&discord, "Case 1").await;
    (discord, home, daemon, lure, card)
}

/// The first message of ours in the moderators' channel that says this, as it is then.
async fn says(discord: &DiscordServer, words: &str) -> Message {
    let found = |s: &DiscordState| {
        let mut ours = s.by(BOT).into_iter().filter(|m| m.channel == ELSEWHERE && m.content.contains(words));
        ours.next().cloned()
    };
    when(discord, |s| found(s).is_some()).await;
    discord.look(found).unwrap()
}

fn labels(message: &Message) -> Vec<String> {
    let rows = message.components.iter().filter_map(|row| row["components"].as_array());
    rows.flatten().map(|button| button["label"].as_str().unwrap_or_default().to_owned()).collect()
}

const OPEN: [&str; 4] = ["Scam: content", "Scam: account", "Not a scam", "Unsure"];

/// The card once it says this; it has these buttons.
async fn redrawn(discord: &DiscordServer, card: &Message, words: &str, buttons: &[&str]) -> Message {
    let is = |s: &DiscordState| s.message(card.id).is_some_and(|m| m.content.contains(words) && labels(m) == buttons);
    when(discord, is).await;
    discord.look(|s| s.message(card.id).cloned()).unwrap()
}

async fn is_done(client: &Client, verb: Verb) {
    let asked = async {
        let done = |act: &townkeeper_contract::moderation::ModerationAct| {
            act.verb == verb && act.state == Some(DeliveryState::Sent)
        };
        while !client.moderation().await.unwrap().acts.iter().any(done) {}
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{verb} is not done"));
}

#[tokio::test]
async fn a_plain_members_press_changes_nothing_and_a_moderators_takes_the_lure_down() {
    let (discord, home, daemon, lure, card) = shown().await;
    let client = daemon.operator(&home);
    assert_eq!(labels(&card), OPEN);
    assert!(!card.content.contains("claim-lumen.example.net"), "{}", card.content);
    let content = button(&card, "Scam: content");
    let id = press(&discord, ADA, &card, &content);
    let refused = says(&discord, "you may not do that here").await;
    assert!(refused.components.is_empty() && refused.flags & 1 << 6 != 0, "nobody else reads it");
    when(&discord, |s| s.interactions[&id].response.is_some()).await;
    assert_eq!(client.cases().await.unwrap().cases[0].state, CaseState::Open);
    assert!(discord.look(|s| s.message(lure).is_some_and(|m| !m.deleted)));
    press(&discord, MODERATOR, &card, &content);
    when(&discord, |s| s.message(lure).is_some_and(|m| m.deleted)).await;
    redrawn(&discord, &card, "Decided: scam, by its words", &["Undo"]).await;
    assert_eq!(client.cases().await.unwrap().cases[0].state, CaseState::Content);
}

#[tokio::test]
async fn an_account_is_timed_out_by_a_press_and_let_go_by_undo() {
    let (discord, home, daemon, lure, card) = shown().await;
    let client = daemon.operator(&home);
    press(&discord, MODERATOR, &card, &button(&card, "Scam: account"));
    when(&discord, |s| s.message(lure).is_some_and(|m| m.deleted) && s.timeouts.contains_key(&(GUILD, BOB))).await;
    let decided = redrawn(&discord, &card, "Decided: scam, by its account", &["Undo"]).await;
    assert!(decided.content.contains(&MODERATOR.to_string()), "by whom: {}", decided.content);
    is_done(&client, Verb::Restrict).await;
    let undo = button(&decided, "Undo");
    press(&discord, ADA, &decided, &undo);
    says(&discord, "you may not do that here").await;
    assert!(discord.look(|s| s.timeouts.contains_key(&(GUILD, BOB))));
    press(&discord, MODERATOR, &decided, &undo);
    redrawn(&discord, &card, "Case 1", &OPEN).await;
    is_done(&client, Verb::Release).await;
    assert!(discord.look(|s| s.timeouts.is_empty()));
    assert_eq!(client.cases().await.unwrap().cases[0].state, CaseState::Open);
}

#[tokio::test]
async fn not_a_scam_and_unsure_are_said_and_taken_back_below_the_card() {
    let (discord, home, daemon, lure, card) = shown().await;
    let client = daemon.operator(&home);
    for (label, words, state) in
        [("Not a scam", "Decided: no scam", CaseState::Clear), ("Unsure", "Decided: unsure", CaseState::Unsure)]
    {
        let open = redrawn(&discord, &card, "Case 1", &OPEN).await;
        press(&discord, MODERATOR, &open, &button(&open, label));
        let decided = redrawn(&discord, &card, words, &["Undo"]).await;
        assert_eq!(client.cases().await.unwrap().cases[0].state, state);
        press(&discord, MODERATOR, &decided, &button(&decided, "Undo"));
        redrawn(&discord, &card, "Case 1", &OPEN).await;
    }
    assert!(discord.look(|s| s.message(lure).is_some_and(|m| !m.deleted) && s.timeouts.is_empty()));
    assert!(client.moderation().await.unwrap().acts.is_empty());
    let mentions = discord.look(|s| s.message(card.id).and_then(|m| m.allowed_mentions.clone()));
    assert_eq!(mentions.map(|mentions| mentions["parse"].clone()), Some(Value::Array(Vec::new())));
}
