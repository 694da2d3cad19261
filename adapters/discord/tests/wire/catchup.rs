//! After a log-in without a resume: what was written meanwhile is asked for, within bounds, and taken once.

use std::sync::Arc;

use serde_json::{Value, json};
use townkeeper_contract::inbound::Body;
use townkeeper_discord::Discord;
use townkeeper_fakes::discord::{DiscordFault, DiscordServer};

use crate::host::{Running, TestHost, text};
use crate::{ADA, BOT, CHANNEL, GUILD, THREAD, TOKEN, bot_at, server_and_bot, soon, write};

const HISTORY: &str = "GET /channels/{channel.id}/messages";

/// An adapter that heard something everywhere, and was then killed.
async fn heard_and_killed() -> (DiscordServer, Arc<Discord>, Arc<TestHost>, u64) {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    let direct = server.direct(BOT, ADA);
    for (n, channel) in [direct, CHANNEL, THREAD].into_iter().enumerate() {
        write(&server, channel, &format!("heard {n}"));
    }
    soon(host.wait_accepted(3)).await;
    soon(host.wait_kept("places")).await;
    running.kill().await;
    (server, bot, host, direct)
}

/// Dead for longer than Discord keeps a session.
fn forget(server: &DiscordServer) {
    server.tune(|o| o.resume_window_ms = 0);
    server.advance(std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn what_was_written_meanwhile_is_asked_for() {
    let (server, _, host, direct) = heard_and_killed().await;
    write(&server, direct, "missed in private");
    write(&server, CHANNEL, "missed in the channel");
    write(&server, THREAD, "missed in the thread");
    forget(&server);
    let bot = bot_at(&server.api_base(), TOKEN);
    let _again = Running::start(&bot, &host);
    let heard = soon(host.wait_accepted(6)).await;
    let mut words: Vec<_> = heard.iter().skip(3).map(text).collect();
    words.sort_unstable();
    assert_eq!(words, ["missed in private", "missed in the channel", "missed in the thread"]);
    let thread = heard.iter().find(|i| text(i) == "missed in the thread").expect("there");
    assert_eq!(thread.thread.as_ref().expect("a thread").as_str(), THREAD.to_string());
    assert_eq!(server.look(|s| (s.identifies.len(), s.resumes.len())), (2, 1), "the resume was refused");
    // The overlap brings what was heard before under the keys that are known.
    write(&server, direct, "afterwards");
    let heard = soon(host.wait_accepted(7)).await;
    assert_eq!((text(&heard[6]), heard.len()), ("afterwards", 7));
}

/// Killed after the log-in and before what it missed was on disk: the next life does not resume over the gap.
#[tokio::test]
async fn a_catching_up_that_was_cut_off_is_begun_again() {
    let (server, bot, host, direct) = heard_and_killed().await;
    write(&server, direct, "missed twice");
    forget(&server);
    host.close();
    let before = host.offered();
    let running = Running::start(&bot, &host);
    soon(host.wait_offered(before + 1)).await;
    assert!(server.look(|s| s.identifies.len() == 2), "it has logged in, and asked");
    running.kill().await;
    assert_eq!(host.accepted().len(), 3);
    host.open();
    server.tune(|o| o.resume_window_ms = 180_000);
    let _again = Running::start(&bot, &host);
    let heard = soon(host.wait_accepted(4)).await;
    assert_eq!(text(&heard[3]), "missed twice");
}

#[tokio::test]
async fn fifty_of_a_channel_are_enough() {
    let (server, bot, host, _) = heard_and_killed().await;
    for n in 0..80 {
        write(&server, CHANNEL, &format!("missed {n}"));
    }
    forget(&server);
    let _again = Running::start(&bot, &host);
    // With the one that was heard before: the overlap asks for it too.
    soon(host.wait_accepted(3 + 49)).await;
    let limits: Vec<_> = server.look(|s| s.calls_of(HISTORY).iter().map(|call| call.query.clone()).collect());
    assert!(!limits.is_empty() && limits.iter().all(|query| query.ends_with("&limit=50")), "{limits:?}");
}

/// What is older than a quarter of an hour is not answered any more; channels without news are not asked.
#[tokio::test]
async fn what_is_old_stays_unasked() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let old = write(&server, CHANNEL, &format!("<@{BOT}> long ago"));
    // A life that ended an hour before that message.
    let last = old - (3_600_000 << 22);
    host.keep(
        "session",
        &json!({ "session": "gone", "url": null, "seq": 5, "user": BOT.to_string(),
        "application": "1", "behind": last.to_string() })
        .to_string(),
    );
    let _running = Running::start(&bot, &host);
    soon(host.wait_event(|i| i.event.as_str() == format!("m{old}"))).await;
    let query = server.look(|s| s.calls_of(HISTORY)[0].query.clone());
    let after: u64 = query.trim_start_matches("after=").split('&').next().expect("an id").parse().expect("a number");
    assert!(after > last, "an hour is too long: {query}");
    assert!(after < old, "a quarter of an hour is not");
}

/// The red twin: without its cursor a cold start asks for nothing, and what was missed stays missed.
#[tokio::test]
async fn red_twin_without_a_cursor_nothing_is_asked_for() {
    let (server, bot, _, direct) = heard_and_killed().await;
    write(&server, direct, "missed");
    forget(&server);
    let fresh = TestHost::new();
    let _again = Running::start(&bot, &fresh);
    soon(server.wait(|s| s.identifies.len() == 2)).await;
    write(&server, direct, "afterwards");
    assert_eq!(text(&soon(fresh.wait_accepted(1)).await[0]), "afterwards");
    assert!(server.look(|s| s.calls_of(HISTORY).is_empty()));
}

const SECOND: u64 = GUILD + 1_000;
const THIRD: u64 = GUILD + 2_000;

/// A life killed while it caught up with the second of three guilds; the one after it goes on with the session.
async fn killed_between_guilds() -> (DiscordServer, Arc<TestHost>) {
    let (server, bot) = server_and_bot().await;
    for guild in [SECOND, THIRD] {
        server.add_guild(json!({ "id": guild, "owner_id": "1", "channels": [{ "id": guild + 1, "type": 0 }],
            "members": [{ "user": { "id": BOT } }, { "user": { "id": ADA } }] }));
    }
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    write(&server, CHANNEL, "heard");
    soon(host.wait_accepted(1)).await;
    soon(host.wait_kept("places")).await;
    running.kill().await;
    for guild in [SECOND, THIRD] {
        write(&server, guild + 1, &format!("missed in {guild}"));
    }
    forget(&server);
    // The first guild has no more to tell; the second never answers.
    server.fault(HISTORY, DiscordFault::Garbage { status: 200, body: "[]".into() });
    server.break_route(HISTORY, DiscordFault::Stall);
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.calls_of(HISTORY).len() == 2)).await;
    running.kill().await;
    server.mend(HISTORY);
    server.tune(|o| o.resume_window_ms = 180_000);
    (server, host)
}

#[tokio::test]
async fn a_life_killed_between_two_guilds_leaves_the_rest_to_the_next() {
    let (server, host) = killed_between_guilds().await;
    let _again = Running::start(&bot_at(&server.api_base(), TOKEN), &host);
    let heard = soon(host.wait_accepted(3)).await;
    assert_eq!(text(&heard[1]), format!("missed in {SECOND}"));
    assert_eq!(text(&heard[2]), format!("missed in {THIRD}"));
    assert_eq!(server.look(|s| s.identifies.len()), 2, "it resumed");
}

/// The red twin: a life that does not know which guilds are left takes the first for the last.
#[tokio::test]
async fn red_twin_without_the_guilds_that_are_left_a_message_stays_missed() {
    let (server, host) = killed_between_guilds().await;
    let mut kept: Value = serde_json::from_str(&host.kept("session").expect("kept")).expect("JSON");
    kept["awaited"] = json!([]);
    host.keep("session", &kept.to_string());
    let _again = Running::start(&bot_at(&server.api_base(), TOKEN), &host);
    soon(host.wait_accepted(2)).await;
    write(&server, THIRD + 1, "afterwards");
    let heard = soon(host.wait_event(|i| matches!(&i.body, Body::Message { text } if text == "afterwards"))).await;
    assert_eq!(text(&heard), "afterwards");
    assert!(host.accepted().iter().all(|i| text(i) != format!("missed in {THIRD}")));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_costs_no_other() {
    let (server, _, host, _) = heard_and_killed().await;
    let missed = write(&server, CHANNEL, "missed");
    forget(&server);
    let good = json!({ "id": missed.to_string(), "channel_id": CHANNEL.to_string(), "content": "missed",
        "author": { "id": ADA.to_string() } });
    let body = json!([{ "id": [], "content": 7 }, good, "nothing"]).to_string();
    server.break_route(HISTORY, DiscordFault::Garbage { status: 200, body });
    let bot = bot_at(&server.api_base(), TOKEN);
    let _again = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(4)).await[3]), "missed");
    assert!(bot.health().unreadable >= 2, "{:?}", bot.health());
}

#[tokio::test]
async fn a_server_that_stumbles_is_asked_again() {
    let (server, bot, host, _) = heard_and_killed().await;
    write(&server, CHANNEL, "missed");
    forget(&server);
    for _ in 0..3 {
        server.fault(HISTORY, DiscordFault::Garbage { status: 502, body: "<html>".into() });
    }
    let _again = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(4)).await[3]), "missed");
}

/// Told to wait for longer than it waits, it goes on, and does not forget the guild.
#[tokio::test]
async fn what_discord_did_not_tell_is_asked_for_after_the_next_log_in() {
    let (server, bot, host, _) = heard_and_killed().await;
    write(&server, CHANNEL, "missed");
    forget(&server);
    let wait = DiscordFault::TooMany { retry_after_s: 61.0, global: false, scope: "user" };
    server.break_route(HISTORY, wait);
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.identifies.len() == 2)).await;
    write(&server, CHANNEL, "afterwards");
    assert_eq!(text(&soon(host.wait_accepted(4)).await[3]), "afterwards");
    running.kill().await;
    let kept: Value = serde_json::from_str(&host.kept("session").expect("kept")).expect("JSON");
    assert!(kept["awaited"].as_array().is_some_and(|all| all.contains(&json!(GUILD.to_string()))), "{kept}");
    server.mend(HISTORY);
    server.advance(std::time::Duration::from_secs(62));
    forget(&server);
    let _again = Running::start(&bot_at(&server.api_base(), TOKEN), &host);
    assert_eq!(text(&soon(host.wait_accepted(5)).await[4]), "missed");
}

/// A guild that Discord does not tell of holds up nothing, and is asked for again without another log-in.
#[tokio::test]
async fn what_discord_did_not_tell_is_asked_for_again_beside_what_goes_on() {
    let (server, bot, host, _) = heard_and_killed().await;
    write(&server, CHANNEL, "missed");
    forget(&server);
    server.break_route(HISTORY, DiscordFault::Garbage { status: 502, body: "<html>".into() });
    let _again = Running::start(&bot, &host);
    soon(server.wait(|s| s.identifies.len() == 2)).await;
    write(&server, CHANNEL, "afterwards");
    assert_eq!(text(&soon(host.wait_accepted(4)).await[3]), "afterwards");
    server.mend(HISTORY);
    assert_eq!(text(&soon(host.wait_accepted(5)).await[4]), "missed");
    assert_eq!(server.look(|s| s.identifies.len()), 2);
    // Nothing is behind any more.
    let is_caught_up = || {
        let kept: Value = serde_json::from_str(&host.kept("session").expect("kept")).expect("JSON");
        kept["behind"].is_null()
    };
    while !is_caught_up() {
        tokio::task::yield_now().await;
    }
}
