//! What people press on Discord: once, and only who was asked.

use serde_json::{Value, json};
use townkeeper_fakes::discord::{DiscordServer, Message};

use super::{ADA, ASKED, BOB, BOT, CHANNEL, STRANGE, nth, ready, stage, to_us, when, write};
use crate::daemon::Daemon;

/// What the button with this label carries.
pub(super) fn button(message: &Message, label: &str) -> String {
    let rows = message.components.iter().filter_map(|row| row["components"].as_array());
    let found: Option<&Value> = rows.flatten().find(|button| button["label"] == label);
    let data = found.and_then(|button| button["custom_id"].as_str()).expect("no such button");
    assert!(data.len() <= 40 && !data.contains(':'), "it says nothing by itself: {data}");
    data.to_owned()
}

/// Presses; the interaction's id.
pub(super) fn press(discord: &DiscordServer, person: u64, message: &Message, data: &str) -> u64 {
    discord
        .push_interaction(json!({ "type": 3, "channel_id": message.channel, "user": { "id": person },
            "message": { "id": message.id }, "data": { "component_type": 2, "custom_id": data } }))
        .0
}

#[tokio::test]
async fn an_abstention_becomes_one_ticket_of_who_asked() {
    let (discord, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    write(&discord, CHANNEL, &to_us(STRANGE));
    let abstention = nth(&discord, 1).await;
    let data = button(&abstention, "Open a ticket");
    press(&discord, BOB, &abstention, &data);
    assert!(nth(&discord, 2).await.content.contains("for the person who asked"));
    let client = daemon.operator(&home);
    assert!(client.tickets().await.unwrap().tickets.is_empty(), "somebody else's press has no effect");
    let id = press(&discord, ADA, &abstention, &data);
    let opened = nth(&discord, 3).await;
    assert!(opened.content.contains("#1") && opened.content.contains("Ticket"), "{}", opened.content);
    assert_eq!(discord.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 6 })));
    press(&discord, ADA, &abstention, &data);
    assert!(nth(&discord, 4).await.content.contains("no longer valid"));
    // What the button stands for is not what it carries: nobody can make one up.
    press(&discord, ADA, &abstention, "ticket:01");
    assert!(nth(&discord, 5).await.content.contains("no longer valid"));
    let tickets = client.tickets().await.unwrap().tickets;
    assert_eq!(tickets.len(), 1);
    assert_eq!((tickets[0].question.as_str(), tickets[0].person.as_str()), (STRANGE, &*ADA.to_string()));
    assert_eq!(discord.look(|s| s.message(abstention.id).unwrap().content.clone()), abstention.content);
}

#[tokio::test]
async fn an_answer_is_found_helpful_or_not_once() {
    let (discord, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    ready(&discord).await;
    let direct = discord.direct(BOT, ADA);
    write(&discord, direct, ASKED.0);
    let answer = nth(&discord, 1).await;
    press(&discord, ADA, &answer, &button(&answer, "Not quite"));
    let further = nth(&discord, 2).await;
    assert!(further.content.contains("Thank you for telling me"), "{}", further.content);
    // The other one of the choice is used up; the ticket is not.
    press(&discord, ADA, &answer, &button(&answer, "This helped"));
    assert!(nth(&discord, 3).await.content.contains("no longer valid"));
    press(&discord, ADA, &further, &button(&further, "Open a ticket"));
    assert!(nth(&discord, 4).await.content.contains('1'));
    write(&discord, CHANNEL, &to_us(ASKED.0));
    let again = nth(&discord, 5).await;
    press(&discord, BOB, &again, &button(&again, "This helped"));
    assert!(nth(&discord, 6).await.content.contains("for the person who asked"));
    press(&discord, ADA, &again, &button(&again, "This helped"));
    assert!(nth(&discord, 7).await.content.contains("good to know"));
    let counts = daemon.operator(&home).feedback().await.unwrap().entries;
    assert_eq!((counts.len(), counts[0].helped, counts[0].not_quite), (1, 1, 1));
    // Every press was told that it was heard, so that nobody sees one fail.
    when(&discord, |s| s.interactions.values().all(|asked| asked.response.is_some())).await;
}
