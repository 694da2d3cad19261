//! What a change is about: whether money, or somebody's safety, hangs on it.

use std::collections::BTreeSet;

use townkeeper_contract::text::{RichText, extract};
use townkeeper_knowledge::{Class, Entry, Status, parse};

use super::{Edit, is_entry};

/// Whether an edit needs two people: it touches a `safety` entry, a facts table, or any link, address, date, amount or name
/// that somebody may be sent to. A new entry brings its canonical link along. Taking an entry away is not grave: silence
/// sends nobody anywhere.
pub fn is_grave(edit: &Edit) -> bool {
    if !is_entry(&edit.item) {
        return true;
    }
    match (shown(edit.before.as_deref()), shown(edit.after.as_deref())) {
        // What cannot be read is never published; until then it is not taken lightly.
        (Shown::Unreadable, Shown::Entry(_)) | (_, Shown::Unreadable) => true,
        (_, Shown::No) => false,
        (Shown::No, Shown::Entry(_)) => true,
        (Shown::Entry(before), Shown::Entry(after)) => {
            let safety = [&before, &after].iter().any(|entry| entry.class == Class::Safety);
            safety || matter(&before, edit.before.as_deref()) != matter(&after, edit.after.as_deref())
        }
    }
}

/// Whether nobody sees anything of a document: there is none, or it is a draft.
pub(super) fn is_unseen(text: Option<&str>) -> bool {
    matches!(shown(text), Shown::No)
}

/// What people see of a document.
enum Shown {
    No,
    Entry(Box<Entry>),
    Unreadable,
}

fn shown(text: Option<&str>) -> Shown {
    match text.map(|text| parse("", &without_facts(text))) {
        None => Shown::No,
        Some(Ok(entry)) if entry.status == Status::Draft => Shown::No,
        Some(Ok(entry)) => Shown::Entry(Box::new(entry)),
        Some(Err(_)) => Shown::Unreadable,
    }
}

/// The text as it can be read without the facts that it names: what they say is the table's matter, and which they are is
/// compared by id.
fn without_facts(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.strip_prefix("canonical_url: link.") {
        Some(id) => format!("canonical_url: https://fact.invalid/{id}"),
        None => line.replace(['{', '}'], "~"),
    });
    lines.collect()
}

/// Everything of an entry that two people answer for.
fn matter(entry: &Entry, text: Option<&str>) -> BTreeSet<String> {
    let mut matter = BTreeSet::new();
    for text in entry.published() {
        matter.extend(extract(&text).into_iter().map(|found| format!("{:?} {}", found.kind, found.value)));
    }
    let bodies = std::iter::once(&entry.body).chain(entry.translations.iter().map(|block| &block.body));
    matter
        .extend(bodies.flat_map(RichText::runs).filter_map(|run| run.link.as_ref()).map(|link| format!("link {link}")));
    // References to facts by id, whatever they look like inside their braces.
    let braced = text.unwrap_or_default().split('{').skip(1).filter_map(|rest| rest.split('}').next());
    matter.extend(braced.map(|id| format!("fact {id}")));
    matter.insert(format!("url {}", entry.canonical_url));
    matter.insert(format!("id {}", entry.id));
    matter.insert(format!("holds {:?} {:?}", entry.valid_from, entry.valid_until));
    matter
}
