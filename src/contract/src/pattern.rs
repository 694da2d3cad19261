//! Patterns: regular expressions that moderators look for. The API's bodies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A regular expression by its name. A match is shown to moderators; it never acts by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScamPattern {
    /// 1 to 40 small letters, digits and hyphens.
    pub name: String,
    pub regex: String,
    /// Who wrote it, as the audit log names them.
    pub by: String,
    /// Unix time in milliseconds.
    pub at_ms: i64,
}

/// `GET /v1/shield/patterns`: by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatternList {
    pub patterns: Vec<ScamPattern>,
}

/// `PUT /v1/shield/patterns/{item}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPattern {
    /// At most 500 bytes, and small when it is compiled.
    pub regex: String,
}
