//! What is SQLite's own: the data folder's lock, the pragmas, its migrations.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool};

use crate::db::{Conn, sql};
use crate::open::Opening;
use crate::{StoreError, schema};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Bytes of a page: SQLite's own choice, said here because a bound is counted in it.
const PAGE: u64 = 4096;

/// The folder's lock, the connection that writes, and those that read.
pub(crate) async fn open(
    folder: &Path,
    opening_as: Opening,
) -> Result<(File, SqliteConnection, SqlitePool), StoreError> {
    let path = folder.join("townkeeper.db");
    let lock = lock(folder)?;
    private(&path)?;
    let mut options = options(&path)?;
    if let Some(max_mb) = opening_as.max_mb {
        let pages = u64::from(max_mb) * 1_000_000 / PAGE;
        options = options.pragma("max_page_count", pages.to_string());
    }
    let connection = options.connect().await.map_err(|error| opening(&path, &error))?;
    let mut conn = Conn::Sqlite(connection);
    schema::migrate(&mut conn, &MIGRATIONS, opening_as.known, &path).await?;
    if opening_as.known.is_none() {
        // Whoever held a lease is gone: the folder's lock is ours.
        sql("UPDATE lease SET expires_ms = 0").execute(&mut conn).await?;
    }
    let Conn::Sqlite(connection) = conn else { return Err(StoreError::Stopped) };
    let reads = SqlitePoolOptions::new()
        .min_connections(0)
        .max_connections(2)
        .idle_timeout(Duration::from_mins(1))
        .connect_with(options.read_only(true))
        .await
        .map_err(|error| opening(&path, &error))?;
    Ok((lock, connection, reads))
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("townkeeper.lock");
    let unable =
        |reason: std::io::Error| StoreError::Open { place: path.display().to_string(), reason: reason.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(reason)) => Err(unable(reason)),
    }
}

/// Makes the file for its owner alone, whatever the folder allows; what SQLite puts beside it has the same mode.
fn private(path: &Path) -> Result<(), StoreError> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Open { place: path.display().to_string(), reason: error.to_string() })
        }
        _ => Ok(()),
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
        .page_size(4096)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: "accepted" must survive a power cut, not only our own crash.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .disable_statement_logging())
}

pub(crate) fn opening(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Open { place: PathBuf::from(path).display().to_string(), reason: error.to_string() }
}
