//! The adapter against the wire: the fake Bot API on one side, a small stand-in for the daemon at the contract on
//! the other.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod bad_input;
mod carried;
mod deliver;
mod fake;
mod foreign;
mod host;
mod menu;
mod moderate;
mod news;
mod normalise;
mod pictures;
mod receive;
mod render;
mod replies;
mod secret;
mod standing;
mod watchdog;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_telegram::{Telegram, TelegramConfig};

/// Shaped as the real ones are; it opens nothing.
const TOKEN: &str = "7000000001:AA-not-a-token_of-anyone";

/// An adapter with these settings.
fn bot_with(config: TelegramConfig) -> Arc<Telegram> {
    rustls::crypto::ring::default_provider().install_default().ok();
    Arc::new(Telegram::new("telegram:main".into(), config, TOKEN.into()).expect("a valid account"))
}

/// An adapter whose Bot API is `base`. Its polls outlast every hang guard, its other requests give up soon.
fn bot_at(base: &str, token: &str) -> Arc<Telegram> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = TelegramConfig { api_base: base.into(), request_timeout_s: 2, ..TelegramConfig::default() };
    Arc::new(Telegram::new("telegram:main".into(), config, token.into()).expect("a valid account"))
}

/// One request beside the adapter: what Telegram would answer anyone who holds the token.
async fn raw(base: &str, method: &str, body: Value) -> Value {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.post(format!("{base}/bot{TOKEN}/{method}")).json(&body).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

async fn server_and_bot() -> (TelegramServer, Arc<Telegram>) {
    let server = TelegramServer::start(TOKEN).await;
    let bot = bot_at(server.base_url(), TOKEN);
    (server, bot)
}

/// A hang guard, longer than any honest run and shorter than a poll; it decides no outcome.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(25), future).await.expect("it hangs")
}
