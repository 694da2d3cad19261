//! The scores of all entries for one question: normalised BM25 over words plus TF-IDF cosine over character n-grams,
//! each half. The two are summed, never rank-fused: fused ranks forget how good the best one is, and with that the
//! moment to say "I don't know".

pub(crate) mod content;
pub(crate) mod features;
mod inverted;
pub(crate) mod material;
pub(crate) mod spelling;

use features::{Counts, Features};
use inverted::Inverted;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The share of vectors in the sum, where there are some.
const VECTORS: f32 = 0.5;
/// Less of a feature than this is none: what is left when counts are taken from each other.
const NOTHING: f32 = 1e-3;

/// The index over all documents of a base.
#[derive(Debug)]
pub(crate) struct Index {
    words: Inverted,
    grams: Inverted,
    /// Words of each document, and their mean.
    lengths: Vec<f32>,
    mean: f32,
    /// The length of each document's vector of n-grams, before it was made 1.
    norms: Vec<f32>,
}

/// How well each document fits one question, by position.
#[derive(Debug)]
pub(crate) struct Scores {
    /// BM25 over the query's own mass of IDF, 0 to 1.
    pub(crate) words: Vec<f32>,
    /// Cosine over character n-grams, 0 to 1.
    pub(crate) grams: Vec<f32>,
    /// How near the question's vector is, 0 to 1; empty where words alone are looked at.
    pub(crate) vectors: Vec<f32>,
    /// The share of the question's words, by IDF, that the base holds at all.
    pub(crate) known: f32,
    /// Words of the question, at least 1.
    pub(crate) length: f32,
}

impl Scores {
    pub(crate) fn sum(&self) -> Vec<f32> {
        let mut sums: Vec<f32> =
            self.words.iter().zip(&self.grams).map(|(words, grams)| 0.5 * words + 0.5 * grams).collect();
        for (sum, near) in sums.iter_mut().zip(&self.vectors) {
            *sum = (1.0 - VECTORS) * *sum + VECTORS * near;
        }
        sums
    }
}

/// What is taken out of the index while a question of the base itself is asked.
#[derive(Clone, Copy)]
pub(crate) struct Without<'a> {
    pub(crate) owner: usize,
    /// The owner's document as it was indexed.
    pub(crate) document: &'a Features,
    /// The whole entry; else the asked question alone.
    pub(crate) entry: bool,
}

impl Without<'_> {
    fn documents(&self) -> f32 {
        if self.entry { 1.0 } else { 0.0 }
    }

    /// How much of the feature the owner has, and how much it keeps.
    fn counts(&self, of: impl Fn(&Features) -> &Counts, feature: u64, asked: f32) -> (f32, f32) {
        let counts = of(self.document);
        let at = counts.binary_search_by_key(&feature, |(f, _)| *f).ok();
        let had = at.and_then(|i| counts.get(i)).map_or(0.0, |(_, count)| *count);
        let kept = if self.entry { 0.0 } else { had - asked };
        (had, if kept < NOTHING { 0.0 } else { kept })
    }
}

impl Index {
    pub(crate) fn build(docs: &[Features]) -> Self {
        let words: Vec<&Counts> = docs.iter().map(|d| &d.words).collect();
        let grams: Vec<&Counts> = docs.iter().map(|d| &d.grams).collect();
        let lengths: Vec<f32> = words.iter().map(|counts| total(counts)).collect();
        let mean = (lengths.iter().sum::<f32>() / amount(docs.len().max(1))).max(1.0);
        let bm25 =
            |doc: usize, count: f32, idf: f32| idf * saturated(count, lengths.get(doc).copied().unwrap_or(mean), mean);
        let words = Inverted::build(&words, bm25_idf, bm25);
        let mut grams = Inverted::build(&grams, smooth_idf, |_, count, idf| sublinear(count) * idf);
        let norms = grams.normalise(docs.len());
        Self { words, grams, lengths, mean, norms }
    }

    /// How well every document fits.
    pub(crate) fn scores(&self, question: &Features) -> Scores {
        self.scores_without(question, None)
    }

    /// The same, as if a part of one document were not there. Exact but for two small things: the mean length of the
    /// documents and the norms of the *other* documents stay as they are.
    pub(crate) fn scores_without(&self, question: &Features, without: Option<Without<'_>>) -> Scores {
        let (words, known) = self.word_scores(question, without);
        let length = total(&question.words).max(1.0);
        Scores { words, grams: self.gram_scores(question, without), vectors: Vec::new(), known, length }
    }

    fn word_scores(&self, question: &Features, without: Option<Without<'_>>) -> (Vec<f32>, f32) {
        let mut scores = vec![0.0; self.lengths.len()];
        let (mut mass, mut known, mut own) = (0.0f32, 0.0, 0.0);
        let left = without.map(|w| {
            let length = self.lengths.get(w.owner).copied().unwrap_or_default();
            (w, (length - total(&question.words)).max(0.0))
        });
        for &(feature, count) in &question.words {
            let term = self.words.find(feature);
            let (mut idf, mut holders) = (term.idf, term.postings.len());
            if let Some((w, length)) = &left {
                let (had, kept) = w.counts(|f| &f.words, feature, count);
                let gone = had > 0.0 && kept <= 0.0;
                holders -= usize::from(gone).min(holders);
                idf = self.words.idf_without(&term, w.documents(), if gone { 1.0 } else { 0.0 });
                own += count * idf * saturated(kept, *length, self.mean);
            }
            mass += count * idf;
            known += if holders > 0 { count * idf } else { 0.0 };
            add(&mut scores, term.postings, count * idf / term.idf);
        }
        if let Some(score) = without.and_then(|w| scores.get_mut(w.owner)) {
            *score = own;
        }
        let mass = mass.max(f32::MIN_POSITIVE);
        for score in &mut scores {
            *score /= mass;
        }
        (scores, known / mass)
    }

    fn gram_scores(&self, question: &Features, without: Option<Without<'_>>) -> Vec<f32> {
        let mut scores = vec![0.0; self.norms.len()];
        let (mut square, mut own, mut own_square) = (0.0f32, 0.0, 0.0f32);
        for &(feature, count) in &question.grams {
            let term = self.grams.find(feature);
            let mut idf = term.idf;
            if let Some(w) = &without {
                let (had, kept) = w.counts(|f| &f.grams, feature, count);
                let gone = if had > 0.0 && kept <= 0.0 { 1.0 } else { 0.0 };
                idf = self.grams.idf_without(&term, w.documents(), gone);
                let (before, after) = (sublinear(had) * term.idf, sublinear(kept) * idf);
                own += sublinear(count) * idf * after;
                own_square += after * after - before * before;
            }
            let weight = sublinear(count) * idf;
            square += weight * weight;
            add(&mut scores, term.postings, weight * idf / term.idf);
        }
        if let Some(w) = without
            && let (Some(score), Some(norm)) = (scores.get_mut(w.owner), self.norms.get(w.owner))
        {
            *score = own / (norm * norm + own_square).max(NOTHING).sqrt();
        }
        let norm = square.sqrt().max(f32::MIN_POSITIVE);
        for score in &mut scores {
            *score /= norm;
        }
        scores
    }

    /// How rare a word is among the documents; rarest is one that none holds.
    pub(crate) fn rarity(&self, word: &str) -> f32 {
        self.words.find(features::word(word)).idf
    }

    /// The n-grams of a text as a vector of length 1, for comparing two texts directly.
    pub(crate) fn vector(&self, text: &Features) -> Counts {
        let mut vector: Counts =
            text.grams.iter().map(|&(feature, n)| (feature, sublinear(n) * self.grams.find(feature).idf)).collect();
        let norm = vector.iter().map(|(_, w)| w * w).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        for (_, weight) in &mut vector {
            *weight /= norm;
        }
        vector
    }
}

fn total(counts: &Counts) -> f32 {
    counts.iter().map(|(_, count)| count).sum()
}

fn add(scores: &mut [f32], postings: &[(u32, f32)], factor: f32) {
    for &(doc, weight) in postings {
        if let Some(score) = scores.get_mut(doc as usize) {
            *score += factor * weight;
        }
    }
}

/// The highest cosine of a vector with one of a list, all of length 1.
pub(crate) fn nearest(vector: &Counts, list: &[Counts]) -> f32 {
    list.iter().map(|other| cosine(vector, other)).fold(0.0, f32::max)
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

/// BM25's count: the tenth time a word occurs says less than the first, and less in a long document.
fn saturated(count: f32, length: f32, mean: f32) -> f32 {
    count / (count + K1 * (1.0 - B + B * length / mean))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Taking a question out of the finished index is the same as never having indexed it.
    #[test]
    fn leaving_out_is_as_if_it_had_not_been_there() {
        let texts =
            [["when does the portal close", "last day of the portal"], ["how to close an account", "delete it"]];
        let questions: Vec<Vec<Features>> =
            texts.iter().map(|entry| entry.iter().map(|text| Features::of(text)).collect()).collect();
        let whole: Vec<Features> = questions.iter().map(|entry| Features::merge(entry.iter())).collect();
        let index = Index::build(&whole);
        let asked = &questions[0][0];
        let without = |entry| Without { owner: 0, document: &whole[0], entry };

        let fewer = Index::build(&[questions[0][1].clone(), whole[1].clone()]).scores(asked);
        let left = index.scores_without(asked, Some(without(false)));
        let close = |a: f32, b: f32| (a - b).abs() < 0.05;
        assert!(close(left.words[0], fewer.words[0]) && close(left.words[1], fewer.words[1]), "{left:?} {fewer:?}");
        assert!(close(left.grams[0], fewer.grams[0]) && close(left.grams[1], fewer.grams[1]), "{left:?} {fewer:?}");
        assert!(close(left.known, fewer.known));

        let other = Index::build(&whole[1..]).scores(asked);
        let left = index.scores_without(asked, Some(without(true)));
        assert!(left.words[0] == 0.0 && left.grams[0] == 0.0);
        assert!(close(left.words[1], other.words[0]) && close(left.grams[1], other.grams[0]), "{left:?} {other:?}");
        // The red twin: with the question in, it is found at once.
        assert!(index.scores(asked).grams[0] > left.grams[1] + 0.2);
    }
}
