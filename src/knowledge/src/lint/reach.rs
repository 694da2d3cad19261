//! What look-up makes of the base's own questions, each held out once: who loses some of his to another entry (L1), and
//! who is reached by none of his own (L10).

use std::collections::{BTreeMap, HashMap};

use townkeeper_contract::text::normalise;

use super::{Report, Rule, Severity};
use crate::base::Base;
use crate::entry::{Entry, Status};

/// So many times the base is built without a part of its variants.
const FOLDS: usize = 5;
/// An entry is reached if it is among so many that are offered.
const OFFERED: usize = 3;

/// More than one in so many variants is a finding; fewer go astray in any base whose entries are near each other.
const SHARE: usize = 8;

/// What became of an entry's variants.
#[derive(Default)]
struct Fate {
    reached: usize,
    all: usize,
    /// Which other entry a variant is closer to.
    lost: BTreeMap<String, Vec<String>>,
}

pub(super) fn look(report: &mut Report<'_>) {
    twice(report);
    let entries: Vec<&(String, Entry)> =
        report.written.entries.iter().filter(|(_, entry)| entry.status == Status::Published).collect();
    let mut fates: Vec<Fate> = entries.iter().map(|_| Fate::default()).collect();
    for fold in 0..FOLDS {
        let Ok(base) = Base::build(entries.iter().map(|(file, entry)| (file.clone(), without(entry, fold))).collect())
        else {
            return;
        };
        for ((_, entry), fate) in entries.iter().zip(&mut fates) {
            for variant in entry.variants.iter().skip(fold).step_by(FOLDS) {
                follow(&base, entry, variant, fate);
            }
        }
    }
    for ((file, entry), fate) in entries.into_iter().zip(fates) {
        say(file, entry, &fate, report);
    }
}

fn without(entry: &Entry, fold: usize) -> Entry {
    let kept = entry.variants.iter().enumerate().filter(|(n, _)| n % FOLDS != fold);
    Entry { variants: kept.map(|(_, variant)| variant.clone()).collect(), ..entry.clone() }
}

fn follow(base: &Base, entry: &Entry, variant: &str, fate: &mut Fate) {
    let hits = base.look_up(variant).hits;
    fate.all += 1;
    fate.reached += usize::from(hits.iter().take(OFFERED).any(|hit| hit.entry.id == entry.id));
    if let Some(first) = hits.first().filter(|hit| hit.entry.id != entry.id) {
        fate.lost.entry(first.entry.id.to_string()).or_default().push(variant.to_owned());
    }
}

fn say(file: &str, entry: &Entry, fate: &Fate, report: &mut Report<'_>) {
    for (other, variants) in fate.lost.iter().filter(|(_, variants)| variants.len() * SHARE > fate.all) {
        let Some(example) = variants.first() else { continue };
        let reason = format!("{} of {} variants are closer to `{other}`, as \"{example}\"", variants.len(), fate.all);
        let remedy = "word them apart, add a hard negative (`not_variants`) to the other entry, or merge the two";
        report.add(Rule::L1, Severity::Warning, (file, example), reason, remedy);
    }
    if fate.reached == 0 && fate.all > 0 {
        let reason = format!("none of its variants finds `{}` when it is left out", entry.id);
        report.add(
            Rule::L10,
            Severity::Error,
            (file, "variants:"),
            reason,
            "add variants in the words people use for it",
        );
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
