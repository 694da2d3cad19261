//! Lists of hosts against whatever may be found at their address, for as long as it is given: two seconds among the other
//! tests, `TOWNKEEPER_FUZZ_SECONDS` in the stage `fuzz` of `tests/all.sh`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use townkeeper_shield::lists::{Format, Guard, List};
use townkeeper_shield::{Facts, Known};

/// What lists are made of, good and bad.
const PIECES: &[&str] = &[
    "scam.example.net",
    "a.",
    "example.org",
    "EXAMPLE.NET",
    "b\u{fc}cher.example",
    "pages.dev",
    "t.me",
    "com",
    ".",
    "..",
    "-",
    "_",
    "xn--",
    "192.0.2.1",
    "0.0.0.0",
    "::1",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    "!",
    "//",
    "https://",
    "*.",
    "||",
    "^",
    "/",
    ":",
    "?",
    "[",
    "]",
    "{",
    "}",
    "\"",
    ",",
    "\"deny\":",
    "\"domains\":",
    "- ",
    "url:",
    "<html>",
    "\u{feff}",
    "\u{202e}",
    "\u{3002}",
    "\0",
];

fn lists() -> impl Strategy<Value = Vec<u8>> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat().into_bytes());
    let json = prop::collection::vec(prop::sample::select(PIECES), 0..20)
        .prop_map(|hosts| serde_json::json!({ "version": 1, "deny": hosts }).to_string().into_bytes());
    prop_oneof![4 => pieces, 2 => json, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

#[test]
fn fuzz_lists_of_any_bytes() {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of the daemon")]
    let given = std::env::var("TOWNKEEPER_FUZZ_SECONDS").ok();
    let until = Instant::now() + Duration::from_secs(given.and_then(|given| given.parse().ok()).unwrap_or(2));
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let known = Known::new(&Facts { hosts: vec!["example.org".to_owned()], ..Facts::default() });
    let (old, mut taken) = (List::default(), 0_u32);
    // At least once, however slow the machine is.
    loop {
        let read = Cell::new(0);
        let fuzzed = runner.run(&lists(), |bytes| {
            let guard = Guard { old: &old, known: &known, allow: &[] };
            for format in [Format::Auto, Format::Lines, Format::Json] {
                match guard.admit(&bytes, format, "x") {
                    Err(refusal) => prop_assert!(refusal.to_string().len() > 10),
                    Ok(list) => {
                        read.set(read.get() + 1);
                        prop_assert!(!list.is_empty() && list.len() <= bytes.len());
                        for host in ["example.org", "a.example.org", "t.me", "pages.dev", "com"] {
                            prop_assert!(list.covers(host).is_none(), "{host}");
                        }
                        let again = List::of_compiled(list.compiled().to_vec(), "x");
                        prop_assert_eq!(again.map(|again| again.len()), Some(list.len()));
                    }
                }
            }
            Ok(())
        });
        assert_eq!(fuzzed.map_err(|error| error.to_string()), Ok(()));
        taken += read.get();
        if Instant::now() >= until {
            break;
        }
    }
    assert!(taken > 0, "nothing of it was a list");
}
