//! What only shows beside what was said before: an edit that brings in a link, help that comes too quickly. And one case a
//! message, however often it is edited.

use serde_json::json;
use townkeeper_client::Client;
use townkeeper_contract::case::{Case, CaseAction, CaseState};
use townkeeper_fakes::telegram::{Fault, SentMessage, TelegramServer};

use crate::cases::{GROUP, LURE, MODERATOR, SCAMMER, card, cases, deleted, is_deleted, judged, press, stage, writes};
#[cfg(feature = "faults")]
use crate::cases::{TOKEN, home, set_up};
use crate::daemon::PATIENCE;

const MEMBER: i64 = 78;
const OTHER: i64 = 79;

fn signals(case: &Case) -> Vec<&str> {
    case.verdict["signals"].as_array().expect("signals").iter().filter_map(|signal| signal["id"].as_str()).collect()
}

#[tokio::test]
async fn an_edit_that_brings_in_a_lure_is_shown_with_that_reason_and_another_is_not() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    let lure = "good morning everybody, see https://claim-lumen.example.net";
    for person in [SCAMMER, MEMBER] {
        let message = writes(&telegram, person, "good morning everybody");
        let edited = if person == SCAMMER { lure } else { "a very good morning to everybody" };
        telegram.push_edit(GROUP, person, message, edited);
    }
    // The twin: who writes it at once has put in nothing.
    writes(&telegram, OTHER, lure);
    let mut found = cases(&client, |cases| cases.len() == 2).await;
    found.sort_by_key(|case| case.number);
    assert_eq!(found.iter().map(|case| case.person.as_str()).collect::<Vec<_>>(), ["66", "79"]);
    assert!(signals(&found[0]).contains(&"edited_in_link"), "{:?}", found[0].verdict);
    assert!(!signals(&found[1]).contains(&"edited_in_link"), "{:?}", found[1].verdict);
}

#[tokio::test]
async fn an_edit_goes_on_with_the_case_of_its_message() {
    let (telegram, home, daemon) = stage("guard").await;
    let client = daemon.operator(&home);
    let doubling = "Send 1 SOL and get 2 SOL back instantly, doubling is live: https://lucky-lantern.example.net/start";
    let message = writes(&telegram, SCAMMER, doubling);
    let shown = card(&telegram, "Case 1").await;
    judged(&telegram).await;
    assert!(deleted(&telegram).is_empty(), "no more than shown");
    telegram.push_edit(GROUP, SCAMMER, message, LURE);
    is_deleted(&telegram, 1).await;
    assert_eq!(deleted(&telegram), [json!(message)]);
    let says = |sent: &SentMessage| {
        let text = &sent.text;
        sent.message_id == shown.message_id && text.contains("It also said") && text.contains("I took it down")
    };
    let redrawn = telegram.wait_message(says);
    tokio::time::timeout(PATIENCE, redrawn).await.unwrap_or_else(|_| panic!("{:?}", telegram.sent()));
    let found = cases(&client, |cases| cases.iter().any(|case| !case.edits.is_empty())).await;
    assert_eq!((found.len(), found[0].action), (1, CaseAction::Hold));
    assert!(found[0].text.starts_with("The LUM") && found[0].edits[0].text.starts_with("Send 1 SOL"), "{found:?}");
}

/// A lure that was read is edited before anybody speaks, and its card cannot be drawn anew: what becomes of "Not a scam" below
/// the old one.
async fn cleared_unread(telegram: &TelegramServer, client: &Client) -> SentMessage {
    let message = writes(telegram, SCAMMER, LURE);
    let shown = card(telegram, "Case 1").await;
    telegram.break_down("editMessageText", Fault::Refuse { code: 502, description: "Bad Gateway".to_owned() });
    telegram.push_edit(GROUP, SCAMMER, message, &format!("{LURE} Hurry, it is open to everybody"));
    cases(client, |cases| cases.iter().any(|case| !case.edits.is_empty())).await;
    press(telegram, MODERATOR, &shown, "Not a scam");
    shown
}

#[tokio::test]
async fn nobody_judges_what_an_edit_made_of_a_message_before_they_read_it() {
    let (telegram, home, daemon) = stage("flag").await;
    let client = daemon.operator(&home);
    let shown = cleared_unread(&telegram, &client).await;
    card(&telegram, "was edited since").await;
    cases(&client, |cases| cases.iter().all(|case| case.state == CaseState::Open)).await;
    telegram.mend("editMessageText");
    let says = |sent: &SentMessage| sent.message_id == shown.message_id && sent.text.contains("It also said");
    let redrawn = tokio::time::timeout(PATIENCE, telegram.wait_message(says)).await.expect("it is drawn anew");
    press(&telegram, MODERATOR, &redrawn, "Not a scam");
    cases(&client, |cases| cases.iter().all(|case| case.state == CaseState::Clear)).await;
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_without_the_wording_an_edit_is_cleared_unread() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let daemon = crate::daemon::Daemon::start_with_fault(&home, "case.wording:off").await.expect("it starts");
    set_up(&telegram, "flag").await;
    let client = daemon.operator(&home);
    cleared_unread(&telegram, &client).await;
    cases(&client, |cases| cases.iter().all(|case| case.state == CaseState::Clear)).await;
}

#[tokio::test]
async fn help_within_seconds_that_leads_elsewhere_is_shown() {
    let (telegram, home, daemon) = stage("flag").await;
    let question = writes(&telegram, MEMBER, "my tokens are gone, can anybody help me?");
    let greeting = writes(&telegram, OTHER, "good morning everybody");
    // The twin first: the same words to somebody who asks for nothing.
    telegram.push_reply(GROUP, 67, "pm me for help", greeting);
    telegram.push_reply(GROUP, SCAMMER, "pm me for help", question);
    let found = cases(&daemon.operator(&home), |cases| !cases.is_empty()).await;
    assert_eq!((found.len(), found[0].person.as_str()), (1, "66"));
    assert!(signals(&found[0]).contains(&"quick_help"), "{:?}", found[0].verdict);
}
