//! What the documents say is so: links lead somewhere, commands exist, the example configuration holds the defaults.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

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
    let mut found = vec![Path::new(ROOT).join("README.md")];
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
            if link.is_empty() || link.contains("://") || link.starts_with("mailto:") {
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
    let (mut is_test, mut is_story) = (false, false);
    let mut found = Vec::new();
    for line in code.lines().map(str::trim_start) {
        // A list of tests that are told on both engines.
        is_story = (is_story && line != ");") || line == "stories!(";
        if let Some(story) = line.strip_suffix(',').filter(|_| is_story) {
            found.push(story.to_owned());
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(name) = name.and_then(|rest| rest.split(['(', '<']).next())
            && std::mem::take(&mut is_test)
        {
            found.push(name.to_owned());
        }
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
fn tests_in_the_architecture_exist() {
    let (text, tests) = (fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).unwrap(), tests());
    let named = named_tests(&text);
    assert!(named.len() > 20, "the names were not found: {named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "docs/architecture.md names tests that do not exist: {missing:?}");
    // The red twin: a helper is no test, and neither is what was never written.
    assert!(!tests.contains("every_fault_point") && !tests.contains("users_of_adapters"));
    assert_eq!(named_tests("`a_b_c`, `x::a_b_c`, `a_b`"), ["a_b_c"]);
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
