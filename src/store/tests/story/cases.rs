//! Cases: written once with the event they were found in, shown once, decided by one at a time; reports that weigh; and
//! nothing left of somebody who is erased.

use serde_json::json;
use townkeeper_contract::case::{CaseAction, CaseExtra, CaseState, ShieldMode};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{
    Ack, Card, CaseSeen, DecideCase, Denied, JudgedCase, Member, NewCase, Redraw, Report, Sendable, ShadowCounts,
    ShowCases, Shown, Store, StoreError, Verdict,
};

use crate::home::{Home, stories};
use crate::ledger;
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(
    a_case_is_found_once_and_shown_once,
    old_cases_are_reached_and_open_ones_found_behind_any_number,
    a_digest_shows_all_of_its_cases_or_none,
    a_card_is_drawn_anew_when_something_is_said,
    of_two_moderators_the_second_looks_again,
    reports_of_the_new_weigh_little_however_many,
    an_erased_person_teaches_nothing,
    only_the_newest_lessons_are_read,
    what_was_judged_is_known_without_its_words_and_read_when_asked_for,
    members_are_known_the_longer_the_better,
    scores_are_counted_and_those_of_scams_taken_back,
);

/// A case as it was read, its message not edited.
pub(crate) fn seen(number: i64, said: i64) -> CaseSeen {
    CaseSeen { number, said, wording: 0 }
}

pub(crate) fn found(event: &str, person: &str) -> NewCase {
    NewCase {
        event: event.to_owned(),
        place: "square".to_owned(),
        address: "square".to_owned(),
        message: Some(format!("square/{event}")),
        edit: false,
        person: person.to_owned(),
        name: "Ada".to_owned(),
        text: "claim at claim-lumen.example.net\u{0}".to_owned(),
        why: "a host that looks like ours".to_owned(),
        verdict: json!({ "score": 0.97 }),
        action: CaseAction::Hold,
        also: vec![CaseExtra::Ban, CaseExtra::Notify],
        mode: ShieldMode::Flag,
        counted: Some(200),
    }
}

pub(crate) async fn open(store: &Store, event: &str, person: &str) -> i64 {
    store.open_case(W, ACCOUNT, found(event, person), 1_000).await.unwrap();
    store.cases(W, false, None, 1).await.unwrap()[0].number
}

pub(crate) fn card(id: &str) -> Card {
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
    let waiting = store.unshown_cases(W, 0, 10).await.unwrap();
    let numbers: Vec<i64> = waiting.iter().map(|case| case.case.number).collect();
    assert_eq!(numbers, [1]);
    assert_eq!(waiting[0].case.also, [CaseExtra::Ban, CaseExtra::Notify]);
    assert_eq!(waiting[0].case.text, "claim at claim-lumen.example.net\u{fffd}");
    let show = |id: &str| ShowCases {
        workspace: W.to_owned(),
        cases: vec![seen(1, 0)],
        digest: false,
        cards: vec![card(id)],
        node: "n1".to_owned(),
        now_ms: 2_000,
    };
    assert_eq!(store.show_cases(show("c1")).await.unwrap().len(), 1);
    let second = store.show_cases(show("c2")).await;
    assert!(matches!(second, Err(StoreError::Denied(Denied::Moved))), "another node was faster: {second:?}");
    assert!(store.unshown_cases(W, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.outbox_count(W, "sending").await.unwrap(), 1);
}

/// Of a digest, all or nothing: else a line that another node had shown would take the others' with it.
async fn a_digest_shows_all_of_its_cases_or_none(home: &Home) {
    let store = home.open().await;
    for event in ["m1", "m2", "m3"] {
        open(&store, event, "66").await;
    }
    let show = |id: &str, numbers: &[i64], now_ms| ShowCases {
        workspace: W.to_owned(),
        cases: numbers.iter().map(|number| seen(*number, 0)).collect(),
        digest: numbers.len() > 1,
        cards: vec![card(id)],
        node: "n1".to_owned(),
        now_ms,
    };
    store.show_cases(show("c1", &[2], 2_000)).await.unwrap();
    let refused = store.show_cases(show("c2", &[1, 2, 3], 2_100)).await;
    assert!(matches!(refused, Err(StoreError::Denied(Denied::Moved))), "{refused:?}");
    let waiting = store.unshown_cases(W, 0, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|kept| kept.case.number).collect::<Vec<_>>(), [1, 3]);
    let spoken_of = ShowCases { cases: vec![seen(1, 1), seen(3, 0)], ..show("c4", &[], 2_150) };
    let refused = store.show_cases(spoken_of).await;
    assert!(matches!(refused, Err(StoreError::Denied(Denied::Moved))), "one is not as it was read: {refused:?}");
    store.show_cases(show("c3", &[1, 3], 2_200)).await.unwrap();
    let shown = store.shown_since(W, 1_500).await.unwrap();
    assert_eq!(shown, Shown { singles: 1, digest_ms: Some(2_200) });
    assert_eq!(store.shown_since(W, 2_200).await.unwrap(), Shown { singles: 0, digest_ms: None });
}

/// What is said is drawn into the card, once it stands somewhere, by one node, and never something older over it.
async fn a_card_is_drawn_anew_when_something_is_said(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    let show = ShowCases {
        workspace: W.to_owned(),
        cases: vec![seen(number, 0)],
        digest: false,
        cards: vec![card("c1")],
        node: "n1".to_owned(),
        now_ms: 2_000,
    };
    store.show_cases(show).await.unwrap();
    let decide = |said, to| DecideCase { by: by(3_000), number, said, to, debt: None, takes_back: false, wording: 0 };
    store.decide_case(decide(0, CaseState::Content)).await.unwrap();
    assert!(store.stale_cards(W, 10).await.unwrap().is_empty(), "it is still under way");
    let sent = Verdict::Sent { message: Some("yard/9".to_owned()) };
    let ack = Ack { workspace: W.to_owned(), id: "c1".to_owned(), attempt: 1, verdict: sent, now_ms: 3_100 };
    assert!(store.ack(ack).await.unwrap());
    let stale = store.stale_cards(W, 10).await.unwrap().remove(0);
    assert_eq!((stale.message.as_str(), stale.kept.said), ("yard/9", 1));
    let redraw = |id: &str, said| Redraw {
        workspace: W.to_owned(),
        seen: seen(number, said),
        card: "c1".to_owned(),
        with: card(id),
        now_ms: 3_200,
    };
    store.decide_case(decide(1, CaseState::Open)).await.unwrap();
    assert!(!store.redraw_card(redraw("e1", 1)).await.unwrap(), "it was taken back meanwhile");
    assert!(store.redraw_card(redraw("e2", 2)).await.unwrap());
    assert!(!store.redraw_card(redraw("e3", 2)).await.unwrap(), "another node did");
    assert!(store.stale_cards(W, 10).await.unwrap().is_empty());
    // Whoever is erased is taken out of the card, too.
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    let stale = store.stale_cards(W, 10).await.unwrap().remove(0);
    assert_eq!(stale.kept.case.name, "erased");
}

async fn of_two_moderators_the_second_looks_again(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    let decide = |said, to| DecideCase { by: by(3_000), number, said, to, debt: None, takes_back: false, wording: 0 };
    store.decide_case(decide(0, CaseState::Content)).await.unwrap();
    let second = store.decide_case(decide(0, CaseState::Clear)).await;
    assert!(matches!(second, Err(StoreError::Denied(Denied::Moved))), "{second:?}");
    let lessons = store.lessons(W, 2_000).await.unwrap();
    assert_eq!((lessons.len(), lessons[0].case.state), (1, CaseState::Content));
    store.decide_case(decide(1, CaseState::Open)).await.unwrap();
    assert!(store.lessons(W, 2_000).await.unwrap().is_empty(), "what is taken back is unlearnt");
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
    for hundreds in 0..20 {
        let all = (0..500).map(|n| store.report(report(format!("new{hundreds}/{n}"), 100)));
        let weighs = futures_util::future::join_all(all).await;
        assert!(weighs.into_iter().all(|weighs| weighs.unwrap() <= 500), "ten thousand together open no case");
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
    let to = CaseState::Content;
    let decide = DecideCase { by: by(3_000), number, said: 0, to, debt: None, takes_back: false, wording: 0 };
    store.decide_case(decide).await.unwrap();
    let said = store.cases_said(W).await.unwrap();
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    assert!(store.lessons(W, 2_000).await.unwrap().is_empty());
    assert_ne!(store.cases_said(W).await.unwrap(), said, "who learnt from it hears that there is something to unlearn");
    let case = store.case(W, number).await.unwrap().unwrap().case;
    assert_eq!((case.text.as_str(), case.name.as_str(), case.person.as_str()), ("", "erased", "erased"));
}

async fn only_the_newest_lessons_are_read(home: &Home) {
    let store = home.open().await;
    for event in ["m1", "m2", "m3", "m4"] {
        let number = open(&store, event, "66").await;
        let to = if event == "m2" { CaseState::Unsure } else { CaseState::Content };
        let decide = DecideCase { by: by(3_000), number, said: 0, to, debt: None, takes_back: false, wording: 0 };
        store.decide_case(decide).await.unwrap();
    }
    let numbers = async |limit| {
        let lessons = store.lessons(W, limit).await.unwrap();
        lessons.into_iter().map(|kept| kept.case.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(2_000).await, [1, 3, 4]);
    assert_eq!(numbers(2).await, [3, 4]);
}

async fn what_was_judged_is_known_without_its_words_and_read_when_asked_for(home: &Home) {
    let store = home.open().await;
    let say = async |number, said, to| {
        let decide = DecideCase { by: by(3_000), number, said, to, debt: None, takes_back: false, wording: 0 };
        store.decide_case(decide).await.unwrap();
    };
    for n in 1..=4 {
        open(&store, &format!("m{n}"), "66").await;
    }
    for (number, to) in
        [(1, CaseState::Content), (2, CaseState::Account), (3, CaseState::Clear), (4, CaseState::Content)]
    {
        say(number, 0, to).await;
    }
    let case = |number, said, scam| JudgedCase { number, said, scam };
    let all = [case(1, 1, true), case(3, 1, false), case(4, 1, true)];
    assert_eq!(store.judged_cases(W, 9).await.unwrap(), all);
    assert_eq!(store.judged_cases(W, 2).await.unwrap(), all[1..]);
    assert!(store.judged_cases("elsewhere", 9).await.unwrap().is_empty());
    let texts = store.judged_texts(W, &[4, 2, 3, 99]).await.unwrap();
    let words = "claim at claim-lumen.example.net\u{fffd}".to_owned();
    assert_eq!(texts, [(case(3, 1, false), words.clone()), (case(4, 1, true), words)]);
    // Taken back, it is none; and of somebody who was erased it is another one, without words.
    say(4, 1, CaseState::Open).await;
    store.erase_person(by(4_000), ACCOUNT, "66").await.unwrap();
    assert_eq!(store.judged_cases(W, 9).await.unwrap(), [case(1, 2, true), case(3, 2, false)]);
    assert_eq!(store.judged_texts(W, &[1, 4]).await.unwrap(), [(case(1, 2, true), String::new())]);
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
    assert_eq!(store.members(W, 0).await.unwrap(), [member(100, 5, 950)]);
}

async fn scores_are_counted_and_those_of_scams_taken_back(home: &Home) {
    let store = home.open().await;
    let counted = |counts: &[(&str, i64, i64)]| -> ShadowCounts {
        counts.iter().map(|(platform, bin, messages)| (((*platform).to_owned(), *bin), *messages)).collect()
    };
    // Two nodes count, one of them something else as well.
    for counts in [counted(&[("chat", 60, 40), ("chat", 61, 2)]), counted(&[("chat", 60, 5), ("other", 60, 1)])] {
        store.count_shadow(W, counts).await.unwrap();
    }
    // A case counts once, however often its event comes.
    for _ in 0..2 {
        let batch = townkeeper_store::Accept { cases: vec![found("m1", "66")], ..ledger::accept(&[], Some("7")) };
        store.accept(batch).await.unwrap();
    }
    let platform = ACCOUNT.split(':').next().unwrap();
    let flagged = async || store.shadow(W).await.unwrap().get(&(platform.to_owned(), 200)).copied();
    assert_eq!(flagged().await, Some(1));
    let say = |said, to| {
        store.decide_case(DecideCase { by: by(3_000), number: 1, said, to, debt: None, takes_back: false, wording: 0 })
    };
    for (said, (to, messages)) in
        [(CaseState::Unsure, 1), (CaseState::Content, 0), (CaseState::Account, 0), (CaseState::Open, 1)]
            .into_iter()
            .enumerate()
    {
        say(i64::try_from(said).unwrap(), to).await.unwrap();
        assert_eq!(flagged().await, Some(messages), "{to}");
    }
    let all = store.shadow(W).await.unwrap();
    assert_eq!((all[&("chat".to_owned(), 60)], all[&("other".to_owned(), 60)]), (45, 1));
    assert!(store.shadow("elsewhere").await.unwrap().is_empty());
    // What is long ago fades, and what is no longer there is not taken below nothing.
    store.count_shadow(W, counted(&[("other", 70, 1_000_001)])).await.unwrap();
    let all = store.shadow(W).await.unwrap();
    assert_eq!((all[&("other".to_owned(), 70)], all[&("other".to_owned(), 60)]), (500_000, 0));
    assert_eq!(all[&("chat".to_owned(), 60)], 45, "each platform by itself");
    store.count_shadow(W, counted(&[("other", 60, -1), ("other", 61, -1)])).await.unwrap();
    let all = store.shadow(W).await.unwrap();
    assert_eq!((all[&("other".to_owned(), 60)], all[&("other".to_owned(), 61)]), (0, 0));
}

async fn old_cases_are_reached_and_open_ones_found_behind_any_number(home: &Home) {
    let store = home.open().await;
    for n in 1..=5 {
        assert_eq!(open(&store, &format!("m{n}"), "66").await, n);
    }
    for number in [2, 4, 5] {
        let decide = DecideCase {
            by: by(3_000),
            number,
            said: 0,
            to: CaseState::Clear,
            debt: None,
            takes_back: false,
            wording: 0,
        };
        store.decide_case(decide).await.unwrap();
    }
    for (open, before, limit, expected) in [
        (false, None, 2, vec![5, 4]),
        (false, Some(4), 2, vec![3, 2]),
        (false, Some(2), 2, vec![1]),
        (false, Some(1), 2, vec![]),
        (true, None, 2, vec![3, 1]),
        (true, None, 1, vec![3]),
        (true, Some(3), 1, vec![1]),
    ] {
        let found = store.cases(W, open, before, limit).await.unwrap();
        let numbers: Vec<i64> = found.iter().map(|case| case.number).collect();
        assert_eq!(numbers, expected, "open: {open}, before {before:?}");
    }
}
