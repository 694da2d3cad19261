//! Reading the base and its changes, inside a write or outside.

use std::collections::{BTreeMap, BTreeSet};

use townkeeper_contract::access::Permission;
use townkeeper_contract::knowledge::{Approval, ChangeInfo, ChangeOrigin, ChangedItem};
use townkeeper_core::access::Voter;
use townkeeper_core::publish::{self, Change, Edit, Ended};
use townkeeper_core::secret;

use crate::StoreError;
use crate::db::{On, Row, sql};
use crate::freeze;

/// A change as it is stored, and what is needed to judge it.
pub(crate) struct Loaded {
    pub(crate) change: Change,
    number: i64,
    origin: ChangeOrigin,
    author: Option<String>,
    note: String,
    reason: Option<String>,
    base: Option<i64>,
    approvers: Vec<Voter>,
    /// Names of people by actor.
    names: BTreeMap<String, String>,
}

impl Loaded {
    pub(crate) fn approvers(&self) -> &[Voter] {
        &self.approvers
    }

    pub(crate) fn info(self, cooling_ms: i64, now_ms: i64) -> (ChangeInfo, Vec<Edit>) {
        let Self { change, number, origin, author, note, reason, base, approvers, names } = self;
        let standing = change.standing(&approvers, cooling_ms, now_ms);
        let approvals = change.approvals.iter().map(|voice| Approval {
            actor: voice.actor.clone(),
            name: names.get(&voice.actor).cloned(),
            at_ms: voice.at_ms,
            counts: change.counts(voice, &approvers),
        });
        let info = ChangeInfo {
            number,
            state: standing.state,
            origin,
            author,
            note,
            proposed_ms: change.proposed_ms,
            items: change.edits.iter().map(|edit| ChangedItem { item: edit.item.clone(), what: edit.what() }).collect(),
            needs: u32::try_from(change.needs()).unwrap_or(u32::MAX),
            approvals: approvals.collect(),
            hash: change.seal(),
            live_ms: standing.live_ms,
            reason,
            revision: base,
        };
        (info, change.edits)
    }
}

/// The base's revision; 0 where nothing was ever published.
pub(crate) async fn revision(on: &mut On<'_>, workspace: &str) -> Result<i64, StoreError> {
    let newest = sql("SELECT COALESCE(MAX(base), 0) AS base FROM knowledge_item WHERE workspace = $1");
    newest.bind(workspace).one(on.here()).await?.int("base")
}

/// Every document of the base at a revision, by name.
pub(crate) async fn documents(
    on: &mut On<'_>,
    workspace: &str,
    revision: i64,
) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = sql("SELECT i.item, i.text FROM knowledge_item i WHERE i.workspace = $1 AND i.base <= $2 \
         AND i.text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM knowledge_item n WHERE n.workspace = i.workspace \
         AND n.item = i.item AND n.base <= $2 AND n.revision > i.revision)")
    .bind(workspace)
    .bind(revision)
    .all(on.here())
    .await?;
    rows.iter().map(|row| Ok((row.text("item")?, row.text("text")?))).collect()
}

/// The files of the last start and their hashes.
pub(crate) async fn files(on: &mut On<'_>, workspace: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = sql("SELECT item, hash FROM knowledge_file WHERE workspace = $1").bind(workspace).all(on.here()).await?;
    rows.iter().map(|row| Ok((row.text("item")?, row.text("hash")?))).collect()
}

/// The open changes that files made, and what each touches.
pub(crate) async fn waiting_files(
    on: &mut On<'_>,
    workspace: &str,
) -> Result<BTreeMap<i64, BTreeSet<String>>, StoreError> {
    let rows = sql("SELECT c.id, p.item FROM knowledge_change c \
         JOIN knowledge_proposal p ON p.workspace = c.workspace AND p.change = c.id \
         WHERE c.workspace = $1 AND c.state = 'open' AND c.origin = 'files'")
    .bind(workspace)
    .all(on.here())
    .await?;
    let mut waiting: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        waiting.entry(row.int("id")?).or_default().insert(row.text("item")?);
    }
    Ok(waiting)
}

/// Hashes by item, of one side of the edits: what the audit log is given.
pub(crate) fn hashes<'a>(edits: &'a [Edit], side: impl Fn(&'a Edit) -> Option<&'a str>) -> BTreeMap<&'a str, String> {
    edits.iter().filter_map(|edit| Some((edit.item.as_str(), secret::hash(side(edit)?)))).collect()
}

/// The numbers of all open changes, and of the newest that are not.
pub(crate) async fn numbers(on: &mut On<'_>, workspace: &str, ended: i64) -> Result<Vec<i64>, StoreError> {
    let rows = sql("SELECT id FROM knowledge_change WHERE workspace = $1 AND (state = 'open' OR id IN \
         (SELECT e.id FROM knowledge_change e WHERE e.workspace = $1 AND e.state <> 'open' ORDER BY e.id DESC LIMIT $2)) \
         ORDER BY CASE WHEN state = 'open' THEN 0 ELSE 1 END, id DESC")
    .bind(workspace)
    .bind(ended)
    .all(on.here())
    .await?;
    rows.iter().map(|row| row.int("id")).collect()
}

/// A change by its number.
pub(crate) async fn change(on: &mut On<'_>, workspace: &str, number: i64) -> Result<Option<Loaded>, StoreError> {
    let found = sql("SELECT * FROM knowledge_change WHERE workspace = $1 AND id = $2").bind(workspace).bind(number);
    let Some(row) = found.optional(on.here()).await? else { return Ok(None) };
    let base = row.opt_int("base")?;
    let edits = edits(on, workspace, number, base.unwrap_or(i64::MAX)).await?;
    let approvals = approvals(on, workspace, number).await?;
    let people = sql("SELECT id, name FROM person WHERE workspace = $1").bind(workspace).all(on.here()).await?;
    let name = |row: &Row| Ok((format!("person:{}", row.text("id")?), row.text("name")?));
    Ok(Some(Loaded {
        change: Change {
            edition: row.int("edition")?,
            proposed_ms: row.int("proposed_ms")?,
            edits,
            approvals,
            ended: match row.text("state")?.as_str() {
                "published" => Some(Ended::Published),
                "refused" => Some(Ended::Refused),
                "withdrawn" => Some(Ended::Withdrawn),
                _ => None,
            },
        },
        number,
        origin: ChangeOrigin::named(&row.text("origin")?).unwrap_or(ChangeOrigin::Api),
        author: row.opt_text("actor")?,
        note: row.text("note")?,
        reason: row.opt_text("reason")?,
        base,
        approvers: freeze::voters(on.here(), workspace, Permission::ApproveKnowledge).await?,
        names: people.iter().map(name).collect::<Result<_, StoreError>>()?,
    }))
}

/// What a change says, and what that replaces in the base before this revision.
async fn edits(on: &mut On<'_>, workspace: &str, number: i64, before: i64) -> Result<Vec<Edit>, StoreError> {
    let rows = sql("SELECT p.item, p.text, (SELECT i.text FROM knowledge_item i WHERE i.workspace = p.workspace \
         AND i.item = p.item AND i.base < $3 ORDER BY i.revision DESC LIMIT 1) AS before \
         FROM knowledge_proposal p WHERE p.workspace = $1 AND p.change = $2")
    .bind(workspace)
    .bind(number)
    .bind(before)
    .all(on.here())
    .await?;
    let edit =
        |row: &Row| Ok(Edit { item: row.text("item")?, before: row.opt_text("before")?, after: row.opt_text("text")? });
    let mut edits = rows.iter().map(edit).collect::<Result<Vec<_>, StoreError>>()?;
    // Not by the database, which may sort by the letters of some language: the order is part of what is approved.
    edits.sort_by(|a, b| a.item.cmp(&b.item));
    Ok(edits)
}

async fn approvals(on: &mut On<'_>, workspace: &str, number: i64) -> Result<Vec<publish::Approval>, StoreError> {
    let rows = sql("SELECT actor, seal, at_ms FROM knowledge_approval WHERE workspace = $1 AND change = $2 \
         ORDER BY at_ms, actor")
    .bind(workspace)
    .bind(number)
    .all(on.here())
    .await?;
    let voice = |row: &Row| {
        Ok(publish::Approval { actor: row.text("actor")?, seal: row.text("seal")?, at_ms: row.int("at_ms")? })
    };
    rows.iter().map(voice).collect()
}
