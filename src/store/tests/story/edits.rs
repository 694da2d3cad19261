//! Edits of messages that have a case: one case goes on, by the worst that was said, and all that was said stands there.

use townkeeper_contract::case::{Case, CaseAction, CaseState, ShieldMode};
use townkeeper_store::{DecideCase, Denied, NewCase, Store, StoreError};

use crate::cases::found;
use crate::home::{Home, stories};
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(an_edit_goes_on_with_the_open_case_of_its_message, an_edit_of_what_was_decided_is_a_case_of_its_own);

fn edit(event: &str, action: CaseAction, text: &str) -> NewCase {
    let message = Some("square/m1".to_owned());
    NewCase { message, edit: true, action, also: Vec::new(), text: text.to_owned(), ..found(event, "66") }
}

async fn open(store: &Store, new: NewCase) {
    store.open_case(W, ACCOUNT, new, 1_000).await.unwrap();
}

async fn cases(store: &Store) -> Vec<Case> {
    store.cases(W, false, None, 10).await.unwrap()
}

async fn an_edit_goes_on_with_the_open_case_of_its_message(home: &Home) {
    let store = home.open().await;
    open(&store, found("m1", "66")).await;
    let first = cases(&store).await.remove(0).text;
    // What is milder stands beside it.
    open(&store, edit("m1/2", CaseAction::Flag, "hello\u{0}")).await;
    let now = cases(&store).await.remove(0);
    assert_eq!((now.text, now.edits.len(), now.edits[0].text.as_str()), (first.clone(), 1, "hello\u{fffd}"));
    let seen = store.edited_cases(W, 10).await.unwrap().remove(0);
    assert_eq!(seen.wording, 1);
    let unread = DecideCase {
        by: by(3_000),
        number: 1,
        said: 0,
        to: CaseState::Clear,
        debt: None,
        takes_back: false,
        wording: 0,
    };
    let cleared = store.decide_case(unread).await;
    assert!(matches!(cleared, Err(StoreError::Denied(Denied::Moved))), "nobody read that edit");
    // What is worse takes its place, by what the place is set to now, and is looked at once more though the other was seen meanwhile.
    let worse = NewCase { mode: ShieldMode::Guard, ..edit("m1/3", CaseAction::Delete, "worse") };
    store.open_case(W, ACCOUNT, worse, 2_000).await.unwrap();
    store.edit_seen(W, &seen).await.unwrap();
    let seen = store.edited_cases(W, 10).await.unwrap().remove(0);
    let texts: Vec<&str> = seen.case.edits.iter().map(|edit| edit.text.as_str()).collect();
    assert_eq!((seen.case.text.as_str(), texts), ("worse", vec!["hello\u{fffd}", first.as_str()]));
    assert_eq!((seen.case.action, seen.case.mode, seen.case.also.len()), (CaseAction::Delete, ShieldMode::Guard, 0));
    store.edit_seen(W, &seen).await.unwrap();
    // Delivered again, it is nothing new.
    for event in ["m1", "m1/2", "m1/3"] {
        open(&store, edit(event, CaseAction::Delete, "again")).await;
    }
    assert!(store.edited_cases(W, 10).await.unwrap().is_empty());
    // However often it is edited, a case keeps so much, and what was said first.
    for n in 0..30 {
        open(&store, edit(&format!("m1/x{n}"), CaseAction::Flag, &format!("mild {n}"))).await;
    }
    let now = cases(&store).await;
    let kept = &now[0].edits;
    assert_eq!((now.len(), kept.len(), kept[0].text.as_str()), (1, 20, "hello\u{fffd}"));
    assert_eq!(kept[19].text, "mild 29");
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    let erased = cases(&store).await.remove(0);
    assert!(erased.edits.is_empty() && erased.text.is_empty(), "{erased:?}");
    open(&store, edit("m1/9", CaseAction::Delete, "of before the erasure")).await;
    assert_eq!(cases(&store).await.len(), 1);
}

async fn an_edit_of_what_was_decided_is_a_case_of_its_own(home: &Home) {
    let store = home.open().await;
    open(&store, found("m1", "66")).await;
    let decide = DecideCase {
        by: by(3_000),
        number: 1,
        said: 0,
        to: CaseState::Clear,
        debt: None,
        takes_back: false,
        wording: 0,
    };
    store.decide_case(decide).await.unwrap();
    open(&store, edit("m1/2", CaseAction::Delete, "worse")).await;
    assert_eq!(cases(&store).await.len(), 2, "nobody cleared what it says now");
    // Of a place that was only watched in shadow then, of another message, of somebody else, of no edit: cases of their own.
    open(&store, NewCase { mode: ShieldMode::Shadow, ..edit("m1/3", CaseAction::Delete, "other") }).await;
    open(&store, NewCase { message: Some("square/m2".to_owned()), ..edit("m1/4", CaseAction::Delete, "other") }).await;
    open(&store, NewCase { person: "67".to_owned(), ..edit("m1/5", CaseAction::Delete, "other") }).await;
    open(&store, NewCase { edit: false, ..edit("m1/6", CaseAction::Delete, "other") }).await;
    assert_eq!(cases(&store).await.len(), 6);
}
