//! Cases: what the shield holds against a message, and what moderators made of it. The API's bodies.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::id::{AccountId, MessageRef, PersonId, PlaceId};

words! {
    /// What the shield does in a place.
    ShieldMode {
        /// Judges nothing.
        Off = "off",
        /// Judges, and writes down what it would have done.
        Shadow = "shadow",
        /// Shows moderators what it finds.
        Flag = "flag",
        /// The same; and takes away what a hard fact speaks against.
        Guard = "guard",
    }
}

words! {
    /// How a case stands.
    CaseState {
        Open = "open",
        /// The words are a scam: what is like them is one too.
        Content = "content",
        /// The account is in the wrong hands, or pretends to be somebody. Its words teach nothing.
        Account = "account",
        /// It is no scam.
        Clear = "clear",
        Unsure = "unsure",
    }
}

words! {
    /// What a moderator says about a case.
    CaseWord {
        Content = "content",
        Account = "account",
        Clear = "clear",
        Unsure = "unsure",
        /// Takes back what was said last.
        Undo = "undo",
    }
}

words! {
    /// What the shield thinks should happen to a message, mildest first.
    CaseAction {
        /// A moderator should look.
        Flag = "flag",
        /// Nobody should see it until a moderator has looked.
        Hold = "hold",
        /// It must go.
        Delete = "delete",
    }
}

words! {
    /// What is done besides, where the policy says so.
    CaseExtra {
        /// Its author only reads, for a while.
        Restrict = "restrict",
        /// Its author goes.
        Ban = "ban",
        /// Moderators are called: it waits in no digest.
        Notify = "notify",
    }
}

/// A message, and why it looks like a scam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Counts from 1 within a workspace.
    pub number: i64,
    pub account: AccountId,
    pub place: PlaceId,
    /// None where a person's name is the matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    pub person: PersonId,
    /// As shown at that moment.
    pub name: String,
    /// What was written; links in it open nothing.
    pub text: String,
    /// Why, in one sentence.
    pub why: String,
    /// The whole verdict: score, signals with their evidence, dampers, what would have changed it, versions.
    pub verdict: serde_json::Value,
    pub action: CaseAction,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<CaseExtra>,
    /// As it was set for the place then.
    pub mode: ShieldMode,
    /// Unix time in milliseconds, as everywhere.
    pub at_ms: i64,
    pub state: CaseState,
    /// Who said so, as the audit log writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_ms: Option<i64>,
    /// What else the message said, where it was edited: a case goes by the worst.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<CaseEdit>,
}

/// What a message with a case said before or after an edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseEdit {
    /// Links in it open nothing.
    pub text: String,
    pub why: String,
    pub action: CaseAction,
    /// When the edit came that brought these words, or took them away.
    pub at_ms: i64,
}

/// `GET /v1/cases`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseList {
    pub cases: Vec<Case>,
    /// Whether there are older ones: `?before=` the last number shows them.
    #[serde(default)]
    pub more: bool,
}

/// `POST /v1/cases/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCaseWord {
    pub word: CaseWord,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseDecided {
    pub number: i64,
    pub state: CaseState,
    /// The acts of moderation that it led to; `GET /v1/moderation` says how they go.
    pub acts: Vec<i64>,
    /// What could not be done, in a sentence each.
    pub undone: Vec<String>,
}
