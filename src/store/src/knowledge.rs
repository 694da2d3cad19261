//! The canonical base as it is published, and the files that it came from. What is published is only ever added to.
//!
//! [`changes`]: how it changes.

pub(crate) mod changes;
mod load;

use std::collections::{BTreeMap, BTreeSet};

use townkeeper_contract::BoxFuture;
use townkeeper_contract::knowledge::{ChangeOrigin, ItemHistory, ItemRevision};
use townkeeper_core::publish::{self, Edit};
use townkeeper_core::secret;

use crate::audit::{self, Act, By};
use crate::db::{Conn, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError};

/// The base at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedBase {
    /// Counts from 1; 0: nothing was ever published.
    pub revision: i64,
    /// Name and text of each document, by name.
    pub documents: Vec<(String, String)>,
}

/// The files of a start.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Name and text of each that can be read.
    pub read: Vec<(String, String)>,
    /// Names of those that cannot: what is published of them stays.
    pub faulty: Vec<String>,
}

/// What became of the files of a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The base's revision behind it.
    pub revision: i64,
    /// How many documents were published because nothing was before.
    pub published: usize,
    /// How many files differ from what is published.
    pub differ: usize,
    /// The change that waits for approval, if this start put one.
    pub change: Option<i64>,
}

impl Store {
    /// What is published.
    pub async fn published_base(&self, workspace: &str) -> Result<PublishedBase, StoreError> {
        // The revision first: what is published in between belongs to a later one.
        let revision = load::revision(&mut (&self.reads).into(), workspace).await?;
        let documents = load::documents(&mut (&self.reads).into(), workspace, revision).await?;
        Ok(PublishedBase { revision, documents: documents.into_iter().collect() })
    }

    /// The base's revision, and the open changes that somebody has approved.
    pub async fn base_pulse(&self, workspace: &str) -> Result<(i64, Vec<i64>), StoreError> {
        let revision = load::revision(&mut (&self.reads).into(), workspace).await?;
        let rows = sql("SELECT DISTINCT c.id AS id FROM knowledge_change c \
             JOIN knowledge_approval a ON a.workspace = c.workspace AND a.change = c.id \
             WHERE c.workspace = $1 AND c.state = 'open' ORDER BY id")
        .bind(workspace)
        .all(&self.reads)
        .await?;
        Ok((revision, rows.iter().map(|row| row.int("id")).collect::<Result<_, _>>()?))
    }

    /// Takes in the files of a start: where nothing was ever published they are, by nobody; else what was changed in them
    /// since the last start becomes a change that waits.
    pub async fn import_base(&self, by: By, files: Files) -> Result<Imported, StoreError> {
        self.write(Import { by, files }).await
    }

    /// How many files of the last start differ from what is published.
    pub async fn differing_files(&self, workspace: &str) -> Result<usize, StoreError> {
        let published = self.published_base(workspace).await?.documents;
        let published: BTreeMap<String, String> =
            published.into_iter().map(|(item, text)| (item, secret::hash(&text))).collect();
        let files = load::files(&mut (&self.reads).into(), workspace).await?;
        Ok(files.iter().filter(|(item, hash)| published.get(*item) != Some(hash)).count())
    }

    /// What an item said, newest first. Empty: there never was one.
    pub async fn item_history(&self, workspace: &str, item: &str) -> Result<ItemHistory, StoreError> {
        let rows = sql(
            "SELECT i.revision, i.base, i.change, i.text, i.at_ms, c.actor, a.actor AS voice FROM knowledge_item i \
             JOIN knowledge_change c ON c.workspace = i.workspace AND c.id = i.change \
             LEFT JOIN knowledge_approval a ON a.workspace = i.workspace AND a.change = i.change AND a.seal = c.seal \
             WHERE i.workspace = $1 AND i.item = $2 ORDER BY i.revision, a.at_ms, a.actor",
        )
        .bind(workspace)
        .bind(item)
        .all(&self.reads)
        .await?;
        let mut revisions: Vec<ItemRevision> = Vec::new();
        let mut before: Option<String> = None;
        for row in &rows {
            let revision = row.int("revision")?;
            if revisions.last().is_none_or(|last| last.revision != revision) {
                let after = row.opt_text("text")?;
                let edit = Edit { item: item.to_owned(), before: before.take(), after: after.clone() };
                revisions.push(ItemRevision {
                    revision,
                    base: row.int("base")?,
                    change: row.int("change")?,
                    at_ms: row.int("at_ms")?,
                    author: row.opt_text("actor")?,
                    approved_by: Vec::new(),
                    hash: after.as_deref().map(secret::hash),
                    diff: publish::diff(&[edit]),
                });
                before = after;
            }
            if let (Some(last), Some(voice)) = (revisions.last_mut(), row.opt_text("voice")?) {
                last.approved_by.push(voice);
            }
        }
        revisions.reverse();
        Ok(ItemHistory { item: item.to_owned(), revisions })
    }

    /// Whether an item said just this at any of its revisions.
    pub async fn has_said(&self, workspace: &str, item: &str, text: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT revision FROM knowledge_item WHERE workspace = $1 AND item = $2 AND text = $3 LIMIT 1")
            .bind(workspace)
            .bind(item)
            .bind(text);
        Ok(row.optional(&self.reads).await?.is_some())
    }

    /// What an item said at a revision of its own: the text, or that it was withdrawn.
    pub async fn item_at(&self, workspace: &str, item: &str, revision: i64) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT text FROM knowledge_item WHERE workspace = $1 AND item = $2 AND revision = $3")
            .bind(workspace)
            .bind(item)
            .bind(revision)
            .optional(&self.reads)
            .await?;
        row.ok_or(StoreError::from(Denied::NotThere("revision")))?.opt_text("text")
    }
}

struct Import {
    by: By,
    files: Files,
}

impl Write for Import {
    type Out = Imported;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Imported, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let workspace = &self.by.workspace;
            let base = load::revision(&mut (&mut *tx).into(), workspace).await?;
            let published = load::documents(&mut (&mut *tx).into(), workspace, base).await?;
            let seen = load::files(&mut (&mut *tx).into(), workspace).await?;
            let waiting = load::waiting_files(&mut (&mut *tx).into(), workspace).await?;
            self.remember(tx, &seen).await?;
            let edits = self.edits(&published, &seen, &waiting);
            let mut imported = Imported { revision: base, differ: self.differ(&published), ..Imported::default() };
            if base == 0 {
                let number = changes::insert(tx, &self.by, ChangeOrigin::Bootstrap, "", &edits).await?;
                let revision = changes::commit(tx, &self.by, number, &edits).await?;
                let after = load::hashes(&edits, |edit| edit.after.as_deref());
                let act = Act { action: "knowledge.bootstrap", subject: "1", before: None, after: Some(&after) };
                log.append(tx, act).await?;
                return Ok(Imported { revision, published: edits.len(), differ: 0, change: Some(number) });
            }
            if !self.moved(&seen) {
                return Ok(imported);
            }
            for number in waiting.keys() {
                changes::set_state(tx, workspace, *number, "withdrawn", Some("the files were changed again")).await?;
            }
            if !edits.is_empty() {
                let number = changes::insert(tx, &self.by, ChangeOrigin::Files, "", &edits).await?;
                let (before, after) = (None, load::hashes(&edits, |edit| edit.after.as_deref()));
                let subject = number.to_string();
                log.append(tx, Act { action: "knowledge.propose", subject: &subject, before, after: Some(&after) })
                    .await?;
                imported.change = Some(number);
            }
            Ok(imported)
        })
    }
}

impl Import {
    /// Whether any file is not what the last start found.
    fn moved(&self, seen: &BTreeMap<String, String>) -> bool {
        let changed = self.files.read.iter().any(|(item, text)| seen.get(item) != Some(&secret::hash(text)));
        changed || seen.keys().any(|item| self.is_gone(item))
    }

    fn is_gone(&self, item: &str) -> bool {
        !self.files.faulty.iter().any(|faulty| faulty == item) && self.files.read.iter().all(|(read, _)| read != item)
    }

    fn differ(&self, published: &BTreeMap<String, String>) -> usize {
        self.files.read.iter().filter(|(item, text)| published.get(item) != Some(text)).count()
    }

    /// What was changed in the files since the last start, or at an earlier one and still waits, and is not published.
    fn edits(
        &self,
        published: &BTreeMap<String, String>,
        seen: &BTreeMap<String, String>,
        waiting: &BTreeMap<i64, BTreeSet<String>>,
    ) -> Vec<Edit> {
        let waits = |item: &str| waiting.values().any(|items| items.contains(item));
        let fresh = |item: &str, text: &str| seen.get(item) != Some(&secret::hash(text)) || waits(item);
        let put =
            self.files.read.iter().filter(|(item, text)| fresh(item, text)).map(|(item, text)| (item, Some(text)));
        let gone = published.keys().filter(|item| self.is_gone(item) && (seen.contains_key(*item) || waits(item)));
        let all = put.chain(gone.map(|item| (item, None)));
        let mut edits: Vec<Edit> = all
            .map(|(item, after)| Edit {
                item: item.clone(),
                before: published.get(item).cloned(),
                after: after.cloned(),
            })
            .filter(|edit| edit.before != edit.after)
            .collect();
        edits.sort_by(|a, b| a.item.cmp(&b.item));
        edits
    }

    async fn remember(&self, tx: &mut Conn, seen: &BTreeMap<String, String>) -> Result<(), StoreError> {
        let workspace = &self.by.workspace;
        for (item, text) in &self.files.read {
            sql("INSERT INTO knowledge_file (workspace, item, hash) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace, item) DO UPDATE SET hash = excluded.hash")
            .bind(workspace)
            .bind(item)
            .bind(secret::hash(text))
            .execute(&mut *tx)
            .await?;
        }
        for item in seen.keys().filter(|item| self.is_gone(item)) {
            let forget = sql("DELETE FROM knowledge_file WHERE workspace = $1 AND item = $2");
            forget.bind(workspace).bind(item).execute(&mut *tx).await?;
        }
        Ok(())
    }
}
