//! Cases: written once with the event they were found in, shown once, decided by one at a time; reports that weigh; and
//! nothing left of somebody who is erased.

use serde_json::json;
use townkeeper_contract::case::{CaseAction, CaseState, ShieldMode};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{Card, DecideCase, Denied, Member, NewCase, Report, Sendable, ShowCase, Store, StoreError};

use crate::home::{Home, stories};
use crate::ledger;
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(
    a_case_is_found_once_and_shown_once,
    of_two_moderators_the_second_looks_again,
    reports_of_the_new_weigh_little_however_many,
    an_erased_person_teaches_nothing,
    members_are_known_the_longer_the_better,
);

pub(crate) fn found(event: &str, person: &str) -> NewCase {
    NewCase {
        event: event.to_owned(),
        place: "square".to_owned(),
        address: "square".to_owned(),
        message: Some(format!("square/{event}")),
        person: person.to_owned(),
        name: "Ada".to_owned(),
        text: "claim at claim-lumen.example.net\u{0}".to_owned(),
        why: "a host that looks like ours".to_owned(),
        verdict: json!({ "score": 0.97 }),
        action: CaseAction::Hold,
        mode: ShieldMode::Flag,
    }
}

async fn open(store: &Store, event: &str, person: &str) -> i64 {
    store.open_case(W, ACCOUNT, found(event, person), 1_000).await.unwrap();
    store.cases(W, 1).await.unwrap()[0].number
}

fn card(id: &str) -> Card {
    let act = Act::Message { body: RichText::plain("case 1", &Origin::System), buttons: Vec::new() };
    let reply_to = ReplyTo("yard".to_owned());
    let say = Sendable { id: id.to_owned(), dest: "moderate/yard".to_owned(), reply_to, act, deadline_ms: i64::MAX };
    Card { account: ACCOUNT.to_owned(), say, actions: Vec::new() }
}

async fn a_case_is_found_once_and_shown_once(home: &Home) {
    let store = home.open().await;
    // The same batch delivered again, as after a crash before the acknowledgement.
    for _ in 0..2 {
        let batch = ledger::accept(&[], Some("7"));
        let batch = townkeeper_store::Accept { cases: vec![found("m1", "66")], ..batch };
        store.accept(batch).await.unwrap();
    }
    let waiting = store.unshown_cases(W, 10).await.unwrap();
    let numbers: Vec<i64> = waiting.iter().map(|case| case.case.number).collect();
    assert_eq!(numbers, [1]);
    assert_eq!(waiting[0].case.text, "claim at claim-lumen.example.net\u{fffd}");
    let show = |id: &str| ShowCase {
        workspace: W.to_owned(),
        number: 1,
        cards: vec![card(id)],
        node: "n1".to_owned(),
        now_ms: 2_000,
    };
    assert_eq!(store.show_case(show("c1")).await.unwrap().unwrap().len(), 1);
    assert!(store.show_case(show("c2")).await.unwrap().is_none(), "another node was faster");
    assert!(store.unshown_cases(W, 10).await.unwrap().is_empty());
    assert_eq!(store.outbox_count(W, "sending").await.unwrap(), 1);
}

async fn of_two_moderators_the_second_looks_again(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    let decide = |said, to| DecideCase { by: by(3_000), number, said, to };
    store.decide_case(decide(0, CaseState::Content)).await.unwrap();
    let second = store.decide_case(decide(0, CaseState::Clear)).await;
    assert!(matches!(second, Err(StoreError::Denied(Denied::Moved))), "{second:?}");
    let lessons = store.lessons(W).await.unwrap();
    assert_eq!((lessons.len(), lessons[0].case.state), (1, CaseState::Content));
    store.decide_case(decide(1, CaseState::Open)).await.unwrap();
    assert!(store.lessons(W).await.unwrap().is_empty(), "what is taken back is unlearnt");
    assert_eq!(store.cases_said(W).await.unwrap(), 2);
    let case = store.case(W, number).await.unwrap().unwrap().case;
    assert_eq!((case.state, case.by, case.decided_ms), (CaseState::Open, None, None));
}

async fn reports_of_the_new_weigh_little_however_many(home: &Home) {
    let store = home.open().await;
    let report = |person: String, weight| Report {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        message: "square/1".to_owned(),
        person,
        weight,
        at_most: 500,
        per_hour: 10,
        now_ms: 4_000,
    };
    for n in 0..40 {
        assert!(store.report(report(format!("new{n}"), 100)).await.unwrap() <= 500);
    }
    assert_eq!(store.report(report("member".to_owned(), 500)).await.unwrap(), 1_000);
    assert_eq!(store.report(report("member".to_owned(), 500)).await.unwrap(), 1_000, "once each");
    // Whoever reports everything is heard ten times an hour.
    let mut last = 0;
    for n in 0..12 {
        last =
            store.report(Report { message: format!("square/x{n}"), ..report("busy".to_owned(), 500) }).await.unwrap();
    }
    assert_eq!(last, 0);
}

async fn an_erased_person_teaches_nothing(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    store.decide_case(DecideCase { by: by(3_000), number, said: 0, to: CaseState::Content }).await.unwrap();
    let said = store.cases_said(W).await.unwrap();
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    assert!(store.lessons(W).await.unwrap().is_empty());
    assert_ne!(store.cases_said(W).await.unwrap(), said, "who learnt from it hears that there is something to unlearn");
    let case = store.case(W, number).await.unwrap().unwrap().case;
    assert_eq!((case.text.as_str(), case.name.as_str(), case.person.as_str()), ("", "erased", "erased"));
}

async fn members_are_known_the_longer_the_better(home: &Home) {
    let store = home.open().await;
    let member = |first_ms, said, seen_ms| Member {
        account: ACCOUNT.to_owned(),
        person: "66".to_owned(),
        first_ms,
        said,
        seen_ms,
    };
    store.keep_members(W, vec![member(100, 5, 900)]).await.unwrap();
    // Another node met them later, and heard less.
    store.keep_members(W, vec![member(500, 2, 950)]).await.unwrap();
    assert_eq!(store.members(W).await.unwrap(), [member(100, 5, 950)]);
}
