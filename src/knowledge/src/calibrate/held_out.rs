//! Questions to calibrate with, made of the base alone.
//!
//! Every question of an entry is asked twice: with itself taken out, as a question that we can answer; and with its
//! whole entry taken out, as a near miss, the hardest kind of question that we cannot.

use super::logistic::Example;
use super::signals::{Signals, Standing, alone};
use crate::hybrid::{Centroids, Embedded, Vector};
use crate::index::features::Features;
use crate::index::material::{Material, Question};
use crate::index::{Index, Without};

/// One question asked twice.
#[derive(Debug)]
pub(crate) struct HeldOut {
    /// The entry it is of, and its position in [`Entry::questions`](crate::Entry::questions).
    pub(crate) owner: usize,
    pub(crate) question: usize,
    /// Without the question: the best entry and what speaks for it.
    pub(crate) best: usize,
    pub(crate) signals: Signals,
    /// What speaks for the owner.
    pub(crate) own_signals: Signals,
    /// How many entries are before the owner.
    pub(crate) rank: usize,
    /// Without the entry: the best of the others.
    pub(crate) other: usize,
    pub(crate) other_signals: Signals,
}

impl HeldOut {
    pub(crate) fn right(&self) -> bool {
        self.rank == 0
    }

    /// Whether the best entry is the right one: of a question we can answer, and of one we cannot.
    pub(crate) fn answers(&self, near_miss: f32) -> [Example; 2] {
        [
            Example { signals: self.signals, right: self.right(), weight: 1.0 },
            Example { signals: self.other_signals, right: false, weight: near_miss },
        ]
    }

    /// Whether an entry fits, seen by itself: the right one, and those that came before it or stood in for it.
    pub(crate) fn fits(&self, near_miss: f32) -> impl Iterator<Item = Example> {
        let wrong = (!self.right()).then(|| Example { signals: alone(&self.signals), right: false, weight: 1.0 });
        let own = Example { signals: alone(&self.own_signals), right: true, weight: 1.0 };
        let other = Example { signals: alone(&self.other_signals), right: false, weight: near_miss };
        [own, other].into_iter().chain(wrong)
    }
}

/// Asks them all; with `vectors`, all that have one. An entry of a single question has none to spare.
pub(crate) fn all(
    index: &Index,
    documents: &[Features],
    material: &[Material],
    vectors: Option<&Embedded>,
) -> Vec<HeldOut> {
    let asked = material.iter().zip(documents).enumerate().filter(|(_, (of, _))| of.questions.len() > 1);
    asked
        .flat_map(|(owner, (of, document))| {
            let asked = of.questions.iter().enumerate().filter(|(_, question)| !question.features.words.is_empty());
            asked.filter_map(move |(at, question)| {
                // Of what has no vector these say nothing: it is asked by its words alone.
                let near = match vectors {
                    Some(vectors) => Some((&vectors.centroids, vectors.question(owner, at)?)),
                    None => None,
                };
                Some(ask(index, document, owner, question, near))
            })
        })
        .collect()
}

fn ask(
    index: &Index,
    document: &Features,
    owner: usize,
    question: &Question,
    near: Option<(&Centroids, &Vector)>,
) -> HeldOut {
    let scores = |entry| {
        let mut scores = index.scores_without(&question.features, Some(Without { owner, document, entry }));
        if let Some((centroids, vector)) = near {
            scores.vectors = centroids.nearness_without(vector, owner, entry);
        }
        scores
    };
    let left = scores(false);
    let sums = left.sum();
    let best = first(&sums, None);
    let own = sums.get(owner).copied().unwrap_or_default();
    let rank = sums.iter().enumerate().filter(|(i, sum)| *i != owner && **sum >= own).count();
    let standing = Standing::new(&left, &sums);
    let (signals, own_signals) = (standing.signals(best), standing.signals(owner));

    let left = scores(true);
    let sums = left.sum();
    let other = first(&sums, Some(owner));
    let other_signals = Standing::new(&left, &sums).signals(other);
    HeldOut { owner, question: question.position, best, signals, own_signals, rank, other, other_signals }
}

/// The position of the highest; of several, the first.
pub(crate) fn first(sums: &[f32], without: Option<usize>) -> usize {
    let mut best = (0, f32::MIN);
    for (i, &sum) in sums.iter().enumerate().filter(|(i, _)| Some(*i) != without) {
        if sum > best.1 {
            best = (i, sum);
        }
    }
    best.0
}
