//! What a model is worth, by examples it did not see: where its threshold lies, and what is caught and falsely flagged
//! there, source by source.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Aim, FOLDS, Row};
use crate::model::Model;

/// What was held out and judged.
pub(super) struct Judged<'a> {
    logit: f32,
    scam: bool,
    source: &'a str,
    fold: u64,
}

impl<'a> Judged<'a> {
    pub(super) fn new(row: &Row<'a>, model: &Model) -> Self {
        let logit = model.over(row.buckets.iter().filter_map(|bucket| usize::try_from(*bucket).ok()));
        Self { logit, scam: row.scam, source: row.source, fold: row.fold }
    }
}

/// The figures of a training.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The logit, before it is moved to nought, from which a text is flagged.
    pub threshold: f32,
    /// By source, each row judged by a model that did not see it.
    pub sources: BTreeMap<String, Source>,
    /// The aimed-at source part by part, each at the threshold that the other parts would have set.
    pub spread: Vec<Source>,
}

/// Figures of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Source {
    #[serde(flatten)]
    pub counts: Counts,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// The share of clean texts that were flagged.
    pub fpr: f64,
}

/// Who was flagged, and who was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub caught: u32,
    pub missed: u32,
    pub false_alarms: u32,
    pub let_pass: u32,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, scam: bool, flagged: bool) {
        *match (scam, flagged) {
            (true, true) => &mut self.caught,
            (true, false) => &mut self.missed,
            (false, true) => &mut self.false_alarms,
            (false, false) => &mut self.let_pass,
        } += 1;
    }
}

impl From<Counts> for Source {
    fn from(counts: Counts) -> Self {
        let share = |part: u32, rest: u32| f64::from(part) / f64::from((part + rest).max(1));
        let (precision, recall) = (share(counts.caught, counts.false_alarms), share(counts.caught, counts.missed));
        let f1 = 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE);
        Self { counts, precision, recall, f1, fpr: share(counts.false_alarms, counts.let_pass) }
    }
}

pub(super) fn measure(judged: &[Judged<'_>], aim: &Aim<'_>) -> Measured {
    let aimed = |row: &&Judged<'_>| aim.source.is_none_or(|source| source == row.source);
    let threshold = threshold(judged.iter().filter(aimed), aim.false_positives);
    let mut sources: BTreeMap<String, Counts> = BTreeMap::new();
    for row in judged {
        sources.entry(row.source.to_owned()).or_default().add(row.scam, row.logit >= threshold);
    }
    let spread = (0..FOLDS).map(|fold| {
        let others = self::threshold(judged.iter().filter(aimed).filter(|row| row.fold != fold), aim.false_positives);
        let mut counts = Counts::default();
        judged
            .iter()
            .filter(aimed)
            .filter(|row| row.fold == fold)
            .for_each(|row| counts.add(row.scam, row.logit >= others));
        Source::from(counts)
    });
    let spread = spread.collect();
    Measured { threshold, sources: sources.into_iter().map(|(name, counts)| (name, counts.into())).collect(), spread }
}

/// The lowest logit above all but so many of the clean.
fn threshold<'a>(judged: impl Iterator<Item = &'a Judged<'a>>, false_positives: f64) -> f32 {
    let mut clean: Vec<f32> = judged.filter(|row| !row.scam).map(|row| row.logit).collect();
    clean.sort_by(|a, b| b.total_cmp(a));
    let all = f64::from(u32::try_from(clean.len()).unwrap_or(u32::MAX));
    let mut allowed = 0_u32;
    while f64::from(allowed + 1) <= all * false_positives {
        allowed += 1;
    }
    let highest = clean.get(usize::try_from(allowed).unwrap_or(usize::MAX)).copied().unwrap_or_default();
    // The next number above, so that the first clean one that must pass does.
    highest.next_up()
}
