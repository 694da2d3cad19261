//! Edits of messages that have a case. An open case goes by the worst that its message said; what else it said stands
//! beside it, so that nothing is lost and no message has two cases to decide.

use serde::{Deserialize, Serialize};
use townkeeper_contract::BoxFuture;
use townkeeper_contract::case::{CaseEdit, CaseState, ShieldMode};
use townkeeper_core::cases::is_shown;

use crate::cases::{KeptCase, NewCase, kept};
use crate::db::{Conn, Row, keepable, sql};
use crate::erase::person_mark;
use crate::writer::Write;
use crate::{Store, StoreError, cards};

/// No case keeps more; what a message said first stays, and what it said last.
const MOST: usize = 20;

/// One of a case's other wordings.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The edit that brought it, or took its place.
    event: String,
    #[serde(flatten)]
    edit: CaseEdit,
}

impl Store {
    /// Up to `limit` cases whose message was edited and that nobody looked at since.
    pub async fn edited_cases(&self, workspace: &str, limit: u32) -> Result<Vec<KeptCase>, StoreError> {
        let rows =
            sql("SELECT * FROM scam_case WHERE workspace = $1 AND edited_ms IS NOT NULL ORDER BY number LIMIT $2");
        rows.bind(workspace).bind(i64::from(limit)).all(&self.reads).await?.iter().map(kept).collect()
    }

    /// What an edit led to was done, as the case was seen; its cards are drawn anew.
    pub async fn edit_seen(&self, workspace: &str, seen: &KeptCase) -> Result<(), StoreError> {
        let (workspace, number) = (workspace.to_owned(), seen.case.number);
        self.write(EditSeen { workspace, number, edited_ms: seen.edited_ms }).await
    }
}

/// Where a batch was found: workspace and account, and when it came.
pub(crate) type At<'a> = (&'a str, &'a str, i64);

/// Takes what was found in an edit into the open case of its message, where nobody said anything about it yet. `false`: there
/// is none, it is a case of its own.
pub(crate) async fn take_in(tx: &mut Conn, at: At<'_>, new: &NewCase) -> Result<bool, StoreError> {
    let (workspace, account, seen_ms) = at;
    let Some(message) = new.message.as_ref().filter(|_| new.edit) else { return Ok(false) };
    let rows = sql("SELECT * FROM scam_case WHERE workspace = $1 AND account = $2 AND message = $3 AND person = $4 \
         ORDER BY number");
    let rows = rows.bind(workspace).bind(account).bind(message).bind(&new.person).all(&mut *tx).await?;
    for row in &rows {
        if row.json::<Vec<Kept>>("edits")?.iter().any(|known| known.event == new.event) {
            return Ok(true);
        }
    }
    for row in &rows {
        // What nobody was shown in shadow is not shown because the place is watched otherwise since.
        let read = |mode| is_shown(mode) == is_shown(new.mode);
        let goes_on = row.text("state")? == CaseState::Open.as_str()
            && row.int("said")? == 0
            && ShieldMode::named(&row.text("mode")?).is_some_and(read);
        if goes_on {
            return take_into(tx, (workspace, account, seen_ms), row, new).await;
        }
    }
    Ok(false)
}

async fn take_into(tx: &mut Conn, at: At<'_>, row: &Row, new: &NewCase) -> Result<bool, StoreError> {
    let (workspace, account, seen_ms) = at;
    let KeptCase { case, .. } = kept(row)?;
    let text = keepable(&new.text);
    if text == case.text {
        return Ok(true);
    }
    let verdict = new.verdict.to_string();
    let now =
        CaseEdit { text: text.into_owned(), why: keepable(&new.why).into_owned(), action: new.action, at_ms: seen_ms };
    let before = CaseEdit { text: case.text, why: case.why, action: case.action, at_ms: seen_ms };
    let worse = new.action >= case.action;
    let (shown, other) = if worse { (now, before) } else { (before, now) };
    let mut edits = row.json::<Vec<Kept>>("edits")?;
    if edits.len() >= MOST {
        edits.remove(1);
    }
    edits.push(Kept { event: new.event.clone(), edit: other });
    let CaseEdit { text, why, action, .. } = shown;
    let also = if worse { &new.also } else { &case.also };
    let also = also.iter().map(|extra| extra.as_str()).collect::<Vec<_>>().join(",");
    let verdict = if worse { keepable(&verdict).into_owned() } else { row.text("verdict")? };
    // Nothing of somebody who was erased meanwhile; and whoever was faster with a word has spoken of what it said then.
    let taken = sql("UPDATE scam_case SET text = $4, why = $5, verdict = $6, action = $7, also = $8, edits = $9, \
         edited_ms = $10, wording = wording + 1, mode = $12 WHERE workspace = $1 AND account = $2 AND number = $3 AND state = 'open' AND said = 0 \
         AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.workspace = $1 AND e.mark = $11 AND e.at_ms >= $10)")
    .bind(workspace)
    .bind(account)
    .bind(case.number)
    .bind(text)
    .bind(why)
    .bind(verdict)
    .bind(action.as_str())
    .bind(also)
    .bind(serde_json::to_string(&edits)?)
    .bind(seen_ms)
    .bind(person_mark(account, &new.person))
    .bind(if worse { new.mode } else { case.mode }.as_str())
    .execute(tx)
    .await?;
    Ok(taken > 0)
}

struct EditSeen {
    workspace: String,
    number: i64,
    edited_ms: Option<i64>,
}

impl Write for EditSeen {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // Edited once more meanwhile, it is looked at once more.
            sql("UPDATE scam_case SET edited_ms = NULL WHERE workspace = $1 AND number = $2 AND edited_ms = $3")
                .bind(&self.workspace)
                .bind(self.number)
                .bind(self.edited_ms)
                .execute(&mut *tx)
                .await?;
            cards::mark(tx, &self.workspace, self.number).await
        })
    }
}
