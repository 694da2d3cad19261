//! What models may cost: reserved before a request, settled after it. A limit holds however many callers and daemons
//! reserve at once, for the row of a day is changed only where there is room left in it.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// Whose day it is, and how much may be spent in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub workspace: String,
    /// Account and person, in the caller's own spelling; never empty.
    pub person: String,
    /// Days since 1970-01-01.
    pub day: i64,
    /// Limits of this day, in tokens.
    pub workspace_limit: i64,
    pub person_limit: i64,
}

/// A reservation. The same id again is the same reservation, whoever makes it.
#[derive(Clone, Debug)]
pub struct Reserve {
    pub id: String,
    pub allowance: Allowance,
    /// At least 0.
    pub tokens: i64,
    pub now_ms: i64,
    /// When a reservation that nobody settled is given back: its daemon has died.
    pub expires_ms: i64,
}

/// How much of a day is spent and reserved, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub spent: i64,
    pub held: i64,
}

impl Store {
    /// Reserves tokens. `false`: there is not enough left, for the person or for the workspace, and nothing was
    /// reserved.
    pub async fn reserve_tokens(&self, reserve: Reserve) -> Result<bool, StoreError> {
        self.write(reserve).await
    }

    /// Gives a reservation back and counts what was used instead. Without one (it expired, or was settled) nothing
    /// happens.
    pub async fn settle_tokens(&self, workspace: &str, id: &str, used: i64) -> Result<(), StoreError> {
        self.write(SettleTokens { workspace: workspace.to_owned(), id: id.to_owned(), used }).await
    }

    /// What was spent on a day: of a person, or with `person` empty of the whole workspace.
    pub async fn spent_tokens(&self, workspace: &str, person: &str, day: i64) -> Result<Spent, StoreError> {
        let row = sql("SELECT spent, held FROM budget WHERE workspace = $1 AND scope = $2 AND day = $3")
            .bind(workspace)
            .bind(person)
            .bind(day)
            .optional(&self.reads)
            .await?;
        row.map_or(Ok(Spent::default()), |row| Ok(Spent { spent: row.int("spent")?, held: row.int("held")? }))
    }
}

impl Write for Reserve {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let Allowance { workspace, person, day, workspace_limit, person_limit } = &self.allowance;
            release_stale(tx, workspace, self.now_ms).await?;
            let known =
                sql("SELECT id FROM budget_hold WHERE workspace = $1 AND id = $2").bind(workspace).bind(&self.id);
            if known.optional(&mut *tx).await?.is_some() {
                return Ok(true);
            }
            // Always the workspace first: two daemons that wait for each other would wait for ever.
            if !hold(tx, (workspace, "", *day), self.tokens, *workspace_limit).await? {
                return Ok(false);
            }
            if !hold(tx, (workspace, person, *day), self.tokens, *person_limit).await? {
                give_back(tx, (workspace, "", *day), self.tokens, 0).await?;
                return Ok(false);
            }
            sql("INSERT INTO budget_hold (workspace, id, scope, day, tokens, expires_ms) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind(workspace)
                .bind(&self.id)
                .bind(person)
                .bind(*day)
                .bind(self.tokens)
                .bind(self.expires_ms)
                .execute(tx)
                .await?;
            Ok(true)
        })
    }
}

struct SettleTokens {
    workspace: String,
    id: String,
    used: i64,
}

impl Write for SettleTokens {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let row = sql("DELETE FROM budget_hold WHERE workspace = $1 AND id = $2 RETURNING scope, day, tokens")
                .bind(&self.workspace)
                .bind(&self.id)
                .optional(&mut *tx)
                .await?;
            let Some(row) = row else { return Ok(()) };
            let (person, day, tokens) = (row.text("scope")?, row.int("day")?, row.int("tokens")?);
            give_back(tx, (&self.workspace, "", day), tokens, self.used).await?;
            give_back(tx, (&self.workspace, &person, day), tokens, self.used).await
        })
    }
}

/// One row of `budget`: workspace, scope, day.
type Place<'a> = (&'a str, &'a str, i64);

/// Takes tokens out of what is left of a day, if that much is left.
async fn hold(tx: &mut Conn, (workspace, scope, day): Place<'_>, tokens: i64, limit: i64) -> Result<bool, StoreError> {
    sql("INSERT INTO budget (workspace, scope, day, spent, held) VALUES ($1, $2, $3, 0, 0) \
         ON CONFLICT (workspace, scope, day) DO NOTHING")
    .bind(workspace)
    .bind(scope)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    let held = sql("UPDATE budget SET held = held + $4 WHERE workspace = $1 AND scope = $2 AND day = $3 \
         AND spent + held + $4 <= $5")
    .bind(workspace)
    .bind(scope)
    .bind(day)
    .bind(tokens)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(held == 1)
}

/// Gives a reservation back and counts what was used.
async fn give_back(
    tx: &mut Conn,
    (workspace, scope, day): Place<'_>,
    tokens: i64,
    used: i64,
) -> Result<(), StoreError> {
    sql("UPDATE budget SET held = held - $4, spent = spent + $5 WHERE workspace = $1 AND scope = $2 AND day = $3")
        .bind(workspace)
        .bind(scope)
        .bind(day)
        .bind(tokens)
        .bind(used)
        .execute(tx)
        .await?;
    Ok(())
}

/// Gives back what dead daemons had reserved.
async fn release_stale(tx: &mut Conn, workspace: &str, now_ms: i64) -> Result<(), StoreError> {
    let stale = sql("DELETE FROM budget_hold WHERE workspace = $1 AND expires_ms <= $2 RETURNING scope, day, tokens")
        .bind(workspace)
        .bind(now_ms)
        .all(&mut *tx)
        .await?;
    for row in stale {
        let (person, day, tokens) = (row.text("scope")?, row.int("day")?, row.int("tokens")?);
        give_back(tx, (workspace, "", day), tokens, 0).await?;
        give_back(tx, (workspace, &person, day), tokens, 0).await?;
    }
    Ok(())
}
