//! Chooses the threshold from the base itself, without labelled questions.
//!
//! Each variant is held out once. Scored with its entry present it is a question we can answer; scored with its entry
//! left out it is a near miss, the hardest kind of question we cannot.

use crate::features::Features;
use crate::index::{Index, confidence};
use crate::material::Material;

/// Of what is answered, this share must be right.
const TARGET: f32 = 0.95;
/// The assumed share of questions that the base does not hold.
const UNANSWERABLE: f32 = 0.2;
/// Never below: small talk of known words ("how are you") comes close to this.
const FLOOR: f32 = 0.18;
/// Never above: a base too small or too alike to prove the target answers from here, and offers what is near it. On 160
/// questions that somebody wrote without knowing the sample base, 66 were answered at this confidence, all of them
/// rightly; of 80 that no entry answers, one was.
const CEILING: f32 = 0.20;
const FOLDS: usize = 5;
/// Two-sided 95 %.
const Z: f32 = 1.96;

/// One held-out question: how sure look-up is, and whether its best entry is the right one.
struct Sample {
    confidence: f32,
    right: bool,
    weight: f32,
}

/// The lowest confidence at which the Wilson lower bound of the precision reaches the target, kept between
/// [`FLOOR`] and [`CEILING`].
pub(crate) fn threshold(material: &[Material]) -> f32 {
    let mut samples = samples(material);
    samples.sort_unstable_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut right, mut all) = (0.0, 0.0);
    let mut found = None;
    for sample in &samples {
        all += sample.weight;
        right += if sample.right { sample.weight } else { 0.0 };
        if wilson_lower(right, all) >= TARGET {
            found = Some(sample.confidence);
        }
    }
    found.unwrap_or(CEILING).clamp(FLOOR, CEILING)
}

fn samples(material: &[Material]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for fold in 0..FOLDS {
        let docs: Vec<Features> = material.iter().map(|m| m.document(|i| i % FOLDS != fold)).collect();
        let index = Index::build(&docs);
        for (owner, of) in material.iter().enumerate() {
            for question in of.questions.iter().skip(fold).step_by(FOLDS) {
                samples.extend(sample(&index.scores(question), owner));
            }
        }
    }
    samples
}

/// The question as one we can answer, and as one we cannot.
fn sample(scores: &[f32], owner: usize) -> [Sample; 2] {
    let others = || scores.iter().enumerate().filter(|(i, _)| *i != owner).map(|(_, score)| *score);
    let own = scores.get(owner).copied().unwrap_or_default();
    let right = own > others().fold(0.0, f32::max);
    [
        Sample { confidence: confidence(scores.iter().copied()), right, weight: 1.0 },
        Sample { confidence: confidence(others()), right: false, weight: UNANSWERABLE / (1.0 - UNANSWERABLE) },
    ]
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
mod tests {
    use super::*;
    use crate::parse;

    fn base(entries: usize, question: impl Fn(usize, usize) -> String) -> Vec<Material> {
        let entry = |e: usize| {
            let variants: String = (0..9).map(|v| question(e, v)).collect();
            let text = format!(
                "---\nid: e{e}\ntitle: t\nclass: routine\nowner: o\nreviewed_by: r\nreviewed_at: 2026-11-01\n\
                 review_by: 2027-01-01\nstatus: published\ncanonical_url: https://example.org\nvariants:\n{variants}---\nYes.\n"
            );
            Material::of(&parse("e.md", &text).unwrap())
        };
        (0..entries).map(entry).collect()
    }

    #[test]
    fn a_base_that_proves_itself_answers_sooner_than_one_whose_entries_are_alike() {
        let distinct = base(20, |e, v| format!("  - topic{e}x{e} subject{e}y{e} matter{e}z{e} word{v}\n"));
        let alike = base(20, |e, v| format!("  - the very same question {} {}\n", v % 3, (e + v) % 7));
        assert!(threshold(&distinct) < CEILING);
        assert!(threshold(&distinct) >= FLOOR);
        assert!((threshold(&alike) - CEILING).abs() < f32::EPSILON);
    }

    #[test]
    fn wilsons_lower_bound_is_the_textbook_one() {
        for (right, all, expected) in [(95.0, 100.0, 0.8882), (100.0, 100.0, 0.9630), (0.0, 10.0, 0.0), (0.0, 0.0, 0.0)]
        {
            let bound = wilson_lower(right, all);
            assert!((bound - expected).abs() < 1e-3, "{right} of {all}: {bound}");
        }
    }
}
