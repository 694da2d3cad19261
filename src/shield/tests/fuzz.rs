//! The fold, what is found, the judgement and the model against whatever anybody may write, for as long as it is given: two seconds among the other
//! tests, `TOWNKEEPER_FUZZ_SECONDS` in the stage `fuzz` of `tests/all.sh`. What fails is shrunk and printed.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use townkeeper_shield::found::Found;
use townkeeper_shield::model::ModelError;
use townkeeper_shield::{Facts, Folded, Lists, Message, Model, Shield, Weights};

/// Runs `check` on ever new values until the time is up; an error says what failed, and with what.
fn fuzz<S: Strategy>(strategy: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of the daemon")]
    let given = std::env::var("TOWNKEEPER_FUZZ_SECONDS").ok();
    let until = Instant::now() + Duration::from_secs(given.and_then(|given| given.parse().ok()).unwrap_or(2));
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    // At least once, however slow the machine is.
    loop {
        runner.run(strategy, &check).map_err(|error| error.to_string())?;
        if Instant::now() >= until {
            return Ok(());
        }
    }
}

/// Words, tricks, and pieces of both.
const PIECES: &[&str] = &[
    "claim ",
    "wallet",
    "s e e d",
    "p h",
    " ",
    "  ",
    "\n",
    "\t",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "\u{ad}",
    "\u{fe0f}",
    "\u{301}",
    "\u{336}\u{337}",
    "\u{20e3}",
    "\u{1160}",
    "\u{e0041}",
    "\u{0}",
    "\u{7f}",
    "\u{2800}",
    "𝗖𝗹𝗮",
    "ｃｌａ",
    "Ⓐ",
    "🅰",
    "ᴀ",
    "ﬁ",
    "ﷺ",
    "½",
    "İ",
    "ß",
    "ĳ",
    "Ⅻ",
    "а",
    "Сl",
    "оо",
    "привет",
    "зapa",
    "ελ",
    "δο",
    "中文",
    "한글",
    "ก็",
    "नि",
    "עברית",
    "0",
    "1",
    "0x",
    "@",
    "$",
    "!",
    "|",
    "£",
    "4irdr0p",
    "wa11et",
    "p2p",
    ".",
    "-",
    "c.l.a",
    "_",
    "https://a.example/x",
    "hxxps[:]//lumen-claim[.]example(dot)net/",
    " dot net",
    "discord gg/",
    "t.me/+",
    "%2E",
    "&#46;",
    "。",
    "\\.",
    "**.**",
    "> \"",
    "\u{201e}",
    "`",
    "t.example",
    "0x52908400098527886e0f7030069857d2e4169ee7",
    "@us3r",
    "#t4g",
    "👩\u{200d}👧",
];

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[a-zA-Z0-9@$!| .-]{0,32}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn fuzz_the_fold() {
    let model = Model::shipped();
    let fuzzed = fuzz(&texts(), |text| {
        let folded = Folded::new(&text);
        prop_assert!((0.0..=1.0).contains(&folded.changed()));
        prop_assert!(!folded.text().starts_with(' ') && !folded.text().ends_with(' ') && !folded.text().contains("  "));
        let mut last = 0;
        for (at, c) in folded.text().char_indices() {
            let place = folded.original(at..at + c.len_utf8());
            prop_assert!(text.get(place.clone()).is_some_and(|words| !words.is_empty()), "{c:?} {place:?}");
            prop_assert!(place.start >= last, "{c:?} {place:?} after {last}");
            last = place.start;
        }
        for from in 0..folded.text().len().min(40) {
            let place = folded.original(from..from * 2);
            prop_assert!(text.get(place.clone()).is_some(), "{place:?}");
        }
        prop_assert!(model.as_ref().is_ok_and(|model| model.logit(&folded).is_finite()));
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}

#[test]
fn fuzz_what_is_found_and_judged() {
    let facts = Facts { hosts: vec!["lumen.example.org".into()], brands: vec!["lumen".into()], ..Facts::default() };
    let shield = Shield::new(&facts, Lists::default(), Weights::default());
    let fuzzed = fuzz(&texts(), |text| {
        let folded = Folded::new(&text);
        let found = Found::new(&text, &folded);
        let hosts = found.hosts.iter().map(|host| (&host.name, &host.range));
        let spots = [&found.addresses, &found.invites, &found.handles].into_iter().flatten();
        for (value, range) in hosts.chain(spots.map(|spot| (&spot.value, &spot.range))) {
            prop_assert!(!value.is_empty(), "{found:?}");
            prop_assert!(text.get(range.clone()).is_some_and(|words| !words.is_empty()), "{value} at {range:?}");
        }
        let verdict = shield.judge_folded(&Message { text: &text, ..Message::default() }, &folded, Some(0.0), &[]);
        prop_assert!((0.0..=1.0).contains(&verdict.score));
        for signal in &verdict.signals {
            prop_assert!(text.get(signal.evidence.range.clone()).is_some(), "{signal:?}");
            prop_assert!(!signal.evidence.text.contains("://"), "{signal:?}");
        }
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}

#[test]
fn fuzz_a_damaged_model() {
    let bytes = Model::shipped().map(|model| model.write()).unwrap_or_default();
    let damages = prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4);
    let fuzzed = fuzz(&(damages, any::<prop::sample::Index>(), any::<bool>()), |(damages, cut, cuts)| {
        let mut broken = bytes.clone();
        for (at, flip) in damages {
            let at = at.index(broken.len());
            broken.get_mut(at).into_iter().for_each(|byte| *byte ^= flip);
        }
        if cuts {
            broken.truncate(cut.index(bytes.len()));
        }
        let opened = Model::read(&broken);
        prop_assert!(opened.is_err() || broken == bytes, "opened");
        prop_assert!(opened != Err(ModelError::Number), "a checksum comes before");
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}
