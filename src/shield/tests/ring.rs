//! The ring against a plain list that is looked through whole, and its memory, counted.
#![expect(clippy::unwrap_used, reason = "a test: what fails must end it")]

use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use townkeeper_shield::behaviour::fingerprint::NEAR;
use townkeeper_shield::behaviour::ring::DAY_MS;
use townkeeper_shield::behaviour::{Entry, Fingerprint, Found, Ring, key};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const HOUR_MS: i64 = 3_600_000;

/// A message as the list keeps it.
#[derive(Clone, Debug)]
struct Plain {
    print: Fingerprint,
    at_ms: i64,
    account: u16,
    place: String,
    message: String,
    person: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Plain),
    Erase(u64),
    Look(Fingerprint, i64),
}

/// One of few texts, with up to twelve bits changed: some copies are near, some just not.
fn prints() -> impl Strategy<Value = Fingerprint> {
    (0..4_u64, prop::collection::vec(0..64_u32, 0..12)).prop_map(|(text, flips)| {
        Fingerprint::from_bits(flips.iter().fold(key(&text.to_string()), |bits, flip| bits ^ 1 << flip))
    })
}

fn messages() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,20}", "-100[0-9]{2}:[0-9]{1,11}", "\\$[a-zA-Z0-9_-]{43}", "\\PC{0,5}"]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let insert = (prints(), 0..HOUR_MS, 0..3_u16, "[a-c]{1,2}", messages(), 0..5_u64).prop_map(
        |(print, at_ms, account, place, message, person)| {
            Step::Insert(Plain { print, at_ms, account, place, message, person })
        },
    );
    let look = (prints(), 0..40 * HOUR_MS).prop_map(|(print, since_ms)| Step::Look(print, since_ms));
    prop::collection::vec(prop_oneof![12 => insert, 1 => (0..5_u64).prop_map(Step::Erase), 3 => look], 0..200)
}

fn expected(list: &[Option<Plain>], print: Fingerprint, since_ms: i64) -> Vec<Found> {
    let near = list.iter().flatten().filter(|plain| plain.print.distance(print) <= NEAR && plain.at_ms >= since_ms);
    near.map(|plain| Found {
        at_ms: plain.at_ms,
        account: plain.account,
        place: plain.place.clone(),
        message: plain.message.clone(),
        person: plain.person,
        distance: plain.print.distance(print),
    })
    .collect()
}

proptest! {
    /// Nothing near is missed and nothing else is found, whatever came, went and was erased.
    #[test]
    fn finds_what_a_plain_list_finds(steps in steps(), room in 1..150_usize) {
        let mut ring = Ring::new(room);
        // Erased ones keep their place in the line.
        let mut list: Vec<Option<(i64, Option<Plain>)>> = Vec::new();
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Insert(mut plain) => {
                    now_ms += plain.at_ms;
                    plain.at_ms = now_ms;
                    let old = list.iter().take_while(|slot| slot.as_ref().is_some_and(|(at, _)| *at < now_ms - DAY_MS)).count();
                    list.drain(..old);
                    if list.len() == room {
                        list.remove(0);
                    }
                    let Plain { print, at_ms, account, ref place, ref message, person } = plain;
                    let kept = ring.insert(&Entry { print, at_ms, account, place, message, person });
                    prop_assert!(kept);
                    list.push(Some((now_ms, Some(plain))));
                    // Its odd ids have their own bounds, for which others go early.
                    prop_assert!(ring.len() <= list.len());
                    let early = list.len() - ring.len();
                    list.drain(..early);
                }
                Step::Erase(person) => {
                    let mine = list.iter_mut().flatten().filter(|(_, plain)| plain.as_ref().is_some_and(|plain| plain.person == person));
                    let count = mine.map(|slot| slot.1 = None).count();
                    prop_assert_eq!(ring.erase(person), count);
                }
                Step::Look(print, since_ms) => {
                    let plain: Vec<Option<Plain>> = list.iter().flatten().map(|(_, plain)| plain.clone()).collect();
                    prop_assert_eq!(ring.near(print, since_ms), expected(&plain, print, since_ms));
                }
            }
        }
    }
}

fn insert(ring: &mut Ring, at: u64, place: &str, message: &str) {
    let (print, at_ms) = (Fingerprint::from_bits(key(&at.to_string())), i64::try_from(at / 20).unwrap());
    assert!(ring.insert(&Entry { print, at_ms, account: 1, place, message, person: at % 50_000 }));
}

/// In one test, since the count is of the whole program.
#[test]
fn a_million_messages_fit_in_64_megabytes() {
    for odd in [false, true] {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let mut ring = Ring::default();
        for at in 0..if odd { 600_000 } else { 1_050_000 } {
            match (odd, at % 2) {
                (true, _) => insert(&mut ring, at, &format!("!room{}:example.org", at % 900), &format!("${at:043}")),
                (false, 0) => insert(
                    &mut ring,
                    at,
                    &format!("{}", 1_177_293 + at % 400),
                    &format!("{}", 1_177_293_874_123_456_789 + at),
                ),
                (false, _) => insert(&mut ring, at, &format!("-100{}", at % 40), &format!("-100{}:{at}", at % 40)),
            }
        }
        let [taken, most] = [MEMORY.current_usage(), MEMORY.peak_usage()].map(|bytes| bytes.saturating_sub(before));
        println!(
            "{} messages (odd ids: {odd}): {taken} bytes, {most} at most, {} by its own count",
            ring.len(),
            ring.bytes()
        );
        assert!(most <= 64_000_000, "{most} bytes");
        assert!(taken < ring.bytes() + 3_000_000, "its own count is {}", ring.bytes());
        assert!(if odd { ring.len() > 400_000 } else { ring.len() == 1_000_000 }, "{}", ring.len());
        // Looking at few of a million: no copies, and still found.
        let found = ring.near(Fingerprint::from_bits(key(if odd { "599999" } else { "1049999" })), 0);
        assert_eq!(found.iter().filter(|found| found.distance == 0).count(), 1);
        // What is gone is given back.
        ring.expire(i64::MAX);
        assert!(ring.is_empty() && ring.bytes() < 2_000_000, "{}", ring.bytes());
    }
}
