//! One statement, two engines. A statement is text with `$1` and arguments; a [`Conn`] or [`Pool`] of either engine runs
//! it. Only whole numbers and text exist: that is all the tables hold, and all that both engines agree on.
//!
//! Not `sqlx::Any`: it cannot tell what a NULL is, panics without drivers, and has no way to the engine below.

use std::borrow::Cow;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{PgPool, Postgres, Row as _, Sqlite, SqliteConnection, SqlitePool};

use crate::StoreError;

/// Which database this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A connection that a transaction runs on.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
}

/// Connections for reads, outside of any transaction.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Where a statement runs.
pub(crate) enum On<'c> {
    Conn(&'c mut Conn),
    Pool(&'c Pool),
}

impl On<'_> {
    /// The same place, for one statement of several.
    pub(crate) fn here(&mut self) -> On<'_> {
        match self {
            Self::Conn(conn) => On::Conn(conn),
            Self::Pool(pool) => On::Pool(pool),
        }
    }
}

impl<'c> From<&'c mut Conn> for On<'c> {
    fn from(conn: &'c mut Conn) -> Self {
        On::Conn(conn)
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        On::Pool(pool)
    }
}

/// An argument. The empty ones know their type, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Arg::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Arg::Int(value)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Arg::Text(Some(keepable(value)))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Arg::from(value.as_str())
    }
}

impl From<String> for Arg<'_> {
    fn from(value: String) -> Self {
        Arg::Text(Some(Cow::Owned(keepable(&value).into_owned())))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Arg::Text(value.map(keepable))
    }
}

impl<'a> From<Option<&'a String>> for Arg<'a> {
    fn from(value: Option<&'a String>) -> Self {
        Arg::from(value.map(String::as_str))
    }
}

impl From<Option<String>> for Arg<'_> {
    fn from(value: Option<String>) -> Self {
        Arg::Text(value.map(|text| Cow::Owned(keepable(&text).into_owned())))
    }
}

/// PostgreSQL's text holds no NUL; the same is kept on every engine.
pub(crate) fn keepable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A statement with its arguments.
pub(crate) struct Sql<'a> {
    sqlite: &'static str,
    postgres: &'static str,
    args: Vec<Arg<'a>>,
}

/// A statement that both engines take.
pub(crate) fn sql<'a>(text: &'static str) -> Sql<'a> {
    Sql { sqlite: text, postgres: text, args: Vec::new() }
}

/// A statement that has to differ. Arguments are the same.
pub(crate) fn per_engine<'a>(sqlite: &'static str, postgres: &'static str) -> Sql<'a> {
    Sql { sqlite, postgres, args: Vec::new() }
}

/// Runs `$method` of the query on whatever `$on` is, and makes the result the same type for both engines.
macro_rules! run {
    ($self:ident, $on:ident, $method:ident, $each:expr) => {
        match $on.into() {
            On::Conn(Conn::Sqlite(conn)) => $self.sqlite().$method(conn).await.map($each)?,
            On::Conn(Conn::Postgres(conn)) => $self.postgres().$method(&mut **conn).await.map($each)?,
            On::Pool(Pool::Sqlite(pool)) => $self.sqlite().$method(pool).await.map($each)?,
            On::Pool(Pool::Postgres(pool)) => $self.postgres().$method(pool).await.map($each)?,
        }
    };
}

impl<'a> Sql<'a> {
    pub(crate) fn bind(mut self, arg: impl Into<Arg<'a>>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// How many rows it touched.
    pub(crate) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64, StoreError> {
        Ok(run!(self, on, execute, |done| done.rows_affected()))
    }

    pub(crate) async fn all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<Row>, StoreError> {
        Ok(run!(self, on, fetch_all, |rows| rows.into_iter().map(Row::from).collect()))
    }

    pub(crate) async fn optional<'c>(self, on: impl Into<On<'c>>) -> Result<Option<Row>, StoreError> {
        Ok(run!(self, on, fetch_optional, |row| row.map(Row::from)))
    }

    pub(crate) async fn one<'c>(self, on: impl Into<On<'c>>) -> Result<Row, StoreError> {
        Ok(run!(self, on, fetch_one, Row::from))
    }

    fn sqlite(self) -> Query<'a, Sqlite, SqliteArguments> {
        self.args.into_iter().fold(sqlx::query(self.sqlite), |query, arg| match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    }

    fn postgres(self) -> Query<'a, Postgres, PgArguments> {
        self.args.into_iter().fold(sqlx::query(self.postgres), |query, arg| match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    }
}

/// A row of either engine.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Row::Sqlite(row)
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Row::Postgres(row)
    }
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(match self {
            Row::Sqlite(row) => row.try_get(column)?,
            Row::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn opt_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Row::Sqlite(row) => row.try_get(column)?,
            Row::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(match self {
            Row::Sqlite(row) => row.try_get(column)?,
            Row::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn opt_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Row::Sqlite(row) => row.try_get(column)?,
            Row::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A small count; engines have no unsigned columns.
    pub(crate) fn count(&self, column: &str) -> Result<u32, StoreError> {
        let value = self.int(column)?;
        u32::try_from(value).map_err(|_| StoreError::Decode(format!("{column} is {value}")))
    }

    /// A column of JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.text(column)?)?)
    }

    /// A column of JSON text that may be empty.
    pub(crate) fn opt_json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        Ok(self.opt_text(column)?.map(|text| serde_json::from_str(&text)).transpose()?)
    }
}
