//! What look-up makes of the base's own questions, each held out once: who loses some of his to another entry (L1), and
//! who is reached by none of his own (L10).

use std::collections::{BTreeMap, HashMap};

use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::normalise;

use super::{Report, Rule, Severity};
use crate::base::Base;
use crate::entry::{Entry, Status};
use crate::report::question;

/// An entry is reached if it is among so many that are offered.
const OFFERED: usize = 3;

/// More than one in so many questions is a finding; fewer go astray in any base whose entries are near each other.
const SHARE: usize = 8;

/// What became of an entry's questions.
#[derive(Default)]
struct Fate<'b> {
    reached: usize,
    all: usize,
    /// Which other entry a question is closer to.
    lost: BTreeMap<&'b str, Vec<&'b str>>,
}

pub(super) fn look(base: Option<&Base>, report: &mut Report<'_>) {
    twice(report);
    let fates = base.map(fates).unwrap_or_default();
    let entries = &report.written.entries;
    for (file, entry) in entries.iter().filter(|(_, entry)| entry.status == Status::Published) {
        if let Some(fate) = fates.get(&entry.id) {
            say(file, entry, fate, report);
        }
    }
}

fn fates(base: &Base) -> HashMap<&EntryId, Fate<'_>> {
    let mut fates: HashMap<&EntryId, Fate<'_>> = HashMap::new();
    for held in base.held_out() {
        let (Some(owner), Some(text)) = (base.at(held.owner), question(base, held)) else { continue };
        let fate = fates.entry(&owner.id).or_default();
        fate.all += 1;
        fate.reached += usize::from(held.rank < OFFERED);
        let thief = base.at(held.best).filter(|_| held.best != held.owner && !base.is_barred(held.best, text));
        if let Some(thief) = thief {
            fate.lost.entry(thief.id.as_str()).or_default().push(text);
        }
    }
    fates
}

fn say(file: &str, entry: &Entry, fate: &Fate<'_>, report: &mut Report<'_>) {
    for (other, questions) in fate.lost.iter().filter(|(_, questions)| questions.len() * SHARE > fate.all) {
        let Some(example) = questions.first() else { continue };
        let reason = format!("{} of {} questions are closer to `{other}`, as \"{example}\"", questions.len(), fate.all);
        let remedy = "word them apart, add a hard negative (`not_variants`) to the other entry, or merge the two";
        report.add(Rule::L1, Severity::Warning, (file, example), reason, remedy);
    }
    if fate.reached == 0 && fate.all > 0 {
        let reason = format!("none of its variants finds `{}` when it is left out", entry.id);
        let remedy = "add variants in the words people use for it";
        report.add(Rule::L10, Severity::Error, (file, "variants:"), reason, remedy);
    }
}

/// Questions that two entries ask word for word.
fn twice(report: &mut Report<'_>) {
    let mut asked: HashMap<String, &str> = HashMap::new();
    for (file, entry) in &report.written.entries {
        for question in entry.questions().filter(|_| entry.status == Status::Published) {
            let first = *asked.entry(normalise(question)).or_insert(entry.id.as_str());
            if first != entry.id.as_str() {
                let reason = format!("\"{question}\" is asked by `{first}` too, word for word");
                report.add(
                    Rule::L1,
                    Severity::Error,
                    (file, question),
                    reason,
                    "keep it with the entry that answers it",
                );
            }
        }
    }
}
