//! The inbox: every event that concerns us, exactly once, together with the cursor it was read at.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::Cursor;

use crate::cases::{self, NewCase};
use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::fingerprints::{self, Print, Prints};
use crate::lease::{self, Lease, postgres_now, sqlite_now};
use crate::writer::Write;
use crate::{Store, StoreError, cursor, fault, outbox};

/// A batch of events from one account.
#[derive(Clone, Debug)]
pub struct Accept {
    pub workspace: String,
    pub account: String,
    pub events: Vec<NewEvent>,
    /// What the shield found in this batch, in these events or in others.
    pub cases: Vec<NewCase>,
    /// What was said in watched places since the last commit.
    pub prints: Vec<Print>,
    pub cursor: Option<Cursor>,
    /// Who answers them.
    pub node: String,
    /// The account's lease, where the source may be read by one node only.
    pub lease: Option<Lease>,
    pub now_ms: i64,
}

/// One event, with the ids its turn will have if it is new.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub inbound: Inbound,
    pub conversation: String,
    pub turn: String,
}

/// What became of one event, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    New,
    /// It had been delivered before, and belongs to this turn.
    Repeat {
        turn: String,
    },
}

/// An accepted event that has no terminal yet.
#[derive(Clone, Debug)]
pub struct InboxRow {
    pub inbound: Inbound,
    pub conversation: String,
    pub turn: String,
    pub attempt: u32,
    pub received_ms: i64,
}

/// What dead nodes left unfinished.
#[derive(Debug, Default)]
pub struct Recovered {
    /// In the order in which they were accepted.
    pub events: Vec<InboxRow>,
    /// Deliveries that were under way: now `unknown`, or `ready` where a repeat is harmless.
    pub in_doubt: u64,
}

impl Store {
    /// Commits the batch and the cursor together. [`StoreError::Fenced`] if the lease is somebody else's by now.
    pub async fn accept(&self, accept: Accept) -> Result<Vec<Accepted>, StoreError> {
        self.writer.accept(accept).await
    }

    /// Takes up what dead nodes left: raises the attempt of every unfinished event of theirs and makes it `node`'s, and
    /// puts deliveries that were under way in doubt. A node is dead when its lease has run out. What came over a leased
    /// account goes to the node that has the account now, so that a conversation keeps its order. `keyed` names the
    /// accounts whose platform takes an idempotency key.
    pub async fn take_over(
        &self,
        workspace: &str,
        node: &str,
        keyed: Vec<String>,
        now_ms: i64,
    ) -> Result<Recovered, StoreError> {
        self.write(TakeOver { workspace: workspace.to_owned(), node: node.to_owned(), keyed, now_ms }).await
    }

    /// The event behind a turn that has not ended.
    pub async fn open_event(&self, workspace: &str, turn: &str) -> Result<Option<InboxRow>, StoreError> {
        let row = sql("SELECT payload, conversation, turn, attempt, received_ms FROM inbox \
             WHERE workspace = $1 AND turn = $2 AND state = 'new'")
        .bind(workspace)
        .bind(turn)
        .optional(&self.reads)
        .await?;
        row.map(|row| decode(&row)).transpose()
    }

    /// How many events were accepted, and how many of them have no terminal: for doctor and tests.
    pub async fn inbox_counts(&self, workspace: &str) -> Result<(i64, i64), StoreError> {
        let row = sql(
            "SELECT COUNT(*) AS total, COUNT(CASE WHEN state = 'new' THEN 1 END) AS open FROM inbox WHERE workspace = $1",
        )
        .bind(workspace)
        .one(&self.reads)
        .await?;
        Ok((row.int("total")?, row.int("open")?))
    }
}

/// All rows of many batches in one statement; the rows come as one JSON array. Gives back the turns that are new.
///
/// `WHERE true` keeps SQLite from reading `ON CONFLICT` as part of the join. The ordinal counts up in the order of the
/// array; on PostgreSQL, where there may be several writers, a sequence gives it.
const ACCEPT_SQLITE: &str = "\
    INSERT INTO inbox (workspace, account, event, conversation, turn, payload, received_ms, node, ordinal, state) \
    SELECT value ->> 'workspace', value ->> 'account', value ->> 'event', value ->> 'conversation', value ->> 'turn', \
    value ->> 'payload', value ->> 'received_ms', value ->> 'node', (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM inbox) + key, 'new' \
    FROM json_each($1) WHERE true ON CONFLICT (workspace, account, event) DO NOTHING RETURNING turn";
const ACCEPT_POSTGRES: &str = "\
    INSERT INTO inbox (workspace, account, event, conversation, turn, payload, received_ms, node, state) \
    SELECT value ->> 'workspace', value ->> 'account', value ->> 'event', value ->> 'conversation', value ->> 'turn', \
    value ->> 'payload', CAST(value ->> 'received_ms' AS BIGINT), value ->> 'node', 'new' \
    FROM jsonb_array_elements(CAST($1 AS jsonb)) ON CONFLICT (workspace, account, event) DO NOTHING RETURNING turn";

/// One row of [`ACCEPT_SQLITE`].
#[derive(Serialize)]
struct NewRow<'a> {
    workspace: &'a str,
    account: &'a str,
    event: Cow<'a, str>,
    conversation: &'a str,
    turn: &'a str,
    payload: String,
    received_ms: i64,
    node: &'a str,
}

/// Writes many batches; what became of each event, batch by batch. A batch whose lease is lost is fenced, alone.
pub(crate) async fn accept_all(
    tx: &mut Conn,
    accepts: &[&Accept],
) -> Result<Vec<Result<Vec<Accepted>, StoreError>>, StoreError> {
    let mut held = Vec::with_capacity(accepts.len());
    for accept in accepts {
        held.push(match &accept.lease {
            Some(lease) => lease::held(tx, lease).await?,
            None => true,
        });
    }
    let mut rows = Vec::with_capacity(accepts.len());
    for (accept, _) in accepts.iter().zip(&held).filter(|(_, held)| **held) {
        for event in &accept.events {
            rows.push(accept.row(event)?);
        }
    }
    let inserted = if rows.is_empty() {
        Vec::new()
    } else {
        per_engine(ACCEPT_SQLITE, ACCEPT_POSTGRES).bind(serde_json::to_string(&rows)?).all(&mut *tx).await?
    };
    let new = inserted.iter().map(|row| row.text("turn")).collect::<Result<HashSet<String>, StoreError>>()?;
    fingerprints::insert(tx, accepts.iter().zip(&held).filter(|(_, held)| **held).map(|(accept, _)| accept.prints()))
        .await?;
    let mut outs = Vec::with_capacity(accepts.len());
    for (accept, held) in accepts.iter().zip(held) {
        outs.push(if held { Ok(accept.outcome(tx, &new).await?) } else { Err(StoreError::Fenced) });
    }
    fault!("inbox.before_commit");
    Ok(outs)
}

impl Accept {
    fn row<'a>(&'a self, event: &'a NewEvent) -> Result<NewRow<'a>, StoreError> {
        Ok(NewRow {
            workspace: &self.workspace,
            account: &self.account,
            event: keepable(event.inbound.event.as_str()),
            conversation: &event.conversation,
            turn: &event.turn,
            payload: serde_json::to_string(&event.inbound)?,
            received_ms: self.now_ms,
            node: &self.node,
        })
    }

    fn prints(&self) -> Prints<'_> {
        Prints { workspace: &self.workspace, node: &self.node, said: &self.prints }
    }

    /// What became of its events, given the turns that are new; and the cursor behind them.
    async fn outcome(&self, tx: &mut Conn, new: &HashSet<String>) -> Result<Vec<Accepted>, StoreError> {
        let mut out = Vec::with_capacity(self.events.len());
        for event in &self.events {
            out.push(if new.contains(&event.turn) { Accepted::New } else { self.repeat(tx, event).await? });
        }
        cases::insert(tx, &self.workspace, &self.account, &self.cases, self.now_ms).await?;
        if let Some(to) = &self.cursor {
            cursor::advance(tx, (&self.workspace, &self.account), (&to.scope, &to.value), self.now_ms).await?;
        }
        Ok(out)
    }

    /// The turn of an event that was there already, maybe from the same batch.
    async fn repeat(&self, tx: &mut Conn, event: &NewEvent) -> Result<Accepted, StoreError> {
        let row = sql("SELECT turn FROM inbox WHERE workspace = $1 AND account = $2 AND event = $3")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(event.inbound.event.as_str())
            .one(tx)
            .await?;
        Ok(Accepted::Repeat { turn: row.text("turn")? })
    }
}

struct TakeOver {
    workspace: String,
    node: String,
    keyed: Vec<String>,
    now_ms: i64,
}

macro_rules! take_events {
    ($now:expr) => {
        concat!(
            "UPDATE inbox SET attempt = attempt + 1, node = $2 WHERE workspace = $1 AND state = 'new' \
             AND (node IS NULL OR node <> $2 AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.name = 'node:' || inbox.node \
             AND lease.expires_ms > ",
            $now,
            ")) AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.name = 'account:' || inbox.account AND lease.holder <> $2) \
             RETURNING payload, conversation, turn, attempt, received_ms, ordinal"
        )
    };
}

impl Write for TakeOver {
    type Out = Recovered;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let rows = per_engine(take_events!(sqlite_now!()), take_events!(postgres_now!()))
                .bind(&self.workspace)
                .bind(&self.node)
                .all(&mut *tx)
                .await?;
            let mut taken = Vec::with_capacity(rows.len());
            for row in &rows {
                taken.push((row.int("ordinal")?, row));
            }
            taken.sort_by_key(|(ordinal, _)| *ordinal);
            // One row that cannot be read must not keep the others from being answered.
            let readable = |(_, row): (i64, &Row)| {
                decode(row).inspect_err(|error| tracing::error!(%error, "an event cannot be read")).ok()
            };
            let events = taken.into_iter().filter_map(readable).collect();
            let in_doubt = outbox::doubt(tx, &self.workspace, &self.node, &self.keyed, self.now_ms).await?;
            Ok(Recovered { events, in_doubt })
        })
    }
}

fn decode(row: &Row) -> Result<InboxRow, StoreError> {
    Ok(InboxRow {
        inbound: row.json("payload")?,
        conversation: row.text("conversation")?,
        turn: row.text("turn")?,
        attempt: row.count("attempt")?,
        received_ms: row.int("received_ms")?,
    })
}
