//! From which certainty on an entry may answer by itself, found out from the base alone and without labelled questions.
//!
//! The promise: of what is answered, [`TARGET`] is right, with Wilson's lower bound above it. A base whose entries are
//! too alike to keep that answers nothing by itself but its own questions, word for word, and offers what may be meant. One
//! too small to prove anything answers from a fixed, careful certainty, and promises nothing.

pub(crate) mod held_out;
mod logistic;
pub(crate) mod signals;

use std::collections::HashMap;

use serde::Serialize;

use crate::entry::{Class, Entry};
use crate::index::amount;
use held_out::HeldOut;
use logistic::{Example, Logistic};
use signals::Signals;

/// Of what is answered, this share must be right.
pub const TARGET: f32 = 0.95;
/// The assumed share of questions that the base does not hold, all of them near misses.
const UNANSWERABLE: f32 = 0.25;
/// So many answers at least stand behind a promise.
const FEWEST: f32 = 30.0;
/// With fewer questions than this, all of them right, the target could not be proven.
const PROVABLE: usize = 52;
/// With fewer entries, near misses are too few of a kind to say that the entries are too alike.
const ENTRIES: usize = 20;
/// Each question is judged by weights fitted without the questions of its entry.
const FOLDS: usize = 10;
/// One-sided 95 %: how sure the promise is of its lower bound.
const Z: f32 = 1.645;

/// What a base too small to prove anything answers by: the score and the lead over the next count alike. Probability
/// 0.95 is a score, less half of the runner-up's, of 0.20: on 160 questions that somebody wrote without knowing the
/// sample base, 66 were answered from there on, all of them rightly; of 80 that no entry answers, one was.
const CAREFUL: Logistic = Logistic::new([14.7, 14.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -2.94]);
const CAREFUL_FROM: f32 = 0.95;

/// What a base can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// The target, proven on the base's own questions.
    Kept,
    /// The target cannot be kept: the entries are too alike. Nothing is answered, only offered.
    OutOfReach,
    /// Too few questions to prove anything.
    Unproven,
}

/// What was found out about the entries of one class, or of all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Certainty {
    pub promise: Promise,
    /// The probability from which an entry answers by itself; 1 where it never does.
    pub from: f32,
    /// Questions it was found out with.
    pub questions: usize,
    /// The share of these that are answered, and rightly.
    pub coverage: f32,
    /// The share of answers that are right, near misses counted in by their assumed share.
    pub precision: f32,
    /// Wilson's lower bound of that.
    pub at_least: f32,
}

/// What it rests on that an entry answers by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// The base's own questions, held out.
    #[default]
    Own,
    /// Labelled questions that somebody measured the base with: where its own prove nothing, it answers from a fixed,
    /// careful certainty, and promises nothing.
    Labelled,
}

/// The certainty of a base.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// That the best entry is the right one, rivals considered.
    right: Logistic,
    /// That an entry fits, seen by itself.
    fits: Logistic,
    /// Of all entries.
    pub all: Certainty,
    pub safety: Certainty,
    pub routine: Certainty,
}

/// A judged example: how sure, whether right, and how much it counts.
struct Judged {
    p: f32,
    right: bool,
    weight: f32,
    class: Class,
    /// The entry that the question is of.
    owner: usize,
    /// Whether it is one of our questions, rather than a near miss.
    known: bool,
}

impl Calibration {
    /// Finds it out.
    pub(crate) fn fit(held_out: &[HeldOut], entries: &[Entry], evidence: Evidence) -> Self {
        let near_miss = UNANSWERABLE / (1.0 - UNANSWERABLE);
        let examples: Vec<(usize, [Example; 2])> =
            held_out.iter().map(|held| (held.owner, held.answers(near_miss))).collect();
        let fit = |keep: &dyn Fn(usize) -> bool| {
            let kept: Vec<&Example> = examples.iter().filter(|(o, _)| keep(*o)).flat_map(|(_, pair)| pair).collect();
            Logistic::fit(&kept)
        };
        if held_out.len() < PROVABLE {
            return Self::careful(held_out.len());
        }
        // Without a single right answer there is nothing to fit, and nothing to reach.
        let right = fit(&|_| true).unwrap_or(CAREFUL);
        let folds: Vec<Logistic> =
            (0..FOLDS).map(|fold| fit(&|owner| owner % FOLDS != fold).unwrap_or(right)).collect();
        let class = |entry: usize| entries.get(entry).map_or(Class::Routine, |entry| entry.class);
        let mut judged = Vec::with_capacity(2 * held_out.len());
        for (held, (_, pair)) in held_out.iter().zip(&examples) {
            let judge = folds.get(held.owner % FOLDS).unwrap_or(&right);
            for (example, (entry, known)) in pair.iter().zip([(held.best, true), (held.other, false)]) {
                let p = judge.probability(&example.signals);
                let (right, weight, owner) = (example.right, example.weight, held.owner);
                judged.push(Judged { p, right, weight, class: class(entry), owner, known });
            }
        }
        judged.sort_by(|a, b| b.p.total_cmp(&a.p));
        let all = certainty(&judged, |_| true);
        let unproven = evidence == Evidence::Labelled || entries.len() < ENTRIES;
        if all.promise == Promise::OutOfReach && unproven {
            return Self::careful(held_out.len());
        }
        let fits: Vec<Example> = held_out.iter().flat_map(|held| held.fits(near_miss)).collect();
        let fits = Logistic::fit(&fits.iter().collect::<Vec<_>>()).unwrap_or(right);
        // A class too small for a promise of its own goes by that of all.
        let of = |class| Some(certainty(&judged, |c| c == class)).filter(|c| c.questions >= PROVABLE).unwrap_or(all);
        Self { right, fits, all, safety: of(Class::Safety), routine: of(Class::Routine) }
    }

    fn careful(questions: usize) -> Self {
        let all = Certainty {
            promise: Promise::Unproven,
            from: CAREFUL_FROM,
            questions,
            coverage: 0.0,
            precision: 0.0,
            at_least: 0.0,
        };
        Self { right: CAREFUL, fits: CAREFUL, all, safety: all, routine: all }
    }

    /// The probability that the entry is the right one, rivals considered.
    pub(crate) fn right(&self, signals: &Signals) -> f32 {
        self.right.probability(signals)
    }

    /// The probability that the entry fits, seen by itself.
    pub(crate) fn fits(&self, signals: &Signals) -> f32 {
        self.fits.probability(signals)
    }

    /// Whether an entry of this class answers by itself at this probability of being right.
    pub fn answers(&self, class: Class, right: f32) -> bool {
        let certainty = self.of(class);
        certainty.promise != Promise::OutOfReach && right >= certainty.from
    }

    /// The certainty of the entries of a class.
    pub fn of(&self, class: Class) -> &Certainty {
        match class {
            Class::Safety => &self.safety,
            Class::Routine => &self.routine,
        }
    }
}

/// The lowest certainty at which the lower bound of the precision reaches the target. `judged` is sorted, surest first.
fn certainty(judged: &[Judged], of: impl Fn(Class) -> bool) -> Certainty {
    let mut answered = Tally::default();
    let mut found = Certainty {
        promise: Promise::OutOfReach,
        from: 1.0,
        questions: judged.iter().filter(|j| j.known && of(j.class)).count(),
        coverage: 0.0,
        precision: 0.0,
        at_least: 0.0,
    };
    for sample in judged.iter().filter(|j| of(j.class)) {
        answered.add(sample);
        let at_least = answered.at_least();
        if at_least >= TARGET && answered.all >= FEWEST {
            found.promise = Promise::Kept;
            (found.from, found.at_least, found.precision) = (sample.p, at_least, answered.right() / answered.all);
            found.coverage = answered.right() / amount(found.questions.max(1));
        }
    }
    found
}

/// All that is answered from some certainty on, by weight.
#[derive(Default)]
struct Tally {
    all: f32,
    wrong: f32,
    /// The variance of `wrong`: the squares of the weights of what comes alone.
    squares: f32,
    /// Near misses of each entry. Whether the base lacks an entry is one event for all its questions, so they are one.
    missed: HashMap<usize, f32>,
}

impl Tally {
    fn add(&mut self, sample: &Judged) {
        self.all += sample.weight;
        if sample.right {
            return;
        }
        self.wrong += sample.weight;
        if sample.known {
            self.squares += sample.weight * sample.weight;
            return;
        }
        let missed = self.missed.entry(sample.owner).or_default();
        self.squares -= *missed * *missed;
        *missed += sample.weight;
        self.squares += *missed * *missed;
    }

    fn right(&self) -> f32 {
        self.all - self.wrong
    }

    /// Wilson's lower bound of the precision. Weighted errors are not counts: they are brought to the number of single
    /// ones that would vary as much (the effective sample size). One more of weight 1 is added, for those not yet seen.
    fn at_least(&self) -> f32 {
        let single = (self.squares + 1.0) / (self.wrong + 1.0);
        wilson_lower(self.right() / single, self.all / single)
    }
}

/// Lower end of Wilson's interval for `right` of `all`.
fn wilson_lower(right: f32, all: f32) -> f32 {
    if all <= 0.0 {
        return 0.0;
    }
    let share = right / all;
    let z2 = Z * Z;
    let spread = Z * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
    (share + z2 / (2.0 * all) - spread) / (1.0 + z2 / all)
}

#[cfg(test)]
mod tests;
