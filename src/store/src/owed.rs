//! Words about cases whose acts are not all ordered yet. A word and the debt are one transaction; so are a word that takes
//! back and the end of what still waits. Whoever finds what a dead node owes orders it, under the same keys.

use serde::{Deserialize, Serialize};
use townkeeper_contract::BoxFuture;

use crate::audit::By;
use crate::cases::{self, KeptCase};
use crate::db::{Conn, Row, per_engine, sql};
use crate::lease::{postgres_now, sqlite_now};
use crate::moderation::keys_of_case;
use crate::outbox;
use crate::writer::Write;
use crate::{Store, StoreError};

/// A message elsewhere that is like a case's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCopy {
    pub account: String,
    pub place: String,
    pub message: String,
}

/// What a word leads to, until it is all ordered.
#[derive(Clone, Debug)]
pub struct Debt {
    /// Who orders it.
    pub node: String,
    /// The number of who said it, where the platform's word counts.
    pub person: Option<String>,
    /// What is taken down too.
    pub copies: Vec<CaseCopy>,
}

/// A word that somebody still owes the acts of.
#[derive(Clone, Debug)]
pub struct Owed {
    pub by: By,
    /// As it stands since the word.
    pub kept: KeptCase,
    pub debt: Debt,
}

macro_rules! owed {
    ($now:expr) => {
        concat!(
            "SELECT c.*, w.node AS debtor, w.actor AS actor, w.method AS method, w.person AS asker, w.copies AS copies \
             FROM case_word w JOIN scam_case c ON c.workspace = w.workspace AND c.number = w.number AND c.said = w.said \
             WHERE w.workspace = $1 AND (w.node = $2 AND w.at_ms < $3 OR w.node <> $2 AND NOT EXISTS (SELECT 1 FROM lease \
             WHERE lease.name = 'node:' || w.node AND lease.expires_ms > ",
            $now,
            ")) ORDER BY w.at_ms, w.number"
        )
    };
}

impl Store {
    /// Words whose acts dead nodes still owe, and this one since before `before_ms`. Their `by` is of `now_ms`.
    pub async fn owed(
        &self,
        workspace: &str,
        node: &str,
        before_ms: i64,
        now_ms: i64,
    ) -> Result<Vec<Owed>, StoreError> {
        let rows = per_engine(owed!(sqlite_now!()), owed!(postgres_now!()));
        let rows = rows.bind(workspace).bind(node).bind(before_ms).all(&self.reads).await?;
        let owed = |row: &Row| {
            let (actor, method) = (row.text("actor")?, row.text("method")?);
            let by = By { workspace: workspace.to_owned(), actor, method, now_ms };
            let (node, person) = (row.text("debtor")?, row.opt_text("asker")?);
            Ok(Owed { by, kept: cases::kept(row)?, debt: Debt { node, person, copies: row.json("copies")? } })
        };
        rows.iter().map(owed).collect()
    }

    /// This node is at the acts of that word: nobody else takes them up for now, nor itself once more.
    pub async fn at_it(
        &self,
        workspace: &str,
        node: &str,
        (number, said): (i64, i64),
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(AtIt { workspace: workspace.to_owned(), node: node.to_owned(), number, said, now_ms }).await
    }

    /// Everything that this word leads to is ordered.
    pub async fn paid(&self, workspace: &str, number: i64, said: i64) -> Result<(), StoreError> {
        self.write(Paid { workspace: workspace.to_owned(), number, said }).await
    }
}

/// Writes down what the newest word about a case leads to; of earlier ones nothing more is ordered.
pub(crate) async fn owe(
    tx: &mut Conn,
    by: &By,
    (number, said): (i64, i64),
    debt: Option<&Debt>,
) -> Result<(), StoreError> {
    sql("DELETE FROM case_word WHERE workspace = $1 AND number = $2")
        .bind(&by.workspace)
        .bind(number)
        .execute(&mut *tx)
        .await?;
    let Some(debt) = debt else { return Ok(()) };
    sql("INSERT INTO case_word (workspace, number, said, node, actor, method, person, copies, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(&by.workspace)
    .bind(number)
    .bind(said)
    .bind(&debt.node)
    .bind(&by.actor)
    .bind(&by.method)
    .bind(debt.person.as_ref())
    .bind(serde_json::to_string(&debt.copies)?)
    .bind(by.now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

macro_rules! waiting {
    ($bytes:literal) => {
        concat!(
            "UPDATE outbox SET state = 'refused', attempt = attempt + 1 WHERE workspace = $1 AND state = 'ready' \
             AND id IN (SELECT m.outbox FROM moderation m WHERE m.workspace = $1 AND m.asked",
            $bytes,
            " >= $2 AND m.asked",
            $bytes,
            " < $3 AND m.reverses IS NULL AND (m.verb = 'remove' OR NOT EXISTS (SELECT 1 FROM attempt a \
             WHERE a.workspace = m.workspace AND a.outbox = m.outbox AND a.class = 'in_doubt'))) RETURNING id, attempt"
        )
    };
}

/// What follows from a case and still waits is not done any more. What may have reached the platform and can be taken back
/// stays in its line: what takes it back comes behind it.
pub(crate) async fn withdraw(tx: &mut Conn, by: &By, number: i64) -> Result<(), StoreError> {
    let (first, behind) = keys_of_case(number);
    let rows = per_engine(waiting!(""), waiting!(" COLLATE \"C\"")).bind(&by.workspace).bind(first).bind(behind);
    let rows = rows.all(&mut *tx).await?;
    outbox::note_refused(tx, &by.workspace, &rows, "the case was decided otherwise while it waited", by.now_ms).await
}

struct AtIt {
    workspace: String,
    node: String,
    number: i64,
    said: i64,
    now_ms: i64,
}

impl Write for AtIt {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("UPDATE case_word SET node = $4, at_ms = $5 WHERE workspace = $1 AND number = $2 AND said = $3")
                .bind(&self.workspace)
                .bind(self.number)
                .bind(self.said)
                .bind(&self.node)
                .bind(self.now_ms)
                .execute(tx)
                .await?;
            Ok(())
        })
    }
}

struct Paid {
    workspace: String,
    number: i64,
    said: i64,
}

impl Write for Paid {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("DELETE FROM case_word WHERE workspace = $1 AND number = $2 AND said = $3")
                .bind(&self.workspace)
                .bind(self.number)
                .bind(self.said)
                .execute(tx)
                .await?;
            Ok(())
        })
    }
}
