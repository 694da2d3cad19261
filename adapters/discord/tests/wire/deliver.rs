//! Delivering: what leaves for Discord, and the class of each way it can fail.

use serde_json::json;
use townkeeper_contract::id::{MessageRef, OutboxId, PersonId};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::Held;
use townkeeper_contract::outbound::{Act, Button, LimitHint, LimitScope, Moderation, Outbound, Receipt};
use townkeeper_contract::platform::{DeliverError, Platform};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_discord::Discord;
use townkeeper_fakes::discord::{DiscordFault, DiscordServer};

use crate::{ADA, BOT, CHANNEL, GUILD, THREAD, TOKEN, bot_at, server_and_bot, soon, write};

const POST: &str = "POST /channels/{channel.id}/messages";
const PATCH: &str = "PATCH /channels/{channel.id}/messages/{message.id}";
/// A second channel.
const OTHER: u64 = CHANNEL + 1;
/// Ban, administer, manage messages, time out, pin: all that a moderator's bot has.
const MODERATES: u64 = 1 << 2 | 1 << 10 | 1 << 11 | 1 << 13 | 1 << 16 | 1 << 40 | 1 << 51;

pub(crate) fn say(text: &str) -> Act {
    Act::Message { body: RichText::plain(text, &Origin::System), buttons: Vec::new() }
}

/// Into the guild's channel, as the row `id`.
pub(crate) fn out(id: &str, act: Act) -> Outbound {
    let to = json!({ "channel": CHANNEL.to_string(), "guild": GUILD.to_string() });
    Outbound { id: OutboxId::from(id), to: ReplyTo(to.to_string()), act, repeated: false }
}

pub(crate) async fn say_it(bot: &Discord, text: &str) -> Result<Receipt, DeliverError> {
    soon(bot.deliver(&out("01J", say(text)))).await
}

/// Has the outcome of one delivery under this fault.
async fn after(fault: DiscordFault) -> (DiscordServer, Result<Receipt, DeliverError>) {
    let (server, bot) = server_and_bot().await;
    server.fault(POST, fault);
    let result = say_it(&bot, "x").await;
    (server, result)
}

#[tokio::test]
async fn a_reply_with_buttons() {
    let (server, bot) = server_and_bot().await;
    let asked = write(&server, CHANNEL, "hello?");
    let to = json!({ "channel": CHANNEL.to_string(), "guild": GUILD.to_string(), "message": asked.to_string() });
    let button = |n: usize| Button { action: format!("a:{n}").into(), label: "L".repeat(90) };
    let body = RichText::plain("I do not know.", &Origin::System);
    let act = Act::Message { body, buttons: (0..6).map(button).collect() };
    let out = Outbound { id: "01J".into(), to: ReplyTo(to.to_string()), act, repeated: false };
    let receipt = soon(bot.deliver(&out)).await.expect("sent");
    let sent = server.look(|s| s.by(BOT)[0].clone());
    assert_eq!(receipt.message, Some(MessageRef(format!("{CHANNEL}/{}", sent.id))));
    assert_eq!(sent.message_reference, Some(json!({ "message_id": asked.to_string(), "fail_if_not_exists": false })));
    assert_eq!(sent.components.len(), 2, "five buttons a row");
    assert_eq!(sent.components[0]["components"][0]["custom_id"], "a:0");
    assert!(sent.pings.is_empty(), "the one who is answered is not pinged");
    // The message is gone by now: it is said all the same.
    server.delete_message(CHANNEL, asked);
    soon(bot.deliver(&Outbound { id: "01K".into(), ..out })).await.expect("sent without a reply");
}

/// The same row twice is one message: the nonce is the row's.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_said_once() {
    for fault in [DiscordFault::DropResponse, DiscordFault::Stall] {
        let (server, bot) = server_and_bot().await;
        server.fault(POST, fault);
        let first = say_it(&bot, "once").await;
        assert!(matches!(first, Err(DeliverError::InDoubt(_))), "{first:?}");
        let receipt = say_it(&bot, "once").await.expect("known");
        let sent = server.look(|s| s.by(BOT).into_iter().cloned().collect::<Vec<_>>());
        assert_eq!(sent.len(), 1);
        assert_eq!(receipt.message, Some(MessageRef(format!("{CHANNEL}/{}", sent[0].id))));
        soon(bot.deliver(&out("02J", say("once")))).await.expect("another row");
        assert_eq!(server.look(|s| s.by(BOT).len()), 2, "another row is another message");
    }
}

/// The red twin: without the nonce the same row is said twice.
#[tokio::test]
async fn red_twin_without_its_nonce_it_is_said_twice() {
    let (server, _bot) = server_and_bot().await;
    for _ in 0..2 {
        crate::raw(&server, &format!("/channels/{CHANNEL}/messages"), json!({ "content": "twice" })).await;
    }
    assert_eq!(server.look(|s| s.by(BOT).len()), 2);
}

#[tokio::test]
async fn edits_deletes_pins_and_typing() {
    let (server, bot) = server_and_bot().await;
    let message = say_it(&bot, "One").await.expect("sent").message.expect("a message");
    let edit =
        Act::Edit { message: message.clone(), body: RichText::plain("Two", &Origin::System), buttons: Vec::new() };
    soon(bot.deliver(&out("2", edit.clone()))).await.expect("edited");
    assert_eq!(server.look(|s| (s.by(BOT)[0].content.clone(), s.by(BOT)[0].flags & 4)), ("Two".into(), 4));
    soon(bot.deliver(&out("3", Act::Typing))).await.expect("typing");
    assert_eq!(server.look(|s| s.typing[&(BOT, CHANNEL)]), 1);
    let refused = soon(bot.deliver(&out("4", Act::Pin { message: message.clone() }))).await;
    assert!(matches!(refused, Err(DeliverError::Refused(_))), "it has no right to pin: {refused:?}");
    for _ in 0..2 {
        soon(bot.deliver(&out("5", Act::Delete { message: message.clone() }))).await.expect("gone is gone");
    }
    assert_eq!(soon(bot.deliver(&out("6", edit))).await, Err(DeliverError::Gone));
    server.fault(PATCH, DiscordFault::Refuse { status: 500, code: 0, message: String::new() });
    let act = Act::Draft { draft: 1, body: RichText::plain("x", &Origin::System) };
    assert!(matches!(soon(bot.deliver(&out("7", act))).await, Err(DeliverError::Refused(_))), "there are no drafts");
}

/// What Discord says of somebody is what it is told when they are let go.
#[tokio::test]
async fn what_held_before_us_holds_again() {
    let (server, bot) = server_and_bot().await;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1", "channels": [{ "id": CHANNEL }],
        "roles": [{ "id": "7", "position": 9, "permissions": MODERATES.to_string() }],
        "members": [{ "user": { "id": BOT }, "roles": ["7"] }, { "user": { "id": ADA } }] }));
    let at = ReplyTo(json!({ "channel": CHANNEL.to_string(), "guild": GUILD.to_string() }).to_string());
    let person = || -> PersonId { ADA.to_string().into() };
    let says = async || soon(bot.standing(&at, Some(&person()))).await.expect("an answer").held;
    server.time_out(GUILD, ADA, 86_400_000);
    let before = says().await.expect("it says");
    let act = |action| Act::Moderate { action, reason: String::new() };
    soon(bot.deliver(&out("1", act(Moderation::Restrict { person: person(), until_ms: None })))).await.expect("longer");
    assert!(says().await.is_some_and(|held| held != before));
    soon(bot.deliver(&out("2", act(Moderation::Release { person: person(), held: before.clone() }))))
        .await
        .expect("as before");
    assert_eq!(says().await.as_ref(), Some(&before));
    soon(bot.deliver(&out("3", act(Moderation::Ban { person: person() })))).await.expect("banned");
    assert!(says().await.expect("it says").ban.is_some());
    // Nobody who is not back yet can be timed out.
    soon(bot.deliver(&out("4", act(Moderation::Unban { person: person(), held: before })))).await.expect("not banned");
    assert_eq!(says().await, None, "what they had waits for them, and nobody is told of it");
}

#[tokio::test]
async fn moderating_says_why_and_can_be_repeated() {
    let (server, bot) = server_and_bot().await;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1", "channels": [{ "id": CHANNEL }],
        "roles": [{ "id": "7", "position": 9, "permissions": MODERATES.to_string() }],
        "members": [{ "user": { "id": BOT }, "roles": ["7"] }, { "user": { "id": ADA } }] }));
    let bad = write(&server, CHANNEL, "bad");
    let message = MessageRef(format!("{CHANNEL}/{bad}"));
    let person = || ADA.to_string().into();
    let act = |action| Act::Moderate { action, reason: "rule 3: «no spam»".into() };
    let all = [
        act(Moderation::Restrict { person: person(), until_ms: None }),
        act(Moderation::Restrict { person: person(), until_ms: Some(i64::MAX) }),
        act(Moderation::Release { person: person(), held: Held::default() }),
        Act::Pin { message: message.clone() },
        Act::Unpin { message: message.clone() },
        act(Moderation::Remove { message: message.clone() }),
        act(Moderation::Remove { message }),
        act(Moderation::Ban { person: person() }),
        act(Moderation::Unban { person: person(), held: Held::default() }),
        act(Moderation::Unban { person: person(), held: Held::default() }),
    ];
    for (n, act) in all.into_iter().enumerate() {
        soon(bot.deliver(&out(&n.to_string(), act.clone()))).await.unwrap_or_else(|e| panic!("{act:?}: {e}"));
    }
    let calls = server.state().calls;
    let reasons: Vec<_> = calls.iter().filter_map(|call| call.reason.as_deref()).collect();
    assert_eq!(reasons.len(), 8, "pins give no reason, and have none");
    assert_eq!(reasons[0], "rule%203%3A%20%C2%ABno%20spam%C2%BB");
    let nobody = act(Moderation::Ban { person: "1/../../x".into() });
    assert!(matches!(soon(bot.deliver(&out("x", nobody))).await, Err(DeliverError::Refused(_))));
    let direct = Outbound {
        to: ReplyTo(json!({ "channel": CHANNEL.to_string() }).to_string()),
        ..out("y", act(Moderation::Ban { person: person() }))
    };
    assert!(matches!(soon(bot.deliver(&direct)).await, Err(DeliverError::Refused(_))), "nobody to ban in private");
}

/// A bot that may moderate two channels, of which the second hangs below the first as below a category, and a thread.
async fn with_another_channel() -> (DiscordServer, std::sync::Arc<Discord>) {
    let (server, bot) = server_and_bot().await;
    server.add_guild(json!({ "id": GUILD, "owner_id": "1",
        "channels": [{ "id": CHANNEL, "type": 0 }, { "id": OTHER, "type": 0, "parent_id": CHANNEL }],
        "threads": [{ "id": THREAD, "type": 11, "parent_id": CHANNEL }],
        "roles": [{ "id": "7", "position": 9, "permissions": MODERATES.to_string() }],
        "members": [{ "user": { "id": BOT }, "roles": ["7"] }, { "user": { "id": ADA } }] }));
    (server, bot)
}

/// All that is done to a message somebody named.
fn touches(channel: u64, message: u64) -> [Act; 3] {
    let message = MessageRef(format!("{channel}/{message}"));
    [
        Act::Pin { message: message.clone() },
        Act::Unpin { message: message.clone() },
        Act::Moderate { action: Moderation::Remove { message }, reason: "spam".into() },
    ]
}

#[tokio::test]
async fn a_message_of_another_channel_is_not_touched() {
    let (server, bot) = with_another_channel().await;
    let elsewhere = write(&server, OTHER, "not yours to remove");
    for act in touches(OTHER, elsewhere) {
        let refused = soon(bot.deliver(&out("1", act))).await;
        assert!(
            matches!(&refused, Err(DeliverError::Refused(why)) if why.contains("not a message of that place")),
            "{refused:?}"
        );
    }
    assert!(server.look(|s| s.message(elsewhere).is_some_and(|m| !m.deleted)));
    assert!(server.look(|s| s.calls.iter().all(|call| call.route.starts_with("GET "))), "nothing but questions left");
    // Not knowing where it is, it is not touched; asking again is free.
    server.fault("GET /channels/{channel.id}", DiscordFault::Refuse { status: 500, code: 0, message: "x".into() });
    let [pin, ..] = touches(OTHER, elsewhere);
    let unknown = soon(bot.deliver(&out("2", pin))).await;
    assert!(matches!(unknown, Err(DeliverError::PreSend(_))), "{unknown:?}");
    // A thread is a part of its channel.
    let below = write(&server, THREAD, "bad");
    for act in touches(THREAD, below) {
        soon(bot.deliver(&out("3", act))).await.expect("of that place");
    }
    assert!(server.look(|s| s.message(below).is_some_and(|m| m.deleted)));
}

/// The red twin: by Discord the bot may remove it, so that nothing but the check above keeps it.
#[tokio::test]
async fn red_twin_where_it_belongs_the_same_message_is_removed() {
    let (server, bot) = with_another_channel().await;
    let elsewhere = write(&server, OTHER, "removed");
    let to = json!({ "channel": OTHER.to_string(), "guild": GUILD.to_string() });
    let [.., remove] = touches(OTHER, elsewhere);
    soon(bot.deliver(&Outbound { to: ReplyTo(to.to_string()), ..out("1", remove) })).await.expect("removed");
    assert!(server.look(|s| s.message(elsewhere).is_some_and(|m| m.deleted)));
}

#[tokio::test]
async fn too_fast_says_how_long_and_how_far_it_reaches() {
    let too_many = |retry_after_s, global, scope| DiscordFault::TooMany { retry_after_s, global, scope };
    for (fault, retry_after_ms, scope) in [
        (too_many(0.301, false, "user"), 301, LimitScope::Place),
        (too_many(7.5, false, "shared"), 7_500, LimitScope::Place),
        (too_many(64.57, true, "global"), 64_570, LimitScope::Account),
    ] {
        let (_server, result) = after(fault).await;
        assert_eq!(result, Err(DeliverError::Throttled { retry_after_ms, scope }));
    }
    // Cloudflare, in front of Discord, answers in its own words.
    let (_server, result) = after(DiscordFault::Garbage { status: 429, body: "error code: 1015".into() }).await;
    assert!(matches!(result, Err(DeliverError::Throttled { scope: LimitScope::Account, .. })), "{result:?}");
}

#[tokio::test]
async fn an_empty_bucket_is_said_with_the_success_that_emptied_it() {
    let (server, bot) = server_and_bot().await;
    server.limit(POST, 2, 60_000);
    assert_eq!(say_it(&bot, "one").await.expect("sent").hint, None);
    let hint = soon(bot.deliver(&out("2", say("two")))).await.expect("sent").hint;
    assert!(
        matches!(hint, Some(LimitHint { scope: LimitScope::Place, wait_ms: 50_000..=60_000 })),
        "the bucket holds two: {hint:?}"
    );
}

#[tokio::test]
async fn what_never_left_is_known_as_such() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let bot = bot_at(&format!("http://127.0.0.1:{port}/api/v10"), TOKEN);
    let error = say_it(&bot, "x").await.expect_err("nobody there");
    assert!(matches!(&error, DeliverError::PreSend(why) if !why.contains("://")), "no URL in {error}");
}

#[tokio::test]
async fn every_failure_has_its_class() {
    let refuse = |status, code| DiscordFault::Refuse { status, code, message: "words".into() };
    for fault in [refuse(400, 50_035), refuse(403, 50_013), refuse(404, 10_003), refuse(401, 0)] {
        let (_server, result) = after(fault).await;
        assert!(matches!(&result, Err(DeliverError::Refused(why)) if why.contains("words")), "{result:?}");
    }
    let garbage = |status, body: &str| DiscordFault::Garbage { status, body: body.into() };
    for fault in
        [refuse(500, 0), garbage(502, "<html>"), garbage(200, "<html>"), garbage(408, ""), DiscordFault::DropRequest]
    {
        let (server, result) = after(fault.clone()).await;
        assert!(matches!(result, Err(DeliverError::InDoubt(_))), "{fault:?}: {result:?}");
        assert_eq!(server.look(|s| s.calls_of(POST).len()), 1, "tried once");
    }
}

#[tokio::test]
async fn the_longest_message_fits_whatever_it_holds() {
    let (server, bot) = server_and_bot().await;
    let max = bot.facts().max_len;
    for (n, sign) in ["a", "🌞", "*", "`", "\\", "@", "<", "_*"].iter().enumerate() {
        let text: String = sign.chars().cycle().take(max).collect();
        let act = say(&text);
        soon(bot.deliver(&out(&n.to_string(), act))).await.unwrap_or_else(|e| panic!("{sign}: {e}"));
    }
    assert!(server.look(|s| s.by(BOT).iter().all(|m| m.content.chars().count() <= 2_000)));
    // The red twin: what measures more is refused, so that the fake would notice.
    let over = say_it(&bot, &"a".repeat(2_001)).await;
    assert!(matches!(over, Err(DeliverError::Refused(_))), "{over:?}");
}

#[tokio::test]
async fn a_button_that_carries_too_much_never_leaves() {
    let (server, bot) = server_and_bot().await;
    let button = Button { action: "x".repeat(101).into(), label: "Press".into() };
    let act = Act::Message { body: RichText::plain("?", &Origin::System), buttons: vec![button] };
    assert!(matches!(soon(bot.deliver(&out("1", act))).await, Err(DeliverError::Refused(_))));
    assert!(server.look(|s| s.calls_of(POST).is_empty()));
}

/// Ten thousand refusals in ten minutes would have Discord ban our address: far below that nothing leaves any more.
#[tokio::test]
async fn after_too_many_refusals_nothing_leaves() {
    let (server, bot) = server_and_bot().await;
    server.tune(|o| {
        o.global_per_s = None;
        o.keep_calls = 0;
    });
    server.break_route(POST, DiscordFault::Refuse { status: 403, code: 50_013, message: "no".into() });
    let mut tries = 0;
    let wait = loop {
        tries += 1;
        match say_it(&bot, "x").await {
            Err(DeliverError::Throttled { retry_after_ms, scope: LimitScope::Account }) => break retry_after_ms,
            Err(DeliverError::Refused(_)) if tries < 5_000 => {}
            other => panic!("{other:?}"),
        }
    };
    assert!((500_000..=600_000).contains(&wait), "{wait}");
    assert_eq!(server.look(|s| s.invalid_requests), 1_000);
    let host = crate::host::TestHost::new();
    let _running = crate::host::Running::start(&bot, &host);
    assert!(!soon(host.wait_trouble()).await.is_empty());
    assert_eq!(server.look(|s| s.identifies.len()), 0, "not even a log-in");
}
