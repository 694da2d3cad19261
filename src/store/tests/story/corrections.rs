//! Answers and their entries: who has which wording, put right once; opinions, tickets and weeks counted by wording.

use std::sync::Arc;

use townkeeper_contract::id::{EntryId, MessageRef};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::stream::{Citation, Outcome, Reply, ReplyKind};
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{Correct, Correction, NewFeedback, Sendable, Settle, Store, Told, Verdict};

use crate::home::{Home, stories};
use crate::people::by;
use crate::town::{ACCOUNT, W, accept, ack, inbound, ticket, turn};

stories!(
    an_answer_is_put_right_once,
    of_two_answers_in_one_message_only_the_last_is_put_right,
    an_erased_person_is_corrected_no_more,
    tickets_stand_beside_opinions,
    questions_are_counted_by_week_and_wording,
);

fn reply(cited: Option<&str>) -> Reply {
    let citation = cited.map(|revision| Citation {
        entry: EntryId::from("portal"),
        title: "Where is \"it\"?".to_owned(),
        url: "https://docs.example.org/portal".to_owned(),
        revision: revision.to_owned(),
        as_of: "2026-11-12".to_owned(),
    });
    let kind = if cited.is_some() { ReplyKind::Canonical } else { ReplyKind::Abstention };
    Reply { kind, body: RichText::plain("words", &Origin::System), citation, offers: Vec::new() }
}

/// Asked, answered in that wording (or not at all), and sent as this message.
async fn told(store: &Store, person: &str, event: &str, cited: Option<&str>, message: &str, now_ms: i64) {
    accept(store, person, event, "where is it?", now_ms).await;
    let id = format!("o-{person}-{event}");
    let say = Sendable {
        id: id.clone(),
        dest: person.to_owned(),
        reply_to: ReplyTo(person.to_owned()),
        act: Act::Message { body: RichText::plain("words", &Origin::System), buttons: Vec::new() },
        deadline_ms: i64::MAX,
    };
    let settle = Settle {
        node: "n1".to_owned(),
        workspace: W.to_owned(),
        turn: turn(person, event),
        conversation: format!("c-{person}"),
        inbound: inbound(person, event, "where is it?"),
        attempt: 1,
        question: "where is it?".to_owned(),
        last_seq: 3,
        started_ms: now_ms,
        now_ms,
        outcome: Outcome::Completed,
        reply: Some(reply(cited)),
        say: vec![say],
        actions: Vec::new(),
        once: None,
        forsakes: false,
    };
    store.settle(Arc::new(settle)).await.unwrap();
    ack(store, &id, Verdict::Sent { message: Some(message.to_owned()) }, now_ms).await;
}

async fn older_than(store: &Store, revision: &str) -> Vec<Told> {
    store.told(W, "portal", revision, 0, "", 10).await.unwrap()
}

fn correct(revision: &str, told: &Told, message: &str) -> Correct {
    let id = format!("k-{revision}-{}", told.turn);
    let act = Act::Edit {
        message: MessageRef(message.to_owned()),
        body: RichText::plain("new", &Origin::System),
        buttons: Vec::new(),
    };
    let (dest, reply_to) = (told.parts[0].dest.clone(), told.parts[0].reply_to.clone());
    let say = vec![Sendable { id: format!("o-{id}"), dest, reply_to, act, deadline_ms: i64::MAX }];
    let item = Correction { id, turn: told.turn.clone(), account: ACCOUNT.to_owned(), say, next_ms: 100 };
    let (entry, revision) = ("portal".to_owned(), revision.to_owned());
    Correct { by: by(100), entry, words: format!("words of {revision}"), revision, items: vec![item] }
}

async fn an_answer_is_put_right_once(home: &Home) {
    let store = home.open().await;
    told(&store, "1", "e1", Some("a"), "m1", 10).await;
    told(&store, "2", "e2", Some("b"), "m2", 20).await;
    assert_eq!(store.told(W, "portal", "b", 11, "", 10).await.unwrap(), Vec::new(), "older than that is left alone");
    assert_eq!(store.told(W, "fees", "b", 0, "", 10).await.unwrap(), Vec::new());
    let found = older_than(&store, "b").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].revision.as_str(), found[0].parts[0].message.as_deref()), ("a", Some("m1")));

    let new = correct("b", &found[0], "m1");
    assert_eq!(store.correct(new.clone()).await.unwrap(), 1);
    assert_eq!(store.correct(new).await.unwrap(), 0, "and no second time");
    assert_eq!(older_than(&store, "b").await, Vec::new());
    let claimed = store.claim(W, "n1", 200, 10).await.unwrap().rows;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    assert!(matches!(&claimed[0].act, Act::Edit { .. }));
    ack(&store, &claimed[0].id, Verdict::Sent { message: Some("m1".to_owned()) }, 201).await;
    let (_, log) = store.audit(W, 10).await.unwrap();
    assert_eq!(log.iter().filter(|record| record.action == "knowledge.correct").count(), 1);

    // What they have now is the correction.
    let next = older_than(&store, "c").await;
    let of = |turn: &str| next.iter().find(|told| told.turn == turn).unwrap();
    let first = of(&turn("1", "e1"));
    assert_eq!((first.revision.as_str(), first.words.as_deref()), ("b", Some("words of b")));
    assert_eq!(first.parts[0].message.as_deref(), Some("m1"));
    assert_eq!(store.correct(correct("a", first, "m1")).await.unwrap(), 1, "the way back is a change too");
}

/// A question was edited, and its new answer took the message of the old one.
async fn of_two_answers_in_one_message_only_the_last_is_put_right(home: &Home) {
    let store = home.open().await;
    told(&store, "1", "e1", Some("a"), "m1", 10).await;
    told(&store, "1", "e2", None, "m1", 20).await;
    let found = older_than(&store, "b").await;
    assert!(found.len() == 1 && found[0].parts[0].replaced, "{found:?}");
}

async fn an_erased_person_is_corrected_no_more(home: &Home) {
    let store = home.open().await;
    told(&store, "1", "e1", Some("a"), "m1", 10).await;
    let found = older_than(&store, "b").await;
    store.correct(correct("b", &found[0], "m1")).await.unwrap();
    assert_eq!(store.outbox_count(W, "ready").await.unwrap(), 1);
    store.erase_person(by(300), ACCOUNT, "1").await.unwrap();
    assert_eq!(store.outbox_count(W, "ready").await.unwrap(), 0, "what was on its way is gone");
    assert_eq!(older_than(&store, "c").await, Vec::new());
}

async fn tickets_stand_beside_opinions(home: &Home) {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let store = home.open().await;
    // About the answer itself.
    told(&store, "1", "e1", Some("a"), "m1", 10).await;
    ticket(&store, "1", "e1", "where is it?", 20).await;
    let feedback = NewFeedback {
        workspace: W.to_owned(),
        turn: turn("1", "e1"),
        conversation: "c-1".to_owned(),
        account: ACCOUNT.to_owned(),
        person: "1".to_owned(),
        helped: false,
        now_ms: 15,
    };
    store.rate(feedback).await.unwrap();
    // The next thing after it; and, of another person, hours later.
    for (person, event, later) in [("22", "e2", 1_000), ("333", "e3", 2 * HOUR_MS)] {
        told(&store, person, event, Some("a"), "m", 10).await;
        let next = format!("{event}-next");
        told(&store, person, &next, None, "n", 10 + later).await;
        ticket(&store, person, &next, "help", 20 + later).await;
    }
    told(&store, "4444", "e4", Some("b"), "m4", 10).await;
    ticket(&store, "4444", "e4", "where is it?", 20).await;
    let counts = store.feedback(W).await.unwrap();
    let of = |revision: &str| {
        let count = counts.iter().find(|count| count.revision == revision).unwrap();
        (count.helped, count.not_quite, count.tickets)
    };
    assert_eq!((of("a"), of("b"), counts.len()), ((0, 1, 2), (0, 0, 1), 2));
}

async fn questions_are_counted_by_week_and_wording(home: &Home) {
    let store = home.open().await;
    for (event, cited, at) in [("e1", Some("a"), 10), ("e2", Some("a"), 105), ("e3", Some("b"), 190), ("e4", None, 195)]
    {
        told(&store, "1", event, cited, event, at).await;
    }
    let answered = store.answered(W, 0, 5, 100).await.unwrap();
    let weeks: Vec<_> = answered.iter().map(|row| (row.revision.as_str(), row.span, row.count)).collect();
    assert_eq!(weeks, [("a", 0, 1), ("a", 1, 1), ("b", 1, 1)]);
    assert_eq!(store.oldest_turn(W).await.unwrap(), Some(10));
    let in_vain = store.in_vain(W, 0, true, 10).await.unwrap();
    assert_eq!((in_vain.len(), in_vain[0].person.as_str(), in_vain[0].ended_ms), (1, "1", 195));
    store.erase_person(by(300), ACCOUNT, "1").await.unwrap();
    assert_eq!(store.in_vain(W, 0, true, 10).await.unwrap(), Vec::new());
}
