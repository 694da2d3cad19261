//! What people do: each pattern of a scam beside what honest people do that looks like it.

use townkeeper_shield::behaviour::{Crowd, Fingerprint, Seen, Tide, crowd, key};
use townkeeper_shield::{Folded, Signal, Tier};

const NOW: i64 = 1_700_000_000_000;
const LURE: &str = "Holders must validate their wallet at https://claim.example.org within 24 hours, or all is lost";

fn print(text: &str) -> Option<Fingerprint> {
    Fingerprint::of(&Folded::new(text))
}

fn says(person: u64, text: &str, at_ms: i64) -> Seen {
    let message = key(&format!("{person} {at_ms} {text}"));
    Seen {
        at_ms: NOW + at_ms,
        person,
        place: 1,
        message,
        text: print(text),
        has_link: text.contains("://"),
        ..Seen::default()
    }
}

fn ids(signals: &[Signal]) -> Vec<&'static str> {
    assert!(
        signals.iter().all(|signal| signal.weight > 0.0 && signal.weight <= crowd::MOST && signal.why.ends_with('.'))
    );
    signals.iter().map(|signal| signal.id).collect()
}

#[test]
fn the_same_in_three_channels_is_a_burst_on_whatever_platform() {
    let mut crowd = Crowd::default();
    let in_place = |place, account, at_ms| Seen { place, account, ..says(1, LURE, at_ms) };
    assert_eq!(ids(&crowd.observe(&in_place(1, 1, 0))), [""; 0]);
    assert_eq!(ids(&crowd.observe(&in_place(2, 1, 5_000))), [""; 0]);
    // Twice in one place is one place.
    assert_eq!(ids(&crowd.observe(&in_place(2, 1, 6_000))), [""; 0]);
    assert_eq!(
        ids(&crowd.observe(&in_place(1, 2, 9_000))),
        ["burst"],
        "the other platform numbers its places as it likes"
    );
    assert_eq!(ids(&crowd.observe(&in_place(3, 1, 300_000))), ["slow_burst"]);
    assert_eq!(ids(&crowd.observe(&in_place(4, 1, 2_000_000))), [""; 0]);
}

#[test]
fn a_burst_shows_through_other_hosts_and_words() {
    let mut crowd = Crowd::default();
    let texts = [LURE.to_owned(), LURE.replace("claim.example.org", "x7.example.net"), format!("{LURE} 🔥🔥 kqzv")];
    let last = texts.iter().zip(0..).map(|(text, at)| crowd.observe(&Seen { place: at, ..says(1, text, 100) })).last();
    assert_eq!(ids(&last.unwrap_or_default()), ["burst"]);
    // Three questions of a member, each where it belongs, are none.
    let questions = [
        "how do I run the validator on two machines",
        "where is the bridge documented for us",
        "who translates the handbook into Spanish",
    ];
    for (text, at) in questions.iter().zip(0..) {
        assert_eq!(ids(&crowd.observe(&Seen { place: at, ..says(2, text, 100) })), [""; 0]);
    }
}

#[test]
fn greetings_everywhere_are_no_burst_and_pictures_of_new_members_are() {
    let mut crowd = Crowd::default();
    let all = |crowd: &mut Crowd, seen: Seen| {
        (0..6).flat_map(|place| ids(&crowd.observe(&Seen { place, message: place, ..seen }))).collect::<Vec<_>>()
    };
    assert_eq!(all(&mut crowd, says(1, "gm", 0)), [""; 0]);
    assert_eq!(all(&mut crowd, Seen { has_media: true, ..says(2, "", 0) }), ["burst"; 4]);
    assert_eq!(all(&mut crowd, Seen { has_media: true, tier: Tier::Trusted, ..says(3, "", 0) }), [""; 0]);
    assert_eq!(all(&mut crowd, Seen { tier: Tier::Staff, ..says(4, LURE, 0) }), [""; 0], "staff announce everywhere");
    assert_eq!(all(&mut crowd, Seen { tier: Tier::Trusted, ..says(5, LURE, 0) }).len(), 4, "a stolen account does not");
}

#[test]
fn an_edit_is_the_same_post() {
    let mut crowd = Crowd::default();
    let post = says(1, "the quick brown fox jumps over the lazy dog", 0);
    crowd.observe(&post);
    let edited = Seen { text: print(LURE), has_link: true, ..post };
    assert_eq!(ids(&crowd.observe(&edited)), [""; 0]);
    // What it says now stands in one place, and in two more with these.
    assert_eq!(ids(&crowd.observe(&Seen { place: 2, message: 2, ..edited })), [""; 0]);
    assert_eq!(ids(&crowd.observe(&Seen { place: 3, message: 3, ..edited })), ["burst"]);
}

#[test]
fn who_repeats_others_again_and_again_is_seen() {
    let mut crowd = Crowd::default();
    let lines: Vec<String> = ["alpha", "bravo", "charlie", "delta"]
        .iter()
        .map(|word| format!("I think the {word} proposal is rather well written"))
        .collect();
    for (line, at) in lines.iter().zip(0..) {
        assert_eq!(ids(&crowd.observe(&says(10 + at, line, 0))), [""; 0]);
    }
    assert!(crowd.is_copy(1, print(&lines[0]), NOW) && !crowd.is_copy(10, print(&lines[0]), NOW));
    let told: Vec<usize> = lines.iter().map(|line| crowd.observe(&says(1, line, 60_000)).len()).collect();
    assert_eq!(told, [0, 1, 1, 1], "once is chance");
    // One's own words again are no copy; neither are others' after a day.
    assert_eq!(ids(&crowd.observe(&says(10, &lines[0], 90_000))), [""; 0]);
    assert!(!crowd.is_copy(1, print(&lines[0]), NOW + 25 * 3_600_000));
}

#[test]
fn one_lure_of_several_new_accounts_is_seen_and_of_members_is_not() {
    let mut crowd = Crowd::default();
    let copy = |at: u64| LURE.replace("claim", &format!("claim{at}"));
    let weights: Vec<f32> = (0..4)
        .map(|at| {
            let signals = crowd.observe(&says(at, &copy(at), 1_000));
            signals.iter().filter(|signal| signal.id == "same_lure").map(|signal| signal.weight).sum()
        })
        .collect();
    assert_eq!(weights, [0.0, 1.0, 2.5, 2.5]);
    let of_member = crowd.observe(&Seen { tier: Tier::Member, ..says(9, LURE, 2_000) });
    assert!(!ids(&of_member).contains(&"same_lure"), "who warns with it is not one of them");
    assert!(!ids(&crowd.observe(&says(8, LURE, 3_700_000))).contains(&"same_lure"), "an hour later it begins anew");
}

#[test]
fn first_messages_and_mentions() {
    let mut crowd = Crowd::default();
    let first = Seen { is_first: true, ..says(1, "hello", 0) };
    assert_eq!(ids(&crowd.observe(&first)), [""; 0]);
    assert_eq!(ids(&crowd.observe(&Seen { has_link: true, ..first })), ["first_link"]);
    assert_eq!(ids(&crowd.observe(&Seen { has_media: true, ..first })), ["first_media"]);
    assert_eq!(ids(&crowd.observe(&Seen { has_media: true, tier: Tier::Member, ..first })), [""; 0]);
    assert_eq!(ids(&crowd.observe(&Seen { mentions: 8, ..says(2, "hello", 0) })), ["mention_flood"]);
    let told = (0..10).map(|at| crowd.observe(&Seen { mentions: 3, ..says(3, "hello", at * 1_000) }).len());
    assert_eq!(told.collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(ids(&crowd.observe(&Seen { mentions: 3, ..says(3, "hello", 700_000) })), [""; 0]);
}

#[test]
fn who_came_with_a_wave_is_marked_and_who_came_before_is_not() {
    const SQUARE: u64 = 1;
    const YARD: u64 = 2;
    let mut crowd = Crowd::default();
    crowd.observe_join(SQUARE, 7, NOW - 3_600_000);
    let tides: Vec<Tide> = (0..50)
        .filter_map(|at| crowd.observe_join(SQUARE, 100 + u64::try_from(at).unwrap_or_default(), NOW + at * 500))
        .collect();
    assert!(matches!(tides.as_slice(), [Tide::Begins { .. }]), "{tides:?}");
    // Who joined elsewhere meanwhile came with nobody.
    crowd.observe_join(YARD, 8, NOW + 10_000);
    assert_eq!(ids(&crowd.observe(&says(100, "hello", 60_000))), ["join_wave"], "the first of it too");
    assert_eq!(ids(&crowd.observe(&says(149, "hello", 60_000))), ["join_wave"]);
    assert_eq!(ids(&crowd.observe(&says(7, "hello", 60_000))), [""; 0]);
    assert_eq!(ids(&crowd.observe(&says(8, "hello", 60_000))), [""; 0]);
    assert!(crowd.wave_of(SQUARE).is_some_and(|wave| wave.joined == 50) && crowd.wave_of(YARD).is_none());
    assert!(matches!(crowd.pass(NOW + 900_000).as_slice(), [(SQUARE, Tide::Ends { joined: 50, .. })]));
    crowd.observe_join(SQUARE, 200, NOW + 910_000);
    assert_eq!(ids(&crowd.observe(&says(200, "hello", 920_000))), [""; 0]);
}

#[test]
fn memory_is_bounded_and_a_person_can_be_erased() {
    let mut crowd = Crowd::default();
    for at in 0..40_000 {
        let text = Some(Fingerprint::from_bits(key(&at.to_string())));
        crowd.observe(&Seen { person: at, message: at, text, has_link: at % 16 == 0, at_ms: NOW, ..Seen::default() });
        crowd.observe_join(at, at, NOW);
    }
    assert!(crowd.known().iter().all(|known| *known <= crowd::ROOM), "{:?}", crowd.known());
    let in_place = |place, at_ms| Seen { place, ..says(1, LURE, at_ms) };
    for place in 0..3 {
        crowd.observe(&in_place(place, 0));
    }
    crowd.erase(1);
    assert_eq!(ids(&crowd.observe(&in_place(5, 10))), [""; 0]);
    assert!(!crowd.is_copy(2, print("nothing of it is left in here, not a word"), NOW));
}
