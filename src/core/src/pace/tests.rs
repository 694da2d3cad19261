//! The cadence as properties: over any stream and any answers of a platform.

use proptest::prelude::*;

use super::*;

const WORDS: &str = "The lantern burns in the evening, ";

/// A paint that succeeds at `now_ms`.
fn done(cadence: &mut Cadence, text: &str, now_ms: i64) {
    cadence.painted(text, Stroke::Done, now_ms);
}

#[test]
fn an_answer_that_is_quick_is_not_painted() {
    let cadence = Cadence::new(1_000, 50);
    assert_eq!(cadence.due_ms(1), 750);
}

#[test]
fn the_first_words_are_some_words() {
    let cadence = Cadence::new(1_000, 0);
    for (text, enough) in [("", false), ("I", false), ("The lantern burns", false), ("Yes.", true), (WORDS, true)] {
        assert_eq!(cadence.wants(text, 0), enough, "{text:?}");
    }
    assert!(!cadence.wants(" \n", 0), "nothing is no sentence");
}

#[test]
fn what_has_hardly_changed_is_not_painted_again() {
    let mut cadence = Cadence::new(1_000, 0);
    done(&mut cadence, WORDS, 700);
    for (more, worth) in [("", false), ("and nobody", false), ("and nobody puts it out at", true), ("a\n", true)] {
        assert_eq!(cadence.wants(&format!("{WORDS}{more}"), 9_000), worth, "{more:?}");
    }
    // A cut may move backwards when the text grows beyond one message.
    assert!(!cadence.wants("The lantern\nburns", 9_000));
}

#[test]
fn a_draft_is_shown_again_before_it_vanishes() {
    let mut cadence = Cadence::new(1_000, 0).of_draft();
    done(&mut cadence, WORDS, 700);
    assert_eq!(cadence.refresh_ms(), Some(20_700));
    assert!(!cadence.wants(WORDS, 20_699) && cadence.wants(WORDS, 20_700));
    let mut edit = Cadence::new(1_000, 0);
    done(&mut edit, WORDS, 700);
    assert_eq!(edit.refresh_ms(), None);
}

#[test]
fn three_strikes_or_a_long_wait_end_it() {
    for retry_after_ms in [10_001, 35_000, u64::MAX] {
        let mut cadence = Cadence::new(1_000, 0);
        cadence.painted(WORDS, Stroke::Throttled { retry_after_ms }, 700);
        assert!(cadence.is_over(), "{retry_after_ms}");
    }
    let mut cadence = Cadence::new(1_000, 0);
    for strike in 1..=3 {
        assert!(!cadence.is_over(), "after {strike}");
        cadence.painted(WORDS, Stroke::Throttled { retry_after_ms: 1_000 }, 700 * strike);
    }
    assert!(cadence.is_over());
}

#[test]
fn a_throttle_slows_and_success_makes_up_for_it() {
    let mut cadence = Cadence::new(1_000, 0);
    done(&mut cadence, "", 1_000);
    cadence.painted(WORDS, Stroke::Throttled { retry_after_ms: 3_000 }, 2_000);
    assert_eq!(cadence.due_ms(1), 5_000);
    done(&mut cadence, WORDS, 5_000);
    assert_eq!(cadence.due_ms(1), 6_800, "twice as slow, and one success");
    for at in 1..20 {
        done(&mut cadence, WORDS, 5_000 + at);
    }
    assert_eq!(cadence.due_ms(1), 6_019, "as quick as at the beginning");
}

/// What a platform may answer.
fn strokes() -> impl Strategy<Value = Stroke> {
    prop_oneof![
        5 => Just(Stroke::Done),
        1 => (0_i64..100_000).prop_map(|next_ms| Stroke::NotYet { next_ms }),
        1 => (0_u64..9_000).prop_map(|retry_after_ms| Stroke::Throttled { retry_after_ms }),
        1 => Just(Stroke::Missed),
    ]
}

proptest! {
    /// However the words come and whatever the platform answers: two paints are never nearer than the base, none comes
    /// before it was allowed to, and none shows what stands there already.
    #[test]
    fn paints_keep_their_distance(
        base_ms in 1_u32..12_000,
        crowd in 1_i64..50,
        answers in prop::collection::vec((strokes(), 0_usize..80, 0_i64..400), 1..60),
    ) {
        let mut cadence = Cadence::new(base_ms, 0);
        let (mut now_ms, mut text, mut last) = (0, String::new(), None);
        let mut not_before = 0;
        for (stroke, more, took_ms) in answers {
            text.push_str(&"a".repeat(more));
            now_ms = cadence.due_ms(crowd).max(now_ms);
            if cadence.is_over() {
                break;
            }
            prop_assert!(now_ms >= FIRST_MS && now_ms >= not_before);
            if !cadence.wants(&text, now_ms) {
                now_ms += 1;
                continue;
            }
            if let Some((at, shown)) = &last {
                let distance = i64::from(base_ms).saturating_mul(crowd).min(LONGEST_MS);
                prop_assert!(now_ms - at >= distance, "{} after {at}", now_ms);
                prop_assert!(shown != &text);
            }
            now_ms += took_ms;
            cadence.painted(&text, stroke, now_ms);
            match stroke {
                Stroke::Done => last = Some((now_ms, text.clone())),
                Stroke::Throttled { retry_after_ms } => not_before = now_ms + i64::try_from(retry_after_ms).unwrap(),
                _ => {}
            }
        }
    }

    /// A platform that answers is painted to the end: what is left out at last is less than a growth.
    #[test]
    fn what_is_shown_keeps_up(pieces in prop::collection::vec(0_usize..60, 1..60)) {
        let mut cadence = Cadence::new(1_000, 0);
        let mut text = String::new();
        let mut now_ms = 0;
        for piece in pieces {
            text.push_str(&"a".repeat(piece));
            now_ms = cadence.due_ms(1).max(now_ms);
            if cadence.wants(&text, now_ms) {
                done(&mut cadence, &text, now_ms);
            }
            let shown = cadence.shown.as_ref().map_or(0, String::len);
            prop_assert!(text.len() < shown + GROWTH.max(FIRST));
        }
    }
}
