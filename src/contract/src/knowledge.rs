//! Changing the canonical base over the API: what is proposed, who approved it, what became of it, and what an item of the
//! base said at each of its revisions. An *item* is one document with a name: `dates.md`, `facts.toml`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::words;

words! {
    /// Where a change is in its life.
    ChangeState {
        /// Nobody whose voice counts has approved it.
        Proposed = "proposed",
        /// One of the two that it needs has.
        Approved = "approved",
        /// It has its voices, and becomes live when its cooling time is over.
        Cooling = "cooling",
        /// It has its voices and its time: it becomes live in a moment.
        Ready = "ready",
        /// It is, or was, live.
        Published = "published",
        /// The base would not have been good with it; `reason` says why.
        Refused = "refused",
        /// Somebody took it back.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// Where a change came from.
    ChangeOrigin {
        /// The files of the first start, published by nobody.
        Bootstrap = "bootstrap",
        /// Files that differed at a later start.
        Files = "files",
        /// The API.
        Api = "api",
    }
}

words! {
    /// What a change does to an item.
    ItemChange {
        New = "new",
        Changed = "changed",
        Removed = "removed",
    }
}

/// A change that is put, or an open one that is put anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChange {
    /// The number of the open change that this takes the place of. Its approvals are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
    /// Why, for those who approve it; at most 500 bytes.
    #[serde(default)]
    pub note: String,
    /// What becomes of each item, at most 1,000.
    pub items: Vec<NewText>,
}

/// What becomes of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewText {
    pub item: String,
    /// The whole document; without it, the item is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeInfo {
    pub number: i64,
    pub state: ChangeState,
    pub origin: ChangeOrigin,
    /// Who put it, as the audit log writes it; nobody where files did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub note: String,
    /// When it was put last.
    pub proposed_ms: i64,
    pub items: Vec<ChangedItem>,
    /// How many different people must approve it.
    pub needs: u32,
    pub approvals: Vec<Approval>,
    /// What is approved: SHA-256 over what it says and what that replaces. Another after every edit.
    pub hash: String,
    /// When its cooling time is over, once it has its voices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_ms: Option<i64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The base's revision that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}

/// An item that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedItem {
    pub item: String,
    pub what: ItemChange,
}

/// One voice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// As the audit log writes it.
    pub actor: String,
    /// Their name, while they are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub at_ms: i64,
    /// Whether it still counts: it was for just this, and its person may still approve.
    pub counts: bool,
}

/// The changes that are open, then the newest that are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeList {
    /// The base's revision that is published.
    pub revision: i64,
    /// How many files of the last start differ from that.
    pub files_differ: usize,
    pub changes: Vec<ChangeInfo>,
}

/// A change, what it would do, and whether the base would be good with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeDetail {
    pub change: ChangeInfo,
    /// Unified, for every item.
    pub diff: String,
    /// Of an open one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// What the base would be with a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub good: bool,
    /// Why it is not, each with its place and what to do.
    pub faults: Vec<String>,
    /// What the lint says of it that does not keep it from being published, likewise.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How many entries it would have.
    pub entries: usize,
    /// What it would promise of its answers, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
}

/// An approval of what one has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// As the change said.
    pub hash: String,
}

/// Which revision of an item is to be published again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackBody {
    pub to: i64,
}

/// What an item said, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemHistory {
    pub item: String,
    pub revisions: Vec<ItemRevision>,
}

/// One revision of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemRevision {
    /// Of the item, from 1.
    pub revision: i64,
    /// Of the base.
    pub base: i64,
    pub change: i64,
    pub at_ms: i64,
    /// Who put it; nobody where files did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Who approved it.
    pub approved_by: Vec<String>,
    /// SHA-256 of the text; none where it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Against the revision before.
    pub diff: String,
}
