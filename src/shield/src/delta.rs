//! What one community taught: on top of the shipped model, bounded, and taken back bit for bit. What was learnt is kept
//! as it was shown, and the votes are counted anew from it at every change, in the order in which it came; hence whatever
//! is unlearnt was never there.

use crate::fold::Folded;
use crate::model::{Model, features};

/// What a community may teach at most; then old lessons must be dropped first.
pub const LESSONS: usize = 2_000;
/// Of one text so many features are kept.
const FEATURES: usize = 512;
/// A vote for each bucket is worth so much, in log-odds.
const WORTH: f32 = 1.5;
/// No bucket has more votes than this, whoever taught it how often.
const VOTES: i8 = 3;
/// And no text is moved by more than this.
const MOST: f32 = 4.0;
/// A lesson is repeated until its text is on the right side by so much.
const MARGIN: f32 = 0.5;
const REPEATS: u32 = 3;

/// The lessons of a community.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    lessons: Vec<Lesson>,
    /// One for each bucket; empty without a lesson.
    votes: Vec<i8>,
}

#[derive(Clone, Debug, PartialEq)]
struct Lesson {
    id: String,
    scam: bool,
    /// What the shipped model thought of it.
    base: f32,
    buckets: Box<[u32]>,
}

/// Why something was not learnt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    #[error("{0} was learnt already")]
    Known(String),
    #[error("{LESSONS} lessons are the most; drop an old one first")]
    Full,
}

/// A delta that must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("of {clean} clean messages it flags {after}; without it {before}")]
pub struct Refused {
    pub clean: usize,
    pub before: usize,
    pub after: usize,
}

impl Delta {
    /// Learns that a text is a scam, or that it is none. `id` is what it is unlearnt by.
    pub fn learn(&mut self, base: &Model, folded: &Folded, scam: bool, id: &str) -> Result<(), DeltaError> {
        if self.lessons.iter().any(|lesson| lesson.id == id) {
            return Err(DeltaError::Known(id.to_owned()));
        }
        if self.lessons.len() >= LESSONS {
            return Err(DeltaError::Full);
        }
        let lesson = Lesson { id: id.to_owned(), scam, base: base.logit(folded), buckets: buckets(folded) };
        self.lessons.push(lesson);
        self.count();
        Ok(())
    }

    /// Forgets it as if it had never been learnt. Whether there was anything to forget.
    pub fn unlearn(&mut self, id: &str) -> bool {
        let before = self.lessons.len();
        self.lessons.retain(|lesson| lesson.id != id);
        let found = self.lessons.len() != before;
        if found {
            self.count();
        }
        found
    }

    /// The lesson that came first.
    pub fn oldest(&self) -> Option<&str> {
        self.lessons.first().map(|lesson| lesson.id.as_str())
    }

    /// How many lessons there are.
    pub fn len(&self) -> usize {
        self.lessons.len()
    }

    /// Nothing was taught.
    pub fn is_empty(&self) -> bool {
        self.lessons.is_empty()
    }

    /// What the model says, moved by what was taught.
    pub fn logit(&self, base: &Model, folded: &Folded) -> f32 {
        let base = base.logit(folded);
        if self.is_empty() {
            return base;
        }
        let mut tally = Tally::default();
        features::specific(folded, |bucket| tally.add(&self.votes, bucket));
        base + tally.moved()
    }

    /// Refuses a delta that flags more of these clean messages than the shipped model alone does. Meant for every night,
    /// and for a set that does not change with what is taught.
    pub fn check(&self, base: &Model, clean: &[Folded]) -> Result<(), Refused> {
        let before = clean.iter().filter(|folded| base.logit(folded) >= 0.0).count();
        let after = clean.iter().filter(|folded| self.logit(base, folded) >= 0.0).count();
        if after > before { Err(Refused { clean: clean.len(), before, after }) } else { Ok(()) }
    }

    /// The votes, from the lessons alone.
    fn count(&mut self) {
        self.votes.clear();
        if self.lessons.is_empty() {
            return;
        }
        self.votes.resize(features::BUCKETS, 0);
        for _ in 0..REPEATS {
            let mut learnt = true;
            for lesson in &self.lessons {
                let mut tally = Tally::default();
                lesson.buckets().for_each(|bucket| tally.add(&self.votes, bucket));
                let logit = lesson.base + tally.moved();
                let (vote, right) = if lesson.scam { (1, logit >= MARGIN) } else { (-1, logit <= -MARGIN) };
                if right {
                    continue;
                }
                learnt = false;
                for bucket in lesson.buckets() {
                    if let Some(votes) = self.votes.get_mut(bucket) {
                        *votes = (*votes + vote).clamp(-VOTES, VOTES);
                    }
                }
            }
            if learnt {
                break;
            }
        }
    }
}

impl Lesson {
    fn buckets(&self) -> impl Iterator<Item = usize> {
        self.buckets.iter().filter_map(|bucket| usize::try_from(*bucket).ok())
    }
}

/// Votes over the features of a text.
#[derive(Default)]
struct Tally {
    votes: i16,
    count: i16,
}

impl Tally {
    fn add(&mut self, votes: &[i8], bucket: usize) {
        self.votes = self.votes.saturating_add(votes.get(bucket).copied().map_or(0, i16::from));
        self.count = self.count.saturating_add(1);
    }

    fn moved(&self) -> f32 {
        (WORTH * f32::from(self.votes) / f32::from(self.count.max(1))).clamp(-MOST, MOST)
    }
}

/// The features of a text that are its own, each once.
fn buckets(folded: &Folded) -> Box<[u32]> {
    let mut buckets = Vec::new();
    features::specific(folded, |bucket| buckets.extend(u32::try_from(bucket)));
    buckets.truncate(FEATURES);
    buckets.sort_unstable();
    buckets.dedup();
    buckets.into()
}

#[cfg(test)]
mod tests;
