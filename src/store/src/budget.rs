//! What models may cost: reserved before a request, settled after it. A limit holds however many callers and daemons
//! reserve at once, for the row of a day is changed only where there is room left in it.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, Row, Sql, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// Tokens, and millionths of the operator's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// At least 0, both.
    pub tokens: i64,
    pub micros: i64,
}

/// Whose day it is, and how much may be spent in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub workspace: String,
    /// Who, as [`budget_scope`] says it.
    pub person: String,
    /// Days since 1970-01-01.
    pub day: i64,
    /// Limits of this day. What has none has [`i64::MAX`].
    pub workspace_limit: Cost,
    pub person_limit: Cost,
}

/// A reservation. The same id again is the same reservation, whoever makes it.
#[derive(Clone, Debug)]
pub struct Reserve {
    pub id: String,
    pub allowance: Allowance,
    pub cost: Cost,
    pub now_ms: i64,
    /// When a reservation that nobody settled is given back: its daemon has died.
    pub expires_ms: i64,
}

/// What came of a reservation. Where there is not enough left, for the person or for the workspace, nothing was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    Held,
    NoTokens,
    /// The tokens would have been there.
    NoMoney,
}

/// How much of a day is spent and reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub spent: Cost,
    pub held: Cost,
}

/// A person's name in the ledger. The length (in bytes) tells where the account ends, whatever the ids are.
pub fn budget_scope(account: &str, person: &str) -> String {
    format!("{}.{account}.{person}", account.len())
}

impl Store {
    /// Reserves what something may cost at most.
    pub async fn reserve_cost(&self, reserve: Reserve) -> Result<Reserved, StoreError> {
        self.write(reserve).await
    }

    /// Gives a reservation back and counts what was used instead. Without one (it expired, or was settled) nothing
    /// happens.
    pub async fn settle_cost(&self, workspace: &str, id: &str, used: Cost) -> Result<(), StoreError> {
        self.write(Settle { workspace: workspace.to_owned(), id: id.to_owned(), used }).await
    }

    /// What was spent on a day: of a person, or with `person` empty of the whole workspace.
    pub async fn spent_on(&self, workspace: &str, person: &str, day: i64) -> Result<Spent, StoreError> {
        let row = spent((workspace, person, day)).optional(&self.reads).await?;
        row.as_ref().map_or(Ok(Spent::default()), Spent::read)
    }
}

impl Spent {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            spent: Cost { tokens: row.int("spent")?, micros: row.int("money_spent")? },
            held: Cost { tokens: row.int("held")?, micros: row.int("money_held")? },
        })
    }
}

impl Write for Reserve {
    type Out = Reserved;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Reserved, StoreError>> {
        Box::pin(async move {
            let Allowance { workspace, person, day, workspace_limit, person_limit } = &self.allowance;
            release_stale(tx, workspace, self.now_ms).await?;
            let known =
                sql("SELECT id FROM budget_hold WHERE workspace = $1 AND id = $2").bind(workspace).bind(&self.id);
            if known.optional(&mut *tx).await?.is_some() {
                return Ok(Reserved::Held);
            }
            // Always the workspace first: two daemons that wait for each other would wait for ever.
            let whole = hold(tx, (workspace, "", *day), self.cost, *workspace_limit).await?;
            if whole != Reserved::Held {
                return Ok(whole);
            }
            let theirs = hold(tx, (workspace, person, *day), self.cost, *person_limit).await?;
            if theirs != Reserved::Held {
                give_back(tx, (workspace, "", *day), self.cost, Cost::default()).await?;
                return Ok(theirs);
            }
            sql("INSERT INTO budget_hold (workspace, id, scope, day, tokens, expires_ms, money) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(workspace)
            .bind(&self.id)
            .bind(person)
            .bind(*day)
            .bind(self.cost.tokens)
            .bind(self.expires_ms)
            .bind(self.cost.micros)
            .execute(tx)
            .await?;
            Ok(Reserved::Held)
        })
    }
}

struct Settle {
    workspace: String,
    id: String,
    used: Cost,
}

impl Write for Settle {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let row =
                sql("DELETE FROM budget_hold WHERE workspace = $1 AND id = $2 RETURNING scope, day, tokens, money")
                    .bind(&self.workspace)
                    .bind(&self.id)
                    .optional(&mut *tx)
                    .await?;
            let Some(row) = row else { return Ok(()) };
            release(tx, &self.workspace, &row, self.used).await
        })
    }
}

/// One row of `budget`: workspace, scope, day.
type Place<'a> = (&'a str, &'a str, i64);

/// Takes a cost out of what is left of a day, if that much is left of both. What costs no money needs none.
async fn hold(tx: &mut Conn, place: Place<'_>, cost: Cost, limit: Cost) -> Result<Reserved, StoreError> {
    let (workspace, scope, day) = place;
    sql("INSERT INTO budget (workspace, scope, day, spent, held) VALUES ($1, $2, $3, 0, 0) \
         ON CONFLICT (workspace, scope, day) DO NOTHING")
    .bind(workspace)
    .bind(scope)
    .bind(day)
    .execute(&mut *tx)
    .await?;
    let held = sql("UPDATE budget SET held = held + $4, money_held = money_held + $5 \
         WHERE workspace = $1 AND scope = $2 AND day = $3 \
         AND spent + held + $4 <= $6 AND ($5 = 0 OR money_spent + money_held + $5 <= $7)")
    .bind(workspace)
    .bind(scope)
    .bind(day)
    .bind(cost.tokens)
    .bind(cost.micros)
    .bind(limit.tokens)
    .bind(limit.micros)
    .execute(&mut *tx)
    .await?;
    if held == 1 {
        return Ok(Reserved::Held);
    }
    let now = Spent::read(&spent(place).one(tx).await?)?;
    let no_tokens = now.spent.tokens + now.held.tokens + cost.tokens > limit.tokens;
    Ok(if no_tokens { Reserved::NoTokens } else { Reserved::NoMoney })
}

fn spent((workspace, scope, day): Place<'_>) -> Sql<'_> {
    sql("SELECT spent, held, money_spent, money_held FROM budget WHERE workspace = $1 AND scope = $2 AND day = $3")
        .bind(workspace)
        .bind(scope)
        .bind(day)
}

/// Gives a reservation back and counts what was used.
async fn give_back(
    tx: &mut Conn,
    (workspace, scope, day): Place<'_>,
    reserved: Cost,
    used: Cost,
) -> Result<(), StoreError> {
    sql("UPDATE budget SET held = held - $4, spent = spent + $5, money_held = money_held - $6, \
         money_spent = money_spent + $7 WHERE workspace = $1 AND scope = $2 AND day = $3")
    .bind(workspace)
    .bind(scope)
    .bind(day)
    .bind(reserved.tokens)
    .bind(used.tokens)
    .bind(reserved.micros)
    .bind(used.micros)
    .execute(tx)
    .await?;
    Ok(())
}

/// The same for a row of `budget_hold` that was just deleted.
async fn release(tx: &mut Conn, workspace: &str, hold: &Row, used: Cost) -> Result<(), StoreError> {
    let (person, day) = (hold.text("scope")?, hold.int("day")?);
    let reserved = Cost { tokens: hold.int("tokens")?, micros: hold.int("money")? };
    give_back(tx, (workspace, "", day), reserved, used).await?;
    give_back(tx, (workspace, &person, day), reserved, used).await
}

/// Gives back what dead daemons had reserved.
async fn release_stale(tx: &mut Conn, workspace: &str, now_ms: i64) -> Result<(), StoreError> {
    let stale = "DELETE FROM budget_hold WHERE workspace = $1 AND expires_ms <= $2 RETURNING scope, day, tokens, money";
    for row in sql(stale).bind(workspace).bind(now_ms).all(&mut *tx).await? {
        release(tx, workspace, &row, Cost::default()).await?;
    }
    Ok(())
}
