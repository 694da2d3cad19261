//! The breaker of the shield: how often it acted by itself lately, for all nodes together and over every start. Whether it
//! may once more, what it orders then, and the call of a human are one transaction.

use serde::Serialize;
use townkeeper_contract::BoxFuture;

use crate::audit::{self, Act, By};
use crate::cards::{self, Card};
use crate::db::{Conn, sql};
use crate::moderation::{NewOrder, Ordered};
use crate::outbox::OutboxRow;
use crate::writer::Write;
use crate::{Store, StoreError};

/// What is kept of a breaker. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fuse {
    /// When it let something through, oldest first.
    pub acted: Vec<i64>,
    pub tripped_ms: Option<i64>,
}

/// Something that the shield does by itself.
#[derive(Clone, Debug)]
pub struct ByItself {
    pub by: By,
    /// Those of them that were not ordered before are together one act.
    pub orders: Vec<NewOrder>,
    /// Whether one more may be done at a time; notes it.
    pub admit: fn(&mut Fuse, i64) -> bool,
    /// What calls a human, should it trip.
    pub call: Vec<Card>,
    pub node: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Acted {
    /// What became of each order.
    Ordered(Vec<Ordered>),
    /// It was too much. These rows, which call a human, are to be delivered now.
    Tripped(Vec<OutboxRow>),
    /// It had been too much before.
    Shown,
}

impl Store {
    /// Orders what the shield does by itself, if it may. What was ordered before counts once.
    pub async fn act_by_itself(&self, act: ByItself) -> Result<Acted, StoreError> {
        self.write(act).await
    }

    /// Whether the shield did too much by itself, and nobody has looked since.
    pub async fn is_tripped(&self, workspace: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT tripped_ms FROM breaker WHERE workspace = $1 AND tripped_ms IS NOT NULL");
        Ok(row.bind(workspace).optional(&self.reads).await?.is_some())
    }

    /// A moderator has looked: it counts anew. The log has a record where it had tripped.
    pub async fn reset_breaker(&self, by: By) -> Result<(), StoreError> {
        self.write(Reset { by }).await
    }
}

async fn read(tx: &mut Conn, workspace: &str) -> Result<Fuse, StoreError> {
    let row = sql("SELECT acted, tripped_ms FROM breaker WHERE workspace = $1").bind(workspace).optional(tx).await?;
    row.map_or(Ok(Fuse::default()), |row| {
        Ok(Fuse { acted: row.json("acted")?, tripped_ms: row.opt_int("tripped_ms")? })
    })
}

async fn keep(tx: &mut Conn, workspace: &str, fuse: &Fuse) -> Result<(), StoreError> {
    sql("INSERT INTO breaker (workspace, acted, tripped_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace) DO UPDATE SET acted = excluded.acted, tripped_ms = excluded.tripped_ms")
    .bind(workspace)
    .bind(serde_json::to_string(&fuse.acted)?)
    .bind(fuse.tripped_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// What the log is about.
const SUBJECT: &str = "shield";

impl Write for ByItself {
    type Out = Acted;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Acted, StoreError>> {
        Box::pin(async move {
            // Locks the log, and with it the breaker: of two nodes the second finds what the first did.
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let mut adds = false;
            for order in &self.orders {
                if !order.stands(tx).await? {
                    return Ok(Acted::Ordered(vec![Ordered::Moved]));
                }
                adds |= order.before(tx).await?.is_none();
            }
            let mut fuse = read(tx, workspace).await?;
            if adds {
                let before = fuse.clone();
                let admitted = (self.admit)(&mut fuse, self.by.now_ms);
                keep(tx, workspace, &fuse).await?;
                if !admitted && before.tripped_ms.is_none() {
                    let trip =
                        Act { action: "shield.trip", subject: SUBJECT, before: Some(&before), after: Some(&fuse) };
                    log.append(tx, trip).await?;
                    let rows = cards::put(tx, (workspace, &self.node), &self.call, self.by.now_ms).await?;
                    return Ok(Acted::Tripped(rows));
                }
                if !admitted {
                    return Ok(Acted::Shown);
                }
            }
            let mut ordered = Vec::with_capacity(self.orders.len());
            for order in &self.orders {
                ordered.push(order.write(tx, &mut log).await?);
            }
            Ok(Acted::Ordered(ordered))
        })
    }
}

struct Reset {
    by: By,
}

impl Write for Reset {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = read(tx, &self.by.workspace).await?;
            let after = Fuse::default();
            if before != after {
                keep(tx, &self.by.workspace, &after).await?;
            }
            if before.tripped_ms.is_some() {
                let reset =
                    Act { action: "shield.reset", subject: SUBJECT, before: Some(&before), after: Some(&after) };
                log.append(tx, reset).await?;
            }
            Ok(())
        })
    }
}
