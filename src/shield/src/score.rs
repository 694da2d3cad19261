//! Weights and their sum: every signal adds bounded log-odds to a prior, and the sum is read as a probability.

use std::collections::BTreeMap;

use crate::verdict::Signal;

/// Counts up with every change of the table below: a verdict says by which it was reached.
pub const VERSION: u32 = 3;

/// Log-odds of a scam before anything is known.
pub const PRIOR: f32 = -4.0;

/// No single reason weighs more.
pub const BOUND: f32 = 8.0;

/// What the text model may add or take away; it never holds or deletes.
pub const TEXT: (f32, f32) = (-1.0, 5.0);

/// What its logit of 0 is worth: there the text alone is enough to flag a message.
pub const ALONE: f32 = -PRIOR;

/// Below that it is worth so many times less: nearly a scam by its words, and a link to somewhere, is what honest
/// promotion looks like.
pub const STEEP: f32 = 4.0;

/// What the text model's logit is worth.
pub fn of_text(logit: f32) -> f32 {
    let (least, most) = TEXT;
    let worth = if logit < 0.0 { STEEP * logit } else { logit };
    if logit.is_nan() { 0.0 } else { (ALONE + worth).clamp(least, most) }
}

/// What one signal from watching behaviour may add.
pub const BEHAVIOUR: f32 = 4.0;

/// What kind of reason a signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// L0: on a list.
    Listed,
    /// L1: against our facts.
    Fact,
    /// L2: a name.
    Identity,
    /// L3: what the text wants.
    Intent,
    /// L4: what the author does.
    Behaviour,
    /// L5: the text model.
    Text,
}

/// Every signal of the pure layers: its layer, and its weight in log-odds.
pub const TABLE: &[(&str, Layer, f32)] = &[
    ("denied_host", Layer::Listed, 8.0),
    ("denied_address", Layer::Listed, 8.0),
    ("denied_invite", Layer::Listed, 8.0),
    ("known_scam", Layer::Listed, 8.0),
    ("brand_host", Layer::Fact, 6.0),
    ("address_twin", Layer::Fact, 6.5),
    ("foreign_contract", Layer::Fact, 4.5),
    ("foreign_address", Layer::Fact, 2.5),
    ("official_host", Layer::Fact, 3.5),
    ("brand_handle", Layer::Fact, 4.5),
    ("unknown_link", Layer::Fact, 1.0),
    ("invite", Layer::Fact, 1.0),
    // A name changes hands: enough to be shown, never enough to be taken down for.
    ("denied_handle", Layer::Identity, 4.6),
    ("staff_name", Layer::Identity, 5.0),
    ("brand_name", Layer::Identity, 4.5),
    ("office_name", Layer::Identity, 4.2),
    ("office_word", Layer::Identity, 1.5),
    ("secret_request", Layer::Intent, 6.0),
    ("wallet_validation", Layer::Intent, 5.1),
    ("claim_lure", Layer::Intent, 4.6),
    ("migration_lure", Layer::Intent, 5.1),
    ("approval_request", Layer::Intent, 5.1),
    ("dm_redirect", Layer::Intent, 5.1),
    ("ticket_lure", Layer::Intent, 5.1),
    ("posing", Layer::Intent, 5.1),
    ("doubling", Layer::Intent, 5.1),
    ("recovery", Layer::Intent, 4.9),
    ("investment", Layer::Intent, 4.6),
    ("job_offer", Layer::Intent, 5.1),
    ("fake_verification", Layer::Intent, 5.4),
    ("free_hardware", Layer::Intent, 5.1),
    ("fake_token", Layer::Intent, 5.1),
    ("prize_lure", Layer::Intent, 5.1),
    ("gift_lure", Layer::Intent, 5.1),
    ("accusation", Layer::Intent, 5.1),
    ("favour", Layer::Intent, 5.1),
    ("adult_bait", Layer::Intent, 5.1),
    ("account_alarm", Layer::Intent, 5.1),
    ("code_request", Layer::Intent, 5.1),
    ("black_market", Layer::Intent, 5.1),
    ("pattern", Layer::Intent, 5.5),
    ("tricked_letters", Layer::Intent, 1.5),
    ("edited_in_link", Layer::Behaviour, 2.0),
    ("quick_help", Layer::Behaviour, 2.6),
    ("text", Layer::Text, 0.0),
];

/// The layer of a signal; what is not in the table comes from watching behaviour.
pub fn layer(id: &str) -> Layer {
    TABLE.iter().find(|(known, ..)| *known == id).map_or(Layer::Behaviour, |(_, layer, _)| *layer)
}

/// The table, with what a deployment changed in it: who reads the source knows the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    changed: BTreeMap<&'static str, f32>,
}

impl Weights {
    /// The weight of a signal; 0 if there is none of that name.
    pub fn of(&self, id: &str) -> f32 {
        let given = || TABLE.iter().find(|(known, ..)| *known == id).map(|(_, _, weight)| *weight);
        self.changed.get(id).copied().or_else(given).unwrap_or_default()
    }

    /// With another weight for a signal, within the bound; `None` if there is no such signal, or the weight is no number.
    pub fn with(mut self, id: &str, weight: f32) -> Option<Self> {
        let (id, ..) = TABLE.iter().find(|(known, ..)| *known == id).filter(|_| weight.is_finite())?;
        self.changed.insert(id, weight.clamp(-BOUND, BOUND));
        Some(self)
    }
}

/// The probability that signals add up to.
pub fn probability<'s>(signals: impl IntoIterator<Item = &'s Signal>) -> f32 {
    let sum: f32 = signals.into_iter().map(|signal| bounded(signal.weight)).sum();
    1.0 / (1.0 + (-(PRIOR + sum)).exp())
}

/// Within the bound; what is no number weighs nothing.
pub fn bounded(weight: f32) -> f32 {
    if weight.is_nan() { 0.0 } else { weight.clamp(-BOUND, BOUND) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Evidence;

    fn signal(id: &'static str, weight: f32) -> Signal {
        Signal { id, weight, source: "rules".into(), evidence: Evidence::default(), why: String::new() }
    }

    #[test]
    fn no_reason_weighs_more_than_the_bound_and_nonsense_weighs_nothing() {
        assert!(TABLE.iter().all(|(_, _, weight)| weight.abs() <= BOUND));
        assert!((probability(&[signal("x", 1e9)]) - probability(&[signal("x", BOUND)])).abs() < f32::EPSILON);
        assert!((probability(&[signal("x", f32::NAN)]) - probability(&[])).abs() < f32::EPSILON);
        assert!(probability(&[]) < 0.02);
    }

    #[test]
    fn a_deployment_changes_what_exists_and_nothing_else() {
        let weights = Weights::default().with("invite", 99.0).unwrap();
        assert!((weights.of("invite") - BOUND).abs() < f32::EPSILON);
        assert!(
            Weights::default().with("nothing", 1.0).is_none() && Weights::default().with("invite", f32::NAN).is_none()
        );
    }
}
