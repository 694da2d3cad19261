//! A database of a newer version is left alone.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use townkeeper_store::{Store, StoreError};

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await;
    let file = folder.path().join("townkeeper.db");
    let mut connection = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let row = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
               VALUES (99991231235959, 'from a later day', TRUE, X'00', 1)";
    sqlx::query(row).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&file).unwrap();

    let refused = Store::open(folder.path()).await.expect_err("it was opened");
    assert!(matches!(refused, StoreError::TooNew { found: 99_991_231_235_959, .. }), "{refused:?}");
    let words = refused.to_string();
    assert!(words.contains("townkeeper.db") && words.contains("newer Townkeeper") && !words.contains('\n'), "{words}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "nothing was written");
}
