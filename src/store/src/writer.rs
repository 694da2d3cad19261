//! Group commit: one task owns the writing connection, takes whatever waits, and commits it as one transaction.
//!
//! A batch that fails is rolled back and its members are tried one by one, so that one bad write cannot take others
//! down with it. No other I/O happens inside a transaction.

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use townkeeper_contract::{BoxFuture, Stop};

use crate::StoreError;

/// How many writes may share one commit.
const BATCH: usize = 256;

/// How many writes may wait; beyond it callers wait, and so do those who called them.
const QUEUE: usize = 1024;

/// A coarse write. May be applied more than once (after a roll-back), so it only reads itself.
pub(crate) trait Write: Send + 'static {
    type Out: Send + 'static;

    fn apply<'a>(&'a self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Out, StoreError>>;
}

/// The door to the writer task.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Pending>>,
    stop: Stop,
}

impl std::fmt::Debug for dyn Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

impl Writer {
    /// Starts the task. It ends after [`Self::stop`], when the queue is empty.
    pub(crate) fn start(connection: SqliteConnection) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, rx) = mpsc::channel(QUEUE);
        let stop = Stop::new();
        #[expect(clippy::disallowed_methods, reason = "the handle is awaited by Store::close")]
        let task = tokio::spawn(run(connection, rx, stop.clone()));
        (Self { queue, stop }, task)
    }

    /// Takes nothing new; what is queued is still committed.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Queues a write and waits until it is committed, or refused.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { write, out: None, reply };
        self.queue.send(Box::new(job)).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

/// A queued write with its type forgotten.
trait Pending: Send {
    fn apply<'a>(&'a mut self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>>;
    fn finish(self: Box<Self>, result: Result<(), StoreError>);
}

struct Job<W: Write> {
    write: W,
    out: Option<W::Out>,
    reply: oneshot::Sender<Result<W::Out, StoreError>>,
}

impl<W: Write> Pending for Job<W> {
    fn apply<'a>(&'a mut self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.out = Some(self.write.apply(tx).await?);
            Ok(())
        })
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        let outcome = match (result, self.out) {
            (Ok(()), Some(out)) => Ok(out),
            (Ok(()), None) => Err(StoreError::Stopped),
            (Err(error), _) => Err(error),
        };
        // The caller may have gone away; what was written stays written.
        self.reply.send(outcome).ok();
    }
}

async fn run(mut connection: SqliteConnection, mut queue: mpsc::Receiver<Box<dyn Pending>>, stop: Stop) {
    let mut batch: Vec<Box<dyn Pending>> = Vec::with_capacity(BATCH);
    loop {
        let taken = tokio::select! {
            biased;
            taken = queue.recv_many(&mut batch, BATCH) => taken,
            () = stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        if taken == 0 {
            break;
        }
        let outcome = commit(&mut connection, &mut batch).await;
        match outcome {
            Ok(()) => batch.drain(..).for_each(|job| job.finish(Ok(()))),
            Err(error) if batch.len() == 1 => batch.drain(..).for_each(|job| job.finish(Err(clone(&error)))),
            Err(_) => {
                for job in batch.drain(..) {
                    let mut alone = vec![job];
                    let result = commit(&mut connection, &mut alone).await;
                    for job in alone {
                        job.finish(result.as_ref().map_err(clone).copied());
                    }
                }
            }
        }
    }
    // Folds the write-ahead log into the database, so that a stopped daemon leaves one file.
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly; the next start recovers it");
    }
}

/// One transaction around the batch. `IMMEDIATE`: a deferred one may fail half-way with a busy snapshot.
async fn commit(connection: &mut SqliteConnection, batch: &mut [Box<dyn Pending>]) -> Result<(), StoreError> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let applied = apply(connection, batch).await;
    let committed = match applied {
        Ok(()) => sqlx::query("COMMIT").execute(&mut *connection).await.map(drop).map_err(StoreError::from),
        Err(error) => Err(error),
    };
    if committed.is_err() {
        // Some errors (a full disk) have rolled back already; then this one fails, and that is fine.
        sqlx::query("ROLLBACK").execute(&mut *connection).await.ok();
    }
    committed
}

async fn apply(connection: &mut SqliteConnection, batch: &mut [Box<dyn Pending>]) -> Result<(), StoreError> {
    for job in batch {
        job.apply(&mut *connection).await?;
    }
    Ok(())
}

fn clone(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Busy => StoreError::Busy,
        StoreError::Fenced => StoreError::Fenced,
        StoreError::Stopped => StoreError::Stopped,
        StoreError::Io(text) => StoreError::Io(text.clone()),
        StoreError::ReadOnly(text) => StoreError::ReadOnly(text.clone()),
        StoreError::Decode(text) => StoreError::Decode(text.clone()),
        other => StoreError::Sql(other.to_string()),
    }
}
