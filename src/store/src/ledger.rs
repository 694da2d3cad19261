//! The whole ledger, read at once: for tests and audits, which compare it with what the world outside saw.

use sqlx::Row as _;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;

use crate::{Store, StoreError};

/// Everything that was accepted, everything that was said on platforms, every ticket, as of now.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// In the order in which they were accepted.
    pub events: Vec<LedgerEvent>,
    /// By account, destination and `seq`.
    pub sends: Vec<LedgerSend>,
    /// By number.
    pub tickets: Vec<LedgerTicket>,
    /// All settled turns, of whatever event.
    pub turns: i64,
}

/// One row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    pub account: String,
    pub event: String,
    pub conversation: String,
    pub turn: String,
    pub attempt: u32,
    /// Not done yet.
    pub open: bool,
    /// Terminals of its turn: 1 once it is done.
    pub terminals: i64,
}

/// One row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSend {
    pub account: String,
    pub id: String,
    pub dest: String,
    /// Its place in the line of its destination.
    pub seq: i64,
    pub turn: String,
    pub part: i64,
    pub reply_to: ReplyTo,
    pub act: Act,
    /// `ready`, `sending`, `sent`, `unknown`, `refused` or `expired`.
    pub state: String,
    pub attempt: i64,
    /// The platform's name of the message, once it is `sent`.
    pub message: Option<String>,
}

/// One ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerTicket {
    pub number: i64,
    pub turn: String,
    pub question: String,
}

impl Store {
    /// Reads the whole ledger of a workspace. Not one snapshot: meant for a store that nobody writes to meanwhile.
    pub async fn ledger(&self, workspace: &str) -> Result<Ledger, StoreError> {
        Ok(Ledger {
            events: self.ledger_events(workspace).await?,
            sends: self.ledger_sends(workspace).await?,
            tickets: self.ledger_tickets(workspace).await?,
            turns: sqlx::query_scalar("SELECT COUNT(*) FROM turn WHERE workspace = $1")
                .bind(workspace)
                .fetch_one(&self.reads)
                .await?,
        })
    }

    async fn ledger_events(&self, workspace: &str) -> Result<Vec<LedgerEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT i.account, i.event, i.conversation, i.turn, i.attempt, i.state, \
             (SELECT COUNT(*) FROM turn t WHERE t.workspace = i.workspace AND t.id = i.turn) AS terminals \
             FROM inbox i WHERE i.workspace = $1 ORDER BY i.ordinal",
        )
        .bind(workspace)
        .fetch_all(&self.reads)
        .await?;
        let event = |row: &sqlx::sqlite::SqliteRow| {
            let state: String = row.try_get("state")?;
            Ok(LedgerEvent {
                account: row.try_get("account")?,
                event: row.try_get("event")?,
                conversation: row.try_get("conversation")?,
                turn: row.try_get("turn")?,
                attempt: row.try_get("attempt")?,
                open: state == "new",
                terminals: row.try_get("terminals")?,
            })
        };
        rows.iter().map(event).collect()
    }

    async fn ledger_sends(&self, workspace: &str) -> Result<Vec<LedgerSend>, StoreError> {
        let rows = sqlx::query(
            "SELECT account, id, dest, seq, turn, part, reply_to, act, state, attempt, message FROM outbox \
             WHERE workspace = $1 ORDER BY account, dest, seq",
        )
        .bind(workspace)
        .fetch_all(&self.reads)
        .await?;
        let send = |row: &sqlx::sqlite::SqliteRow| {
            let act: String = row.try_get("act")?;
            Ok(LedgerSend {
                account: row.try_get("account")?,
                id: row.try_get("id")?,
                dest: row.try_get("dest")?,
                seq: row.try_get("seq")?,
                turn: row.try_get("turn")?,
                part: row.try_get("part")?,
                reply_to: ReplyTo(row.try_get("reply_to")?),
                act: serde_json::from_str(&act)?,
                state: row.try_get("state")?,
                attempt: row.try_get("attempt")?,
                message: row.try_get("message")?,
            })
        };
        rows.iter().map(send).collect()
    }

    async fn ledger_tickets(&self, workspace: &str) -> Result<Vec<LedgerTicket>, StoreError> {
        let rows = sqlx::query("SELECT number, turn, question FROM ticket WHERE workspace = $1 ORDER BY number")
            .bind(workspace)
            .fetch_all(&self.reads)
            .await?;
        let ticket = |row: &sqlx::sqlite::SqliteRow| {
            Ok(LedgerTicket {
                number: row.try_get("number")?,
                turn: row.try_get("turn")?,
                question: row.try_get("question")?,
            })
        };
        rows.iter().map(ticket).collect()
    }
}
