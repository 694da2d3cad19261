//! On Discord a report is a reply that mentions us, or chosen from the message's menu; and what is not ours opens nothing.

use serde_json::json;
use townkeeper_contract::access::Role;

use super::{ADA, BOB, BOT, CHANNEL, GUILD, MODERATOR, answered, command, nth, ready, said, stage, to_us};
use crate::daemon::Daemon;
use crate::people::with_role;
use crate::reports::case;

/// Harmless by itself: the shield has nothing to say about it.
const WORDS: &str = "buy my lanterns, they are the best lanterns";
const MENU: &str = "Report to moderators";

#[tokio::test]
async fn a_report_is_a_reply_or_chosen_from_the_menu() {
    let (discord, home) = stage().await;
    discord.tune(|options| options.global_per_s = None);
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let offered = discord.look(|s| s.commands[&(BOT + 1, None)].clone());
    assert!(offered.iter().any(|command| command["name"] == MENU && command["type"] == 3), "{offered:?}");
    let (person, _) = with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let code = daemon.operator(&home).link_code(&person.id).await.unwrap().code;
    let id = command(&discord, MODERATOR, discord.direct(BOT, MODERATOR), "link", &code);
    assert!(answered(&discord, id).await.contains("Linked"));
    // Who is of the team it knows from its start on.
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;

    let before = said(&discord, 1).await.len();
    let message = discord.push_message(json!({ "channel_id": CHANNEL, "author": { "id": BOB }, "content": WORDS }));
    discord.push_message(json!({ "channel_id": CHANNEL, "author": { "id": ADA }, "content": to_us("report"),
        "message_reference": { "message_id": message.to_string() } }));
    let told = nth(&discord, before + 1).await;
    assert!(told.content.contains("The moderators see it when enough speaks for it"), "{}", told.content);
    assert!(daemon.operator(&home).cases().await.unwrap().cases.is_empty());

    let chosen = json!({ "name": MENU, "type": 3, "target_id": message.to_string(), "resolved": { "messages": {
        message.to_string(): { "id": message.to_string(), "content": WORDS, "author": { "id": BOB.to_string() } } } } });
    let asked = json!({ "type": 2, "channel_id": CHANNEL, "guild_id": GUILD.to_string(),
        "user": { "id": MODERATOR }, "data": chosen });
    let (id, _) = discord.push_interaction(asked);
    assert!(answered(&discord, id).await.contains("The moderators see it"));
    let response = discord.look(|s| s.interactions[&id].response.clone()).unwrap();
    assert_eq!(response["data"]["flags"], 64, "whoever reports is seen by nobody else");
    let case = case(&daemon, &home).await;
    assert_eq!((case.text.as_str(), case.person.as_str()), (WORDS, &*BOB.to_string()));
    assert_eq!(case.message.unwrap().0, format!("{CHANNEL}/{message}"));
}

#[tokio::test]
async fn is_this_real_is_answered_without_a_link_that_opens() {
    let (discord, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let masked = "is [lumen.example.org](https://claim-lumen.example.net/x) real?";
    discord.push_message(json!({ "channel_id": CHANNEL, "author": { "id": ADA }, "content": to_us(masked) }));
    let answer = nth(&discord, 1).await;
    assert!(answer.content.contains("Careful: the words show something else"), "{}", answer.content);
    assert!(answer.content.contains("is not one of ours. It looks like"), "{}", answer.content);
    assert!(!answer.content.contains("claim-lumen.example"), "{}", answer.content);
    assert_eq!(answer.flags & 1 << 2, 1 << 2, "no preview");
    let id = command(&discord, ADA, CHANNEL, "ask", "is https://lumen.example.org/migrate legit?");
    let ours = answered(&discord, id).await;
    assert!(ours.starts_with("Yes, this is ours: ") && ours.contains("https://lumen.example.org/migrate"), "{ours}");
}
