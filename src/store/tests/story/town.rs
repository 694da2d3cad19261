//! A few people who write to a bot, for stories about keeping: whole walks in one line each.

use std::sync::Arc;

use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::outbound::Act;
use townkeeper_contract::platform::Cursor;
use townkeeper_contract::stream::{Outcome, Reply, ReplyKind};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{Accept, Ack, NewAction, NewEvent, NewTicket, Sendable, Settle, Store, Verdict};

pub(crate) const W: &str = "main";
/// A day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
pub(crate) const ACCOUNT: &str = "telegram:main";

/// `words` of `person`, in private.
pub(crate) fn inbound(person: &str, event: &str, words: &str) -> Inbound {
    Inbound {
        event: EventKey::new(format!("{person}/{event}")),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::from(person), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from(person), name: format!("name of {person}"), handle: None, bot: false },
        at_ms: 1,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(person.to_owned()),
        body: Body::Message { text: words.to_owned() },
    }
}

fn conversation(person: &str) -> String {
    format!("c-{person}")
}

pub(crate) fn turn(person: &str, event: &str) -> String {
    format!("t-{}-{event}", person.len())
}

/// Accepts one event at `now_ms`.
pub(crate) async fn accept(store: &Store, person: &str, event: &str, words: &str, now_ms: i64) {
    let new = NewEvent {
        inbound: inbound(person, event, words),
        conversation: conversation(person),
        turn: turn(person, event),
    };
    let cursor = Some(Cursor { scope: "updates".to_owned(), value: event.to_owned() });
    let accept = Accept {
        workspace: W.to_owned(),
        account: ACCOUNT.to_owned(),
        events: vec![new],
        cases: Vec::new(),
        prints: Vec::new(),
        cursor,
        node: "n1".to_owned(),
        lease: None,
        now_ms,
    };
    store.accept(accept).await.unwrap();
}

/// Answers it with `said`; the message's id is `o-…`.
pub(crate) async fn answer(store: &Store, person: &str, event: &str, words: &str, said: &str, now_ms: i64) -> String {
    answer_with(store, person, event, words, said, Vec::new(), now_ms).await
}

/// A button below that answer, for whoever asked, good until day 1.
pub(crate) fn button(person: &str, event: &str) -> NewAction {
    NewAction {
        id: format!("a-{}", turn(person, event)),
        meaning: format!("ticket:{}", turn(person, event)),
        choice: None,
        person: Some(person.to_owned()),
        expires_ms: DAY_MS,
    }
}

/// The same with buttons.
pub(crate) async fn answer_with(
    store: &Store,
    person: &str,
    event: &str,
    words: &str,
    said: &str,
    actions: Vec<NewAction>,
    now_ms: i64,
) -> String {
    let settle = Settle { actions, ..end(person, event, words, said, now_ms) };
    store.settle(Arc::new(settle)).await.unwrap();
    format!("o-{}", turn(person, event))
}

/// The end of its turn, saying one thing.
pub(crate) fn end(person: &str, event: &str, words: &str, said: &str, now_ms: i64) -> Settle {
    let body = RichText::plain(said, &Origin::System);
    let say = Sendable {
        id: format!("o-{}", turn(person, event)),
        dest: person.to_owned(),
        reply_to: ReplyTo(person.to_owned()),
        act: Act::Message { body: body.clone(), buttons: Vec::new() },
        deadline_ms: i64::MAX,
    };
    Settle {
        node: "n1".to_owned(),
        workspace: W.to_owned(),
        turn: turn(person, event),
        conversation: conversation(person),
        inbound: inbound(person, event, words),
        attempt: 1,
        question: words.to_owned(),
        last_seq: 3,
        started_ms: now_ms,
        now_ms,
        outcome: Outcome::Completed,
        reply: Some(Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() }),
        say: vec![say],
        actions: Vec::new(),
        once: None,
        forsakes: false,
    }
}

/// Records what became of a message's first attempt.
pub(crate) async fn ack(store: &Store, id: &str, verdict: Verdict, now_ms: i64) {
    let ack = Ack { workspace: W.to_owned(), id: id.to_owned(), attempt: 1, verdict, now_ms };
    assert!(store.ack(ack).await.unwrap());
}

pub(crate) fn sent() -> Verdict {
    Verdict::Sent { message: Some("m1".to_owned()) }
}

/// Asked, answered and sent.
pub(crate) async fn walk(store: &Store, person: &str, event: &str, words: &str, said: &str, now_ms: i64) {
    accept(store, person, event, words, now_ms).await;
    let id = answer(store, person, event, words, said, now_ms).await;
    ack(store, &id, sent(), now_ms).await;
}

/// Opens a ticket about that turn.
pub(crate) async fn ticket(store: &Store, person: &str, event: &str, words: &str, now_ms: i64) -> i64 {
    let ticket = NewTicket {
        workspace: W.to_owned(),
        turn: turn(person, event),
        conversation: conversation(person),
        account: ACCOUNT.to_owned(),
        person: person.to_owned(),
        question: words.to_owned(),
        now_ms,
    };
    store.open_ticket(ticket).await.unwrap()
}
