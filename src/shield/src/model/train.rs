//! Training: logistic regression over features that are weighted by how unevenly the classes use them, by AdaGrad with
//! averaging. The same examples in the same order give the same bytes on every machine: one thread, one seed, and only
//! arithmetic that IEEE 754 defines to the last bit.

mod arithmetic;
mod fit;
mod measure;

pub use measure::{Counts, Measured, Source};

use crate::fold::Folded;
use crate::model::{Model, features};

/// A labelled text.
#[derive(Clone, Debug)]
pub struct Example<'a> {
    pub text: &'a str,
    pub scam: bool,
    /// Where it comes from; figures are kept by source.
    pub source: &'a str,
    /// How much it counts.
    pub weight: f32,
}

/// What training aims at.
#[derive(Clone, Debug)]
pub struct Aim<'a> {
    /// The share of clean texts that may be flagged, by what is held out.
    pub false_positives: f64,
    /// The source whose clean texts it is measured on; every source if it is none.
    pub source: Option<&'a str>,
}

/// A model and what it is worth.
#[derive(Clone, Debug)]
pub struct Trained {
    pub model: Model,
    pub measured: Measured,
}

/// How often the examples are split for measuring; each part is judged by a model that did not see it.
pub const FOLDS: u64 = 5;

/// A text as training reads it.
struct Row<'a> {
    buckets: Box<[u32]>,
    /// One over the root of their number, so that long texts do not shout.
    scale: f32,
    scam: bool,
    source: &'a str,
    weight: f32,
    /// The part in which it is held out.
    fold: u64,
}

/// Trains a model. `progress` hears how many of so many rounds are done; `None` where there is no example of one class.
pub fn train(examples: &[Example<'_>], aim: &Aim<'_>, mut progress: impl FnMut(u64, u64)) -> Option<Trained> {
    let rows = rows(examples);
    if !rows.iter().any(|row| row.scam) || rows.iter().all(|row| row.scam) {
        return None;
    }
    let mut judged = Vec::with_capacity(rows.len());
    for fold in 0..FOLDS {
        progress(fold, FOLDS + 1);
        let model = fit::fit(rows.iter().filter(|row| row.fold != fold));
        judged.extend(rows.iter().filter(|row| row.fold == fold).map(|row| measure::Judged::new(row, &model)));
    }
    progress(FOLDS, FOLDS + 1);
    let mut model = fit::fit(rows.iter());
    let measured = measure::measure(&judged, aim);
    // Where the text alone is enough lies at nought.
    model.bias -= measured.threshold;
    progress(FOLDS + 1, FOLDS + 1);
    Some(Trained { model, measured })
}

/// Each text once. Whatever starts with the same words is in the same part: a copy would be no test.
fn rows<'a>(examples: &[Example<'a>]) -> Vec<Row<'a>> {
    let mut seen = std::collections::HashSet::new();
    let mut rows = Vec::with_capacity(examples.len());
    for example in examples {
        let folded = Folded::new(example.text);
        if !seen.insert(folded.text().to_owned()) {
            continue;
        }
        let mut buckets = Vec::new();
        features::each(&folded, |bucket| buckets.extend(u32::try_from(bucket)));
        let count = u16::try_from(buckets.len()).unwrap_or(u16::MAX);
        let words = folded.text().split(' ').take(ALIKE).flat_map(str::bytes);
        let hash =
            words.fold(SEED, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(29));
        rows.push(Row {
            buckets: buckets.into(),
            scale: 1.0 / f32::from(count.max(1)).sqrt(),
            scam: example.scam,
            source: example.source,
            weight: example.weight,
            fold: (hash >> 17) % FOLDS,
        });
    }
    rows
}

const ALIKE: usize = 6;
const SEED: u64 = 0x1234_5678_9abc_def1;
