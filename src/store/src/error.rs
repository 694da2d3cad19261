//! What can go wrong in the store, and what to do about it.

use std::path::PathBuf;

use thiserror::Error;
use townkeeper_contract::error::Kind;

/// A failure of the store. Nothing was written where one is returned.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot open {path}: {reason}; check that the data folder exists and may be written")]
    Open { path: PathBuf, reason: String },
    #[error("{path} was written by a newer Townkeeper (schema {found}); start that version, or restore a backup")]
    TooNew { path: PathBuf, found: i64 },
    #[error("{path} is in use by another Townkeeper; stop it, or choose another data folder")]
    InUse { path: PathBuf },
    #[error("the disk is full")]
    Full,
    #[error("the database may not be written: {0}")]
    ReadOnly(String),
    #[error("the database is busy")]
    Busy,
    #[error("the disk did not do it: {0}")]
    Io(String),
    #[error("the store has stopped")]
    Stopped,
    #[error("a newer attempt took this turn over")]
    Fenced,
    #[error("a stored value cannot be read: {0}")]
    Decode(String),
    #[error("{0}")]
    Sql(String),
}

impl StoreError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Full | Self::Busy | Self::Io(_) | Self::ReadOnly(_) => Kind::RetryAfter { ms: 1_000 },
            Self::Open { .. } | Self::TooNew { .. } | Self::InUse { .. } | Self::Stopped => Kind::Permanent,
            Self::Fenced | Self::Decode(_) | Self::Sql(_) => Kind::Bug,
        }
    }

    /// Whether trying the same again later may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind(), Kind::RetryAfter { .. })
    }

    /// SQLite's primary result codes, from its documentation ("Result and Error Codes").
    pub(crate) fn from_sqlx(error: &sqlx::Error) -> Self {
        let text = error.to_string();
        let code =
            error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|c| c.parse::<i64>().ok());
        match code.map(|c| c & 0xff) {
            Some(13) => Self::Full,
            Some(5 | 6) => Self::Busy,
            Some(8) => Self::ReadOnly(text),
            Some(10 | 14) => Self::Io(text),
            _ => Self::Sql(text),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::from_sqlx(&error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Decode(error.to_string())
    }
}
