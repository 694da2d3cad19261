//! Through the wire: edits, people who come, go and change their names, and what becomes of ourselves.

use std::sync::Arc;

use serde_json::json;
use townkeeper_contract::inbound::{Body, Inbound, PresenceChange, RosterChange};

use crate::host::{Running, TestHost};
use crate::{server_and_bot, soon};

const GROUP: i64 = -1_001_234;

fn bodies(accepted: &[Inbound]) -> Vec<&Body> {
    accepted.iter().map(|inbound| &inbound.body).collect()
}

fn message(text: &str) -> Body {
    Body::Message { text: text.into() }
}

/// Telegram tells of an edit also when it has added a preview: only other words are one.
#[tokio::test]
async fn an_edit_is_one_only_where_the_words_differ() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_message(11, 11, "when?");
    let id = server.last_message();
    server.push_edit(11, 11, id, "when?");
    server.push_edit(11, 11, id, "when exactly?");
    server.push_edit(11, 11, id, "when exactly?");
    let last = server.push_edit(11, 11, id, "when?");
    soon(server.wait_confirmed(last)).await;
    let edited = |text: &str| Body::Edited { text: text.into() };
    assert_eq!(bodies(&host.accepted()), [&message("when?"), &edited("when exactly?"), &edited("when?")]);
    assert_eq!(bot.health().skipped, 2);
    let accepted = host.accepted();
    assert!(accepted.iter().all(|inbound| inbound.message == accepted[0].message), "the same message");
}

/// What was said before the start is not remembered: the edit of it passes, and others compare.
#[tokio::test]
async fn an_edit_of_what_was_never_seen_passes() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    server.push_edit(11, 11, 41, "when?");
    let _running = Running::start(&bot, &host);
    assert_eq!(soon(host.wait_accepted(1)).await[0].body, Body::Edited { text: "when?".into() });
}

/// A join is told by the group and, to an administrator, by Telegram: one of them counts.
#[tokio::test]
async fn a_join_that_is_told_twice_is_one() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_service(GROUP, &[21, 22], None);
    server.push_join(GROUP, 21);
    server.push_leave(GROUP, 21);
    server.push_service(GROUP, &[], Some(21));
    let last = server.push_join(GROUP, 21);
    soon(server.wait_confirmed(last)).await;
    let accepted = host.accepted();
    let told: Vec<_> = accepted.iter().map(|i| (i.person.id.as_str(), &i.body)).collect();
    let (joined, left) = (Body::Roster { change: RosterChange::Joined }, Body::Roster { change: RosterChange::Left });
    assert_eq!(told, [("21", &joined), ("22", &joined), ("21", &left), ("21", &joined)]);
}

#[tokio::test]
async fn a_new_name_is_told_once_for_each_place() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_message(GROUP, 21, "gm");
    server.push_message(-1_005, 21, "gm");
    server.rename(21, "Lumen Support");
    server.push_message(GROUP, 21, "write to me");
    let last = server.push_message(GROUP, 21, "now");
    soon(server.wait_confirmed(last)).await;
    let renamed = Body::Roster { change: RosterChange::Renamed { from: "Person 21".into() } };
    let accepted = host.accepted();
    let expected = [&message("gm"), &message("gm"), &renamed, &message("write to me"), &message("now")];
    assert_eq!(bodies(&accepted), expected);
    assert_eq!((accepted[2].person.name.as_str(), accepted[2].addressed), ("Lumen Support", false));
    assert_eq!(accepted[2].place.id.as_str(), GROUP.to_string());
}

#[tokio::test]
async fn added_thrown_out_and_moved() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.add_to(GROUP, 11);
    server.push_presence(GROUP, 11, "member", "administrator");
    server.kick(GROUP, 11);
    let last = server.migrate(-5, -10_077, 11);
    soon(server.wait_confirmed(last)).await;
    let accepted = host.accepted();
    let changes: Vec<_> = accepted.iter().map(|i| (i.place.id.as_str(), &i.body)).collect();
    let presence = |change| Body::Presence { change };

    assert_eq!(
        changes[..2],
        [("-1001234", &presence(PresenceChange::Added)), ("-1001234", &presence(PresenceChange::Removed)),]
    );
    let Body::Presence { change: PresenceChange::Moved { to, address } } = changes[2].1 else { panic!("not moved") };
    assert_eq!((changes[2].0, to.as_str(), address.0.as_str()), ("-5", "-10077", r#"{"chat":-10077}"#));
    assert_eq!(changes.len(), 3, "said twice, told once");
}

#[tokio::test]
async fn a_stop_and_a_topic() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    let _running = Running::start(&bot, &host);
    server.push_stop(11, 7);
    server.push_in_topic(GROUP, 9, 11, "gm");
    let accepted = soon(host.wait_accepted(2)).await;
    assert!(accepted[0].is_control());
    assert_eq!(accepted[1].thread, Some("9".into()));
}

/// What Telegram has never sent before is counted, and said in the log for those who look.
#[tokio::test]
async fn unknown_kinds_are_counted() {
    let (server, bot) = server_and_bot().await;
    let host = Arc::new(TestHost::default());
    for kind in ["chat_boost", "some_update_of_next_year", "channel_post_of_mars"] {
        server.push_update(json!({ kind: { "id": 1 } }));
    }
    let last = server.push_message(11, 11, "Words");
    let _running = Running::start(&bot, &host);
    soon(server.wait_confirmed(last)).await;
    let health = bot.health();
    assert_eq!((health.accepted, health.skipped, health.unread), (1, 0, 3));
}
