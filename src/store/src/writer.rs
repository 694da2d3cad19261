//! Group commit: one task owns the writing connection, takes whatever waits, and commits it as one transaction.
//!
//! Of one batch, all accepts are one statement and all settles are three, however many they are: a statement's way to
//! the database and back costs more than its work. Everything else is applied one by one. A batch that fails is rolled
//! back and its members are tried one by one, so that one bad write cannot take others down with it. No other I/O
//! happens inside a transaction.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use townkeeper_contract::{BoxFuture, Stop};

use crate::StoreError;
use crate::db::Conn;
use crate::inbox::{self, Accept, Accepted};
use crate::source::Source;
use crate::turns::{self, Settle, Settled};

/// How many writes may share one commit.
const BATCH: usize = 256;

/// How many writes may wait; beyond it callers wait, and so do those who called them.
const QUEUE: usize = 1024;

/// A coarse write. May be applied more than once (after a roll-back), so it only reads itself.
pub(crate) trait Write: Send + 'static {
    type Out: Send + 'static;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>>;
}

/// The door to the writer task.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Queued>,
    stop: Stop,
}

/// A write and whoever waits for it.
#[derive(Debug)]
struct Waiting<W, O> {
    write: W,
    out: Option<Result<O, StoreError>>,
    reply: oneshot::Sender<Result<O, StoreError>>,
}

impl<W, O> Waiting<W, O> {
    /// The caller may have gone away; what was written stays written.
    fn finish(self, result: Result<(), StoreError>) {
        let outcome = result.and_then(|()| self.out.unwrap_or(Err(StoreError::Stopped)));
        self.reply.send(outcome).ok();
    }
}

#[derive(Debug)]
enum Queued {
    Accept(Box<Waiting<Accept, Vec<Accepted>>>),
    Settle(Waiting<Arc<Settle>, Settled>),
    Other(Box<dyn Pending>),
}

impl Queued {
    fn finish(self, result: Result<(), StoreError>) {
        match self {
            Self::Accept(waiting) => waiting.finish(result),
            Self::Settle(waiting) => waiting.finish(result),
            Self::Other(pending) => pending.finish(result),
        }
    }
}

impl Writer {
    /// Starts the task. It ends after [`Self::stop`], when the queue is empty.
    /// `committed` is told after every commit.
    pub(crate) fn start(source: Source, committed: Arc<Notify>) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, rx) = mpsc::channel(QUEUE);
        let stop = Stop::new();
        #[expect(clippy::disallowed_methods, reason = "the handle is awaited by Store::close")]
        let task = tokio::spawn(run(source, rx, stop.clone(), committed));
        (Self { queue, stop }, task)
    }

    /// Ends when the writer is told to.
    pub(crate) fn stopped(&self) -> Stop {
        self.stop.clone()
    }

    /// Takes nothing new; what is queued is still committed.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn accept(&self, write: Accept) -> Result<Vec<Accepted>, StoreError> {
        self.queue(write, |waiting| Queued::Accept(Box::new(waiting))).await
    }

    pub(crate) async fn settle(&self, write: Arc<Settle>) -> Result<Settled, StoreError> {
        self.queue(write, Queued::Settle).await
    }

    /// Queues a write and waits until it is committed, or refused.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        self.queue(write, |waiting| Queued::Other(Box::new(waiting))).await
    }

    async fn queue<W, O>(&self, write: W, wrap: impl FnOnce(Waiting<W, O>) -> Queued) -> Result<O, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queued = wrap(Waiting { write, out: None, reply });
        self.queue.send(queued).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

/// A queued write with its type forgotten.
trait Pending: Send {
    fn apply<'a>(&'a mut self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>>;
    fn finish(self: Box<Self>, result: Result<(), StoreError>);
}

impl std::fmt::Debug for dyn Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

impl<W: Write> Pending for Waiting<W, W::Out> {
    fn apply<'a>(&'a mut self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.out = Some(Ok(self.write.apply(tx).await?));
            Ok(())
        })
    }

    fn finish(self: Box<Self>, result: Result<(), StoreError>) {
        (*self).finish(result);
    }
}

async fn run(mut source: Source, mut queue: mpsc::Receiver<Queued>, stop: Stop, committed: Arc<Notify>) {
    let mut batch: Vec<Queued> = Vec::with_capacity(BATCH);
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
        match commit(&mut source, &mut batch).await {
            Ok(()) => {
                committed.notify_one();
                batch.drain(..).for_each(|write| write.finish(Ok(())));
            }
            Err(error) if batch.len() == 1 => batch.drain(..).for_each(|write| write.finish(Err(clone(&error)))),
            Err(_) => {
                for write in batch.drain(..) {
                    let mut alone = [write];
                    let result = commit(&mut source, &mut alone).await;
                    let [write] = alone;
                    write.finish(result);
                }
            }
        }
    }
    source.close().await;
}

/// One transaction around the batch.
async fn commit(source: &mut Source, batch: &mut [Queued]) -> Result<(), StoreError> {
    let conn = source.begin().await?;
    let applied = apply(conn, batch).await;
    source.end(applied).await
}

async fn apply(tx: &mut Conn, batch: &mut [Queued]) -> Result<(), StoreError> {
    let mut accepts = Vec::new();
    let mut settles = Vec::new();
    for write in batch {
        match write {
            Queued::Accept(waiting) => accepts.push(waiting),
            Queued::Settle(waiting) => settles.push(waiting),
            Queued::Other(pending) => pending.apply(&mut *tx).await?,
        }
    }
    if !accepts.is_empty() {
        let writes: Vec<&Accept> = accepts.iter().map(|waiting| &waiting.write).collect();
        let outs = inbox::accept_all(&mut *tx, &writes).await?;
        for (waiting, out) in accepts.into_iter().zip(outs) {
            waiting.out = Some(out);
        }
    }
    if !settles.is_empty() {
        let writes: Vec<&Settle> = settles.iter().map(|waiting| &*waiting.write).collect();
        let outs = turns::settle_all(tx, &writes).await?;
        for (waiting, out) in settles.into_iter().zip(outs) {
            waiting.out = Some(out);
        }
    }
    Ok(())
}

fn clone(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Busy => StoreError::Busy,
        StoreError::Fenced => StoreError::Fenced,
        StoreError::Stopped => StoreError::Stopped,
        StoreError::Denied(denied) => StoreError::Denied(denied.clone()),
        StoreError::Io(text) => StoreError::Io(text.clone()),
        StoreError::ReadOnly(text) => StoreError::ReadOnly(text.clone()),
        StoreError::Decode(text) => StoreError::Decode(text.clone()),
        other => StoreError::Sql(other.to_string()),
    }
}
