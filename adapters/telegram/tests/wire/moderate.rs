//! Pins and moderation: what leaves for Telegram, what it does there, and that doing it twice changes nothing.

use serde_json::json;
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::moderation::{Held, Quiet, Term};
use townkeeper_contract::outbound::{Act, Moderation};
use townkeeper_contract::platform::{DeliverError, Platform as _};
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_telegram::Telegram;

use crate::deliver::{out, say};
use crate::{server_and_bot, soon};

const GROUP: i64 = -1_001_234;

async fn act(bot: &Telegram, act: Act) -> Result<(), DeliverError> {
    soon(bot.deliver(&out(&json!({ "chat": GROUP }), act))).await.map(drop)
}

async fn moderate(bot: &Telegram, action: Moderation) -> Result<(), DeliverError> {
    act(bot, Act::Moderate { action, reason: "a scam".into() }).await
}

/// A bot with every right of a moderator.
async fn moderator() -> (TelegramServer, std::sync::Arc<Telegram>) {
    let (server, bot) = server_and_bot().await;
    server.promote(GROUP, 0, &["can_delete_messages", "can_restrict_members", "can_pin_messages"]);
    assert!(bot.facts().moderation);
    (server, bot)
}

/// Unix time in milliseconds.
#[expect(clippy::disallowed_methods, reason = "Telegram takes points in time; so does its fake")]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not that late")
}

#[tokio::test]
async fn pins_are_quiet_and_pinning_twice_is_pinning() {
    let (server, bot) = moderator().await;
    let said = soon(bot.deliver(&out(&json!({ "chat": GROUP }), say("Read this")))).await.expect("sent");
    let message = said.message.expect("a message");
    for _ in 0..2 {
        act(&bot, Act::Pin { message: message.clone() }).await.expect("pinned");
    }
    assert_eq!(server.pinned().len(), 1);
    assert_eq!(server.calls("pinChatMessage")[0].body["disable_notification"], true);
    for _ in 0..2 {
        act(&bot, Act::Unpin { message: message.clone() }).await.expect("not pinned");
    }
    assert!(server.pinned().is_empty());
    let gone = act(&bot, Act::Pin { message: MessageRef(format!("{GROUP}/999")) }).await;
    assert_eq!(gone, Err(DeliverError::Gone));
}

#[tokio::test]
async fn somebodys_message_is_taken_down_once() {
    let (server, bot) = moderator().await;
    server.push_message(GROUP, 66, "free coins at example.org");
    let message = MessageRef(format!("{GROUP}/{}", server.last_message()));
    for _ in 0..2 {
        moderate(&bot, Moderation::Remove { message: message.clone() }).await.expect("gone is gone");
    }
    // The red twin: without the right, it stays.
    server.promote(GROUP, 0, &[]);
    server.push_message(GROUP, 66, "again");
    let message = MessageRef(format!("{GROUP}/{}", server.last_message()));
    let refused = moderate(&bot, Moderation::Remove { message }).await;
    assert!(matches!(&refused, Err(DeliverError::Refused(why)) if why.contains("can't be deleted")), "{refused:?}");
}

#[tokio::test]
async fn a_restriction_lasts_as_long_as_was_asked() {
    let (server, bot) = moderator().await;
    let hour = now_ms() + 3_600_000;
    moderate(&bot, Moderation::Restrict { person: "66".into(), until_ms: Some(hour) }).await.expect("restricted");
    let member = server.member(GROUP, 66);
    assert_eq!((&member["status"], &member["can_send_messages"]), (&json!("restricted"), &json!(false)));
    let until = member["until_date"].as_i64().expect("a time");
    assert!((until - hour / 1000).abs() <= 2, "{until} for {hour}");

    moderate(&bot, Moderation::Restrict { person: "67".into(), until_ms: None }).await.expect("restricted");
    assert_eq!(server.member(GROUP, 67)["until_date"], 0, "for good");
    assert!(server.calls("restrictChatMember")[1].body.get("until_date").is_none());
}

/// Telegram takes less than 30 seconds, and more than 366 days, for good. Neither was asked for.
#[tokio::test]
async fn a_time_is_never_for_good() {
    let (server, bot) = moderator().await;
    for (person, ahead_ms) in [("66", 5_000), ("67", 1_000 * 86_400 * 1000)] {
        let until_ms = Some(now_ms() + ahead_ms);
        moderate(&bot, Moderation::Restrict { person: person.into(), until_ms }).await.expect("restricted");
        let member = server.member(GROUP, person.parse().expect("a number"));
        assert!(member["until_date"].as_i64() > Some(0), "{person}: {member}");
    }
    // It waited in a queue until it was over: nothing is to be done.
    let over = Moderation::Restrict { person: "68".into(), until_ms: Some(now_ms() - 1) };
    moderate(&bot, over).await.expect("over");
    assert_eq!(server.member(GROUP, 68)["status"], "member");
    // The red twin: as a plain time, five seconds are for good.
    let body = json!({ "chat_id": GROUP, "user_id": 69, "permissions": {}, "until_date": now_ms() / 1000 + 5 });
    crate::raw(server.base_url(), "restrictChatMember", body).await;
    assert_eq!(server.member(GROUP, 69)["until_date"], 0);
}

#[tokio::test]
async fn who_is_released_is_a_plain_member() {
    let (server, bot) = moderator().await;
    let person = || "66".into();
    moderate(&bot, Moderation::Restrict { person: person(), until_ms: None }).await.expect("restricted");
    for _ in 0..2 {
        moderate(&bot, Moderation::Release { person: person(), held: Held::default() }).await.expect("released");
        assert_eq!(server.member(GROUP, 66)["status"], "member", "with no restriction of their own left");
    }
}

#[tokio::test]
async fn a_ban_and_its_end_change_nothing_twice() {
    let (server, bot) = moderator().await;
    for _ in 0..2 {
        moderate(&bot, Moderation::Ban { person: "66".into() }).await.expect("banned");
    }
    assert_eq!(server.member(GROUP, 66)["status"], "kicked");
    for _ in 0..2 {
        moderate(&bot, Moderation::Unban { person: "66".into(), held: Held::default() }).await.expect("not banned");
    }
    assert_eq!(server.member(GROUP, 66)["status"], "left");
    moderate(&bot, Moderation::Unban { person: "67".into(), held: Held::default() }).await.expect("was never banned");
    assert_eq!(server.member(GROUP, 67)["status"], "member", "and is not thrown out");
}

/// What Telegram says of somebody is what it is told when they are let go.
#[tokio::test]
async fn what_held_before_us_holds_again() {
    let (server, bot) = moderator().await;
    let until_ms = (now_ms() / 1000 + 86_400) * 1000;
    let may = ["can_send_messages", "can_invite_users", "can_pin_messages"].map(str::to_owned).into();
    let quiet = Held { ban: None, quiet: Some(Quiet { term: Term { until_ms: Some(until_ms) }, may }) };
    let at = townkeeper_contract::inbound::ReplyTo(json!({ "chat": GROUP }).to_string());
    let says = async |person: &str| soon(bot.standing(&at, Some(&person.into()))).await.expect("an answer").held;
    moderate(&bot, Moderation::Restrict { person: "66".into(), until_ms: None }).await.expect("restricted");
    for _ in 0..2 {
        moderate(&bot, Moderation::Release { person: "66".into(), held: quiet.clone() }).await.expect("released");
        assert_eq!(says("66").await, Some(quiet.clone()));
    }
    let banned = Held { ban: Some(Term { until_ms: Some(until_ms) }), quiet: None };
    for (person, held) in [("67", &quiet), ("68", &banned)] {
        moderate(&bot, Moderation::Ban { person: person.into() }).await.expect("banned");
        assert_eq!(says(person).await, Some(Held { ban: Some(Term::default()), quiet: None }));
        for _ in 0..2 {
            moderate(&bot, Moderation::Unban { person: person.into(), held: held.clone() }).await.expect("as before");
            assert_eq!(says(person).await.as_ref(), Some(held), "{person}");
        }
    }
    assert_eq!(server.member(GROUP, 67)["is_member"], false, "nobody is brought back into the group");
    assert_eq!(says("69").await, Some(Held::default()));
}

/// Somebody who writes in a channel's name has that channel's number.
#[tokio::test]
async fn a_channel_is_banned_as_such() {
    let (server, bot) = moderator().await;
    moderate(&bot, Moderation::Ban { person: "-100999".into() }).await.expect("banned");
    assert_eq!(server.calls("banChatSenderChat")[0].body, json!({ "chat_id": GROUP, "sender_chat_id": -100_999 }));
    moderate(&bot, Moderation::Unban { person: "-100999".into(), held: Held::default() }).await.expect("not banned");
    let restricted = moderate(&bot, Moderation::Restrict { person: "-100999".into(), until_ms: None }).await;
    assert!(matches!(restricted, Err(DeliverError::Refused(_))));
}

#[tokio::test]
async fn administrators_names_and_other_groups_are_refused() {
    let (server, bot) = moderator().await;
    server.promote(GROUP, 5, &[]);
    for action in [
        Moderation::Restrict { person: "5".into(), until_ms: None },
        Moderation::Ban { person: "5".into() },
        Moderation::Ban { person: "@somebody".into() },
        Moderation::Remove { message: MessageRef("elsewhere".into()) },
    ] {
        let refused = moderate(&bot, action.clone()).await;
        assert!(matches!(refused, Err(DeliverError::Refused(_))), "{action:?}: {refused:?}");
    }
    server.migrate(GROUP, -10_077, 11);
    let moved = moderate(&bot, Moderation::Ban { person: "66".into() }).await;
    assert!(matches!(moved, Err(DeliverError::Moved { .. })), "{moved:?}");
}

/// Rights were looked up in one chat; a message of another is none of theirs.
#[tokio::test]
async fn a_message_of_another_chat_is_not_touched() {
    let (server, bot) = moderator().await;
    let elsewhere = MessageRef("-1009999/5".into());
    let removed = moderate(&bot, Moderation::Remove { message: elsewhere.clone() }).await;
    assert!(matches!(removed, Err(DeliverError::Refused(_))), "{removed:?}");
    for wanted in [Act::Pin { message: elsewhere.clone() }, Act::Unpin { message: elsewhere }] {
        assert!(matches!(act(&bot, wanted).await, Err(DeliverError::Refused(_))));
    }
    assert!(server.calls("deleteMessage").is_empty() && server.calls("pinChatMessage").is_empty());
}
