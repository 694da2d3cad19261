//! The inbox: every event that concerns us, exactly once, together with the cursor it was read at.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use townkeeper_contract::BoxFuture;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::Cursor;

use crate::writer::Write;
use crate::{Store, StoreError, cursor, fault};

/// A batch of events from one account.
#[derive(Debug)]
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
        self.write(accept).await
    }

    /// Takes up what an earlier process left: raises the attempt of every unfinished event, and puts deliveries that
    /// were under way in doubt. `keyed` names the accounts whose platform takes an idempotency key.
    pub async fn recover(&self, workspace: &str, keyed: Vec<String>, now_ms: i64) -> Result<Recovered, StoreError> {
        self.write(Recover { workspace: workspace.to_owned(), keyed, now_ms }).await
    }

    /// The event behind a turn that has not ended.
    pub async fn open_event(&self, workspace: &str, turn: &str) -> Result<Option<InboxRow>, StoreError> {
        let row = sqlx::query(
            "SELECT payload, conversation, turn, attempt, received_ms FROM inbox \
             WHERE workspace = $1 AND turn = $2 AND state = 'new'",
        )
        .bind(workspace)
        .bind(turn)
        .fetch_optional(&self.reads)
        .await?;
        row.map(|row| decode(&row)).transpose()
    }

    /// How many events were accepted, and how many of them have no terminal: for doctor and tests.
    pub async fn inbox_counts(&self, workspace: &str) -> Result<(i64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'new' THEN 1 ELSE 0 END), 0) FROM inbox WHERE workspace = $1",
        )
        .bind(workspace)
        .fetch_one(&self.reads)
        .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}

impl Write for Accept {
    type Out = Vec<Accepted>;

    fn apply<'a>(&'a self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let mut accepted = Vec::with_capacity(self.events.len());
            for event in &self.events {
                accepted.push(self.insert(tx, event).await?);
            }
            if let Some(to) = &self.cursor {
                cursor::advance(tx, (&self.workspace, &self.account), (&to.scope, &to.value), self.now_ms).await?;
            }
            fault!("inbox.before_commit");
            Ok(accepted)
        })
    }
}

impl Accept {
    async fn insert(&self, tx: &mut SqliteConnection, event: &NewEvent) -> Result<Accepted, StoreError> {
        let key = event.inbound.event.as_str();
        let inserted = sqlx::query(
            // One writer, so nobody else takes the same ordinal.
            "INSERT INTO inbox (workspace, account, event, conversation, turn, payload, received_ms, ordinal, state) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM inbox WHERE workspace = $1), \
             'new') ON CONFLICT (workspace, account, event) DO NOTHING",
        )
        .bind(&self.workspace)
        .bind(&self.account)
        .bind(key)
        .bind(&event.conversation)
        .bind(&event.turn)
        .bind(serde_json::to_string(&event.inbound)?)
        .bind(self.now_ms)
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Accepted::New);
        }
        let turn = sqlx::query_scalar("SELECT turn FROM inbox WHERE workspace = $1 AND account = $2 AND event = $3")
            .bind(&self.workspace)
            .bind(&self.account)
            .bind(key)
            .fetch_one(tx)
            .await?;
        Ok(Accepted::Repeat { turn })
    }
}

struct Recover {
    workspace: String,
    keyed: Vec<String>,
    now_ms: i64,
}

impl Write for Recover {
    type Out = Recovered;

    fn apply<'a>(&'a self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            sqlx::query("UPDATE inbox SET attempt = attempt + 1 WHERE workspace = $1 AND state = 'new'")
                .bind(&self.workspace)
                .execute(&mut *tx)
                .await?;
            let rows = sqlx::query(
                "SELECT payload, conversation, turn, attempt, received_ms FROM inbox \
                 WHERE workspace = $1 AND state = 'new' ORDER BY ordinal",
            )
            .bind(&self.workspace)
            .fetch_all(&mut *tx)
            .await?;
            // One row that cannot be read must not keep the others from being answered.
            let readable = |row: &SqliteRow| {
                decode(row).inspect_err(|error| tracing::error!(%error, "an event cannot be read")).ok()
            };
            let events = rows.iter().filter_map(readable).collect();
            let in_doubt = crate::outbox::doubt(tx, &self.workspace, &self.keyed, self.now_ms).await?;
            Ok(Recovered { events, in_doubt })
        })
    }
}

fn decode(row: &SqliteRow) -> Result<InboxRow, StoreError> {
    let payload: String = row.try_get("payload")?;
    Ok(InboxRow {
        inbound: serde_json::from_str(&payload)?,
        conversation: row.try_get("conversation")?,
        turn: row.try_get("turn")?,
        attempt: count(row, "attempt")?,
        received_ms: row.try_get("received_ms")?,
    })
}

/// A small count; engines have no unsigned columns.
pub(crate) fn count(row: &SqliteRow, column: &str) -> Result<u32, StoreError> {
    let value: i64 = row.try_get(column)?;
    u32::try_from(value).map_err(|_| StoreError::Decode(format!("{column} is {value}")))
}
