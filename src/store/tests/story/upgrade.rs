//! A version forward, a version back, and forward again, with writes on each side; and what a release left on disk.
//!
//! "A version back" is today's code that knows only the migrations of that release: it shows that the schema still serves
//! the statements of the ledger, not what other code that release had.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use townkeeper_store::{Opening, Store, StoreError};

use crate::home::{Home, stories};
use crate::town::{ACCOUNT, W, accept, answer, ticket, walk};

/// The last migration that release 0.1.0 knew.
const RELEASE: i64 = 1;

/// A database as release 0.1.0 left it: three walks, a ticket, a message under way, a question without an answer. Never
/// changed: installations like it are out there.
const FIXTURE: &str = include_str!("fixtures/release-0.1.0.sql");

stories!(forward_back_and_forward_with_writes_on_each_side);

async fn as_of(home: &Home, last: Option<i64>) -> Store {
    match home {
        Home::Sqlite(folder) => Store::open_as(folder.path(), Opening { known: last, max_mb: None }).await.unwrap(),
        Home::Postgres(url) => Store::connect_as_of(url, last).await.unwrap(),
    }
}

async fn forward_back_and_forward_with_writes_on_each_side(home: &Home) {
    for (n, last) in [Some(RELEASE), None, Some(RELEASE), None].into_iter().enumerate() {
        let store = as_of(home, last).await;
        let event = n.to_string();
        walk(&store, "1", &event, "wen", "soon", 1).await;
        assert_eq!(ticket(&store, "1", &event, "wen", 2).await, i64::try_from(n).unwrap() + 1);
        if last.is_none() {
            store.reach(W, "first_start", 3).await.unwrap();
            assert_eq!(store.milestones(W).await.unwrap().len(), 1, "what only the newer one knows is kept");
        }
        let ledger = store.ledger(W).await.unwrap();
        assert_eq!((ledger.events.len(), ledger.tickets.len()), (n + 1, n + 1));
        assert_eq!(ledger.turns, i64::try_from(n).unwrap() + 1);
        assert!(ledger.sends.iter().all(|send| send.state == "sent"));
        store.close().await;
    }
}

/// The statements of a script, in a new database of this folder.
async fn load(folder: &std::path::Path, script: &'static str) {
    let file = folder.join("townkeeper.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_a_release_left_is_taken_up_and_can_be_handed_back() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), FIXTURE).await;
    let store = Store::open(folder.path()).await.unwrap();
    let left = store.take_over(W, "n5", Vec::new(), 100).await.unwrap();
    assert_eq!((left.events.len(), left.in_doubt), (1, 1));
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!((ledger.events.len(), ledger.turns, ledger.tickets.len()), (5, 4, 1));
    walk(&store, "1", "new", "wen", "soon", 101).await;
    store.close().await;

    let store = Store::open_as(folder.path(), Opening { known: Some(RELEASE), max_mb: None }).await.unwrap();
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!((ledger.events.len(), ledger.turns, ledger.tickets.len()), (6, 5, 1));
    assert_eq!(store.take_over(W, "n6", Vec::new(), 102).await.unwrap().events.len(), 1);
    walk(&store, "1", "back", "wen", "soon", 103).await;
    assert_eq!(ticket(&store, "1", "back", "wen", 104).await, 2);
    store.close().await;

    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.ledger(W).await.unwrap().events.len(), 7);
    assert_eq!(store.cursor(W, ACCOUNT, "updates").await.unwrap().as_deref(), Some("back"));
}

#[tokio::test]
async fn a_release_that_cannot_follow_refuses_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), FIXTURE).await;
    Store::open(folder.path()).await.unwrap().close().await;
    load(folder.path(), "UPDATE schema SET needs = 2").await;
    let before = std::fs::read(folder.path().join("townkeeper.db")).unwrap();
    let refused = Store::open_as(folder.path(), Opening { known: Some(RELEASE), max_mb: None }).await;
    assert!(matches!(refused, Err(StoreError::TooNew { found: 2, .. })), "{refused:?}");
    assert_eq!(std::fs::read(folder.path().join("townkeeper.db")).unwrap(), before);
    Store::open(folder.path()).await.unwrap().close().await;
}

/// A migration that cannot go through leaves what was there, to the last byte that counts.
#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), FIXTURE).await;
    // In the way of a later migration: it runs half of its statements, and is taken back.
    load(folder.path(), "CREATE TABLE run (in_the_way TEXT)").await;
    let failed = Store::open(folder.path()).await;
    assert!(matches!(failed, Err(StoreError::Open { .. })), "{failed:?}");
    let store = Store::open_as(folder.path(), Opening { known: Some(RELEASE), max_mb: None }).await.unwrap();
    assert_eq!(store.ledger(W).await.unwrap().events.len(), 5, "the release goes on");
    let half = store.milestones(W).await;
    assert!(half.is_err(), "the half that went through was kept: {half:?}");
    store.close().await;
    load(folder.path(), "DROP TABLE run").await;
    let store = Store::open(folder.path()).await.unwrap();
    assert!(store.milestones(W).await.unwrap().is_empty());
}

/// Makes the fixture's rows; kept because it says what they are. Ignored: the fixture is never made anew.
#[tokio::test]
#[ignore = "makes the database of fixtures/release-0.1.0.sql in $TMPDIR"]
async fn make_the_fixture() {
    let folder = std::env::temp_dir().join("townkeeper-fixture");
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open_as(&folder, Opening { known: Some(RELEASE), max_mb: None }).await.unwrap();
    for (person, event) in [("1", "a"), ("1", "b"), ("22", "a")] {
        walk(&store, person, event, "wen", "soon", 10).await;
    }
    ticket(&store, "22", "a", "wen", 11).await;
    accept(&store, "333", "sending", "wen", 12).await;
    answer(&store, "333", "sending", "wen", "soon", 12).await;
    accept(&store, "4444", "open", "and me?", 13).await;
    store.close().await;
}
