//! The Discord fake at the wire, with plain clients.
#![expect(clippy::unwrap_used, reason = "a test")]

mod gateway;
mod interactions;
mod rest;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use townkeeper_fakes::discord::{DiscordBot, DiscordServer};

const GUILD: u64 = 500;
const CHANNEL: u64 = 600;
const BOT: u64 = 100;
const APPLICATION: u64 = 101;
const OWNER: u64 = 199;
const PERSON: u64 = 200;
/// A role below the bot's that nobody may mention, and the bot's own.
const ROLE: u64 = 700;
const BOT_ROLE: u64 = 701;
const TOKEN: &str = "t.o.k";
/// Guilds, their messages, direct messages.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 12;
/// Kick, ban, manage messages, moderate members, pin.
const POWERS: u64 = 1 << 1 | 1 << 2 | 1 << 13 | 1 << 40 | 1 << 51;

async fn server() -> DiscordServer {
    let bot = DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: APPLICATION, username: "keeper".into() };
    let server = DiscordServer::start(&[bot]).await;
    server.add_guild(json!({ "id": GUILD, "owner_id": OWNER, "channels": [{ "id": CHANNEL, "name": "general" }],
        "roles": [{ "id": ROLE, "position": 1 }, { "id": BOT_ROLE, "position": 2, "permissions": POWERS }],
        "members": [{ "user": { "id": OWNER } }, { "user": { "id": PERSON } },
            { "user": { "id": BOT }, "roles": [BOT_ROLE.to_string()] }] }));
    server
}

fn said(content: &str) -> Value {
    json!({ "channel_id": CHANNEL, "author": { "id": PERSON }, "content": content })
}

/// A gateway client.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(url: &str) -> Self {
        Self::connect_with(url, "").await
    }

    async fn connect_with(url: &str, more: &str) -> Self {
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(format!("{url}/?v=10&encoding=json{more}"), stream).await.unwrap();
        Self(socket)
    }

    async fn send(&mut self, payload: Value) {
        self.0.send(Message::text(payload.to_string())).await.unwrap();
    }

    /// The next payload.
    async fn next(&mut self) -> Value {
        serde_json::from_str(self.0.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
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

/// A REST client with the bot's token.
struct Api {
    base: String,
    http: reqwest::Client,
}

impl Api {
    fn of(server: &DiscordServer) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().build().unwrap();
        Self { base: server.api_base(), http }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response, reqwest::Error> {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bot {TOKEN}"));
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    /// Status and body (null when empty) of an answer.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }
}
