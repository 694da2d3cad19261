//! Two communities in one daemon, with bots in one server, on one platform and on another: what the one holds never
//! reaches the other, though it is the same people who ask both.

use std::fs;

use serde_json::json;
use townkeeper_fakes::discord::{DiscordBot, DiscordServer};
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::TelegramServer;

use super::{ADA, ASKED, BOT, CHANNEL, ELSEWHERE, GUILD, TOKEN, bot, guild, to_us, when, with_account, write};
use crate::daemon::{Daemon, Home, PATIENCE};
use crate::model::SMALL_TALK;

const HARBOUR: u64 = 9_007_199_254_745_001;
const HARBOUR_TOKEN: &str = "MTB-not.a_token.of-anyone";
const TELEGRAM_TOKEN: &str = "123456:abcDEF";

/// In the harbour's base, and in what the harbour's keeper remembers.
const IN_BASE: &str = "canary-of-the-base";
const IN_MEMORY: &str = "Likes the canary-of-the-memory";

fn owl() -> String {
    format!(
        "---\nid: owl\ntitle: What is an owl?\nclass: routine\nowner: team\nreviewed_by: team\nreviewed_at: 2026-11-16\n\
         review_by: 2029-12-31\nstatus: published\ncanonical_url: https://harbour.example.org/owl\nvariants:\n  \
         - tell me of the owl\n  - describe the owl\n  - the owl please\n---\nThe owl is the {IN_BASE}.\n"
    )
}

/// Lumen with a bot on each platform; Harbour with a bot in the same server as Lumen's.
async fn town(model: &ModelServer) -> (DiscordServer, TelegramServer, Home) {
    let harbours = DiscordBot {
        token: HARBOUR_TOKEN.into(),
        user_id: HARBOUR,
        application_id: HARBOUR + 1,
        username: "harbour".into(),
    };
    let discord = DiscordServer::start(&[bot(), harbours]).await;
    let mut guild = guild(GUILD, &[CHANNEL, ELSEWHERE]);
    guild["members"].as_array_mut().unwrap().push(json!({ "user": { "id": HARBOUR } }));
    discord.add_guild(guild);
    let telegram = TelegramServer::start(TELEGRAM_TOKEN).await;
    let home = Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TELEGRAM_TOKEN);
    let folder = home.folder().join("harbour");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("owl.md"), owl()).unwrap();
    let harbour = format!(
        "[features]\nmulti_workspace = true\n[[workspace]]\nname = \"harbour\"\nagent = {{ name = \"Harbour Keeper\" }}\n\
         knowledge = {{ folder = \"{}\" }}\nintro = \"Ask the harbour.\"\nsuggestions = []\n",
        folder.display()
    );
    let home = with_account(home.with(&harbour), &discord, "main", TOKEN);
    let home = with_account(home, &discord, "harbour", HARBOUR_TOKEN).with("workspace = \"harbour\"\n");
    (discord, telegram, home)
}

/// Waits until a bot has said something with these words in it, and returns the whole of it.
async fn says(discord: &DiscordServer, who: u64, words: &str) -> String {
    let find = |s: &townkeeper_fakes::discord::DiscordState| {
        s.by(who).into_iter().rev().find(|m| m.content.contains(words)).map(|m| m.content.clone())
    };
    when(discord, |s| find(s).is_some()).await;
    discord.look(find).unwrap()
}

#[tokio::test]
async fn what_one_community_knows_never_reaches_the_other() {
    let note = Reply::Tool { name: "remember".to_owned(), args: json!({ "note": IN_MEMORY }) };
    let story = Reply::text("The lantern burns in the evening, and nobody puts it out.");
    let model = ModelServer::start(Script::new().when("bedtime", [note, story.clone()]).when("owl", [story])).await;
    let (discord, telegram, home) = town(&model).await;
    let _daemon = Daemon::start(&home).await;
    when(&discord, |s| s.connected() == 2 && s.commands.len() == 2).await;

    // The harbour's own people hear of it.
    write(&discord, CHANNEL, &format!("<@{HARBOUR}> tell me of the owl"));
    says(&discord, HARBOUR, IN_BASE).await;
    write(&discord, discord.direct(HARBOUR, ADA), SMALL_TALK);
    says(&discord, HARBOUR, "lantern burns").await;
    let memory = |application: u64| {
        json!({ "type": 2, "application_id": application.to_string(), "channel_id": CHANNEL, "user": { "id": ADA },
            "data": { "name": "memory" } })
    };
    discord.push_interaction(json!({ "type": 2, "application_id": (HARBOUR + 1).to_string(),
        "channel_id": discord.direct(HARBOUR, ADA), "user": { "id": ADA }, "data": { "name": "memory" } }));
    says(&discord, HARBOUR, IN_MEMORY).await;

    // The same person asks Lumen the same, everywhere.
    let asked = model.requests().len();
    discord.push_interaction(memory(BOT + 1));
    says(&discord, BOT, "nothing").await;
    write(&discord, CHANNEL, &to_us("tell me of the owl"));
    says(&discord, BOT, "lantern burns").await;
    write(&discord, discord.direct(BOT, ADA), "please tell me a story about owls and lanterns");
    telegram.push_message(42, 42, "tell me of the owl");
    telegram.push_message(43, 43, ASKED.0);
    tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.expect("Lumen answers on Telegram");
    write(&discord, CHANNEL, &to_us(ASKED.0));
    says(&discord, BOT, ASKED.1).await;

    let whole = discord.state();
    let lumens: Vec<String> = whole
        .by(BOT)
        .into_iter()
        .map(|message| format!("{message:?}"))
        .chain(whole.calls.iter().filter(|call| call.bot == Some(BOT)).map(|call| format!("{call:?}")))
        .chain(telegram.sent().into_iter().map(|message| format!("{message:?}")))
        .chain(model.requests().iter().skip(asked).map(ToString::to_string))
        .collect();
    assert!(lumens.len() > 8, "hardly anything was searched");
    let canaries = ["canary-of", "Harbour Keeper", "harbour.example.org"];
    let crossed: Vec<_> = lumens.iter().filter(|text| canaries.iter().any(|canary| text.contains(canary))).collect();
    assert!(crossed.is_empty(), "{crossed:?}");
    // And the other way round.
    let harbours = whole.by(HARBOUR);
    assert!(harbours.iter().all(|m| !m.content.contains("lumen.example.org")), "{harbours:?}");
    // One bot's token made no other bot's message.
    assert!(
        whole.calls.iter().all(|call| call.bot.is_some() || call.route.contains("interaction")),
        "an unknown token"
    );
}
