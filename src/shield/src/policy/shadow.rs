//! How clean traffic scores: counts in a fixed number of bins, so that a share of false alarms has a score.

use std::collections::BTreeMap;

/// Bins of log-odds from -8 to 8.
const BINS: usize = 256;
const SPAN: f32 = 8.0;

/// Fewer messages tell nothing about one in a thousand.
pub const ENOUGH: u64 = 2000;

/// The scores of messages that nobody called a scam. Two kilobytes, whatever the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    bins: Vec<u64>,
    total: u64,
}

impl Default for Shadow {
    fn default() -> Self {
        Self { bins: vec![0; BINS], total: 0 }
    }
}

impl Shadow {
    /// Counts messages whose scores are in a bin; one that there is not counts nothing.
    pub fn add(&mut self, bin: usize, messages: u64) {
        if let Some(slot) = self.bins.get_mut(bin) {
            *slot += messages;
            self.total += messages;
        }
    }

    /// How many it knows.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many of them scored so or higher, to the bin.
    pub fn from(&self, score: f32) -> u64 {
        bin(score).map_or(0, |bin| self.bins.iter().skip(bin).sum())
    }

    /// The least score above which no more than this share of clean messages lies; `None` while too few are known.
    pub fn threshold(&self, share: f64) -> Option<f32> {
        if self.total < ENOUGH || !share.is_finite() {
            return None;
        }
        let mut left = self.allowed(share);
        // The highest bins may hold no more than that; the threshold is the lower edge of the last that fits.
        let mut edge = BINS;
        for (at, count) in self.bins.iter().enumerate().rev() {
            if *count > left {
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
    fn allowed(&self, share: f64) -> u64 {
        (share.clamp(0.0, 1.0) * self.total as f64) as u64
    }
}

/// The shadows of a community: one for each platform, and that of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadows {
    platforms: BTreeMap<String, Shadow>,
    all: Shadow,
    none: Shadow,
}

impl Shadows {
    pub fn add(&mut self, platform: &str, bin: usize, messages: u64) {
        self.platforms.entry(platform.to_owned()).or_default().add(bin, messages);
        self.all.add(bin, messages);
    }

    /// A platform's, or that of all.
    pub fn of(&self, platform: Option<&str>) -> &Shadow {
        platform.map_or(&self.all, |platform| self.platforms.get(platform).unwrap_or(&self.none))
    }

    /// Every platform that was counted.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.platforms.keys().map(String::as_str)
    }
}

/// The bin of a score, 0 to 1; `None`: it is no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the bins"
)]
pub fn bin(score: f32) -> Option<usize> {
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

    fn note(shadow: &mut Shadow, score: f32) {
        shadow.add(bin(score).unwrap(), 1);
    }

    #[test]
    fn too_few_messages_tell_nothing() {
        let mut shadow = Shadow::default();
        (0..ENOUGH - 1).for_each(|_| note(&mut shadow, 0.1));
        assert_eq!(shadow.threshold(0.01), None);
        note(&mut shadow, 0.1);
        assert!(shadow.threshold(0.01).is_some());
        assert_eq!((shadow.from(0.05), shadow.from(0.2)), (ENOUGH, 0));
        shadow.add(BINS, 7);
        assert_eq!(shadow.total(), ENOUGH, "there is no such bin");
    }

    #[test]
    fn each_platform_has_its_own_and_there_is_that_of_all() {
        let mut shadows = Shadows::default();
        shadows.add("discord", 100, 3);
        shadows.add("telegram", 100, 4);
        let total = |platform| shadows.of(platform).total();
        assert_eq!([total(Some("discord")), total(Some("telegram")), total(None), total(Some("x"))], [3, 4, 7, 0]);
    }

    proptest! {
        #[test]
        fn no_more_than_the_share_lies_above(scores in proptest::collection::vec(0.0_f32..1.0, 2000..2400), share in 0.0005_f64..0.2) {
            let mut shadow = Shadow::default();
            for score in &scores {
                note(&mut shadow, *score);
            }
            let threshold = shadow.threshold(share).unwrap();
            let above = scores.iter().filter(|score| **score > threshold + 1e-4).count();
            let exact = |count: usize| f64::from(u32::try_from(count).unwrap());
            prop_assert!(exact(above) <= share * exact(scores.len()) + 1e-9);
        }
    }
}
