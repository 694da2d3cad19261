//! Each rule of the lint: what it finds, what it leaves alone; and that the sample base is without errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

use chrono::NaiveDate;
use townkeeper_knowledge::lint::{Finding, Policy, Rule, Severity, lint_documents};

const FACTS: &str = "[link.portal]\nurl = \"https://lumen-town.org/migrate\"\n[date.deadline]\nday = 2027-02-04\n\
    [ratio.swap]\nfrom = \"1 LMN\"\nto = \"6 LUM\"\n";

fn entry(id: &str, extra: &str, variants: &[&str], body: &str) -> (String, Vec<u8>) {
    let variants = variants.iter().fold(String::new(), |all, v| all + "  - " + v + "\n");
    let text = format!(
        "---\nid: {id}\ntitle: About {id}\nclass: safety\nowner: o\nreviewed_by: r\nreviewed_at: 2026-11-01\n\
         review_by: 2027-01-01\nstatus: published\ncanonical_url: https://lumen-town.org/{id}\n{extra}variants:\n\
         {variants}---\n{body}\n"
    );
    (format!("{id}.md"), text.into_bytes())
}

fn facts(text: &str) -> (String, Vec<u8>) {
    ("facts.toml".to_owned(), text.as_bytes().to_vec())
}

const OWL: &[&str] = &["the owl of the town", "who is the owl", "owl feathers", "owl at night", "does the owl sleep"];
const LAMP: &[&str] = &["lamp oil", "how bright is the lamp", "lamp in the street", "who lights a lamp", "broken lamp"];

fn look(documents: Vec<(String, Vec<u8>)>) -> Vec<Finding> {
    let policy = Policy { today: NaiveDate::from_ymd_opt(2026, 12, 1).unwrap(), languages: Vec::new() };
    lint_documents(documents, &policy)
}

/// What is found in an entry with this answer, beside one that is good.
fn about(extra: &str, body: &str) -> Vec<Finding> {
    look(vec![facts(FACTS), entry("owl", extra, OWL, body), entry("lamp", "", LAMP, "Oil, at {link.portal}.")])
}

#[track_caller]
fn one(findings: &[Finding], rule: Rule, severity: Severity, begins: &str) {
    let found: Vec<String> = findings.iter().filter(|f| f.rule == rule).map(ToString::to_string).collect();
    let [only] = found.as_slice() else { panic!("{rule:?}: {findings:#?}") };
    assert!(only.starts_with(begins), "\n   said {only}\nwanted {begins}");
    assert!(findings.iter().filter(|f| f.rule == rule).all(|f| f.severity == severity && !f.remedy.is_empty()));
}

#[test]
fn a_good_base_has_no_findings() {
    assert_eq!(about("", "By {date.deadline} at {link.portal}: {ratio.swap}. Nothing else, on lumen-town.org."), []);
}

#[test]
fn what_cannot_be_read_is_found() {
    one(
        &about("", "See {link.portl}."),
        Rule::L0,
        Severity::Error,
        "owl.md:18: error L0: `{link.portl}` names no fact; the",
    );
}

#[test]
fn questions_that_two_entries_ask_are_found() {
    let same = [OWL, &["lamp oil"]].concat();
    let documents = vec![entry("owl", "", &same, "Yes."), entry("lamp", "", LAMP, "No.")];
    let findings = look(documents);
    let exact: Vec<_> = findings.iter().filter(|f| f.rule == Rule::L1 && f.severity == Severity::Error).collect();
    assert_eq!(exact.len(), 1, "{findings:#?}");
    assert!(
        exact[0].to_string().starts_with("lamp.md:12: error L1: \"lamp oil\" is asked by `owl` too"),
        "{}",
        exact[0]
    );
    let close = [OWL, &["how bright is the lamp at night in the street"]].concat();
    let mut findings = look(vec![entry("owl", "", &close, "Yes."), entry("lamp", "", LAMP, "No.")]);
    findings.retain(|f| f.file == "owl.md");
    one(
        &findings,
        Rule::L1,
        Severity::Warning,
        "owl.md:17: warning L1: 1 of 7 questions are closer to `lamp`, as \"how",
    );
}

#[test]
fn contradictions_are_found() {
    let ratios = format!("{FACTS}[ratio.other]\nfrom = \"1 LMN\"\nto = \"5 LUM\"\n");
    let findings = look(vec![facts(&ratios), entry("owl", "", OWL, "Yes.")]);
    one(&findings, Rule::L2, Severity::Error, "facts.toml:9: error L2: `ratio.other` and `ratio.swap` give the same");
    let twice = format!("{FACTS}[link.same]\nurl = \"https://lumen-town.org/migrate\"\n");
    let findings = look(vec![facts(&twice), entry("owl", "", OWL, "Yes.")]);
    one(&findings, Rule::L2, Severity::Warning, "facts.toml:9: warning L2: `link.portal` and `link.same` are the same");
    let german = "--- lang: de\ntitle: Die Eule\nreviewed_by: r\nreviewed_at: 2026-11-01\nreview_by: 2027-01-01\n\
        variants:\n  - eine eule\n  - zwei eulen\n  - drei eulen\n---\nIn 13 Tagen.";
    let findings = about("", &format!("In 12 days.\n\n{german}"));
    one(&findings, Rule::L2, Severity::Error, "owl.md:21: error L2: `12` stands in `en` or in `de`, but not in both");
    let findings = about("", &format!("In 13 days, at {{link.portal}}.\n\n{german}"));
    one(&findings, Rule::L2, Severity::Warning, "owl.md:21: warning L2: the fact `link.portal` is shown in `en` or in");
    assert_eq!(about("", &format!("In 13 days.\n\n{german}")), []);
}

#[test]
fn facts_that_are_written_out_are_found() {
    for (body, expected) in [
        (
            "Go to https://claims.example.com/x now.",
            "owl.md:18: error L3: `https://claims.example.com/x` stands in the",
        ),
        ("Go [there](https://claims.example.com/x).", "owl.md:18: error L3: `https://claims.example.com/x` stands in"),
        ("By\n\n5 February 2027.", "owl.md:"),
        ("You get 1:5.", "owl.md:18: error L3: `1:5` stands in the answer and in no facts table; add it"),
        ("A fee of 3%.", "owl.md:18: error L3: `3%` stands in the answer"),
        ("Ask @lumen_help.", "owl.md:18: error L3: `@lumen_help` stands in the answer"),
    ] {
        one(&about("", body), Rule::L3, Severity::Error, expected);
    }
    for (body, expected) in [
        (
            "Go to https://lumen-town.org/migrate.",
            "owl.md:18: warning L3: `https://lumen-town.org/migrate` is written out, and is",
        ),
        ("By 4 February 2027.", "owl.md:"),
    ] {
        one(&about("", body), Rule::L3, Severity::Warning, expected);
    }
    assert_eq!(about("", "12 or 24 words."), []);
    // Its own page is no exception where money follows it.
    let own = "On [its page](https://lumen-town.org/owl).";
    one(&about("", own), Rule::L3, Severity::Error, "owl.md:10: error L3: `https://lumen-town.org/owl` stands in the");
    let (file, text) = entry("owl", "", OWL, own);
    let routine = String::from_utf8(text).unwrap().replace("class: safety", "class: routine").into_bytes();
    assert_eq!(look(vec![facts(FACTS), (file, routine), entry("lamp", "", LAMP, "Oil.")]), []);
}

#[test]
fn hosts_that_look_like_ours_are_found() {
    for host in ["lumen-tovvn.org", "lumen-town.net", "lumen-town.org.example.com"] {
        let begins = format!("owl.md:18: error L4: {host} looks like lumen-town.org, and is not one of ours");
        one(&about("", &format!("Never open https://{host}/x.")), Rule::L4, Severity::Error, &begins);
    }
    let two = format!("{FACTS}[link.other]\nurl = \"https://lumen-town.net\"\n");
    let findings = look(vec![facts(&two), entry("owl", "", OWL, "Yes.")]);
    one(&findings, Rule::L4, Severity::Warning, "facts.toml:");
}

#[test]
fn what_time_has_passed_over_is_found() {
    let old = |extra| look(vec![entry("owl", extra, OWL, "It opens soon.")]);
    one(&old(""), Rule::L6, Severity::Warning, "owl.md:18: warning L6: the answer says \"soon\"");
    let policy =
        Policy { today: NaiveDate::from_ymd_opt(2027, 1, 2).unwrap(), languages: vec!["en".into(), "de".into()] };
    let findings =
        lint_documents(vec![entry("owl", "valid_until: 2026-12-31\n", OWL, "The owl sleeps sooner.")], &policy);
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(said[0].starts_with("owl.md:1: warning L7: no block in `de`"), "{said:#?}");
    assert!(said[1].starts_with("owl.md:8: warning L6: the review was due by 2027-01-01"), "{said:#?}");
    assert!(
        said[2].starts_with("owl.md:11: warning L6: it held until 2026-12-31, and is still published"),
        "{said:#?}"
    );
    assert_eq!(said.len(), 3, "{said:#?}");
}

#[test]
fn addresses_that_are_none_are_found() {
    let wrong = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD";
    let findings = about("", &format!("Send to {wrong}."));
    one(&findings, Rule::L8, Severity::Error, &format!("owl.md:18: error L8: `{wrong}` is no address: its checksum"));
    let table = format!("[address.x]\nchain = \"evm\"\nvalue = \"{wrong}\"\n");
    let findings = look(vec![facts(&table), entry("owl", "", OWL, "Yes.")]);
    one(&findings, Rule::L8, Severity::Error, "facts.toml:3: error L8: ");
}

#[test]
fn what_still_leads_to_the_superseded_is_found() {
    let (name, text) = entry("lamp", "", LAMP, "No.");
    let superseded = String::from_utf8(text).unwrap().replace("published", "superseded").into_bytes();
    let old = || (name.clone(), superseded.clone());
    let linking = entry("owl", "", OWL, "See [the lamp](https://lumen-town.org/lamp).");
    let findings = look(vec![old(), linking]);
    one(
        &findings,
        Rule::L9,
        Severity::Error,
        "owl.md:18: error L9: it links to https://lumen-town.org/lamp, the page of",
    );
    for (id, begins) in [("lantern", Some("owl.md:11: error L9: `supersedes` names `lantern`")), ("lamp", None)] {
        let findings = look(vec![old(), entry("owl", &format!("supersedes: {id}\n"), OWL, "Yes.")]);
        assert_eq!(findings.first().map(|f| f.to_string().starts_with(begins.unwrap_or("?"))), begins.map(|_| true));
    }
}

#[test]
fn an_entry_that_none_of_its_variants_reaches_is_found() {
    let all = |id: &str| {
        let variants =
            ["oil burns in bright streets", "broken glass and oil", "bright glass", "streets of oil", "glass burns"];
        entry(id, "", &variants.map(|v| format!("{v} {id}")).each_ref().map(String::as_str), "Yes.")
    };
    let owl = entry("owl", "", &["oil burns", "bright streets", "broken glass"], "Yes.");
    let findings = look(vec![owl, all("mill"), all("barn"), all("inn"), all("quay")]);
    let begins = "owl.md:11: error L10: none of its variants finds `owl`";
    one(&findings, Rule::L10, Severity::Error, begins);
}

#[test]
fn the_sample_base_has_no_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/knowledge");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let named =
        files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
    let findings = look(named.collect());
    for finding in &findings {
        assert!(finding.severity == Severity::Warning && finding.line > 0, "{finding}");
        assert!(matches!(finding.rule, Rule::L1 | Rule::L6), "{finding}");
    }
    assert!(findings.len() <= 80, "{} findings", findings.len());
}
