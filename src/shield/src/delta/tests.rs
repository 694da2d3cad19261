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
    assert_eq!(delta.check(&model, &clean), Err(Refused { clean: 3, more: 1 }));
    assert!(delta.unlearn("poisoned"));
    assert_eq!(delta.check(&model, &clean), Ok(()));
}

fn taught(id: usize, text: &str, scam: bool) -> Taught {
    Taught { id: id.to_string(), text: Folded::new(text), scam }
}

/// Lessons that harm nobody, and among them, at this place, one that does.
fn lessons(poisoned: Option<usize>) -> Vec<Taught> {
    let fine = |n: usize| taught(n, &format!("send {n} coins to the lamp number {n} and get {n} back today"), true);
    (0..9).map(|n| if poisoned == Some(n) { taught(n, SCAM, true) } else { fine(n) }).collect()
}

#[test]
fn a_lesson_that_flags_honest_talk_is_left_out_wherever_it_stands_and_the_others_stay() {
    let (model, clean) = (model(), [TALK, NEAR].map(Folded::new));
    let (all, left_out) = Delta::of(&model, &lessons(None), &clean);
    assert_eq!((all.len(), left_out.len()), (9, 0));
    for poisoned in [0, 4, 8] {
        let (delta, left_out) = Delta::of(&model, &lessons(Some(poisoned)), &clean);
        assert_eq!((delta.check(&model, &clean), left_out), (Ok(()), vec![poisoned.to_string()]));
        let mut never = lessons(Some(poisoned));
        never.remove(poisoned);
        assert_eq!(delta, Delta::of(&model, &never, &clean).0, "as if it had never been taught, to the bit");
        // The red twin: where nothing is known to be clean, it is learnt and flags.
        let (red, left_out) = Delta::of(&model, &lessons(Some(poisoned)), &[]);
        assert!(left_out.is_empty() && red.check(&model, &clean).is_err());
    }
}

#[test]
fn what_is_spared_in_turn_makes_up_for_nothing() {
    let model = model();
    let flagged = "Send 1 SOL and get 2 SOL back instantly, doubling is live, claim your airdrop bonus now";
    let clean = [NEAR, flagged].map(Folded::new);
    assert!(model.logit(&clean[1]) >= 0.0, "the model is wrong about it: {}", model.logit(&clean[1]));
    let (delta, left_out) = Delta::of(&model, &[taught(0, flagged, false), taught(1, SCAM, true)], &clean);
    assert!(delta.logit(&model, &clean[1]) < model.logit(&clean[1]));
    assert_eq!(left_out, ["1"]);
}

#[test]
fn all_at_once_is_as_one_after_another() {
    let model = model();
    let (at_once, _) = Delta::of(&model, &lessons(Some(3)), &[]);
    let mut one_by_one = Delta::default();
    for Taught { id, text, scam } in lessons(Some(3)) {
        one_by_one.learn(&model, &text, scam, &id).unwrap();
    }
    assert_eq!(at_once, one_by_one);
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
