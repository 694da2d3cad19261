//! Sessions, replay, what each session sees, and connections that go wrong.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use townkeeper_fakes::discord::MESSAGE_CONTENT;

use crate::{BOT, CHANNEL, Client, INTENTS, PERSON, TOKEN, said, server};

#[tokio::test]
async fn identify_dispatch_and_resume_with_replay() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(&format!("Bot {TOKEN}"), INTENTS | MESSAGE_CONTENT).await;
    let ready = client.event("READY").await;
    let guild = client.event("GUILD_CREATE").await;
    assert_eq!(guild["d"]["channels"][0]["id"], CHANNEL.to_string());
    server.push_message(said("one"));
    let one = client.event("MESSAGE_CREATE").await;
    assert_eq!(one["d"]["content"], "one");
    drop(client);
    server.wait(|s| s.connected() == 0).await;
    server.push_message(said("two"));
    server.push_message(said("three"));

    let url = ready["d"]["resume_gateway_url"].as_str().unwrap();
    let mut client = Client::connect(url).await;
    assert_eq!(client.next().await["op"], 10);
    let session = &ready["d"]["session_id"];
    client.send(json!({ "op": 6, "d": { "token": TOKEN, "session_id": session, "seq": one["s"] } })).await;
    assert_eq!(client.next().await["d"]["content"], "two");
    assert_eq!(client.next().await["d"]["content"], "three");
    assert_eq!(client.next().await["t"], "RESUMED");
    let state = server.state();
    assert_eq!((state.resumes[0].replayed, state.resumes[0].path.as_str()), (Some(2), "/resume"));
    assert_eq!(state.identifies.len(), 1);
}

#[tokio::test]
async fn what_people_write_is_hidden_without_the_intent() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS).await;
    client.event("GUILD_CREATE").await;
    server.push_message(said("a secret"));
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["content"], "");
    server.push_message(said(&format!("<@{BOT}> hello")));
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["content"], format!("<@{BOT}> hello"));
    let direct = server.direct(BOT, PERSON);
    server.push_message(json!({ "channel_id": direct, "author": { "id": PERSON }, "content": "psst" }));
    assert_eq!(client.event("MESSAGE_CREATE").await["d"]["content"], "psst");
}

#[tokio::test]
async fn refusals_have_their_close_codes() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify("wrong", INTENTS).await;
    assert_eq!(client.close_code().await, 4004);
    server.withhold_intents(BOT, MESSAGE_CONTENT);
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS | MESSAGE_CONTENT).await;
    assert_eq!(client.close_code().await, 4014);
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, 1 << 40).await;
    assert_eq!(client.close_code().await, 4013);
    server.wait(|s| s.connections.iter().all(|c| !c.open)).await;
    assert_eq!(server.state().sessions.len(), 0);
}

#[tokio::test]
async fn a_muted_session_is_a_zombie_until_it_is_resumed() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS | MESSAGE_CONTENT).await;
    let ready = client.event("READY").await;
    let seq = client.event("GUILD_CREATE").await["s"].clone();
    client.send(json!({ "op": 1, "d": seq })).await;
    assert_eq!(client.next().await["op"], 11);
    server.mute(true);
    client.send(json!({ "op": 1, "d": seq })).await;
    server.push_message(said("unheard"));
    server.wait(|s| s.heartbeats.len() == 2).await;
    let state = server.state();
    assert_eq!(state.heartbeats.iter().map(|h| h.acked).collect::<Vec<_>>(), [true, false]);
    assert_eq!(state.connected(), 1);

    let mut fresh = Client::connect(ready["d"]["resume_gateway_url"].as_str().unwrap()).await;
    assert_eq!(fresh.next().await["op"], 10);
    let session = &ready["d"]["session_id"];
    fresh.send(json!({ "op": 6, "d": { "token": TOKEN, "session_id": session, "seq": seq } })).await;
    assert_eq!(fresh.next().await["d"]["content"], "unheard");
    // The old connection never got anything: the next it sees is its end.
    drop(server);
    let end = tokio::time::timeout(Duration::from_mins(1), client.0.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}

#[tokio::test]
async fn a_client_that_asks_for_it_gets_one_zlib_stream() {
    let server = server().await;
    let mut client = Client::connect_with(&server.gateway_url(), "&compress=zlib-stream").await;
    let mut zlib = Decompress::new(true);
    let mut inflate = async |client: &mut Client| -> Value {
        let Message::Binary(bytes) = client.0.next().await.unwrap().unwrap() else { panic!("not compressed") };
        assert!(bytes.ends_with(&[0, 0, 0xFF, 0xFF]));
        let mut out = Vec::with_capacity(1 << 20);
        zlib.decompress_vec(&bytes, &mut out, FlushDecompress::Sync).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    assert_eq!(inflate(&mut client).await["op"], 10);
    client.send(json!({ "op": 2, "d": { "token": TOKEN, "intents": INTENTS | MESSAGE_CONTENT } })).await;
    assert_eq!(inflate(&mut client).await["t"], "READY");
    assert_eq!(inflate(&mut client).await["t"], "GUILD_CREATE");
    let long: String = (0..90_000u32).map(|n| char::from_u32('a' as u32 + (n % 9973).pow(2) % 26).unwrap()).collect();
    server.push_message(said(&long));
    assert_eq!(inflate(&mut client).await["d"]["content"], long);
}

#[tokio::test]
async fn a_session_that_ended_is_not_resumed() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS).await;
    let session = client.event("READY").await["d"]["session_id"].clone();
    server.invalidate(false);
    loop {
        let payload = client.next().await;
        if payload["op"] == 9 {
            assert_eq!(payload["d"], false);
            break;
        }
    }
    let resume = json!({ "op": 6, "d": { "token": TOKEN, "session_id": session, "seq": 1 } });
    let mut again = Client::connect(&server.gateway_url()).await;
    assert_eq!(again.next().await["op"], 10);
    again.send(resume).await;
    assert_eq!((again.next().await["op"].as_u64(), server.state().resumes[0].replayed), (Some(9), None));
}

#[tokio::test]
async fn what_the_server_asks_and_closes_reaches_every_session() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify(TOKEN, INTENTS).await;
    client.event("GUILD_CREATE").await;
    server.ask_heartbeat();
    assert_eq!(client.next().await["op"], 1);
    server.reconnect();
    assert_eq!(client.next().await["op"], 7);
    server.send_raw(r#"{"op":0,"s":1}"#);
    assert_eq!(client.next().await, json!({ "op": 0, "s": 1 }));
    server.push_dispatch("GUILD_MEMBER_ADD", json!({ "guild_id": crate::GUILD.to_string(), "user": { "id": "9" } }));
    server.push_dispatch("SOMETHING_NEW", json!({ "field": 1 }));
    let new = client.next().await;
    assert_eq!((&new["t"], &new["s"]), (&json!("SOMETHING_NEW"), &json!(3)));
    server.close_sessions(4000);
    assert_eq!(client.close_code().await, 4000);
}
