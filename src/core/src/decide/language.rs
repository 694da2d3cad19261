//! Which language an answer is in: the asker's own where that is certain, else the place's, else the one in which the entry was
//! first written. Which entry answers was decided before; none of this changes it.

use townkeeper_contract::id::EntryId;
use townkeeper_contract::stream::Reply;
use townkeeper_knowledge::Entry;
use townkeeper_knowledge::language::detect;

use super::Snapshot;
use crate::say;

/// An entry's published words as the answer to this question. Whose question it is word for word needs no guess.
pub(super) fn answer(snapshot: &Snapshot<'_>, entry: &Entry, question: &str) -> Reply {
    said_in(snapshot, entry, entry.asked_in(question).or_else(|| detect(question)))
}

/// The same for a language that somebody asked in, or for none that is known. Where the entry speaks neither it nor the
/// place's, the original is said below a line in it.
pub(super) fn said_in(snapshot: &Snapshot<'_>, entry: &Entry, asked: Option<&str>) -> Reply {
    let place = snapshot.here.language.as_deref();
    let there = [asked, place].into_iter().flatten().find(|lang| entry.said_in(lang).is_some());
    say::canonical_in(entry, there.or(asked).or(place))
}

/// That nothing reviewed answers this question, and what may be meant.
pub(super) fn abstain(snapshot: &Snapshot<'_>, question: &str, near: &[&Entry]) -> Reply {
    let lang = detect(question).or(snapshot.here.language.as_deref());
    say::abstention_in(snapshot.turn, near, lang)
}

/// The entry, and the language, that a button of [`say::abstention_in`] stands for.
pub(super) fn meant(action: &str) -> Option<(EntryId, Option<&str>)> {
    let named = action.strip_prefix("entry:")?;
    let (id, lang) = named.split_once(':').map_or((named, None), |(id, lang)| (id, Some(lang)));
    Some((EntryId::from(id), lang))
}
