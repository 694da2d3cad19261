//! Where the writer's transactions run: SQLite's one writing connection, or one of PostgreSQL's, which is made anew when
//! the server went away.

use sqlx::{Connection as _, PgPool, SqliteConnection};

use crate::StoreError;
use crate::db::{Conn, sql};

/// The writer's side of the database.
#[derive(Debug)]
pub(crate) struct Source {
    conn: Option<Conn>,
    /// Where a lost connection is replaced from; SQLite's is a file and cannot be lost.
    pool: Option<PgPool>,
}

impl Source {
    pub(crate) fn sqlite(conn: SqliteConnection) -> Self {
        Self { conn: Some(Conn::Sqlite(conn)), pool: None }
    }

    pub(crate) fn postgres(pool: PgPool) -> Self {
        Self { conn: None, pool: Some(pool) }
    }

    /// Begins a transaction. `IMMEDIATE` on SQLite: a deferred one may fail half-way with a busy snapshot.
    pub(crate) async fn begin(&mut self) -> Result<&mut Conn, StoreError> {
        if let (None, Some(pool)) = (&self.conn, &self.pool) {
            self.conn = Some(Conn::Postgres(pool.acquire().await?));
        }
        let conn = self.conn.as_mut().ok_or(StoreError::Stopped)?;
        let begun = crate::db::per_engine("BEGIN IMMEDIATE", "BEGIN").execute(conn).await;
        if let Err(error) = begun {
            self.give_up();
            return Err(error);
        }
        self.conn.as_mut().ok_or(StoreError::Stopped)
    }

    /// Commits, or rolls back what failed.
    pub(crate) async fn end(&mut self, applied: Result<(), StoreError>) -> Result<(), StoreError> {
        let conn = self.conn.as_mut().ok_or(StoreError::Stopped)?;
        let committed = match applied {
            Ok(()) => sql("COMMIT").execute(&mut *conn).await.map(drop),
            Err(error) => Err(error),
        };
        // Some errors (a full disk) have rolled back already; then this fails too, and that is fine.
        if committed.is_err() && sql("ROLLBACK").execute(conn).await.is_err() {
            self.give_up();
        }
        committed
    }

    /// Lets go of a connection that may not work any more, where another can be had.
    fn give_up(&mut self) {
        if self.pool.is_some()
            && let Some(Conn::Postgres(mut conn)) = self.conn.take()
        {
            conn.close_on_drop();
        }
    }

    /// On SQLite this folds the write-ahead log into the database, so that a stopped daemon leaves one file.
    pub(crate) async fn close(self) {
        match self.conn {
            Some(Conn::Sqlite(conn)) => {
                if let Err(error) = conn.close().await {
                    tracing::warn!(%error, "the database did not close cleanly; the next start recovers it");
                }
            }
            other => drop(other),
        }
        if let Some(pool) = self.pool {
            pool.close().await;
        }
    }
}
