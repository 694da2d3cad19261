//! Public lists of bad hosts: what is fetched, under which licence, how old it is. The API's bodies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list that the daemon fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicList {
    pub name: String,
    pub url: String,
    /// Its keepers' terms, or that they state none.
    pub licence: String,
    /// What it is, in a line.
    pub what: String,
    /// How many hosts it denies; 0 before it was first fetched.
    pub hosts: u64,
    /// How much it takes, on disk and in memory.
    pub bytes: u64,
    /// SHA-256 of what was fetched, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it was last fetched with a change. Unix time in milliseconds, as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_ms: Option<i64>,
    /// When its source last said that this is its newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_ms: Option<i64>,
    /// Whole days since then. Old lists know no new thieves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
    /// Why the last try brought nothing; what was there before is gone by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// `GET /v1/shield/lists`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicLists {
    pub lists: Vec<PublicList>,
}
