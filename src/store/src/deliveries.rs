//! The outbox as people look at it: what waits, what may or may not have arrived, what was refused.

use townkeeper_contract::id::AccountId;
use townkeeper_contract::moderation::{Delivery, DeliveryState};
use townkeeper_contract::outbound::Act;

use crate::db::{Row, sql};
use crate::{Store, StoreError};

/// How much of a message is shown, in characters.
const SHOWN: usize = 120;

impl Store {
    /// The newest `limit` rows in a state, newest first.
    pub async fn sends(&self, workspace: &str, state: DeliveryState, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows = sql("SELECT o.id, o.account, o.dest, o.turn, o.part, o.state, o.act, o.attempt, o.created_ms, \
             o.deadline_ms, (SELECT a.detail FROM attempt a WHERE a.workspace = o.workspace AND a.outbox = o.id \
             AND a.n = o.attempt) AS detail FROM outbox o WHERE o.workspace = $1 AND o.state = $2 \
             ORDER BY o.created_ms DESC, o.id DESC LIMIT $3")
        .bind(workspace)
        .bind(state.as_str())
        .bind(i64::from(limit))
        .all(&self.reads)
        .await?;
        rows.iter().map(|row| shown(row, state)).collect()
    }
}

fn shown(row: &Row, state: DeliveryState) -> Result<Delivery, StoreError> {
    let act: Act = row.json("act")?;
    let (act, text) = match &act {
        Act::Message { body, .. } => ("message", body.to_plain()),
        Act::Edit { body, .. } => ("edit", body.to_plain()),
        Act::Delete { .. } => ("delete", String::new()),
        Act::Pin { .. } => ("pin", String::new()),
        Act::Dismiss => ("dismiss", String::new()),
        Act::Unpin { .. } => ("unpin", String::new()),
        Act::Moderate { reason, .. } => ("moderate", reason.clone()),
        _ => ("other", String::new()),
    };
    let deadline_ms = row.int("deadline_ms")?;
    Ok(Delivery {
        id: row.text("id")?,
        account: AccountId(row.text("account")?),
        destination: row.text("dest")?,
        turn: row.text("turn")?,
        part: row.int("part")?,
        state,
        act: act.to_owned(),
        text: text.chars().take(SHOWN).collect(),
        attempts: row.int("attempt")?,
        created_ms: row.int("created_ms")?,
        deadline_ms: (deadline_ms != i64::MAX).then_some(deadline_ms),
        detail: row.opt_text("detail")?,
    })
}
