//! The adapter against the wire: the fake Discord on one side, a small stand-in for the daemon at the contract on the
//! other.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod answer;
mod catchup;
mod deliver;
mod host;
mod malformed;
mod normalise;
mod pictures;
mod pings;
mod receive;
mod render;
mod secret;
mod session;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use townkeeper_discord::{Discord, DiscordConfig};
use townkeeper_fakes::discord::{DiscordBot, DiscordServer};

/// Shaped as the real ones are; it opens nothing.
const TOKEN: &str = "Nz-not.a_token.of-anyone";
/// Above 2^53: no JSON number holds it everywhere.
const BOT: u64 = 9_007_199_254_740_993;
const APPLICATION: u64 = 9_007_199_254_741_003;
const ADA: u64 = 9_007_199_254_740_995;
const GUILD: u64 = 9_007_199_254_741_111;
const CHANNEL: u64 = 9_007_199_254_742_222;
const THREAD: u64 = 9_007_199_254_743_333;

fn us() -> DiscordBot {
    DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: APPLICATION, username: "lumen_keeper".into() }
}

/// An adapter whose Discord is `base`. Its requests give up soon.
fn bot_at(base: &str, token: &str) -> Arc<Discord> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = DiscordConfig { api_base: base.into(), request_timeout_s: 2, ..DiscordConfig::default() };
    Arc::new(Discord::new("discord:main".into(), config, token.into()).expect("a valid account"))
}

/// A Discord with one guild, its channel and a thread in that, and our adapter.
async fn server_and_bot() -> (DiscordServer, Arc<Discord>) {
    let server = DiscordServer::start(&[us()]).await;
    server.add_guild(guild());
    let bot = bot_at(&server.api_base(), TOKEN);
    (server, bot)
}

fn guild() -> Value {
    json!({ "id": GUILD, "owner_id": "1", "members": [{ "user": { "id": BOT } }, { "user": { "id": ADA } }],
        "channels": [{ "id": CHANNEL, "type": 0 }], "threads": [{ "id": THREAD, "type": 11, "parent_id": CHANNEL }] })
}

/// One request beside the adapter: what Discord would answer anyone who holds the token.
async fn raw(server: &DiscordServer, path: &str, body: Value) -> Value {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.post(format!("{}{path}", server.api_base())).header("authorization", format!("Bot {TOKEN}"));
    let answer = request.json(&body).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// A person writes into a channel, a thread or a direct conversation; the message's id.
fn write(server: &DiscordServer, channel: u64, content: &str) -> u64 {
    server.push_message(json!({ "channel_id": channel, "author": { "id": ADA }, "content": content }))
}

/// A hang guard, longer than any honest run; it decides no outcome.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(40), future).await.expect("it hangs")
}
