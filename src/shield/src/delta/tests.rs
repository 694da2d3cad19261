//! Learning and unlearning.

use proptest::prelude::*;

use super::*;

fn model() -> Model {
    Model::shipped().unwrap()
}

const SCAM: &str = "the lantern festival pays every visitor, ask the lamplighter at the gate for your share";
const NEAR: &str = "The lantern festival pays every visitor!! Ask the lamplighter at the gate for your share now";
const TALK: &str = "does anyone know when the festival starts and where the gate is?";

#[test]
fn a_lesson_is_learnt_and_so_are_its_near_copies_but_not_other_talk() {
    let (model, mut delta) = (model(), Delta::default());
    let near = Folded::new(NEAR);
    let talk = Folded::new(TALK);
    let before = delta.logit(&model, &talk);
    assert!(delta.logit(&model, &near) < 0.0, "red: without the lesson it passes");
    delta.learn(&model, &Folded::new(SCAM), true, "case-1").unwrap();
    assert!(delta.logit(&model, &near) >= 0.0);
    assert!((delta.logit(&model, &talk) - before).abs() < 1.5, "{}", delta.logit(&model, &talk));
    assert!(delta.logit(&model, &talk) < 0.0);
}

#[test]
fn the_same_case_teaches_once_and_there_is_an_end_to_it() {
    let (model, mut delta) = (model(), Delta::default());
    delta.learn(&model, &Folded::new(SCAM), true, "a").unwrap();
    assert_eq!(delta.learn(&model, &Folded::new(SCAM), false, "a"), Err(DeltaError::Known("a".into())));
    delta.lessons = (0..LESSONS).map(|n| Lesson { id: n.to_string(), ..delta.lessons[0].clone() }).collect();
    assert_eq!(delta.learn(&model, &Folded::new(SCAM), true, "a"), Err(DeltaError::Full));
    assert_eq!(delta.oldest(), Some("0"));
    assert!(!delta.unlearn("a") && delta.unlearn("0") && delta.len() == LESSONS - 1);
}

#[test]
fn whatever_is_taught_moves_a_text_only_so_far() {
    let (model, mut delta) = (model(), Delta::default());
    for n in 0..50 {
        delta.learn(&model, &Folded::new(&format!("{TALK} {n}")), true, &n.to_string()).unwrap();
    }
    let talk = Folded::new(TALK);
    assert!((delta.logit(&model, &talk) - model.logit(&talk)).abs() <= MOST);
}

#[test]
fn a_delta_that_flags_honest_talk_is_refused() {
    let (model, mut delta) = (model(), Delta::default());
    let clean = [TALK, NEAR, "it works now"].map(Folded::new);
    delta.learn(&model, &Folded::new("send one coin and get two coins back today"), true, "fine").unwrap();
    assert_eq!(delta.check(&model, &clean), Ok(()));
    delta.learn(&model, &Folded::new(SCAM), true, "poisoned").unwrap();
    assert_eq!(delta.check(&model, &clean), Err(Refused { clean: 3, before: 0, after: 1 }));
    assert!(delta.unlearn("poisoned"));
    assert_eq!(delta.check(&model, &clean), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_unlearnt_was_never_there(steps in prop::collection::vec(("[a-f ]{4,40}", any::<bool>(), 0..12_u8), 0..14), gone in 0..12_u8) {
        let model = model();
        let (mut with, mut without) = (Delta::default(), Delta::default());
        for (text, scam, id) in &steps {
            let folded = Folded::new(text);
            // Every third step takes something back, on both sides alike.
            let _known = with.learn(&model, &folded, *scam, &id.to_string());
            if *id != gone {
                let _known = without.learn(&model, &folded, *scam, &id.to_string());
            }
            if id % 3 == 0 {
                let other = (id + 1).to_string();
                with.unlearn(&other);
                without.unlearn(&other);
            }
        }
        with.unlearn(&gone.to_string());
        without.unlearn(&gone.to_string());
        prop_assert_eq!(with, without);
    }
}
