//! Telling the other nodes that something was committed. PostgreSQL only; on SQLite nobody else is there to hear.
//!
//! The notice is constant, goes out at most every 50 ms, and never inside the transaction that writes: a NOTIFY there is a
//! lock at commit that every writer of the database waits for, and halved the rate where it was measured. It is a hint:
//! whoever waits for it also looks by itself now and then.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use townkeeper_contract::Stop;

const CHANNEL: &str = "townkeeper";

/// Commits within this time share a notice.
const QUIET: Duration = Duration::from_millis(50);

/// How long to wait before listening again, after the connection was lost.
const AGAIN: Duration = Duration::from_secs(1);

/// Both ends of the line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wake {
    /// The writer committed something.
    pub(crate) committed: Arc<Notify>,
    /// Some node did.
    pub(crate) heard: Arc<Notify>,
}

impl Wake {
    /// Speaks and listens until `stop`.
    pub(crate) fn start(&self, pool: PgPool, stop: Stop) -> JoinHandle<()> {
        let wake = self.clone();
        #[expect(clippy::disallowed_methods, reason = "the handle is awaited by Store::close")]
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = wake.speak(&pool) => {}
                () = wake.listen(&pool) => {}
            }
        })
    }

    async fn speak(&self, pool: &PgPool) {
        loop {
            self.committed.notified().await;
            tokio::time::sleep(QUIET).await;
            let told = sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(pool).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the other nodes were not told; they look by themselves");
            }
        }
    }

    async fn listen(&self, pool: &PgPool) {
        loop {
            if let Err(error) = self.hear(pool).await {
                tracing::debug!(%error, "not listening to the other nodes for a moment");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn hear(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            listener.recv().await?;
            self.heard.notify_waiters();
        }
    }
}
