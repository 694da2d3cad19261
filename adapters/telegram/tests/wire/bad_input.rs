//! What goes wrong while it runs, and what a hostile world sends: never a panic, never a ping, nothing lost.

use std::sync::Arc;

use serde_json::{Value, json};
use townkeeper_contract::inbound::Body;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::platform::{DeliverError, Platform as _, PlatformError};
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run};

use crate::deliver::{out, say, say_to_11};
use crate::host::{Running, TestHost, text};
use crate::{server_and_bot, soon};

/// The token is revoked while a poll is held: receiving ends with what to do, and answers are refused.
#[tokio::test]
async fn a_token_that_is_revoked_ends_it_and_says_what_to_do() {
    let (server, bot) = server_and_bot().await;
    let mut running = Running::start(&bot, &Arc::new(TestHost::default()));
    soon(server.wait_held(1)).await;
    server.revoke();
    let end = soon(running.ended()).await;
    let Err(PlatformError::Refused(why)) = end else { panic!("{end:?}") };
    assert!(why.contains("Unauthorized") && why.contains("@BotFather") && why.contains("restart"), "{why}");
    assert_eq!(say_to_11(&bot, "x").await, Err(DeliverError::Refused("Unauthorized".into())));
}

/// Thrown out between two edits of an answer.
#[tokio::test]
async fn thrown_out_in_the_middle_of_an_answer() {
    let (server, bot) = server_and_bot().await;
    let to = json!({ "chat": -100 });
    let message = soon(bot.deliver(&out(&to, say("The")))).await.expect("sent").message.expect("a message");
    server.kick(-100, 11);
    let body = RichText::plain("The migration", &Origin::System);
    let edit = Act::Edit { message, body, buttons: Vec::new() };
    for act in [edit, say("The migration")] {
        let refused = soon(bot.deliver(&out(&to, act))).await;
        assert!(matches!(&refused, Err(DeliverError::Refused(why)) if why.contains("kicked")), "{refused:?}");
    }
}

/// The largest number that a float still tells from its neighbour, and one more: ids are never floats.
#[tokio::test]
async fn ids_beyond_two_to_the_53() {
    const ID: i64 = (1 << 53) + 1;
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_message(ID, ID, "gm");
    let got = soon(host.wait_accepted(1)).await.remove(0);
    assert_eq!((got.person.id.as_str(), got.place.id.as_str()), ("9007199254740993", "9007199254740993"));
    soon(bot.deliver(&townkeeper_contract::outbound::Outbound {
        id: "01J".into(),
        to: got.reply_to,
        act: say("gm"),
        repeated: false,
    }))
    .await
    .expect("sent");
    assert_eq!(server.sent()[0].chat_id, ID);
}

/// Names are data: kept as they are, whatever they try to look like. Cleaning is for where they are shown.
#[tokio::test]
async fn names_that_try_to_be_something_else() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    let names = [
        format!("a{}", "\u{301}".repeat(32)),
        "Ada\u{202e}nimdA".into(),
        "\u{200b}\u{200b}".into(),
        "@everyone".into(),
    ];
    for (at, name) in names.iter().enumerate() {
        let person = 100 + i64::try_from(at).expect("few");
        server.rename(person, name);
        server.push_message(-100, person, "gm");
    }
    let accepted = soon(host.wait_accepted(names.len())).await;
    for (inbound, name) in accepted.iter().zip(&names) {
        assert_eq!(&inbound.person.name, name);
    }
}

/// Fifty ways of calling everybody. Telegram pings by entity; none of ours is one that does.
#[tokio::test]
async fn no_spelling_of_everyone_is_a_mention() {
    let (server, bot) = server_and_bot().await;
    let calls = ["@everyone", "@here", "@all", "@channel", "@ada_example"];
    let dresses = |call: &str| {
        let spaced: String = call.chars().flat_map(|c| [c, '\u{200b}']).collect();
        [
            call.to_owned(),
            call.to_uppercase(),
            call.replace('@', "\u{ff20}"),
            spaced,
            format!("**{call}**"),
            format!("[{call}](tg://user?id=11)"),
            format!("<a href=\"tg://user?id=11\">{call}</a>"),
            format!("<@11> {call}"),
            format!("\u{202e}{call}"),
            format!("`{call}`"),
        ]
    };
    let spellings: Vec<_> = calls.iter().flat_map(|call| dresses(call)).collect();
    assert_eq!(spellings.len(), 50);
    for spelling in &spellings {
        let runs = vec![Run::plain(spelling, Origin::Person)];
        let body = RichText { blocks: vec![Block { kind: BlockKind::Paragraph, runs }] };
        let act = Act::Message { body, buttons: Vec::new() };
        soon(bot.deliver(&out(&json!({ "chat": -100 }), act))).await.expect("taken");
    }
    let pings = |entity: &Value| entity["type"] == "mention" || entity["type"] == "text_mention";
    for sent in server.sent() {
        assert!(!sent.entities.iter().any(pings) && sent.body.get("parse_mode").is_none(), "{:?}", sent.body);
        assert!(!sent.body.to_string().contains("\"user\""), "no entity names a person: {}", sent.body);
    }
    assert_eq!(server.sent().len(), 50);
}

/// Nobody can write that much in Telegram; a server of one's own, or a liar, can.
#[tokio::test]
async fn five_megabytes_of_text_go_through() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let long = "🌞".repeat(5 << 18);
    let last = server.push_message(11, 11, &long);
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(last)).await;
    assert_eq!(text(&host.accepted()[0]), long);
    // And what is said back is refused by Telegram, not cut by us.
    let refused = say_to_11(&bot, &long).await;
    assert_eq!(refused, Err(DeliverError::Refused("Bad Request: message is too long".into())));
}

/// Fields of the wrong kind, missing ones, and numbers beyond all bounds, in every kind of update that we read.
#[tokio::test]
async fn mangled_updates_are_passed_over() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let kinds =
        ["message", "edited_message", "callback_query", "stopped_message_generation", "chat_member", "my_chat_member"];
    let wrong = [
        json!(null),
        json!([]),
        json!({}),
        json!("x".repeat(1 << 20)),
        json!({ "message_id": "1", "chat": 5 }),
        json!({ "message_id": u64::MAX, "date": 1, "chat": { "id": 1 } }),
        json!({ "chat": { "id": 1.5, "type": "private" }, "draft_id": 1, "from": {}, "date": -1 }),
    ];
    for kind in kinds {
        for body in &wrong {
            server.push_update(json!({ kind: body }));
        }
    }
    let last = server.push_message(11, 11, "Still here");
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(last)).await;
    assert_eq!(host.accepted().len(), 1);
    assert!(matches!(&host.accepted()[0].body, Body::Message { text } if text == "Still here"));
    let health = bot.health();
    assert_eq!((health.skipped, health.unread), (0, (kinds.len() * wrong.len()) as u64));
}
