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
#[error("of {clean} clean messages it flags {more} that the shipped model alone does not")]
pub struct Refused {
    pub clean: usize,
    pub more: usize,
}

/// What is to be learnt from one case.
#[derive(Clone, Debug)]
pub struct Taught {
    /// What it is unlearnt by, and named by where it is left out.
    pub id: String,
    pub text: Folded,
    pub scam: bool,
}

impl Delta {
    /// Everything that was taught, in this order, save the lessons with which clean messages would be flagged that the
    /// shipped model alone does not flag; and which those are. The same lessons give the same delta, to the bit, whatever
    /// was taught and taken back before. Of more than [`LESSONS`], the latest count.
    pub fn of(base: &Model, taught: &[Taught], clean: &[Folded]) -> (Self, Vec<String>) {
        let latest = taught.iter().skip(taught.len().saturating_sub(LESSONS));
        let mut lessons: Vec<Lesson> = latest.map(|taught| Lesson::new(base, taught)).collect();
        let passes = |delta: &Self| delta.check(base, clean).is_ok();
        let mut left_out = Vec::new();
        loop {
            let delta = Self::counted(lessons.clone());
            if passes(&delta) {
                return (delta, left_out);
            }
            // Without a lesson it passes and with all it fails: in between is one that turns it.
            let (mut passing, mut failing) = (0, lessons.len());
            while failing - passing > 1 {
                let middle = usize::midpoint(passing, failing);
                let first = Self::counted(lessons.iter().take(middle).cloned().collect());
                if passes(&first) { passing = middle } else { failing = middle }
            }
            left_out.push(lessons.remove(passing).id);
        }
    }

    fn counted(lessons: Vec<Lesson>) -> Self {
        let mut delta = Self { lessons, votes: Vec::new() };
        delta.count();
        delta
    }

    /// Learns that a text is a scam, or that it is none. `id` is what it is unlearnt by.
    pub fn learn(&mut self, base: &Model, folded: &Folded, scam: bool, id: &str) -> Result<(), DeltaError> {
        if self.lessons.iter().any(|lesson| lesson.id == id) {
            return Err(DeltaError::Known(id.to_owned()));
        }
        if self.lessons.len() >= LESSONS {
            return Err(DeltaError::Full);
        }
        self.lessons.push(Lesson { id: id.to_owned(), scam, base: base.logit(folded), buckets: buckets(folded) });
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

    /// Refuses a delta that flags any of these clean messages that the shipped model alone does not: one that it spares
    /// in turn makes up for none.
    pub fn check(&self, base: &Model, clean: &[Folded]) -> Result<(), Refused> {
        let flagged = |folded: &&Folded| self.logit(base, folded) >= 0.0 && base.logit(folded) < 0.0;
        let more = if self.is_empty() { 0 } else { clean.iter().filter(flagged).count() };
        if more > 0 { Err(Refused { clean: clean.len(), more }) } else { Ok(()) }
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
    fn new(base: &Model, taught: &Taught) -> Self {
        let Taught { id, text, scam } = taught;
        Self { id: id.clone(), scam: *scam, base: base.logit(text), buckets: buckets(text) }
    }

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
