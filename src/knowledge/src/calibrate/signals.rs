//! What the scores of all entries say about one of them: the numbers from which its probability is computed.

use crate::index::{Scores, amount};

/// How many numbers.
pub(crate) const SIGNALS: usize = 10;

/// Score, lead over the next, lead over the third, BM25, n-grams, share of known words, agreement, relative lead, and the
/// logarithm of the question's length: a long question scores lower on its own entry than a short one. Last how near the
/// vector is; 0 where there is none.
pub(crate) type Signals = [f32; SIGNALS];

/// All scores of one question, and the best of them.
pub(crate) struct Standing<'a> {
    scores: &'a Scores,
    sums: &'a [f32],
    /// The three highest sums.
    top: [f32; 3],
    words: f32,
    grams: f32,
    vectors: f32,
}

impl<'a> Standing<'a> {
    /// `sums` are the sums of `scores`, or what was made of them.
    pub(crate) fn new(scores: &'a Scores, sums: &'a [f32]) -> Self {
        let mut top = [0.0f32; 3];
        for &sum in sums {
            let [first, second, third] = top;
            top = if sum > first {
                [sum, first, second]
            } else if sum > second {
                [first, sum, second]
            } else {
                [first, second, third.max(sum)]
            };
        }
        let highest = |of: &[f32]| of.iter().copied().fold(0.0, f32::max);
        let (words, grams, vectors) = (highest(&scores.words), highest(&scores.grams), highest(&scores.vectors));
        Self { scores, sums, top, words, grams, vectors }
    }

    pub(crate) fn signals(&self, entry: usize) -> Signals {
        let at = |of: &[f32]| of.get(entry).copied().unwrap_or_default();
        let (sum, words, grams) = (at(self.sums), at(&self.scores.words), at(&self.scores.grams));
        let [first, second, third] = self.top;
        let (next, after) = if sum >= first {
            (second, third)
        } else if sum >= second {
            (first, third)
        } else {
            (first, second)
        };
        let near = at(&self.scores.vectors);
        let leads = [words >= self.words, grams >= self.grams, near >= self.vectors];
        let parts = if self.scores.vectors.is_empty() { 2 } else { 3 };
        let agreement = amount(leads.iter().take(parts).filter(|leads| **leads).count()) / amount(parts);
        let relative = (sum - next) / sum.max(f32::MIN_POSITIVE).max(next);
        let length = self.scores.length.ln();
        [sum, sum - next, sum - after, words, grams, self.scores.known, agreement, relative, length, near]
    }
}

/// What an entry scores by itself, whoever its rivals are. The sum alone: fitted apart, its two parts tell questions that
/// are far from the base from ours less well.
pub(crate) fn alone(signals: &Signals) -> Signals {
    let [sum, ..] = *signals;
    [sum, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}
