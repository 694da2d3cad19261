//! Whether a base would be good: every document read, the whole built and calibrated, nothing in it that the lint calls an
//! error and that was not there before, and the self-test: no question that finds its entry today may find another.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use similar::TextDiff;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::normalise;
use townkeeper_knowledge::facts::FILE;
use townkeeper_knowledge::facts::is_table;
use townkeeper_knowledge::lint::{Finding, Policy, Rule, Severity, lint_with};
use townkeeper_knowledge::self_test::Stolen;
use townkeeper_knowledge::{Base, Entry, EntryError, Evidence, FactTable, SelfTest, Written, parse_with};

use super::{Edit, is_entry, matter};

/// The longest item's name, in bytes.
const NAME: usize = 100;

/// A document of the base: its name, or the path it was read from, and its text.
pub type Document = (String, String);

/// A base that may be published.
#[derive(Debug)]
pub struct Checked {
    pub base: Base,
    /// What the lint says of the change all the same, each with its place and what to do.
    pub warnings: Vec<String>,
}

/// What a base is held against.
#[derive(Clone, Debug)]
pub struct Terms {
    pub evidence: Evidence,
    pub today: NaiveDate,
    /// Items that are put back to what they said at some revision: no lint stands in the way back.
    pub back: BTreeSet<String>,
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
pub fn check(current: &[Document], edits: &[Edit], terms: &Terms) -> Result<Checked, Vec<String>> {
    let next = Built::new(&with(current, edits), terms).map_err(|faults| words(&faults))?;
    let live = Built::new(current, terms).ok();
    let (mut faults, warnings) = linted(current, edits, (live.as_ref(), &next), terms);
    // Where nothing could be read before, nobody loses a question.
    if let Some(live) = &live {
        faults.extend(stolen(live, &next, edits));
    }
    if faults.is_empty() { Ok(Checked { base: next.base, warnings }) } else { Err(faults) }
}

/// These documents with the edits made.
fn with<'e>(current: &[Document], edits: impl IntoIterator<Item = &'e Edit>) -> Vec<Document> {
    let mut documents: BTreeMap<String, String> = current.iter().cloned().collect();
    for edit in edits {
        match &edit.after {
            Some(text) => documents.insert(edit.item.clone(), text.clone()),
            None => documents.remove(&edit.item),
        };
    }
    documents.into_iter().collect()
}

fn words<T: ToString>(faults: &[T]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// A base, and what it was read from.
struct Built {
    written: Written,
    base: Base,
}

impl Built {
    fn new(documents: &[Document], terms: &Terms) -> Result<Self, Vec<EntryError>> {
        let written = written(documents)?;
        let base = Base::build_with(written.entries.clone(), terms.evidence)?.with_facts(written.facts.clone());
        Ok(Self { written, base })
    }

    fn findings(&self, terms: &Terms) -> Vec<Finding> {
        lint_with(&self.written, Some(&self.base), &Policy { today: terms.today, languages: Vec::new() })
    }
}

/// What the lint finds: the errors that a change brings in, and everything else that is new or in what it touches. What makes
/// nothing worse than it was brings in none: taking an item away or out of sight, and putting it back to what it said.
fn linted(
    current: &[Document],
    edits: &[Edit],
    (live, next): (Option<&Built>, &Built),
    terms: &Terms,
) -> (Vec<String>, Vec<String>) {
    let touched = |finding: &Finding| edits.iter().any(|edit| edit.item == finding.file);
    let before = live.map(|live| live.findings(terms)).unwrap_or_default();
    let was: BTreeSet<_> = before.iter().map(which).collect();
    let is_safe = |edit: &&Edit| matter::is_unseen(edit.after.as_deref()) || terms.back.contains(&edit.item);
    let safe: Vec<&Edit> = edits.iter().filter(is_safe).collect();
    let excused = if safe.is_empty() || safe.len() == edits.len() {
        Vec::new()
    } else {
        let halfway = Built::new(&with(current, safe.iter().copied()), terms);
        halfway.map(|halfway| halfway.findings(terms)).unwrap_or_default()
    };
    let excused: BTreeSet<_> = excused.iter().map(which).collect();
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for finding in next.findings(terms) {
        let is_new = !was.contains(&which(&finding));
        // Where nothing can be said of what was, only what is touched counts.
        let ours = is_new && (live.is_some() || touched(&finding));
        let refuses = finding.severity == Severity::Error
            && ours
            && safe.len() < edits.len()
            && !safe.iter().any(|edit| edit.item == finding.file)
            && !excused.contains(&which(&finding));
        if refuses {
            faults.push(finding.to_string());
        } else if ours || touched(&finding) {
            warnings.push(finding.to_string());
        }
    }
    (faults, warnings)
}

/// What makes a finding the same in two bases: lines move.
fn which(finding: &Finding) -> (Rule, &str, &str) {
    (finding.rule, &finding.file, &finding.reason)
}

/// Questions that a change gives to another entry.
fn stolen(live: &Built, next: &Built, edits: &[Edit]) -> Vec<String> {
    let after = &next.written.entries;
    let touched = |name: &str| edits.iter().any(|edit| edit.item == name);
    let changed: BTreeSet<&EntryId> =
        after.iter().filter(|(name, _)| touched(name)).map(|(_, entry)| &entry.id).collect();
    let test = SelfTest::new(&live.base, &next.base);
    let robbed = test.robbed();
    // What is not this change's doing is not its fault.
    let ours = test.stolen.iter().filter(|theft| changed.contains(&theft.owner) || changed.contains(&theft.thief));
    let ours: Vec<&Stolen> = ours.collect();
    let grave = |theft: &&&Stolen| robbed.contains(&theft.owner) || is_grave(theft, &ours, after);
    ours.iter().filter(grave).map(|theft| told(theft)).collect()
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
