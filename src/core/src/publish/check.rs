//! Whether a base would be good: every document read, the whole built and calibrated, and the self-test: no question that
//! finds its entry today may find another.

use std::collections::{BTreeMap, BTreeSet};

use similar::TextDiff;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::normalise;
use townkeeper_knowledge::{Base, Entry, EntryError, Status, parse};

use super::{Edit, is_entry};

/// How many times a part of every entry's questions is held out.
const FOLDS: usize = 5;

/// The longest item's name, in bytes.
const NAME: usize = 100;

/// A document of the base: its name, or the path it was read from, and its text.
pub type Document = (String, String);

/// A base that may be published.
#[derive(Debug)]
pub struct Checked {
    pub base: Base,
}

/// Reads a base. Every fault is named, not only the first.
pub fn read(documents: &[Document]) -> Result<Base, Vec<EntryError>> {
    Base::build(entries(documents)?)
}

/// Reads one document that is to be an item: what is wrong with its name or its text.
pub fn document(item: &str, text: &str) -> Result<(), EntryError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let is_name = item.len() <= NAME && !item.starts_with('.') && item.chars().all(plain) && is_entry(item);
    if !is_name {
        return Err(EntryError {
            file: item.chars().take(NAME).filter(|c| !c.is_control()).collect(),
            line: 0,
            reason: "this is no name of an item".to_owned(),
            remedy: format!("name it like its file, `dates.md`, with at most {NAME} letters, digits, `.`, `-` and `_`"),
        });
    }
    parse(item, text).map(drop)
}

fn entries(documents: &[Document]) -> Result<Vec<(String, Entry)>, Vec<EntryError>> {
    let (mut entries, mut faults) = (Vec::with_capacity(documents.len()), Vec::new());
    for (name, text) in documents {
        match parse(name, text) {
            Ok(entry) => entries.push((name.clone(), entry)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(entries) } else { Err(faults) }
}

/// What the base would be with these edits, or why it would not be good. Takes a while: not beside answers.
pub fn check(current: &[Document], edits: &[Edit]) -> Result<Checked, Vec<String>> {
    let touched: BTreeSet<&str> = edits.iter().map(|edit| edit.item.as_str()).collect();
    let mut documents: Vec<Document> =
        current.iter().filter(|(name, _)| !touched.contains(name.as_str())).cloned().collect();
    documents.extend(edits.iter().filter_map(|edit| Some((edit.item.clone(), edit.after.clone()?))));
    documents.sort();
    let words = |faults: Vec<EntryError>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let after = entries(&documents).map_err(words)?;
    let base = Base::build(after.clone()).map_err(words)?;
    let changed: BTreeSet<&EntryId> =
        after.iter().filter(|(name, _)| touched.contains(name.as_str())).map(|(_, entry)| &entry.id).collect();
    let before = entries(current).unwrap_or_default();
    let asked: BTreeSet<(&EntryId, &str)> =
        before.iter().flat_map(|(_, entry)| entry.questions().map(move |question| (&entry.id, question))).collect();
    let mut stolen = thefts(&after);
    // What nobody asked before is nobody's loss, and what was so before is not this change's doing.
    stolen.retain(|theft| changed.contains(&theft.of) || changed.contains(&theft.by));
    stolen.retain(|theft| asked.contains(&(&theft.of, theft.question.as_str())));
    if !stolen.is_empty() {
        let lost = thefts(&before);
        stolen.retain(|theft| !lost.iter().any(|lost| lost.of == theft.of && lost.question == theft.question));
    }
    stolen.sort();
    stolen.dedup();
    let stolen: Vec<&Theft> = stolen.iter().filter(|theft| theft.is_grave(&stolen, &after)).collect();
    if stolen.is_empty() { Ok(Checked { base }) } else { Err(stolen.into_iter().map(Theft::words).collect()) }
}

/// A question of one entry that another would answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Theft {
    of: EntryId,
    question: String,
    by: EntryId,
}

impl Theft {
    /// Whether it is more than a close call of one question, which its own entry answers as long as it lists it: the same
    /// words stand in the other entry, or more than one question goes there.
    fn is_grave(&self, all: &[Self], entries: &[(String, Entry)]) -> bool {
        let same = |question: &str| normalise(question) == normalise(&self.question);
        let mut thieves = entries.iter().filter(|(_, entry)| entry.id == self.by);
        let copied = thieves.any(|(_, thief)| thief.questions().any(same));
        copied || all.iter().filter(|theft| theft.of == self.of && theft.by == self.by).count() > 1
    }

    fn words(&self) -> String {
        format!(
            "`{}` would answer {:?}, which is a question of `{}`; make the two plainer, or list it under `not_variants` of `{}`",
            self.by, self.question, self.of, self.by
        )
    }
}

/// Every question, asked while its own entry does not list it: who else would answer?
fn thefts(entries: &[(String, Entry)]) -> Vec<Theft> {
    (0..FOLDS).flat_map(|fold| held_out(entries, fold)).chain(copies(entries)).collect()
}

/// Questions that two entries ask in the same words: then neither is sure.
fn copies(entries: &[(String, Entry)]) -> Vec<Theft> {
    let mut askers: BTreeMap<String, Vec<(&EntryId, &str)>> = BTreeMap::new();
    for (_, entry) in entries {
        for question in entry.questions() {
            askers.entry(normalise(question)).or_default().push((&entry.id, question));
        }
    }
    let pairs = askers.values().flat_map(|askers| {
        askers.iter().flat_map(move |(of, question)| {
            let others = askers.iter().filter(move |(by, _)| by != of);
            others.map(move |(by, _)| Theft { of: (*of).clone(), question: (*question).to_owned(), by: (*by).clone() })
        })
    });
    pairs.collect()
}

fn held_out(entries: &[(String, Entry)], fold: usize) -> Vec<Theft> {
    let without = |(name, entry): &(String, Entry)| {
        let mut kept =
            entry.questions().enumerate().filter(|(i, _)| i % FOLDS != fold).map(|(_, text)| text.to_owned());
        let title = kept.next().unwrap_or_else(|| entry.title.clone());
        (name.clone(), Entry { title, variants: kept.collect(), ..entry.clone() })
    };
    let Ok(base) = Base::build(entries.iter().map(without).collect()) else { return Vec::new() };
    let mut found = Vec::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| entry.status != Status::Draft) {
        for question in entry.questions().skip(fold).step_by(FOLDS) {
            let thief = base.look_up(question).answer.filter(|answer| answer.id != entry.id);
            found.extend(thief.map(|thief| Theft {
                of: entry.id.clone(),
                question: question.to_owned(),
                by: thief.id.clone(),
            }));
        }
    }
    found
}

/// Each edit as a unified diff.
pub fn diff(edits: &[Edit]) -> String {
    let one = |edit: &Edit| {
        let (before, after) = (edit.before.as_deref().unwrap_or_default(), edit.after.as_deref().unwrap_or_default());
        let name = |side: &str, text: &Option<String>| match text {
            Some(_) => format!("{side}/{}", edit.item),
            None => "/dev/null".to_owned(),
        };
        let (old, new) = (name("a", &edit.before), name("b", &edit.after));
        TextDiff::from_lines(before, after).unified_diff().header(&old, &new).to_string()
    };
    edits.iter().map(one).collect()
}
