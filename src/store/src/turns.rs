//! Turns: settled once, with everything that came of them, in one transaction.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::stream::{Outcome, Reply};

use crate::actions::{self, NewAction};
use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::live;
use crate::outbox::{self, OutboxRow, Sendable};
use crate::places::{self, SeenPlace};
use crate::{Store, StoreError};

/// The end of a turn: its terminal, its reply, and what must be said on a platform.
#[derive(Debug)]
pub struct Settle {
    pub workspace: String,
    pub turn: String,
    pub conversation: String,
    /// The event it answers.
    pub inbound: Inbound,
    pub attempt: u32,
    /// Who answered, and sends what is to be sent.
    pub node: String,
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
    /// What the buttons below these stand for.
    pub actions: Vec<NewAction>,
    /// Whether it is not known what became of the live message: stands it there, it is taken down behind `say`.
    pub forsakes: bool,
    /// Where `say` is a notice that a place hears once.
    pub once: Option<Once>,
}

/// A notice that is said once in a place.
#[derive(Clone, Debug)]
pub struct Once {
    pub place: SeenPlace,
    /// What is done instead where it was said before.
    pub otherwise: Option<Sendable>,
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

/// Where the answer to a message of somebody's stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// In this one message of ours.
    In(MessageRef),
    /// In one message that is still to be sent, or of which it is not known yet whether it was.
    OnItsWay,
    /// In several, in none, or in one that nobody can name.
    Elsewhere,
}

impl Store {
    /// Commits the terminal of a turn. [`StoreError::Fenced`] if this attempt is not the turn's any more.
    pub async fn settle(&self, settle: Arc<Settle>) -> Result<Settled, StoreError> {
        self.writer.settle(settle).await
    }

    /// The last `limit` turns of a conversation, oldest first: in the order in which they were answered, whatever the clock
    /// said.
    pub async fn past_turns(
        &self,
        workspace: &str,
        conversation: &str,
        limit: u32,
    ) -> Result<Vec<PastTurn>, StoreError> {
        let rows = sql("SELECT id, question, reply, ended_ms FROM turn WHERE workspace = $1 AND conversation = $2 \
             ORDER BY ordinal DESC LIMIT $3")
        .bind(workspace)
        .bind(conversation)
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().rev().map(past).collect()
    }

    /// Where our answer to a message of this conversation's person stands, if it was given since then.
    pub async fn answer_to(
        &self,
        workspace: &str,
        conversation: &str,
        asked: &MessageRef,
        since_ms: i64,
    ) -> Result<Given, StoreError> {
        let rows =
            sql("SELECT t.id, i.payload FROM turn t JOIN inbox i ON i.workspace = t.workspace AND i.turn = t.id \
             WHERE t.workspace = $1 AND t.conversation = $2 AND t.ended_ms >= $3 ORDER BY t.ended_ms DESC, t.id DESC \
             LIMIT 64")
            .bind(workspace)
            .bind(conversation)
            .bind(since_ms)
            .all(&self.reads)
            .await?;
        for row in &rows {
            let inbound: Inbound = row.json("payload")?;
            // A button stands below a message of ours, and asks nothing about it.
            if inbound.message.as_ref() == Some(asked) && !matches!(inbound.body, Body::Action { .. }) {
                return self.given(workspace, &row.text("id")?).await;
            }
        }
        Ok(Given::Elsewhere)
    }

    /// Where a turn's answer stands.
    async fn given(&self, workspace: &str, turn: &str) -> Result<Given, StoreError> {
        let rows = sql("SELECT state, message FROM outbox WHERE workspace = $1 AND turn = $2 AND part >= 0")
            .bind(workspace)
            .bind(turn)
            .all(&self.reads)
            .await?;
        let [row] = rows.as_slice() else { return Ok(Given::Elsewhere) };
        let message = row.opt_text("message")?.map(MessageRef);
        Ok(match (row.text("state")?.as_str(), message) {
            ("ready" | "sending", _) => Given::OnItsWay,
            ("sent", Some(message)) => Given::In(message),
            _ => Given::Elsewhere,
        })
    }

    /// A finished turn.
    pub async fn ended_turn(&self, workspace: &str, turn: &str) -> Result<Option<EndedTurn>, StoreError> {
        let row = sql("SELECT attempt, last_seq, outcome, reply FROM turn WHERE workspace = $1 AND id = $2")
            .bind(workspace)
            .bind(turn)
            .optional(&self.reads)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(EndedTurn {
            attempt: row.count("attempt")?,
            last_seq: row.int("last_seq")?.unsigned_abs(),
            outcome: row.json("outcome")?,
            reply: row.opt_json("reply")?,
        }))
    }
}

/// Takes the turns that this attempt still has, and ends their events: the fence. Gives back whose they were.
const DONE_SQLITE: &str = "\
    UPDATE inbox SET state = 'done' FROM json_each($1) AS r WHERE inbox.turn = r.value ->> 'turn' \
    AND inbox.workspace = r.value ->> 'workspace' AND inbox.attempt = r.value ->> 'attempt' AND inbox.state = 'new' \
    RETURNING turn";
const DONE_POSTGRES: &str = "\
    UPDATE inbox SET state = 'done' FROM jsonb_array_elements(CAST($1 AS jsonb)) AS r \
    WHERE inbox.turn = r.value ->> 'turn' AND inbox.workspace = r.value ->> 'workspace' \
    AND inbox.attempt = CAST(r.value ->> 'attempt' AS BIGINT) AND inbox.state = 'new' RETURNING turn";

const ENDED_SQLITE: &str = "\
    INSERT INTO turn (workspace, id, conversation, question, attempt, last_seq, started_ms, ended_ms, outcome, reply) \
    SELECT value ->> 'workspace', value ->> 'turn', value ->> 'conversation', value ->> 'question', value ->> 'attempt', \
    value ->> 'last_seq', value ->> 'started_ms', value ->> 'now_ms', value ->> 'outcome', value ->> 'reply' \
    FROM json_each($1)";
const ENDED_POSTGRES: &str = "\
    INSERT INTO turn (workspace, id, conversation, question, attempt, last_seq, started_ms, ended_ms, outcome, reply) \
    SELECT value ->> 'workspace', value ->> 'turn', value ->> 'conversation', value ->> 'question', \
    CAST(value ->> 'attempt' AS BIGINT), CAST(value ->> 'last_seq' AS BIGINT), CAST(value ->> 'started_ms' AS BIGINT), \
    CAST(value ->> 'now_ms' AS BIGINT), value ->> 'outcome', value ->> 'reply' \
    FROM jsonb_array_elements(CAST($1 AS jsonb))";

/// A conversation may end two turns in one batch (a control goes beside the others), and PostgreSQL touches a row only
/// once a statement: hence one row each.
const TOUCHED_SQLITE: &str = "\
    INSERT INTO conversation (workspace, id, account, place, thread, person, opened_ms, last_ms) \
    SELECT value ->> 'workspace', value ->> 'conversation', value ->> 'account', value ->> 'place', value ->> 'thread', \
    value ->> 'person', value ->> 'now_ms', value ->> 'now_ms' FROM json_each($1) WHERE true \
    ON CONFLICT (workspace, id) DO UPDATE SET last_ms = excluded.last_ms";
const TOUCHED_POSTGRES: &str = "\
    INSERT INTO conversation (workspace, id, account, place, thread, person, opened_ms, last_ms) \
    SELECT value ->> 'workspace', value ->> 'conversation', value ->> 'account', value ->> 'place', value ->> 'thread', \
    value ->> 'person', CAST(value ->> 'now_ms' AS BIGINT), CAST(value ->> 'now_ms' AS BIGINT) \
    FROM jsonb_array_elements(CAST($1 AS jsonb)) ON CONFLICT (workspace, id) DO UPDATE SET last_ms = excluded.last_ms";

/// One row of the statements above.
#[derive(Serialize)]
struct EndRow<'a> {
    workspace: &'a str,
    turn: &'a str,
    conversation: &'a str,
    question: Cow<'a, str>,
    attempt: u32,
    last_seq: i64,
    started_ms: i64,
    now_ms: i64,
    outcome: String,
    reply: Option<String>,
    account: &'a str,
    place: Cow<'a, str>,
    thread: Option<Cow<'a, str>>,
    person: Cow<'a, str>,
}

impl Settle {
    fn row(&self) -> Result<EndRow<'_>, StoreError> {
        Ok(EndRow {
            workspace: &self.workspace,
            turn: &self.turn,
            conversation: &self.conversation,
            question: keepable(&self.question),
            attempt: self.attempt,
            last_seq: i64::try_from(self.last_seq).unwrap_or(i64::MAX),
            started_ms: self.started_ms,
            now_ms: self.now_ms,
            outcome: serde_json::to_string(&self.outcome)?,
            reply: self.reply.as_ref().map(serde_json::to_string).transpose()?,
            account: self.inbound.account.as_str(),
            place: keepable(self.inbound.place.id.as_str()),
            thread: self.inbound.thread.as_ref().map(|thread| keepable(thread.as_str())),
            person: keepable(self.inbound.person.id.as_str()),
        })
    }
}

/// Ends many turns. A turn that another attempt took over, or that has ended, is not ours to end: [`StoreError::Fenced`]
/// for that one, and nothing of it is written.
pub(crate) async fn settle_all(
    tx: &mut Conn,
    settles: &[&Settle],
) -> Result<Vec<Result<Settled, StoreError>>, StoreError> {
    let rows = settles.iter().map(|settle| settle.row()).collect::<Result<Vec<_>, _>>()?;
    let fence: Vec<Fence<'_>> =
        rows.iter().map(|row| Fence { workspace: row.workspace, turn: row.turn, attempt: row.attempt }).collect();
    let done = per_engine(DONE_SQLITE, DONE_POSTGRES).bind(serde_json::to_string(&fence)?).all(&mut *tx).await?;
    let mut ours = done.iter().map(|row| row.text("turn")).collect::<Result<HashSet<String>, StoreError>>()?;
    // The same turn twice in one batch: the second is late.
    let mine: Vec<bool> = settles.iter().map(|settle| ours.remove(&settle.turn)).collect();
    let ended: Vec<&EndRow<'_>> = rows.iter().zip(&mine).filter(|(_, mine)| **mine).map(|(row, _)| row).collect();
    if !ended.is_empty() {
        let json = serde_json::to_string(&ended)?;
        per_engine(ENDED_SQLITE, ENDED_POSTGRES).bind(json).execute(&mut *tx).await?;
        let touched: HashMap<&str, &EndRow<'_>> = ended.iter().map(|row| (row.conversation, *row)).collect();
        let json = serde_json::to_string(&touched.values().collect::<Vec<_>>())?;
        per_engine(TOUCHED_SQLITE, TOUCHED_POSTGRES).bind(json).execute(&mut *tx).await?;
    }
    let ending: Vec<&Settle> =
        settles.iter().zip(&mine).filter(|(_, mine)| **mine).map(|(settle, _)| *settle).collect();
    actions::insert(tx, &ending).await?;
    let mut outs = Vec::with_capacity(settles.len());
    for (settle, mine) in settles.iter().zip(mine) {
        outs.push(if mine { Ok(say(tx, settle).await?) } else { Err(StoreError::Fenced) });
    }
    Ok(outs)
}

/// Writes what a turn says. That a place has heard a notice is in the same commit as the notice.
async fn say(tx: &mut Conn, settle: &Settle) -> Result<Settled, StoreError> {
    let Some(Once { place, otherwise }) = &settle.once else {
        let settled = outbox::insert(tx, settle, &settle.say).await?;
        if settle.forsakes {
            live::forsake_unknown(tx, settle).await?;
        }
        return Ok(settled);
    };
    let first = places::tell(tx, &settle.workspace, place, settle.inbound.event.as_str()).await?;
    let otherwise = otherwise.as_slice();
    outbox::insert(tx, settle, if first { &settle.say } else { otherwise }).await
}

/// Who must still have a turn for its end to count.
#[derive(Serialize)]
struct Fence<'a> {
    workspace: &'a str,
    turn: &'a str,
    attempt: u32,
}

fn past(row: &Row) -> Result<PastTurn, StoreError> {
    Ok(PastTurn {
        turn: row.text("id")?,
        question: row.text("question")?,
        reply: row.opt_json("reply")?,
        ended_ms: row.int("ended_ms")?,
    })
}
