//! What can go wrong in the store, and what to do about it.

use std::path::PathBuf;

use sqlx::postgres::PgDatabaseError;
use thiserror::Error;
use townkeeper_contract::error::Kind;

/// Why something privileged was refused; may be told to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    #[error("there is no such {0} here")]
    NotThere(&'static str),
    #[error("this is the last owner; make somebody else an owner first")]
    LastOwner,
    #[error("this link was used already, or its time is over; ask for a new one")]
    Spent,
    #[error("it takes two people who could thaw before the freeze began, and this voice does not count")]
    NoVoice,
    #[error("only a person approves who is an editor or owner, and was when this was put; put it again if that is new")]
    NoApproval,
    #[error("this change has ended; put a new one")]
    Ended,
    #[error("this is not what you looked at: it, or what it replaces, was changed since; look at it again")]
    Moved,
    #[error("this says what is published already")]
    Same,
    #[error("too many changes are open; approve or withdraw some first")]
    TooManyChanges,
    #[error("there are too many patterns; remove one first")]
    TooManyPatterns,
}

/// A failure of the store. Nothing was written where one is returned.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot open {place}: {reason}; check that it is there and may be written")]
    Open { place: String, reason: String },
    #[error("{place} was written by a newer Townkeeper (schema {found}); start that version, or restore a backup")]
    TooNew { place: String, found: i64 },
    #[error("{path} is in use by another Townkeeper; stop it, or choose another data folder")]
    InUse { path: PathBuf },
    #[error("the disk is full")]
    Full,
    #[error("the database may not be written: {0}")]
    ReadOnly(String),
    #[error("the database is busy")]
    Busy,
    #[error("the database cannot be reached: {0}")]
    Io(String),
    #[error("the store has stopped")]
    Stopped,
    #[error("a newer attempt took this turn over")]
    Fenced,
    #[error("nothing was moved: {0}")]
    Transfer(String),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("a stored value cannot be read: {0}")]
    Decode(String),
    #[error("{0}")]
    Sql(String),
}

impl StoreError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Full | Self::Busy | Self::Io(_) | Self::ReadOnly(_) => Kind::RetryAfter { ms: 1_000 },
            Self::Open { .. } | Self::TooNew { .. } | Self::InUse { .. } | Self::Stopped | Self::Transfer(_) => {
                Kind::Permanent
            }
            Self::Denied(denied) => Kind::Denied { reason: denied.to_string() },
            Self::Fenced | Self::Decode(_) | Self::Sql(_) => Kind::Bug,
        }
    }

    /// Whether trying the same again later may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind(), Kind::RetryAfter { .. })
    }

    pub(crate) fn from_sqlx(error: &sqlx::Error) -> Self {
        let text = error.to_string();
        if let sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) = error {
            return Self::Io(text);
        }
        let Some(database) = error.as_database_error() else { return Self::Sql(text) };
        let code = database.code().unwrap_or_default();
        if database.try_downcast_ref::<PgDatabaseError>().is_some() {
            return Self::from_sqlstate(&code, text);
        }
        // SQLite's primary result codes, from its documentation ("Result and Error Codes").
        match code.parse::<i64>().map(|code| code & 0xff) {
            Ok(13) => Self::Full,
            Ok(5 | 6) => Self::Busy,
            Ok(8) => Self::ReadOnly(text),
            Ok(10 | 14) => Self::Io(text),
            _ => Self::Sql(text),
        }
    }

    /// PostgreSQL's codes, from its documentation ("PostgreSQL Error Codes"). Two daemons that wrote the same at once
    /// (23505) get another try: then the second sees what the first did.
    fn from_sqlstate(code: &str, text: String) -> Self {
        match code {
            "53100" => Self::Full,
            "25006" => Self::ReadOnly(text),
            "23505" | "40001" | "40P01" | "55P03" | "57014" => Self::Busy,
            // Connection exceptions, insufficient resources, the server going away, timeouts of an idle transaction.
            code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") || code == "25P03" => {
                Self::Io(text)
            }
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
