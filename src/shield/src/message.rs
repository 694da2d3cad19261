//! What is judged: a text, who wrote it, where it stands.

use serde::{Deserialize, Serialize};

/// One message, or an edit of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// As written.
    pub text: &'a str,
    /// What its author quotes or forwards, where the platform keeps it apart. It is others' words.
    pub quoted: &'a str,
    /// All of `text` is others' words too: passed on without a word of the author's own.
    pub forwarded: bool,
    /// What it said before, where this is an edit.
    pub before: Option<&'a str>,
    pub author: Author<'a>,
    pub reply: Option<Reply>,
    /// Written where members report scams.
    pub in_reports: bool,
}

/// Who wrote it. Whoever is not known is a new member.
#[derive(Clone, Copy, Debug, Default)]
pub struct Author<'a> {
    /// The platform's own id; a name is never one.
    pub id: Option<&'a str>,
    /// As shown to people.
    pub name: &'a str,
    /// Without `@`.
    pub handle: &'a str,
    pub tier: Tier,
}

/// How far an author is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    #[default]
    New,
    Member,
    Trusted,
    Staff,
}

/// The message that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Somebody asked for help there.
    pub asks_help: bool,
    /// How long ago it was written, in seconds.
    pub after_s: u32,
}
