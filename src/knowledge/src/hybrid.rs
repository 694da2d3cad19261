//! Entries as vectors, beside their words: how near a question's vector is to each, and what is promised of both together.
//! The vectors come as data; nobody here knows who made them.

use thiserror::Error;

use crate::base::NEAR;
use crate::calibrate::held_out::{self, HeldOut};
use crate::calibrate::{Calibration, Evidence, Promise};
use crate::entry::Entry;
use crate::index::features::Features;
use crate::index::material::Material;
use crate::index::{Index, amount};

/// Less than this is no length: what is left where all was taken out.
const NOTHING: f32 = 1e-4;
/// However alike everything is to whoever makes the vectors, something must be left to tell entries apart by.
const MOST_ALIKE: f32 = 0.95;
/// Numbers that are multiplied side by side.
const LANES: usize = 8;

/// What a text means, as a direction: numbers of length 1 together.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Box<[f32]>);

impl Vector {
    /// These numbers, brought to length 1. `None` where they point nowhere: none, all zero, or not finite.
    pub fn new(mut numbers: Vec<f32>) -> Option<Self> {
        let length = dot(&numbers, &numbers).sqrt();
        if !length.is_finite() || length <= NOTHING {
            return None;
        }
        for number in &mut numbers {
            *number /= length;
        }
        Some(Self(numbers.into()))
    }

    /// How many numbers.
    pub fn dims(&self) -> usize {
        self.0.len()
    }

    pub fn numbers(&self) -> &[f32] {
        &self.0
    }
}

/// Why a base takes no vectors.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unfit {
    #[error("vectors of {one} and of {other} numbers stand side by side; one model makes vectors of one size")]
    Dims { one: usize, other: usize },
    #[error("no question of the base has a vector")]
    Nothing,
}

/// A base's vectors, and what is promised with them.
#[derive(Debug)]
pub(crate) struct Hybrid {
    centroids: Centroids,
    pub(crate) held_out: Vec<HeldOut>,
    pub(crate) calibration: Calibration,
    /// Whether more is known of a question with them than by its words alone.
    pub(crate) is_better: bool,
    /// As [`NEAR`] for words: the lowest score at which an entry may be what was meant.
    pub(crate) near: f32,
}

impl Hybrid {
    /// `vectors`: of each entry's questions, in their order; `lexical`: what was found and is promised without them.
    pub(crate) fn of(
        index: &Index,
        entries: &[Entry],
        material: &[Material],
        vectors: Vec<Vec<Option<Vector>>>,
        lexical: (&[HeldOut], &Calibration),
    ) -> Result<Self, Unfit> {
        let embedded = Embedded { centroids: Centroids::of(&vectors)?, questions: vectors };
        let documents: Vec<Features> = material.iter().map(Material::document).collect();
        let held_out = held_out::all(index, &documents, material, Some(&embedded));
        // A certainty that somebody measured with words alone says nothing of vectors.
        let calibration = Calibration::fit(&held_out, entries, Evidence::Own);
        let (with, without) = (&calibration.all, &lexical.1.all);
        let is_better = match with.promise {
            Promise::Kept => without.promise != Promise::Kept || with.coverage >= without.coverage,
            // Neither answers by itself; what is offered is nearer with both.
            Promise::OutOfReach => without.promise == Promise::OutOfReach,
            Promise::Unproven => false,
        };
        let near = as_near(&held_out, lexical.0);
        Ok(Self { centroids: embedded.centroids, held_out, calibration, is_better, near })
    }

    pub(crate) fn dims(&self) -> usize {
        self.centroids.dims
    }

    /// How near each entry is, 0 to 1. For a vector of as many numbers as these.
    pub(crate) fn nearness(&self, vector: &Vector) -> Vec<f32> {
        self.centroids.nearness(vector)
    }
}

/// The score below which as large a share of the base's own questions falls as falls below [`NEAR`] by words alone.
fn as_near(held_out: &[HeldOut], by_words: &[HeldOut]) -> f32 {
    let own = |held: &HeldOut| held.own_signals.first().copied().unwrap_or_default();
    let far = by_words.iter().filter(|held| own(held) < NEAR).count();
    let mut scores: Vec<f32> = held_out.iter().map(own).collect();
    scores.sort_by(f32::total_cmp);
    scores.get(far * scores.len() / by_words.len().max(1)).copied().unwrap_or(NEAR)
}

/// Entries and their questions as vectors, for asking each without itself.
pub(crate) struct Embedded {
    pub(crate) centroids: Centroids,
    questions: Vec<Vec<Option<Vector>>>,
}

impl Embedded {
    pub(crate) fn question(&self, owner: usize, at: usize) -> Option<&Vector> {
        self.questions.get(owner)?.get(at)?.as_ref()
    }
}

/// The middle of each entry's questions.
#[derive(Debug)]
pub(crate) struct Centroids {
    dims: usize,
    /// Sums of the questions' vectors, by entry, one behind the other.
    sums: Vec<f32>,
    lengths: Vec<f32>,
    /// How near a question is, on average, to an entry that it is not of: nearness begins above it. Some models call
    /// everything alike.
    alike: f32,
}

impl Centroids {
    fn of(questions: &[Vec<Option<Vector>>]) -> Result<Self, Unfit> {
        let all = || questions.iter().flatten().flatten();
        let dims = all().next().ok_or(Unfit::Nothing)?.dims();
        if let Some(other) = all().map(Vector::dims).find(|other| *other != dims) {
            return Err(Unfit::Dims { one: dims, other });
        }
        let mut sums = vec![0.0f32; dims * questions.len()];
        for (sum, of) in sums.chunks_exact_mut(dims).zip(questions) {
            of.iter().flatten().for_each(|vector| add(sum, vector.numbers(), 1.0));
        }
        let lengths = sums.chunks_exact(dims).map(|sum| dot(sum, sum).sqrt()).collect();
        let mut centroids = Self { dims, sums, lengths, alike: 0.0 };
        centroids.alike = centroids.mean_of_strangers(questions).clamp(0.0, MOST_ALIKE);
        Ok(centroids)
    }

    /// The mean cosine of all questions with all entries that they are not of: the sum of all pairs is one product.
    fn mean_of_strangers(&self, questions: &[Vec<Option<Vector>>]) -> f32 {
        let (mut every, mut middle) = (vec![0.0f32; self.dims], vec![0.0f32; self.dims]);
        let (mut own, mut count) = (0.0, 0);
        for ((sum, length), of) in self.sums.chunks_exact(self.dims).zip(&self.lengths).zip(questions) {
            if *length <= NOTHING {
                continue;
            }
            add(&mut middle, sum, 1.0 / length);
            add(&mut every, sum, 1.0);
            // Of the entry's own questions with the entry: the sum's product with itself, over its length.
            own += length;
            count += of.iter().flatten().count();
        }
        let strangers = self.lengths.iter().filter(|length| **length > NOTHING).count().saturating_sub(1);
        if strangers == 0 { 0.0 } else { (dot(&every, &middle) - own) / (amount(count) * amount(strangers)) }
    }

    fn above(&self, cosine: f32) -> f32 {
        ((cosine - self.alike) / (1.0 - self.alike)).clamp(0.0, 1.0)
    }

    fn nearness(&self, vector: &Vector) -> Vec<f32> {
        let of = |(sum, length): (&[f32], &f32)| {
            if *length <= NOTHING { 0.0 } else { self.above(dot(sum, vector.numbers()) / length) }
        };
        self.sums.chunks_exact(self.dims).zip(&self.lengths).map(of).collect()
    }

    /// The same, as if the question (or, `entry`, all of its owner's) had not gone into its owner's middle.
    pub(crate) fn nearness_without(&self, vector: &Vector, owner: usize, entry: bool) -> Vec<f32> {
        let mut near = self.nearness(vector);
        let sum = self.sums.chunks_exact(self.dims).nth(owner).unwrap_or_default();
        let along = dot(sum, vector.numbers());
        let left = (dot(sum, sum) - 2.0 * along + 1.0).max(0.0).sqrt();
        if let Some(own) = near.get_mut(owner) {
            *own = if entry || left <= NOTHING { 0.0 } else { self.above((along - 1.0) / left) };
        }
        near
    }
}

fn add(sum: &mut [f32], numbers: &[f32], factor: f32) {
    sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += factor * number);
}

/// The sum of products, in lanes that a processor works off at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (wide_a, wide_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = wide_a.remainder().iter().zip(wide_b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in wide_a.zip(wide_b) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, a), b)| *lane += a * b);
    }
    rest + lanes.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(numbers: &[f32]) -> Option<Vector> {
        Vector::new(numbers.to_vec())
    }

    fn close(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-5
    }

    #[test]
    fn a_vector_has_length_one_or_is_none() {
        assert_eq!(vector(&[3.0, 4.0]).unwrap().numbers(), [0.6, 0.8]);
        for nowhere in [&[][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[f32::MAX, f32::MAX]] {
            assert_eq!(vector(nowhere), None, "{nowhere:?}");
        }
        let long: Vec<f32> = (0..19u8).map(f32::from).collect();
        assert!(close(dot(&long, &long), 2109.0), "lanes and what is left over");
    }

    /// Taking a question out of the finished middle is the same as never having put it in.
    #[test]
    fn leaving_out_is_as_if_it_had_not_been_there() {
        let asked = vector(&[1.0, 0.2, 0.1]);
        let with = vec![vec![asked.clone(), vector(&[0.8, 0.5, 0.0]), None], vec![vector(&[0.0, 1.0, 0.3])]];
        let fewer = vec![vec![None, vector(&[0.8, 0.5, 0.0]), None], vec![vector(&[0.0, 1.0, 0.3])]];
        let (with, mut fewer) = (Centroids::of(&with).unwrap(), Centroids::of(&fewer).unwrap());
        fewer.alike = with.alike;
        let asked = asked.unwrap();
        let left = with.nearness_without(&asked, 0, false);
        assert!(left.iter().zip(fewer.nearness(&asked)).all(|(a, b)| close(*a, b)), "{left:?}");
        // The red twin: with the question in, it is nearer.
        assert!(with.nearness(&asked)[0] > left[0] + 0.01);
        assert!(close(with.nearness_without(&asked, 0, true)[0], 0.0));
        assert!(
            close(with.nearness_without(&vector(&[0.0, 1.0, 0.3]).unwrap(), 1, false)[1], 0.0),
            "its only question"
        );
    }

    /// A model to which everything is alike is brought to the same scale.
    #[test]
    fn nearness_begins_above_what_strangers_have_in_common() {
        let entry = |x: f32, y: f32| vec![vector(&[x, y, 3.0]), vector(&[x + 0.1, y, 3.0])];
        let centroids = Centroids::of(&[entry(1.0, 0.0), entry(0.0, 1.0), entry(-1.0, -1.0)]).unwrap();
        let asked = vector(&[1.0, 0.1, 3.0]).unwrap();
        let pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
        let questions = [entry(1.0, 0.0), entry(0.0, 1.0), entry(-1.0, -1.0)];
        let middle = |at: usize| {
            centroids
                .sums
                .chunks_exact(3)
                .nth(at)
                .map(|s| s.iter().map(|n| n / centroids.lengths[at]).collect::<Vec<_>>())
        };
        let each = pairs.iter().flat_map(|(of, with)| {
            let middle = middle(*with).unwrap();
            questions[*of].iter().flatten().map(move |q| dot(q.numbers(), &middle)).collect::<Vec<_>>()
        });
        let each: Vec<f32> = each.collect();
        assert!(close(centroids.alike, each.iter().sum::<f32>() / 12.0), "{} {each:?}", centroids.alike);
        let near = centroids.nearness(&asked);
        assert!(near[0] > 0.9 && near[1] < 0.6 && near[2] < 0.1, "{near:?}");
    }

    #[test]
    fn vectors_that_do_not_belong_together_are_refused() {
        let mixed = [vec![vector(&[1.0, 0.0])], vec![vector(&[1.0, 0.0, 0.0])]];
        assert_eq!(Centroids::of(&mixed).unwrap_err(), Unfit::Dims { one: 2, other: 3 });
        assert_eq!(Centroids::of(&[vec![None], vec![]]).unwrap_err(), Unfit::Nothing);
    }
}
