//! What time has passed over (L6), and what still leads to an entry that no longer holds (L9).

use std::collections::BTreeSet;

use townkeeper_contract::text::normalise;

use super::{Place, Policy, Report, Rule, Severity};
use crate::entry::Status;

/// English words that are true on the day they are written.
const RELATIVE: &[&str] = &[
    "soon",
    "shortly",
    "today",
    "tomorrow",
    "yesterday",
    "this week",
    "next week",
    "last week",
    "this month",
    "next month",
    "in a few days",
    "in a few hours",
];

pub(super) fn look(place: Place<'_>, policy: &Policy, report: &mut Report<'_>) {
    let Place { file, entry } = place;
    if !place.published() {
        return;
    }
    let reviews = std::iter::once(("", entry.review_by));
    let reviews = reviews.chain(entry.translations.iter().map(|block| (block.lang.as_str(), block.review_by)));
    for (lang, by) in reviews.filter(|(_, by)| *by < policy.today) {
        let of = if lang.is_empty() { String::new() } else { format!(" of the block `{lang}`") };
        let reason = format!("the review{of} was due by {by}");
        let remedy = "read it again, then move `reviewed_at` and `review_by`; until then it counts as stale";
        report.add(Rule::L6, Severity::Warning, (file, &by.to_string()), reason, remedy);
    }
    if let Some(until) = entry.valid_until.filter(|until| *until < policy.today) {
        let reason = format!("it held until {until}, and is still published");
        report.add(
            Rule::L6,
            Severity::Warning,
            (file, "valid_until:"),
            reason,
            "set `status: superseded`, or say what holds now",
        );
    }
    let text = normalise(&entry.body.to_plain());
    for word in RELATIVE.iter().filter(|word| holds(&text, word)) {
        let reason = format!("the answer says \"{word}\", which will not stay true");
        report.add(Rule::L6, Severity::Warning, (file, word), reason, "name the day, best by a fact's id: `{date.…}`");
    }
}

/// Whether these words stand in the text, as whole words.
fn holds(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + words.len()..).and_then(|after| after.chars().next());
        !letter(before) && !letter(after)
    })
}

/// Entries that name or link to one that is superseded.
pub(super) fn superseded(report: &mut Report<'_>) {
    let written = report.written;
    let with = |status| written.entries.iter().map(|(_, entry)| entry).filter(move |entry| entry.status == status);
    let current: BTreeSet<&str> = with(Status::Published).map(|entry| entry.canonical_url.as_str()).collect();
    for (file, entry) in &written.entries {
        if let Some(before) = &entry.supersedes {
            let reason = match written.entries.iter().find(|(_, other)| other.id == *before) {
                None => Some(format!("`supersedes` names `{before}`, which is no entry")),
                Some((_, other)) if other.status == Status::Published => {
                    Some(format!("`{before}` is superseded by this entry, and is still published"))
                }
                Some(_) => None,
            };
            if let Some(reason) = reason {
                let remedy = "set `status: superseded` there, or take the line out here";
                report.add(Rule::L9, Severity::Error, (file, "supersedes:"), reason, remedy);
            }
        }
        if entry.status != Status::Published {
            continue;
        }
        let links = entry.body.runs().filter_map(|run| run.link.as_deref());
        let links: BTreeSet<&str> = links.filter(|link| !current.contains(link)).collect();
        for old in with(Status::Superseded).filter(|old| links.contains(old.canonical_url.as_str())) {
            let reason = format!("it links to {}, the page of `{}`, which is superseded", old.canonical_url, old.id);
            let remedy = "link to the page of the entry that took its place";
            report.add(Rule::L9, Severity::Error, (file, &old.canonical_url), reason, remedy);
        }
    }
}
