//! The inbox: every event that concerns us, exactly once, together with the cursor it was read at.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::Cursor;

use crate::db::{Conn, Row, keepable, per_engine, sql};
use crate::writer::Write;
use crate::{Store, StoreError, cursor, fault};

/// A batch of events from one account.
#[derive(Clone, Debug)]
pub struct Accept {
    pub workspace: String,
    pub account: String,
    pub events: Vec<NewEvent>,
    pub cursor: Option<Cursor>,
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

/// What start-up found unfinished.
#[derive(Debug, Default)]
pub struct Recovered {
    /// In the order in which they were accepted.
    pub events: Vec<InboxRow>,
    /// Deliveries that were under way: now `unknown`, or `ready` where a repeat is harmless.
    pub in_doubt: u64,
}

impl Store {
    /// Commits the batch and the cursor together.
    pub async fn accept(&self, accept: Accept) -> Result<Vec<Accepted>, StoreError> {
        self.writer.accept(accept).await
    }

    /// Takes up what an earlier process left: raises the attempt of every unfinished event, and puts deliveries that
    /// were under way in doubt. `keyed` names the accounts whose platform takes an idempotency key.
    pub async fn recover(&self, workspace: &str, keyed: Vec<String>, now_ms: i64) -> Result<Recovered, StoreError> {
        self.write(Recover { workspace: workspace.to_owned(), keyed, now_ms }).await
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
    INSERT INTO inbox (workspace, account, event, conversation, turn, payload, received_ms, ordinal, state) \
    SELECT value ->> 'workspace', value ->> 'account', value ->> 'event', value ->> 'conversation', value ->> 'turn', \
    value ->> 'payload', value ->> 'received_ms', (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM inbox) + key, 'new' \
    FROM json_each($1) WHERE true ON CONFLICT (workspace, account, event) DO NOTHING RETURNING turn";
const ACCEPT_POSTGRES: &str = "\
    INSERT INTO inbox (workspace, account, event, conversation, turn, payload, received_ms, state) \
    SELECT value ->> 'workspace', value ->> 'account', value ->> 'event', value ->> 'conversation', value ->> 'turn', \
    value ->> 'payload', CAST(value ->> 'received_ms' AS BIGINT), 'new' \
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
}

/// Writes many batches; what became of each event, batch by batch.
pub(crate) async fn accept_all(tx: &mut Conn, accepts: &[&Accept]) -> Result<Vec<Vec<Accepted>>, StoreError> {
    let mut rows = Vec::with_capacity(accepts.len());
    for accept in accepts {
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
    let mut outs = Vec::with_capacity(accepts.len());
    for accept in accepts {
        let mut out = Vec::with_capacity(accept.events.len());
        for event in &accept.events {
            out.push(if new.contains(&event.turn) { Accepted::New } else { accept.repeat(tx, event).await? });
        }
        outs.push(out);
        if let Some(to) = &accept.cursor {
            cursor::advance(tx, (&accept.workspace, &accept.account), (&to.scope, &to.value), accept.now_ms).await?;
        }
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
        })
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

struct Recover {
    workspace: String,
    keyed: Vec<String>,
    now_ms: i64,
}

impl Write for Recover {
    type Out = Recovered;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            sql("UPDATE inbox SET attempt = attempt + 1 WHERE workspace = $1 AND state = 'new'")
                .bind(&self.workspace)
                .execute(&mut *tx)
                .await?;
            let rows = sql("SELECT payload, conversation, turn, attempt, received_ms FROM inbox \
                 WHERE workspace = $1 AND state = 'new' ORDER BY ordinal")
            .bind(&self.workspace)
            .all(&mut *tx)
            .await?;
            // One row that cannot be read must not keep the others from being answered.
            let readable =
                |row: &Row| decode(row).inspect_err(|error| tracing::error!(%error, "an event cannot be read")).ok();
            let events = rows.iter().filter_map(readable).collect();
            let in_doubt = crate::outbox::doubt(tx, &self.workspace, &self.keyed, self.now_ms).await?;
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
