//! A version forward, a version back, and forward again, with writes on each side; and what a release left on disk.
//!
//! "A version back" is today's code that knows only the migrations of that release: it shows that the schema still serves
//! the statements of the ledger, not what other code that release had.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use townkeeper_store::{Opening, Store, StoreError};

use crate::home::{Home, stories};
use crate::town::{ACCOUNT, W, accept, answer, ticket, walk};

/// The last migration that release 0.1.0 knew.
const RELEASE: i64 = 1;

/// A database as release 0.1.0 left it: three walks, a ticket, a message under way, a question without an answer. Never
/// changed: installations like it are out there.
const SQLITE: &str = include_str!("fixtures/release-0.1.0.sql");

/// The same on PostgreSQL, by `pg_dump`.
const POSTGRES: &str = include_str!("fixtures/release-0.1.0.postgres.sql");

stories!(
    forward_back_and_forward_with_writes_on_each_side,
    what_a_release_left_is_taken_up_and_can_be_handed_back,
    a_release_that_cannot_follow_refuses_and_writes_nothing,
    a_migration_that_fails_changes_nothing,
);

/// A daemon that knows no later migration than this.
async fn try_as_of(home: &Home, last: Option<i64>) -> Result<Store, StoreError> {
    match home {
        Home::Sqlite(folder) => Store::open_as(folder.path(), Opening { known: last, max_mb: None }).await,
        Home::Postgres(url) => Store::connect_as_of(url, last).await,
    }
}

async fn as_of(home: &Home, last: Option<i64>) -> Store {
    try_as_of(home, last).await.unwrap()
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

/// Runs the statements of a script, without a daemon.
async fn load(home: &Home, script: &'static str) {
    match home {
        Home::Sqlite(folder) => {
            let options = SqliteConnectOptions::new().filename(folder.path().join("townkeeper.db"));
            let mut connection = options.create_if_missing(true).connect().await.unwrap();
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Home::Postgres(url) => {
            let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// The fixture, in a new database.
async fn release(home: &Home) {
    let fixture = if let Home::Sqlite(_) = home { SQLITE } else { POSTGRES };
    load(home, fixture).await;
}

/// Everything that a database holds, schema and rows.
async fn whole(home: &Home) -> Vec<u8> {
    match home {
        Home::Sqlite(folder) => std::fs::read(folder.path().join("townkeeper.db")).unwrap(),
        Home::Postgres(url) => {
            let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
            let all = "SELECT CAST(schema_to_xml_and_xmlschema(current_schema(), true, false, '') AS TEXT)";
            let all = sqlx::query_scalar::<_, String>(all).fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            all.into_bytes()
        }
    }
}

async fn what_a_release_left_is_taken_up_and_can_be_handed_back(home: &Home) {
    release(home).await;
    let store = home.open().await;
    let left = store.take_over(W, "n5", Vec::new(), 100).await.unwrap();
    assert_eq!((left.events.len(), left.in_doubt), (1, 1));
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!((ledger.events.len(), ledger.turns, ledger.tickets.len()), (5, 4, 1));
    walk(&store, "1", "new", "wen", "soon", 101).await;
    store.close().await;

    let store = as_of(home, Some(RELEASE)).await;
    let ledger = store.ledger(W).await.unwrap();
    assert_eq!((ledger.events.len(), ledger.turns, ledger.tickets.len()), (6, 5, 1));
    assert_eq!(store.take_over(W, "n6", Vec::new(), 102).await.unwrap().events.len(), 1);
    // Its clock is behind.
    walk(&store, "1", "back", "wen", "soon", 50).await;
    assert_eq!(ticket(&store, "1", "back", "wen", 104).await, 2);
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.ledger(W).await.unwrap().events.len(), 7);
    let past = store.past_turns(W, "c-1", 9).await.unwrap();
    let past: Vec<&str> = past.iter().map(|turn| turn.turn.as_str()).collect();
    assert_eq!(past, ["t-1-a", "t-1-b", "t-1-new", "t-1-back"], "in order, whichever daemon answered");
    assert_eq!(store.cursor(W, ACCOUNT, "updates").await.unwrap().as_deref(), Some("back"));
    store.close().await;
}

async fn a_release_that_cannot_follow_refuses_and_writes_nothing(home: &Home) {
    release(home).await;
    home.open().await.close().await;
    load(home, "UPDATE schema SET needs = 2").await;
    let before = whole(home).await;
    let refused = try_as_of(home, Some(RELEASE)).await;
    assert!(matches!(refused, Err(StoreError::TooNew { found: 2, .. })), "{refused:?}");
    assert!(whole(home).await == before, "something was written");
    home.open().await.close().await;
}

/// A migration that cannot go through leaves what was there, to the last byte that counts.
async fn a_migration_that_fails_changes_nothing(home: &Home) {
    release(home).await;
    // In the way of a later migration: it runs half of its statements, and is taken back.
    load(home, "CREATE TABLE run (in_the_way TEXT)").await;
    let failed = try_as_of(home, None).await;
    assert!(matches!(failed, Err(StoreError::Open { .. })), "{failed:?}");
    let store = as_of(home, Some(RELEASE)).await;
    assert_eq!(store.ledger(W).await.unwrap().events.len(), 5, "the release goes on");
    let half = store.milestones(W).await;
    assert!(half.is_err(), "the half that went through was kept: {half:?}");
    store.close().await;
    load(home, "DROP TABLE run").await;
    let store = home.open().await;
    assert!(store.milestones(W).await.unwrap().is_empty());
    store.close().await;
}

/// Makes the fixtures' rows; kept because it says what they are. Ignored: the fixtures are never made anew. Of the dump, comments
/// and settings were left out.
#[tokio::test]
#[ignore = "makes the databases of fixtures/release-0.1.0.*sql in $TMPDIR"]
async fn make_the_fixtures() {
    let folder = std::env::temp_dir().join("townkeeper-fixture");
    std::fs::create_dir_all(&folder).unwrap();
    fill(Store::open_as(&folder, Opening { known: Some(RELEASE), max_mb: None }).await.unwrap()).await;
    let cluster = townkeeper_fakes::postgres::Cluster::start(false);
    let url = cluster.database("release");
    fill(Store::connect_as_of(&url, Some(RELEASE)).await.unwrap()).await;
    let mut dump = std::process::Command::new("pg_dump");
    dump.args(["--inserts", "--no-owner", "--no-privileges", "--file"]).arg(folder.join("postgres.sql")).arg(url);
    assert!(dump.status().unwrap().success());
}

async fn fill(store: Store) {
    for (person, event) in [("1", "a"), ("1", "b"), ("22", "a")] {
        walk(&store, person, event, "wen", "soon", 10).await;
    }
    ticket(&store, "22", "a", "wen", 11).await;
    accept(&store, "333", "sending", "wen", 12).await;
    answer(&store, "333", "sending", "wen", "soon", 12).await;
    accept(&store, "4444", "open", "and me?", 13).await;
    store.close().await;
}
