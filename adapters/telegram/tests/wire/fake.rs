//! The fake itself: it refuses what Telegram refuses. A fake that takes anything would prove nothing.

use serde_json::{Value, json};
use townkeeper_fakes::telegram::{BOT_USERNAME, TelegramServer};

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
