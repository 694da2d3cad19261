//! The scores of all entries for one question: normalised BM25 over words plus TF-IDF cosine over character n-grams,
//! each half. The two are summed, never rank-fused: fused ranks forget how good the best one is, and with that the
//! moment to say "I don't know".

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::features::{Counts, Features};

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Which documents hold a feature, with the feature's finished weight in each.
#[derive(Debug, Default)]
struct Inverted {
    /// Fixed keys: the same base gives the same scores in every process.
    places: HashMap<u64, Posting, BuildHasherDefault<DefaultHasher>>,
    postings: Vec<(u32, f32)>,
    /// Inverse document frequency of a feature that no document holds.
    unseen_idf: f32,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    start: usize,
    end: usize,
    idf: f32,
}

impl Inverted {
    /// `idf` of (documents, documents that hold it); `weight` of (document, count, idf).
    fn build(docs: &[&Counts], idf: impl Fn(f32, f32) -> f32, weight: impl Fn(usize, f32, f32) -> f32) -> Self {
        let n = amount(docs.len());
        let mut all: Vec<(u64, u32, f32)> = Vec::new();
        for (doc, counts) in (0u32..).zip(docs) {
            all.extend(counts.iter().map(|&(feature, count)| (feature, doc, count)));
        }
        all.sort_unstable_by_key(|&(feature, doc, _)| (feature, doc));
        let mut inverted = Self { unseen_idf: idf(n, 0.0), ..Self::default() };
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(feature, ..)) = group.first() else { continue };
            let idf = idf(n, amount(group.len()));
            let start = inverted.postings.len();
            inverted.postings.extend(group.iter().map(|&(_, doc, count)| (doc, weight(doc as usize, count, idf))));
            inverted.places.insert(feature, Posting { start, end: inverted.postings.len(), idf });
        }
        inverted
    }

    fn idf(&self, feature: u64) -> f32 {
        self.places.get(&feature).map_or(self.unseen_idf, |p| p.idf)
    }

    fn find(&self, feature: u64) -> (f32, &[(u32, f32)]) {
        match self.places.get(&feature) {
            Some(p) => (p.idf, self.postings.get(p.start..p.end).unwrap_or_default()),
            None => (self.unseen_idf, &[]),
        }
    }
}

/// The index over all documents of a base.
#[derive(Debug)]
pub(crate) struct Index {
    words: Inverted,
    grams: Inverted,
    docs: usize,
}

impl Index {
    pub(crate) fn build(docs: &[Features]) -> Self {
        let words: Vec<&Counts> = docs.iter().map(|d| &d.words).collect();
        let grams: Vec<&Counts> = docs.iter().map(|d| &d.grams).collect();
        let lengths: Vec<f32> = words.iter().map(|counts| counts.iter().map(|(_, n)| n).sum()).collect();
        let mean = (lengths.iter().sum::<f32>() / amount(docs.len().max(1))).max(1.0);
        let bm25 = |doc: usize, count: f32, idf: f32| {
            let length = lengths.get(doc).copied().unwrap_or(mean);
            idf * count / (count + K1 * (1.0 - B + B * length / mean))
        };
        let mut grams = Inverted::build(&grams, smooth_idf, |_, count, idf| sublinear(count) * idf);
        grams.normalise(docs.len());
        Self { words: Inverted::build(&words, bm25_idf, bm25), grams, docs: docs.len() }
    }

    /// One score in 0..=1 for each document.
    pub(crate) fn scores(&self, question: &Features) -> Vec<f32> {
        let mut bm25 = vec![0.0; self.docs];
        let mut mass = 0.0;
        for &(feature, count) in &question.words {
            let (idf, postings) = self.words.find(feature);
            mass += count * idf;
            add(&mut bm25, postings, count);
        }
        let mut cosine = vec![0.0; self.docs];
        let mut square = 0.0;
        for &(feature, count) in &question.grams {
            let (idf, postings) = self.grams.find(feature);
            let weight = sublinear(count) * idf;
            square += weight * weight;
            add(&mut cosine, postings, weight);
        }
        let (mass, norm) = (mass.max(f32::MIN_POSITIVE), square.sqrt().max(f32::MIN_POSITIVE));
        bm25.iter().zip(&cosine).map(|(b, c)| 0.5 * b / mass + 0.5 * c / norm).collect()
    }

    /// The n-grams of a text as a vector of length 1, for comparing two texts directly.
    pub(crate) fn vector(&self, text: &Features) -> Counts {
        let mut vector: Counts =
            text.grams.iter().map(|&(feature, n)| (feature, sublinear(n) * self.grams.idf(feature))).collect();
        let norm = vector.iter().map(|(_, w)| w * w).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        for (_, weight) in &mut vector {
            *weight /= norm;
        }
        vector
    }
}

impl Inverted {
    /// Gives every document's vector the length 1.
    fn normalise(&mut self, docs: usize) {
        let mut squares = vec![0.0f32; docs];
        for &(doc, weight) in &self.postings {
            if let Some(square) = squares.get_mut(doc as usize) {
                *square += weight * weight;
            }
        }
        for (doc, weight) in &mut self.postings {
            *weight /= squares.get(*doc as usize).copied().unwrap_or(1.0).sqrt().max(f32::MIN_POSITIVE);
        }
    }
}

fn add(scores: &mut [f32], postings: &[(u32, f32)], factor: f32) {
    for &(doc, weight) in postings {
        if let Some(score) = scores.get_mut(doc as usize) {
            *score += factor * weight;
        }
    }
}

/// How sure the best of these scores is: the score, less half of the runner-up's. A question that two entries fit
/// almost equally well belongs surely to neither.
pub(crate) fn confidence(scores: impl Iterator<Item = f32>) -> f32 {
    let (best, second) =
        scores.fold(
            (0.0f32, 0.0f32),
            |(best, second), score| {
                if score > best { (score, best) } else { (best, second.max(score)) }
            },
        );
    best - second / 2.0
}

/// Cosine of two vectors of length 1, both sorted by feature.
pub(crate) fn cosine(a: &Counts, b: &Counts) -> f32 {
    let (mut rest, mut sum) = (b.iter().peekable(), 0.0);
    for (feature, weight) in a {
        while rest.next_if(|(other, _)| other < feature).is_some() {}
        if let Some((_, other)) = rest.next_if(|(other, _)| other == feature) {
            sum += weight * other;
        }
    }
    sum
}

fn bm25_idf(docs: f32, holding: f32) -> f32 {
    (1.0 + (docs - holding + 0.5) / (holding + 0.5)).ln()
}

fn smooth_idf(docs: f32, holding: f32) -> f32 {
    ((1.0 + docs) / (1.0 + holding)).ln() + 1.0
}

/// Grows with the logarithm; a count below one stays what it is.
fn sublinear(count: f32) -> f32 {
    if count < 1.0 { count } else { 1.0 + count.ln() }
}

/// A count as a number to calculate with; exact up to 16 million.
#[expect(clippy::cast_precision_loss, reason = "counts of documents and words stay far below 2^24")]
pub(crate) fn amount(count: usize) -> f32 {
    count as f32
}
