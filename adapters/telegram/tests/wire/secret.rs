//! The token is in every URL; it must be in no text that leaves the adapter.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Outbound};
use townkeeper_contract::platform::Platform;
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_telegram::{Telegram, TelegramConfig, TelegramError};

use crate::deliver::say_to_11;
use crate::host::{Running, TestHost};
use crate::{bot_at, soon};

const CANARY: &str = "CANARY-must-not-sing";
const TOKEN: &str = "7000000003:CANARY-must-not-sing";

/// Everything that was logged, at every level and by every crate.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("the log")).into_owned()
    }
}

/// Logs everything of this thread from now on, until the guard goes.
pub(crate) fn logging() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn the_token_is_in_no_error_and_no_log() {
    let (log, _logging) = logging();
    let server = TelegramServer::start(TOKEN).await;
    let bot = bot_at(server.base_url(), TOKEN);
    let mut texts = vec![format!("{bot:?}")];

    let echo = format!("Bad Request: no such path /bot{TOKEN}/sendMessage");
    let faults = [
        Fault::Refuse { code: 400, description: echo.clone() },
        Fault::Garbage { status: 200, body: format!("not JSON, {echo}") },
        Fault::Garbage { status: 502, body: echo.clone() },
        Fault::DropResponse,
        Fault::Stall,
        Fault::SlowBody,
    ];
    for fault in faults {
        server.fault("sendMessage", fault);
        let error = say_to_11(&bot, "x").await.expect_err("a fault");
        texts.push(format!("{error} {error:?}"));
    }
    let stranger = TelegramServer::start("7000000004:somebody-else").await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    for base in [stranger.base_url(), &format!("http://127.0.0.1:{port}"), &format!("https://127.0.0.1:{port}")] {
        let error = say_to_11(&bot_at(base, TOKEN), "x").await.expect_err("no way in");
        texts.push(format!("{error} {error:?}"));
    }

    // Receiving: an outage, a second poller, a bad answer, then a refusal that ends it.
    server.fault("getMe", Fault::DropRequest);
    server.fault("getUpdates", Fault::Refuse { code: 409, description: format!("Conflict: {echo}") });
    server.fault("getUpdates", Fault::Garbage { status: 200, body: echo.clone() });
    server.fault("getUpdates", Fault::Refuse { code: 401, description: format!("Unauthorized: {echo}") });
    let end = soon(Running::start(&bot, &Arc::new(TestHost::default())).ended()).await.expect_err("refused");
    texts.push(format!("{end} {end:?}"));

    let logged = log.text();
    assert!(logged.contains("another process or a webhook"), "the log was captured");
    assert_eq!(logged.matches("WARN townkeeper_telegram").count(), 3, "each kind of trouble once:\n{logged}");
    for text in texts.iter().chain([&logged]) {
        assert!(!text.contains(CANARY), "the token is in: {text}");
    }
}

/// The red twin: a plain reqwest error holds its URL, and the token with it.
#[tokio::test]
async fn red_twin_a_plain_transport_error_sings() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let error = client.get(format!("http://127.0.0.1:{port}/bot{TOKEN}/getMe")).send().await.expect_err("refused");
    assert!(error.to_string().contains(CANARY));
}

#[test]
fn what_cannot_be_a_token_or_an_address_is_refused_at_once() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let build = |config: TelegramConfig, token: &str| Telegram::new("telegram:main".into(), config, token.into());
    for token in ["", ":", "123", "123:", "123:a/../b", "123:a?b", "123:a b", "123:a\nb", "https://x:y"] {
        let error = build(TelegramConfig::default(), token).expect_err("not a token");
        assert!(matches!(error, TelegramError::Token), "{token:?}");
    }
    for base in ["", "api.telegram.org", "file:///etc", "https://"] {
        let config = TelegramConfig { api_base: base.into(), ..TelegramConfig::default() };
        assert!(matches!(build(config, "1:a"), Err(TelegramError::ApiBase(_))), "{base:?}");
    }
    for seconds in [0, 51] {
        let config = TelegramConfig { poll_timeout_s: seconds, ..TelegramConfig::default() };
        assert!(matches!(build(config, "1:a"), Err(TelegramError::PollTimeout(_))));
    }
    assert!(toml::from_str::<TelegramConfig>("poll_timeout = 5").is_err(), "an unknown key is an error");
    assert_eq!(toml::from_str::<TelegramConfig>("").expect("all defaults"), TelegramConfig::default());
}

/// Nothing of an act that cannot be addressed leaves, and its error does not repeat the address.
#[tokio::test]
async fn a_foreign_address_is_not_echoed() {
    let bot = bot_at("http://127.0.0.1:9", TOKEN);
    let to = ReplyTo(json!({ "room": CANARY }).to_string());
    let error =
        bot.deliver(&Outbound { id: "01J".into(), to, act: Act::Typing, repeated: false }).await.expect_err("foreign");
    assert!(!error.to_string().contains(CANARY));
}
