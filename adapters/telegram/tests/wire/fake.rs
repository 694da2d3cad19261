//! The fake itself: it refuses what Telegram refuses. A fake that takes anything would prove nothing.

use std::time::Duration;

use serde_json::{Value, json};
use townkeeper_fakes::telegram::{BOT_ID, BOT_USERNAME, Fault, Limits, TelegramServer};

use crate::{TOKEN, raw, soon};

#[tokio::test]
async fn bad_messages_are_refused() {
    let server = TelegramServer::start(TOKEN).await;
    let entity = |offset: i64, length: i64| json!([{ "type": "bold", "offset": offset, "length": length }]);
    let bad = [
        ("no text", json!({ "chat_id": 11 })),
        ("empty text", json!({ "chat_id": 11, "text": " \n" })),
        ("no chat", json!({ "text": "x" })),
        ("too long", json!({ "chat_id": 11, "text": "x".repeat(4097) })),
        ("too long in UTF-16", json!({ "chat_id": 11, "text": "🌞".repeat(2049) })),
        ("entity past the end", json!({ "chat_id": 11, "text": "abc", "entities": entity(1, 3) })),
        ("negative offset", json!({ "chat_id": 11, "text": "abc", "entities": entity(-1, 2) })),
        ("negative length", json!({ "chat_id": 11, "text": "abc", "entities": entity(1, -1) })),
        ("half a character", json!({ "chat_id": 11, "text": "🌞a", "entities": entity(1, 1) })),
        ("reply to nothing", json!({ "chat_id": 11, "text": "x", "reply_parameters": { "message_id": 9 } })),
        (
            "empty button",
            json!({ "chat_id": 11, "text": "x",
            "reply_markup": { "inline_keyboard": [[{ "text": "x", "callback_data": "" }]] } }),
        ),
    ];
    for (what, body) in bad {
        assert_eq!(raw(server.base_url(), "sendMessage", body).await["error_code"], 400, "{what}");
    }
    assert!(server.sent().is_empty());
    assert_eq!(raw(server.base_url(), "noSuchMethod", json!({})).await["error_code"], 404);
}

#[tokio::test]
async fn updates_come_again_until_confirmed_and_never_after() {
    let server = TelegramServer::start(TOKEN).await;
    let first = server.push_message(11, 11, "one");
    let second = server.push_message(11, 11, "two");
    let poll = |offset: i64| raw(server.base_url(), "getUpdates", json!({ "offset": offset }));
    let ids = |answer: &Value| -> Vec<i64> {
        answer["result"].as_array().expect("updates").iter().filter_map(|u| u["update_id"].as_i64()).collect()
    };
    assert_eq!(ids(&poll(0).await), [first, second]);
    assert_eq!(ids(&poll(0).await), [first, second], "again");
    assert_eq!(ids(&poll(second).await), [second]);
    assert_eq!(ids(&poll(first).await), [second], "the first is gone for good");
    assert_eq!(server.confirmed(), first);
}

#[tokio::test]
async fn a_held_poll_wakes_on_a_message() {
    let server = TelegramServer::start(TOKEN).await;
    let poll = raw(server.base_url(), "getUpdates", json!({ "timeout": 50 }));
    let push = async {
        server.wait_held(1).await;
        server.push_message(-100, 11, &format!("🌞 hi @{BOT_USERNAME}"))
    };
    let (answer, update) = soon(async { tokio::join!(poll, push) }).await;
    let update_seen = &answer["result"][0];
    assert_eq!(update_seen["update_id"], update);
    let mention = json!([{ "type": "mention", "offset": 6, "length": BOT_USERNAME.len() + 1 }]);
    assert_eq!(update_seen["message"]["entities"], mention);
}

async fn send(base: &str, chat: i64) -> Value {
    raw(base, "sendMessage", json!({ "chat_id": chat, "text": "x" })).await
}

#[tokio::test]
async fn limits_are_kept_and_whoever_comes_too_early_is_counted() {
    let server = TelegramServer::start(TOKEN).await;
    let base = server.base_url();
    server.limit(Limits { per_chat_second: 2, per_group_minute: 3, retry_after: 5, ..Limits::default() });
    for _ in 0..2 {
        assert_eq!(send(base, 11).await["ok"], true);
    }
    let refused = send(base, 11).await;
    assert_eq!((&refused["error_code"], &refused["parameters"]["retry_after"]), (&json!(429), &json!(5)));
    assert_eq!(server.too_early(), 0, "nobody had said so before");
    assert_eq!(send(base, 12).await["ok"], true, "another chat is another chat");
    let again = send(base, 11).await;
    assert_eq!((&again["error_code"], server.too_early()), (&json!(429), 1));
    server.pass(Duration::from_secs(6));
    assert_eq!((send(base, 11).await["ok"].clone(), server.too_early()), (json!(true), 1));

    for _ in 0..2 {
        send(base, -100).await;
    }
    server.pass(Duration::from_secs(2));
    assert_eq!(send(base, -100).await["ok"], true);
    server.pass(Duration::from_secs(2));
    assert_eq!(send(base, -100).await["error_code"], 429, "three in a minute");
    server.pass(Duration::from_secs(62));
    assert_eq!(send(base, -100).await["ok"], true);

    server.limit(Limits { per_second: 1, retry_after: 3, ..Limits::default() });
    assert_eq!(send(base, 21).await["ok"], true);
    assert_eq!(send(base, 22).await["error_code"], 429, "over all chats");
    assert_eq!((send(base, 23).await["error_code"].clone(), server.too_early()), (json!(429), 2));
}

#[tokio::test]
async fn a_fault_that_asks_to_wait_is_over_at_once_but_watches() {
    let server = TelegramServer::start(TOKEN).await;
    server.fault("sendMessage", Fault::TooMany { retry_after: 600 });
    assert_eq!(send(server.base_url(), 11).await["error_code"], 429);
    assert_eq!((send(server.base_url(), 11).await["ok"].clone(), server.too_early()), (json!(true), 1));
    server.pass(Duration::from_secs(601));
    send(server.base_url(), 11).await;
    assert_eq!(server.too_early(), 1);
}

#[tokio::test]
async fn bots_of_one_server_know_nothing_of_each_other() {
    let server = TelegramServer::start(TOKEN).await;
    let other = server.add_bot("7000000002:AA-another");
    other.push_message(11, 11, "for the other");
    server.push_message(11, 11, "for the first");
    let got = raw(server.base_url(), "getUpdates", json!({})).await;
    assert_eq!(
        (got["result"].as_array().map(Vec::len), &got["result"][0]["message"]["text"]),
        (Some(1), &json!("for the first"))
    );
    send(server.base_url(), 11).await;
    assert_eq!((server.sent_count(), other.sent_count(), other.call_count("getUpdates")), (1, 0, 0));
    assert_ne!(raw(server.base_url(), "getMe", json!({})).await["result"]["id"], BOT_ID + 1);
    other.revoke();
    assert_eq!(raw(server.base_url(), "getMe", json!({})).await["result"]["id"], BOT_ID);
}

#[tokio::test]
async fn only_the_last_calls_are_kept_and_all_are_counted() {
    let server = TelegramServer::start(TOKEN).await;
    server.keep_last(2);
    for chat in 1..=5 {
        send(server.base_url(), chat).await;
    }
    server.wait_sent_count(5).await;
    let kept: Vec<_> = server.sent().iter().map(|sent| sent.chat_id).collect();
    assert_eq!((kept, server.calls("sendMessage").len(), server.call_count("sendMessage")), (vec![4, 5], 2, 5));
}

#[tokio::test]
async fn kinds_that_were_not_asked_for_do_not_come() {
    let server = TelegramServer::start(TOKEN).await;
    server.push_join(-100, 21);
    let wanted = server.push_message(-100, 21, "gm");
    let got = raw(server.base_url(), "getUpdates", json!({ "allowed_updates": ["message"] })).await;
    assert_eq!((got["result"].as_array().map(Vec::len), &got["result"][0]["update_id"]), (Some(1), &json!(wanted)));
}

#[tokio::test]
async fn drafts_menus_and_moderation_are_checked() {
    let server = TelegramServer::start(TOKEN).await;
    let long = "x".repeat(4097);
    let name = |name: &str| json!({ "commands": [{ "command": name, "description": "x" }] });
    let bad = [
        ("sendMessageDraft", json!({ "chat_id": -100, "draft_id": 1, "text": "x" })),
        ("sendMessageDraft", json!({ "chat_id": 11, "draft_id": 0, "text": "x" })),
        ("sendMessageDraft", json!({ "chat_id": 11, "draft_id": 1, "text": long })),
        ("setMyCommands", name("")),
        ("setMyCommands", name("Ask")),
        ("setMyCommands", json!({ "commands": [{ "command": "ask", "description": "" }] })),
        ("setWebhook", json!({ "url": "http://keeper.example.org/" })),
        ("setWebhook", json!({ "url": "https://keeper.example.org/", "secret_token": "with a space" })),
        ("banChatMember", json!({ "chat_id": -100, "user_id": 66 })),
        ("restrictChatMember", json!({ "chat_id": -100, "user_id": 66, "permissions": {} })),
        ("pinChatMessage", json!({ "chat_id": -100, "message_id": 1 })),
    ];
    for (method, body) in bad {
        assert_eq!(raw(server.base_url(), method, body.clone()).await["error_code"], 400, "{method} {body}");
    }
    server.kick(-100, 11);
    assert_eq!(send(server.base_url(), -100).await["error_code"], 403);
    server.migrate(-5, -10_077, 11);
    assert_eq!(send(server.base_url(), -5).await["parameters"]["migrate_to_chat_id"], -10_077);
}
