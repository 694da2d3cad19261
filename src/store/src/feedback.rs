//! What the ones who asked thought of the answers: one opinion a turn, counted by entry and revision; and the tickets
//! that they opened after it.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::api::FeedbackCount;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::stream::Reply;

use crate::db::{Conn, Row, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// An opinion. Given again it takes the place of the one before.
#[derive(Clone, Debug)]
pub struct NewFeedback {
    pub workspace: String,
    /// The turn that answered.
    pub turn: String,
    /// Whose turn it must be.
    pub conversation: String,
    pub account: String,
    pub person: String,
    pub helped: bool,
    pub now_ms: i64,
}

/// A ticket belongs to the answer before it for so long.
const TICKET_AFTER_MS: i64 = 60 * 60 * 1000;

/// Opinions, and tickets: those about the answered question itself, and those that were the next thing the person did.
const COUNTED: &str = "\
    SELECT v.entry, v.revision, CAST(SUM(v.helped) AS BIGINT) AS helped, CAST(SUM(v.not_quite) AS BIGINT) AS not_quite, \
    CAST(SUM(v.tickets) AS BIGINT) AS tickets, MAX(v.at_ms) AS last_ms FROM ( \
      SELECT entry, revision, helped, 1 - helped AS not_quite, 0 AS tickets, at_ms FROM feedback WHERE workspace = $1 \
      UNION ALL SELECT a.entry, a.revision, 0, 0, 1, k.opened_ms FROM ticket k \
      JOIN turn q ON q.workspace = k.workspace AND q.id = k.turn \
      JOIN turn a ON a.workspace = q.workspace AND a.entry IS NOT NULL AND (a.id = q.id OR q.entry IS NULL \
        AND a.conversation = q.conversation AND q.conversation <> 'erased' AND q.ended_ms - a.ended_ms < $2 \
        AND a.ordinal = (SELECT MAX(b.ordinal) FROM turn b WHERE b.workspace = q.workspace \
          AND b.conversation = q.conversation AND b.ordinal < q.ordinal)) \
      WHERE k.workspace = $1 \
    ) AS v GROUP BY v.entry, v.revision ORDER BY v.entry, MAX(v.at_ms) DESC, v.revision";

impl Store {
    /// Keeps an opinion. Gives back what was asked and answered in that turn; `None` where it was no turn of this
    /// conversation, and nothing was written.
    pub async fn rate(&self, feedback: NewFeedback) -> Result<Option<(String, Option<Reply>)>, StoreError> {
        self.write(feedback).await
    }

    /// The opinions of everyone and the tickets opened after an answer, by entry and revision.
    pub async fn feedback(&self, workspace: &str) -> Result<Vec<FeedbackCount>, StoreError> {
        let rows = sql(COUNTED).bind(workspace).bind(TICKET_AFTER_MS).all(&self.reads).await?;
        rows.iter().map(decode).collect()
    }
}

impl Write for NewFeedback {
    type Out = Option<(String, Option<Reply>)>;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Self::Out, StoreError>> {
        Box::pin(async move {
            let found = sql("SELECT question, reply FROM turn WHERE workspace = $1 AND id = $2 AND conversation = $3")
                .bind(&self.workspace)
                .bind(&self.turn)
                .bind(&self.conversation)
                .optional(&mut *tx)
                .await?;
            let Some(row) = found else { return Ok(None) };
            let reply: Option<Reply> = row.opt_json("reply")?;
            let cited = reply.as_ref().and_then(|reply| reply.citation.as_ref());
            sql("INSERT INTO feedback (workspace, turn, account, person, entry, revision, helped, at_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (workspace, turn) DO UPDATE SET helped = excluded.helped, at_ms = excluded.at_ms")
            .bind(&self.workspace)
            .bind(&self.turn)
            .bind(&self.account)
            .bind(&self.person)
            .bind(cited.map_or("", |citation| citation.entry.as_str()))
            .bind(cited.map_or("", |citation| citation.revision.as_str()))
            .bind(i64::from(self.helped))
            .bind(self.now_ms)
            .execute(tx)
            .await?;
            Ok(Some((row.text("question")?, reply)))
        })
    }
}

fn decode(row: &Row) -> Result<FeedbackCount, StoreError> {
    let entry = row.text("entry")?;
    Ok(FeedbackCount {
        entry: (!entry.is_empty()).then(|| EntryId::new(entry)),
        revision: row.text("revision")?,
        helped: row.int("helped")?,
        not_quite: row.int("not_quite")?,
        tickets: row.int("tickets")?,
        at_most_percent: None,
        below_target: false,
        last_ms: row.int("last_ms")?,
    })
}
