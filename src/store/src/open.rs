//! Opening and closing a store, on either engine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Engine, Pool, sql};
use crate::source::Source;
use crate::wake::Wake;
use crate::writer::{Write, Writer};
use crate::{StoreError, postgres, sqlite};

/// The store of one daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) reads: Pool,
    pub(crate) writer: Writer,
    wake: Wake,
    closing: Arc<Closing>,
}

/// How a SQLite store is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening {
    /// The file holds at most so many million bytes: beyond, writes fail with [`StoreError::Full`], as on a full disk, and
    /// others on the disk are left alone.
    pub max_mb: Option<u32>,
    /// As a daemon would that knows no migration after this: for tests of going back a version.
    pub known: Option<i64>,
}

#[derive(Debug)]
struct Closing {
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held as long as a SQLite store is open: one daemon per data folder.
    lock: Mutex<Option<File>>,
}

impl Store {
    /// Opens (or makes) `townkeeper.db` in `folder`, brings its schema up to date and takes the folder's lock.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_as(folder, Opening::default()).await
    }

    /// The same, with something out of the ordinary.
    pub async fn open_as(folder: &Path, opening: Opening) -> Result<Self, StoreError> {
        let (lock, connection, reads) = sqlite::open(folder, opening).await?;
        Ok(Self::start(Pool::Sqlite(reads), Source::sqlite(connection), Some(lock)))
    }

    /// Connects to the PostgreSQL database at `url` and brings its schema up to date. Any number of daemons may share it.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_as_of(url, None).await
    }

    /// The same, as a daemon would that knows no migration after `last`: for tests of going back a version.
    pub async fn connect_as_of(url: &str, last: Option<i64>) -> Result<Self, StoreError> {
        let pool = postgres::open(url, last).await?;
        Ok(Self::start(Pool::Postgres(pool.clone()), Source::postgres(pool), None))
    }

    fn start(reads: Pool, source: Source, lock: Option<File>) -> Self {
        let wake = Wake::default();
        let (writer, task) = Writer::start(source, Arc::clone(&wake.committed));
        let mut tasks = vec![task];
        if let Pool::Postgres(pool) = &reads {
            tasks.push(wake.start(pool.clone(), writer.stopped()));
        }
        let closing = Closing { tasks: Mutex::new(tasks), lock: Mutex::new(lock) };
        Self { reads, writer, wake, closing: Arc::new(closing) }
    }

    /// Which database holds this store.
    pub fn engine(&self) -> Engine {
        match self.reads {
            Pool::Sqlite(_) => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
        }
    }

    /// Waits until some node, maybe this one, has committed something. Only a hint, and only on PostgreSQL: look by
    /// yourself now and then.
    pub async fn changed(&self) {
        self.wake.heard.notified().await;
    }

    /// Commits what is queued, then closes. Writes that come later fail with [`StoreError::Stopped`].
    pub async fn close(&self) {
        if let Pool::Sqlite(reads) = &self.reads {
            reads.close().await;
        }
        self.writer.stop();
        for task in self.closing.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the store ended badly");
            }
        }
        drop(self.closing.lock.lock().await.take());
    }

    /// Whether the database takes writes and answers reads: for the watchdog.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.write(Nothing).await?;
        sql("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        self.writer.write(write).await
    }
}

/// A write that writes nothing: it shows that the writer lives.
struct Nothing;

impl Write for Nothing {
    type Out = ();

    fn apply<'a>(&'a self, _: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}
