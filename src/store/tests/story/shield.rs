//! What the shield remembers: written with the batch, read by every node, gone after a day; and of somebody who is erased
//! nothing, whoever remembers them.

use std::collections::BTreeSet;

use sqlx::{Connection as _, PgConnection};
use townkeeper_contract::case::CaseState;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_store::{
    Accept, Ack, By, Card, DecideCase, Denied, Lease, Member, NewCase, Print, Redraw, Sendable, ShowAgain, ShowCases,
    Store, StoreError, Verdict, person_mark,
};

use crate::home::{Home, stories};
use crate::keeping::{CANARY, NOBODY, found};
use crate::people::by;
use crate::town::{ACCOUNT, W};
use crate::{cases, ledger, moderation};

stories!(
    fingerprints_come_with_their_batch_or_not_at_all,
    each_node_reads_what_the_others_wrote,
    fingerprints_go_after_a_day,
    somebody_is_looked_for_among_what_was_said_last,
    another_node_brings_nobody_back,
    moderators_read_nothing_of_whoever_was_erased,
    what_was_not_shown_yet_is_shown_without_them,
    an_erased_moderator_is_named_nowhere_but_in_the_log,
);

const DAY: i64 = 24 * 60 * 60 * 1000;

fn print(message: &str, person: &str, at_ms: i64) -> Print {
    Print {
        account: ACCOUNT.to_owned(),
        place: "square".to_owned(),
        message: message.to_owned(),
        person: person.to_owned(),
        print: i64::MIN + 7,
        at_ms,
    }
}

/// What a node wrote, from its beginning.
async fn of(store: &Store, node: &str) -> Vec<Print> {
    store.prints_after(W, node, 0, 99).await.unwrap().into_iter().map(|(_, print)| print).collect()
}

async fn fingerprints_come_with_their_batch_or_not_at_all(home: &Home) {
    let store = home.open().await;
    let batch = |cursor, prints| Accept { prints, ..ledger::accept(&[], Some(cursor)) };
    store.accept(batch("1", vec![print("a", "66", 10), print("b", "67", 10)])).await.unwrap();
    let lost = Lease { name: "account:t".to_owned(), token: 9 };
    let fenced = Accept { lease: Some(lost), ..batch("2", vec![print("c", "66", 11)]) };
    // In one commit with another's, as a group or after it: it makes no difference.
    let (one, other) = tokio::join!(store.accept(fenced), store.accept(batch("3", vec![print("d", "66", 12)])));
    assert!(matches!(one, Err(StoreError::Fenced)), "{one:?}");
    other.unwrap();
    assert_eq!(of(&store, "n1").await, [print("a", "66", 10), print("b", "67", 10), print("d", "66", 12)]);
    assert_eq!(store.cursor(W, ACCOUNT, "updates").await.unwrap().as_deref(), Some("3"));
    assert!(store.print_nodes("elsewhere").await.unwrap().is_empty());
}

async fn each_node_reads_what_the_others_wrote(home: &Home) {
    let store = home.open().await;
    store.keep_prints(W, "b", vec![print("1", "66", 10), print("2", "66", 10)]).await.unwrap();
    store.keep_prints(W, "a", vec![print("3", "66", 10)]).await.unwrap();
    assert_eq!(store.print_nodes(W).await.unwrap(), ["a", "b"]);
    let first = store.prints_after(W, "b", 0, 1).await.unwrap();
    let read = first[0].0;
    store.keep_prints(W, "b", vec![print("4", "66", 11)]).await.unwrap();
    let rest: Vec<String> =
        store.prints_after(W, "b", read, 99).await.unwrap().into_iter().map(|(_, print)| print.message).collect();
    assert_eq!((first[0].1.message.as_str(), rest), ("1", vec!["2".to_owned(), "4".to_owned()]));
}

async fn fingerprints_go_after_a_day(home: &Home) {
    let store = home.open().await;
    let many = |from: i64, at_ms| (from..from + 700).map(|n| print(&n.to_string(), "66", at_ms)).collect::<Vec<_>>();
    store.keep_prints(W, "a", many(0, 10)).await.unwrap();
    store.keep_prints(W, "a", many(700, 20)).await.unwrap();
    store.keep_prints(W, "b", vec![print("old", "66", 10)]).await.unwrap();
    store.erase_person(By { now_ms: 5, ..by(5) }, ACCOUNT, "1").await.unwrap();
    store.prune_prints(W, 20).await.unwrap();
    assert_eq!(store.print_nodes(W).await.unwrap(), ["a"]);
    assert_eq!(store.prints_after(W, "a", 0, 9_999).await.unwrap().len(), 700);
    assert!(store.erasures(W).await.unwrap().is_empty());
    // Numbers go on, also where nothing is left: a reader that was here before misses nothing.
    let read = store.prints_after(W, "a", 0, 9_999).await.unwrap()[699].0;
    store.prune_prints(W, 21).await.unwrap();
    assert!(store.print_nodes(W).await.unwrap().is_empty());
    store.keep_prints(W, "a", vec![print("new", "66", DAY)]).await.unwrap();
    assert_eq!(store.prints_after(W, "a", read, 9).await.unwrap().len(), 1);
}

async fn somebody_is_looked_for_among_what_was_said_last(home: &Home) {
    let store = home.open().await;
    let square = BTreeSet::from([(ACCOUNT.to_owned(), "square".to_owned())]);
    store.keep_prints(W, "a", vec![print("1", "66", 10), print("2", "66", 10)]).await.unwrap();
    assert_eq!(store.seen_at(W, "telegram", "66").await.unwrap(), square);
    assert!(store.seen_at(W, "discord", "66").await.unwrap().is_empty());
    assert!(store.seen_at(W, "telegram", "67").await.unwrap().is_empty());
    // However much is said, no more than the last of it is read.
    let others = |page: i64| (0..500).map(|n| print(&format!("{page}/{n}"), "1", 11)).collect::<Vec<_>>();
    for page in 0..100 {
        store.keep_prints(W, "a", others(page)).await.unwrap();
    }
    assert!(store.seen_at(W, "telegram", "66").await.unwrap().is_empty());
    // The twins: another node heard less, and a case is found however old it is.
    store.keep_prints(W, "b", vec![print("3", "66", 10)]).await.unwrap();
    assert_eq!(store.seen_at(W, "telegram", "66").await.unwrap(), square);
    cases::open(&store, "m1", "67").await;
    assert_eq!(store.seen_at(W, "telegram", "67").await.unwrap().len(), 1);
}

fn member(first_ms: i64, seen_ms: i64) -> Member {
    Member { account: ACCOUNT.to_owned(), person: "66".to_owned(), first_ms, said: 5, seen_ms }
}

async fn another_node_brings_nobody_back(home: &Home) {
    let store = home.open().await;
    store.keep_members(W, vec![member(100, 900)]).await.unwrap();
    store.keep_prints(W, "a", vec![print("1", "66", 900), print("2", "67", 900)]).await.unwrap();
    store.erase_person(by(1_000), ACCOUNT, "66").await.unwrap();
    assert!(store.members(W, 0).await.unwrap().is_empty());
    assert_eq!(of(&store, "a").await, [print("2", "67", 900)]);
    assert_eq!(store.erasures(W).await.unwrap(), [(person_mark(ACCOUNT, "66"), 1_000)]);
    // What another node had in memory, or on its way.
    store.keep_members(W, vec![member(100, 1_100)]).await.unwrap();
    store.keep_prints(W, "b", vec![print("3", "66", 950)]).await.unwrap();
    store.accept(Accept { prints: vec![print("4", "66", 950)], ..ledger::accept(&[], None) }).await.unwrap();
    assert!(store.members(W, 0).await.unwrap().is_empty());
    assert_eq!(store.print_nodes(W).await.unwrap(), ["a"]);
    // They may come back, as somebody new; and somebody of that number elsewhere is somebody else.
    let elsewhere = Member { account: "discord:main".to_owned(), ..member(100, 1_150) };
    store.keep_members(W, vec![member(1_200, 1_200), elsewhere.clone()]).await.unwrap();
    store.keep_prints(W, "b", vec![print("5", "66", 1_200)]).await.unwrap();
    assert_eq!(store.members(W, 0).await.unwrap(), [member(1_200, 1_200), elsewhere]);
    assert_eq!(store.members(W, 1_200).await.unwrap().len(), 1);
    assert_eq!(of(&store, "b").await, [print("5", "66", 1_200)]);
}

fn unsure(number: i64) -> DecideCase {
    DecideCase { by: by(2_000), number, said: 0, to: CaseState::Unsure, debt: None, takes_back: false, wording: 0 }
}

/// A card on another account than where its cases were found.
fn card(id: &str, text: &str) -> Card {
    let act = Act::Message { body: RichText::plain(text, &Origin::System), buttons: Vec::new() };
    let (dest, reply_to) = (format!("cases/{id}"), ReplyTo("yard".to_owned()));
    let say = Sendable { id: id.to_owned(), dest, reply_to, act, deadline_ms: i64::MAX };
    Card { account: "discord:main".to_owned(), say, actions: Vec::new() }
}

async fn moderators_read_nothing_of_whoever_was_erased(home: &Home) {
    let store = home.open().await;
    for (event, person) in [("m1", NOBODY), ("m2", "66"), ("m3", NOBODY), ("m4", "66")] {
        let words = if person == NOBODY { CANARY } else { "gm" };
        let new = NewCase { name: words.to_owned(), text: words.to_owned(), ..cases::found(event, person) };
        store.open_case(W, ACCOUNT, new, 1_000).await.unwrap();
    }
    let named = format!("{CANARY} ({NOBODY}) wrote:");
    // A card that stands, one of somebody else, and a digest that names both.
    for (numbers, card) in
        [(vec![1], card("c1", &named)), (vec![2], card("c2", "case 2")), (vec![3, 4], card("c3", &named))]
    {
        let show = ShowCases {
            workspace: W.to_owned(),
            digest: numbers.len() > 1,
            cases: numbers.into_iter().map(|number| cases::seen(number, 0)).collect(),
            cards: vec![card],
            node: "n1".to_owned(),
            now_ms: 2_000,
        };
        store.show_cases(show).await.unwrap();
    }
    let sent = Verdict::Sent { message: Some("yard/9".to_owned()) };
    store
        .ack(Ack { workspace: W.to_owned(), id: "c1".to_owned(), attempt: 1, verdict: sent, now_ms: 2_100 })
        .await
        .unwrap();
    // What drew it anew names them, too.
    store.decide_case(DecideCase { by: by(2_150), ..unsure(1) }).await.unwrap();
    let with = card("c4", &named);
    let redraw =
        Redraw { workspace: W.to_owned(), seen: cases::seen(1, 1), card: "c1".to_owned(), with, now_ms: 2_200 };
    assert!(store.redraw_card(redraw).await.unwrap());
    // A moderator asked for it once more; asked again after a death, it stands there.
    let again = ShowAgain {
        workspace: W.to_owned(),
        seen: cases::seen(1, 1),
        person: NOBODY.to_owned(),
        card: card("c5", &named),
        node: "n1".to_owned(),
        now_ms: 2_300,
    };
    assert!(store.show_again(again.clone()).await.unwrap().is_some());
    assert!(store.show_again(again.clone()).await.unwrap().is_none());
    let sent = Verdict::Sent { message: Some("yard/10".to_owned()) };
    let ack = Ack { workspace: W.to_owned(), id: "c5".to_owned(), attempt: 1, verdict: sent, now_ms: 2_400 };
    store.ack(ack).await.unwrap();
    assert!(found(home).await > 5, "the red twin: they are there");
    store.erase_person(by(5_000), ACCOUNT, NOBODY).await.unwrap();
    assert_eq!(found(home).await, 0);
    assert_eq!(store.outbox_count(W, "sending").await.unwrap(), 1, "what is about others alone stays");
    // The card in the chat is drawn anew, without them.
    let stale = store.stale_cards(W, 10).await.unwrap();
    let drawn: Vec<(&str, &str)> = stale.iter().map(|d| (d.card.as_str(), d.kept.case.name.as_str())).collect();
    assert_eq!(drawn, [("c1", "erased"), ("c5", "erased")]);
    // What was read before is put up no more.
    let late = ShowAgain { card: card("c6", &named), ..again };
    assert!(matches!(store.show_again(late).await, Err(StoreError::Denied(Denied::Moved))));
}

async fn what_was_not_shown_yet_is_shown_without_them(home: &Home) {
    let store = home.open().await;
    for (event, person) in [("m1", "66"), ("m2", "66"), ("m3", "66"), ("m4", "67"), ("m5", "66"), ("m6", "66")] {
        store.open_case(W, ACCOUNT, cases::found(event, person), 1_000).await.unwrap();
    }
    // In one line: the first is under way, the others wait behind it.
    let at = |id: &str| {
        let mut card = card(id, "case");
        "cases/yard".clone_into(&mut card.say.dest);
        card
    };
    for (numbers, id) in [(vec![1], "c1"), (vec![2], "c2"), (vec![3, 4], "c3"), (vec![5], "c5")] {
        let numbers: Vec<_> = numbers.into_iter().map(|number| cases::seen(number, 0)).collect();
        let (workspace, cards) = (W.to_owned(), vec![at(id)]);
        store
            .show_cases(ShowCases {
                workspace,
                digest: numbers.len() > 1,
                cases: numbers,
                cards,
                node: "n1".to_owned(),
                now_ms: 2_000,
            })
            .await
            .unwrap();
    }
    store.decide_case(unsure(5)).await.unwrap();
    // Nobody reads of it.
    let show = ShowCases {
        workspace: W.to_owned(),
        cases: vec![cases::seen(6, 0)],
        digest: false,
        cards: Vec::new(),
        node: "n1".to_owned(),
        now_ms: 2_000,
    };
    store.show_cases(show).await.unwrap();
    let unshown = async || {
        let cases = store.unshown_cases(W, 0, 9).await.unwrap();
        cases.into_iter().map(|kept| kept.case.number).collect::<Vec<_>>()
    };
    assert!(unshown().await.is_empty());
    store.erase_person(by(5_000), ACCOUNT, "66").await.unwrap();
    assert_eq!(unshown().await, [2, 3, 4], "what is decided needs nobody, and what arrives is not shown twice");
    // What was on its way arrives, and is drawn anew.
    assert!(store.stale_cards(W, 10).await.unwrap().is_empty());
    let verdict = Verdict::Sent { message: Some("yard/9".to_owned()) };
    let ack = Ack { workspace: W.to_owned(), id: "c1".to_owned(), attempt: 1, verdict, now_ms: 5_100 };
    assert!(store.ack(ack).await.unwrap());
    let stale = store.stale_cards(W, 10).await.unwrap();
    assert_eq!(stale.iter().map(|stale| stale.card.as_str()).collect::<Vec<_>>(), ["c1"]);
}

async fn an_erased_moderator_is_named_nowhere_but_in_the_log(home: &Home) {
    let store = home.open().await;
    let ada = || By { actor: "platform:telegram:77700077".to_owned(), ..by(3_000) };
    store.open_case(W, ACCOUNT, cases::found("m1", "66"), 1_000).await.unwrap();
    store.decide_case(DecideCase { by: ada(), to: CaseState::Account, ..unsure(1) }).await.unwrap();
    let mut order = moderation::order("t1", Verb::Ban, None);
    order.by = ada();
    order.order.by_person = None;
    store.moderate(order).await.unwrap();
    let named = async || {
        let (case, act) =
            (store.case(W, 1).await.unwrap().unwrap().case, store.moderation(W, 1).await.unwrap().remove(0));
        (case.by.unwrap(), act.by)
    };
    assert_eq!(named().await.0, "platform:telegram:77700077");
    store.erase_person(by(4_000), "telegram:other", "1").await.unwrap();
    assert_eq!(named().await.1, "platform:telegram:77700077", "another person is another person");
    store.erase_person(by(5_000), ACCOUNT, "77700077").await.unwrap();
    assert_eq!(named().await, ("erased".to_owned(), "erased".to_owned()));
    assert_eq!(store.case(W, 1).await.unwrap().unwrap().case.state, CaseState::Account, "what was said still holds");
}

/// Another node has written somebody down and not committed yet when they are erased. Nobody else waits for that.
#[tokio::test]
async fn an_erasure_waits_for_whoever_writes_at_this_moment() {
    let cluster = Cluster::start(false);
    let url = cluster.database("late");
    let store = Store::connect(&url).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut late = other.begin().await.unwrap();
    let member = "INSERT INTO member (workspace, account, person, first_ms, said, seen_ms) \
        VALUES ('main', 'telegram:main', '66', 1, 1, 1)";
    sqlx::query(member).execute(&mut *late).await.unwrap();
    let mut erasing = Box::pin(store.erase_person(by(5), ACCOUNT, "66"));
    let third = Store::connect(&url).await.unwrap();
    while third.erasures(W).await.unwrap().is_empty() {
        tokio::select! {
            biased;
            early = &mut erasing => panic!("it did not wait: {early:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    // It waits; others write on, and of whom is being erased nothing.
    let others = async {
        let other = Member { person: "67".to_owned(), ..self::member(1, 1) };
        third.keep_members(W, vec![self::member(1, 2), other]).await.unwrap();
        third.keep_prints(W, "n3", vec![print("1", "66", 2), print("2", "67", 2)]).await.unwrap();
    };
    tokio::select! {
        biased;
        early = &mut erasing => panic!("it did not wait: {early:?}"),
        () = others => {}
    }
    late.commit().await.unwrap();
    erasing.await.unwrap();
    let left: Vec<String> = store.members(W, 0).await.unwrap().into_iter().map(|member| member.person).collect();
    assert_eq!(left, ["67"]);
    assert_eq!(of(&store, "n3").await, [print("2", "67", 2)]);
}
