//! What the disk can do, with nothing of ours around it: the floor that `townkeeper bench` holds its figures against.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use tokio::task::JoinSet;
use townkeeper_contract::BoxFuture;

use crate::db::{Conn, sql};
use crate::source::Source;
use crate::sqlite::{opening, options};
use crate::writer::{Write, Writer};
use crate::{Store, StoreError};

/// As large as an event.
const BODY: usize = 400;

/// One row, one statement.
struct OneRow;

/// What a durable answer cannot do without: the event is put down, what is said is put down, the event is done. Three
/// statements, in the order and with the keys that any ledger would have.
struct Unit {
    key: String,
}

impl Write for Unit {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let insert = "INSERT INTO raw_inbox (key, body, state) VALUES ($1, $2, 'new')";
            sql(insert).bind(&self.key).bind("x".repeat(BODY)).execute(&mut *tx).await?;
            sql("INSERT INTO raw_outbox (key, body) VALUES ($1, $2)")
                .bind(&self.key)
                .bind("x".repeat(BODY))
                .execute(&mut *tx)
                .await?;
            sql("UPDATE raw_inbox SET state = 'done' WHERE key = $1").bind(&self.key).execute(tx).await?;
            Ok(())
        })
    }
}

impl Write for OneRow {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("INSERT INTO raw (body) VALUES ($1)").bind("x".repeat(BODY)).execute(tx).await?;
            Ok(())
        })
    }
}

impl Store {
    /// Commits `rows` rows, each alone, and returns how long each took, in microseconds.
    pub async fn raw_commits(folder: &Path, rows: u32) -> Result<Vec<u64>, StoreError> {
        let mut source = raw_table(folder).await?;
        let mut took = Vec::with_capacity(rows as usize);
        for _ in 0..rows {
            let began = Instant::now();
            let conn = source.begin().await?;
            let applied = OneRow.apply(conn).await;
            source.end(applied).await?;
            took.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        source.close().await;
        Ok(took)
    }

    /// Plain group commit: `tasks` tasks commit `units` times inbox + outbox + mark, whatever waits shares a commit, each
    /// statement goes by itself. Returns how long all of it took.
    pub async fn raw_group_commits(folder: &Path, tasks: u32, units: u32) -> Result<Duration, StoreError> {
        let (writer, task) = Writer::start(raw_table(folder).await?, Arc::default());
        let began = Instant::now();
        let mut set = JoinSet::new();
        for task in 0..tasks {
            let writer = writer.clone();
            set.spawn(async move {
                for n in 0..units / tasks {
                    writer.write(Unit { key: format!("{task}:{n}") }).await?;
                }
                Ok::<(), StoreError>(())
            });
        }
        for done in set.join_all().await {
            done?;
        }
        let took = began.elapsed();
        writer.stop();
        task.await.map_err(|_| StoreError::Stopped)?;
        Ok(took)
    }
}

/// Tables of its own, with the settings of the real ones.
async fn raw_table(folder: &Path) -> Result<Source, StoreError> {
    let path = folder.join("raw.db");
    let mut connection = options(&path)?.connect().await.map_err(|error| opening(&path, &error))?;
    for table in [
        "CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS raw_inbox (key TEXT PRIMARY KEY, body TEXT NOT NULL, state TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS raw_outbox (key TEXT PRIMARY KEY, body TEXT NOT NULL)",
    ] {
        sqlx::query(table).execute(&mut connection).await?;
    }
    Ok(Source::sqlite(connection))
}
