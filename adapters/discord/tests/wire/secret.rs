//! The token, and an interaction's, must be in no text that leaves the adapter.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Outbound};
use townkeeper_contract::platform::Platform;
use townkeeper_discord::{Discord, DiscordConfig, DiscordError};
use townkeeper_fakes::discord::{DiscordBot, DiscordFault, DiscordServer};

use crate::deliver::{out, say, say_it};
use crate::host::{Running, TestHost};
use crate::{CHANNEL, bot_at, soon, us};

const CANARY: &str = "CANARY-must-not-sing";

/// Everything that was logged, at every level and by every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_is_in_any_error_or_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = DiscordServer::start(&[DiscordBot { token: CANARY.into(), ..us() }]).await;
    let bot = bot_at(&server.api_base(), CANARY);
    let mut texts = vec![format!("{bot:?}")];

    let echo = format!("no such thing: Bot {CANARY}");
    for fault in [
        DiscordFault::Refuse { status: 400, code: 50_035, message: echo.clone() },
        DiscordFault::Garbage { status: 200, body: echo.clone() },
        DiscordFault::Garbage { status: 502, body: echo.clone() },
        DiscordFault::DropResponse,
        DiscordFault::Stall,
    ] {
        server.fault("*", fault);
        let error = say_it(&bot, "x").await.expect_err("a fault");
        texts.push(format!("{error} {error:?}"));
    }
    // An interaction's token stands in the path.
    let via = json!({ "id": u64::MAX.to_string(), "app": "1", "token": CANARY });
    let to = ReplyTo(json!({ "channel": CHANNEL.to_string(), "via": via }).to_string());
    server.fault("*", DiscordFault::DropRequest);
    let error = soon(bot.deliver(&Outbound { to, ..out("1", say("x")) })).await.expect_err("a fault");
    texts.push(format!("{error} {error:?}"));
    let foreign = Outbound { to: ReplyTo(json!({ "room": CANARY }).to_string()), ..out("2", Act::Typing) };
    texts.push(bot.deliver(&foreign).await.expect_err("not ours").to_string());

    // Receiving: an outage, then a session, then the end.
    server.fault("GET /gateway/bot", DiscordFault::DropRequest);
    let mut running = Running::start(&bot, &TestHost::new());
    soon(server.wait(|s| s.connected() == 1)).await;
    server.close_sessions(4004);
    let end = soon(running.ended()).await.expect_err("refused");
    texts.push(format!("{end} {end:?}"));

    let logged = String::from_utf8_lossy(&log.0.lock().expect("the log")).into_owned();
    assert!(logged.contains("cannot be reached") && logged.contains("twilight"), "the log was captured");
    for text in texts.iter().chain([&logged]) {
        assert!(!text.contains(CANARY), "the token is in: {text}");
    }
}

/// The red twin: a plain reqwest error holds its URL, and an interaction's token with it.
#[tokio::test]
async fn red_twin_a_plain_transport_error_sings() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://127.0.0.1:{port}/webhooks/1/{CANARY}/messages/@original");
    let error = client.get(url).send().await.expect_err("refused");
    assert!(error.to_string().contains(CANARY));
}

#[test]
fn what_cannot_be_a_token_or_an_address_is_refused_at_once() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let build = |config: DiscordConfig, token: &str| Discord::new("discord:main".into(), config, token.into());
    for token in ["", "Bot abc.def", "a b", "a\nb", "ä"] {
        assert!(matches!(build(DiscordConfig::default(), token), Err(DiscordError::Token)), "{token:?}");
    }
    for base in ["", "discord.com", "file:///etc", "https://"] {
        let config = DiscordConfig { api_base: base.into(), ..DiscordConfig::default() };
        assert!(matches!(build(config, "a.b.c"), Err(DiscordError::ApiBase(_))), "{base:?}");
    }
    let config = DiscordConfig { gateway: Some("https://gateway.example.org".into()), ..DiscordConfig::default() };
    assert!(matches!(build(config, "a.b.c"), Err(DiscordError::Gateway(_))));
    for seconds in [0, 301] {
        let config = DiscordConfig { request_timeout_s: seconds, ..DiscordConfig::default() };
        assert!(matches!(build(config, "a.b.c"), Err(DiscordError::RequestTimeout(_))));
    }
    assert!(toml::from_str::<DiscordConfig>("intents = 5").is_err(), "an unknown key is an error");
    assert_eq!(toml::from_str::<DiscordConfig>("").expect("all defaults"), DiscordConfig::default());
}
