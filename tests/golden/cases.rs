//! The shield, from the fake through the daemon to the fake: what is found is shown, what moderators say is done and can be
//! taken back, and nothing happens by itself where nobody let it.

use serde_json::{Value, json};
use townkeeper_client::Client;
use townkeeper_contract::access::{NewMember, Role};
use townkeeper_contract::case::{Case, CaseAction, CaseState, CaseWord, ShieldMode};
use townkeeper_contract::moderation::Verb;
use townkeeper_fakes::telegram::{SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE};
use crate::people::with_role;

pub(crate) const TOKEN: &str = "123456:abcDEF";
pub(crate) const GROUP: i64 = -1_001_234;
pub(crate) const OFFICE: i64 = -1_009_999;
const OTHER: i64 = 43;
pub(crate) const MODERATOR: i64 = 50;
pub(crate) const SCAMMER: i64 = 66;
pub(crate) const RIGHTS: [&str; 3] = ["can_delete_messages", "can_restrict_members", "can_pin_messages"];

/// A host that carries our name and is not ours, and orders.
pub(crate) const LURE: &str =
    "The LUM migration ends tonight! Connect your wallet and claim at https://claim-lumen.example.net now";

/// With our name, and the moderators' room.
pub(crate) fn home() -> Home {
    Home::new().with("[shield]\nbrands = [\"lumen\"]\n")
}

pub(crate) async fn stage(mode: &str) -> (TelegramServer, Home, Daemon) {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    set_up(&telegram, mode).await;
    (telegram, home, daemon)
}

/// A group that is watched in this mode, and the moderators' room.
pub(crate) async fn set_up(telegram: &TelegramServer, mode: &str) {
    for group in [GROUP, OFFICE] {
        telegram.promote(group, 0, &RIGHTS);
        telegram.promote(group, MODERATOR, &RIGHTS);
    }
    says(telegram, OFFICE, "/keeper notices here", "come here from now on").await;
    let set = match mode {
        "shadow" => "do nothing",
        "flag" => "show moderators",
        _ => "take down",
    };
    says(telegram, GROUP, &format!("/keeper shield {mode}"), set).await;
}

/// A moderator says something and is answered in these words.
pub(crate) async fn says(telegram: &TelegramServer, group: i64, words: &str, answer: &str) {
    telegram.push_message(group, MODERATOR, words);
    let asked = telegram.last_message();
    let answers = |message: &SentMessage| message.message_id > asked && message.chat_id == group;
    let answered = telegram.wait_message(|message| answers(message) && message.text.contains(answer));
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| panic!("{words}: {:?}", telegram.sent()));
}

/// Somebody writes in the group; the message's number.
pub(crate) fn writes(telegram: &TelegramServer, person: i64, text: &str) -> i64 {
    telegram.push_message(GROUP, person, text);
    telegram.last_message()
}

/// The next card that says this.
pub(crate) async fn card(telegram: &TelegramServer, words: &str) -> SentMessage {
    let shown = telegram.wait_message(|message| message.chat_id == OFFICE && message.text.contains(words));
    tokio::time::timeout(PATIENCE, shown)
        .await
        .unwrap_or_else(|_| panic!("no card says {words}: {:?}", telegram.sent()))
}

pub(crate) fn press(telegram: &TelegramServer, person: i64, message: &SentMessage, label: &str) {
    let rows = message.body["reply_markup"]["inline_keyboard"].as_array().expect("buttons");
    let found = rows.iter().flat_map(|row| row.as_array().expect("a row")).find(|button| button["text"] == label);
    let data = found.and_then(|button| button["callback_data"].as_str()).expect(label);
    telegram.push_callback(OFFICE, person, message.message_id, data);
}

/// Asks until the cases are like this.
pub(crate) async fn cases(client: &Client, fact: impl Fn(&[Case]) -> bool) -> Vec<Case> {
    let asked = async {
        loop {
            let found = client.cases().await.unwrap().cases;
            if fact(&found) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the cases do not come to this")
}

/// Whatever was written before this is judged by now.
pub(crate) async fn judged(telegram: &TelegramServer) {
    let at = telegram.sent_count();
    telegram.push_message(OTHER, OTHER, "When does the migration end?");
    tokio::time::timeout(PATIENCE, telegram.wait_sent_count(at + 1)).await.expect("nobody answers");
}

pub(crate) fn deleted(telegram: &TelegramServer) -> Vec<Value> {
    telegram.calls("deleteMessage").iter().map(|call| call.body["message_id"].clone()).collect()
}

pub(crate) async fn is_deleted(telegram: &TelegramServer, messages: usize) {
    tokio::time::timeout(PATIENCE, telegram.wait_calls("deleteMessage", messages)).await.expect("it stays");
}

#[tokio::test]
async fn a_lure_is_shown_and_goes_when_a_moderator_says_so() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    let lure = writes(&telegram, SCAMMER, LURE);
    let shown = card(&telegram, "Case 1").await;
    assert!(shown.text.contains("66") && !shown.text.contains("claim-lumen.example.net"), "{}", shown.text);
    assert!(shown.entities.iter().all(|entity| entity["type"] != "text_link"), "{:?}", shown.entities);
    assert!(deleted(&telegram).is_empty(), "nothing is done by itself");
    // Who may not, may not here either; and what a stranger pressed is not used up by it.
    press(&telegram, OTHER, &shown, "Scam: content");
    card(&telegram, "you may not do that here").await;
    assert_eq!(client.cases().await.unwrap().cases[0].state, CaseState::Open);
    press(&telegram, MODERATOR, &shown, "Scam: content");
    is_deleted(&telegram, 1).await;
    assert_eq!(deleted(&telegram), [json!(lure)]);
}

#[tokio::test]
async fn one_press_takes_a_lure_down_and_what_was_learnt_stops_the_next() {
    let (telegram, home, daemon) = stage("guard").await;
    let client = daemon.operator(&home);
    // Nothing in it passes for ours: it is shown, and a moderator decides.
    let first = writes(
        &telegram,
        SCAMMER,
        "Send 1 SOL and get 2 SOL back instantly, doubling is live: https://lucky-lantern.example.net/start",
    );
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty());
    let case = cases(&client, |cases| !cases.is_empty()).await.remove(0);
    let shown = card(&telegram, &format!("Case {}", case.number)).await;
    press(&telegram, MODERATOR, &shown, "Scam: content");
    is_deleted(&telegram, 1).await;
    assert_eq!(deleted(&telegram), [json!(first)]);
    card(&telegram, "scam, by its words").await;
    // Another account, other words, the same host: known now.
    let second = writes(&telegram, 67, "hello friends look what I found https://lucky-lantern.example.net/other");
    is_deleted(&telegram, 2).await;
    assert_eq!(deleted(&telegram)[1], json!(second));
    let known = cases(&client, |cases| cases.len() == 2).await.remove(0);
    assert_eq!((known.action, known.mode), (CaseAction::Delete, ShieldMode::Guard));
    // Taken back, it is unlearnt: the same again is at most shown.
    client.say_of_case(case.number, CaseWord::Undo).await.unwrap();
    let third = writes(&telegram, 68, "hello friends look what I found https://lucky-lantern.example.net/third");
    judged(&telegram).await;
    assert!(!deleted(&telegram).contains(&json!(third)));
}

#[tokio::test]
async fn in_shadow_it_is_written_down_and_nothing_happens() {
    let (telegram, home, daemon) = stage("shadow").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    let found = cases(&client, |cases| cases.len() == 1).await.remove(0);
    assert_eq!((found.mode, found.state), (ShieldMode::Shadow, CaseState::Open));
    assert!(found.action >= CaseAction::Flag && !found.text.contains("claim-lumen.example.net"), "{found:?}");
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && telegram.calls("restrictChatMember").is_empty());
    assert!(telegram.sent().iter().all(|message| !message.text.contains("Case 1")), "no card");
    let listed = home.run(&["shield", "cases"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("shadow") && listed.contains("townkeeper shield decide"), "{listed}");
}

#[tokio::test]
async fn a_moderator_who_warns_and_a_member_who_asks_are_left_alone() {
    let (telegram, home, daemon) = stage("guard").await;
    let client = daemon.operator(&home);
    let person = client.add_person(&NewMember { name: "Ada".to_owned(), roles: vec![Role::Moderator] }).await.unwrap();
    let code = client.link_code(&person.id).await.unwrap().code;
    telegram.push_message(MODERATOR, MODERATOR, &format!("/link {code}"));
    let linked = telegram.wait_message(|message| message.text.contains("Linked"));
    tokio::time::timeout(PATIENCE, linked).await.expect("not linked");
    // The team is known a moment later at the latest; a case of another opens the eyes at once.
    client.set_role(&person.id, Role::Editor, true).await.unwrap();
    writes(&telegram, MODERATOR, "SCAM WARNING: claim-lumen.example.net is not ours, never connect your wallet there");
    writes(&telegram, OTHER, "is claim-lumen.example.net real? somebody sent it to me");
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && telegram.calls("restrictChatMember").is_empty());
    // The red twin: the same host as an order.
    writes(&telegram, SCAMMER, LURE);
    is_deleted(&telegram, 1).await;
}

#[tokio::test]
async fn what_was_done_to_an_account_is_taken_back() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    let shown = card(&telegram, "Case 1").await;
    press(&telegram, MODERATOR, &shown, "Scam: account");
    let said = card(&telegram, "scam, by its account").await;
    let restricted = telegram.wait_calls("restrictChatMember", 1);
    tokio::time::timeout(PATIENCE, restricted).await.expect("nobody is restricted");
    press(&telegram, MODERATOR, &said, "Undo");
    let told = card(&telegram, "open again").await;
    assert!(told.text.contains("cannot be brought back"), "{}", told.text);
    let released = async { while telegram.member(GROUP, SCAMMER)["status"] != "member" {} };
    tokio::time::timeout(PATIENCE, released).await.expect("still restricted");
    let acts = client.moderation().await.unwrap().acts;
    assert!(acts.iter().any(|act| act.verb == Verb::Release && act.reverses.is_some()), "{acts:?}");
    let verdict = client.verify_audit().await.unwrap();
    assert!(verdict.whole, "{verdict:?}");
}

/// What was found in a frozen town waits; whoever a moderator clears meanwhile is left alone after the thaw, and so is
/// somebody who moderates there without being known to us.
#[tokio::test]
async fn who_was_cleared_meanwhile_or_moderates_there_is_left_alone() {
    let (telegram, home, daemon) = stage("guard").await;
    let client = daemon.operator(&home);
    telegram.promote(GROUP, OTHER, &RIGHTS);
    writes(&telegram, OTHER, LURE);
    card(&telegram, "moderates there").await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Owner).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Moderator).await;
    client.freeze("for a test").await.unwrap();
    writes(&telegram, SCAMMER, LURE);
    let waiting = cases(&client, |cases| cases.len() == 2).await.remove(0);
    client.say_of_case(waiting.number, CaseWord::Clear).await.unwrap();
    ada.thaw().await.unwrap();
    assert!(!bob.thaw().await.unwrap().frozen);
    card(&telegram, &format!("Case {}", waiting.number)).await;
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty() && telegram.calls("restrictChatMember").is_empty());
}

/// The next look of a card: what was said about its case is drawn into it.
async fn redrawn(telegram: &TelegramServer, card: &SentMessage, words: &str) -> SentMessage {
    let shown = telegram.wait_message(|message| message.message_id == card.message_id && message.text.contains(words));
    tokio::time::timeout(PATIENCE, shown)
        .await
        .unwrap_or_else(|_| panic!("the card does not say {words}: {:?}", telegram.sent()))
}

fn labels(message: &SentMessage) -> Vec<String> {
    let rows = message.body["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let buttons = rows.iter().flat_map(|row| row.as_array().cloned().unwrap_or_default());
    buttons.map(|button| button["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_card_says_how_its_case_stands_and_can_be_taken_back_there() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    writes(&telegram, SCAMMER, LURE);
    let open = card(&telegram, "Case 1").await;
    assert_eq!(labels(&open), ["Scam: content", "Scam: account", "Not a scam", "Unsure"]);
    press(&telegram, MODERATOR, &open, "Not a scam");
    let cleared = redrawn(&telegram, &open, "Decided: no scam").await;
    assert_eq!(labels(&cleared), ["Undo"]);
    assert!(cleared.text.contains("telegram 50") && cleared.text.contains("(66)"), "{}", cleared.text);
    press(&telegram, MODERATOR, &cleared, "Undo");
    let opened = async { while labels(&redrawn(&telegram, &open, "Case 1").await).len() != 4 {} };
    tokio::time::timeout(PATIENCE, opened).await.expect("the card has no buttons again");
    // Said elsewhere, it is seen here all the same.
    client.say_of_case(1, CaseWord::Unsure).await.unwrap();
    redrawn(&telegram, &open, "Decided: unsure").await;
}

#[tokio::test]
async fn a_card_goes_on_saying_what_was_done_by_itself() {
    let (telegram, _home, _daemon) = stage("guard").await;
    writes(&telegram, SCAMMER, LURE);
    let open = card(&telegram, "I took it down").await;
    press(&telegram, MODERATOR, &open, "Unsure");
    let unsure = redrawn(&telegram, &open, "Decided: unsure").await;
    assert!(unsure.text.contains("I took it down"), "{}", unsure.text);
}

/// One after the other, each seen before the next is written: still no more than ten cards.
#[tokio::test]
async fn a_trickle_is_ten_cards_and_one_digest_too() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    for person in 100..110 {
        writes(&telegram, person, &format!("{LURE} {person}"));
        card(&telegram, &format!("({person})")).await;
    }
    writes(&telegram, 110, &format!("{LURE} 110"));
    card(&telegram, "One more case within a minute").await;
    writes(&telegram, 111, &format!("{LURE} 111"));
    cases(&client, |cases| cases.len() == 12).await;
    judged(&telegram).await;
    let office = telegram.sent().into_iter().filter(|message| message.chat_id == OFFICE);
    assert_eq!(office.filter(|message| message.text.contains("Case ")).count(), 10);
}

/// What a digest names is opened where moderators read, by who may, and decided there.
#[tokio::test]
async fn a_case_of_a_digest_is_opened_and_decided_in_the_moderators_room() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    for person in 100..111 {
        writes(&telegram, person, &format!("{LURE} {person}"));
    }
    let digest = card(&telegram, "One more case within a minute").await;
    assert!(digest.text.contains("/keeper case and a number") && labels(&digest).is_empty(), "{}", digest.text);
    let is_named = |case: &&Case| digest.text.contains(&format!("\n{} · telegram:main", case.number));
    let found = cases(&client, |cases| cases.len() == 11).await;
    let number = found.iter().find(is_named).expect("one of them").number;
    telegram.push_message(OFFICE, OTHER, &format!("/keeper case {number}"));
    card(&telegram, "you may not do that here").await;
    says(&telegram, GROUP, &format!("/keeper case {number}"), "shown where moderators read").await;
    says(&telegram, OFFICE, &format!("/keeper case #{number}"), "comes right away").await;
    let opened = card(&telegram, &format!("Case {number} ")).await;
    assert_eq!(labels(&opened), ["Scam: content", "Scam: account", "Not a scam", "Unsure"]);
    assert!(!opened.text.contains("claim-lumen.example.net"), "{}", opened.text);
    press(&telegram, MODERATOR, &opened, "Not a scam");
    cases(&client, |cases| cases.iter().any(|case| case.number == number && case.state == CaseState::Clear)).await;
    says(&telegram, OFFICE, "/keeper case 99", "no such case").await;
}

#[tokio::test]
async fn a_wave_is_ten_cards_and_one_digest() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    for person in 100..160 {
        writes(&telegram, person, &format!("{LURE} {person}"));
    }
    card(&telegram, "more cases within a minute").await;
    cases(&client, |cases| cases.len() == 60).await;
    judged(&telegram).await;
    let office: Vec<SentMessage> = telegram.sent().into_iter().filter(|message| message.chat_id == OFFICE).collect();
    let said = |words: &str| office.iter().filter(|message| message.text.contains(words)).count();
    assert_eq!((said("Case "), said("more cases within a minute")), (10, 1), "{office:?}");
}

/// A mistake of ours, or a wave, must not empty a community.
#[tokio::test]
async fn too_many_acts_trip_the_breaker_and_call_a_human() {
    let (telegram, _home, _daemon) = stage("guard").await;
    for person in 100..130 {
        writes(&telegram, person, &format!("{LURE} {person}"));
    }
    card(&telegram, "only show what I find").await;
    is_deleted(&telegram, 20).await;
    judged(&telegram).await;
    assert_eq!(deleted(&telegram).len(), 20);
    // A human looked.
    says(&telegram, GROUP, "/keeper shield guard", "take down").await;
    writes(&telegram, 200, LURE);
    is_deleted(&telegram, 21).await;
    assert!(
        telegram.sent().iter().filter(|m| m.chat_id == OFFICE).count() < 20,
        "ten cards, a digest, and the call: not thirty"
    );
}

#[tokio::test]
async fn whoever_passes_for_one_of_the_team_is_shown() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    client.add_person(&NewMember { name: "Clara Lanternlight".to_owned(), roles: vec![Role::Owner] }).await.unwrap();
    // Read at the latest when the next case is decided.
    writes(&telegram, SCAMMER, LURE);
    client.say_of_case(cases(&client, |cases| cases.len() == 1).await[0].number, CaseWord::Unsure).await.unwrap();
    telegram.push_update(json!({ "message": {
        "message_id": 90_001, "date": 1_790_000_000, "text": "good morning everyone",
        "chat": { "id": GROUP, "type": "supergroup", "title": "Lumen" },
        "from": { "id": 77, "is_bot": false, "first_name": "Clаra", "last_name": "Lanternlight" },
    }}));
    let found = cases(&client, |cases| cases.len() == 2).await.remove(0);
    assert_eq!(found.person.as_str(), "77", "{found:?}");
    assert!(found.verdict["signals"][0]["id"].as_str().is_some_and(|id| id.contains("staff")), "{found:?}");
}

#[tokio::test]
async fn a_case_is_found_however_old_it_is() {
    let (telegram, home, daemon) = stage("shadow").await;
    let client = daemon.operator(&home);
    for person in 100..103 {
        writes(&telegram, person, LURE);
    }
    cases(&client, |cases| cases.len() == 3).await;
    client.say_of_case(2, CaseWord::Unsure).await.unwrap();
    let numbers = async |open, before| {
        let found = client.cases_before(open, before).await.unwrap();
        assert!(!found.more);
        found.cases.iter().map(|case| case.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(false, Some(3)).await, [2, 1]);
    assert_eq!(numbers(true, None).await, [3, 1]);
    assert_eq!(numbers(true, Some(3)).await, [1]);
    let one = client.case(2).await.unwrap();
    assert_eq!((one.number, one.state), (2, CaseState::Unsure));
    assert!(!one.text.contains("claim-lumen.example.net"), "{}", one.text);
    let none = client.case(9).await.unwrap_err().to_string();
    assert!(none.contains("no such case"), "{none}");
    let shown = home.run(&["shield", "cases", "--open", "--before", "3", "--json"]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(shown["cases"].as_array().is_some_and(|cases| cases.len() == 1 && cases[0]["number"] == 1), "{shown}");
}

/// A slash makes it a command of ours, and hides it from nobody.
#[tokio::test]
async fn a_slash_hides_a_lure_from_nobody() {
    let (telegram, home, daemon) = stage("guard").await;
    let in_group = || telegram.sent().iter().filter(|message| message.chat_id == GROUP).count();
    let before = in_group();
    let plain = writes(&telegram, SCAMMER, "claim LUM now: https://claim-lumen.example.net");
    is_deleted(&telegram, 1).await;
    let hidden = writes(&telegram, 67, "/claim LUM now: https://claim-lumen.example.net");
    is_deleted(&telegram, 2).await;
    assert_eq!(deleted(&telegram), [json!(plain), json!(hidden)]);
    let found = daemon.operator(&home).cases().await.unwrap().cases;
    assert!(found.iter().any(|case| case.text.starts_with("/claim LUM now")), "{found:?}");
    judged(&telegram).await;
    assert_eq!(in_group(), before, "nobody answers what is taken down");
    // Who reports it, or gives an order about it, is heard, and what they wrote stays.
    telegram.push_message(GROUP, OTHER, "/report https://claim-lumen.example.net");
    let heard = telegram.wait_message(|message| message.chat_id == GROUP && message.text.contains("/report"));
    tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{:?}", telegram.sent()));
    let order = "/keeper claim LUM now: https://claim-lumen.example.net";
    says(&telegram, GROUP, order, "/keeper takes").await;
    judged(&telegram).await;
    assert_eq!(deleted(&telegram).len(), 2);
}
