//! Telegram brings updates: who may, what 200 means, and what is not lost when the daemon cannot take them.

use std::sync::Arc;

use serde_json::{Value, json};
use townkeeper_contract::inbound::Body;
use townkeeper_contract::platform::PlatformError;
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_telegram::{Telegram, TelegramConfig, TelegramError, WebhookConfig};

use crate::host::{Running, TestHost, text};
use crate::{TOKEN, bot_with, soon};

const SECRET: &str = "not-a-secret_of-anyone";
const URL: &str = "https://keeper.example.org/telegram/main";

/// A file with the secret; gone with the value.
fn secret_file(secret: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{secret}\n")).expect("written");
    file
}

fn config(base: &str, secret: &tempfile::NamedTempFile) -> TelegramConfig {
    let webhook = WebhookConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        url: URL.into(),
        secret_file: secret.path().to_string_lossy().into_owned(),
    };
    TelegramConfig {
        api_base: base.into(),
        poll_timeout_s: 1,
        request_timeout_s: 2,
        webhook: Some(webhook),
        ..TelegramConfig::default()
    }
}

struct Stage {
    server: TelegramServer,
    bot: Arc<Telegram>,
    host: Arc<TestHost>,
    running: Running,
    /// Where the adapter listens.
    base: String,
}

/// Everything set up, the webhook set, and the proxy before it leading to us.
async fn stage() -> Stage {
    let server = TelegramServer::start(TOKEN).await;
    let file = secret_file(SECRET);
    let bot = bot_with(config(server.base_url(), &file));
    let host = Arc::new(TestHost::default());
    let running = Running::start(&bot, &host);
    let address = soon(bot.listening()).await.expect("it listens");
    soon(server.wait_calls("setWebhook", 1)).await;
    server.webhooks_lead_to(address);
    Stage { server, bot, host, running, base: format!("http://{address}") }
}

/// One request at the webhook; the status.
async fn knock(base: &str, secret: Option<&str>, body: &str) -> u16 {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.post(format!("{base}/telegram/main")).body(body.to_owned());
    if let Some(secret) = secret {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    soon(request.send()).await.expect("an answer").status().as_u16()
}

fn update(number: i64, words: &str) -> String {
    json!({ "update_id": number, "message": { "message_id": number, "date": 1, "text": words,
        "chat": { "id": 11, "type": "private" }, "from": { "id": 11, "is_bot": false, "first_name": "Ada" } } })
    .to_string()
}

#[tokio::test]
async fn updates_come_one_after_the_other_and_in_order() {
    let mut stage = stage().await;
    assert_eq!(stage.server.webhook().as_deref(), Some(URL));
    let asked = &stage.server.calls("setWebhook")[0].body;
    assert_eq!((&asked["max_connections"], &asked["secret_token"]), (&json!(1), &json!(SECRET)));
    assert_eq!(asked["drop_pending_updates"], Value::Null, "what waits is kept");
    for n in 0..20 {
        stage.server.push_message(11, 11, &format!("{n}"));
    }
    soon(stage.server.wait_drained()).await;
    let accepted = stage.host.accepted();
    let words: Vec<_> = accepted.iter().map(text).collect();
    assert_eq!(words, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((stage.bot.health().accepted, stage.host.stored_cursor()), (20, None));
    assert_eq!(stage.server.call_count("getUpdates"), 0);
    stage.running.stop.cancel();
    soon(stage.running.ended()).await.expect("a clean end");
    assert_eq!(stage.server.webhook().as_deref(), Some(URL), "Telegram keeps what comes meanwhile");
}

/// The guard and its red twin: the same request with the secret is taken.
#[tokio::test]
async fn without_the_secret_nothing_is_taken() {
    let stage = stage().await;
    for secret in [None, Some(""), Some("not-a-secret_of-anyon"), Some("NOT-A-SECRET_OF-ANYONE")] {
        assert_eq!(knock(&stage.base, secret, &update(5, "let me in")).await, 401, "{secret:?}");
    }
    assert!(stage.host.accepted().is_empty());
    assert_eq!(knock(&stage.base, Some(SECRET), &update(5, "let me in")).await, 200);
    assert_eq!(stage.host.accepted().len(), 1);
}

#[tokio::test]
async fn what_is_no_update_is_refused_and_what_is_unknown_is_counted() {
    let stage = stage().await;
    assert_eq!(knock(&stage.base, Some(SECRET), "not JSON").await, 400);
    assert_eq!(knock(&stage.base, Some(SECRET), r#"{"message":{}}"#).await, 400, "without a number");
    let long = update(6, &"x".repeat(9 << 20));
    assert_eq!(knock(&stage.base, Some(SECRET), &long).await, 400, "longer than any of Telegram's");
    assert_eq!(knock(&stage.base, Some(SECRET), r#"{"update_id":7,"chat_boost":{}}"#).await, 200);
    assert_eq!((stage.host.accepted().len(), stage.bot.health().unread), (0, 1));
}

/// 200 means "on disk". Until then Telegram brings it again, and it is as new as the first time.
#[tokio::test]
async fn what_the_daemon_cannot_take_comes_again() {
    let stage = stage().await;
    stage.host.refuse(2);
    stage.server.push_message(11, 11, "when?");
    let id = stage.server.last_message();
    assert!(soon(stage.server.wait_webhook_error()).await.contains("503"));
    assert!(soon(stage.host.wait_trouble()).await.contains("does not take"));
    soon(stage.server.wait_drained()).await;
    soon(stage.host.wait_well()).await;
    assert_eq!(stage.host.accepted().len(), 1);

    stage.host.refuse(1);
    stage.server.push_edit(11, 11, id, "when exactly?");
    let accepted = soon(stage.host.wait_accepted(2)).await;
    assert_eq!(accepted[1].body, Body::Edited { text: "when exactly?".into() }, "not taken for a repeat of itself");
}

/// While the commit is under way nothing is answered.
#[tokio::test]
async fn an_update_is_answered_only_behind_its_commit() {
    let stage = stage().await;
    stage.host.close();
    stage.server.push_message(11, 11, "Do not lose me");
    soon(stage.host.wait_offered(1)).await;
    assert_eq!((stage.server.pending(), stage.host.accepted().len()), (1, 0));
    stage.host.open();
    soon(stage.server.wait_drained()).await;
    assert_eq!(stage.host.accepted().len(), 1);
}

#[tokio::test]
async fn a_pressed_button_is_answered_with_the_answer() {
    let stage = stage().await;
    stage.server.push_callback(-100, 11, 5, "ticket:open");
    let pressed = soon(stage.host.wait_accepted(1)).await;
    assert_eq!(pressed[0].body, Body::Action { action: "ticket:open".into() });
    soon(stage.server.wait_calls("answerCallbackQuery", 1)).await;
}

#[tokio::test]
async fn a_webhook_that_is_taken_away_is_set_again() {
    let stage = stage().await;
    stage.server.steal_webhook("https://elsewhere.example.org/hook");
    assert!(soon(stage.host.wait_trouble()).await.contains("another process or a webhook"));
    soon(stage.server.wait_calls("setWebhook", 2)).await;
    soon(stage.host.wait_well()).await;
    assert_eq!(stage.server.webhook().as_deref(), Some(URL));
}

#[tokio::test]
async fn outages_and_a_revoked_token() {
    let file = secret_file(SECRET);
    let server = TelegramServer::start(TOKEN).await;
    server.fault("setWebhook", Fault::Garbage { status: 502, body: "<html>".into() });
    let host = Arc::new(TestHost::default());
    let mut running = Running::start(&bot_with(config(server.base_url(), &file)), &host);
    assert!(soon(host.wait_trouble()).await.contains("answers with errors"));
    soon(host.wait_well()).await;
    server.revoke();
    let end = soon(running.ended()).await;
    assert!(matches!(&end, Err(PlatformError::Refused(why)) if why.contains("@BotFather")), "{end:?}");
}

#[test]
fn a_webhook_that_cannot_work_is_refused_at_once() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let build = |config| Telegram::new("telegram:main".into(), config, TOKEN.into());
    let good = secret_file(SECRET);
    for url in ["http://keeper.example.org/", "https://keeper.example.org:7420/", "keeper.example.org", ""] {
        let mut config = config("http://127.0.0.1:9", &good);
        config.webhook.as_mut().expect("one").url = url.into();
        assert!(matches!(build(config), Err(TelegramError::WebhookUrl(_))), "{url}");
    }
    for secret in ["", "with a space", "ümlaut", &"x".repeat(257)] {
        let error = build(config("http://127.0.0.1:9", &secret_file(secret))).expect_err("no secret");
        assert!(matches!(&error, TelegramError::Secret(_)), "{secret:?}");
        assert!(secret.is_empty() || !error.to_string().contains(secret), "it is not repeated");
    }
    let mut nowhere = config("http://127.0.0.1:9", &good);
    nowhere.webhook.as_mut().expect("one").secret_file = "/nowhere/at/all".into();
    assert!(matches!(build(nowhere), Err(TelegramError::SecretFile(..))));
    assert!(build(config("http://127.0.0.1:9", &good)).is_ok());
}
