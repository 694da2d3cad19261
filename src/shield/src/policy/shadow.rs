//! How clean traffic scores: counts in a fixed number of bins, so that a share of false alarms has a score.

/// Bins of log-odds from -8 to 8.
const BINS: usize = 256;
const SPAN: f32 = 8.0;

/// Fewer messages tell nothing about one in a thousand.
const ENOUGH: u64 = 2000;

/// Counts are halved beyond: what a community was a year ago fades.
const MOST: u64 = 1_000_000;

/// The scores of messages that nobody called a scam. One kilobyte, whatever the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    bins: Vec<u32>,
    total: u64,
}

impl Default for Shadow {
    fn default() -> Self {
        Self { bins: vec![0; BINS], total: 0 }
    }
}

impl Shadow {
    /// Counts a score, 0 to 1.
    pub fn note(&mut self, score: f32) {
        let Some(slot) = bin(score).and_then(|bin| self.bins.get_mut(bin)) else { return };
        *slot += 1;
        self.total += 1;
        if self.total > MOST {
            self.bins.iter_mut().for_each(|count| *count /= 2);
            self.total = self.bins.iter().map(|count| u64::from(*count)).sum();
        }
    }

    /// Takes a score back: the message was confirmed to be a scam, so it tells nothing about clean ones.
    pub fn forget(&mut self, score: f32) {
        if let Some(slot) = bin(score).and_then(|bin| self.bins.get_mut(bin)).filter(|slot| **slot > 0) {
            *slot -= 1;
            self.total -= 1;
        }
    }

    /// How many it knows.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The least score above which no more than this share of clean messages lies; `None` while too few are known.
    pub fn threshold(&self, share: f32) -> Option<f32> {
        if self.total < ENOUGH || !share.is_finite() {
            return None;
        }
        let mut left = self.allowed(share);
        // The highest bins may hold no more than that; the threshold is the lower edge of the last that fits.
        let mut edge = BINS;
        for (at, count) in self.bins.iter().enumerate().rev() {
            let count = u64::from(*count);
            if count > left {
                break;
            }
            left -= count;
            edge = at;
        }
        Some(lower_edge(edge))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count, rounded down"
    )]
    fn allowed(&self, share: f32) -> u64 {
        (f64::from(share.clamp(0.0, 1.0)) * self.total as f64) as u64
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the bins"
)]
fn bin(score: f32) -> Option<usize> {
    if score.is_nan() {
        return None;
    }
    let score = score.clamp(1e-6, 1.0 - 1e-6);
    let odds = (score / (1.0 - score)).ln().clamp(-SPAN, SPAN - 1e-3);
    Some((((odds + SPAN) / (2.0 * SPAN)) * BINS as f32) as usize)
}

#[expect(clippy::cast_precision_loss, reason = "at most 256")]
fn lower_edge(bin: usize) -> f32 {
    let odds = (bin as f32 / BINS as f32) * 2.0 * SPAN - SPAN;
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn too_few_messages_tell_nothing() {
        let mut shadow = Shadow::default();
        (0..ENOUGH - 1).for_each(|_| shadow.note(0.1));
        assert_eq!(shadow.threshold(0.01), None);
        shadow.note(0.1);
        assert!(shadow.threshold(0.01).is_some());
    }

    #[test]
    fn a_confirmed_scam_is_taken_back() {
        let mut shadow = Shadow::default();
        (0..ENOUGH).for_each(|_| shadow.note(0.02));
        let before = shadow.clone();
        shadow.note(0.9);
        shadow.forget(0.9);
        assert_eq!(shadow, before);
        shadow.forget(0.7);
        assert_eq!(shadow, before, "what was never counted is not taken back");
    }

    proptest! {
        #[test]
        fn no_more_than_the_share_lies_above(scores in proptest::collection::vec(0.0_f32..1.0, 2000..2400), share in 0.0005_f32..0.2) {
            let mut shadow = Shadow::default();
            for score in &scores {
                shadow.note(*score);
            }
            let threshold = shadow.threshold(share).unwrap();
            let above = scores.iter().filter(|score| **score > threshold + 1e-4).count();
            let exact = |count: usize| f64::from(u32::try_from(count).unwrap());
            prop_assert!(exact(above) <= f64::from(share) * exact(scores.len()) + 1e-9);
        }
    }
}
