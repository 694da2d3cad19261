//! Moving an installation from SQLite to PostgreSQL, whole: every table, row by row as JSON, in one transaction, and a
//! hash of the content on both sides at the end.
//!
//! The tables are read off the database, not listed here: one that a later migration adds moves too.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqlitePool};

use crate::db::Pool;
use crate::{Store, StoreError};

/// Rows that travel together.
const CHUNK: usize = 500;

/// Not content: the engine's own, and who was alive.
const LEFT: &[&str] = &["_sqlx_migrations", "schema", "lease"];

/// What moved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Transferred {
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// SHA-256 of the content, the same on both sides.
    pub hash: String,
}

/// Rows by table and the hash of all.
struct Content {
    tables: BTreeMap<String, u64>,
    hash: String,
}

impl Store {
    /// Copies everything into `to`, which must be empty. Nothing is changed here; nothing is left there unless all of it
    /// arrived, as the hash shows. `progress` hears each table and its rows.
    pub async fn transfer(&self, to: &Store, progress: impl Fn(&str, u64)) -> Result<Transferred, StoreError> {
        let (Pool::Sqlite(from), Pool::Postgres(pool)) = (&self.reads, &to.reads) else {
            return Err(StoreError::Transfer("it goes from SQLite to PostgreSQL".to_owned()));
        };
        let tables = tables(from).await?;
        let mut tx = pool.begin().await?;
        if content_of_postgres(&mut tx, &tables).await?.tables.values().any(|rows| *rows > 0) {
            let remedy = "the PostgreSQL database already holds a Townkeeper; give an empty one";
            return Err(StoreError::Transfer(remedy.to_owned()));
        }
        for table in &tables {
            let rows = rows_of_sqlite(from, table).await?;
            for chunk in rows.chunks(CHUNK) {
                // Names come from our own schema; rows are an argument.
                let insert = format!(
                    "INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, CAST($1 AS jsonb))"
                );
                sqlx::query(AssertSqlSafe(insert)).bind(serde_json::to_string(chunk)?).execute(&mut *tx).await?;
            }
            progress(table, rows.len() as u64);
        }
        go_on_counting(&mut tx).await?;
        let (here, there) = (content_of_sqlite(from, &tables).await?, content_of_postgres(&mut tx, &tables).await?);
        if here.hash != there.hash {
            return Err(StoreError::Transfer("what arrived differs from what was sent; nothing was kept".to_owned()));
        }
        tx.commit().await?;
        Ok(Transferred { tables: there.tables, hash: there.hash })
    }
}

async fn tables(from: &SqlitePool) -> Result<Vec<String>, StoreError> {
    let names =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let rows = sqlx::query(names).fetch_all(from).await?;
    let names = rows.iter().map(|row| row.try_get("name")).collect::<Result<Vec<String>, _>>()?;
    Ok(names.into_iter().filter(|name| !LEFT.contains(&name.as_str())).collect())
}

/// Sequences begin behind what arrived.
async fn go_on_counting(tx: &mut PgConnection) -> Result<(), StoreError> {
    for (table, column) in [("inbox", "ordinal"), ("outbox", "seq"), ("turn", "ordinal")] {
        let set = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), \
             (SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}), false)"
        );
        sqlx::query(AssertSqlSafe(set)).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn rows_of_sqlite(from: &SqlitePool, table: &str) -> Result<Vec<Value>, StoreError> {
    let columns =
        sqlx::query("SELECT name FROM pragma_table_info($1) ORDER BY cid").bind(table).fetch_all(from).await?;
    let mut pairs = Vec::with_capacity(columns.len());
    for column in &columns {
        let name: String = column.try_get("name")?;
        pairs.push(format!("'{name}', {name}"));
    }
    let select = format!("SELECT json_object({}) AS row FROM {table}", pairs.join(", "));
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(from).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(&row.try_get::<String, _>("row")?)?)).collect()
}

async fn content_of_sqlite(from: &SqlitePool, tables: &[String]) -> Result<Content, StoreError> {
    let mut content = Vec::new();
    for table in tables {
        content.push((table.clone(), rows_of_sqlite(from, table).await?));
    }
    Ok(hashed(content))
}

async fn content_of_postgres(tx: &mut PgConnection, tables: &[String]) -> Result<Content, StoreError> {
    let mut content = Vec::new();
    for table in tables {
        let select = format!("SELECT CAST(to_jsonb(t) AS TEXT) AS row FROM {table} t");
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *tx).await?;
        let rows = rows.iter().map(|row| Ok(serde_json::from_str(&row.try_get::<String, _>("row")?)?));
        content.push((table.clone(), rows.collect::<Result<Vec<Value>, StoreError>>()?));
    }
    Ok(hashed(content))
}

/// A row with its columns by name.
fn sorted(row: &Value) -> String {
    let columns: BTreeMap<&String, &Value> = row.as_object().into_iter().flatten().collect();
    serde_json::to_string(&columns).unwrap_or_default()
}

/// The order of rows and of columns means nothing.
fn hashed(content: Vec<(String, Vec<Value>)>) -> Content {
    let mut whole = Sha256::new();
    let mut tables = BTreeMap::new();
    for (table, rows) in content {
        tables.insert(table.clone(), rows.len() as u64);
        let mut lines: Vec<String> = rows.iter().map(sorted).collect();
        lines.sort_unstable();
        whole.update(table.as_bytes());
        for line in lines {
            whole.update(b"\n");
            whole.update(line.as_bytes());
        }
        whole.update(b"\0");
    }
    let hash = whole.finalize().iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    Content { tables, hash }
}
