//! The outbox: the ledger of everything we say on a platform.
//!
//! A row is `sending` on disk before its request leaves. What is then not confirmed is `unknown`, never sent again
//! without a key that makes a repeat harmless. Order holds within a destination: only its head may be claimed; an
//! `unknown` or `refused` part holds back the later parts of its own message, nobody else. The live message of a turn that
//! is still being answered stands here too (`live`).

use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;

use crate::db::{Conn, Row, per_engine, sql};
use crate::lease::{postgres_now, sqlite_now};
use crate::turns::{Settle, Settled};
use crate::writer::Write;
use crate::{Store, StoreError, fault, live};

/// One message to send.
#[derive(Clone, Debug)]
pub struct Sendable {
    pub id: String,
    /// The line it queues in: one per chat.
    pub dest: String,
    pub reply_to: ReplyTo,
    pub act: Act,
    /// After this a reply is too late to be of use, and expires visibly.
    pub deadline_ms: i64,
}

/// A claimed row: to be delivered once, then acknowledged under the same attempt.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    pub id: String,
    pub account: String,
    pub dest: String,
    pub turn: String,
    pub reply_to: ReplyTo,
    pub act: Act,
    pub attempt: i64,
    /// Whether an earlier attempt may have reached the platform.
    pub repeated: bool,
}

/// What a claim took.
#[derive(Debug, Default)]
pub struct Claimed {
    pub rows: Vec<OutboxRow>,
    /// How many rows had waited too long and were given up.
    pub expired: u64,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Sent {
        message: Option<String>,
    },
    /// Certainly not delivered: again, not before `next_ms`.
    Again {
        next_ms: i64,
        class: &'static str,
        detail: String,
    },
    /// Not delivered: the place has another address. Again, there.
    Moved {
        to: ReplyTo,
        next_ms: i64,
    },
    /// Not delivered as it was: again, as this.
    Anew {
        act: Act,
        next_ms: i64,
        detail: String,
    },
    /// Certainly not delivered, and not wanted any more: the row is deleted.
    Withdrawn,
    Refused {
        detail: String,
    },
    /// Nobody knows.
    Unknown {
        detail: String,
    },
}

/// The end of one attempt, fenced by its number.
#[derive(Clone, Debug)]
pub struct Ack {
    pub workspace: String,
    pub id: String,
    pub attempt: i64,
    pub verdict: Verdict,
    pub now_ms: i64,
}

impl Store {
    /// Takes up to `limit` heads of destinations that are due, and marks them `sending`. Expires what is too late.
    /// They are `node`'s then.
    pub async fn claim(&self, workspace: &str, node: &str, now_ms: i64, limit: u32) -> Result<Claimed, StoreError> {
        self.claim_keyed(workspace, node, now_ms, limit, Vec::new()).await
    }

    /// The same for accounts whose platform forgets a key: (account, milliseconds that it remembers one). A message that
    /// may have been said before that is not sent again, but becomes `unknown`.
    pub async fn claim_keyed(
        &self,
        workspace: &str,
        node: &str,
        now_ms: i64,
        limit: u32,
        keys: Vec<(String, i64)>,
    ) -> Result<Claimed, StoreError> {
        self.write(Claim { workspace: workspace.to_owned(), node: node.to_owned(), now_ms, limit, keys }).await
    }

    /// Records what became of an attempt. `false`: the row was not ours any more, nothing was written.
    pub async fn ack(&self, ack: Ack) -> Result<bool, StoreError> {
        self.write(ack).await
    }

    /// Whether anything may be waiting to be claimed (its head may still be under way).
    pub async fn has_due(&self, workspace: &str, now_ms: i64) -> Result<bool, StoreError> {
        let row = sql("SELECT COUNT(*) AS due FROM (SELECT 1 FROM outbox WHERE workspace = $1 AND state = 'ready' \
             AND (next_ms <= $2 OR deadline_ms <= $2) LIMIT 1) AS due")
        .bind(workspace)
        .bind(now_ms)
        .one(&self.reads)
        .await?;
        Ok(row.int("due")? > 0)
    }

    /// How many rows are in `state`: for doctor, metrics and tests.
    pub async fn outbox_count(&self, workspace: &str, state: &str) -> Result<i64, StoreError> {
        let row = sql("SELECT COUNT(*) AS n FROM outbox WHERE workspace = $1 AND state = $2")
            .bind(workspace)
            .bind(state)
            .one(&self.reads)
            .await?;
        row.int("n")
    }
}

/// A later part is never born `sending`: it waits for the earlier ones, wherever it goes. On SQLite the place in the line is
/// the last one's plus one; on PostgreSQL, with several writers, a sequence gives it.
macro_rules! say {
    ($columns:literal, $seq:literal) => {
        concat!(
            "INSERT INTO outbox (workspace, id, account, dest, turn, part, reply_to, act, state, attempt, next_ms, \
             created_ms, deadline_ms, node",
            $columns,
            ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN busy.n > 0 OR $6 > 0 THEN 'ready' ELSE 'sending' END, \
             CASE WHEN busy.n > 0 OR $6 > 0 THEN 0 ELSE 1 END, $9, $9, $10, $11",
            $seq,
            " FROM (SELECT COUNT(*) AS n FROM outbox WHERE workspace = $1 AND account = $3 AND dest = $4 \
             AND state IN ('ready', 'sending')) AS busy RETURNING state"
        )
    };
}
const SAY_SQLITE: &str = say!(
    ", seq",
    ", (SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox WHERE workspace = $1 AND account = $3 AND dest = $4)"
);
const SAY_POSTGRES: &str = say!("", "");

/// The heads of destinations that are due. No part waits for a live message, which is none. The state is asked for twice: on an engine with concurrent writers the inner
/// SELECT alone would let two of them claim one row; there it also locks what it chose, and passes over what others have.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE outbox SET state = 'sending', attempt = attempt + 1, node = $4 \
             WHERE workspace = $1 AND state = 'ready' AND id IN ( \
               SELECT o.id FROM outbox o WHERE o.workspace = $1 AND o.state = 'ready' AND o.next_ms <= $2 \
               AND NOT EXISTS (SELECT 1 FROM outbox h WHERE h.workspace = o.workspace AND h.turn = o.turn \
                 AND h.part >= 0 AND h.part < o.part AND h.state <> 'sent') \
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.workspace = o.workspace AND e.account = o.account \
                 AND e.dest = o.dest AND e.seq < o.seq AND e.state IN ('ready', 'sending') \
                 AND NOT EXISTS (SELECT 1 FROM outbox h WHERE h.workspace = e.workspace AND h.turn = e.turn \
                   AND h.part >= 0 AND h.part < e.part AND h.state IN ('unknown', 'refused', 'expired'))) \
               ORDER BY o.next_ms, o.seq LIMIT $3",
            $lock,
            ") RETURNING id, account, dest, turn, reply_to, act, attempt, CAST((SELECT COUNT(*) FROM attempt a \
             WHERE a.workspace = outbox.workspace AND a.outbox = outbox.id AND a.class = 'in_doubt') AS BIGINT) AS doubts"
        )
    };
}
const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE OF o SKIP LOCKED");

/// Writes what a settled turn says.
pub(crate) async fn insert(tx: &mut Conn, settle: &Settle, say: &[Sendable]) -> Result<Settled, StoreError> {
    let mut settled = Settled::default();
    for (part, say) in say.iter().enumerate() {
        let queue = Queue {
            workspace: &settle.workspace,
            account: settle.inbound.account.as_str(),
            turn: &settle.turn,
            part: i64::try_from(part).unwrap_or(i64::MAX),
            node: &settle.node,
            now_ms: settle.now_ms,
        };
        settled.send.extend(self::queue(tx, &queue, say).await?);
    }
    Ok(settled)
}

/// Where in the outbox something goes, and who sends it.
pub(crate) struct Queue<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) account: &'a str,
    pub(crate) turn: &'a str,
    pub(crate) part: i64,
    pub(crate) node: &'a str,
    pub(crate) now_ms: i64,
}

/// Writes one row. Where the destination is idle it is born `sending`, which spares the commit of a claim: then it is to be
/// delivered now.
pub(crate) async fn queue(tx: &mut Conn, queue: &Queue<'_>, say: &Sendable) -> Result<Option<OutboxRow>, StoreError> {
    let born = per_engine(SAY_SQLITE, SAY_POSTGRES)
        .bind(queue.workspace)
        .bind(&say.id)
        .bind(queue.account)
        .bind(&say.dest)
        .bind(queue.turn)
        .bind(queue.part)
        .bind(&say.reply_to.0)
        .bind(serde_json::to_string(&say.act)?)
        .bind(queue.now_ms)
        .bind(say.deadline_ms)
        .bind(queue.node)
        .one(&mut *tx)
        .await?;
    if born.text("state")? != "sending" {
        return Ok(None);
    }
    begin_attempt(tx, queue.workspace, &say.id, 1, queue.now_ms).await?;
    Ok(Some(OutboxRow {
        id: say.id.clone(),
        account: queue.account.to_owned(),
        dest: say.dest.clone(),
        turn: queue.turn.to_owned(),
        reply_to: say.reply_to.clone(),
        act: say.act.clone(),
        attempt: 1,
        repeated: false,
    }))
}

/// On SQLite the place in the line is the last one's plus one; on PostgreSQL a sequence gives it.
macro_rules! wait {
    ($columns:literal, $seq:literal) => {
        concat!(
            "INSERT INTO outbox (workspace, id, account, dest, turn, part, reply_to, act, state, attempt, next_ms, \
             created_ms, deadline_ms",
            $columns,
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ready', 0, $9, $10, $11",
            $seq,
            ")"
        )
    };
}
const WAIT_SQLITE: &str = wait!(
    ", seq",
    ", (SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox WHERE workspace = $1 AND account = $3 AND dest = $4)"
);
const WAIT_POSTGRES: &str = wait!("", "");

/// Writes one row that waits for its turn in its line, however idle that is; not before `next_ms`. Any node may claim it.
pub(crate) async fn wait(tx: &mut Conn, queue: &Queue<'_>, say: &Sendable, next_ms: i64) -> Result<(), StoreError> {
    per_engine(WAIT_SQLITE, WAIT_POSTGRES)
        .bind(queue.workspace)
        .bind(&say.id)
        .bind(queue.account)
        .bind(&say.dest)
        .bind(queue.turn)
        .bind(queue.part)
        .bind(&say.reply_to.0)
        .bind(serde_json::to_string(&say.act)?)
        .bind(next_ms)
        .bind(queue.now_ms)
        .bind(say.deadline_ms)
        .execute(tx)
        .await?;
    Ok(())
}

macro_rules! doubt {
    ($now:expr, $state:literal, $which:literal) => {
        concat!(
            "UPDATE outbox SET state = ",
            $state,
            " WHERE workspace = $1 AND state = 'sending' AND (node IS NULL OR node <> $2 AND NOT EXISTS (SELECT 1 \
             FROM lease WHERE lease.name = 'node:' || outbox.node AND lease.expires_ms > ",
            $now,
            "))",
            $which,
            " RETURNING id, attempt"
        )
    };
}

/// What a dead node had under way is in doubt; where a repeat is harmless it is sent again. Returns how many rows were.
pub(crate) async fn doubt(
    tx: &mut Conn,
    workspace: &str,
    node: &str,
    keyed: &[String],
    now_ms: i64,
) -> Result<u64, StoreError> {
    let mut rows = Vec::new();
    for account in keyed {
        let again = per_engine(
            doubt!(sqlite_now!(), "'ready'", " AND account = $3"),
            doubt!(postgres_now!(), "'ready'", " AND account = $3"),
        );
        rows.extend(again.bind(workspace).bind(node).bind(account).all(&mut *tx).await?);
    }
    // A JSON text of ours begins with its tag. Whatever is no new message is the same when it is done twice.
    let harmless = per_engine(
        doubt!(sqlite_now!(), "'ready'", " AND act NOT LIKE '{\"act\":\"message\"%'"),
        doubt!(postgres_now!(), "'ready'", " AND act NOT LIKE '{\"act\":\"message\"%'"),
    );
    rows.extend(harmless.bind(workspace).bind(node).all(&mut *tx).await?);
    let unknown = per_engine(doubt!(sqlite_now!(), "'unknown'", ""), doubt!(postgres_now!(), "'unknown'", ""));
    rows.extend(unknown.bind(workspace).bind(node).all(&mut *tx).await?);
    for row in &rows {
        sql("UPDATE attempt SET ended_ms = $4, class = 'in_doubt', detail = 'the daemon ended during the request' \
             WHERE workspace = $1 AND outbox = $2 AND n = $3 AND ended_ms IS NULL")
        .bind(workspace)
        .bind(row.text("id")?)
        .bind(row.int("attempt")?)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
    }
    Ok(rows.len() as u64)
}

struct Claim {
    workspace: String,
    node: String,
    now_ms: i64,
    limit: u32,
    keys: Vec<(String, i64)>,
}

impl Write for Claim {
    type Out = Claimed;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let expired = sql(
                "UPDATE outbox SET state = 'expired' WHERE workspace = $1 AND state = 'ready' AND deadline_ms <= $2",
            )
            .bind(&self.workspace)
            .bind(self.now_ms)
            .execute(&mut *tx)
            .await?;
            for (account, window_ms) in &self.keys {
                forget_key(tx, &self.workspace, account, self.now_ms - window_ms).await?;
            }
            let rows = per_engine(CLAIM_SQLITE, CLAIM_POSTGRES)
                .bind(&self.workspace)
                .bind(self.now_ms)
                .bind(i64::from(self.limit))
                .bind(&self.node)
                .all(&mut *tx)
                .await?;
            let mut claimed = Claimed { rows: Vec::with_capacity(rows.len()), expired };
            for row in &rows {
                let row = decode(row)?;
                begin_attempt(tx, &self.workspace, &row.id, row.attempt, self.now_ms).await?;
                claimed.rows.push(row);
            }
            Ok(claimed)
        })
    }
}

impl Write for Ack {
    type Out = bool;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (state, next_ms, message, class, detail) = match &self.verdict {
                Verdict::Sent { message } => ("sent", None, message.as_deref(), "sent", None),
                Verdict::Again { next_ms, class, detail } => ("ready", Some(*next_ms), None, *class, Some(detail)),
                Verdict::Moved { next_ms, .. } => ("ready", Some(*next_ms), None, "moved", None),
                Verdict::Anew { next_ms, detail, .. } => ("ready", Some(*next_ms), None, "anew", Some(detail)),
                Verdict::Withdrawn => return live::withdraw(tx, self).await,
                Verdict::Refused { detail } => ("refused", None, None, "refused", Some(detail)),
                Verdict::Unknown { detail } => ("unknown", None, None, "in_doubt", Some(detail)),
            };
            let act = match &self.verdict {
                Verdict::Anew { act, .. } => Some(serde_json::to_string(act)?),
                _ => None,
            };
            let moved = if let Verdict::Moved { to, .. } = &self.verdict { Some(to.0.as_str()) } else { None };
            let fenced = sql("UPDATE outbox SET state = $4, next_ms = COALESCE($5, next_ms), message = $6, \
                 reply_to = COALESCE($7, reply_to), act = COALESCE($8, act) \
                 WHERE workspace = $1 AND id = $2 AND attempt = $3 AND state = 'sending' RETURNING part")
            .bind(&self.workspace)
            .bind(&self.id)
            .bind(self.attempt)
            .bind(state)
            .bind(next_ms)
            .bind(message)
            .bind(moved)
            .bind(act)
            .optional(&mut *tx)
            .await?;
            let Some(row) = fenced else { return Ok(false) };
            let is_live = row.int("part")? == live::PART;
            if let Some(message) = message.filter(|_| is_live) {
                live::forsake(tx, self, message).await?;
            }
            sql(
                "UPDATE attempt SET ended_ms = $4, class = $5, detail = $6 WHERE workspace = $1 AND outbox = $2 AND n = $3",
            )
            .bind(&self.workspace)
            .bind(&self.id)
            .bind(self.attempt)
            .bind(self.now_ms)
            .bind(class)
            .bind(detail)
            .execute(tx)
            .await?;
            fault!("outbox.record");
            Ok(true)
        })
    }
}

/// A message whose first try in doubt began before this is not covered by its key any more.
async fn forget_key(tx: &mut Conn, workspace: &str, account: &str, before_ms: i64) -> Result<(), StoreError> {
    sql("UPDATE outbox SET state = 'unknown' WHERE workspace = $1 AND account = $2 AND state = 'ready' \
         AND act LIKE '{\"act\":\"message\"%' AND EXISTS (SELECT 1 FROM attempt a WHERE a.workspace = outbox.workspace \
         AND a.outbox = outbox.id AND a.class = 'in_doubt' AND a.started_ms < $3)")
    .bind(workspace)
    .bind(account)
    .bind(before_ms)
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn begin_attempt(
    tx: &mut Conn,
    workspace: &str,
    outbox: &str,
    n: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql("INSERT INTO attempt (workspace, outbox, n, started_ms) VALUES ($1, $2, $3, $4)")
        .bind(workspace)
        .bind(outbox)
        .bind(n)
        .bind(now_ms)
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes why rows were refused that nobody tries any more. `rows`: `id`, `attempt`.
pub(crate) async fn note_refused(
    tx: &mut Conn,
    workspace: &str,
    rows: &[Row],
    detail: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    for row in rows {
        sql("INSERT INTO attempt (workspace, outbox, n, started_ms, ended_ms, class, detail) \
             VALUES ($1, $2, $3, $4, $4, 'refused', $5)")
        .bind(workspace)
        .bind(row.text("id")?)
        .bind(row.int("attempt")?)
        .bind(now_ms)
        .bind(detail)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn decode(row: &Row) -> Result<OutboxRow, StoreError> {
    Ok(OutboxRow {
        id: row.text("id")?,
        account: row.text("account")?,
        dest: row.text("dest")?,
        turn: row.text("turn")?,
        reply_to: ReplyTo(row.text("reply_to")?),
        act: row.json("act")?,
        attempt: row.int("attempt")?,
        repeated: row.int("doubts")? > 0,
    })
}
