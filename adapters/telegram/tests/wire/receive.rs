//! Receiving: the offset behind the commit, redelivery, a second poller, outages, stopping.

use std::sync::Arc;

use serde_json::json;
use townkeeper_contract::inbound::Body;
use townkeeper_contract::platform::PlatformError;
use townkeeper_fakes::telegram::{Fault, TelegramServer};
use townkeeper_telegram::TelegramConfig;

use townkeeper_contract::platform::Platform as _;

use crate::host::{Running, TestHost, text};
use crate::{TOKEN, bot_at, bot_with, raw, server_and_bot, soon};

#[tokio::test]
async fn its_facts_can_be_worked_with() {
    let (_server, bot) = server_and_bot().await;
    townkeeper_contract::conformance::platform::facts(&bot.facts()).expect("the rules of a platform's facts");
}

#[tokio::test]
async fn the_offset_moves_only_behind_the_commit() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    host.close();
    let update = server.push_message(11, 11, "When does the migration end?");
    let mut running = Running::start(&bot, &host);

    let offered = soon(host.wait_offered(1)).await;
    assert_eq!(offered[0].1.as_ref().expect("a cursor").value, (update + 1).to_string());
    assert_eq!((server.confirmed(), server.pending()), (0, 1), "nothing is confirmed while the commit is under way");
    assert_eq!(server.calls("getUpdates").len(), 1, "and nothing is asked for");

    host.open();
    soon(server.wait_confirmed(update)).await;
    assert_eq!(server.calls("getUpdates")[1].body["offset"], update + 1);
    assert_eq!(host.accepted().len(), 1);
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
}

#[tokio::test]
async fn killed_before_the_commit_nothing_is_lost() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    host.close();
    server.push_message(11, 11, "Do not lose me");
    let running = Running::start(&bot, &host);
    soon(host.wait_offered(1)).await;
    running.kill().await;
    assert!(host.accepted().is_empty(), "it died before the commit");

    host.open();
    let _again = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Do not lose me");
}

/// The red twin: a poller that asks on before its commit loses what it was killed over, so the fake can tell.
#[tokio::test]
async fn red_twin_a_poller_that_confirms_first_loses_it() {
    let (server, bot) = server_and_bot().await;
    let update = server.push_message(11, 11, "Lost");
    let batch = raw(server.base_url(), "getUpdates", json!({ "offset": 0 })).await;
    assert_eq!(batch["result"][0]["update_id"], update);
    raw(server.base_url(), "getUpdates", json!({ "offset": update + 1 })).await;
    // … and here it dies, before any commit.
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_message(11, 11, "Next");
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Next");
}

#[tokio::test]
async fn a_refused_batch_is_offered_again_unchanged() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    host.refuse(2);
    let update = server.push_message(11, 11, "Patience");
    let _running = Running::start(&bot, &host);
    let offered = soon(host.wait_offered(3)).await;
    assert!(offered.windows(2).all(|pair| pair[0] == pair[1]));
    soon(server.wait_confirmed(update)).await;
    assert_eq!(host.accepted().len(), 1);
    assert_eq!(server.calls("getUpdates").len(), 2, "the batch waits here; it is not fetched again");
    for call in server.calls("getUpdates").iter().skip(1) {
        host.acknowledged(&call.body["offset"].to_string());
    }
}

#[tokio::test]
async fn it_goes_on_from_the_stored_cursor() {
    let (server, bot) = server_and_bot().await;
    let old = server.push_message(11, 11, "Answered before the restart");
    let new = server.push_message(11, 11, "Not seen yet");
    let host = TestHost::with_cursor(&(old + 1).to_string());
    let _running = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Not seen yet");
    soon(server.wait_confirmed(new)).await;
    assert_eq!(host.accepted().len(), 1);
    assert_eq!(server.calls("getUpdates")[0].body["offset"], old + 1);
    let asked = json!([
        "message",
        "edited_message",
        "callback_query",
        "stopped_message_generation",
        "chat_member",
        "my_chat_member"
    ]);
    assert_eq!(server.calls("getUpdates")[0].body["allowed_updates"], asked);
}

/// After a quiet week Telegram numbers updates anew; a stored offset from far ahead must not make us deaf or spin.
#[tokio::test]
async fn an_offset_from_the_future_falls_back() {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::with_cursor("4000000000");
    let update = server.push_message(11, 11, "Anyone there?");
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(update)).await;
    assert_eq!(host.accepted().len(), 1);
    assert_eq!(host.stored_cursor(), Some((update + 1).to_string()));
    assert_eq!(server.calls("getUpdates").len(), 2);
}

#[tokio::test]
async fn what_is_nothing_to_us_is_counted_and_passed_over() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    server.push_update(json!({ "some_update_of_next_year": { "id": 1 } }));
    server.push_update(json!({ "message": { "message_id": 1, "date": 1, "photo": [],
        "chat": { "id": 11, "type": "private" }, "from": { "id": 11, "is_bot": false, "first_name": "Ada" } } }));
    let last = server.push_message(11, 11, "Words");
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(last)).await;
    assert_eq!(host.accepted().len(), 1);
    let health = bot.health();
    assert_eq!((health.accepted, health.skipped, health.unread), (1, 1, 1));
}

/// Half a surrogate pair and absurd nesting: each is passed over, its neighbours are not.
#[tokio::test]
async fn an_update_that_cannot_be_read_stops_no_other() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let good = r#"{"message_id":3,"date":1,"text":"Still here","chat":{"id":11,"type":"private"},
        "from":{"id":11,"is_bot":false,"first_name":"Ada"}}"#;
    let body = format!(
        r#"{{"ok":true,"result":[{{"update_id":5,"message":{{"text":"\ud800"}}}},
        {{"update_id":6,"message":{deep}}},{{"update_id":7,"message":{good}}}]}}"#
    );
    server.fault("getUpdates", Fault::Garbage { status: 200, body });
    let _running = Running::start(&bot, &host);
    assert_eq!(text(&soon(host.wait_accepted(1)).await[0]), "Still here");
    assert_eq!(host.stored_cursor().as_deref(), Some("8"));
    assert_eq!(bot.health().unread, 2);
}

#[tokio::test]
async fn a_pressed_button_is_answered_once_it_is_on_disk() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    host.close();
    server.push_callback(-100, 11, 5, "ticket:open");
    let _running = Running::start(&bot, &host);
    soon(host.wait_offered(1)).await;
    assert!(server.calls("answerCallbackQuery").is_empty());
    host.open();
    let pressed = soon(host.wait_accepted(1)).await;
    assert_eq!(pressed[0].body, Body::Action { action: "ticket:open".into() });
    let answers = soon(server.wait_calls("answerCallbackQuery", 1)).await;
    assert!(answers[0].body["callback_query_id"].as_str().is_some_and(|id| id.starts_with("callback-")));
}

#[tokio::test]
async fn a_second_poller_is_noticed_and_outlasted() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    soon(server.wait_held(1)).await;
    assert_eq!(host.trouble_now(), None);
    // The other one's poll ends ours with 409; ours, a little later, ends the other's.
    let other = soon(raw(server.base_url(), "getUpdates", json!({ "timeout": 50 }))).await;
    assert_eq!(other["error_code"], 409);
    assert!(soon(host.wait_trouble()).await.contains("another process"));
    server.push_message(11, 11, "Hello again");
    soon(host.wait_accepted(1)).await;
    assert_eq!(host.trouble_now(), None);
}

/// Polling and a webhook exclude each other. Whoever asks for updates gets them, and is told what took them.
#[tokio::test]
async fn a_webhook_in_the_way_is_deleted_and_nothing_is_dropped() {
    let (server, bot) = server_and_bot().await;
    server.steal_webhook("https://elsewhere.example.org/hook");
    let waiting = server.push_message(11, 11, "Sent while the webhook was set");
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    let said = soon(host.wait_trouble()).await;
    assert!(said.contains("webhook took this bot's updates") && said.contains("@BotFather"), "{said}");
    soon(server.wait_confirmed(waiting)).await;
    assert_eq!((server.webhook(), host.accepted().len(), host.trouble_now()), (None, 1, None));
    assert_eq!(server.calls("deleteWebhook")[0].body, json!({}), "what waits is kept");
}

#[tokio::test]
async fn outages_are_ridden_out() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    server.fault("getMe", Fault::Garbage { status: 502, body: "<html>Bad Gateway</html>".into() });
    server.fault("getUpdates", Fault::DropResponse);
    server.fault("getUpdates", Fault::TooMany { retry_after: 0 });
    server.fault("getUpdates", Fault::Garbage { status: 200, body: "not JSON".into() });
    let update = server.push_message(11, 11, "Through the storm");
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(update)).await;
    assert_eq!(host.accepted().len(), 1);
}

/// Whatever goes wrong, the daemon knows of it while it lasts, and no longer; it hears no server's words.
#[tokio::test]
async fn the_daemon_knows_of_trouble_while_it_lasts() {
    let garbage = |status| Fault::Garbage { status, body: "<html>Bad Gateway</html>".into() };
    let conflict = Fault::Refuse { code: 409, description: "Conflict: a server's words".into() };
    for (method, fault, what) in [
        ("getMe", garbage(502), "answers with errors"),
        ("getMe", garbage(200), "cannot be reached"),
        ("getUpdates", conflict, "another process or a webhook"),
        ("getUpdates", Fault::DropRequest, "cannot be reached"),
        ("getUpdates", garbage(500), "answers with errors"),
        ("getUpdates", Fault::TooMany { retry_after: 1 }, "asks us to wait"),
    ] {
        let server = TelegramServer::start(TOKEN).await;
        let api_base = server.base_url().into();
        let bot =
            bot_with(TelegramConfig { api_base, poll_timeout_s: 1, request_timeout_s: 2, ..TelegramConfig::default() });
        server.fault(method, fault.clone());
        let host = Arc::new(TestHost::default());
        let _running = Running::start(&bot, &host);
        let said = soon(host.wait_trouble()).await;
        assert!(said.contains(what) && !said.contains("words"), "{fault:?}: {said}");
        soon(host.wait_well()).await;
    }
}

/// The end of an outage is known at once, not only when a long poll has run its time.
#[tokio::test]
async fn the_first_poll_after_an_outage_is_not_held() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    server.fault("getUpdates", Fault::DropRequest);
    let _running = Running::start(&bot, &host);
    soon(host.wait_trouble()).await;
    soon(host.wait_well()).await;
    let polls = soon(server.wait_calls("getUpdates", 3)).await;
    let timeouts: Vec<_> = polls.iter().map(|poll| poll.body["timeout"].as_u64().expect("seconds")).collect();
    assert!(timeouts[0] > 0 && timeouts[1] == 0 && timeouts[2] > 0, "{timeouts:?}");
}

#[tokio::test]
async fn a_refused_account_ends_it() {
    let (server, bot) = server_and_bot().await;
    let stranger = bot_at(server.base_url(), "7000000002:AA-another");
    let mut running = Running::start(&stranger, &Arc::new(TestHost::default()));
    let end = soon(running.ended()).await;
    assert!(
        matches!(&end, Err(PlatformError::Refused(why)) if why.contains("Unauthorized") && why.contains("@BotFather")),
        "{end:?}"
    );

    server.fault("getUpdates", Fault::Refuse { code: 404, description: "Not Found".into() });
    let mut running = Running::start(&bot, &Arc::new(TestHost::default()));
    assert!(matches!(soon(running.ended()).await, Err(PlatformError::Refused(_))));
}

#[tokio::test]
async fn stopping_cuts_a_held_poll_short() {
    let (server, bot) = server_and_bot().await;
    let mut running = Running::start(&bot, &Arc::new(TestHost::default()));
    soon(server.wait_held(1)).await;
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
    soon(server.wait_held(0)).await;
}

#[tokio::test]
async fn stopping_cuts_a_wait_short() {
    let (server, bot) = server_and_bot().await;
    server.fault("getUpdates", Fault::TooMany { retry_after: 3600 });
    let mut running = Running::start(&bot, &Arc::new(TestHost::default()));
    soon(server.wait_calls("getUpdates", 1)).await;
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
}

#[tokio::test]
async fn stopping_while_the_daemon_refuses_leaves_the_batch_with_telegram() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    host.refuse(usize::MAX);
    server.push_message(11, 11, "Later");
    let mut running = Running::start(&bot, &host);
    soon(host.wait_offered(1)).await;
    running.stop.cancel();
    soon(running.ended()).await.expect("a clean end");
    assert_eq!((server.confirmed(), server.pending()), (0, 1));
}
