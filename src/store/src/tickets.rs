//! Tickets: the questions we could not answer. A turn's question has at most one.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::api::{Ticket, TicketState};

use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Store, StoreError, counter, fault};

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
        let rows = sql("SELECT number, account, person, question, state, opened_ms FROM ticket WHERE workspace = $1 \
             ORDER BY number DESC LIMIT $2")
        .bind(workspace)
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().map(decode).collect()
    }

    /// A ticket by its number, if this person of the account opened it.
    pub async fn own_ticket(
        &self,
        workspace: &str,
        account: &str,
        person: &str,
        number: i64,
    ) -> Result<Option<Ticket>, StoreError> {
        let row = sql("SELECT number, account, person, question, state, opened_ms FROM ticket \
             WHERE workspace = $1 AND account = $2 AND person = $3 AND number = $4")
        .bind(workspace)
        .bind(account)
        .bind(person)
        .bind(number)
        .optional(&self.reads)
        .await?;
        row.map(|row| decode(&row)).transpose()
    }
}

impl Write for NewTicket {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            let known = sql("SELECT number FROM ticket WHERE workspace = $1 AND turn = $2")
                .bind(&self.workspace)
                .bind(&self.turn)
                .optional(&mut *tx)
                .await?;
            if let Some(row) = known {
                return row.int("number");
            }
            let number = counter::next(tx, &self.workspace, "ticket").await?;
            // Two nodes at once: the second runs into the unique turn, is tried again alone, and finds the first.
            sql(
                "INSERT INTO ticket (workspace, number, turn, conversation, account, person, question, state, opened_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8)",
            )
            .bind(&self.workspace)
            .bind(number)
            .bind(&self.turn)
            .bind(&self.conversation)
            .bind(&self.account)
            .bind(&self.person)
            .bind(&self.question)
            .bind(self.now_ms)
            .execute(tx)
            .await?;
            fault!("ticket.create");
            Ok(number)
        })
    }
}

fn decode(row: &Row) -> Result<Ticket, StoreError> {
    let account = row.text("account")?;
    Ok(Ticket {
        number: row.int("number")?,
        platform: account.split(':').next().unwrap_or_default().to_owned(),
        person: row.text("person")?,
        question: row.text("question")?,
        state: if row.text("state")? == "open" { TicketState::Open } else { TicketState::Closed },
        opened_ms: row.int("opened_ms")?,
    })
}
