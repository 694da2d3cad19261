//! The extractor against whatever anybody may write, for as long as it is given: two seconds among the other tests,
//! `TOWNKEEPER_FUZZ_SECONDS` in the stage `fuzz` of `tests/all.sh`, which runs every test binary of this name. What
//! fails is shrunk and printed. On a stable compiler, hence without coverage: grammar, seeds and their mutations find
//! the way instead.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use townkeeper_text::{Allowed, Measure, Origin, cut, defang, extract, from_markdown, normalise, skeleton};

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

/// What findings are made of, whole and in pieces, plain and disguised.
const PIECES: &[&str] = &[
    "https://",
    "hxxps[:]//",
    "example",
    ".org",
    "[.]",
    "(dot)",
    " dot ",
    "。",
    "%2E",
    "&#46;",
    "&period;",
    "/x?y=z#f",
    ":8080",
    "@",
    "xn--",
    "рф",
    "ｃｏｍ",
    "0x",
    "52908400098527886E0F7030069857D2E4169EE7",
    "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU",
    "...",
    "…",
    "bc1q",
    "4",
    " February ",
    " февраля ",
    "2027",
    "-",
    "年",
    "月",
    "日",
    "월",
    "1:6",
    "one to six",
    "½",
    "13",
    "%",
    "\u{ff05}",
    " LUM",
    "$",
    "k",
    "47,316",
    "double ",
    "discord.gg/",
    "discord gg/",
    "t.me/+",
    "invite code is ",
    "AbC9",
    "aHR0cHM6Ly9l",
    "eGFtcGxlLm5ldA==",
    "[label](",
    ")",
    "[",
    "]",
    "*",
    "`",
    "\\",
    "\u{200b}",
    "\u{202e}",
    "\u{ad}",
    "\u{301}",
    "\u{e0041}",
    "\u{0}",
    "\n",
    "\t",
    " ",
    "\u{1F468}\u{200D}\u{1F469}",
    "ﷺ",
    "İ",
    "ß",
    "\u{115f}",
    "１",
    "٣",
    "Ⅻ",
    "⑫",
    "𝟏",
    "mailto:",
    "javascript:",
    "data:text/html;base64,",
    "#room:",
    "<@1>",
    "may",
    "half of your",
    "1.\n2.\n",
];

/// A text of pieces and noise, some characters of it then replaced, doubled or taken away.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[a-zA-Z0-9+/=_.:-]{0,48}",
        1 => any::<char>().prop_map(String::from),
    ];
    let whole = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<char>()), 0..6);
    (whole, edits).prop_map(|(whole, edits)| {
        let mut chars: Vec<char> = whole.chars().collect();
        for (at, edit, new) in edits {
            if chars.is_empty() {
                break;
            }
            let at = at.index(chars.len());
            match edit {
                0 => chars[at] = new,
                1 => chars.insert(at, chars[at]),
                _ => drop(chars.remove(at)),
            }
        }
        chars.into_iter().collect()
    })
}

#[test]
fn fuzz_the_extractor() {
    let fuzzed = fuzz(&texts(), |text| {
        let found = extract(&text);
        let mut last = 0;
        for finding in &found {
            prop_assert!(text.get(finding.range.clone()).is_some_and(|words| !words.is_empty()), "{finding:?}");
            prop_assert!(finding.range.start >= last && !finding.value.is_empty(), "{finding:?}");
            last = finding.range.start;
        }
        // What we publish is ours, in whatever spelling we published it.
        let allowed = Allowed::of([text.as_str()]);
        for finding in &found {
            prop_assert!(allowed.holds(finding) && allowed.near(finding).is_none(), "{finding:?}");
        }
        let safe = defang(&text, &Allowed::default());
        for finding in extract(&safe) {
            let words = safe.get(finding.range.clone()).unwrap_or_default();
            prop_assert!(!words.starts_with("http://") && !words.starts_with("https://"), "{finding:?}");
        }
        prop_assert_eq!(defang(&text, &allowed), text);
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}

#[test]
fn fuzz_the_normal_forms() {
    let fuzzed = fuzz(&texts(), |text| {
        let once = normalise(&text);
        prop_assert_eq!(normalise(&once), once.clone());
        // Looking alike does not depend on how it was written down.
        prop_assert_eq!(skeleton(&text), skeleton(&once));
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}

#[test]
fn fuzz_markdown_and_its_cuts() {
    let fuzzed = fuzz(&texts(), |text| {
        let rich = from_markdown(&text, &Origin::Model);
        for piece in cut(&rich, 64, Measure::Utf16) {
            prop_assert!(Measure::Utf16.of(&piece.to_plain()) <= 64, "{piece:?}");
        }
        Ok(())
    });
    assert_eq!(fuzzed, Ok(()));
}
