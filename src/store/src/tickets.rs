//! Tickets: the questions we could not answer. A turn's question has at most one.

use sqlx::{Row, SqliteConnection};
use townkeeper_contract::BoxFuture;
use townkeeper_contract::api::{Ticket, TicketState};

use crate::writer::Write;
use crate::{Store, StoreError, fault};

/// A ticket to open. Opening it again for the same turn gives the same number.
#[derive(Clone, Debug)]
pub struct NewTicket {
    pub workspace: String,
    /// The turn whose question went unanswered.
    pub turn: String,
    pub conversation: String,
    pub account: String,
    pub person: String,
    pub question: String,
    pub now_ms: i64,
}

impl Store {
    /// Opens a ticket and returns its number.
    pub async fn open_ticket(&self, ticket: NewTicket) -> Result<i64, StoreError> {
        self.write(ticket).await
    }

    /// The newest `limit` tickets, newest first.
    pub async fn tickets(&self, workspace: &str, limit: u32) -> Result<Vec<Ticket>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, account, person, question, state, opened_ms FROM ticket WHERE workspace = $1 \
             ORDER BY number DESC LIMIT $2",
        )
        .bind(workspace)
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(decode).collect()
    }
}

impl Write for NewTicket {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut SqliteConnection) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO ticket (workspace, number, turn, conversation, account, person, question, state, opened_ms) \
                 VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM ticket WHERE workspace = $1), \
                 $2, $3, $4, $5, $6, 'open', $7) ON CONFLICT (workspace, turn) DO NOTHING",
            )
            .bind(&self.workspace)
            .bind(&self.turn)
            .bind(&self.conversation)
            .bind(&self.account)
            .bind(&self.person)
            .bind(&self.question)
            .bind(self.now_ms)
            .execute(&mut *tx)
            .await?;
            fault!("ticket.create");
            let number = sqlx::query_scalar("SELECT number FROM ticket WHERE workspace = $1 AND turn = $2")
                .bind(&self.workspace)
                .bind(&self.turn)
                .fetch_one(tx)
                .await?;
            Ok(number)
        })
    }
}

fn decode(row: &sqlx::sqlite::SqliteRow) -> Result<Ticket, StoreError> {
    let account: String = row.try_get("account")?;
    let state: String = row.try_get("state")?;
    Ok(Ticket {
        number: row.try_get("number")?,
        platform: account.split(':').next().unwrap_or_default().to_owned(),
        person: row.try_get("person")?,
        question: row.try_get("question")?,
        state: if state == "open" { TicketState::Open } else { TicketState::Closed },
        opened_ms: row.try_get("opened_ms")?,
    })
}
