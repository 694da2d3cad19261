//! What people press and what moderators ask for, from the fake through the daemon to the fake.

use serde_json::{Value, json};
use townkeeper_client::{Client, ClientError};
use townkeeper_contract::access::{NewMember, Role};
use townkeeper_contract::id::PersonId;
use townkeeper_contract::moderation::{DeliveryState, ModerationAct, NewModeration, Verb};
use townkeeper_fakes::telegram::{BOT_USERNAME, Fault, SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const ASKER: i64 = 42;
const OTHER: i64 = 43;
const MODERATOR: i64 = 50;
const SPAMMER: i64 = 66;

/// Answered by the base.
const KNOWN: &str = "how do I migrate from a hardware wallet?";
/// Answered by nobody.
const STRANGE: &str = "will LUM be listed on the moon next year?";

async fn stage() -> (TelegramServer, Home) {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    (telegram, home)
}

/// The `n`th message of the bot, counted from 1; a hang ends the test.
async fn said(telegram: &TelegramServer, n: usize) -> SentMessage {
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("the messages do not come");
    sent[n - 1].clone()
}

/// What the button with this label carries.
fn button(message: &SentMessage, label: &str) -> String {
    let rows = message.body["reply_markup"]["inline_keyboard"].as_array().expect("a message with buttons");
    let mut found = rows.iter().filter(|row| row[0]["text"] == label);
    let data = found.next().and_then(|row| row[0]["callback_data"].as_str()).expect("no such button");
    assert!(data.len() <= 40 && !data.contains(':'), "it says nothing by itself: {data}");
    data.to_owned()
}

/// Telegram lets no bot write first: the answer in the group leads to the private chat, where the ticket is shown to the
/// one whose it is.
#[tokio::test]
async fn a_ticket_of_a_group_goes_on_in_private() {
    let (telegram, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, ASKER, &format!("@{BOT_USERNAME} /ticket where is my lantern"));
    let opened = said(&telegram, 1).await;
    let link = format!("https://t.me/{BOT_USERNAME}?start=t_1");
    let linked = opened.entities.iter().find(|entity| entity["type"] == "text_link").expect("a link");
    assert_eq!((linked["url"].as_str(), opened.text.contains(&link)), (Some(link.as_str()), true), "{}", opened.text);
    for (at, (person, shows)) in [(OTHER, false), (ASKER, true)].into_iter().enumerate() {
        telegram.push_message(person, person, "/start t_1");
        let shown = said(&telegram, 2 + at).await;
        assert_eq!(shown.text.contains("where is my lantern"), shows, "{}", shown.text);
    }
    // In private there is nowhere to go.
    telegram.push_message(ASKER, ASKER, "/ticket and where is my cousin's");
    let opened = said(&telegram, 4).await;
    assert!(opened.text.contains("#2") && !opened.text.contains("start="), "{}", opened.text);
}

#[tokio::test]
async fn a_button_works_once_and_for_the_one_who_asked() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, ASKER, &format!("@{BOT_USERNAME} {STRANGE}"));
    let abstention = said(&telegram, 1).await;
    let data = button(&abstention, "Open a ticket");
    let press = |person: i64| telegram.push_callback(GROUP, person, abstention.message_id, &data);
    press(OTHER);
    assert!(said(&telegram, 2).await.text.contains("for the person who asked"));
    let client = daemon.operator(&home);
    assert!(client.tickets().await.unwrap().tickets.is_empty(), "somebody else's press has no effect");
    press(ASKER);
    assert!(said(&telegram, 3).await.text.contains("#1"));
    press(ASKER);
    assert!(said(&telegram, 4).await.text.contains("no longer valid"));
    // What the button stands for is not what it carries: nobody can make one up.
    let turn = client.outbox(DeliveryState::Sent).await.unwrap().deliveries.pop().unwrap().turn;
    telegram.push_callback(GROUP, ASKER, abstention.message_id, &format!("ticket:{turn}"));
    assert!(said(&telegram, 5).await.text.contains("no longer valid"));
    assert_eq!(client.tickets().await.unwrap().tickets.len(), 1);
}

/// It dies when the button is used up on disk, and before anything came of it.
#[cfg(feature = "faults")]
#[tokio::test]
async fn a_press_survives_a_death_and_has_one_effect() {
    let (telegram, home) = stage().await;
    let mut daemon = Daemon::start_with_fault(&home, "action.pressed:1").await.expect("it starts");
    telegram.push_message(ASKER, ASKER, STRANGE);
    let abstention = said(&telegram, 1).await;
    telegram.push_callback(ASKER, ASKER, abstention.message_id, &button(&abstention, "Open a ticket"));
    daemon.gone().await;
    let daemon = Daemon::start(&home).await;
    assert!(said(&telegram, 2).await.text.contains("#1"), "its turn finds its own press");
    assert_eq!(daemon.operator(&home).tickets().await.unwrap().tickets.len(), 1);
}

#[tokio::test]
async fn an_answer_is_found_helpful_or_not_once() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    telegram.push_message(ASKER, ASKER, KNOWN);
    let answer = said(&telegram, 1).await;
    let press = |message: &SentMessage, label: &str| {
        telegram.push_callback(ASKER, ASKER, message.message_id, &button(message, label));
    };
    press(&answer, "Not quite");
    let further = said(&telegram, 2).await;
    assert!(further.text.contains("Thank you for telling me"), "{}", further.text);
    // The other one of the choice is used up; the ticket is not.
    press(&answer, "This helped");
    assert!(said(&telegram, 3).await.text.contains("no longer valid"));
    press(&further, "Open a ticket");
    assert!(said(&telegram, 4).await.text.contains("#1"));
    press(&answer, "Open a ticket");
    assert!(said(&telegram, 5).await.text.contains("#1"), "it is the same question");
    telegram.push_message(ASKER, ASKER, KNOWN);
    press(&said(&telegram, 6).await, "This helped");
    assert!(said(&telegram, 7).await.text.contains("good to know"));

    let client = daemon.operator(&home);
    let counts = client.feedback().await.unwrap().entries;
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].helped, counts[0].not_quite), (1, 1));
    assert_eq!(counts[0].entry.as_ref().unwrap().as_str(), "hardware-wallet");
    assert_eq!(client.tickets().await.unwrap().tickets[0].question, KNOWN);
    let shown = home.run(&["knowledge", "feedback"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("hardware-wallet") && shown.contains(&counts[0].revision), "{shown}");
    let json = home.run(&["knowledge", "feedback", "--json"]).await;
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["entries"][0]["not_quite"], 1);
}

/// Every right that moderation needs.
const RIGHTS: [&str; 3] = ["can_delete_messages", "can_restrict_members", "can_pin_messages"];

/// Somebody writes in the group; the message's number.
fn writes(telegram: &TelegramServer, person: i64, text: &str) -> i64 {
    telegram.push_message(GROUP, person, text);
    telegram.last_message()
}

/// `person` answers `author`'s message.
fn replies(telegram: &TelegramServer, person: i64, text: &str, author: i64, message: i64) {
    let chat = json!({ "id": GROUP, "type": "supergroup", "title": "Lumen" });
    let from = |id: i64| json!({ "id": id, "is_bot": false, "first_name": "Person" });
    let length = text.split(' ').next().unwrap_or_default().len();
    telegram.push_update(json!({ "message": {
        "message_id": 10_000 + telegram.last_message() + i64::try_from(telegram.sent_count()).unwrap(),
        "date": 1_790_000_000, "chat": chat, "from": from(person), "text": text,
        "entities": [{ "type": "bot_command", "offset": 0, "length": length }],
        "reply_to_message": { "message_id": message, "date": 1_790_000_000, "chat": chat, "from": from(author), "text": "…" },
    }}));
}

/// Asks until the newest act is like this.
async fn newest(client: &Client, fact: impl Fn(&ModerationAct) -> bool) -> ModerationAct {
    let asked = async {
        loop {
            if let Some(act) = client.moderation().await.unwrap().acts.into_iter().next().filter(|act| fact(act)) {
                return act;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("no act comes to this state")
}

fn is_sent(act: &ModerationAct) -> bool {
    act.state == Some(DeliveryState::Sent)
}

#[tokio::test]
async fn moderators_of_a_place_moderate_there_and_nobody_else_does() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    telegram.promote(GROUP, 0, &RIGHTS);
    let spam = writes(&telegram, SPAMMER, "free lanterns at lumen-claim.example.net");
    replies(&telegram, OTHER, "/keeper remove spam", SPAMMER, spam);
    assert!(said(&telegram, 1).await.text.contains("you may not do that here"));
    assert!(client.moderation().await.unwrap().acts.is_empty());
    assert_eq!(telegram.calls("deleteMessage").len(), 0);
    // The red twin: the same person with the right, as the platform has it at this moment.
    telegram.promote(GROUP, OTHER, &["can_delete_messages"]);
    replies(&telegram, OTHER, "/keeper remove spam", SPAMMER, spam);
    assert!(said(&telegram, 2).await.text.contains("Noted as number 1"));
    let act = newest(&client, is_sent).await;
    assert_eq!((act.verb, act.reason.as_str(), act.by.as_str()), (Verb::Remove, "spam", "platform:telegram:43"));
    assert_eq!(telegram.calls("deleteMessage")[0].body, json!({ "chat_id": GROUP, "message_id": spam }));
    replies(&telegram, OTHER, "/keeper undo 1", SPAMMER, spam);
    assert!(said(&telegram, 3).await.text.contains("cannot be brought back"));
    // One right is not another.
    replies(&telegram, OTHER, "/keeper ban", SPAMMER, spam);
    assert!(said(&telegram, 4).await.text.contains("you may not do that here"));

    telegram.promote(GROUP, MODERATOR, &RIGHTS);
    replies(&telegram, MODERATOR, "/keeper restrict 2h sells lanterns", SPAMMER, spam);
    assert!(said(&telegram, 5).await.text.contains("/keeper undo 2"));
    newest(&client, |act| act.number == 2 && is_sent(act)).await;
    assert_eq!(telegram.member(GROUP, SPAMMER)["status"], "restricted");
    replies(&telegram, MODERATOR, "/keeper undo 2", SPAMMER, spam);
    assert!(said(&telegram, 6).await.text.contains("may write again"));
    newest(&client, |act| act.reverses == Some(2) && is_sent(act)).await;
    assert_eq!(telegram.member(GROUP, SPAMMER)["status"], "member");
    replies(&telegram, MODERATOR, "/keeper undo #2", SPAMMER, spam);
    assert!(said(&telegram, 7).await.text.contains("taken back already, by number 3"));
    let rules = writes(&telegram, MODERATOR, "be kind to each other");
    replies(&telegram, MODERATOR, "/keeper pin", MODERATOR, rules);
    said(&telegram, 8).await;
    newest(&client, |act| act.verb == Verb::Pin && is_sent(act)).await;
    assert_eq!(telegram.pinned(), [(GROUP, rules)]);

    let verdict = client.verify_audit().await.unwrap();
    assert!(verdict.whole && verdict.records == 5, "{verdict:?}");
    let listed = home.run(&["moderate", "list"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("restrict") && listed.contains("taken back by 3") && listed.contains("sells"), "{listed}");
}

#[tokio::test]
async fn the_team_moderators_and_the_keeper_itself_are_not_silenced() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    telegram.promote(GROUP, 0, &RIGHTS);
    telegram.promote(GROUP, MODERATOR, &RIGHTS);
    telegram.promote(GROUP, OTHER, &["can_delete_messages"]);
    let person = client.add_person(&NewMember { name: "Ada".to_owned(), roles: vec![Role::Editor] }).await.unwrap();
    let code = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(ASKER, ASKER, &format!("/link {code}"));
    assert!(said(&telegram, 1).await.text.contains("Linked"));

    let words = writes(&telegram, SPAMMER, "gm");
    let us = townkeeper_fakes::telegram::BOT_ID;
    for (n, (who, why)) in [(ASKER, "our editor"), (OTHER, "a moderator"), (us, "ourselves")].into_iter().enumerate() {
        for verb in ["ban", "restrict"] {
            let at = telegram.sent_count();
            replies(&telegram, MODERATOR, &format!("/keeper {verb}"), who, words);
            let text = said(&telegram, at + 1).await.text;
            assert!(text.contains("restrict and ban none of them"), "{n} {verb} {why}: {text}");
        }
    }
    assert!(client.moderation().await.unwrap().acts.is_empty());
    // The red twin: the editor without a role, and the moderator without rights.
    client.set_role(&person.id, Role::Editor, false).await.unwrap();
    telegram.set_member(GROUP, OTHER, json!({ "status": "member" }));
    for who in [ASKER, OTHER] {
        let at = telegram.sent_count();
        replies(&telegram, MODERATOR, "/keeper ban", who, words);
        assert!(said(&telegram, at + 1).await.text.contains("Noted as number"));
        newest(&client, |act| act.person == Some(PersonId(who.to_string())) && is_sent(act)).await;
        assert_eq!(telegram.member(GROUP, who)["status"], "kicked");
    }
}

/// Where the moderators read, and the group that they moderate.
#[tokio::test]
async fn the_moderators_channel_reads_of_an_act_by_itself() {
    const OFFICE: i64 = -1_009_999;
    let (telegram, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    telegram.promote(GROUP, 0, &RIGHTS);
    for group in [GROUP, OFFICE] {
        telegram.promote(group, MODERATOR, &RIGHTS);
    }
    let spam = writes(&telegram, SPAMMER, "free lanterns");
    replies(&telegram, MODERATOR, "/keeper restrict 1h first", SPAMMER, spam);
    said(&telegram, 1).await;
    // The red twin: where no such channel is set nothing is said elsewhere. Then it is.
    telegram.push_message(OFFICE, MODERATOR, "/keeper notices here");
    assert!(said(&telegram, 2).await.text.contains("come here from now on"));
    replies(&telegram, MODERATOR, "/keeper ban sells lanterns", SPAMMER, spam);
    let read = telegram.wait_message(|m| m.chat_id == OFFICE && m.text.contains("banned"));
    let read = tokio::time::timeout(PATIENCE, read).await.expect("nothing is read of it");
    for part in [&*format!("(telegram {MODERATOR})"), "banned 66: sells lanterns", "/keeper undo 2"] {
        assert!(read.text.contains(part), "{part}: {}", read.text);
    }
    // It is taken back where it is read.
    telegram.push_message(OFFICE, MODERATOR, "/keeper undo 2");
    let unbanned = async { while telegram.member(GROUP, SPAMMER)["status"] == "kicked" {} };
    tokio::time::timeout(PATIENCE, async {
        telegram.wait_calls("unbanChatMember", 1).await;
        unbanned.await;
    })
    .await
    .expect("not taken back");
    let about = |what: &str| telegram.sent().iter().filter(|m| m.chat_id == OFFICE && m.text.contains(what)).count();
    assert_eq!((about("banned 66: sells"), about("restricted")), (1, 0));
}

#[tokio::test]
async fn the_list_of_deliveries_says_when_there_are_more() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    for (chats, more) in [(1..=200, false), (201..=201, true)] {
        let last = *chats.end();
        chats.for_each(|chat| {
            telegram.push_message(chat, chat, KNOWN);
        });
        said(&telegram, usize::try_from(last).unwrap()).await;
        let all = async { while !client.outbox(DeliveryState::Sending).await.unwrap().deliveries.is_empty() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("they are never sent");
        let list = client.outbox(DeliveryState::Sent).await.unwrap();
        assert_eq!((list.deliveries.len(), list.more), (200, more));
    }
    let listed = home.run(&["outbox", "list", "--state", "sent"]).await;
    assert!(String::from_utf8_lossy(&listed.stdout).contains("There are more: these are the 200 newest."));
}

/// What waits is looked at once more when its time comes.
#[tokio::test]
async fn an_act_that_waited_is_not_done_for_who_may_not_any_more() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    telegram.promote(GROUP, 0, &RIGHTS);
    telegram.promote(GROUP, MODERATOR, &RIGHTS);
    let spam = writes(&telegram, SPAMMER, "gm");
    telegram.fault("deleteMessage", Fault::TooMany { retry_after: 3 });
    replies(&telegram, MODERATOR, "/keeper remove", SPAMMER, spam);
    newest(&client, |act| act.state == Some(DeliveryState::Ready) && act.detail.is_some()).await;
    telegram.set_member(GROUP, MODERATOR, json!({ "status": "member" }));
    let act = newest(&client, |act| act.state == Some(DeliveryState::Refused)).await;
    assert!(act.detail.unwrap().contains("you may not do that here"));
    assert_eq!(telegram.calls("deleteMessage").len(), 1, "the one that had to wait");
    // The red twin: who still may.
    telegram.promote(GROUP, MODERATOR, &RIGHTS);
    telegram.fault("deleteMessage", Fault::TooMany { retry_after: 1 });
    replies(&telegram, MODERATOR, "/keeper remove", SPAMMER, spam);
    newest(&client, |act| act.number == 2 && is_sent(act)).await;
}

#[tokio::test]
async fn moderation_over_the_api_asks_the_platform_too() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    let new = |verb| NewModeration {
        verb,
        account: "telegram:main".into(),
        place: GROUP.to_string().into(),
        message: None,
        person: Some(PersonId(SPAMMER.to_string())),
        for_ms: None,
        reason: "sells lanterns".to_owned(),
        key: Some("k1".to_owned()),
    };
    let status = |result: Result<_, ClientError>| match result {
        Err(ClientError::Refused { status, .. }) => status,
        other => panic!("it was not refused: {other:?}"),
    };
    assert_eq!(status(client.moderate(&new(Verb::Ban)).await), 404, "nobody has spoken to us there");
    telegram.push_message(GROUP, ASKER, &format!("@{BOT_USERNAME} {KNOWN}"));
    said(&telegram, 1).await;
    assert_eq!(status(client.moderate(&new(Verb::Ban)).await), 409, "we may not");
    telegram.promote(GROUP, 0, &RIGHTS);
    // A moderator of ours who is nobody on that platform, or may nothing there.
    let (_, robin) = crate::people::with_role(&daemon, &home, "Robin", Role::Moderator).await;
    assert_eq!(status(robin.moderate(&new(Verb::Ban)).await), 403);
    assert_eq!(client.moderate(&new(Verb::Ban)).await.unwrap().number, 1);
    assert_eq!(client.moderate(&new(Verb::Ban)).await.unwrap().number, 1, "the same key is the same act");
    newest(&client, is_sent).await;
    assert_eq!(telegram.member(GROUP, SPAMMER)["status"], "kicked");
    assert_eq!(status(robin.undo(1).await), 403);
    assert!(home.run(&["moderate", "undo", "1"]).await.status.success());
    newest(&client, |act| act.verb == Verb::Unban && is_sent(act)).await;
    let twice = home.run(&["moderate", "undo", "1"]).await;
    assert!(!twice.status.success() && String::from_utf8_lossy(&twice.stderr).contains("taken back already"));
    let elsewhere = NewModeration { place: "-999".into(), ..new(Verb::Ban) };
    assert_eq!(status(client.moderate(&elsewhere).await), 404);
    assert_eq!(status(client.moderate(&NewModeration { person: None, ..new(Verb::Ban) }).await), 400);
    let at = telegram.sent_count();
    let place = GROUP.to_string();
    let notice = ["moderate", "notice", "please look at ticket 1", "--account", "telegram:main", "--place", &place];
    assert!(home.run(&notice).await.status.success());
    assert!(said(&telegram, at + 1).await.text.contains("please look at ticket 1"));
}
