//! Logistic regression with a ridge, by Newton's method: small enough to fit in milliseconds, and the same on every
//! machine.

use super::signals::{SIGNALS, Signals};

/// Weights of the signals, and the constant behind them.
const TERMS: usize = SIGNALS + 1;
/// The ridge, on signals scaled to a variance of one.
const RIDGE: f64 = 1.0;
const STEPS: usize = 12;
/// A step no longer than this is the last.
const SMALL: f64 = 1e-6;

/// One example.
pub(crate) struct Example {
    pub(crate) signals: Signals,
    pub(crate) right: bool,
    pub(crate) weight: f32,
}

/// The probability that an entry is the right one, from its signals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logistic {
    weights: [f64; TERMS],
}

impl Logistic {
    pub(crate) const fn new(weights: [f64; TERMS]) -> Self {
        Self { weights }
    }

    pub(crate) fn probability(&self, signals: &Signals) -> f32 {
        let [weights @ .., constant] = &self.weights;
        let sum: f64 = weights.iter().zip(signals).map(|(w, x)| w * f64::from(*x)).sum();
        narrow(sigmoid(sum + constant))
    }

    /// The weights that make the examples most likely; none without examples of both kinds.
    pub(crate) fn fit(examples: &[&Example]) -> Option<Self> {
        let both = examples.iter().any(|e| e.right) && examples.iter().any(|e| !e.right);
        both.then(|| {
            let scale = Scale::of(examples);
            let mut weights = [0.0; TERMS];
            for _ in 0..STEPS {
                let step = newton(&weights, &scale, examples);
                weights.iter_mut().zip(step).for_each(|(w, s)| *w += s);
                if step.iter().all(|s| s.abs() < SMALL) {
                    break;
                }
            }
            scale.unscaled(&weights)
        })
    }
}

/// Mean and spread of each signal.
struct Scale {
    mean: [f64; SIGNALS],
    spread: [f64; SIGNALS],
}

impl Scale {
    fn of(examples: &[&Example]) -> Self {
        let mass: f64 = examples.iter().map(|e| f64::from(e.weight)).sum();
        let average = |of: &dyn Fn(usize, f64) -> f64| -> [f64; SIGNALS] {
            let mut sums = [0.0; SIGNALS];
            for example in examples {
                for (i, (sum, x)) in sums.iter_mut().zip(example.signals).enumerate() {
                    *sum += f64::from(example.weight) * of(i, f64::from(x)) / mass;
                }
            }
            sums
        };
        let mean = average(&|_, x| x);
        let variance = average(&|i, x| (x - mean.get(i).copied().unwrap_or_default()).powi(2));
        Self { mean, spread: variance.map(|v| v.sqrt().max(SMALL)) }
    }

    /// The signals made alike, with the 1 of the constant behind them.
    fn scaled(&self, signals: &Signals) -> [f64; TERMS] {
        let mut terms = [1.0; TERMS];
        let scaled = signals.iter().zip(&self.mean).zip(&self.spread);
        terms.iter_mut().zip(scaled).for_each(|(term, ((x, mean), spread))| *term = (f64::from(*x) - mean) / spread);
        terms
    }

    /// Weights for the signals as they come.
    fn unscaled(&self, weights: &[f64; TERMS]) -> Logistic {
        let [slopes @ .., constant] = weights;
        let mut plain = [*constant; TERMS];
        let mut shift = 0.0;
        for ((plain, slope), (mean, spread)) in plain.iter_mut().zip(slopes).zip(self.mean.iter().zip(&self.spread)) {
            *plain = slope / spread;
            shift += slope * mean / spread;
        }
        if let Some(last) = plain.last_mut() {
            *last -= shift;
        }
        Logistic::new(plain)
    }
}

fn newton(weights: &[f64; TERMS], scale: &Scale, examples: &[&Example]) -> [f64; TERMS] {
    let mut gradient = weights.map(|w| -RIDGE * w);
    let mut curvature = [[0.0; TERMS]; TERMS];
    if let Some(last) = gradient.last_mut() {
        *last = 0.0;
    }
    for (i, row) in curvature.iter_mut().enumerate().take(SIGNALS) {
        row.iter_mut().skip(i).take(1).for_each(|diagonal| *diagonal = RIDGE);
    }
    for example in examples {
        let x = scale.scaled(&example.signals);
        let p = sigmoid(weights.iter().zip(&x).map(|(w, x)| w * x).sum());
        let weight = f64::from(example.weight);
        let error = weight * (f64::from(u8::from(example.right)) - p);
        let slope = weight * p * (1.0 - p);
        for ((row, gradient), a) in curvature.iter_mut().zip(&mut gradient).zip(&x) {
            *gradient += error * a;
            row.iter_mut().zip(&x).for_each(|(cell, b)| *cell += slope * a * b);
        }
    }
    solve(&curvature, gradient)
}

/// Gauss without pivoting: the matrix is positive definite.
fn solve(matrix: &[[f64; TERMS]; TERMS], right: [f64; TERMS]) -> [f64; TERMS] {
    let mut rows: Vec<Vec<f64>> = matrix.iter().zip(right).map(|(row, r)| [&row[..], &[r]].concat()).collect();
    for i in 0..TERMS {
        let Some(pivot) = rows.get_mut(i) else { continue };
        let by = pivot.get(i).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
        for cell in pivot.iter_mut() {
            *cell /= by;
        }
        let pivot = pivot.clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row.get(i).copied().unwrap_or_default();
            row.iter_mut().zip(&pivot).for_each(|(cell, p)| *cell -= factor * p);
        }
    }
    let mut solution = [0.0; TERMS];
    solution.iter_mut().zip(&rows).for_each(|(x, row)| *x = row.last().copied().unwrap_or_default());
    solution
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A probability needs no more than this.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
fn narrow(p: f64) -> f32 {
    p as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(score: f32, right: bool) -> Example {
        let mut signals = [0.3; SIGNALS];
        signals[0] = score;
        Example { signals, right, weight: 1.0 }
    }

    #[test]
    fn it_finds_the_border_and_the_certainty() {
        let examples: Vec<Example> = (0..400u16).map(|i| f32::from(i) / 400.0).map(|x| example(x, x > 0.5)).collect();
        let fitted = Logistic::fit(&examples.iter().collect::<Vec<_>>()).unwrap();
        let p = |x| fitted.probability(&example(x, true).signals);
        assert!((p(0.5) - 0.5).abs() < 0.1, "{}", p(0.5));
        assert!(p(0.9) > 0.95 && p(0.1) < 0.05 && p(0.9) > p(0.7));
    }

    #[test]
    fn a_coin_is_a_coin() {
        let examples: Vec<Example> = (0..400u16).map(|i| example(f32::from(i / 4), i % 4 == 0)).collect();
        let fitted = Logistic::fit(&examples.iter().collect::<Vec<_>>()).unwrap();
        assert!((fitted.probability(&example(50.0, true).signals) - 0.25).abs() < 0.02);
    }

    #[test]
    fn examples_of_one_kind_prove_nothing() {
        assert!(Logistic::fit(&[&example(0.1, true), &example(0.2, true)]).is_none());
        assert!(Logistic::fit(&[]).is_none());
    }
}
