//! Discord: from the fake through the daemon to the fake. Asked in private, by a mention, in a thread and by a command;
//! answered once each, also over a cut and a kill.

mod beside;
mod buttons;
mod cards;
mod corrections;
mod frozen;
mod linked;
mod linking;
mod live;
mod moderation;
mod names;
mod pictures;
mod reports;
mod rights;
mod shield;
mod standing;

use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordBot, DiscordFault, DiscordServer, DiscordState, Message};

use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "MTA-not.a_token.of-anyone";
const BOT: u64 = 9_007_199_254_740_993;
const ADA: u64 = 9_007_199_254_740_995;
const BOB: u64 = 9_007_199_254_740_997;
/// May do everything on the server.
const OWNER: u64 = 1;
/// May remove messages, time people out, ban them, and pin.
const MODERATOR: u64 = 9_007_199_254_740_999;
const GUILD: u64 = 9_007_199_254_741_111;
const CHANNEL: u64 = 9_007_199_254_742_222;
const ELSEWHERE: u64 = 9_007_199_254_742_333;
/// In the first channel.
const THREAD: u64 = 9_007_199_254_742_444;

/// Roles: of those who moderate, and ours.
const TEAM: u64 = 9_007_199_254_743_001;
const OURS: u64 = 9_007_199_254_743_002;
/// `BAN_MEMBERS`, `MANAGE_MESSAGES`, `MODERATE_MEMBERS`, `PIN_MESSAGES`.
const MODERATES: u64 = 1 << 2 | 1 << 13 | 1 << 40 | 1 << 51;

const SENDS: &str = "POST /channels/{channel.id}/messages";
const EDITS: &str = "PATCH /channels/{channel.id}/messages/{message.id}";

/// Answered by the base, in these words.
const ASKED: (&str, &str) = ("how do I migrate from a hardware wallet?", "browser wallet");
const ASKED_TOO: (&str, &str) = ("When does the migration end?", "1 February 2027");
/// Answered by nobody.
const STRANGE: &str = "will LUM be listed on the moon next year?";

fn bot() -> DiscordBot {
    DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: BOT + 1, username: "lumen".into() }
}

fn guild(id: u64, channels: &[u64]) -> Value {
    let member = |id: u64, roles: &[u64]| {
        let roles: Vec<String> = roles.iter().map(u64::to_string).collect();
        json!({ "user": { "id": id }, "roles": roles })
    };
    let channels: Vec<Value> = channels.iter().map(|id| json!({ "id": id })).collect();
    json!({ "id": id, "owner_id": OWNER.to_string(), "channels": channels,
        "threads": [{ "id": THREAD, "type": 11, "parent_id": CHANNEL.to_string() }],
        "roles": [{ "id": TEAM, "permissions": MODERATES, "position": 2 },
            { "id": OURS, "permissions": MODERATES, "position": 3 }],
        "members": [member(BOT, &[OURS]), member(ADA, &[]), member(BOB, &[]), member(MODERATOR, &[TEAM]),
            member(OWNER, &[])] })
}

/// With an account of this name; every channel is answered.
fn with_account(home: Home, discord: &DiscordServer, name: &str, token: &str) -> Home {
    let file = home.folder().join(format!("discord-{name}.token"));
    std::fs::write(&file, token).unwrap();
    let account = format!(
        "[[account]]\nplatform = \"discord\"\nname = \"{name}\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         media_base = \"{}\"\nrequest_timeout_s = 2\ngroups = \"any\"\n",
        file.display(),
        discord.api_base(),
        discord.media_base()
    );
    home.with(&account)
}

async fn stage() -> (DiscordServer, Home) {
    stage_at(Home::new()).await
}

async fn stage_at(home: Home) -> (DiscordServer, Home) {
    stage_of(home, guild(GUILD, &[CHANNEL, ELSEWHERE])).await
}

async fn stage_of(home: Home, guild: Value) -> (DiscordServer, Home) {
    let discord = DiscordServer::start(&[bot()]).await;
    discord.add_guild(guild);
    let home = with_account(home, &discord, "main", TOKEN);
    (discord, home)
}

/// A hang ends the test.
async fn when(discord: &DiscordServer, fact: impl FnMut(&DiscordState) -> bool) {
    tokio::time::timeout(PATIENCE, discord.wait(fact)).await.expect("it does not come to this");
}

/// It has logged in and offered its commands: whatever it asks of Discord from now on is for somebody.
async fn ready(discord: &DiscordServer) {
    when(discord, |s| s.connected() == 1 && !s.commands.is_empty()).await;
}

/// Waits for that many messages of ours that say something.
async fn said(discord: &DiscordServer, n: usize) -> Vec<Message> {
    let words = |s: &DiscordState| s.by(BOT).into_iter().filter(|m| !m.content.is_empty()).cloned().collect::<Vec<_>>();
    when(discord, |s| words(s).len() >= n).await;
    discord.look(words)
}

/// The last of that many messages.
async fn nth(discord: &DiscordServer, n: usize) -> Message {
    let all = said(discord, n).await;
    assert_eq!(all.len(), n, "more was said than asked for: {:?}", all.iter().map(|m| &m.content).collect::<Vec<_>>());
    all.last().unwrap().clone()
}

fn write(discord: &DiscordServer, channel: u64, content: &str) -> u64 {
    write_as(discord, ADA, channel, content)
}

fn write_as(discord: &DiscordServer, person: u64, channel: u64, content: &str) -> u64 {
    discord.push_message(json!({ "channel_id": channel, "author": { "id": person }, "content": content }))
}

fn to_us(text: &str) -> String {
    format!("<@{BOT}> {text}")
}

/// Gives a command with its words; the interaction's id.
fn command(discord: &DiscordServer, person: u64, channel: u64, name: &str, words: &str) -> u64 {
    let options = if words.is_empty() { json!([]) } else { json!([{ "type": 3, "name": "words", "value": words }]) };
    let data = json!({ "name": name, "options": options });
    discord.push_interaction(json!({ "type": 2, "channel_id": channel, "user": { "id": person }, "data": data })).0
}

/// What a command was answered with.
async fn answered(discord: &DiscordServer, id: u64) -> String {
    let words = |s: &DiscordState| {
        let message = s.interactions[&id].original.and_then(|(_, message)| s.message(message))?;
        (!message.content.is_empty()).then(|| message.content.clone())
    };
    when(discord, |s| words(s).is_some()).await;
    discord.look(words).unwrap()
}

#[tokio::test]
async fn a_direct_message_is_answered_once_with_source_and_date() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED.0);
    let answer = nth(&discord, 1).await;
    assert!(answer.content.contains(ASKED.1), "{}", answer.content);
    assert!(
        answer.content.contains("https://docs.lumen.example.org/hardware-wallets · as of 2026"),
        "{}",
        answer.content
    );
    let revision = format!(" · rev {}", crate::publish::revision("hardware-wallet.md"));
    assert!(answer.content.ends_with(&revision), "{}", answer.content);
    assert_eq!(answer.allowed_mentions, Some(json!({ "parse": [], "replied_user": false })));
    assert_eq!((answer.flags & 1 << 2, answer.message_reference), (1 << 2, None));
    assert_eq!(answer.nonce.expect("a nonce").len(), 25);
}

#[tokio::test]
async fn in_a_server_a_mention_and_a_command_are_answered_and_chatter_is_not() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    write(&discord, CHANNEL, ASKED.0);
    let asked = write(&discord, CHANNEL, &to_us(ASKED.0));
    let answer = nth(&discord, 1).await;
    assert!(answer.content.contains(ASKED.1), "{}", answer.content);
    assert_eq!(answer.message_reference.expect("a reply")["message_id"], asked.to_string());

    let id = command(&discord, ADA, CHANNEL, "ask", ASKED_TOO.0);
    let text = answered(&discord, id).await;
    assert!(text.contains(ASKED_TOO.1), "{text}");
    assert_eq!(discord.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 5 })));
    assert_eq!(said(&discord, 2).await.len(), 2, "the chatter was left alone");
    let offered = discord.look(|s| s.commands[&(BOT + 1, None)].clone());
    let freeze = offered.iter().find(|command| command["name"] == "freeze").expect("offered");
    assert_eq!(freeze["default_member_permissions"], "8192");
    assert_eq!(
        offered.iter().find(|c| c["name"] == "ask").map(|c| c["options"][0]["autocomplete"].clone()),
        Some(Value::Bool(true))
    );
}

#[tokio::test]
async fn a_follow_up_in_a_thread_goes_on_there_and_nowhere_else() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    write(&discord, THREAD, &to_us("how do I migrate?"));
    let first = nth(&discord, 1).await;
    assert_eq!(first.channel, THREAD);
    write(&discord, THREAD, &to_us("and with staking?"));
    let then = nth(&discord, 2).await;
    assert!(then.channel == THREAD && then.content.contains("Unstake your LMN first"), "{}", then.content);
    // The twins: in the channel around it, and from somebody else, it goes on from nothing.
    for (n, (person, place)) in [(ADA, CHANNEL), (BOB, THREAD)].into_iter().enumerate() {
        write_as(&discord, person, place, &to_us("and with staking?"));
        let alone = nth(&discord, 3 + n).await;
        assert!(alone.channel == place && alone.content.starts_with("I don't have a reviewed"), "{}", alone.content);
    }
}

#[tokio::test]
async fn an_edited_question_has_its_answer_replaced() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let asked = write(&discord, CHANNEL, &to_us(ASKED.0));
    let before = nth(&discord, 1).await;
    discord.edit_message(CHANNEL, asked, &to_us(ASKED_TOO.0));
    when(&discord, |s| s.by(BOT)[0].content.contains(ASKED_TOO.1)).await;
    let after = nth(&discord, 1).await;
    assert_eq!((after.id, after.edits), (before.id, vec![before.content]));
    assert_eq!(after.allowed_mentions, Some(json!({ "parse": [], "replied_user": false })));
    assert_eq!(discord.look(|s| (s.calls_of(SENDS).len(), s.calls_of(EDITS).len())), (1, 1));
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
    ready(&discord).await;
    discord.fault(SENDS, DiscordFault::Stall);
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED.0);
    said(&discord, 1).await;
    daemon.kill().await;
    write(&discord, direct, ASKED_TOO.0);
    let _again = Daemon::start(&home).await;
    let said = said(&discord, 2).await;
    assert!(said[0].content.contains(ASKED.1) && said[1].content.contains(ASKED_TOO.1));
    when(&discord, |s| s.calls_of(SENDS).len() >= 3).await;
    assert_eq!(discord.look(|s| s.by(BOT).len()), 2, "asked for thrice, made twice");
    assert_eq!(discord.look(|s| (s.identifies.len(), s.resumes.len())), (1, 1), "the session outlives the process");
}
