//! Leases: what only one node may do at a time, and who is alive. Expiry goes by the database's clock alone; a node's own
//! may be wrong, or may have stood still.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, per_engine, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// The database's clock, in Unix milliseconds.
macro_rules! sqlite_now {
    () => {
        "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)"
    };
}
macro_rules! postgres_now {
    () => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}
pub(crate) use {postgres_now, sqlite_now};

/// Something held, by the token it was given under. Only the newest token counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub token: i64,
}

/// The name of the lease under which an account is read.
pub fn account_lease(account: &str) -> String {
    format!("account:{account}")
}

/// The name of the lease that shows that a node lives.
pub fn node_lease(node: &str) -> String {
    format!("node:{node}")
}

impl Store {
    /// Takes a lease for `ttl_ms`, if nobody else holds it: if it was given back, or ran out and its holder is dead. (A
    /// holder that lives but was slow still has work under way; who took its place would overtake it.)
    pub async fn acquire(
        &self,
        workspace: &str,
        name: &str,
        holder: &str,
        ttl_ms: i64,
    ) -> Result<Option<Lease>, StoreError> {
        let (workspace, name, holder) = (workspace.to_owned(), name.to_owned(), holder.to_owned());
        self.write(Acquire { workspace, name, holder, ttl_ms }).await
    }

    /// Holds it for another `ttl_ms` from now. `false`: it ran out or has another holder, and must be let go.
    pub async fn renew(&self, lease: &Lease, ttl_ms: i64) -> Result<bool, StoreError> {
        self.write(Renew { lease: lease.clone(), ttl_ms }).await
    }

    /// Gives it back, so that the next holder need not wait.
    pub async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.write(Release { lease: lease.clone() }).await
    }
}

struct Acquire {
    workspace: String,
    name: String,
    holder: String,
    ttl_ms: i64,
}

macro_rules! acquire {
    ($now:expr) => {
        concat!(
            "INSERT INTO lease (name, workspace, holder, token, expires_ms) VALUES ($1, $2, $3, 1, ",
            $now,
            " + $4) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, workspace = excluded.workspace, \
             token = lease.token + 1, expires_ms = excluded.expires_ms WHERE lease.expires_ms = 0 \
             OR lease.expires_ms <= ",
            $now,
            " AND NOT EXISTS (SELECT 1 FROM lease n WHERE n.name = 'node:' || lease.holder AND n.expires_ms > ",
            $now,
            ") RETURNING token"
        )
    };
}

impl Write for Acquire {
    type Out = Option<Lease>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Option<Lease>, StoreError>> {
        Box::pin(async move {
            let row = per_engine(acquire!(sqlite_now!()), acquire!(postgres_now!()))
                .bind(&self.name)
                .bind(&self.workspace)
                .bind(&self.holder)
                .bind(self.ttl_ms)
                .optional(tx)
                .await?;
            row.map(|row| Ok(Lease { name: self.name.clone(), token: row.int("token")? })).transpose()
        })
    }
}

struct Renew {
    lease: Lease,
    ttl_ms: i64,
}

macro_rules! renew {
    ($now:expr) => {
        concat!("UPDATE lease SET expires_ms = ", $now, " + $3 WHERE name = $1 AND token = $2 AND expires_ms > ", $now)
    };
}

impl Write for Renew {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let renewed = per_engine(renew!(sqlite_now!()), renew!(postgres_now!()))
                .bind(&self.lease.name)
                .bind(self.lease.token)
                .bind(self.ttl_ms)
                .execute(tx)
                .await?;
            Ok(renewed == 1)
        })
    }
}

struct Release {
    lease: Lease,
}

impl Write for Release {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let released = sql("UPDATE lease SET expires_ms = 0 WHERE name = $1 AND token = $2")
                .bind(&self.lease.name)
                .bind(self.lease.token)
                .execute(tx)
                .await?;
            Ok(released == 1)
        })
    }
}

macro_rules! held {
    ($now:expr, $lock:literal) => {
        concat!("SELECT token FROM lease WHERE name = $1 AND token = $2 AND expires_ms > ", $now, $lock)
    };
}

/// Whether a lease is still held, as part of a transaction that may only happen then: who would take it over waits.
pub(crate) async fn held(tx: &mut Conn, lease: &Lease) -> Result<bool, StoreError> {
    let row = per_engine(held!(sqlite_now!(), ""), held!(postgres_now!(), " FOR SHARE"))
        .bind(&lease.name)
        .bind(lease.token)
        .optional(tx)
        .await?;
    Ok(row.is_some())
}
