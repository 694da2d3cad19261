//! What a base promises, and which of its entries are taken for each other: for its owner, from its own questions alone.

use std::collections::BTreeMap;

use serde::Serialize;
use townkeeper_contract::id::EntryId;

use crate::base::Base;
use crate::calibrate::held_out::HeldOut;
use crate::calibrate::{Certainty, TARGET};
use crate::eval::share;

/// The report; every share is of held-out questions.
#[derive(Debug, Serialize)]
pub struct Report {
    pub entries: usize,
    pub questions: usize,
    /// Whether vectors are summed with the words; then everything here is of both.
    pub hybrid: bool,
    /// Of what is answered, this share is to be right.
    pub target: f32,
    pub all: Certainty,
    pub safety: Certainty,
    pub routine: Certainty,
    /// Questions that find their entry first, and among the first three.
    pub first: f64,
    pub among_three: f64,
    /// Most questions first.
    pub confusions: Vec<Confusion>,
    /// Entries that none of their own questions finds among the first three.
    pub unreachable: Vec<EntryId>,
}

/// An entry whose questions another one takes.
#[derive(Debug, Serialize)]
pub struct Confusion {
    pub entry: EntryId,
    pub taken_by: EntryId,
    pub questions: Vec<String>,
    /// How many of them the other one would answer by itself.
    pub answered: usize,
}

impl Report {
    pub fn new(base: &Base) -> Self {
        let (held_out, calibration) = (base.held_out(), base.calibration());
        let within = |n: usize| share(held_out.iter().filter(|held| held.rank < n).count(), held_out.len());
        Self {
            entries: base.len(),
            questions: held_out.len(),
            hybrid: base.is_hybrid(),
            target: TARGET,
            all: calibration.all,
            safety: calibration.safety,
            routine: calibration.routine,
            first: within(1),
            among_three: within(3),
            confusions: confusions(base),
            unreachable: unreachable(base),
        }
    }
}

fn confusions(base: &Base) -> Vec<Confusion> {
    let mut pairs = BTreeMap::<(usize, usize), Vec<&HeldOut>>::new();
    for held in base.held_out().iter().filter(|held| held.best != held.owner) {
        pairs.entry((held.owner, held.best)).or_default().push(held);
    }
    let confusion = |((owner, best), held): ((usize, usize), Vec<&HeldOut>)| {
        Some(Confusion {
            entry: base.at(owner)?.id.clone(),
            taken_by: base.at(best)?.id.clone(),
            questions: held.iter().filter_map(|held| question(base, held)).map(str::to_owned).collect(),
            answered: held.iter().filter(|held| answers(base, held)).count(),
        })
    };
    let mut confusions: Vec<Confusion> = pairs.into_iter().filter_map(confusion).collect();
    confusions.sort_by_key(|confusion| std::cmp::Reverse((confusion.questions.len(), confusion.answered)));
    confusions
}

fn unreachable(base: &Base) -> Vec<EntryId> {
    let mut nearest = BTreeMap::<usize, usize>::new();
    for held in base.held_out() {
        nearest.entry(held.owner).and_modify(|rank| *rank = held.rank.min(*rank)).or_insert(held.rank);
    }
    let far = nearest.into_iter().filter(|(_, rank)| *rank >= 3);
    far.filter_map(|(owner, _)| Some(base.at(owner)?.id.clone())).collect()
}

/// The held-out question's words.
pub(crate) fn question<'a>(base: &'a Base, held: &HeldOut) -> Option<&'a str> {
    base.at(held.owner)?.questions().nth(held.question)
}

/// Whether the best entry would answer a held-out question by itself.
pub(crate) fn answers(base: &Base, held: &HeldOut) -> bool {
    let calibration = base.calibration();
    base.at(held.best).is_some_and(|entry| calibration.answers(entry.class, calibration.right(&held.signals)))
}
