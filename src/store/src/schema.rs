//! Migrations, and which daemons may use what they made.
//!
//! A migration only adds; a daemon one version older goes on working on a newer schema, so that an upgrade can be taken
//! back. Where a migration must break that, it raises `schema.needs` to its own number, and older daemons refuse.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migration, Migrator};

use crate::StoreError;
use crate::db::{Conn, per_engine, sql};

/// Brings the schema up to date, or refuses one that is too new, before anything is written. `last`: as a daemon would
/// that knows no later migration.
pub(crate) async fn migrate(
    conn: &mut Conn,
    migrations: &Migrator,
    last: Option<i64>,
    place: &Path,
) -> Result<(), StoreError> {
    let ours = migrations.iter().filter(|migration| last.is_none_or(|last| migration.version <= last));
    let ours: Vec<Migration> = ours.cloned().collect();
    let known = ours.iter().map(|migration| migration.version).max().unwrap_or(0);
    let needs = needs(conn).await?;
    if needs > known {
        return Err(StoreError::TooNew { place: place.display().to_string(), found: needs });
    }
    // What a newer daemon added is none of our business.
    let migrator = Migrator { ignore_missing: true, ..Migrator::with_migrations(ours) };
    let run = match conn {
        Conn::Sqlite(conn) => migrator.run(conn).await,
        Conn::Postgres(conn) => migrator.run(&mut **conn).await,
    };
    run.map_err(|error| StoreError::Open {
        place: place.display().to_string(),
        reason: match error {
            MigrateError::Execute(error) => error.to_string(),
            error => error.to_string(),
        },
    })
}

/// The oldest migration that a daemon must know to use this database; 0 for an empty one.
async fn needs(conn: &mut Conn) -> Result<i64, StoreError> {
    let table = per_engine(
        "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'schema'",
        "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_name = 'schema'",
    );
    if table.one(&mut *conn).await?.int("n")? == 0 {
        return Ok(0);
    }
    sql("SELECT COALESCE(MAX(needs), 0) AS needs FROM schema").one(conn).await?.int("needs")
}
