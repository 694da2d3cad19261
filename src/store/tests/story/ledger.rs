//! One story through the whole ledger, told by the store's own interface: what a second engine must tell alike.

use std::sync::Arc;

use townkeeper_contract::id::{AccountId, EventKey, MessageRef, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::outbound::Act;
use townkeeper_contract::platform::Cursor;
use townkeeper_contract::stream::{Outcome, Reply, ReplyKind};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{Accept, Accepted, Ack, NewEvent, NewTicket, Sendable, Settle, Store, StoreError, Verdict};

use crate::home::{Home, stories};

pub(crate) const W: &str = "main";
pub(crate) const ACCOUNT: &str = "telegram:main";
const NODE: &str = "n1";

stories!(
    an_event_is_accepted_once_and_its_cursor_with_it,
    what_is_taken_up_again_keeps_its_order,
    a_turn_ends_once_and_only_for_the_attempt_that_has_it,
    earlier_turns_come_as_they_were_answered_whatever_the_clock_says,
    a_bad_write_takes_no_other_down_with_it,
    messages_leave_in_order_and_each_once,
    a_key_that_is_forgotten_makes_no_repeat_harmless,
    doubt_holds_back_its_own_message_and_nobody_elses,
    what_was_under_way_at_a_crash_is_in_doubt_unless_a_repeat_is_harmless,
    a_question_has_one_ticket,
);

fn inbound(event: &str) -> Inbound {
    Inbound {
        event: EventKey::from(event),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::from("42"), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from("42"), name: "Robin".to_owned(), handle: None, bot: false },
        at_ms: 1,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo("42".to_owned()),
        body: Body::Message { text: "wen".to_owned() },
    }
}

pub(crate) fn accept(events: &[&str], cursor: Option<&str>) -> Accept {
    let event = |id: &&str| NewEvent { inbound: inbound(id), conversation: "c".to_owned(), turn: format!("turn-{id}") };
    Accept {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        events: events.iter().map(event).collect(),
        cases: Vec::new(),
        prints: Vec::new(),
        cursor: cursor.map(|value| Cursor { scope: "updates".to_owned(), value: value.to_owned() }),
        node: NODE.to_owned(),
        lease: None,
        now_ms: 10,
    }
}

fn text(words: &str) -> RichText {
    RichText::plain(words, &Origin::System)
}

/// The end of `event`'s turn, saying these parts.
pub(crate) fn settle(event: &str, attempt: u32, parts: &[&str]) -> Arc<Settle> {
    end(event, attempt, parts, "42")
}

/// The end of `event`'s turn, saying one thing to `dest`.
pub(crate) fn settle_to(event: &str, dest: &str) -> Arc<Settle> {
    end(event, 1, &["a"], dest)
}

fn end(event: &str, attempt: u32, parts: &[&str], dest: &str) -> Arc<Settle> {
    let part = |words: &&str| Sendable {
        id: format!("out-{event}-{words}"),
        dest: dest.to_owned(),
        reply_to: ReplyTo("42".to_owned()),
        act: Act::Message { body: text(words), buttons: Vec::new() },
        deadline_ms: 1_000,
    };
    Arc::new(Settle {
        workspace: W.to_owned(),
        turn: format!("turn-{event}"),
        conversation: "c".to_owned(),
        inbound: inbound(event),
        attempt,
        node: NODE.to_owned(),
        question: format!("question of {event}"),
        last_seq: 3,
        started_ms: 11,
        now_ms: 12,
        outcome: Outcome::Completed,
        reply: Some(Reply { kind: ReplyKind::Notice, body: text("hello"), citation: None, offers: Vec::new() }),
        say: parts.iter().map(part).collect(),
        actions: Vec::new(),
        once: None,
        forsakes: false,
    })
}

pub(crate) fn ack(id: &str, attempt: i64, verdict: Verdict) -> Ack {
    Ack { workspace: W.to_owned(), id: id.to_owned(), attempt, verdict, now_ms: 20 }
}

pub(crate) fn sent() -> Verdict {
    Verdict::Sent { message: Some(MessageRef::from("m1").0) }
}

/// The ids that a claim at `now_ms` takes.
async fn claim(store: &Store, now_ms: i64) -> Vec<String> {
    let mut ids: Vec<String> =
        store.claim(W, NODE, now_ms, 10).await.unwrap().rows.into_iter().map(|row| row.id).collect();
    ids.sort();
    ids
}

async fn a_key_that_is_forgotten_makes_no_repeat_harmless(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1"], None)).await.unwrap();
    store.settle(settle("1", 1, &["a"])).await.unwrap();
    // In doubt since 12, and due again at 100.
    let again = Verdict::Again { next_ms: 100, class: "in_doubt", detail: "no answer".to_owned() };
    assert!(store.ack(ack("out-1-a", 1, again.clone())).await.unwrap());
    let keyed = async |now_ms, window_ms| {
        store.claim_keyed(W, NODE, now_ms, 10, vec![(ACCOUNT.to_owned(), window_ms)]).await.unwrap().rows
    };
    let rows = keyed(110, 1_000).await;
    assert!(rows.len() == 1 && rows[0].repeated, "within its time it is sent again, and known as a repeat");
    let again = Verdict::Again { next_ms: 100, class: "throttled", detail: "too fast".to_owned() };
    assert!(store.ack(ack("out-1-a", 2, again)).await.unwrap());
    // The red twin: whoever does not look at the time would send it now.
    assert_eq!(store.outbox_count(W, "ready").await.unwrap(), 1);
    assert!(keyed(120, 100).await.is_empty());
    assert_eq!(store.outbox_count(W, "unknown").await.unwrap(), 1, "nobody knows, and it is said so");
}

async fn an_event_is_accepted_once_and_its_cursor_with_it(home: &Home) {
    let store = home.open().await;
    assert_eq!(store.cursor(W, ACCOUNT, "updates").await.unwrap(), None);
    let first = store.accept(accept(&["1", "2"], Some("3"))).await.unwrap();
    assert_eq!(first, [Accepted::New, Accepted::New]);
    let again = store.accept(accept(&["2", "3"], Some("4"))).await.unwrap();
    assert_eq!(again, [Accepted::Repeat { turn: "turn-2".to_owned() }, Accepted::New]);
    assert_eq!(store.cursor(W, ACCOUNT, "updates").await.unwrap().as_deref(), Some("4"));
    assert_eq!(store.inbox_counts(W).await.unwrap(), (3, 3));
}

async fn what_is_taken_up_again_keeps_its_order(home: &Home) {
    let store = home.open().await;
    // One batch shares its time, and neither keys nor turns sort as they came.
    let came = ["c9", "m-5/10", "a", "m-5/9", "z1"];
    store.accept(accept(&came, None)).await.unwrap();
    let events = store.take_over(W, "n2", Vec::new(), 11).await.unwrap().events;
    assert_eq!(events.iter().map(|row| row.inbound.event.as_str()).collect::<Vec<_>>(), came);
}

async fn a_turn_ends_once_and_only_for_the_attempt_that_has_it(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1"], None)).await.unwrap();
    store.close().await;

    let store = home.open().await;
    let recovered = store.take_over(W, "n2", Vec::new(), 11).await.unwrap();
    assert_eq!(recovered.events.iter().map(|row| row.attempt).collect::<Vec<_>>(), [2]);
    let stale = store.settle(settle("1", 1, &[])).await;
    assert!(matches!(stale, Err(StoreError::Fenced)), "{stale:?}");
    store.settle(settle("1", 2, &[])).await.unwrap();
    let twice = store.settle(settle("1", 2, &[])).await;
    assert!(matches!(twice, Err(StoreError::Fenced)), "{twice:?}");

    assert_eq!(store.inbox_counts(W).await.unwrap(), (1, 0));
    assert!(store.take_over(W, "n3", Vec::new(), 12).await.unwrap().events.is_empty());
    let ended = store.ended_turn(W, "turn-1").await.unwrap().unwrap();
    assert_eq!((ended.attempt, ended.last_seq, ended.outcome), (2, 3, Outcome::Completed));
    let past = store.past_turns(W, "c", 5).await.unwrap();
    assert_eq!(past.iter().map(|turn| turn.question.as_str()).collect::<Vec<_>>(), ["question of 1"]);
    assert!(store.past_turns("elsewhere", "c", 5).await.unwrap().is_empty(), "workspaces never mix");
}

async fn earlier_turns_come_as_they_were_answered_whatever_the_clock_says(home: &Home) {
    let store = home.open().await;
    let answered = async |event: &str, now_ms| {
        store.accept(accept(&[event], None)).await.unwrap();
        let turn = Arc::into_inner(settle(event, 1, &[])).unwrap();
        store.settle(Arc::new(Settle { started_ms: now_ms, now_ms, ..turn })).await.unwrap();
    };
    // The clock jumps back a day, and stands; names of turns follow the clock, so they tell no more than it.
    for (event, now_ms) in [("9", 86_500_000), ("8", 86_500_001), ("7", 100_000), ("6", 100_001), ("5", 100_001)] {
        answered(event, now_ms).await;
    }
    let past = async |limit| -> Vec<String> {
        let past = store.past_turns(W, "c", limit).await.unwrap();
        past.into_iter().map(|turn| turn.turn).collect()
    };
    assert_eq!(past(9).await, ["turn-9", "turn-8", "turn-7", "turn-6", "turn-5"]);
    assert_eq!(past(2).await, ["turn-6", "turn-5"], "the last are the last that were answered");
}

async fn a_bad_write_takes_no_other_down_with_it(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    // The second of these is fenced; queued together they may share a transaction.
    let (good, bad, other) = tokio::join!(
        store.settle(settle("1", 1, &[])),
        store.settle(settle("1", 9, &[])),
        store.settle(settle("2", 1, &[])),
    );
    assert!(good.is_ok() && other.is_ok(), "{good:?} {other:?}");
    assert!(matches!(bad, Err(StoreError::Fenced)));
    assert_eq!(store.inbox_counts(W).await.unwrap(), (2, 0));
}

async fn messages_leave_in_order_and_each_once(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    let born = store.settle(settle("1", 1, &["a", "b"])).await.unwrap().send;
    assert_eq!(born.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["out-1-a"], "an idle destination's head");
    assert!(store.settle(settle("2", 1, &["c"])).await.unwrap().send.is_empty(), "the destination is busy");
    assert!(claim(&store, 20).await.is_empty(), "the head is under way");

    assert!(store.ack(ack("out-1-a", 1, sent())).await.unwrap());
    assert!(!store.ack(ack("out-1-a", 1, sent())).await.unwrap(), "an acknowledgement counts once");
    assert_eq!(claim(&store, 20).await, ["out-1-b"]);
    assert!(!store.ack(ack("out-1-b", 7, sent())).await.unwrap(), "another attempt's acknowledgement");
    let later = Verdict::Again { next_ms: 50, class: "throttled", detail: String::new() };
    assert!(store.ack(ack("out-1-b", 1, later)).await.unwrap());
    assert!(claim(&store, 49).await.is_empty(), "not before its time, and nobody overtakes it");
    assert_eq!(claim(&store, 50).await, ["out-1-b"]);
    assert!(store.ack(ack("out-1-b", 2, sent())).await.unwrap());
    assert_eq!(claim(&store, 50).await, ["out-2-c"]);
}

async fn doubt_holds_back_its_own_message_and_nobody_elses(home: &Home) {
    let store = home.open().await;
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    store.settle(settle("1", 1, &["a", "b"])).await.unwrap();
    store.settle(settle("2", 1, &["c"])).await.unwrap();
    let doubt = Verdict::Unknown { detail: "the answer never came".to_owned() };
    assert!(store.ack(ack("out-1-a", 1, doubt)).await.unwrap());
    assert_eq!(claim(&store, 20).await, ["out-2-c"], "the next message goes on; part b waits for a person");
    assert_eq!(store.outbox_count(W, "unknown").await.unwrap(), 1);
    assert!(claim(&store, 1_000).await.is_empty());
    assert_eq!(store.outbox_count(W, "expired").await.unwrap(), 1, "what waited too long expires where it can be seen");
}

async fn what_was_under_way_at_a_crash_is_in_doubt_unless_a_repeat_is_harmless(home: &Home) {
    let store = home.open().await;
    for (n, keyed, state) in [("1", Vec::new(), "unknown"), ("2", vec![ACCOUNT.to_owned()], "ready")] {
        store.accept(accept(&[n], None)).await.unwrap();
        store.settle(settle(n, 1, &["a"])).await.unwrap();
        assert_eq!(store.take_over(W, "n2", keyed, 30).await.unwrap().in_doubt, 1);
        assert_eq!(store.outbox_count(W, state).await.unwrap(), 1);
        assert!(!store.ack(ack(&format!("out-{n}-a"), 1, sent())).await.unwrap(), "the old attempt has lost the row");
    }
}

async fn a_question_has_one_ticket(home: &Home) {
    let store = home.open().await;
    let ticket = |turn: &str, workspace: &str| NewTicket {
        workspace: workspace.to_owned(),
        turn: turn.to_owned(),
        conversation: "c".to_owned(),
        account: ACCOUNT.to_owned(),
        person: "42".to_owned(),
        question: "wen".to_owned(),
        now_ms: 5,
    };
    assert_eq!(store.open_ticket(ticket("t1", W)).await.unwrap(), 1);
    assert_eq!(store.open_ticket(ticket("t2", W)).await.unwrap(), 2);
    assert_eq!(store.open_ticket(ticket("t1", W)).await.unwrap(), 1);
    assert_eq!(store.open_ticket(ticket("t1", "elsewhere")).await.unwrap(), 1, "each community counts its own");
    let numbers: Vec<i64> = store.tickets(W, 10).await.unwrap().iter().map(|ticket| ticket.number).collect();
    assert_eq!(numbers, [2, 1]);
}

#[tokio::test]
async fn one_daemon_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let second = Store::open(folder.path()).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    store.close().await;
    Store::open(folder.path()).await.unwrap();
}
