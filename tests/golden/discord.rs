//! Discord: from the fake through the daemon to the fake. Asked in private, by a mention and by a command; answered
//! once each, also over a kill.

use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordBot, DiscordFault, DiscordServer, DiscordState, Message};

use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "MTA-not.a_token.of-anyone";
const BOT: u64 = 9_007_199_254_740_993;
const ADA: u64 = 9_007_199_254_740_995;
const GUILD: u64 = 9_007_199_254_741_111;
const CHANNEL: u64 = 9_007_199_254_742_222;

/// Answered by the base, in these words.
const ASKED: (&str, &str) = ("how do I migrate from a hardware wallet?", "browser wallet");
const ASKED_TOO: (&str, &str) = ("When does the migration end?", "1 February 2027");

async fn stage() -> (DiscordServer, Home) {
    let bot = DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: BOT + 1, username: "lumen".into() };
    let discord = DiscordServer::start(&[bot]).await;
    let members = json!([{ "user": { "id": BOT } }, { "user": { "id": ADA } }]);
    discord.add_guild(json!({ "id": GUILD, "owner_id": "1", "members": members, "channels": [{ "id": CHANNEL }] }));
    let home = Home::new();
    let file = home.folder().join("discord.token");
    std::fs::write(&file, TOKEN).unwrap();
    let account = format!(
        "[[account]]\nplatform = \"discord\"\nname = \"main\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         request_timeout_s = 2\n",
        file.display(),
        discord.api_base()
    );
    (discord, home.with(&account))
}

/// A hang ends the test.
async fn when(discord: &DiscordServer, fact: impl FnMut(&DiscordState) -> bool) {
    tokio::time::timeout(PATIENCE, discord.wait(fact)).await.expect("it does not come to this");
}

/// Waits for that many messages of ours that say something.
async fn said(discord: &DiscordServer, n: usize) -> Vec<Message> {
    let words = |s: &DiscordState| s.by(BOT).into_iter().filter(|m| !m.content.is_empty()).cloned().collect::<Vec<_>>();
    when(discord, |s| words(s).len() >= n).await;
    discord.look(words)
}

fn write(discord: &DiscordServer, channel: u64, content: &str) -> u64 {
    discord.push_message(json!({ "channel_id": channel, "author": { "id": ADA }, "content": content }))
}

#[tokio::test]
async fn a_direct_message_is_answered_once_with_source_and_date() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    when(&discord, |s| s.connected() == 1).await;
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED.0);
    let answer = said(&discord, 1).await.remove(0);
    assert!(answer.content.contains(ASKED.1), "{}", answer.content);
    assert!(
        answer.content.contains("https://docs.lumen.example.org/hardware-wallets · as of 2026"),
        "{}",
        answer.content
    );
    assert_eq!(answer.allowed_mentions, Some(json!({ "parse": [], "replied_user": false })));
    assert_eq!((answer.flags & 1 << 2, answer.message_reference), (1 << 2, None));
    assert_eq!(answer.nonce.expect("a nonce").len(), 25);
}

#[tokio::test]
async fn in_a_server_a_mention_and_a_command_are_answered_and_chatter_is_not() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    when(&discord, |s| s.connected() == 1 && !s.commands.is_empty()).await;
    write(&discord, CHANNEL, ASKED.0);
    let asked = write(&discord, CHANNEL, &format!("<@{BOT}> {}", ASKED.0));
    let answer = said(&discord, 1).await.remove(0);
    assert!(answer.content.contains(ASKED.1), "{}", answer.content);
    assert_eq!(answer.message_reference.expect("a reply")["message_id"], asked.to_string());

    let question = json!([{ "type": 3, "name": "question", "value": ASKED_TOO.0 }]);
    let (id, _) = discord.push_interaction(json!({ "type": 2, "channel_id": CHANNEL, "user": { "id": ADA },
        "data": { "name": "ask", "options": question } }));
    when(&discord, |s| {
        s.interactions[&id].original.is_some_and(|(_, m)| s.message(m).is_some_and(|m| !m.content.is_empty()))
    })
    .await;
    let said = said(&discord, 2).await;
    assert!(said[1].content.contains(ASKED_TOO.1), "{}", said[1].content);
    assert_eq!(discord.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 5 })));
    assert_eq!(said.len(), 2, "the chatter was left alone");
    let offered = discord.look(|s| s.commands[&(BOT + 1, None)].clone());
    let freeze = offered.iter().find(|command| command["name"] == "freeze").expect("offered");
    assert_eq!(freeze["default_member_permissions"], "8192");
    assert_eq!(
        offered.iter().find(|c| c["name"] == "ask").map(|c| c["options"][0]["autocomplete"].clone()),
        Some(Value::Bool(true))
    );
}

#[tokio::test]
async fn an_abstention_becomes_a_ticket_by_its_button() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    when(&discord, |s| s.connected() == 1).await;
    write(&discord, CHANNEL, &format!("<@{BOT}> will LUM be listed on the moon next year?"));
    let abstention = said(&discord, 1).await.remove(0);
    let buttons: Vec<_> = abstention.components.iter().flat_map(|row| row["components"].as_array().unwrap()).collect();
    let ticket = buttons.iter().filter_map(|b| b["custom_id"].as_str()).find(|id| id.starts_with("ticket:"));
    let press = json!({ "type": 3, "channel_id": CHANNEL, "user": { "id": ADA }, "message": { "id": abstention.id },
        "data": { "component_type": 2, "custom_id": ticket.expect("an abstention offers a ticket") } });
    let (id, _) = discord.push_interaction(press);
    let said = said(&discord, 2).await;
    assert!(said[1].content.contains('1') && said[0].content == abstention.content, "{}", said[1].content);
    assert_eq!(discord.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 6 })));
}

/// `townkeeper bench reconnects` does it ten thousand times, and looks at memory.
#[tokio::test]
async fn two_hundred_reconnects_lose_nothing_and_say_nothing_twice() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    let storm = discord.storm(BOT, 200, 1, ASKED.0, |_| {}).await;
    assert_eq!((storm.reconnects, storm.asked, storm.lost, storm.doubled), (200, 200, 0, 0));
    assert!(storm.resumed >= 198, "{storm:?}");
    assert_eq!(discord.look(|s| s.identifies.len()), 1, "one log-in, and resumes");
}

/// Killed in mid-answer: the nonce makes the second sending the same message.
#[tokio::test]
async fn a_kill_while_discord_has_it_already_says_nothing_twice() {
    let (discord, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    when(&discord, |s| s.connected() == 1).await;
    discord.fault("POST /channels/{channel.id}/messages", DiscordFault::Stall);
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED.0);
    said(&discord, 1).await;
    daemon.kill().await;
    write(&discord, direct, ASKED_TOO.0);
    let _again = Daemon::start(&home).await;
    let said = said(&discord, 2).await;
    assert!(said[0].content.contains(ASKED.1) && said[1].content.contains(ASKED_TOO.1));
    when(&discord, |s| s.calls_of("POST /channels/{channel.id}/messages").len() >= 3).await;
    assert_eq!(discord.look(|s| s.by(BOT).len()), 2, "asked for thrice, made twice");
    assert_eq!(discord.look(|s| (s.identifies.len(), s.resumes.len())), (1, 1), "the session outlives the process");
}
