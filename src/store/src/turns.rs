//! Turns: settled once, with everything that came of them, in one transaction.

use std::sync::Arc;

use sqlx::{Row, SqliteConnection};
use townkeeper_contract::BoxFuture;
use townkeeper_contract::id::ThreadId;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::stream::{Outcome, Reply};

use crate::outbox::{self, OutboxRow, Sendable};
use crate::writer::Write;
use crate::{Store, StoreError, inbox};

/// The end of a turn: its terminal, its reply, and what must be said on a platform.
#[derive(Debug)]
pub struct Settle {
    pub workspace: String,
    pub turn: String,
    pub conversation: String,
    /// The event it answers.
    pub inbound: Inbound,
    pub attempt: u32,
    /// The words that were asked, for later turns and tickets.
    pub question: String,
    /// `seq` of the terminal event.
    pub last_seq: u64,
    pub started_ms: i64,
    pub now_ms: i64,
    pub outcome: Outcome,
    pub reply: Option<Reply>,
    /// Rows to send, in order; empty where subscribers read the reply themselves (web).
    pub say: Vec<Sendable>,
}

/// What a settled turn left to do.
#[derive(Debug, Default)]
pub struct Settled {
    /// Rows that were born `sending`, because their destination was idle: to be delivered now.
    pub send: Vec<OutboxRow>,
}

/// One earlier turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct PastTurn {
    pub turn: String,
    pub question: String,
    pub reply: Option<Reply>,
    pub ended_ms: i64,
}

/// A finished turn, for those who come late.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedTurn {
    pub attempt: u32,
    pub last_seq: u64,
    pub outcome: Outcome,
    pub reply: Option<Reply>,
}

impl Store {
    /// Commits the terminal of a turn. [`StoreError::Fenced`] if this attempt is not the turn's any more.
    pub async fn settle(&self, settle: Arc<Settle>) -> Result<Settled, StoreError> {
        self.write(settle).await
    }

    /// The last `limit` turns of a conversation, oldest first.
    pub async fn past_turns(
        &self,
        workspace: &str,
        conversation: &str,
        limit: u32,
    ) -> Result<Vec<PastTurn>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, question, reply, ended_ms FROM turn WHERE workspace = $1 AND conversation = $2 \
             ORDER BY ended_ms DESC, id DESC LIMIT $3",
        )
        .bind(workspace)
        .bind(conversation)
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?;
        rows.iter().rev().map(past).collect()
    }

    /// A finished turn.
    pub async fn ended_turn(&self, workspace: &str, turn: &str) -> Result<Option<EndedTurn>, StoreError> {
        let row = sqlx::query("SELECT attempt, last_seq, outcome, reply FROM turn WHERE workspace = $1 AND id = $2")
            .bind(workspace)
            .bind(turn)
            .fetch_optional(&self.reads)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let outcome: String = row.try_get("outcome")?;
        let last_seq: i64 = row.try_get("last_seq")?;
        Ok(Some(EndedTurn {
            attempt: inbox::count(&row, "attempt")?,
            last_seq: last_seq.unsigned_abs(),
            outcome: serde_json::from_str(&outcome)?,
            reply: reply(&row)?,
        }))
    }
}

/// The end of a turn: the turn as it ended, its conversation touched, its event done. The first and the last touch a row
/// only if this attempt has the turn: that is the fence.
///
/// Each is SQL for every engine; they travel together because the way to the SQLite driver's thread and back costs more
/// than the statement does.
const SETTLE: &str = "\
    INSERT INTO turn (workspace, id, conversation, question, attempt, last_seq, started_ms, ended_ms, outcome, reply) \
    SELECT $1, $2, $4, $5, $3, $6, $7, $8, $9, $10 FROM inbox \
    WHERE workspace = $1 AND turn = $2 AND attempt = $3 AND state = 'new'; \
    INSERT INTO conversation (workspace, id, account, place, thread, person, opened_ms, last_ms) \
    VALUES ($1, $4, $11, $12, $13, $14, $8, $8) \
    ON CONFLICT (workspace, id) DO UPDATE SET last_ms = excluded.last_ms; \
    UPDATE inbox SET state = 'done' WHERE workspace = $1 AND turn = $2 AND attempt = $3 AND state = 'new'";

impl Write for Arc<Settle> {
    type Out = Settled;

    fn apply<'a>(&'a self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let settled = sqlx::query(SETTLE)
                .bind(&self.workspace)
                .bind(&self.turn)
                .bind(i64::from(self.attempt))
                .bind(&self.conversation)
                .bind(&self.question)
                .bind(i64::try_from(self.last_seq).unwrap_or(i64::MAX))
                .bind(self.started_ms)
                .bind(self.now_ms)
                .bind(serde_json::to_string(&self.outcome)?)
                .bind(self.reply.as_ref().map(serde_json::to_string).transpose()?)
                .bind(self.inbound.account.as_str())
                .bind(self.inbound.place.id.as_str())
                .bind(self.inbound.thread.as_ref().map(ThreadId::as_str))
                .bind(self.inbound.person.id.as_str())
                .execute(&mut *tx)
                .await?;
            // A turn that another attempt took over, or that has ended, is not ours to end; the roll-back undoes the rest.
            if settled.rows_affected() != 3 {
                return Err(StoreError::Fenced);
            }
            outbox::insert(tx, self).await
        })
    }
}

fn past(row: &sqlx::sqlite::SqliteRow) -> Result<PastTurn, StoreError> {
    Ok(PastTurn {
        turn: row.try_get("id")?,
        question: row.try_get("question")?,
        reply: reply(row)?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

fn reply(row: &sqlx::sqlite::SqliteRow) -> Result<Option<Reply>, StoreError> {
    let text: Option<String> = row.try_get("reply")?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}
