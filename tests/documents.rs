//! What the documents say is so: links lead somewhere, commands exist, the example configuration holds the defaults.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: what cannot be set up must end it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn townkeeper(args: &[&str]) -> Output {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_townkeeper"));
    command.current_dir(ROOT).arg("--data").arg(data.path()).args(args).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = townkeeper(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every Markdown file of ours.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![Path::new(ROOT).join("README.md"), Path::new(ROOT).join("SECURITY.md")];
    let mut folders = vec![Path::new(ROOT).join("docs")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn links_within_the_repository_lead_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next()) {
            // `{link.portal}` is how an entry names a fact.
            if link.is_empty() || link.contains("://") || link.starts_with("mailto:") || link.starts_with('{') {
                continue;
            }
            let target = document.parent().unwrap().join(link);
            assert!(target.exists(), "{} links to {link}, which is not there", document.display());
            followed += 1;
        }
    }
    assert!(followed > 2, "the links were not found");
}

/// Every name of a test in the sources: a function below an attribute that makes it one.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = ["src", "adapters", "tests"].map(|folder| Path::new(ROOT).join(folder)).into();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.extend(tests_of(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

fn tests_of(code: &str) -> Vec<String> {
    let mut is_test = false;
    let mut found = Vec::new();
    for line in code.lines().map(str::trim_start) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(name) = name.and_then(|rest| rest.split(['(', '<']).next())
            && std::mem::take(&mut is_test)
        {
            found.push(name.to_owned());
        }
    }
    // Stories are told by a macro, once for each engine.
    for told in code.split("stories!(").skip(1) {
        let names = told.split(");").next().unwrap_or_default().split(',').map(str::trim);
        found.extend(names.filter(|name| !name.is_empty()).map(ToOwned::to_owned));
    }
    found
}

/// What stands between backticks and reads like a test: three words and more, in small letters.
fn named_tests(document: &str) -> Vec<&str> {
    let small = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let names = document.split('`').skip(1).step_by(2);
    names.filter(|name| small(name) && name.matches('_').count() >= 2).collect()
}

#[test]
fn tests_in_the_documents_exist() {
    let tests = tests();
    for document in ["docs/architecture.md", "docs/threat-model.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(document)).unwrap();
        let named = named_tests(&text);
        assert!(named.len() > 20, "the names were not found: {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(missing.is_empty(), "{document} names tests that do not exist: {missing:?}");
    }
    // The red twin: a helper is no test, and neither is what was never written.
    assert!(!tests.contains("every_fault_point") && !tests.contains("users_of_adapters"));
    assert_eq!(named_tests("`a_b_c`, `x::a_b_c`, `a_b`"), ["a_b_c"]);
    assert_eq!(tests_of("stories!(\n    a_b_c,\n    d,\n);\nasync fn e() {}"), ["a_b_c", "d"]);
}

/// A guard without a test is no guard: every row of the threat model names one.
#[test]
fn every_threat_names_a_test() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/threat-model.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Threat")).collect();
    assert!(rows.len() > 20, "the rows were not found");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 4, "{row}");
        assert!(!named_tests(cells[2]).is_empty(), "no test: {row}");
    }
}

#[test]
fn every_incident_begins_with_the_freeze() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/incidents.md")).unwrap();
    let runbooks: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert_eq!(runbooks.len(), 6);
    for runbook in runbooks {
        let first = runbook.lines().find(|line| line.starts_with("1. "));
        assert_eq!(first, Some("1. `townkeeper freeze`"), "{}", runbook.lines().next().unwrap());
        assert!(runbook.contains("*Seen as*") && runbook.contains("*Thaw when*"));
    }
}

/// The day on which a file says that it ends, as days since 1970.
fn expires(security_txt: &str) -> i64 {
    let line = security_txt.lines().find_map(|line| line.strip_prefix("Expires: ")).expect("no expiry");
    let day: Vec<i64> = line.split('T').next().unwrap().split('-').map(|part| part.parse().unwrap()).collect();
    days(day[0], day[1], day[2])
}

/// Days since 1970 of a date of the Gregorian calendar, years counted from March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
}

/// RFC 9116: a file that has expired counts for nothing. This fails a month before, so that there is time to renew it.
#[test]
fn security_txt_is_good_for_another_month() {
    #[expect(clippy::disallowed_methods, reason = "this test is about today")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let today = i64::try_from(now.as_secs() / 86_400).unwrap();
    let text = fs::read_to_string(Path::new(ROOT).join("deploy/security.txt")).unwrap();
    let left = expires(&text) - today;
    assert!(left > 30, "deploy/security.txt expires in {left} days: look whether it still holds, and renew it");
    assert!(left <= 366, "the standard asks for less than a year");
    // The arithmetic, against days that are known.
    assert_eq!((days(1970, 1, 1), days(2000, 3, 1), days(2024, 2, 29)), (0, 11_017, 19_782));
    assert_eq!(expires("Contact: x\nExpires: 1970-02-01T00:00:00Z\n"), 31);
}

#[test]
fn commands_in_the_documents_exist() {
    let help = stdout(&["--help"]);
    let known: BTreeSet<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    let mut named = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for rest in text.split("cargo run --release -- ").skip(1) {
            let word: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            assert!(word.is_empty() || known.contains(word.as_str()), "{} names `{word}`", document.display());
            named += 1;
        }
    }
    assert!(named > 0 && known.contains("ask"), "nothing was compared");
}

/// `path value` of each setting, without its origin.
fn shown(config: &str) -> BTreeSet<String> {
    let shown = stdout(&["--config", config, "config", "show"]);
    let rows = shown.lines().filter(|line| !line.starts_with("data "));
    rows.map(|line| line.rsplit_once("  # ").map_or(line, |(row, _)| row).to_owned()).collect()
}

#[test]
fn the_example_configuration_loads_and_holds_the_defaults() {
    stdout(&["--config", "config/townkeeper.example.toml", "config", "check"]);
    let empty = tempfile::NamedTempFile::new().unwrap();
    let defaults = shown(empty.path().to_str().unwrap());
    let example = shown("config/townkeeper.example.toml");
    assert!(defaults.len() > 5, "{defaults:?}");
    assert_eq!(defaults, example);
}

#[test]
fn the_built_in_configuration_is_good() {
    assert!(stdout(&["--config", "config/hello.toml", "config", "check"]).contains("is good"));
}
