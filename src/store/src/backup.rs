//! A copy of the database while it is written to, and what a restored one may still do.
//!
//! Everything committed before the copy began is in it. A restored database parks what was on its way: since the copy
//! was made, the daemon it came from may have said those words already.

use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::process::Command;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::error::Kind;
use townkeeper_contract::stream::{ErrorClass, Outcome, StreamError};

use crate::db::{Conn, per_engine, sql};
use crate::sqlite::{opening, options};
use crate::writer::Write;
use crate::{Store, StoreError, fault};

/// Why a copy could not be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{program} is not installed; it comes with PostgreSQL's client (Debian: postgresql-client)")]
    NoProgram { program: &'static str },
    #[error("{program} failed: {said}")]
    Program { program: &'static str, said: String },
    #[error("the PostgreSQL database is not empty; restore into a new one")]
    NotEmpty,
    #[error("the copied database is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            _ => Kind::Permanent,
        }
    }
}

/// What a restored database was kept from doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Messages that waited or were under way: `unknown` now, never sent by themselves.
    pub sends: u64,
    /// Questions without an answer: ended, not answered again.
    pub events: u64,
}

/// What stands in the database to say why.
const PARKED: &str = "restored from a backup: it may have been sent since";

/// Copies the SQLite database in `folder` to the file `to`, beside a daemon that may be writing.
pub async fn copy_sqlite(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let path = folder.join("townkeeper.db");
    let options = options(&path)?.create_if_missing(false);
    let mut connection = options.connect().await.map_err(|error| opening(&path, &error))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&mut connection).await;
    fault!("backup.copy");
    let copied = copied.map_err(|error| StoreError::from_sqlx(&error));
    connection.close().await.map_err(|error| StoreError::from_sqlx(&error))?;
    copied?;
    check_sqlite(to).await
}

/// Fails unless every page of the copy is whole.
pub async fn check_sqlite(file: &Path) -> Result<(), BackupError> {
    let options = options(file)?.create_if_missing(false).read_only(true).immutable(true);
    let mut connection = options.connect().await.map_err(|error| opening(file, &error))?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| StoreError::from_sqlx(&error))?;
    if found == "ok" { Ok(()) } else { Err(BackupError::Damaged(found)) }
}

/// Dumps the PostgreSQL database at `url` to the file `to`, as SQL, in one snapshot.
pub async fn dump_postgres(url: &str, to: &Path) -> Result<(), BackupError> {
    let mut dump = program("pg_dump", url);
    dump.args(["--format=plain", "--no-owner", "--no-privileges", "--file"]).arg(to);
    run("pg_dump", dump).await?;
    fault!("backup.copy");
    Ok(())
}

/// Loads such a dump into the empty database at `url`, whole or not at all.
pub async fn load_postgres(url: &str, from: &Path) -> Result<(), BackupError> {
    let mut count = program("psql", url);
    count.args(["-AtX", "-c", "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()"]);
    if run("psql", count).await?.trim() != "0" {
        return Err(BackupError::NotEmpty);
    }
    let mut load = program("psql", url);
    load.args(["-qX", "-v", "ON_ERROR_STOP=1", "--single-transaction", "--file"]).arg(from);
    run("psql", load).await?;
    Ok(())
}

/// A program of PostgreSQL's for this database. A password goes by the environment: everybody may read arguments.
fn program(program: &'static str, url: &str) -> Command {
    let (url, password) = without_password(url);
    let mut command = Command::new(program);
    command.arg("--dbname").arg(url).stdin(Stdio::null()).kill_on_drop(true);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

async fn run(program: &'static str, mut command: Command) -> Result<String, BackupError> {
    let output = command.output().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BackupError::NoProgram { program },
        _ => BackupError::Program { program, said: error.to_string() },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).lines().take(3).collect::<Vec<_>>().join("; ");
    Err(BackupError::Program { program, said })
}

/// `postgres://user:password@host/…` without the password, and the password as it was meant (percent-decoded).
fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return (url.to_owned(), None) };
    let Some((name, password)) = user.split_once(':') else { return (url.to_owned(), None) };
    (format!("{scheme}://{name}@{host}{path}"), Some(decoded(password)))
}

/// Percent-decoding (RFC 3986, 2.1); what is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Store {
    /// Parks everything that was on its way, in every workspace. For a database that was just restored.
    pub async fn park(&self, now_ms: i64) -> Result<Parked, StoreError> {
        self.write(Park { now_ms }).await
    }
}

struct Park {
    now_ms: i64,
}

/// A message that only waited gets an attempt of its own, so that the reason stands beside it.
const PARK_ATTEMPTS: &str = "\
    INSERT INTO attempt (workspace, outbox, n, started_ms, ended_ms, class, detail) \
    SELECT workspace, id, attempt + 1, $1, $1, 'parked', $2 FROM outbox WHERE state = 'ready'";
const PARK_SENDS: &str = "\
    UPDATE outbox SET attempt = CASE WHEN state = 'ready' THEN attempt + 1 ELSE attempt END, state = 'unknown' \
    WHERE state IN ('ready', 'sending')";
const END_SQLITE: &str = "\
    INSERT INTO turn (workspace, id, conversation, question, attempt, last_seq, started_ms, ended_ms, outcome) \
    SELECT workspace, turn, conversation, COALESCE(payload ->> '$.body.text', ''), attempt, 2, $1, $1, $2 \
    FROM inbox WHERE state = 'new'";
const END_POSTGRES: &str = "\
    INSERT INTO turn (workspace, id, conversation, question, attempt, last_seq, started_ms, ended_ms, outcome) \
    SELECT workspace, turn, conversation, COALESCE(CAST(payload AS jsonb) #>> '{body,text}', ''), attempt, 2, \
    CAST($1 AS BIGINT), CAST($1 AS BIGINT), $2 FROM inbox WHERE state = 'new'";

impl Write for Park {
    type Out = Parked;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Parked, StoreError>> {
        Box::pin(async move {
            sql("UPDATE attempt SET ended_ms = $1, class = 'parked', detail = $2 WHERE ended_ms IS NULL")
                .bind(self.now_ms)
                .bind(PARKED)
                .execute(&mut *tx)
                .await?;
            sql(PARK_ATTEMPTS).bind(self.now_ms).bind(PARKED).execute(&mut *tx).await?;
            let sends = sql(PARK_SENDS).execute(&mut *tx).await?;
            // Signing out since then, or using a link up, is not in it: nobody is let in by what was open.
            // Nor that somebody took an approval, or a change, back: what waits must be approved again.
            for statement in [
                "DELETE FROM session",
                "DELETE FROM login_link",
                "DELETE FROM link_code",
                "DELETE FROM knowledge_approval WHERE EXISTS (SELECT 1 FROM knowledge_change c WHERE c.state = 'open' \
                 AND c.workspace = knowledge_approval.workspace AND c.id = knowledge_approval.change)",
            ] {
                sql(statement).execute(&mut *tx).await?;
            }
            let error = StreamError::new(ErrorClass::Internal, false, "this was restored from a backup");
            let outcome = serde_json::to_string(&Outcome::Failed { error })?;
            let end = per_engine(END_SQLITE, END_POSTGRES).bind(self.now_ms).bind(outcome);
            end.execute(&mut *tx).await?;
            let events = sql("UPDATE inbox SET state = 'done' WHERE state = 'new'").execute(tx).await?;
            Ok(Parked { sends, events })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_the_address() {
        let (url, password) = without_password("postgres://keeper:p%40ss%zz@db.example.org:5432/town?sslmode=require");
        assert_eq!(url, "postgres://keeper@db.example.org:5432/town?sslmode=require");
        assert_eq!(password.as_deref(), Some("p@ss%zz"));
        for plain in ["postgres://keeper@db.example.org/town", "postgres:///town?host=/run", "town"] {
            assert_eq!(without_password(plain), (plain.to_owned(), None));
        }
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_its_remedy() {
        let error = run("pg_dump", Command::new("/nonexistent/pg_dump")).await.unwrap_err();
        assert!(error.to_string().contains("postgresql-client"), "{error}");
    }
}
