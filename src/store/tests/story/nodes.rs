//! Many nodes on one store: leases with rising tokens, work taken over from the dead, and no row claimed twice.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::{Connection as _, PgConnection, Row as _};
use townkeeper_fakes::postgres::Cluster;
use townkeeper_store::{Lease, Store, StoreError, node_lease};

use crate::home::{Home, stories};
use crate::ledger::{W, accept, settle, settle_to};

stories!(
    a_lease_has_one_holder_and_its_token_rises,
    a_former_holder_writes_nothing,
    only_the_dead_are_taken_over,
    many_at_once_claim_each_row_once,
    a_freeze_is_confirmed_by_every_node_that_lives,
);

const LONG: i64 = 60_000;

async fn a_freeze_is_confirmed_by_every_node_that_lives(home: &Home) {
    let store = home.open().await;
    for node in ["a", "b", "c"] {
        store.acquire(W, &node_lease(node), node, LONG).await.unwrap().unwrap();
    }
    store.acquire("elsewhere", &node_lease("d"), "d", LONG).await.unwrap().unwrap();
    store.acquire(W, "account:t", "b", LONG).await.unwrap().unwrap();
    let dead = store.acquire(W, &node_lease("e"), "e", LONG).await.unwrap().unwrap();
    store.release(&dead).await.unwrap();
    assert_eq!(store.not_quiet(W, "a", 7).await.unwrap(), ["b", "c"], "those of this workspace that live");
    store.note_quiet("b", 7).await.unwrap();
    store.note_quiet("c", 6).await.unwrap();
    assert_eq!(store.not_quiet(W, "a", 7).await.unwrap(), ["c"], "an earlier freeze is none of this one");
    store.note_quiet("c", 7).await.unwrap();
    assert!(store.not_quiet(W, "a", 7).await.unwrap().is_empty());
    assert_eq!(store.not_quiet(W, "a", 9).await.unwrap(), ["b", "c"], "nor is this one the next");
}

async fn a_lease_has_one_holder_and_its_token_rises(home: &Home) {
    let store = home.open().await;
    let first = store.acquire(W, "poll", "a", LONG).await.unwrap().unwrap();
    assert_eq!(store.acquire(W, "poll", "b", LONG).await.unwrap(), None, "it is held");
    assert!(store.renew(&first, LONG).await.unwrap());
    assert!(store.release(&first).await.unwrap());
    let second = store.acquire(W, "poll", "b", LONG).await.unwrap().unwrap();
    assert!(second.token > first.token);
    assert!(!store.renew(&first, LONG).await.unwrap(), "the former holder cannot come back by its old token");
    assert!(!store.release(&first).await.unwrap(), "nor give away what is another's");
    assert_eq!(store.acquire(W, "poll", "a", LONG).await.unwrap(), None);
}

/// A poller that stood still while another took its place: what it read is refused, with the cursor.
async fn a_former_holder_writes_nothing(home: &Home) {
    let store = home.open().await;
    let old = store.acquire(W, "account:t", "a", LONG).await.unwrap().unwrap();
    let with = |lease: &Lease, event: &str, cursor: &str| {
        let mut batch = accept(&[event], Some(cursor));
        batch.lease = Some(lease.clone());
        batch
    };
    store.accept(with(&old, "1", "2")).await.unwrap();
    store.release(&old).await.unwrap();
    let new = store.acquire(W, "account:t", "b", LONG).await.unwrap().unwrap();
    let (stale, fresh) = tokio::join!(store.accept(with(&old, "2", "3")), store.accept(with(&new, "3", "4")));
    assert!(matches!(stale, Err(StoreError::Fenced)), "{stale:?}");
    fresh.unwrap();
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!(ledger.events.iter().map(|event| event.event.as_str()).collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(store.cursor(W, "telegram:main", "updates").await.unwrap().as_deref(), Some("4"));
}

async fn only_the_dead_are_taken_over(home: &Home) {
    let store = home.open().await;
    let lives = store.acquire(W, &node_lease("n1"), "n1", LONG).await.unwrap().unwrap();
    store.accept(accept(&["1", "2"], None)).await.unwrap();
    store.settle(settle("2", 1, &["a"])).await.unwrap();
    let nothing = store.take_over(W, "n2", Vec::new(), 20).await.unwrap();
    assert_eq!((nothing.events.len(), nothing.in_doubt), (0, 0), "n1 lives");
    assert!(store.take_over(W, "n1", Vec::new(), 20).await.unwrap().events.is_empty(), "nobody takes over from itself");
    store.release(&lives).await.unwrap();
    let (one, other) = tokio::join!(store.take_over(W, "n2", Vec::new(), 20), store.take_over(W, "n3", Vec::new(), 20));
    let (one, other) = (one.unwrap(), other.unwrap());
    // Neither n2 nor n3 has a lease in this story, so one may take over from the other: each time the attempt rises, and
    // only the last counts.
    let attempts: Vec<u32> = one.events.iter().chain(&other.events).map(|row| row.attempt).collect();
    let last = attempts.iter().copied().max().unwrap();
    assert_eq!(one.in_doubt + other.in_doubt, 1);
    assert!(matches!(store.settle(settle("1", 1, &[])).await, Err(StoreError::Fenced)));
    store.settle(settle("1", last, &[])).await.unwrap();
}

/// The trap that a statement written for SQLite falls into (see the red twin below).
async fn many_at_once_claim_each_row_once(home: &Home) {
    const ROWS: usize = 96;
    let store = home.open().await;
    for n in 0..ROWS {
        let (event, dest) = (n.to_string(), format!("d{}", n / 2));
        store.accept(accept(&[event.as_str()], None)).await.unwrap();
        store.settle(settle_to(&event, &dest)).await.unwrap();
    }
    // Every second row was born `sending`; these are given back, so that all are to be claimed.
    store.take_over(W, "other", vec!["telegram:main".to_owned()], 20).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..8 {
        // On SQLite the one store is shared: there is one writer.
        others.push(if matches!(home, Home::Postgres(_)) { home.open().await } else { store.clone() });
    }
    let claims = others.into_iter().enumerate().map(|(n, store)| async move { drain(store, n).await });
    let claimed: Vec<String> = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    let distinct: HashSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (ROWS, ROWS), "a row was claimed twice, or never");
}

/// Claims and acknowledges until nothing is left; what it claimed.
async fn drain(store: Store, n: usize) -> Vec<String> {
    let mut claimed = Vec::new();
    let node = format!("n{n}");
    loop {
        match store.claim(W, &node, 20, 7).await {
            Ok(taken) if taken.rows.is_empty() && store.outbox_count(W, "ready").await.unwrap() == 0 => return claimed,
            Ok(taken) => {
                for row in taken.rows {
                    let ack = crate::ledger::ack(&row.id, row.attempt, crate::ledger::sent());
                    assert!(store.ack(ack).await.unwrap(), "somebody else had claimed it too");
                    claimed.push(row.id);
                }
            }
            Err(error) => assert!(error.may_pass(), "{error}"),
        }
    }
}

/// What one commits, the others hear of.
#[tokio::test]
async fn a_commit_is_heard_by_the_other_nodes() {
    let cluster = Cluster::start(false);
    let url = cluster.database("wake");
    let (one, other) = (Store::connect(&url).await.unwrap(), Store::connect(&url).await.unwrap());
    // The first notice may come before the other one listens; so this says it until it is heard.
    let mut n = 0;
    let heard = other.changed();
    tokio::pin!(heard);
    loop {
        n += 1;
        one.accept(accept(&[n.to_string().as_str()], None)).await.unwrap();
        let moment = tokio::time::sleep(std::time::Duration::from_millis(100));
        tokio::select! {
            () = &mut heard => return,
            () = moment => assert!(n < 300, "nobody heard"),
        }
    }
}

/// Red twin: the claim as one would write it for SQLite alone, on PostgreSQL. Two claim the same row, and neither hears
/// of it.
#[tokio::test]
async fn the_claim_without_its_guard_claims_twice() {
    const NAIVE: &str = "UPDATE q SET attempt = attempt + 1, state = 'sending' WHERE id IN \
        (SELECT id FROM q WHERE state = 'ready' ORDER BY id LIMIT 1) RETURNING id";
    const GUARDED: &str = "UPDATE q SET attempt = attempt + 1, state = 'sending' WHERE state = 'ready' AND id IN \
        (SELECT id FROM q WHERE state = 'ready' ORDER BY id LIMIT 1) RETURNING id";
    let cluster = Arc::new(Cluster::start(false));
    for (claim, twice) in [(NAIVE, 1), (GUARDED, 0)] {
        let url = cluster.database(if twice == 1 { "naive" } else { "guarded" });
        let mut first = PgConnection::connect(&url).await.unwrap();
        let mut second = PgConnection::connect(&url).await.unwrap();
        for statement in
            ["CREATE TABLE q (id BIGINT, state TEXT, attempt BIGINT)", "INSERT INTO q VALUES (1, 'ready', 0)"]
        {
            sqlx::query(statement).execute(&mut first).await.unwrap();
        }
        let mut tx = first.begin().await.unwrap();
        assert_eq!(sqlx::query(claim).fetch_all(&mut *tx).await.unwrap().len(), 1);
        let mut racing = Box::pin(sqlx::query(claim).fetch_all(&mut second));
        // It waits for the row's lock: that is seen in the database, not guessed.
        let waits = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        loop {
            tokio::select! {
                biased;
                early = &mut racing => panic!("it did not wait: {}", early.unwrap().len()),
                () = tokio::task::yield_now() => {}
            }
            let mut third = PgConnection::connect(&url).await.unwrap();
            if sqlx::query(waits).fetch_one(&mut third).await.unwrap().get::<i64, _>("n") > 0 {
                break;
            }
        }
        tx.commit().await.unwrap();
        assert_eq!(racing.await.unwrap().len(), twice);
    }
}

/// A large installation may partition its ledger by workspace: every unique key holds it.
#[tokio::test]
async fn the_ledger_may_be_partitioned() {
    let cluster = Cluster::start(false);
    let url = cluster.database("parts");
    Store::connect(&url).await.unwrap().close().await;
    for table in ["inbox", "outbox", "attempt", "turn", "conversation"] {
        let whole = format!(
            "CREATE TABLE {table}_parts (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES) \
             PARTITION BY HASH (workspace)"
        );
        cluster.psql("parts", &whole);
    }
}
