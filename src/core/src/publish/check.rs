//! Whether a base would be good: every document read, the whole built and calibrated, and the self-test: no question that
//! finds its entry today may find another.

use std::collections::BTreeSet;

use similar::TextDiff;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::normalise;
use townkeeper_knowledge::facts::FILE;
use townkeeper_knowledge::facts::is_table;
use townkeeper_knowledge::self_test::Stolen;
use townkeeper_knowledge::{Base, Entry, EntryError, Evidence, FactTable, SelfTest, Written, parse_with};

use super::{Edit, is_entry};

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
pub fn read(documents: &[Document], evidence: Evidence) -> Result<Base, Vec<EntryError>> {
    let Written { entries, facts, .. } = written(documents)?;
    Ok(Base::build_with(entries, evidence)?.with_facts(facts))
}

fn written(documents: &[Document]) -> Result<Written, Vec<EntryError>> {
    Written::read(documents.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect())
}

/// The facts among these documents. None where there is no table, or where it cannot be read: whoever reads the table says
/// so.
pub fn facts(documents: &[Document]) -> FactTable {
    let table = documents.iter().find(|(name, _)| is_table(name));
    table.and_then(|(name, text)| FactTable::parse(name, text).ok()).unwrap_or_default()
}

/// Reads one document that is to be an item, an entry with these facts: what is wrong with its name or its text.
pub fn document(item: &str, text: &str, facts: &FactTable) -> Result<(), Vec<EntryError>> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let is_name = item.len() <= NAME && !item.starts_with('.') && item.chars().all(plain);
    if item == FILE {
        return FactTable::parse(item, text).map(drop);
    }
    if !is_name || !is_entry(item) {
        return Err(vec![EntryError {
            file: item.chars().take(NAME).filter(|c| !c.is_control()).collect(),
            line: 0,
            reason: "this is no name of an item".to_owned(),
            remedy: format!(
                "name it like its file, `dates.md` or `{FILE}`, with at most {NAME} letters, digits, `.`, `-` and `_`"
            ),
        }]);
    }
    parse_with(item, text, facts).map(drop).map_err(|fault| vec![fault])
}

/// What the base would be with these edits, or why it would not be good. Takes a while: not beside answers.
pub fn check(current: &[Document], edits: &[Edit], evidence: Evidence) -> Result<Checked, Vec<String>> {
    let touched: BTreeSet<&str> = edits.iter().map(|edit| edit.item.as_str()).collect();
    let mut documents: Vec<Document> =
        current.iter().filter(|(name, _)| !touched.contains(name.as_str())).cloned().collect();
    documents.extend(edits.iter().filter_map(|edit| Some((edit.item.clone(), edit.after.clone()?))));
    documents.sort();
    let words = |faults: Vec<EntryError>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let Written { entries: after, facts, .. } = written(&documents).map_err(words)?;
    let next = Base::build_with(after.clone(), evidence).map_err(words)?.with_facts(facts);
    // Where nothing could be read before, nobody loses a question.
    let Ok(live) = read(current, evidence) else { return Ok(Checked { base: next }) };
    let changed: BTreeSet<&EntryId> =
        after.iter().filter(|(name, _)| touched.contains(name.as_str())).map(|(_, entry)| &entry.id).collect();
    let test = SelfTest::new(&live, &next);
    let robbed = test.robbed();
    // What is not this change's doing is not its fault.
    let ours = test.stolen.iter().filter(|theft| changed.contains(&theft.owner) || changed.contains(&theft.thief));
    let ours: Vec<&Stolen> = ours.collect();
    let grave = |theft: &&&Stolen| robbed.contains(&theft.owner) || is_grave(theft, &ours, &after);
    let stolen: Vec<String> = ours.iter().filter(grave).map(|theft| told(theft)).collect();
    if stolen.is_empty() { Ok(Checked { base: next }) } else { Err(stolen) }
}

/// Whether it is more than a close call of one question, which its own entry answers as long as it lists it: the same words
/// stand in the other entry, or more than one question is answered there.
fn is_grave(theft: &Stolen, all: &[&Stolen], entries: &[(String, Entry)]) -> bool {
    let same = |question: &str| normalise(question) == normalise(&theft.question);
    let mut thieves = entries.iter().filter(|(_, entry)| entry.id == theft.thief);
    let copied = thieves.any(|(_, thief)| thief.questions().any(same));
    let told = all.iter().filter(|other| other.answers && other.owner == theft.owner && other.thief == theft.thief);
    copied || (theft.answers && told.count() > 1)
}

fn told(theft: &Stolen) -> String {
    let Stolen { question, owner, thief, .. } = theft;
    format!(
        "`{thief}` would answer {question:?}, which is a question of `{owner}`; make the two plainer, or list it under \
         `not_variants` of `{thief}`"
    )
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
