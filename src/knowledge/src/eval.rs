//! What a base is worth on labelled questions: accuracy, knowing when not to answer, and whether the promise is kept.
//! Whoever calls has the clock and the files.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::{Origin, RichText};

use crate::base::{Base, Lookup, Zone};
use crate::calibrate::{Promise, TARGET};
use crate::entry::{Class, Entry, EntryError, Status};

/// An entry as one line of JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    pub id: String,
    pub question: String,
    #[serde(default)]
    pub variants: Vec<String>,
    #[serde(default)]
    pub not_variants: Vec<String>,
    #[serde(default)]
    pub answer: String,
    pub class: Option<Class>,
    pub lang: Option<String>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        let unsaid = || "unsaid".to_owned();
        Self {
            title: row.question,
            class: row.class.unwrap_or(Class::Routine),
            owner: unsaid(),
            reviewed_by: unsaid(),
            reviewed_at: NaiveDate::default(),
            review_by: NaiveDate::MAX,
            status: Status::Published,
            canonical_url: "https://example.org".to_owned(),
            lang: row.lang.unwrap_or_else(|| "en".to_owned()),
            variants: row.variants,
            not_variants: row.not_variants,
            valid_from: None,
            valid_until: None,
            checklist: None,
            supersedes: None,
            translations: Vec::new(),
            facts: Vec::new(),
            body: RichText::plain(&row.answer, &Origin::Canonical(row.id.clone())),
            revision: String::new(),
            id: EntryId(row.id),
        }
    }
}

/// A question and what it should find.
#[derive(Clone, Debug, Deserialize)]
pub struct Query {
    pub q: String,
    /// The entry that answers it; none: the base does not hold the answer.
    pub entry: Option<String>,
    /// How far such a question is from what the base holds, in a word ("near", "far").
    pub oos: Option<String>,
}

/// Reads lines of JSON. `file` is only a name for messages.
///
/// # Errors
/// The first line that is not what it should be.
pub fn rows<T: for<'de> Deserialize<'de>>(file: &str, text: &str) -> Result<Vec<T>, EntryError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| EntryError {
            file: file.to_owned(),
            line: i + 1,
            reason: error.to_string(),
            remedy: "write one JSON object a line".to_owned(),
        })
    };
    lines.map(read).collect()
}

/// What was found for one question.
#[derive(Debug, Serialize)]
pub struct Found<'a> {
    pub q: &'a str,
    pub entry: Option<&'a str>,
    pub top: Vec<Candidate<'a>>,
    pub zone: Zone,
    /// The probability by which the zone was chosen.
    pub sure: f32,
}

#[derive(Debug, Serialize)]
pub struct Candidate<'a> {
    pub entry: &'a str,
    pub p: f32,
}

impl<'a> Found<'a> {
    pub fn new(query: &'a Query, lookup: &Lookup<'a>) -> Self {
        let top = lookup.hits.iter().take(3).map(|hit| Candidate { entry: hit.entry.id.as_str(), p: hit.p });
        Self { q: &query.q, entry: query.entry.as_deref(), top: top.collect(), zone: lookup.zone(), sure: lookup.sure }
    }

    /// At which place the right entry stands, from 0.
    pub fn rank(&self) -> Option<usize> {
        self.entry.and_then(|entry| self.top.iter().position(|candidate| candidate.entry == entry))
    }

    /// The probability of the best.
    pub fn p(&self) -> f32 {
        self.top.first().map_or(0.0, |candidate| candidate.p)
    }
}

/// All questions together.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub entries: usize,
    /// Questions that the base answers, and that it does not.
    pub in_scope: usize,
    pub out_of_scope: usize,
    pub top1: f64,
    pub top3: f64,
    /// By how far out of scope: how often a question in scope is surer of its best entry than one that is not.
    pub auroc: BTreeMap<String, f64>,
    /// What the base promises; none where it promises nothing.
    pub promised_precision: Option<f32>,
    pub promise: Promise,
    pub answered: usize,
    pub suggested: usize,
    pub abstained: usize,
    /// The share of answers that are right; none where nothing was answered.
    pub achieved_precision: Option<f64>,
    /// The share of questions in scope that are answered, and rightly.
    pub coverage: f64,
}

impl Summary {
    pub fn new(base: &Base, queries: &[Query], found: &[Found<'_>]) -> Self {
        let inside = || found.iter().filter(|f| f.entry.is_some());
        let zone = |zone: Zone| found.iter().filter(|f| f.zone == zone).count();
        let (known, answered) = (inside().count(), zone(Zone::Answer));
        let right = inside().filter(|f| f.zone == Zone::Answer && f.rank() == Some(0)).count();
        let within = |n: usize| inside().filter(|f| f.rank().is_some_and(|rank| rank < n)).count();
        let promise = base.calibration().all.promise;
        Self {
            entries: base.len(),
            in_scope: known,
            out_of_scope: found.len() - known,
            top1: share(within(1), known),
            top3: share(within(3), known),
            auroc: aurocs(queries, found),
            promised_precision: (promise == Promise::Kept).then_some(TARGET),
            promise,
            answered,
            suggested: zone(Zone::Suggest),
            abstained: zone(Zone::Abstain),
            achieved_precision: (answered > 0).then(|| share(right, answered)),
            coverage: share(right, known),
        }
    }
}

fn aurocs(queries: &[Query], found: &[Found<'_>]) -> BTreeMap<String, f64> {
    let inside: Vec<f32> = found.iter().filter(|f| f.entry.is_some()).map(Found::p).collect();
    let mut outside = BTreeMap::<String, Vec<f32>>::new();
    for (query, found) in queries.iter().zip(found).filter(|(query, _)| query.entry.is_none()) {
        outside.entry(query.oos.clone().unwrap_or_else(|| "out".to_owned())).or_default().push(found.p());
    }
    outside.into_iter().map(|(far, of)| (far, auroc(&inside, &of))).collect()
}

/// How often a question of the first kind is surer than one of the second; a tie counts half.
fn auroc(inside: &[f32], outside: &[f32]) -> f64 {
    let mut sorted = outside.to_vec();
    sorted.sort_by(f32::total_cmp);
    let wins: usize = inside
        .iter()
        .map(|p| sorted.partition_point(|other| other < p) + sorted.partition_point(|other| other <= p))
        .sum();
    share(wins, 2 * inside.len() * outside.len())
}

/// A part of a whole; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of questions stay far below 2^52")]
pub fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_is_the_share_of_pairs_in_order() {
        assert!((auroc(&[0.9, 0.5], &[0.5, 0.1]) - 0.875).abs() < 1e-9);
        assert!((auroc(&[0.9], &[0.1]) - 1.0).abs() < 1e-9);
        assert!(auroc(&[0.1], &[0.9]).abs() < 1e-9);
    }
}
