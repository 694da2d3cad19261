//! Reading entry files: a whole one, and each thing that can be wrong with its line and its remedy.

use proptest::prelude::*;
use townkeeper_contract::text::Origin;
use townkeeper_knowledge::{Class, Status, parse};

const WHOLE: &str = "---
id: official-link
title: Where is the official link?
class: safety
owner: migration team
reviewed_by: security team
reviewed_at: 2026-11-16
review_by: 2027-01-15
status: published
canonical_url: https://lumen.example.org/migrate
variants:
  - official link
  - \"portal: where?\"
  - where do i go
not_variants:
  - is this link real
valid_from: 2026-11-02
---

Go to [the portal](https://lumen.example.org/migrate).
";

/// [`WHOLE`] with one piece replaced; the piece must be there.
fn with(old: &str, new: &str) -> String {
    assert!(WHOLE.contains(old), "{old:?} is not in the sample");
    WHOLE.replacen(old, new, 1)
}

#[test]
fn reads_a_whole_entry() {
    let entry = parse("x.md", WHOLE).unwrap();
    assert_eq!(entry.id.as_str(), "official-link");
    assert_eq!((entry.class, entry.status), (Class::Safety, Status::Published));
    assert_eq!(entry.lang, "en");
    assert_eq!(entry.reviewed_at.to_string(), "2026-11-16");
    assert_eq!(entry.review_by.to_string(), "2027-01-15");
    assert_eq!(entry.valid_from.map(|d| d.to_string()).as_deref(), Some("2026-11-02"));
    assert_eq!(entry.valid_until, None);
    assert_eq!(entry.variants, ["official link", "portal: where?", "where do i go"]);
    assert_eq!(entry.not_variants, ["is this link real"]);
    assert_eq!(entry.body.to_plain(), "Go to the portal (https://lumen.example.org/migrate).");
    assert!(entry.body.runs().all(|run| run.origin == Origin::Canonical("official-link".to_owned())));
}

#[test]
fn the_revision_changes_with_any_byte() {
    let one = parse("x.md", WHOLE).unwrap().revision;
    let other = parse("x.md", &with("Go to", "Go  to")).unwrap().revision;
    assert_eq!(one.len(), 12);
    assert!(one.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(one, other);
    assert_eq!(one, parse("another-name.md", WHOLE).unwrap().revision);
}

#[test]
fn line_endings_and_a_byte_order_mark_do_no_harm() {
    let windows = format!("\u{feff}{}", WHOLE.replace('\n', "\r\n"));
    let (entry, plain) = (parse("x.md", &windows).unwrap(), parse("x.md", WHOLE).unwrap());
    assert_eq!((&entry.title, &entry.variants, &entry.body), (&plain.title, &plain.variants, &plain.body));
}

#[test]
fn says_what_is_wrong_where_and_what_to_do() {
    let cases: &[(String, &str)] = &[
        ("Just text.\n".into(), "f.md:1: the front matter is missing; begin the file with a line `---`"),
        (String::new(), "f.md:1: the front matter is missing"),
        ("---\nid: a\n".into(), "f.md:1: the front matter has no end; close it with a line `---`"),
        (with("variants:", "variant:"), "f.md:11: unknown key `variant`; did you mean `variants`?"),
        (with("owner:", "colour:"), "f.md:5: unknown key `colour`; use one of `id`, `title`"),
        (with("owner: migration team\n", ""), "f.md:1: the key `owner` is missing; add a line `owner: …`"),
        (with("owner: migration team", "owner: ''"), "f.md:5: `owner` is empty; write a value behind `owner:`"),
        (with("owner:", "title: b\nowner:"), "f.md:5: the key `title` stands twice; keep one"),
        (with("safety", "saftey"), "f.md:4: `saftey` is not known here; did you mean `safety`?"),
        (with("published", "live"), "f.md:9: `live` is not known here; use one of `draft`, `published`, `superseded`"),
        (with("2026-11-16", "16.11.2026"), "f.md:7: `reviewed_at` holds `16.11.2026`, which is no date; write year-"),
        (with("2027-01-15", "2027-02-30"), "f.md:8: `review_by` holds `2027-02-30`, which is no date; write year-"),
        (with("2027-01-15", "2026-11-01"), "f.md:8: `review_by` 2026-11-01 lies before `reviewed_at` 2026-11-16; set"),
        (with("2026-11-02", "soon"), "f.md:17: `valid_from` holds `soon`, which is no date"),
        (
            with("valid_from: 2026-11-02", "valid_from: 2026-11-02\nvalid_until: 2026-11-01"),
            "f.md:18: `valid_until` 2026-11-01 lies before `valid_from` 2026-11-02; swap",
        ),
        (with("official-link", "Official Link"), "f.md:2: the id `Official Link` is not in lower-case kebab form; use"),
        (with("official-link", "a--b"), "f.md:2: the id `a--b` is not"),
        (with("official-link", &"a".repeat(33)), "f.md:2: the id `aaaa"),
        (with("Where is", &"Where is ".repeat(20)), "f.md:3: the title is longer than one line of 120 characters; sho"),
        (
            with("https://lumen", "http://lumen"),
            "f.md:10: `canonical_url` holds `http://lumen.example.org/migrate`, wh",
        ),
        (with("https://lumen", "https://a@lumen"), "f.md:10: `canonical_url` holds"),
        (with("https://lumen.example.org/migrate\n", "https:///x\n"), "f.md:10: `canonical_url` holds `https:///x`"),
        (with("variants:", "lang: English!\nvariants:"), "f.md:11: `lang` holds `English!`, which is no language tag"),
        (with("  - where do i go\n", ""), "f.md:12: 2 different variants, at least 3 are needed; add ways"),
        (with("where do i go", "Official LINK"), "f.md:12: 2 different variants"),
        (with("where do i go", "\"\""), "f.md:14: a question in the list is empty; fill it or remove the line"),
        (with("\"portal: where?\"", "portal: where?"), "f.md:13: the value is not of the form this key wants; put a"),
        (with("title: Where", "title: [Where"), "f.md:3: the value is not of the form this key wants"),
        (with("owner: migration", "owner: \"migration"), "f.md:6: not valid YAML (invalid indentation"),
        (
            with("Go to [the portal](https://lumen.example.org/migrate).", ""),
            "f.md:19: the answer is empty; write it b",
        ),
        (with("Go to", "Go\0to"), "f.md:20: the control character U+0000 is in the text; remove it"),
        (
            with("migration team", "&a migration team"),
            "f.md:5: the front matter is too large, too deep or uses aliases",
        ),
        (format!("{WHOLE}{}", "a".repeat(1 << 20)), "f.md:1: the file has 10489"),
    ];
    for (text, expected) in cases {
        let error = parse("f.md", text).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "\n   said {error}\nwanted {expected}");
        assert!(error.contains("; "), "no remedy in: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn nesting_and_bombs_are_refused_at_once() {
    let deep = [
        format!("---\nid: {}\n---\nx", "[".repeat(100_000)),
        format!("---\nid: {}{}\n---\nx", "[".repeat(50_000), "]".repeat(50_000)),
        format!("---\n{}\n---\nx", "- ".repeat(50_000)),
        format!("---\n{}\n---\nx", "a: {".repeat(300)),
        format!("---\nvariants:\n{}\n---\nx", "  - a\n".repeat(20_000)),
        format!("---\n{}---\nx", "--- \n...\n".repeat(10_000)),
        "---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\nx".to_owned(),
    ];
    for text in deep {
        let error = parse("f.md", &text).expect_err("hostile input was read");
        assert!(!error.reason.is_empty() && !error.remedy.is_empty() && error.to_string().len() < 600, "{error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        prop_assert!(parse("f.md", &text).is_err());
    }

    #[test]
    fn any_front_matter_is_read_or_refused(yaml in "[a-z_:\\- \\[\\]{}\"'|>&*!%#\n\t0-9]{0,300}", body in "\\PC{0,40}") {
        if let Err(error) = parse("f.md", &format!("---\n{yaml}\n---\n{body}")) {
            prop_assert!(error.line >= 1 && !error.remedy.is_empty());
        }
    }

    #[test]
    fn any_value_in_any_field_is_read_or_refused(line in 1usize..17, value in "\\PC{0,60}") {
        let text: String = WHOLE.lines().enumerate().map(|(i, l)| {
            let key = l.split_once(' ').map_or(l, |(key, _)| key);
            if i == line { format!("{key} {value}\n") } else { format!("{l}\n") }
        }).collect();
        if let Err(error) = parse("f.md", &text) {
            prop_assert!(error.line >= 1 && !error.remedy.is_empty());
        }
    }
}
