//! The Discord fake at the wire: sessions, replay, what each session sees, and connections that go wrong.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use townkeeper_fakes::discord::{DiscordBot, DiscordServer, MESSAGE_CONTENT};

const GUILD: u64 = 500;
const CHANNEL: u64 = 600;
const BOT: u64 = 100;
const PERSON: u64 = 200;
/// Guilds, their messages, direct messages.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 12;

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(format!("{url}/?v=10&encoding=json"), stream).await.unwrap();
        Self(socket)
    }

    async fn send(&mut self, payload: Value) {
        self.0.send(Message::text(payload.to_string())).await.unwrap();
    }

    /// The next payload.
    async fn next(&mut self) -> Value {
        match self.0.next().await.unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a payload: {other:?}"),
        }
    }

    /// The next dispatch of this event; others before it are passed over.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.next().await;
            if payload["t"] == name {
                return payload;
            }
        }
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(close) = self.0.next().await.unwrap().unwrap() {
                return close.unwrap().code.into();
            }
        }
    }

    async fn identify(&mut self, token: &str, intents: u64) {
        assert_eq!(self.next().await["op"], 10);
        self.send(json!({ "op": 2, "d": { "token": token, "intents": intents, "properties": {} } })).await;
    }
}

async fn server() -> DiscordServer {
    let bot = DiscordBot { token: "t.o.k".into(), user_id: BOT, application_id: 101, username: "keeper".into() };
    let server = DiscordServer::start(&[bot]).await;
    server.add_guild(json!({ "id": GUILD, "owner_id": PERSON, "members": [{ "user": { "id": BOT } }],
        "channels": [{ "id": CHANNEL, "name": "general" }] }));
    server
}

fn said(content: &str) -> Value {
    json!({ "channel_id": CHANNEL, "author": { "id": PERSON }, "content": content })
}

#[tokio::test]
async fn identify_dispatch_and_resume_with_replay() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify("Bot t.o.k", INTENTS | MESSAGE_CONTENT).await;
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
    client.send(json!({ "op": 6, "d": { "token": "t.o.k", "session_id": session, "seq": one["s"] } })).await;
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
    client.identify("t.o.k", INTENTS).await;
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
    client.identify("t.o.k", INTENTS | MESSAGE_CONTENT).await;
    assert_eq!(client.close_code().await, 4014);
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify("t.o.k", 1 << 40).await;
    assert_eq!(client.close_code().await, 4013);
    server.wait(|s| s.connections.iter().all(|c| !c.open)).await;
    assert_eq!(server.state().sessions.len(), 0);
}

#[tokio::test]
async fn a_muted_session_is_a_zombie_until_it_is_resumed() {
    let server = server().await;
    let mut client = Client::connect(&server.gateway_url()).await;
    client.identify("t.o.k", INTENTS | MESSAGE_CONTENT).await;
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
    fresh.send(json!({ "op": 6, "d": { "token": "t.o.k", "session_id": session, "seq": seq } })).await;
    assert_eq!(fresh.next().await["d"]["content"], "unheard");
    // The old connection never got anything: the next it sees is its end.
    drop(server);
    let end = tokio::time::timeout(Duration::from_secs(60), client.0.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}
