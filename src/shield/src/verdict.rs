//! What came of judging a message, so that a moderator can see why, and a member is told nothing that can be opened.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

use crate::policy::TableVersion;

/// What should happen to it, mildest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    #[default]
    Pass,
    /// A moderator should look.
    Flag,
    /// Nobody should see it until a moderator has looked.
    Hold,
    /// It must go: a hard fact speaks against it.
    Delete,
}

/// The hardest reason there is, and so how far an action may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grounds {
    /// Signs only: a moderator decides.
    #[default]
    Signs,
    /// Something passes for ours, or asks for a secret, and nobody warns or asks about it.
    Fact,
    /// On a list.
    Listed,
}

/// A verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    #[serde(rename = "verdict")]
    pub action: Action,
    /// How likely it is a scam, 0 to 1, as far as the signals tell.
    pub score: f32,
    pub grounds: Grounds,
    /// From which score on it was flagged where it stands; none: by the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// What speaks for it, the weightiest first.
    pub signals: Vec<Signal>,
    /// What speaks against it: `warning`, `question`, `quote`, `code`, `staff`.
    pub dampers: Vec<&'static str>,
    /// It warns, asks or quotes: no copy of what it names, however alike.
    #[serde(skip)]
    pub innocent: bool,
    /// No more than a word of warning stands before it: a warning in haste, or a thief's.
    #[serde(skip)]
    pub marked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
    pub versions: Versions,
}

/// What it would have been without its weightiest reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counterfactual {
    pub without: &'static str,
    pub score: f32,
    #[serde(skip)]
    pub grounds: Grounds,
    #[serde(rename = "verdict")]
    pub action: Action,
}

/// By what it was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Versions {
    pub weights: u32,
    pub policy: u32,
    /// The operator's own table, where there is one and it was gone by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableVersion>,
    /// The lists that deny, by source; only where one of them spoke.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// Stable: `brand_host`, `secret_request`.
    pub id: &'static str,
    /// In log-odds, bounded.
    pub weight: f32,
    /// Where it is known from: `base` (what is ours), `team`, `rules` (words, and what is true everywhere), `model`, `behaviour`,
    /// `list NAME`, `case N` (what moderators confirmed), `pattern NAME`.
    pub source: Cow<'static, str>,
    pub evidence: Evidence,
    /// One sentence for a moderator.
    pub why: String,
}

/// What a reason rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Defanged: nobody opens it by accident.
    pub text: String,
    /// Where it stands in the original, in bytes on character boundaries.
    pub range: Range<usize>,
}
