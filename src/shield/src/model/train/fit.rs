//! Fitting the weights, and rounding them to a byte each.

use super::arithmetic::{ln, sigmoid};
use super::{Row, SEED};
use crate::model::Model;
use crate::model::features::BUCKETS;

const ROUNDS: u32 = 12;
/// The first rounds find the way; only what comes after them is averaged.
const AVERAGED_FROM: u32 = 6;
const RATE: f32 = 0.1;
const DECAY: f32 = 1e-4;
/// A scam counts half of what would balance the classes: a missed one costs less than a false alarm.
const SCAMS: f32 = 0.5;
/// Smaller errors teach nothing.
const LEAST: f32 = 1e-4;
/// So many weights may be beyond what a byte holds; the rest gets finer steps for it.
const CLIPPED: usize = 20;

pub(super) fn fit<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Model {
    let mut rows: Vec<&Row<'_>> = rows.collect();
    let balance = Balance::of(&rows);
    let uneven = uneven(&rows, &balance);
    let mut fit = Fit::new();
    let (mut sum, mut bias, mut rounds) = (vec![0.0_f32; BUCKETS], 0.0, 0.0);
    let mut random = SEED;
    for round in 0..ROUNDS {
        shuffle(&mut rows, &mut random);
        for row in &rows {
            fit.step(row, balance.of_row(row), &uneven);
        }
        if round >= AVERAGED_FROM {
            sum.iter_mut().zip(&fit.weights).for_each(|(sum, weight)| *sum += weight);
            bias += fit.bias;
            rounds += 1.0;
        }
    }
    let weights: Vec<f32> = sum.iter().zip(&uneven).map(|(sum, uneven)| sum / rounds * uneven).collect();
    round(&weights, bias / rounds)
}

/// What a row of either class counts.
struct Balance {
    scam: f32,
    clean: f32,
}

impl Balance {
    fn of(rows: &[&Row<'_>]) -> Self {
        let weight =
            |scam: bool| rows.iter().filter(|row| row.scam == scam).map(|row| row.weight).sum::<f32>().max(1e-6);
        let (scam, clean) = (weight(true), weight(false));
        Self { scam: (scam + clean) / scam / 2.0, clean: (scam + clean) / clean / 2.0 }
    }

    fn of_row(&self, row: &Row<'_>) -> f32 {
        row.weight * if row.scam { self.scam * SCAMS } else { self.clean }
    }
}

/// For each bucket how unevenly the classes use it: the logarithm of the ratio of their shares.
fn uneven(rows: &[&Row<'_>], balance: &Balance) -> Vec<f32> {
    let mut shares = vec![(1.0_f32, 1.0_f32); BUCKETS];
    let mut distinct = Vec::new();
    for row in rows {
        distinct.clear();
        distinct.extend_from_slice(&row.buckets);
        distinct.sort_unstable();
        distinct.dedup();
        for share in distinct.iter().filter_map(|bucket| index(*bucket)) {
            let Some((scam, clean)) = shares.get_mut(share) else { continue };
            if row.scam { *scam += row.weight * balance.scam } else { *clean += row.weight * balance.clean }
        }
    }
    shares.iter().map(|(scam, clean)| ln(scam / clean).abs()).collect()
}

struct Fit {
    weights: Vec<f32>,
    /// The squares of all steps so far: what was often moved moves less.
    moved: Vec<f32>,
    bias: f32,
    bias_moved: f32,
}

impl Fit {
    fn new() -> Self {
        Self { weights: vec![0.0; BUCKETS], moved: vec![1e-6; BUCKETS], bias: 0.0, bias_moved: 1e-6 }
    }

    fn step(&mut self, row: &Row<'_>, weight: f32, uneven: &[f32]) {
        let mut logit = self.bias;
        for at in row.buckets.iter().filter_map(|bucket| index(*bucket)) {
            let (Some(weight), Some(uneven)) = (self.weights.get(at), uneven.get(at)) else { continue };
            logit += weight * uneven * row.scale;
        }
        let error = (sigmoid(logit) - f32::from(u8::from(row.scam))) * weight;
        if error.abs() < LEAST {
            return;
        }
        for at in row.buckets.iter().filter_map(|bucket| index(*bucket)) {
            let (Some(weight), Some(moved)) = (self.weights.get_mut(at), self.moved.get_mut(at)) else { continue };
            let slope = error * row.scale * uneven.get(at).copied().unwrap_or_default() + DECAY * *weight;
            *moved += slope * slope;
            *weight -= RATE * slope / moved.sqrt();
        }
        self.bias_moved += error * error;
        self.bias -= 0.3 * RATE * error / self.bias_moved.sqrt();
    }
}

/// Fisher and Yates, by an xorshift generator.
fn shuffle<T>(items: &mut [T], random: &mut u64) {
    for at in (1..items.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let below = u64::try_from(at + 1).unwrap_or(u64::MAX);
        items.swap(at, usize::try_from(*random % below).unwrap_or_default());
    }
}

/// A byte for each weight.
fn round(weights: &[f32], bias: f32) -> Model {
    let mut sizes: Vec<f32> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let largest = sizes.iter().rev().nth(CLIPPED).copied().unwrap_or_default().max(1e-6);
    let unit = largest / 127.0;
    let weights = weights.iter().map(|weight| byte((weight / unit).round())).collect();
    Model { weights, unit, bias }
}

#[expect(clippy::cast_possible_truncation, reason = "within a byte, and without a fraction")]
fn byte(x: f32) -> i8 {
    x.clamp(-127.0, 127.0) as i8
}

fn index(bucket: u32) -> Option<usize> {
    usize::try_from(bucket).ok()
}
