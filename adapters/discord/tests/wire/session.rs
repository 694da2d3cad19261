//! The gateway's session: resumed over breaks and restarts, by the address Discord gave, and nothing handled twice.

use std::sync::Arc;

use serde_json::json;
use townkeeper_contract::platform::PlatformError;
use townkeeper_discord::{Discord, DiscordConfig};
use townkeeper_fakes::discord::{DiscordServer, GUILD_MEMBERS, MESSAGE_CONTENT};

use crate::host::{Running, TestHost, text};
use crate::{ADA, BOT, CHANNEL, TOKEN, bot_at, server_and_bot, soon, write};

async fn receiving() -> (DiscordServer, Arc<Discord>, Arc<TestHost>, Running) {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    soon(host.wait_kept("places")).await;
    (server, bot, host, running)
}

#[tokio::test]
async fn a_break_is_resumed_where_discord_said_and_what_was_missed_comes() {
    let (server, _bot, host, _running) = receiving().await;
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "before");
    soon(host.wait_accepted(1)).await;
    server.close_sessions(1006);
    write(&server, direct, "while away");
    let heard = soon(host.wait_accepted(2)).await;
    assert_eq!(text(&heard[1]), "while away");
    let (resume, identifies) = server.look(|s| (s.resumes[0].clone(), s.identifies.len()));
    assert_eq!((resume.path.as_str(), identifies), ("/resume", 1));
    assert!(resume.replayed.is_some());
    assert_eq!(host.repeats(), 0);
}

#[tokio::test]
async fn ten_reconnects_of_every_kind_handle_nothing_twice() {
    let (server, _bot, host, _running) = receiving().await;
    let direct = server.direct(BOT, ADA);
    for n in 0..10 {
        write(&server, direct, &format!("message {n}"));
        match n % 5 {
            0 => server.reconnect(),
            1 => server.close_sessions(4000),
            2 => server.close_sessions(1006),
            3 => server.invalidate(true),
            _ => server.close_sessions(4008),
        }
        soon(server.wait(|s| s.resumes.len() > n && s.connected() == 1)).await;
    }
    write(&server, direct, "the end");
    let heard = soon(host.wait_accepted(11)).await;
    let expected: Vec<_> = (0..10).map(|n| format!("message {n}")).chain(["the end".to_owned()]).collect();
    assert_eq!(heard.iter().map(text).collect::<Vec<_>>(), expected);
    assert_eq!((host.repeats(), server.look(|s| s.identifies.len())), (0, 1));
    soon(host.wait_well()).await;
}

#[tokio::test]
async fn a_restart_resumes_the_stored_session() {
    let (server, bot, host, running) = receiving().await;
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "before");
    soon(host.wait_accepted(1)).await;
    running.kill().await;
    write(&server, direct, "while dead");
    // Another process: nothing of the first is left but what the daemon keeps.
    drop(bot);
    let bot = bot_at(&server.api_base(), TOKEN);
    let _again = Running::start(&bot, &host);
    let heard = soon(host.wait_accepted(2)).await;
    assert_eq!(text(&heard[1]), "while dead");
    let (path, identifies) = server.look(|s| (s.resumes[0].path.clone(), s.identifies.len()));
    assert_eq!((path.as_str(), identifies), ("/resume", 1));
}

/// Killed between hearing and accepting: the session is resumed from what was accepted, not from what was heard.
#[tokio::test]
async fn killed_before_the_commit_nothing_is_lost() {
    let (server, bot, host, running) = receiving().await;
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "first");
    soon(host.wait_accepted(1)).await;
    host.close();
    let before = host.offered();
    write(&server, direct, "do not lose me");
    soon(host.wait_offered(before + 1)).await;
    running.kill().await;
    assert_eq!(host.accepted().len(), 1, "it died before the commit");
    host.open();
    let _again = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(2)).await[1]), "do not lose me");
}

/// A connection that is open and dead: no frame, no acknowledgement. It is given up, and the session goes on.
#[tokio::test]
async fn a_zombie_is_noticed_and_left() {
    let (server, bot) = server_and_bot().await;
    server.tune(|o| o.heartbeat_interval_ms = 300);
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1 && !s.heartbeats.is_empty())).await;
    server.mute(true);
    let direct = server.direct(BOT, ADA);
    write(&server, direct, "is anybody there?");
    let heard = soon(host.wait_accepted(1)).await;
    assert_eq!(text(&heard[0]), "is anybody there?");
    assert!(server.look(|s| s.connections.len() > 1 && s.identifies.len() == 1));
}

#[tokio::test]
async fn a_refused_account_says_what_to_do() {
    let (server, _) = server_and_bot().await;
    let stranger = bot_at(&server.api_base(), "somebody-elses.token");
    let end = soon(Running::start(&stranger, &TestHost::new()).ended()).await;
    assert!(matches!(&end, Err(PlatformError::Refused(why)) if why.contains("Reset Token")), "{end:?}");

    for (intent, name, setting) in [
        (MESSAGE_CONTENT, "Message Content Intent", "message_content = false"),
        (GUILD_MEMBERS, "Server Members Intent", "members = false"),
    ] {
        let (server, bot) = server_and_bot().await;
        server.withhold_intents(BOT, intent);
        let end = soon(Running::start(&bot, &TestHost::new()).ended()).await;
        let Err(PlatformError::Refused(why)) = &end else { panic!("{end:?}") };
        assert!(why.contains(name) && why.contains(setting), "{why}");
    }
    for (code, word) in [(4004, "token"), (4013, "4013"), (4011, "sharding")] {
        let (server, _bot, _host, mut running) = receiving().await;
        server.close_sessions(code);
        let end = soon(running.ended()).await;
        assert!(matches!(&end, Err(PlatformError::Refused(why)) if why.contains(word)), "{code}: {end:?}");
    }
}

#[tokio::test]
async fn what_is_switched_off_is_not_asked_for() {
    let (server, _) = server_and_bot().await;
    server.withhold_intents(BOT, MESSAGE_CONTENT | GUILD_MEMBERS);
    let config = DiscordConfig {
        api_base: server.api_base(),
        gateway: Some(server.gateway_url()),
        message_content: false,
        members: false,
        ..DiscordConfig::default()
    };
    let bot = Arc::new(Discord::new("discord:main".into(), config, TOKEN.into()).expect("a valid account"));
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    write(&server, CHANNEL, "not shown to us");
    write(&server, CHANNEL, &format!("<@{BOT}> this is"));
    let heard = soon(host.wait_accepted(1)).await;
    assert_eq!(text(&heard[0]), "this is");
}

/// The last hundred log-ins of a day are for whoever has to repair something.
#[tokio::test]
async fn the_reserve_of_log_ins_is_not_touched() {
    let (server, bot) = server_and_bot().await;
    server.tune(|o| o.session_starts = 100);
    let host = TestHost::new();
    let _running = Running::start(&bot, &host);
    assert!(soon(host.wait_trouble()).await.contains("log-ins"));
    assert_eq!(server.look(|s| s.identifies.len()), 0);
}

/// A gateway that is gone, then back: trouble while it lasts, and no longer.
#[tokio::test]
async fn an_outage_is_told_of_and_ridden_out() {
    let (server, _) = server_and_bot().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let config = DiscordConfig {
        api_base: server.api_base(),
        gateway: Some(format!("ws://127.0.0.1:{port}")),
        ..DiscordConfig::default()
    };
    let bot = Arc::new(Discord::new("discord:main".into(), config, TOKEN.into()).expect("a valid account"));
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    assert!(soon(host.wait_trouble()).await.contains("cannot be reached"));
    running.kill().await;
    let bot = bot_at(&server.api_base(), TOKEN);
    let _running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    server.push_dispatch("SOMETHING_NEW", json!({}));
}
