//! Answers that nobody asked us for, in a support channel: only a published entry that the base is sure of, only upon a
//! question that is put to everyone, and otherwise nothing at all.

use chrono::NaiveDate;
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::place::PlaceMode;
use townkeeper_knowledge::{Base, Entry};

use super::{Decision, Snapshot, asks_nothing, may_answer};

/// Words that a question begins with where it has no question mark.
const ASKING: &[&str] = &[
    "am", "are", "can", "could", "did", "do", "does", "has", "have", "how", "is", "may", "must", "should", "was",
    "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "would",
];

/// The entry that may be said to this, if there is one.
pub fn answer<'a>(base: &'a Base, today: NaiveDate, inbound: &Inbound) -> Option<&'a Entry> {
    let Body::Message { text } = &inbound.body else { return None };
    // What replies to somebody, or names somebody, is a talk of theirs.
    if inbound.person.bot || inbound.replies_to.is_some() || names_somebody(text) || !is_question(text) {
        return None;
    }
    base.look_up(text).answer.filter(|entry| may_answer(entry, today))
}

/// What becomes of words that were not for us.
pub(super) fn heard(snapshot: &Snapshot<'_>, inbound: &Inbound) -> Decision {
    let may = snapshot.here.mode == PlaceMode::Support && !snapshot.frozen && snapshot.pace.is_free();
    let entry = answer(snapshot.base, snapshot.today, inbound).filter(|_| may);
    entry.map_or_else(Decision::silent, |entry| {
        Decision::end(super::answer(snapshot, entry, &super::asked(inbound, snapshot.base)))
    })
}

fn is_question(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let asks = text.contains(['?', '\u{ff1f}', '\u{61f}']) || ASKING.contains(&first.to_lowercase().as_str());
    asks && !asks_nothing(text)
}

fn names_somebody(text: &str) -> bool {
    text.split_whitespace().any(|word| word.starts_with('@') || word.starts_with("<@"))
}
