//! The limits as properties: over any traffic, within any window, what the platform allows; and live edits less.

use proptest::prelude::*;

use super::*;

const TELEGRAM: RateFacts = RateFacts { per_second: 30, per_group_minute: 20, per_chat_ms: 1_000 };

/// As many requests of one class as may leave at `now_ms`.
fn drain(all: &mut Ceilings, class: Class, now_ms: i64) -> usize {
    (0..1_000).take_while(|_| all.take("g", class, now_ms).is_ok()).count()
}

fn group() -> Ceilings {
    let mut all = Ceilings::new(TELEGRAM);
    all.meet("g", PlaceKind::Group, 0);
    all
}

#[test]
fn a_live_edit_never_takes_what_is_left_for_others() {
    let mut all = group();
    assert_eq!(drain(&mut all, Class::Edit, 0), 3, "three of five");
    assert_eq!(drain(&mut all, Class::Owed, 0), 2, "what is owed takes the rest");
    let mut all = group();
    assert_eq!(drain(&mut all, Class::Owed, 0), 5);
    // As soon as one may leave again it is not a live edit's.
    let next = all.next_ms("g", Class::Owed, 0).unwrap();
    assert!(all.next_ms("g", Class::Edit, next).is_some() && all.next_ms("g", Class::Owed, next).is_none());
    let order = [Class::Owed, Class::First, Class::Edit, Class::Typing];
    let taken: Vec<usize> = order.iter().map(|class| drain(&mut group(), *class, 0)).collect();
    assert_eq!(taken, [5, 4, 3, 2]);
}

#[test]
fn what_goes_into_no_place_takes_of_the_accounts_room_and_leaves_most_of_it() {
    let mut all = group();
    let looked = (0..1_000).take_while(|_| all.take_alone(Class::Look, 0).is_ok()).count();
    assert_eq!((looked, drain(&mut all, Class::Owed, 0)), (12, 5), "two in five of thirty, and none of the group's");
    all.rest(LimitScope::Account, "g", 9_000, 0);
    assert_eq!(all.take_alone(Class::Look, 5_000), Err(9_000));
}

#[test]
fn a_place_that_must_rest_holds_up_no_other() {
    let mut all = group();
    all.rest(LimitScope::Place, "g", 5_000, 0);
    assert_eq!(all.next_ms("g", Class::Owed, 0), Some(5_000));
    assert_eq!(all.next_ms("h", Class::Owed, 0), None);
    all.rest(LimitScope::Account, "g", 9_000, 0);
    assert_eq!(all.next_ms("h", Class::Owed, 0), Some(9_000));
    all.rest(LimitScope::Account, "g", 1_000, 0);
    assert_eq!(all.take("h", Class::Owed, 8_999), Err(9_000), "a shorter rest shortens none");
    assert_eq!(all.take("h", Class::Owed, 9_000), Ok(()));
}

#[test]
fn a_question_is_no_message_and_still_a_request() {
    let mut all = group();
    let asked = (0..1_000).take_while(|_| all.ask("g", 0).is_ok()).count();
    assert_eq!(asked, 30, "the account's, not the group's five");
    assert!(all.take("g", Class::Owed, 0).is_err(), "they count for the account");
    assert_eq!(drain(&mut all, Class::Owed, 1_000), 5, "and not for the group");
    all.rest(LimitScope::Place, "g", 9_000, 2_000);
    assert_eq!(all.ask("g", 5_000), Err(9_000), "what the platform says of a place holds for all");
    assert_eq!(all.ask("h", 5_000), Ok(()));
}

#[test]
fn without_a_ceiling_a_place_has_none() {
    let mut all = Ceilings::new(RateFacts { per_second: 500, per_group_minute: 0, per_chat_ms: 0 });
    all.meet("g", PlaceKind::Group, 0);
    assert_eq!(drain(&mut all, Class::Owed, 0), 500);
}

#[test]
fn a_group_that_counted_as_private_is_known_when_it_is_met() {
    let mut all = Ceilings::new(TELEGRAM);
    all.rest(LimitScope::Place, "g", 50, 0);
    all.meet("g", PlaceKind::Group, 0);
    assert_eq!(all.next_ms("g", Class::Owed, 0), Some(50), "its rest stays");
    drain(&mut all, Class::Owed, 50);
    assert_eq!(all.next_ms("g", Class::Owed, 50), Some(4_050));
}

#[test]
fn idle_places_are_forgotten() {
    let mut all = Ceilings::new(TELEGRAM);
    for n in 0..PLACES {
        all.meet(&n.to_string(), PlaceKind::Private, 0);
    }
    all.enter("5", 0);
    all.rest(LimitScope::Place, "7", 10 * IDLE_MS, 0);
    all.meet("new", PlaceKind::Private, IDLE_MS);
    assert_eq!(all.places.len(), 3, "the one that is new, the one that is busy, the one that rests");
}

#[test]
fn those_who_write_at_once_share() {
    let mut all = group();
    for n in 0..5 {
        all.enter("g", 0);
        assert_eq!(all.crowd("g", 5_000), n + 1);
    }
    assert_eq!(all.crowd("h", 1_000), 1);
    for n in 0..50 {
        all.enter(&n.to_string(), 0);
    }
    assert_eq!(all.crowd("7", 1_000), 4, "55 answers, and room for 18 paints a second");
    (0..5).for_each(|_| all.leave("g", 0));
    assert_eq!(all.crowd("g", 5_000), 1);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let mut all = group();
    drain(&mut all, Class::Owed, 1_000_000_000);
    let next = all.next_ms("g", Class::Owed, 0).unwrap();
    assert!(next <= 4_000, "{next}");
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Owed), Just(Class::First), Just(Class::Edit), Just(Class::Typing)]
}

proptest! {
    /// Within any minute a group sees at most what the platform allows, and at most 60 % of that are live edits.
    #[test]
    fn no_minute_has_too_many(steps in prop::collection::vec((0_i64..4_000, classes()), 1..300)) {
        let (mut all, mut now_ms) = (group(), 0);
        let mut taken: Vec<(i64, Class)> = Vec::new();
        for (wait, class) in steps {
            now_ms += wait;
            if all.take("g", class, now_ms).is_ok() {
                taken.push((now_ms, class));
            }
        }
        for (from, _) in &taken {
            let minute = taken.iter().filter(|(at, _)| (*from..from + 60_000).contains(at));
            let live = minute.clone().filter(|(_, class)| *class == Class::Edit).count();
            let count = minute.count();
            prop_assert!(count <= 20 && live <= 12, "{count}, {live}");
        }
    }

    /// When it says "not before", then it may: nobody is sent away twice for the same thing.
    #[test]
    fn its_word_holds(steps in prop::collection::vec((0_i64..500, classes()), 1..100)) {
        let (mut all, mut now_ms) = (group(), 0);
        for (wait, class) in steps {
            now_ms += wait;
            if let Err(next) = all.take("g", class, now_ms) {
                prop_assert!(next > now_ms);
                prop_assert_eq!(all.next_ms("g", class, next), None);
            }
        }
    }
}
