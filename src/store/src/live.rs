//! The live message of a turn: what people see of an answer while it is written. It is a row of the outbox like
//! everything we say, before its turn has ended; later words are edits without a row, the last ones a row again.
//!
//! Its part is -1: no part of the answer waits for it, and none is held back by it.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::outbound::Act;

use crate::db::{Conn, per_engine, sql};
use crate::outbox::{Ack, OutboxRow, Sendable, begin_attempt};
use crate::turns::Settle;
use crate::writer::Write;
use crate::{Store, StoreError};

/// The first words of an answer that is being written.
#[derive(Clone, Debug)]
pub struct Live {
    pub workspace: String,
    pub account: String,
    pub turn: String,
    /// The attempt that answers: one that has lost its turn says nothing.
    pub attempt: u32,
    /// Who sends it.
    pub node: String,
    pub say: Sendable,
    pub now_ms: i64,
}

/// What became of a turn's live message.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRow {
    pub id: String,
    pub state: String,
    /// The platform's name of it, once it is `sent`.
    pub message: Option<String>,
    /// The first words.
    pub act: Act,
}

impl Store {
    /// Writes the live message of a turn, `sending`. `None`: its destination is busy, it has one already, or the turn is
    /// not this attempt's any more; nothing was written.
    pub async fn say_live(&self, live: Live) -> Result<Option<OutboxRow>, StoreError> {
        self.write(live).await
    }

    /// The live message of a turn, if it has one.
    pub async fn live_message(&self, workspace: &str, turn: &str) -> Result<Option<LiveRow>, StoreError> {
        let row = sql("SELECT id, state, message, act FROM outbox WHERE workspace = $1 AND turn = $2 AND part = -1")
            .bind(workspace)
            .bind(turn)
            .optional(&self.reads)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(LiveRow {
            id: row.text("id")?,
            state: row.text("state")?,
            message: row.opt_text("message")?,
            act: row.json("act")?,
        }))
    }
}

/// On SQLite the place in the line is the last one's plus one; on PostgreSQL a sequence gives it.
macro_rules! say_live {
    ($columns:literal, $seq:literal) => {
        concat!(
            "INSERT INTO outbox (workspace, id, account, dest, turn, part, reply_to, act, state, attempt, next_ms, \
             created_ms, deadline_ms, node",
            $columns,
            ") SELECT $1, $2, $3, $4, $5, -1, $6, $7, 'sending', 1, $8, $8, $9, $10",
            $seq,
            " FROM inbox WHERE inbox.workspace = $1 AND inbox.turn = $5 AND inbox.attempt = $11 AND inbox.state = 'new' \
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = $1 AND o.account = $3 AND o.dest = $4 \
             AND o.state IN ('ready', 'sending')) \
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = $1 AND o.turn = $5 AND o.part = -1) \
             ON CONFLICT DO NOTHING"
        )
    };
}
const SAY_SQLITE: &str = say_live!(
    ", seq",
    ", (SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox WHERE workspace = $1 AND account = $3 AND dest = $4)"
);
const SAY_POSTGRES: &str = say_live!("", "");

impl Write for Live {
    type Out = Option<OutboxRow>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let written = per_engine(SAY_SQLITE, SAY_POSTGRES)
                .bind(&self.workspace)
                .bind(&self.say.id)
                .bind(&self.account)
                .bind(&self.say.dest)
                .bind(&self.turn)
                .bind(&self.say.reply_to.0)
                .bind(serde_json::to_string(&self.say.act)?)
                .bind(self.now_ms)
                .bind(self.say.deadline_ms)
                .bind(&self.node)
                .bind(i64::from(self.attempt))
                .execute(&mut *tx)
                .await?;
            if written == 0 {
                return Ok(None);
            }
            begin_attempt(tx, &self.workspace, &self.say.id, 1, self.now_ms).await?;
            Ok(Some(OutboxRow {
                id: self.say.id.clone(),
                account: self.account.clone(),
                dest: self.say.dest.clone(),
                turn: self.turn.clone(),
                reply_to: self.say.reply_to.clone(),
                act: self.say.act.clone(),
                attempt: 1,
                repeated: false,
            }))
        })
    }
}

/// Where a live message is among the parts of its answer.
pub(crate) const PART: i64 = -1;

macro_rules! forsaken {
    ($columns:literal, $seq:literal) => {
        concat!(
            "INSERT INTO outbox (workspace, id, account, dest, turn, part, reply_to, act, state, attempt, next_ms, \
             created_ms, deadline_ms, node",
            $columns,
            ") SELECT l.workspace, l.id || '-', l.account, l.dest, l.turn, (SELECT MAX(p.part) + 1 FROM outbox p \
             WHERE p.workspace = $1 AND p.turn = l.turn), l.reply_to, $3, 'ready', 0, $4, $4, $5, l.node",
            $seq,
            " FROM outbox l WHERE l.workspace = $1 AND l.id = $2 AND EXISTS (SELECT 1 FROM turn t \
             WHERE t.workspace = $1 AND t.id = l.turn) ON CONFLICT DO NOTHING"
        )
    };
}
const FORSAKEN_SQLITE: &str = forsaken!(
    ", seq",
    ", (SELECT COALESCE(MAX(o.seq), 0) + 1 FROM outbox o WHERE o.workspace = $1 AND o.account = l.account \
     AND o.dest = l.dest)"
);
const FORSAKEN_POSTGRES: &str = forsaken!("", "");

/// A live message that turns out to stand there after its turn has ended without it is taken down: behind the whole
/// answer, and once that is said.
pub(crate) async fn forsake(tx: &mut Conn, ack: &Ack, message: &str) -> Result<(), StoreError> {
    take_down(tx, &ack.workspace, &ack.id, message, ack.now_ms).await
}

/// The same at the end of a turn that does not know what became of its live message. Whoever records that meanwhile waits.
pub(crate) async fn forsake_unknown(tx: &mut Conn, settle: &Settle) -> Result<(), StoreError> {
    let row = sql("UPDATE outbox SET part = part WHERE workspace = $1 AND turn = $2 AND part = -1 \
         RETURNING id, state, message");
    let row = row.bind(&settle.workspace).bind(&settle.turn).optional(&mut *tx).await?;
    let Some(row) = row.filter(|row| row.text("state").is_ok_and(|state| state == "sent")) else { return Ok(()) };
    let Some(message) = row.opt_text("message")? else { return Ok(()) };
    take_down(tx, &settle.workspace, &row.text("id")?, &message, settle.now_ms).await
}

/// How long it is tried.
const DEADLINE_MS: i64 = 30 * 60 * 1000;

async fn take_down(tx: &mut Conn, workspace: &str, id: &str, message: &str, now_ms: i64) -> Result<(), StoreError> {
    let act = Act::Delete { message: message.into() };
    per_engine(FORSAKEN_SQLITE, FORSAKEN_POSTGRES)
        .bind(workspace)
        .bind(id)
        .bind(serde_json::to_string(&act)?)
        .bind(now_ms)
        .bind(now_ms.saturating_add(DEADLINE_MS))
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes a row that did not leave, and its attempts. `false`: it was not ours any more.
pub(crate) async fn withdraw(tx: &mut Conn, ack: &Ack) -> Result<bool, StoreError> {
    let gone = sql("DELETE FROM outbox WHERE workspace = $1 AND id = $2 AND attempt = $3 AND state = 'sending'")
        .bind(&ack.workspace)
        .bind(&ack.id)
        .bind(ack.attempt)
        .execute(&mut *tx)
        .await?;
    if gone != 1 {
        return Ok(false);
    }
    sql("DELETE FROM attempt WHERE workspace = $1 AND outbox = $2")
        .bind(&ack.workspace)
        .bind(&ack.id)
        .execute(tx)
        .await?;
    Ok(true)
}
