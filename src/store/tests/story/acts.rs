//! What follows from cases: the shield's own acts are counted by all nodes together, a word's are owed until they are
//! ordered, and what is taken back is not done any more.

use townkeeper_contract::case::CaseState;
use townkeeper_contract::moderation::DeliveryState::{Ready, Refused, Sending};
use townkeeper_contract::moderation::Verb;
use townkeeper_store::{
    Acted, ByItself, CaseAt, CaseCopy, Debt, DecideCase, Fuse, NewOrder, Ordered, Verdict, node_lease,
};

use crate::cases::{card, open};
use crate::home::{Home, stories};
use crate::ledger;
use crate::moderation::order;
use crate::people::by;
use crate::town::{ACCOUNT, W};

stories!(
    two_nodes_together_act_no_more_than_one_may,
    a_trip_calls_once_and_is_kept_over_a_start,
    what_an_edit_adds_is_counted,
    an_order_is_written_only_while_its_case_stands_as_it_was_seen,
    what_could_not_be_looked_up_waits,
    of_two_cases_about_one_message_one_takes_it_down,
    a_word_that_takes_back_stops_what_still_waits,
    a_word_is_owed_until_its_acts_are_ordered,
    what_takes_back_stands_behind_what_still_waits,
);

/// Three, ever.
fn three(fuse: &mut Fuse, now_ms: i64) -> bool {
    if fuse.acted.len() >= 3 {
        fuse.tripped_ms = fuse.tripped_ms.or(Some(now_ms));
        return false;
    }
    fuse.acted.push(now_ms);
    true
}

fn shield(n: usize) -> ByItself {
    let orders = vec![order(&format!("case/{n}/0/ban"), Verb::Ban, None)];
    ByItself { by: by(100), orders, admit: three, call: vec![card(&format!("call{n}"))], node: "n1".to_owned() }
}

async fn two_nodes_together_act_no_more_than_one_may(home: &Home) {
    let one = home.open().await;
    // SQLite is one node's.
    let other = if matches!(home, Home::Postgres(_)) { home.open().await } else { one.clone() };
    let acts = (0..8).map(|n| if n % 2 == 0 { one.act_by_itself(shield(n)) } else { other.act_by_itself(shield(n)) });
    let came: Vec<Acted> = futures_util::future::join_all(acts).await.into_iter().map(|acted| acted.unwrap()).collect();
    let count = |fact: fn(&Acted) -> bool| came.iter().filter(|acted| fact(acted)).count();
    assert_eq!(count(|acted| matches!(acted, Acted::Ordered(_))), 3, "{came:?}");
    assert_eq!(count(|acted| matches!(acted, Acted::Tripped(_))), 1, "{came:?}");
    assert_eq!(one.moderation(W, 10).await.unwrap().len(), 3);
}

async fn a_trip_calls_once_and_is_kept_over_a_start(home: &Home) {
    let store = home.open().await;
    for n in [0, 1, 2, 2, 2] {
        let Acted::Ordered(ordered) = store.act_by_itself(shield(n)).await.unwrap() else { panic!("{n}") };
        assert_eq!(ordered.len(), 1, "what was ordered before is counted once");
    }
    assert!(!store.is_tripped(W).await.unwrap());
    let Acted::Tripped(call) = store.act_by_itself(shield(3)).await.unwrap() else { panic!("a fourth") };
    assert_eq!(call.len(), 1);
    store.close().await;
    let store = home.open().await;
    assert!(store.is_tripped(W).await.unwrap());
    assert!(matches!(store.act_by_itself(shield(4)).await.unwrap(), Acted::Shown), "nobody is called twice");
    assert!(!store.is_tripped("elsewhere").await.unwrap());
    store.reset_breaker(by(200)).await.unwrap();
    store.reset_breaker(by(201)).await.unwrap();
    assert!(matches!(store.act_by_itself(shield(5)).await.unwrap(), Acted::Ordered(_)));
    let (_, log) = store.audit(W, 10).await.unwrap();
    let log: Vec<&str> = log.iter().map(|record| record.action.as_str()).collect();
    let bans = ["moderate.ban"; 3];
    assert_eq!(log, [&["moderate.ban", "shield.reset", "shield.trip"][..], &bans[..]].concat());
}

/// A message that was only taken down is edited, and its author is to be silenced too.
async fn what_an_edit_adds_is_counted(home: &Home) {
    let store = home.open().await;
    let one = |n: usize, verb| order(&format!("case/{n}/0/{verb}"), verb, None);
    let first = |n| ByItself { orders: vec![one(n, Verb::Remove)], ..shield(n) };
    let edited = |n| ByItself { orders: vec![one(n, Verb::Remove), one(n, Verb::Ban)], ..shield(n) };
    for act in [first(0), first(0), edited(0), edited(0), first(1)] {
        assert!(matches!(store.act_by_itself(act).await.unwrap(), Acted::Ordered(_)), "three at most");
    }
    assert!(matches!(store.act_by_itself(edited(1)).await.unwrap(), Acted::Tripped(_)), "it silences a fourth time");
    let verbs: Vec<Verb> = store.moderation(W, 10).await.unwrap().into_iter().map(|act| act.verb).collect();
    assert_eq!(verbs, [Verb::Remove, Verb::Ban, Verb::Remove]);
    assert!(
        matches!(store.act_by_itself(edited(0)).await.unwrap(), Acted::Ordered(_)),
        "nothing new is done before too"
    );
}

fn of_case(asked: &str, number: i64, said: i64) -> NewOrder {
    NewOrder { of_case: Some(CaseAt { number, said }), ..order(asked, Verb::Ban, None) }
}

fn of_case_at(asked: &str, number: i64, follows: bool) -> NewOrder {
    if follows { of_case(asked, number, 0) } else { order(asked, Verb::Ban, None) }
}

fn word(number: i64, said: i64, to: CaseState) -> DecideCase {
    DecideCase { by: by(3_000), number, said, to, debt: None, takes_back: to == CaseState::Clear, wording: 0 }
}

async fn an_order_is_written_only_while_its_case_stands_as_it_was_seen(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    store.decide_case(word(number, 0, CaseState::Clear)).await.unwrap();
    assert!(matches!(store.moderate(of_case("case/1/0/ban", number, 0)).await.unwrap(), Ordered::Moved));
    let late = ByItself { orders: vec![of_case("case/1/0/ban", number, 0)], ..shield(1) };
    let Acted::Ordered(ordered) = store.act_by_itself(late).await.unwrap() else { panic!("it counted") };
    assert!(matches!(ordered[..], [Ordered::Moved]), "{ordered:?}");
    assert!(store.moderation(W, 10).await.unwrap().is_empty());
    // The twins: the case as it stands, and an order that follows from none.
    assert!(matches!(store.moderate(of_case("case/1/1/ban", number, 1)).await.unwrap(), Ordered::Now { .. }));
    assert!(matches!(store.moderate(order("t1", Verb::Ban, None)).await.unwrap(), Ordered::Now { .. }));
}

async fn what_could_not_be_looked_up_waits(home: &Home) {
    let store = home.open().await;
    let waits = NewOrder { look_ms: Some(500), ..order("case/1/0/ban", Verb::Ban, None) };
    assert!(matches!(store.moderate(waits).await.unwrap(), Ordered::Now { send: None, .. }));
    assert!(!store.order_of(W, "out-case/1/0/ban").await.unwrap().unwrap().looked);
    assert!(store.claim(W, "n1", 499, 9).await.unwrap().rows.is_empty());
    assert_eq!(store.claim(W, "n2", 500, 9).await.unwrap().rows.len(), 1, "any node may");
}

async fn of_two_cases_about_one_message_one_takes_it_down(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    let remove = |asked: &str, of_case: bool| {
        let mut new = of_case_at(asked, number, of_case);
        (new.order.verb, new.order.person, new.order.message) = (Verb::Remove, None, Some("square/m1".to_owned()));
        new
    };
    assert!(matches!(store.moderate(remove("case/1/0/remove", true)).await.unwrap(), Ordered::Now { number: 1, .. }));
    // What has not left yet is withdrawn where its own case is cleared: the other's act does not rest on it.
    assert!(matches!(store.moderate(remove("case/2/0/copy", true)).await.unwrap(), Ordered::Now { number: 2, .. }));
    // Whoever asks for it by hand is heard.
    assert!(matches!(store.moderate(remove("t1", false)).await.unwrap(), Ordered::Now { number: 3, .. }));
    assert!(
        store.ack(ledger::ack("out-case/1/0/remove", 1, Verdict::Refused { detail: "no".to_owned() })).await.unwrap()
    );
    assert!(matches!(store.moderate(remove("case/3/0/copy", true)).await.unwrap(), Ordered::Now { number: 4, .. }));
    store.claim(W, "n1", 60, 9).await.unwrap();
    assert!(store.ack(ledger::ack("out-case/2/0/copy", 1, ledger::sent())).await.unwrap());
    assert!(matches!(store.moderate(remove("case/4/0/copy", true)).await.unwrap(), Ordered::Before { number: 2 }));
}

async fn a_word_that_takes_back_stops_what_still_waits(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    // One under way, one that waits, one that may have arrived, and one of another case.
    store.moderate(of_case("case/1/0/a", number, 0)).await.unwrap();
    store.moderate(of_case("case/1/0/b", number, 0)).await.unwrap();
    let elsewhere = |asked: &str| {
        let mut new = of_case(asked, number, 0);
        "moderate/yard".clone_into(&mut new.send.dest);
        new.order.person = Some("67".to_owned());
        new
    };
    store.moderate(elsewhere("case/1/0/c")).await.unwrap();
    let doubt = Verdict::Again { next_ms: 60, class: "in_doubt", detail: "it broke".to_owned() };
    assert!(store.ack(ledger::ack("out-case/1/0/c", 1, doubt)).await.unwrap());
    store.moderate(order("case/11/0/a", Verb::Ban, None)).await.unwrap();
    store.decide_case(word(number, 0, CaseState::Clear)).await.unwrap();
    let acts = store.moderation(W, 10).await.unwrap();
    let states: Vec<_> = acts.iter().rev().map(|act| act.state.unwrap()).collect();
    assert_eq!(states, [Sending, Refused, Ready, Ready]);
    assert!(acts[2].detail.as_deref().unwrap().contains("decided otherwise"), "{acts:?}");
    let followed = store.orders_of_case(W, 1).await.unwrap();
    assert_eq!(followed.iter().map(|act| act.state.unwrap()).collect::<Vec<_>>(), [Sending, Refused, Ready]);
    // The twin: a word that takes nothing back.
    store.decide_case(word(number, 1, CaseState::Account)).await.unwrap();
    assert_eq!(store.moderation(W, 10).await.unwrap()[1].state, Some(Ready));
}

/// Whatever line it would stand in by itself: else somebody would be let go before they are banned.
async fn what_takes_back_stands_behind_what_still_waits(home: &Home) {
    let store = home.open().await;
    let line = |asked: &str, reverses: Option<i64>, dest: &str| {
        let mut new = order(asked, if reverses.is_none() { Verb::Ban } else { Verb::Unban }, reverses);
        dest.clone_into(&mut new.send.dest);
        new
    };
    let waits = NewOrder { look_ms: Some(500), ..line("case/1/0/ban", None, "case/yard") };
    store.moderate(waits).await.unwrap();
    let back = store.moderate(line("t1", Some(1), "moderate/yard")).await.unwrap();
    assert!(matches!(back, Ordered::Now { send: None, .. }), "{back:?}");
    // Another act upon them stands there too: each leaves as it finds them.
    let same = store.moderate(line("t2", None, "moderate/yard")).await.unwrap();
    assert!(matches!(same, Ordered::Now { send: None, .. }), "{same:?}");
    // The twin: somebody else.
    let mut other = line("t3", None, "moderate/yard");
    other.order.person = Some("67".to_owned());
    let other = store.moderate(other).await.unwrap();
    assert!(matches!(other, Ordered::Now { send: Some(_), .. }), "{other:?}");
}

async fn a_word_is_owed_until_its_acts_are_ordered(home: &Home) {
    let store = home.open().await;
    let number = open(&store, "m1", "66").await;
    let copies = vec![CaseCopy { account: ACCOUNT.to_owned(), place: "yard".to_owned(), message: "yard/9".to_owned() }];
    let debt = Debt { node: "n1".to_owned(), person: Some("50".to_owned()), copies };
    let said = |said, to, debt: Option<&Debt>| DecideCase { debt: debt.cloned(), ..word(number, said, to) };
    store.decide_case(said(0, CaseState::Content, Some(&debt))).await.unwrap();
    let owed = async |node: &str, before_ms| store.owed(W, node, before_ms, 9_000).await.unwrap();
    assert!(owed("n1", 3_000).await.is_empty(), "it is at it");
    assert_eq!(owed("n1", 3_001).await.len(), 1, "it was at it for too long");
    let found = owed("n2", 0).await;
    assert_eq!(found.len(), 1, "n1 is dead");
    assert_eq!((found[0].kept.case.number, found[0].kept.said, found[0].by.now_ms), (number, 1, 9_000));
    assert_eq!((found[0].by.actor.as_str(), found[0].debt.person.as_deref()), ("operator", Some("50")));
    assert_eq!(found[0].debt.copies, debt.copies);
    let lease = store.acquire(W, &node_lease("n1"), "n1", 60_000).await.unwrap();
    assert!(owed("n2", 0).await.is_empty(), "n1 lives");
    store.release(&lease.unwrap()).await.unwrap();
    // Who takes it up, and who is long at it, says so.
    store.at_it(W, "n2", (number, 1), 5_000).await.unwrap();
    assert!(owed("n2", 5_000).await.is_empty(), "it is at it");
    assert_eq!((owed("n2", 5_001).await.len(), owed("n1", 0).await.len()), (1, 1), "n2 failed, or died");
    // Of an earlier word nothing is ordered any more, and the end of another is not the end of this one.
    store.decide_case(said(1, CaseState::Account, Some(&debt))).await.unwrap();
    store.paid(W, number, 1).await.unwrap();
    assert_eq!(owed("n2", 0).await.iter().map(|owed| owed.kept.said).collect::<Vec<_>>(), [2]);
    store.paid(W, number, 2).await.unwrap();
    assert!(owed("n2", 0).await.is_empty());
    // Nor of somebody who is erased.
    store.decide_case(said(2, CaseState::Content, Some(&debt))).await.unwrap();
    store.erase_person(by(9_001), ACCOUNT, "50").await.unwrap();
    assert!(owed("n2", 0).await.is_empty());
}
