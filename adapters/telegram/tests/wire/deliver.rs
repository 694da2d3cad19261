//! Delivering: what leaves for Telegram, and the class of each way it can fail.

use serde_json::{Value, json};
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Button, LimitScope, Outbound, Receipt};
use townkeeper_contract::platform::{DeliverError, Platform};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_telegram::{Telegram, TelegramConfig};

use crate::{TOKEN, bot_at, bot_with, server_and_bot, soon};

pub(crate) fn out(to: &Value, act: Act) -> Outbound {
    Outbound { id: "01J".into(), to: ReplyTo(to.to_string()), act, repeated: false }
}

pub(crate) fn say(text: &str) -> Act {
    Act::Message { body: RichText::plain(text, &Origin::System), buttons: Vec::new() }
}

/// Says something to person 11 in private.
pub(crate) async fn say_to_11(bot: &Telegram, text: &str) -> Result<Receipt, DeliverError> {
    soon(bot.deliver(&out(&json!({ "chat": 11 }), say(text)))).await
}

#[tokio::test]
async fn a_message_in_private() {
    let (server, bot) = server_and_bot().await;
    let receipt = say_to_11(&bot, "The migration ends in March.").await.expect("sent");
    let sent = server.sent().remove(0);
    assert_eq!(receipt.message, Some(MessageRef(format!("11/{}", sent.message_id))));
    let expected = json!({ "chat_id": 11, "text": "The migration ends in March.",
        "link_preview_options": { "is_disabled": true } });
    assert_eq!(sent.body, expected, "no parse mode, no preview, no reply in private");
}

#[tokio::test]
async fn a_message_in_a_groups_topic_with_buttons() {
    let (server, bot) = server_and_bot().await;
    let buttons = vec![Button { action: "ticket:open".into(), label: "Open a ticket".into() }];
    let act = Act::Message { body: RichText::plain("I do not know.", &Origin::System), buttons };
    let to = json!({ "chat": -100, "thread": 7, "message_id": 40 });
    soon(bot.deliver(&out(&to, act))).await.expect("sent, although message 40 is gone by now");
    let body = server.sent().remove(0).body;
    assert_eq!(body["message_thread_id"], 7);
    assert_eq!(body["reply_parameters"], json!({ "message_id": 40, "allow_sending_without_reply": true }));
    let keyboard = json!([[{ "text": "Open a ticket", "callback_data": "ticket:open" }]]);
    assert_eq!(body["reply_markup"]["inline_keyboard"], keyboard);
}

#[tokio::test]
async fn edits_deletes_and_typing() {
    let (server, bot) = server_and_bot().await;
    let message = say_to_11(&bot, "One").await.expect("sent").message.expect("a message");
    let to = json!({ "chat": 11 });
    let edit =
        Act::Edit { message: message.clone(), body: RichText::plain("Two", &Origin::System), buttons: Vec::new() };
    for _ in 0..2 {
        soon(bot.deliver(&out(&to, edit.clone()))).await.expect("the second changes nothing, and succeeds");
    }
    assert_eq!(server.sent()[0].text, "Two");
    for _ in 0..2 {
        soon(bot.deliver(&out(&to, Act::Delete { message: message.clone() }))).await.expect("gone is gone");
    }
    assert!(server.sent()[0].deleted);
    let after = soon(bot.deliver(&out(&to, edit))).await;
    assert_eq!(after, Err(DeliverError::Gone));
    soon(bot.deliver(&out(&to, Act::Typing))).await.expect("typing");
    assert_eq!(server.calls("sendChatAction")[0].body, json!({ "chat_id": 11, "action": "typing" }));
}

#[tokio::test]
async fn what_telegram_refuses_is_refused() {
    let (server, bot) = server_and_bot().await;
    for (code, words) in [(400, "Bad Request: chat not found"), (403, "Forbidden: bot was blocked by the user")] {
        server.fault("sendMessage", Fault::Refuse { code, description: words.into() });
        assert_eq!(say_to_11(&bot, "x").await, Err(DeliverError::Refused(words.into())));
    }
    server.fault("sendMessage", Fault::Garbage { status: 404, body: "<html>".into() });
    assert!(matches!(say_to_11(&bot, "x").await, Err(DeliverError::Refused(_))));
    let stranger = bot_at(server.base_url(), "7000000002:AA-another");
    assert_eq!(say_to_11(&stranger, "x").await, Err(DeliverError::Refused("Unauthorized".into())));
    let nowhere = Outbound { id: "01J".into(), to: ReplyTo("elsewhere".into()), act: say("x"), repeated: false };
    assert!(matches!(bot.deliver(&nowhere).await, Err(DeliverError::Refused(_))));
    assert!(server.sent().is_empty());
}

#[tokio::test]
async fn the_longest_message_fits_and_one_unit_more_does_not() {
    let (server, bot) = server_and_bot().await;
    // Two UTF-16 units each.
    let longest = "🌞".repeat(bot.facts().max_len / 2);
    say_to_11(&bot, &longest).await.expect("as long as the facts say");
    let over = say_to_11(&bot, &format!("{longest}.")).await;
    assert_eq!(over, Err(DeliverError::Refused("Bad Request: message is too long".into())));
    assert_eq!(server.sent().len(), 1);
}

#[tokio::test]
async fn a_button_that_carries_too_much_never_leaves() {
    let (server, bot) = server_and_bot().await;
    let button = |bytes: usize| Button { action: "x".repeat(bytes).into(), label: "Press".into() };
    let act = |bytes| Act::Message { body: RichText::plain("?", &Origin::System), buttons: vec![button(bytes)] };
    soon(bot.deliver(&out(&json!({ "chat": 11 }), act(64)))).await.expect("64 bytes are fine");
    let over = soon(bot.deliver(&out(&json!({ "chat": 11 }), act(65)))).await;
    assert!(matches!(over, Err(DeliverError::Refused(_))));
    assert_eq!(server.calls("sendMessage").len(), 1);
}

#[tokio::test]
async fn a_draft_is_shown_with_a_button_that_stops_it() {
    let (server, bot) = server_and_bot().await;
    assert!(!bot.facts().drafts, "off unless asked for");
    let config = TelegramConfig { api_base: server.base_url().into(), drafts: true, ..TelegramConfig::default() };
    let bot = bot_with(config);
    assert!(bot.facts().drafts);
    let draft = |n: i32, text: &str| Act::Draft { draft: n, body: RichText::plain(text, &Origin::System) };
    for text in ["The", "The migration"] {
        let receipt = soon(bot.deliver(&out(&json!({ "chat": 11, "message_id": 3 }), draft(7, text)))).await;
        assert_eq!(receipt, Ok(Receipt::default()));
    }
    assert_eq!(server.drafts(11, 7), ["The", "The migration"]);
    let body = &server.calls("sendMessageDraft")[0].body;
    assert_eq!(body, &json!({ "chat_id": 11, "draft_id": 7, "text": "The", "can_stop": true }));
    // Nothing of this leaves: Telegram would refuse it.
    for (to, n) in [(json!({ "chat": -100 }), 7), (json!({ "chat": 11 }), 0)] {
        assert!(matches!(soon(bot.deliver(&out(&to, draft(n, "x")))).await, Err(DeliverError::Refused(_))));
    }
    assert_eq!(server.calls("sendMessageDraft").len(), 2);
}

/// The group has another id since. What was to be said there goes there; its old messages are not in it.
#[tokio::test]
async fn a_group_that_moved_is_answered_where_it_is_now() {
    let (server, bot) = server_and_bot().await;
    let old = json!({ "chat": -5, "message_id": 3 });
    let said = soon(bot.deliver(&out(&old, say("before")))).await.expect("sent").message.expect("a message");
    server.migrate(-5, -10_077, 11);
    let moved = soon(bot.deliver(&out(&old, say("after")))).await;
    let Err(DeliverError::Moved { to }) = moved else { panic!("{moved:?}") };
    assert_eq!(to.0, r#"{"chat":-10077}"#);
    soon(bot.deliver(&Outbound { id: "01J".into(), to, act: say("after"), repeated: false })).await.expect("sent");
    assert_eq!(server.sent()[1].chat_id, -10_077);
    let edit = Act::Edit { message: said.clone(), body: RichText::plain("x", &Origin::System), buttons: Vec::new() };
    assert_eq!(soon(bot.deliver(&out(&old, edit))).await, Err(DeliverError::Gone));
    assert_eq!(soon(bot.deliver(&out(&old, Act::Delete { message: said }))).await, Err(DeliverError::Gone));
}

#[tokio::test]
async fn too_fast_says_how_long() {
    let (server, bot) = server_and_bot().await;
    server.fault("sendMessage", Fault::TooMany { retry_after: 7 });
    assert_eq!(
        say_to_11(&bot, "x").await,
        Err(DeliverError::Throttled { retry_after_ms: 7000, scope: LimitScope::Account })
    );
    say_to_11(&bot, "x").await.expect("the next one is taken");
    assert_eq!(server.sent().len(), 1);
}

#[tokio::test]
async fn what_never_left_is_known_as_such() {
    // Nobody listens: a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let bot = bot_at(&format!("http://127.0.0.1:{port}"), TOKEN);
    let error = say_to_11(&bot, "x").await.expect_err("nobody there");
    assert!(matches!(&error, DeliverError::PreSend(why) if !why.contains("://")), "no URL in {error}");

    // Somebody listens, but cannot shake hands.
    let server = TelegramServer::start(TOKEN).await;
    let bot = bot_at(&server.base_url().replace("http:", "https:"), TOKEN);
    assert!(matches!(say_to_11(&bot, "x").await, Err(DeliverError::PreSend(_))));
    assert!(server.calls("sendMessage").is_empty());
}

/// Whether it happened cannot be told from the answer, and half of these did happen.
#[tokio::test]
async fn what_may_have_happened_is_in_doubt_and_tried_once() {
    let faults = [
        (Fault::DropResponse, 1),
        (Fault::DropRequest, 0),
        (Fault::Stall, 1),
        (Fault::SlowBody, 1),
        (Fault::Garbage { status: 500, body: "oops".into() }, 0),
        (Fault::Garbage { status: 502, body: "<html>Bad Gateway</html>".into() }, 0),
        (Fault::Garbage { status: 200, body: "<html>Welcome</html>".into() }, 0),
        (Fault::Garbage { status: 200, body: r#"{"ok":true,"result":{}}"#.into() }, 0),
        (Fault::Refuse { code: 500, description: "Internal Server Error".into() }, 0),
        (Fault::Garbage { status: 408, body: String::new() }, 0),
    ];
    for (fault, happened) in faults {
        let (server, bot) = server_and_bot().await;
        server.fault("sendMessage", fault.clone());
        let result = say_to_11(&bot, "x").await;
        assert!(matches!(result, Err(DeliverError::InDoubt(_))), "{fault:?}: {result:?}");
        assert_eq!((server.sent().len(), server.calls("sendMessage").len()), (happened, 1), "{fault:?}");
    }
}

/// The red twin: taking "in doubt" for "not sent" says it twice, so the class is worth its care.
#[tokio::test]
async fn red_twin_sending_again_in_doubt_says_it_twice() {
    let (server, bot) = server_and_bot().await;
    server.fault("sendMessage", Fault::DropResponse);
    if say_to_11(&bot, "x").await.is_err() {
        say_to_11(&bot, "x").await.expect("taken");
    }
    assert_eq!(server.sent().len(), 2);
}
