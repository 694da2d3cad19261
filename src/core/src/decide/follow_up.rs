//! Questions that go on from the answer before ("and for a hardware wallet?"). Deterministic: no model rewrites them.

use townkeeper_contract::id::EntryId;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_contract::text::normalise;
use townkeeper_knowledge::Entry;

use super::{Past, Snapshot, is_question, may_answer};

/// How a question begins that goes on from another.
const OPENINGS: &[&str] = &[
    "also",
    "and",
    "but",
    "does it",
    "does that",
    "for",
    "how about",
    "if",
    "is it",
    "is that",
    "on",
    "or",
    "same",
    "so",
    "then",
    "what about",
    "what if",
    "with",
];

/// The longest follow-up, in words.
const LONGEST: usize = 9;

/// So few words go on from something, however they begin ("ledger?").
const SHORT: usize = 3;

/// Whether a question may go on from the one before: short, and beginning like one that does.
pub(super) fn may_be(text: &str) -> bool {
    let normal = normalise(text);
    let words = normal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    let opens = |opening: &str| normal.strip_prefix(opening).is_some_and(|rest| rest.starts_with(' '));
    (1..=LONGEST).contains(&words) && (words <= SHORT || OPENINGS.iter().any(|opening| opens(opening)))
}

/// The entry that answers it, if the last question was answered by one.
pub(super) fn answer<'a>(snapshot: &Snapshot<'a>, past: &[Past<'_>], text: &str) -> Option<&'a Entry> {
    let last = past.iter().rev().find(|past| is_question(past))?;
    let reply = last.reply.filter(|reply| matches!(reply.kind, ReplyKind::Canonical | ReplyKind::Model))?;
    let previous = snapshot.base.get(&EntryId::from(reply.citation.as_ref()?.entry.as_str()))?;
    snapshot.base.look_up_after(text, previous).filter(|entry| may_answer(entry, snapshot.today))
}
