//! The file, the shipped weights, and training.

use super::train::{Aim, Example, train};
use super::*;

#[test]
fn the_shipped_model_opens_and_knows_a_scam_from_a_question() {
    let model = Model::shipped().unwrap();
    let logit = |text| model.logit(&Folded::new(text));
    let scam = "You won 0.4 BTC in our giveaway! Register on the exchange, activate the promo code and withdraw now";
    assert!(logit(scam) >= 0.0);
    assert!(logit("how do I move the tokens that sit on my ledger?") < 0.0);
    assert!(logit("") < 0.0);
}

#[test]
fn a_file_comes_back_as_it_was_and_is_refused_by_name_if_it_is_not() {
    let model = Model::shipped().unwrap();
    let bytes = model.write();
    assert_eq!(Model::read(&bytes), Ok(model));
    assert_eq!(Model::read(b"<html>"), Err(ModelError::Magic));
    assert_eq!(Model::read(&bytes[..bytes.len() - 1]), Err(ModelError::Length));
    assert_eq!(Model::read(&bytes[..10]), Err(ModelError::Length));
    assert_eq!(Model::read(&[&bytes[..], b"x"].concat()), Err(ModelError::Length));
    let with = |at: usize, byte: u8| {
        let mut broken = bytes.clone();
        broken[at] ^= byte;
        Model::read(&broken)
    };
    assert_eq!(with(8, 2), Err(ModelError::Version(3)));
    assert_eq!(with(5_000, 1), Err(ModelError::Checksum));
    assert_eq!(with(bytes.len() - 1, 1), Err(ModelError::Checksum));
}

fn corpus() -> Vec<(String, bool)> {
    let scams = ["claim your free prize", "send coins and get double", "validate the wallet", "earn money from home"];
    let talk = ["how do I build it", "thanks, works for me", "the release is out", "who reviews this change"];
    let both = scams.map(|text| (text, true)).into_iter().chain(talk.map(|text| (text, false)));
    both.flat_map(|(text, scam)| (0..12).map(move |n| (format!("{n} so {text} friend {n}{n}"), scam))).collect()
}

fn examples(corpus: &[(String, bool)]) -> Vec<Example<'_>> {
    corpus.iter().map(|(text, scam)| Example { text, scam: *scam, source: "test", weight: 1.0 }).collect()
}

#[test]
fn training_is_the_same_every_time_and_its_figures_are_of_what_was_held_out() {
    let corpus = corpus();
    let aim = Aim { false_positives: 0.1, source: None };
    let mut heard = Vec::new();
    let one = train(&examples(&corpus), &aim, |done, of| heard.push((done, of))).unwrap();
    let two = train(&examples(&corpus), &aim, |_, _| ()).unwrap();
    assert_eq!(one.model.write(), two.model.write());
    assert_eq!(heard.first().zip(heard.last()), Some((&(0, 6), &(6, 6))));
    let figures = one.measured.sources["test"];
    assert!(figures.recall > 0.9 && figures.fpr <= 0.1, "{figures:?}");
    assert!(one.model.logit(&Folded::new("claim the free prize")) > one.model.logit(&Folded::new("how do I build")));
    // These bytes are the same on every machine; they change with the features, and then VERSION rises.
    let sum = one.model.write().iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    assert_eq!(format!("{sum:x}"), "e98626a1c1e9252c");
    let clean: Vec<_> = corpus.into_iter().filter(|(_, scam)| !scam).collect();
    assert!(train(&examples(&clean), &aim, |_, _| ()).is_none());
}

#[test]
fn a_domain_is_not_learnt_by_heart() {
    let buckets = |text: &str| {
        let mut buckets = Vec::new();
        features::each(&Folded::new(text), |bucket| buckets.push(bucket));
        buckets
    };
    let (one, other) =
        (buckets("see https://alpha-one.example.org/a"), buckets("see https://gamma-two.example.org/b/c"));
    let shared = one.iter().filter(|bucket| other.contains(bucket)).count();
    assert!(shared * 3 > one.len() * 2, "{shared} of {}", one.len());
    assert_eq!(
        buckets("to 0x52908400098527886e0f7030069857d2e4169ee7"),
        buckets("to 0x8617e340b3d01fa5f11f306f4090fd50e238070d")
    );
}
