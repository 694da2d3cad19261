//! Frames that no gateway should send: counted, passed over, and nothing else is lost.

use serde_json::json;

use crate::host::{Running, TestHost, text};
use crate::{ADA, BOT, CHANNEL, GUILD, server_and_bot, soon, write};

#[tokio::test]
async fn broken_frames_stop_nothing() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    soon(host.wait_kept("places")).await;
    let deep = format!(r#"{{"op":0,"s":1000,"t":"MESSAGE_CREATE","d":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    let broken = [
        "not JSON",
        "{}",
        "[]",
        "null",
        r#"{"op":"zero"}"#,
        r#"{"op":-1,"d":null}"#,
        r#"{"op":99,"d":{"x":1},"s":null,"t":null}"#,
        r#"{"op":0}"#,
        r#"{"op":0,"t":"MESSAGE_CREATE","s":900}"#,
        r#"{"op":0,"t":"MESSAGE_CREATE","s":901,"d":null}"#,
        r#"{"op":0,"t":"MESSAGE_CREATE","s":902,"d":{"id":"x","channel_id":[]}}"#,
        r#"{"op":0,"t":"MESSAGE_CREATE","s":903,"d":{"id":"1","channel_id":"2","author":{"id":"3"},"content":"\ud800"}}"#,
        r#"{"op":0,"t":"READY","s":904,"d":{}}"#,
        r#"{"op":0,"t":"INTERACTION_CREATE","s":905,"d":{"id":"1"}}"#,
        r#"{"op":0,"t":"GUILD_CREATE","s":906,"d":[]}"#,
        r#"{"op":0,"t":null,"s":907,"d":{}}"#,
        r#"{"op":0,"t":"MESSAGE_CREATE","s":"908","d":{}}"#,
        r#"{"op":11}"#,
        &deep,
    ];
    for frame in broken {
        server.send_raw(frame);
    }
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "Still here?");
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Still here?");
    assert!(bot.health().unreadable >= 5, "{:?}", bot.health());
    // And over a break: whatever the numbers in these frames did, the session goes on or begins anew.
    server.close_sessions(4000);
    write(&server, direct, "And now?");
    let heard = soon(host.wait_event(|i| i.addressed && text(i) == "And now?")).await;
    assert!(heard.addressed);
}

/// Whatever number a frame claims, what was taken is not taken again.
#[tokio::test]
async fn numbers_that_fall_back_are_replayed_and_recognised() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "one");
    write(&server, direct, "two");
    soon(host.wait_accepted(2)).await;
    server.send_raw(r#"{"op":0,"t":"TYPING_START","s":1,"d":{}}"#);
    server.reconnect();
    write(&server, direct, "three");
    let heard = soon(host.wait_accepted(3)).await;
    assert_eq!(heard.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three"], "each once");
}

#[tokio::test]
async fn a_megabyte_and_ids_beyond_any_double() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    let long = "🌞".repeat(256 * 1024);
    let author = |id: &str| json!({ "id": id, "username": long });
    let id = u64::MAX - 1;
    let message = |content: &str| {
        json!({ "id": id.to_string(), "channel_id": CHANNEL.to_string(), "guild_id": GUILD.to_string(), "type": 0,
            "author": author("9007199254740997"), "content": content, "mentions": [] })
    };
    server.push_dispatch("MESSAGE_CREATE", message(&long));
    let heard = soon(host.wait_event(|i| i.event.as_str() == format!("m{id}"))).await;
    assert_eq!(text(&heard).len(), 1024 * 1024);
    assert_eq!(heard.person.id.as_str(), "9007199254740997", "not rounded");
    assert_eq!(heard.place.id.as_str(), CHANNEL.to_string());
    // The same id as a number.
    let mut number = message("a number");
    number["id"] = json!(9_007_199_254_740_993_u64);
    server.push_dispatch("MESSAGE_CREATE", number);
    soon(host.wait_event(|i| i.event.as_str() == "m9007199254740993")).await;
}

/// Names are for people's eyes; whatever they hold, they are no markup and no trouble.
#[tokio::test]
async fn names_of_marks_and_overrides_pass() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    for (n, name) in ["\u{301}".repeat(32), "\u{202e}tidoM".to_owned(), "\0".to_owned()].into_iter().enumerate() {
        let author = json!({ "id": (n + 50).to_string(), "username": name });
        server.push_dispatch(
            "MESSAGE_CREATE",
            json!({ "id": (n + 900).to_string(), "type": 0, "author": author,
            "channel_id": CHANNEL.to_string(), "guild_id": GUILD.to_string(), "content": "hello" }),
        );
        let heard = soon(host.wait_event(|i| i.event.as_str() == format!("m{}", n + 900))).await;
        assert_eq!(heard.person.name, name);
    }
}
