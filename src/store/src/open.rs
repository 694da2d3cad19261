//! Opening and closing a store: the data folder's lock, the pragmas, the migrations.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use townkeeper_contract::BoxFuture;

use crate::StoreError;
use crate::db::{Conn, Pool, sql};
use crate::source::Source;
use crate::writer::{Write, Writer};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");

/// The store of one daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) reads: Pool,
    pub(crate) writer: Writer,
    closing: Arc<Closing>,
}

#[derive(Debug)]
struct Closing {
    task: Mutex<Option<JoinHandle<()>>>,
    /// Held as long as the store is open: one daemon per data folder.
    lock: Mutex<Option<File>>,
}

impl Store {
    /// Opens (or makes) `townkeeper.db` in `folder`, brings its schema up to date and takes the folder's lock.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("townkeeper.db");
        let lock = lock(folder)?;
        let options = options(&path)?;
        let mut connection = options.connect().await.map_err(|error| opening(&path, &error))?;
        migrate(&path, &mut connection).await?;
        let reads = SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(2)
            .idle_timeout(Duration::from_mins(1))
            .connect_with(options.read_only(true))
            .await
            .map_err(|error| opening(&path, &error))?;
        let (writer, task) = Writer::start(Source::sqlite(connection));
        Ok(Self {
            reads: Pool::Sqlite(reads),
            writer,
            closing: Arc::new(Closing { task: Mutex::new(Some(task)), lock: Mutex::new(Some(lock)) }),
        })
    }

    /// Commits what is queued, then closes. Writes that come later fail with [`StoreError::Stopped`].
    pub async fn close(&self) {
        match &self.reads {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
        self.writer.stop();
        if let Some(task) = self.closing.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer ended badly");
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

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("townkeeper.lock");
    let unable = |reason: std::io::Error| StoreError::Open { path: path.clone(), reason: reason.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(reason)) => Err(unable(reason)),
    }
}

pub(crate) fn options(path: &Path) -> Result<SqliteConnectOptions, StoreError> {
    let url = format!("sqlite://{}", path.display());
    // The path is set apart from the URL, so that a `?` or `%` in a folder's name means itself.
    let options =
        SqliteConnectOptions::from_str("sqlite://").map_err(|error| StoreError::Sql(format!("{url}: {error}")))?;
    Ok(options
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: "accepted" must survive a power cut, not only our own crash.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .disable_statement_logging())
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    match MIGRATIONS.run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => Err(StoreError::TooNew { path: path.to_owned(), found }),
        Err(MigrateError::Execute(error)) => Err(opening(path, &error)),
        Err(error) => Err(StoreError::Open { path: path.to_owned(), reason: error.to_string() }),
    }
}

pub(crate) fn opening(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Open { path: PathBuf::from(path), reason: error.to_string() }
}
