//! The whole ledger, read at once: for tests and audits, which compare it with what the world outside saw.

use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;

use crate::db::{Row, sql};
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
            turns: sql("SELECT COUNT(*) AS turns FROM turn WHERE workspace = $1")
                .bind(workspace)
                .one(&self.reads)
                .await?
                .int("turns")?,
        })
    }

    async fn ledger_events(&self, workspace: &str) -> Result<Vec<LedgerEvent>, StoreError> {
        let rows = sql("SELECT i.account, i.event, i.conversation, i.turn, i.attempt, i.state, \
             (SELECT COUNT(*) FROM turn t WHERE t.workspace = i.workspace AND t.id = i.turn) AS terminals \
             FROM inbox i WHERE i.workspace = $1 ORDER BY i.ordinal")
        .bind(workspace)
        .all(&self.reads)
        .await?;
        let event = |row: &Row| {
            Ok(LedgerEvent {
                account: row.text("account")?,
                event: row.text("event")?,
                conversation: row.text("conversation")?,
                turn: row.text("turn")?,
                attempt: row.count("attempt")?,
                open: row.text("state")? == "new",
                terminals: row.int("terminals")?,
            })
        };
        rows.iter().map(event).collect()
    }

    async fn ledger_sends(&self, workspace: &str) -> Result<Vec<LedgerSend>, StoreError> {
        let rows =
            sql("SELECT account, id, dest, seq, turn, part, reply_to, act, state, attempt, message FROM outbox \
             WHERE workspace = $1 ORDER BY account, dest, seq")
            .bind(workspace)
            .all(&self.reads)
            .await?;
        let send = |row: &Row| {
            Ok(LedgerSend {
                account: row.text("account")?,
                id: row.text("id")?,
                dest: row.text("dest")?,
                seq: row.int("seq")?,
                turn: row.text("turn")?,
                part: row.int("part")?,
                reply_to: ReplyTo(row.text("reply_to")?),
                act: row.json("act")?,
                state: row.text("state")?,
                attempt: row.int("attempt")?,
                message: row.opt_text("message")?,
            })
        };
        rows.iter().map(send).collect()
    }

    async fn ledger_tickets(&self, workspace: &str) -> Result<Vec<LedgerTicket>, StoreError> {
        let rows = sql("SELECT number, turn, question FROM ticket WHERE workspace = $1 ORDER BY number")
            .bind(workspace)
            .all(&self.reads)
            .await?;
        let ticket = |row: &Row| {
            Ok(LedgerTicket { number: row.int("number")?, turn: row.text("turn")?, question: row.text("question")? })
        };
        rows.iter().map(ticket).collect()
    }
}
