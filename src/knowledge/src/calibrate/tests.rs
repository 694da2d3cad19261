//! What a base can promise, on bases made to keep it, to break it, and to prove nothing.

use super::*;
use crate::Base;
use crate::eval::Row;

/// Entries of which every question is made by `question` (entry, number).
fn build(entries: usize, questions: usize, evidence: Evidence, question: impl Fn(usize, usize) -> String) -> Base {
    let row = |e: usize| Row {
        id: format!("e{e}"),
        question: question(e, 0),
        variants: (1..questions).map(|v| question(e, v)).collect(),
        not_variants: Vec::new(),
        answer: "Yes.".to_owned(),
        class: Some(if e.is_multiple_of(2) { Class::Safety } else { Class::Routine }),
        lang: None,
    };
    Base::build_with((0..entries).map(|e| (format!("e{e}"), row(e).into())).collect(), evidence).unwrap()
}

fn distinct(e: usize, v: usize) -> String {
    format!("topic{e}x{e} subject{e}y{e} matter{e}z{e} word{v}")
}

fn alike(e: usize, v: usize) -> String {
    format!("the very same question {v} {}", (e + v) % 7)
}

#[test]
fn a_base_of_distinct_entries_keeps_the_promise_and_one_of_like_entries_does_not() {
    let kept = build(20, 10, Evidence::Own, distinct);
    let all = kept.calibration().all;
    assert_eq!((all.promise, all.questions), (Promise::Kept, 200));
    assert!(all.at_least >= TARGET && all.precision > all.at_least && all.coverage > 0.9, "{all:?}");
    assert_eq!(kept.look_up("topic3x3 matter3z3 please").answer.map(|e| e.id.as_str()), Some("e3"));

    let broken = build(20, 10, Evidence::Own, alike);
    assert_eq!(broken.calibration().all.promise, Promise::OutOfReach);
    assert!(broken.look_up("the very same question 3").answer.is_none());
}

/// What somebody wrote down as a question of one entry is answered by it, whatever the base can promise.
#[test]
fn a_question_of_one_entry_word_for_word_is_answered_even_without_a_promise() {
    let own = |e: usize, v: usize| if v == 3 { format!("only entry {e} asks this") } else { alike(e, v) };
    let broken = build(20, 10, Evidence::Own, own);
    assert_eq!(broken.calibration().all.promise, Promise::OutOfReach);
    assert_eq!(broken.look_up("Only entry 7 asks this?").answer.map(|e| e.id.as_str()), Some("e7"));
    assert!(broken.look_up("only entry seven asks").answer.is_none());
}

#[test]
fn of_a_few_entries_nothing_is_said() {
    let few = build(19, 10, Evidence::Own, alike);
    assert_eq!(few.calibration().all.promise, Promise::Unproven);
}

#[test]
fn labelled_questions_take_the_place_of_a_proof_but_make_no_promise() {
    let measured = build(20, 10, Evidence::Labelled, alike);
    assert_eq!(measured.calibration().all.promise, Promise::Unproven);
    // Where there is a proof, it is the proof that counts.
    assert_eq!(build(20, 10, Evidence::Labelled, distinct).calibration().all.promise, Promise::Kept);
}

#[test]
fn too_few_questions_prove_nothing() {
    let few = build(5, 10, Evidence::Own, distinct);
    assert_eq!(few.calibration().all.promise, Promise::Unproven);
    assert!(build(6, 10, Evidence::Own, distinct).calibration().all.questions >= PROVABLE);
    // The border is where it belongs: so many right answers prove it, one fewer does not.
    assert!(wilson_lower(amount(PROVABLE), amount(PROVABLE)) >= TARGET);
    assert!(wilson_lower(amount(PROVABLE - 1), amount(PROVABLE - 1)) < TARGET);
}

#[test]
fn a_class_with_questions_enough_has_a_certainty_of_its_own() {
    // The safety entries (even) are distinct, the routine ones are not.
    let base = build(40, 10, Evidence::Own, |e, v| if e.is_multiple_of(2) { distinct(e, v) } else { alike(e, v) });
    assert_eq!(base.calibration().of(Class::Safety).promise, Promise::Kept);
    assert_eq!(base.calibration().of(Class::Routine).promise, Promise::OutOfReach);
    assert!(base.look_up("topic4x4 matter4z4 subject4y4").answer.is_some());
    assert!(base.look_up("the very same question 3").answer.is_none());
}

#[test]
fn wilsons_lower_bound_is_the_textbook_one() {
    for (right, all, expected) in [(95.0, 100.0, 0.9006), (100.0, 100.0, 0.9737), (0.0, 10.0, 0.0), (0.0, 0.0, 0.0)] {
        let bound = wilson_lower(right, all);
        assert!((bound - expected).abs() < 1e-3, "{right} of {all}: {bound}");
    }
}

/// So many right answers, and near misses of the owners given.
fn tally(right: usize, near_misses: &[usize]) -> Tally {
    let mut tally = Tally::default();
    let judged = |owner, right| Judged {
        p: 0.9,
        right,
        weight: if right { 1.0 } else { 0.25 },
        class: Class::Routine,
        owner,
        known: right,
    };
    for owner in 0..right {
        tally.add(&judged(owner, true));
    }
    for owner in near_misses {
        tally.add(&judged(*owner, false));
    }
    tally
}

#[test]
fn near_misses_of_one_entry_prove_less_than_those_of_many() {
    let (spread, heaped) = (tally(200, &[1, 2, 3, 4, 5, 6, 7, 8]), tally(200, &[1, 1, 1, 1, 1, 1, 1, 1]));
    assert!((spread.wrong - heaped.wrong).abs() < 1e-6 && (spread.right() - 200.0).abs() < 1e-3);
    // Eight quarters, each by itself, vary less than two whole errors; all at once they vary more.
    let whole = wilson_lower(200.0, 202.0);
    assert!(
        spread.at_least() > whole && whole > heaped.at_least(),
        "{} {} {}",
        spread.at_least(),
        whole,
        heaped.at_least()
    );
}
