//! Accepting, with a real store: what is committed is answered, whoever asked and whatever became of them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what cannot be set up must end it")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tempfile::TempDir;
use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::ReplyKind;
use townkeeper_core::Agent;
use townkeeper_core::conversation::conversation;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::door::Door;
use townkeeper_engine::{Engine, Parts, Reading};
use townkeeper_knowledge::{Base, parse};
use townkeeper_store::Store;

const ENTRY: &str = "---
id: meetups
title: Where are the meetups?
class: routine
owner: team
reviewed_by: others
reviewed_at: 2026-11-12
review_by: 2029-12-31
status: published
canonical_url: https://lumen.example.org/meetups
variants:
  - do you meet in person
  - next gathering
  - where do people meet
---
By the harbour.
";

async fn engine() -> (TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let base = Base::build(vec![("meetups.md".to_owned(), parse("meetups.md", ENTRY).unwrap())]).unwrap();
    let engine = Engine::start(Parts {
        meanings: None,
        workspace: "main".to_owned(),
        store: Store::open(folder.path()).await.unwrap(),
        base: Arc::new(base),
        revision: 0,
        cooling: Duration::ZERO,
        guarding: townkeeper_engine::Guarding::default(),
        agent: Agent::default(),
        providers: Vec::new(),
        door: Door::default(),
        clock: Clock::system(),
        vault: townkeeper_engine::vault::Vault::with(&[1; 32]),
        lease: townkeeper_engine::LEASE,
    });
    (folder, engine.await.unwrap())
}

fn inbound(event: &str, person: &str, text: &str) -> Inbound {
    Inbound {
        event: EventKey::from(event),
        account: AccountId::from("web"),
        place: Place { id: PlaceId::from(person), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from(person), name: String::new(), handle: None, bot: false },
        at_ms: 0,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(String::new()),
        body: Body::Message { text: text.to_owned() },
    }
}

/// A hang guard: nothing here takes this long.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it hangs")
}

#[tokio::test]
async fn a_caller_that_goes_away_half_way_is_answered_all_the_same() {
    let (_folder, engine) = engine().await;
    let said = inbound("e1", "p1", "where are the meetups?");
    {
        // Polled once and dropped, as when a browser closes its request while the commit is on its way.
        let mut accepting = Box::pin(engine.accept(said.clone()));
        let polled = accepting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending), "there was nothing to interrupt");
    }
    // The same event again: it is a repeat of the first turn, and that turn has or comes to its end.
    let again = in_time(engine.accept(said.clone())).await.unwrap().unwrap();
    if let Reading::Live(mut events) = engine.read(&again.turn, None).await.unwrap() {
        in_time(async { while events.next().await.is_some() {} }).await;
    }
    let past = engine.past(conversation(&said).as_str(), 5).await.unwrap();
    assert_eq!(past.len(), 1, "answered once");
    assert_eq!(past[0].reply.as_ref().map(|reply| reply.kind), Some(ReplyKind::Canonical));
}

#[tokio::test]
async fn what_is_not_for_us_is_let_go() {
    let (_folder, engine) = engine().await;
    let chatter = Inbound { addressed: false, ..inbound("e1", "p1", "gm") };
    assert!(engine.accept(chatter).await.unwrap().is_none());
    let mut bot = inbound("e2", "p2", "where are the meetups?");
    bot.person.bot = true;
    assert!(engine.accept(bot).await.unwrap().is_none(), "bots are never answered");
}

#[tokio::test]
async fn nothing_is_accepted_while_draining_and_a_stopped_store_is_whole() {
    let (folder, engine) = engine().await;
    let admitted = engine.accept(inbound("e1", "p1", "where are the meetups?")).await.unwrap().unwrap();
    in_time(engine.stop()).await;
    assert!(engine.accept(inbound("e2", "p1", "and now?")).await.is_err());
    let store = Store::open(folder.path()).await.unwrap();
    assert!(store.ended_turn("main", admitted.turn.as_str()).await.unwrap().is_some(), "the drain let the turn end");
    assert!(
        !folder.path().join("townkeeper.db-wal").metadata().is_ok_and(|wal| wal.len() > 0),
        "the log was folded in"
    );
}

#[tokio::test]
async fn a_question_and_a_stop_that_come_together_both_end() {
    let (_folder, engine) = engine().await;

    let question = engine.accept(inbound("e1", "p1", "where are the meetups?"));
    let mut stop = inbound("e2", "p1", "");
    stop.body = Body::Command { name: "stop".to_owned(), args: String::new() };
    let (question, stop) = tokio::join!(question, engine.accept(stop));
    for admitted in [question.unwrap().unwrap(), stop.unwrap().unwrap()] {
        if let Reading::Live(mut events) = engine.read(&admitted.turn, None).await.unwrap() {
            in_time(async { while events.next().await.is_some() {} }).await;
        }
        let ended = engine.read(&admitted.turn, None).await.unwrap();
        assert!(matches!(ended, Reading::Ended(_)), "both turns end");
    }
}

/// The machine's clock is set, an hour on and then a day back: every question is answered, once.
#[tokio::test]
async fn a_clock_that_jumps_loses_and_doubles_nothing() {
    let (_folder, engine) = engine().await;
    let now_ms = engine.clock().now_ms();
    for (n, at_ms) in [now_ms, now_ms + 3_600_000, now_ms - 86_400_000, 1, now_ms].into_iter().enumerate() {
        engine.clock().set(at_ms);
        let said = inbound(&format!("e{n}"), "p1", "where are the meetups?");
        let admitted = in_time(engine.accept(said.clone())).await.unwrap().unwrap();
        let mut events = admitted.feed.unwrap().subscribe(None);
        in_time(async { while events.next().await.is_some() {} }).await;
        // A repeat is a repeat, whatever the clock says.
        assert_eq!(in_time(engine.accept(said)).await.unwrap().unwrap().turn, admitted.turn);
    }
    let past = engine.past(conversation(&inbound("e0", "p1", "")).as_str(), 99).await.unwrap();
    assert_eq!(past.len(), 5);
    assert!(past.iter().all(|turn| turn.reply.as_ref().is_some_and(|reply| reply.kind == ReplyKind::Canonical)));
}

/// Five megabytes of name: answered like anybody, and cut before it is kept.
#[tokio::test]
async fn a_name_of_five_megabytes_is_cut() {
    let (folder, engine) = engine().await;
    let mut said = inbound("e1", "p1", "where are the meetups?");
    said.person.name = "é".repeat(5_000_000 / 2);
    let admitted = in_time(engine.accept(said)).await.unwrap().unwrap();
    let mut events = admitted.feed.unwrap().subscribe(None);
    in_time(async { while events.next().await.is_some() {} }).await;
    in_time(engine.stop()).await;
    let bytes = std::fs::metadata(folder.path().join("townkeeper.db")).unwrap().len();
    assert!(bytes < 1_000_000, "{bytes} bytes were kept");
}
