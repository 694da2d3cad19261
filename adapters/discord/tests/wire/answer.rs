//! Interactions: promised only behind the commit, answered in their place, followed, and answered late.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use townkeeper_contract::id::OutboxId;
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::outbound::{Act, Outbound, Receipt};
use townkeeper_contract::platform::{DeliverError, Platform};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_discord::Discord;
use townkeeper_fakes::discord::{DiscordFault, DiscordServer, Message};

use crate::host::{Running, TestHost, UNHEEDED};
use crate::{ADA, APPLICATION, BOT, CHANNEL, THREAD, TOKEN, bot_at, raw, server_and_bot, soon};

const CALLBACK: &str = "POST /interactions/{interaction.id}/{interaction.token}/callback";
const ORIGINAL: &str = "PATCH /webhooks/{application.id}/{interaction.token}/messages/@original";
const FOLLOW: &str = "POST /webhooks/{application.id}/{interaction.token}";

fn command(name: &str, words: Option<&str>) -> Value {
    let options: Vec<_> = words.iter().map(|w| json!({ "type": 3, "name": "words", "value": w })).collect();
    json!({ "type": 2, "channel_id": CHANNEL, "user": { "id": ADA }, "data": { "name": name, "options": options } })
}

fn answer(to: &Inbound, row: &str, text: &str) -> Outbound {
    let body = RichText::plain(text, &Origin::System);
    Outbound {
        id: OutboxId::from(row),
        to: to.reply_to.clone(),
        act: Act::Message { body, buttons: Vec::new() },
        repeated: false,
    }
}

async fn say(bot: &Discord, to: &Inbound, row: &str, text: &str) -> Result<Receipt, DeliverError> {
    soon(bot.deliver(&answer(to, row, text))).await
}

/// A person gives a command, and the daemon has it.
async fn given(server: &DiscordServer, host: &TestHost, command: Value) -> (u64, Inbound) {
    let (id, _) = server.push_interaction(command);
    (id, soon(host.wait_event(|i| i.event.as_str() == format!("i{id}"))).await)
}

async fn receiving() -> (DiscordServer, Arc<Discord>, Arc<TestHost>, Running) {
    let (server, bot) = server_and_bot().await;
    let host = TestHost::new();
    let running = Running::start(&bot, &host);
    soon(server.wait(|s| s.connected() == 1)).await;
    (server, bot, host, running)
}

fn ours(server: &DiscordServer) -> Vec<Message> {
    server.look(|s| s.by(BOT).into_iter().cloned().collect())
}

#[tokio::test]
async fn nothing_is_promised_before_the_commit() {
    let (server, bot, host, _running) = receiving().await;
    // What the log-in brought is taken.
    soon(host.wait_kept("places")).await;
    host.close();
    let before = host.offered();
    let (id, _) = server.push_interaction(command("ask", Some("when?")));
    soon(host.wait_offered(before + 1)).await;
    assert!(server.look(|s| s.interactions[&id].response.is_none()));
    host.open();
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    let asked = soon(host.wait_event(|i| i.event.as_str() == format!("i{id}"))).await;
    assert_eq!(asked.body, Body::Command { name: "ask".into(), args: "when?".into() });
    assert!(asked.addressed);
    say(&bot, &asked, "1", "In March.").await.expect("answered");
    assert_eq!(ours(&server)[0].content, "In March.");
}

/// The red twin: a promise before the commit is seen by the fake, so the order above is really looked at.
#[tokio::test]
async fn red_twin_a_promise_before_the_commit_is_seen() {
    let (server, _bot, host, _running) = receiving().await;
    soon(host.wait_kept("places")).await;
    host.close();
    let (id, token) = server.push_interaction(command("ask", Some("when?")));
    raw(&server, &format!("/interactions/{id}/{token}/callback?with_response=true"), json!({ "type": 5 })).await;
    assert!(server.look(|s| s.interactions[&id].response.is_some()));
    assert!(host.accepted().is_empty(), "promised, and on no disk");
}

/// The answer may be ready before the promise has left: it waits for it.
#[tokio::test]
async fn the_first_part_replaces_the_promise_and_the_rest_follow() {
    let (server, bot, host, _running) = receiving().await;
    let (_, asked) = given(&server, &host, command("ask", Some("when?"))).await;
    let first = say(&bot, &asked, "1", "first").await.expect("answered");
    let second = say(&bot, &asked, "2", "second").await.expect("followed");
    assert_ne!(first.message, second.message);
    let said = ours(&server);
    assert_eq!(said.iter().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(server.look(|s| s.calls_of(ORIGINAL).len()), 1);
    assert!(said[1].nonce.is_some(), "in the open it is a message with a key of its own");
    // In doubt, each is said again and stands there once.
    server.fault(ORIGINAL, DiscordFault::DropResponse);
    let (_, again) = given(&server, &host, command("ask", Some("and?"))).await;
    assert!(matches!(say(&bot, &again, "3", "third").await, Err(DeliverError::InDoubt(_))));
    say(&bot, &again, "3", "third").await.expect("the same once more");
    assert_eq!(ours(&server).len(), 3);
}

#[tokio::test]
async fn a_private_command_is_answered_to_one_person_alone() {
    let (server, bot, host, _running) = receiving().await;
    let (id, asked) = given(&server, &host, command("memory", None)).await;
    for (row, text) in [("1", "yours"), ("2", "and yours")] {
        say(&bot, &asked, row, text).await.expect("answered");
    }
    assert_eq!(
        server.look(|s| s.interactions[&id].response.clone()),
        Some(json!({ "type": 5, "data": { "flags": 64 } }))
    );
    assert!(ours(&server).iter().all(|m| m.flags & 64 != 0), "all of it");
    // There is no key to a follow-up: in doubt it is not said again.
    server.fault(FOLLOW, DiscordFault::DropResponse);
    let doubt = say(&bot, &asked, "3", "once").await;
    assert!(matches!(&doubt, Err(DeliverError::Refused(why)) if why.contains("may have been said")), "{doubt:?}");
}

/// A life that died while it said something does not say it again: a follow-up has no key.
#[tokio::test]
async fn what_may_have_followed_already_is_not_said_again() {
    let (server, bot, host, _running) = receiving().await;
    let (_, asked) = given(&server, &host, command("memory", None)).await;
    say(&bot, &asked, "1", "yours").await.expect("answered");
    let again = Outbound { repeated: true, ..answer(&asked, "2", "and yours") };
    let doubt = soon(bot.deliver(&again)).await;
    assert!(
        matches!(&doubt, Err(DeliverError::Refused(why)) if why.contains("may have been said already")),
        "{doubt:?}"
    );
    assert_eq!((server.look(|s| s.calls_of(FOLLOW).len()), ours(&server).len()), (0, 1));
    // What replaces the promise is the same however often it is done.
    let first = Outbound { repeated: true, ..answer(&asked, "1", "yours") };
    soon(bot.deliver(&first)).await.expect("once more");
    assert_eq!(ours(&server).len(), 1);
}

/// The red twin: Discord takes a follow-up as often as it comes.
#[tokio::test]
async fn red_twin_a_follow_up_not_known_as_a_repeat_is_said_twice() {
    let (server, bot, host, _running) = receiving().await;
    let (_, asked) = given(&server, &host, command("memory", None)).await;
    for row in ["1", "2", "2"] {
        say(&bot, &asked, row, row).await.expect("said");
    }
    assert_eq!(ours(&server).iter().filter(|m| m.content == "2").count(), 2);
}

#[tokio::test]
async fn what_comes_too_late_is_a_message_unless_it_is_private() {
    let (server, bot, host, _running) = receiving().await;
    let (_, open) = given(&server, &host, command("ask", Some("when?"))).await;
    let (_, closed) = given(&server, &host, command("memory", None)).await;
    soon(server.wait(|s| s.interactions.values().all(|i| i.response.is_some()))).await;
    server.advance(Duration::from_mins(16));
    say(&bot, &open, "1", "late").await.expect("as a message of the channel");
    let said = ours(&server);
    let late = said.iter().find(|m| m.content == "late").expect("said");
    assert!(late.interaction.is_none() && late.nonce.is_some());
    let refused = say(&bot, &closed, "2", "secret").await;
    assert!(matches!(refused, Err(DeliverError::Refused(_))), "{refused:?}");
    assert!(ours(&server).iter().all(|m| m.content != "secret"));
}

const DISMISS: &str = "DELETE /webhooks/{application.id}/{interaction.token}/messages/@original";

async fn dismiss(bot: &Discord, asked: &Inbound) -> Result<Receipt, DeliverError> {
    soon(bot.deliver(&Outbound { act: Act::Dismiss, ..answer(asked, "1", "") })).await
}

#[tokio::test]
async fn a_promise_that_is_not_kept_is_taken_back() {
    let (server, bot, host, running) = receiving().await;
    let (_, asked) = given(&server, &host, command("ask", Some("when?"))).await;
    dismiss(&bot, &asked).await.expect("gone");
    assert!(ours(&server).iter().all(|m| m.deleted));
    dismiss(&bot, &asked).await.expect("it is the same however often it is done");
    // Another life finds it by its token.
    let (id, asked) = given(&server, &host, command("memory", None)).await;
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    running.kill().await;
    dismiss(&bot_at(&server.api_base(), TOKEN), &asked).await.expect("gone");
    assert!(ours(&server).iter().all(|m| m.deleted));
    // Too late it is gone by itself.
    server.advance(Duration::from_mins(16));
    dismiss(&bot_at(&server.api_base(), TOKEN), &asked).await.expect("nothing is left");
}

/// What nobody answers is heard, and shown to nobody else.
#[tokio::test]
async fn where_nobody_answers_nothing_is_promised_in_the_open() {
    let (server, _bot, host, _running) = receiving().await;
    let (id, _) = given(&server, &host, command("ask", Some(UNHEEDED))).await;
    soon(server.wait(|s| s.calls_of(DISMISS).len() == 1)).await;
    let response = server.look(|s| s.interactions[&id].response.clone());
    assert_eq!(response, Some(json!({ "type": 5, "data": { "flags": 64 } })));
    assert!(ours(&server).iter().all(|m| m.deleted && m.content.is_empty()));
    // The twin: elsewhere the promise is for everybody.
    let (id, _) = given(&server, &host, command("ask", Some("when?"))).await;
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    assert_eq!(server.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 5 })));
}

/// Another life of ours deferred, and died: what it left is found by asking.
#[tokio::test]
async fn another_life_finds_what_was_promised() {
    let (server, bot, host, running) = receiving().await;
    let (id, asked) = given(&server, &host, command("ask", Some("when?"))).await;
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    running.kill().await;
    let second = bot_at(&server.api_base(), TOKEN);
    say(&second, &asked, "1", "first").await.expect("in its place");
    let third = bot_at(&server.api_base(), TOKEN);
    say(&third, &asked, "1", "first").await.expect("known");
    say(&third, &asked, "2", "second").await.expect("behind it");
    assert_eq!(ours(&server).iter().map(|m| m.content.clone()).collect::<Vec<_>>(), ["first", "second"]);
    drop(bot);
}

#[tokio::test]
async fn a_promise_that_discord_missed_leaves_a_message() {
    let (server, bot, host, _running) = receiving().await;
    server.fault(CALLBACK, DiscordFault::Refuse { status: 404, code: 10_062, message: "Unknown interaction".into() });
    let (_, asked) = given(&server, &host, command("ask", Some("when?"))).await;
    say(&bot, &asked, "1", "In March.").await.expect("as a message");
    assert!(ours(&server)[0].interaction.is_none());
    // One whose answer was lost is asked about, and counts.
    server.fault(CALLBACK, DiscordFault::DropResponse);
    let (id, asked) = given(&server, &host, command("ask", Some("where?"))).await;
    say(&bot, &asked, "2", "Here.").await.expect("answered");
    assert_eq!(ours(&server).iter().filter(|m| m.interaction == Some(id)).count(), 1);
}

#[tokio::test]
async fn a_button_is_an_action_and_its_message_stays() {
    let (server, bot, host, _running) = receiving().await;
    let below = crate::deliver::say_it(&bot, "Press").await.expect("sent").message.expect("a message");
    let message = below.as_str().split_once('/').expect("two ids").1.to_owned();
    let press = json!({ "type": 3, "channel_id": CHANNEL, "user": { "id": ADA }, "message": { "id": message },
        "data": { "component_type": 2, "custom_id": "ticket:open" } });
    let (id, pressed) = given(&server, &host, press).await;
    assert_eq!(pressed.body, Body::Action { action: "ticket:open".into() });
    assert_eq!(pressed.message, Some(below));
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    assert_eq!(server.look(|s| s.interactions[&id].response.clone()), Some(json!({ "type": 6 })));
    say(&bot, &pressed, "1", "Ticket #1.").await.expect("below it");
    let said = ours(&server);
    assert_eq!((said[0].content.as_str(), said[1].content.as_str()), ("Press", "Ticket #1."));
    assert_eq!(said[1].message_reference.as_ref().expect("a reply")["message_id"], message);
}

#[tokio::test]
async fn suggestions_come_at_once_and_a_form_asks_for_words() {
    let (server, _bot, host, _running) = receiving().await;
    soon(host.wait_kept("places")).await;
    // Neither waits for a commit.
    host.close();
    let typed = json!({ "type": 4, "channel_id": CHANNEL, "user": { "id": ADA }, "data": { "name": "ask",
        "options": [{ "type": 3, "name": "words", "value": "wh", "focused": true }] } });
    let (id, _) = server.push_interaction(typed);
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    let choices = json!([{ "name": "ask: wh…", "value": "ask: wh…" }]);
    let response = server.look(|s| s.interactions[&id].response.clone());
    assert_eq!(response, Some(json!({ "type": 8, "data": { "choices": choices } })), "what is too long is left out");

    let (id, _) = server.push_interaction(command("ticket", None));
    soon(server.wait(|s| s.interactions[&id].response.is_some())).await;
    let form = server.look(|s| s.interactions[&id].response.clone()).expect("a form");
    assert_eq!((form["type"].as_u64(), form["data"]["custom_id"].as_str()), (Some(9), Some("form:ticket")));

    host.open();
    let field =
        json!([{ "type": 1, "components": [{ "type": 4, "custom_id": "words", "value": " My wallet is gone " }] }]);
    let sent = json!({ "type": 5, "channel_id": CHANNEL, "user": { "id": ADA },
        "data": { "custom_id": "form:ticket", "components": field } });
    let (_, asked) = given(&server, &host, sent).await;
    assert_eq!(asked.body, Body::Command { name: "ticket".into(), args: "My wallet is gone".into() });
    assert_eq!(host.accepted().len(), 1, "only what was sent is an event");
}

#[tokio::test]
async fn a_command_in_a_thread_belongs_to_its_channel() {
    let (server, _bot, host, _running) = receiving().await;
    let mut asked = command("ask", Some("here?"));
    asked["channel_id"] = json!(THREAD);
    let (_, asked) = given(&server, &host, asked).await;
    assert_eq!(asked.place.id.as_str(), CHANNEL.to_string());
    assert_eq!(asked.thread.expect("a thread").as_str(), THREAD.to_string());
}

#[tokio::test]
async fn commands_are_registered_when_they_change_and_not_on_every_start() {
    let (server, bot, host, running) = receiving().await;
    soon(host.wait_kept("commands")).await;
    let place = (APPLICATION, None);
    let known = server.look(|s| s.commands[&place].clone());
    assert_eq!(known.len(), 6, "one of them in menus as well");
    let by_name = |name: &str| known.iter().find(|c| c["name"] == name).expect("offered").clone();
    assert_eq!(by_name("ask")["options"][0]["autocomplete"], true);
    assert_eq!(by_name("ask")["default_member_permissions"], Value::Null);
    assert_eq!(by_name("freeze")["default_member_permissions"], "8192");
    assert_eq!(by_name("Report it")["type"], 3);
    running.kill().await;
    let puts = |server: &DiscordServer| {
        server.look(|s| s.counts.get("PUT /applications/{application.id}/commands").copied().unwrap_or_default())
    };
    let again = Running::start(&bot, &host);
    soon(server.wait(|s| s.resumes.len() == 1 && s.connected() == 1)).await;
    // What comes later than a registration would is here.
    given(&server, &host, command("ask", Some("x"))).await;
    again.kill().await;
    assert_eq!(puts(&server), 1);
    let fewer = TestHost::with(crate::host::commands().into_iter().take(1).collect());
    for name in ["session", "commands"] {
        fewer.keep(name, &host.kept(name).expect("kept"));
    }
    let _running = Running::start(&bot, &fewer);
    soon(server.wait(|s| s.commands[&place].len() == 1)).await;
}
