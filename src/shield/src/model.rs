//! The text model: how much a text reads like a scam. Linear over hashed features, a byte each; what it costs is the
//! reading.

pub(crate) mod features;
mod file;
pub mod train;

use crate::fold::Folded;
pub use file::ModelError;

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// One for each bucket.
    weights: Box<[i8]>,
    /// What a weight of 1 is worth.
    unit: f32,
    bias: f32,
}

impl Model {
    /// The one that comes with Townkeeper.
    pub fn shipped() -> Result<Self, ModelError> {
        Self::read(include_bytes!("../model/text.bin"))
    }

    /// How much the text speaks for a scam, in log-odds of the training data. From 0 on the text alone is enough to flag
    /// it, at the false-positive rate that the model was trained for.
    pub fn logit(&self, folded: &Folded) -> f32 {
        let mut sum = Sum::default();
        features::each(folded, |bucket| sum.add(self, bucket));
        sum.logit(self)
    }

    /// The same for buckets that are known already.
    fn over(&self, buckets: impl Iterator<Item = usize>) -> f32 {
        let mut sum = Sum::default();
        buckets.for_each(|bucket| sum.add(self, bucket));
        sum.logit(self)
    }
}

/// Weights added up, as whole numbers: in any order the same.
#[derive(Default)]
struct Sum {
    weights: i32,
    count: u16,
}

impl Sum {
    fn add(&mut self, model: &Model, bucket: usize) {
        self.weights = self.weights.saturating_add(model.weights.get(bucket).copied().map_or(0, i32::from));
        self.count = self.count.saturating_add(1);
    }

    #[expect(clippy::cast_precision_loss, reason = "65,535 bytes stay within what single precision holds exactly")]
    fn logit(&self, model: &Model) -> f32 {
        model.bias + model.unit * self.weights as f32 / f32::from(self.count.max(1)).sqrt()
    }
}

#[cfg(test)]
mod disguises;
#[cfg(test)]
mod tests;
