//! A database of a newer version is left alone.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use townkeeper_store::{Store, StoreError};

async fn change(folder: &std::path::Path, statement: &'static str) {
    let file = folder.join("townkeeper.db");
    let mut connection = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A migration of a later day.
const LATER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
    VALUES (99991231235959, 'from a later day', TRUE, X'00', 1)";

#[tokio::test]
async fn a_database_that_needs_a_newer_version_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await;
    change(folder.path(), LATER).await;
    change(folder.path(), "UPDATE schema SET needs = 99991231235959").await;
    let file = folder.path().join("townkeeper.db");
    let before = std::fs::read(&file).unwrap();

    let refused = Store::open(folder.path()).await.expect_err("it was opened");
    assert!(matches!(refused, StoreError::TooNew { found: 99_991_231_235_959, .. }), "{refused:?}");
    let words = refused.to_string();
    assert!(words.contains("townkeeper.db") && words.contains("newer Townkeeper") && !words.contains('\n'), "{words}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "nothing was written");
}

/// An upgrade can be taken back: what a newer version only added is left alone.
#[tokio::test]
async fn a_database_that_a_newer_version_added_to_is_used() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await;
    change(folder.path(), LATER).await;
    change(folder.path(), "CREATE TABLE of_a_later_day (a TEXT)").await;
    Store::open(folder.path()).await.unwrap().close().await;
    change(folder.path(), "INSERT INTO of_a_later_day VALUES ('kept')").await;
}
