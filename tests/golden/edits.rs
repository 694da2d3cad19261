//! What only shows beside what was said before: an edit that brings in a link, help that comes too quickly. And one case a
//! message, however often it is edited.

use serde_json::json;
use townkeeper_contract::case::{Case, CaseAction};
use townkeeper_fakes::telegram::SentMessage;

use crate::cases::{GROUP, LURE, SCAMMER, card, cases, deleted, is_deleted, judged, stage, writes};
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

#[tokio::test]
async fn help_within_seconds_that_leads_elsewhere_is_shown() {
    let (telegram, home, daemon) = stage("flag").await;
    let question = writes(&telegram, MEMBER, "my tokens are gone, can anybody help me?");
    let greeting = writes(&telegram, OTHER, "good morning everybody");
    // The twin first: the same words to somebody who asks for nothing.
    telegram.push_reply(GROUP, 67, "dm me for help", greeting);
    telegram.push_reply(GROUP, SCAMMER, "dm me for help", question);
    let found = cases(&daemon.operator(&home), |cases| !cases.is_empty()).await;
    assert_eq!((found.len(), found[0].person.as_str()), (1, "66"));
    assert!(signals(&found[0]).contains(&"quick_help"), "{:?}", found[0].verdict);
}
