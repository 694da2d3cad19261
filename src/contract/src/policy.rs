//! The shield's policy as it is now: what is done about what, where, to whom. The API's bodies.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::place::PlaceChannel;

words! {
    /// How far somebody is trusted.
    Trust {
        New = "new",
        Member = "member",
        Trusted = "trusted",
        Staff = "staff",
    }
}

/// `GET /v1/shield/policy`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShieldPolicy {
    /// Counts the changes of the defaults; a case's verdict names the one it was reached by.
    pub version: u32,
    /// One for each platform that the workspace is on, kind of channel, and trust.
    pub lines: Vec<PolicyLine>,
    /// Cases whose words are not learnt: with them, messages that are known to be clean would be flagged.
    pub not_learnt: Vec<i64>,
}

/// What holds at a place, whoever set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyLine {
    pub platform: String,
    pub channel: PlaceChannel,
    pub tier: Trust,
    /// From this score on, 0 to 1, a message is flagged.
    pub flag_score: f32,
    /// The share of clean messages that may be flagged, where the score is to come from that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag_fpr: Option<f64>,
    /// How many messages that share is read off; with fewer than 2,000 the score is the default. None without a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_off: Option<u64>,
    /// What is done upon a score alone: `flag`, `hold`, `delete`, `restrict`, `ban`, `notify`; none: nothing.
    pub score: Vec<String>,
    /// What is done where something passes for ours or asks for a secret.
    pub fact: Vec<String>,
    /// What is done about what is on a list.
    pub listed: Vec<String>,
    /// How many messages of the platform were counted. Those that a hard fact spoke against are not, nor confirmed scams.
    pub messages: u64,
    /// How many of them scored so that they would be flagged here now.
    pub flagged: u64,
}
