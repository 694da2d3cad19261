//! Changes of the base: put, approved, refused, withdrawn, published. What may be done is decided by `core::publish`,
//! inside the transaction that does it and behind the lock of the audit log.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::knowledge::{ChangeInfo, ChangeList, ChangeOrigin};
use townkeeper_core::publish::{Edit, Ended, Refusal};

use super::load::{self, Loaded};
use crate::audit::{self, Act, By};
use crate::db::{Conn, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError, counter, fault};

/// How many changes may be open at a time: what waits is somebody's work.
const OPEN: i64 = 100;

/// How many ended ones are listed.
const ENDED: i64 = 20;

/// A change to put. Its documents were read, and can be.
#[derive(Clone, Debug)]
pub struct PutChange {
    pub by: By,
    /// The open change that it takes the place of.
    pub change: Option<i64>,
    pub note: String,
    /// Name and new text of each item; no text takes it away.
    pub items: Vec<(String, Option<String>)>,
}

impl Store {
    /// Puts a change, or an open one anew. Its number.
    pub async fn put_change(&self, put: PutChange) -> Result<i64, StoreError> {
        self.write(put).await
    }

    /// The open changes, the newest first, and the newest that have ended.
    pub async fn base_changes(&self, workspace: &str, cooling_ms: i64, now_ms: i64) -> Result<ChangeList, StoreError> {
        let revision = load::revision(&mut (&self.reads).into(), workspace).await?;
        let mut changes = Vec::new();
        for number in load::numbers(&mut (&self.reads).into(), workspace, ENDED).await? {
            changes.extend(self.base_change(workspace, number, cooling_ms, now_ms).await?.map(|(info, _)| info));
        }
        Ok(ChangeList { revision, files_differ: 0, changes })
    }

    /// A change and what it does.
    pub async fn base_change(
        &self,
        workspace: &str,
        number: i64,
        cooling_ms: i64,
        now_ms: i64,
    ) -> Result<Option<(ChangeInfo, Vec<Edit>)>, StoreError> {
        let loaded = load::change(&mut (&self.reads).into(), workspace, number).await?;
        Ok(loaded.map(|loaded| loaded.info(cooling_ms, now_ms)))
    }

    /// Approves what was looked at.
    pub async fn approve_change(&self, by: By, number: i64, seal: &str) -> Result<(), StoreError> {
        self.write(Approve { by, number, seal: seal.to_owned() }).await
    }

    /// Ends a change that is not published: refused, and why, or withdrawn.
    pub async fn end_change(&self, by: By, number: i64, refused: Option<String>) -> Result<(), StoreError> {
        self.write(End { by, number, refused }).await
    }

    /// Publishes a change that is ready, on top of the revision that it was checked against. The base's new revision.
    /// [`Denied::Moved`] where it is not ready (any more), or the base is not at that revision (any more).
    pub async fn publish_change(&self, by: By, number: i64, base: i64, cooling_ms: i64) -> Result<i64, StoreError> {
        self.write(Publish { by, number, base, cooling_ms }).await
    }

    /// Takes an item out of the base, at once. The number of the change that this is.
    pub async fn withdraw_item(&self, by: By, item: &str) -> Result<i64, StoreError> {
        self.write(WithdrawItem { by, item: item.to_owned() }).await
    }
}

fn refused(why: Refusal) -> StoreError {
    match why {
        Refusal::Ended => Denied::Ended,
        Refusal::Moved | Refusal::NotReady => Denied::Moved,
        Refusal::NoVoice => Denied::NoApproval,
    }
    .into()
}

async fn loaded(tx: &mut Conn, workspace: &str, number: i64) -> Result<Loaded, StoreError> {
    let found = load::change(&mut tx.into(), workspace, number).await?;
    found.ok_or_else(|| Denied::NotThere("change").into())
}

/// Writes a new change down, open. Its number.
pub(super) async fn insert(
    tx: &mut Conn,
    by: &By,
    origin: ChangeOrigin,
    note: &str,
    edits: &[Edit],
) -> Result<i64, StoreError> {
    let number = counter::next(tx, &by.workspace, "knowledge_change").await?;
    // What files say is nobody's word.
    let author = (origin == ChangeOrigin::Api).then_some(by.actor.as_str());
    sql("INSERT INTO knowledge_change (workspace, id, origin, actor, note, edition, proposed_ms, state) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, 'open')")
    .bind(&by.workspace)
    .bind(number)
    .bind(origin.as_str())
    .bind(author)
    .bind(note)
    .bind(by.now_ms)
    .execute(&mut *tx)
    .await?;
    propose(tx, &by.workspace, number, edits).await?;
    Ok(number)
}

async fn propose(tx: &mut Conn, workspace: &str, number: i64, edits: &[Edit]) -> Result<(), StoreError> {
    let forget = sql("DELETE FROM knowledge_proposal WHERE workspace = $1 AND change = $2");
    forget.bind(workspace).bind(number).execute(&mut *tx).await?;
    for edit in edits {
        sql("INSERT INTO knowledge_proposal (workspace, change, item, text) VALUES ($1, $2, $3, $4)")
            .bind(workspace)
            .bind(number)
            .bind(&edit.item)
            .bind(edit.after.as_deref())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

pub(super) async fn set_state(
    tx: &mut Conn,
    workspace: &str,
    number: i64,
    state: &str,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    sql("UPDATE knowledge_change SET state = $3, reason = $4 WHERE workspace = $1 AND id = $2")
        .bind(workspace)
        .bind(number)
        .bind(state)
        .bind(reason)
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes edits what is published, as the base's next revision, which is returned.
pub(super) async fn commit(tx: &mut Conn, by: &By, number: i64, edits: &[Edit]) -> Result<i64, StoreError> {
    let workspace = &by.workspace;
    let base = load::revision(&mut (&mut *tx).into(), workspace).await? + 1;
    for edit in edits {
        sql("INSERT INTO knowledge_item (workspace, item, revision, base, change, text, at_ms) \
             SELECT $1, $2, COALESCE(MAX(revision), 0) + 1, CAST($3 AS BIGINT), CAST($4 AS BIGINT), $5, \
             CAST($6 AS BIGINT) FROM knowledge_item WHERE workspace = $1 AND item = $2")
        .bind(workspace)
        .bind(&edit.item)
        .bind(base)
        .bind(number)
        .bind(edit.after.as_deref())
        .bind(by.now_ms)
        .execute(&mut *tx)
        .await?;
    }
    sql("UPDATE knowledge_change SET state = 'published', base = $3 WHERE workspace = $1 AND id = $2")
        .bind(workspace)
        .bind(number)
        .bind(base)
        .execute(tx)
        .await?;
    Ok(base)
}

impl Write for PutChange {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let base = load::revision(&mut (&mut *tx).into(), workspace).await?;
            let published = load::documents(&mut (&mut *tx).into(), workspace, base).await?;
            let edit = |(item, after): &(String, Option<String>)| {
                let (item, after) = (item.clone(), after.clone());
                Edit { before: published.get(&item).cloned(), item, after }
            };
            let mut edits: Vec<Edit> = self.items.iter().map(edit).filter(|edit| edit.before != edit.after).collect();
            edits.sort_by(|a, b| a.item.cmp(&b.item));
            if edits.is_empty() {
                return Err(Denied::Same.into());
            }
            let number = if let Some(number) = self.change {
                let mut change = loaded(tx, workspace, number).await?.change;
                change.edit(edits.clone(), self.by.now_ms).map_err(refused)?;
                self.again(tx, number, change.edition, &edits).await?;
                number
            } else {
                let open = "SELECT COUNT(*) AS n FROM knowledge_change WHERE workspace = $1 AND state = 'open'";
                if sql(open).bind(workspace).one(&mut *tx).await?.int("n")? >= OPEN {
                    return Err(Denied::TooManyChanges.into());
                }
                insert(tx, &self.by, ChangeOrigin::Api, &self.note, &edits).await?
            };
            let before = load::hashes(&edits, |edit| edit.before.as_deref());
            let after = load::hashes(&edits, |edit| edit.after.as_deref());
            let (action, subject) = ("knowledge.propose", number.to_string());
            let act = Act { action, subject: &subject, before: Some(&before), after: Some(&after) };
            log.append(tx, act).await?;
            Ok(number)
        })
    }
}

impl PutChange {
    async fn again(&self, tx: &mut Conn, number: i64, edition: i64, edits: &[Edit]) -> Result<(), StoreError> {
        sql("UPDATE knowledge_change SET edition = $3, proposed_ms = $4, note = $5, actor = $6, origin = 'api' \
             WHERE workspace = $1 AND id = $2")
        .bind(&self.by.workspace)
        .bind(number)
        .bind(edition)
        .bind(self.by.now_ms)
        .bind(&self.note)
        .bind(&self.by.actor)
        .execute(&mut *tx)
        .await?;
        propose(tx, &self.by.workspace, number, edits).await
    }
}

struct Approve {
    by: By,
    number: i64,
    seal: String,
}

impl Write for Approve {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let mut loaded = loaded(tx, &self.by.workspace, self.number).await?;
            let (approvers, before) = (loaded.approvers().to_vec(), loaded.change.approvals.len());
            loaded.change.approve(&self.by.actor, &self.seal, self.by.now_ms, &approvers).map_err(refused)?;
            if loaded.change.approvals.len() == before {
                return Ok(());
            }
            sql("INSERT INTO knowledge_approval (workspace, change, actor, seal, at_ms) VALUES ($1, $2, $3, $4, $5)")
                .bind(&self.by.workspace)
                .bind(self.number)
                .bind(&self.by.actor)
                .bind(&self.seal)
                .bind(self.by.now_ms)
                .execute(&mut *tx)
                .await?;
            let (action, subject) = ("knowledge.approve", self.number.to_string());
            log.append(tx, Act { action, subject: &subject, before: None, after: Some(&self.seal) }).await
        })
    }
}

struct End {
    by: By,
    number: i64,
    refused: Option<String>,
}

impl Write for End {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let mut change = loaded(tx, &self.by.workspace, self.number).await?.change;
            let seal = change.seal();
            let (how, state, action) = match self.refused {
                Some(_) => (Ended::Refused, "refused", "knowledge.refuse"),
                None => (Ended::Withdrawn, "withdrawn", "knowledge.withdraw"),
            };
            change.end(how).map_err(refused)?;
            set_state(tx, &self.by.workspace, self.number, state, self.refused.as_deref()).await?;
            let subject = self.number.to_string();
            log.append(tx, Act { action, subject: &subject, before: Some(&seal), after: None }).await
        })
    }
}

struct Publish {
    by: By,
    number: i64,
    base: i64,
    cooling_ms: i64,
}

impl Write for Publish {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let mut loaded = loaded(tx, workspace, self.number).await?;
            let (approvers, seal) = (loaded.approvers().to_vec(), loaded.change.seal());
            loaded.change.publish(&approvers, self.cooling_ms, self.by.now_ms).map_err(refused)?;
            if load::revision(&mut (&mut *tx).into(), workspace).await? != self.base {
                return Err(Denied::Moved.into());
            }
            let edits = loaded.change.edits;
            let base = commit(tx, &self.by, self.number, &edits).await?;
            fault!("knowledge.publish");
            sql("UPDATE knowledge_change SET seal = $3 WHERE workspace = $1 AND id = $2")
                .bind(workspace)
                .bind(self.number)
                .bind(&seal)
                .execute(&mut *tx)
                .await?;
            let before = load::hashes(&edits, |edit| edit.before.as_deref());
            let after = load::hashes(&edits, |edit| edit.after.as_deref());
            let (action, subject) = ("knowledge.publish", self.number.to_string());
            log.append(tx, Act { action, subject: &subject, before: Some(&before), after: Some(&after) }).await?;
            Ok(base)
        })
    }
}

struct WithdrawItem {
    by: By,
    item: String,
}

impl Write for WithdrawItem {
    type Out = i64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<i64, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let base = load::revision(&mut (&mut *tx).into(), workspace).await?;
            let mut published = load::documents(&mut (&mut *tx).into(), workspace, base).await?;
            let before = published.remove(&self.item).ok_or(StoreError::from(Denied::NotThere("item")))?;
            let edits = [Edit { item: self.item.clone(), before: Some(before), after: None }];
            let number = insert(tx, &self.by, ChangeOrigin::Api, "withdrawn by one, at once", &edits).await?;
            commit(tx, &self.by, number, &edits).await?;
            let before = load::hashes(&edits, |edit| edit.before.as_deref());
            let act =
                Act { action: "knowledge.item.withdraw", subject: &self.item, before: Some(&before), after: None };
            log.append(tx, act).await?;
            Ok(number)
        })
    }
}
