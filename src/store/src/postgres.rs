//! What is PostgreSQL's own: the connection's settings, its migrations.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use crate::db::Conn;
use crate::{StoreError, schema};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Connections of one daemon: one writes, the others read.
const CONNECTIONS: u32 = 8;

/// A pool with an up-to-date schema behind it.
pub(crate) async fn open(url: &str, known: Option<i64>) -> Result<PgPool, StoreError> {
    // The URL may hold a password: nothing of it is repeated.
    let ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url).ok().filter(|_| ours).ok_or_else(|| StoreError::Open {
        place: "the PostgreSQL database".to_owned(),
        reason: "its URL cannot be read; it must look like postgres://user:password@host/database".to_owned(),
    })?;
    let place = format!("PostgreSQL at {}", options.get_host());
    let options = options.application_name("townkeeper").disable_statement_logging().options([
        // A daemon that is stopped in mid-transaction must not keep its locks from the one that takes over.
        ("idle_in_transaction_session_timeout", "5s"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("client_min_messages", "warning"),
    ]);
    let opening = |error: &sqlx::Error| StoreError::Open { place: place.clone(), reason: error.to_string() };
    // A pool would try again and again, and then say only that it took too long.
    options.connect().await.map_err(|error| opening(&error))?.close().await.ok();
    let pool = PgPoolOptions::new()
        .min_connections(1)
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(|error| opening(&error))?;
    let mut conn = Conn::Postgres(pool.acquire().await.map_err(|error| opening(&error))?);
    schema::migrate(&mut conn, &MIGRATIONS, known, Path::new(&place)).await?;
    Ok(pool)
}
