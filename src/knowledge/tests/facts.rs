//! Facts by id, language blocks, and a base read as a whole: what is shown, what changes a revision, and each thing that
//! can be wrong with its file, line and remedy.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

use proptest::prelude::*;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_knowledge::{Entry, FactTable, Written, parse_with};

const FACTS: &str = r#"
[link.portal]
url = "https://lumen.example.org/migrate"

[address.token]
chain = "evm"
value = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

[date.deadline]
day = 2027-02-04
time = "23:59 UTC"

[date.opening]
day = 2026-11-02

[ratio.swap]
from = "1 LMN"
to = "6 LUM"

[amount.fee]
value = "2.5 %"

[handle.help]
value = "@lumen_support"
"#;

const HEAD: &str = "---
id: official-link
title: Where is the official link?
class: safety
owner: migration team
reviewed_by: security team
reviewed_at: 2026-11-16
review_by: 2027-01-15
status: published
canonical_url: link.portal
variants:
  - official link
  - portal where
  - where do i go
---
";

const GERMAN: &str = "
--- lang: de
title: Wo ist der offizielle Link?
reviewed_by: das Team
reviewed_at: 2026-11-20
review_by: 2027-01-20
variants:
  - offizieller link
  - wo ist das portal
  - wohin gehe ich
---
Gehe zu {link.portal}, bis zum {date.deadline}.
";

fn table() -> FactTable {
    FactTable::parse("facts.toml", FACTS).unwrap()
}

fn read(body: &str) -> Entry {
    parse_with("e.md", &format!("{HEAD}{body}"), &table()).unwrap_or_else(|e| panic!("{e}"))
}

fn refused(body: &str) -> String {
    parse_with("e.md", &format!("{HEAD}{body}"), &table()).unwrap_err().to_string()
}

/// Text, link and origin of each run.
fn runs(text: &RichText) -> Vec<(&str, Option<&str>, &str)> {
    let mut all = Vec::new();
    for run in text.runs() {
        let Origin::Canonical(id) = &run.origin else { panic!("{run:?}") };
        all.push((run.text.as_str(), run.link.as_deref(), id.as_str()));
    }
    all
}

#[test]
fn a_fact_is_a_run_of_its_own_and_its_origin_is_the_fact() {
    let entry = read("Go to **{link.portal}** by {date.deadline}, [here]({link.portal}).\n");
    let (portal, own) = ("https://lumen.example.org/migrate", "official-link");
    let expected = [
        ("Go to ", None, own),
        (portal, Some(portal), "link.portal"),
        (" by ", None, own),
        ("4 February 2027", None, "date.deadline"),
        (", ", None, own),
        ("here", Some(portal), own),
        (".", None, own),
    ];
    assert_eq!(runs(&entry.body), expected);
    assert!(entry.body.runs().nth(1).unwrap().style.bold, "style goes on through a fact");
    assert_eq!(entry.canonical_url, portal);
    assert_eq!(entry.facts, ["date.deadline", "link.portal"]);
}

#[test]
fn every_kind_and_part_is_shown_byte_for_byte() {
    for (reference, shown) in [
        ("{address.token}", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("`{address.token}`", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("    {address.token}", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("{date.deadline} at {date.deadline.time}", "4 February 2027 at 23:59 UTC"),
        ("{date.opening}", "2 November 2026"),
        ("{ratio.swap}", "1 LMN : 6 LUM"),
        ("{ratio.swap.from} and {ratio.swap.to}", "1 LMN and 6 LUM"),
        ("{ratio.swap.numbers}", "1 : 6"),
        ("{ amount.fee }", "2.5 %"),
        ("{handle.help}", "@lumen_support"),
        // Other braces are text.
        ("{} {a b} {x} {1.2} { {link.portal", "{} {a b} {x} {1.2} { {link.portal"),
        ("{{date.opening}}", "{2 November 2026}"),
    ] {
        assert_eq!(read(reference).body.to_plain(), shown, "{reference}");
    }
}

#[test]
fn a_dangling_reference_names_line_and_nearest_id() {
    for (body, expected) in [
        ("Go.\n\nTo {link.portl}.", "e.md:18: `{link.portl}` names no fact; the nearest id is `link.portal`"),
        ("{lnk.portal}", "e.md:16: `{lnk.portal}` names no fact; the nearest id is `link.portal`"),
        ("{Link.Portal}", "e.md:16: `{Link.Portal}` names no fact; the nearest id is `link.portal`"),
        ("[x]({link.portals})", "e.md:16: `{link.portals}` names no fact"),
        ("[x]({date.deadline})", "e.md:16: `{date.deadline}` names no fact; a link leads to a fact of kind `link`"),
        ("[x]({link.portal}/more)", "e.md:16: `{link.portal}` names no fact; a link's target is a fact as a whole"),
        ("{ratio.swap.middle}", "e.md:16: `{ratio.swap.middle}` names no fact; its parts are `from`, `to`, `numbers`"),
        ("{date.opening.time}", "e.md:16: `{date.opening.time}` names no fact; it has no parts"),
    ] {
        assert!(refused(body).starts_with(expected), "\n   said {}\nwanted {expected}", refused(body));
    }
    let url = HEAD.replace("link.portal", "link.home");
    let error = parse_with("e.md", &format!("{url}x"), &table()).unwrap_err().to_string();
    assert!(error.starts_with("e.md:10: `link.home` names no fact; the nearest id is `link."), "{error}");
    let title = HEAD.replace("official link?", "link {link.portal}?");
    let error = parse_with("e.md", &format!("{title}x"), &table()).unwrap_err().to_string();
    assert!(error.starts_with("e.md:3: the title holds `{link.portal}`"), "{error}");
}

#[test]
fn a_changed_fact_changes_the_revision_of_every_entry_that_shows_it_and_of_no_other() {
    let later = FactTable::parse("facts.toml", &FACTS.replace("2027-02-04", "2027-02-05")).unwrap();
    let revisions = |body: &str| {
        let text = format!("{HEAD}{body}");
        [table(), later.clone()].map(|facts| parse_with("e.md", &text, &facts).unwrap().revision)
    };
    let [before, after] = revisions("By {date.deadline}.");
    assert_ne!(before, after);
    let [before, after] = revisions("By {date.opening}.");
    assert_eq!(before, after);
    // What only another language shows is shown.
    let [before, after] = revisions(&format!("Go to {{link.portal}}.\n{GERMAN}"));
    assert_ne!(before, after);
}

#[test]
fn one_entry_speaks_several_languages_with_the_same_facts() {
    let entry = read(&format!("Go to {{link.portal}} by {{date.deadline}}.\n{GERMAN}"));
    assert_eq!(entry.body.to_plain(), "Go to https://lumen.example.org/migrate by 4 February 2027.");
    let german = entry.said_in("de").unwrap();
    assert_eq!(german.body.to_plain(), "Gehe zu https://lumen.example.org/migrate, bis zum 2027-02-04.");
    assert_eq!((german.title, german.reviewed_at.to_string().as_str()), ("Wo ist der offizielle Link?", "2026-11-20"));
    assert_eq!(entry.said_in("de-AT").unwrap().lang, "de");
    assert_eq!(entry.said_in("en-GB").unwrap().lang, "en");
    assert!(entry.said_in("fr").is_none());
    assert!(entry.questions().any(|q| q == "wo ist das portal"), "it is found by its own variants");
}

#[test]
fn what_is_wrong_in_a_block_is_named_where_it_stands() {
    let with = |old: &str, new: &str| format!("Go.\n{}", GERMAN.replacen(old, new, 1));
    for (body, expected) in [
        (with("lang: de", "lang: Deutsch"), "e.md:18: `Deutsch` is no language tag; open the block with a line such"),
        (with("lang: de", "lang: en"), "e.md:18: the entry has two blocks in `en`; merge them"),
        (with("2026-11-20", "20.11.2026"), "e.md:21: `reviewed_at` holds `20.11.2026`, which is no date"),
        (with("title:", "titel:"), "e.md:19: unknown key `titel`; did you mean `title`?"),
        (with("reviewed_by: das Team\n", ""), "e.md:18: the key `reviewed_by` is missing"),
        (with("  - wohin gehe ich\n", ""), "e.md:24: 2 different variants, at least 3 are needed"),
        (with("---\nGehe", "Gehe"), "e.md:18: the front matter of the block `de` has no end"),
        (with("{link.portal}", "{link.portale}"), "e.md:28: `{link.portale}` names no fact"),
        (with("Gehe zu {link.portal}, bis zum {date.deadline}.", ""), "e.md:28: the answer is empty"),
        (format!("Go.\n{GERMAN}{GERMAN}"), "e.md:30: the entry has two blocks in `de`"),
    ] {
        assert!(refused(&body).starts_with(expected), "\n   said {}\nwanted {expected}", refused(&body));
    }
}

#[test]
fn a_facts_table_says_what_is_wrong_where() {
    for (text, expected) in [
        ("[link.x]\nurl = \"http://lumen.example.org\"", "facts.toml:2: `http://lumen.example.org` is no https link"),
        ("[link.x]\nurl = \"https://a b\"", "facts.toml:2: `https://a b` is no https link"),
        ("[link.X]\nurl = \"https://example.org\"", "facts.toml:2: the name `X` is not in lower-case kebab form"),
        (
            "\n[address.t]\nchain = \"evm\"\nvalue = \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\"",
            "facts.toml:4: `0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD` is no address: its checksum is wrong",
        ),
        (
            "[address.t]\nchain = \"evm\"\nvalue = \"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\"",
            "facts.toml:3: `0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed` is no address: it is written without its checksum",
        ),
        (
            "[address.t]\nchain = \"solana\"\nvalue = \"abc\"",
            "facts.toml:3: `abc` is no address: a Solana address is 32",
        ),
        ("[address.t]\nchain = \"doge\"\nvalue = \"abc\"", "facts.toml:2: unknown variant `doge`"),
        ("[date.d]\nday = 2027-02-30", "facts.toml:2: "),
        ("[date.d]\nday = 2027-02-03T10:00:00Z", "facts.toml:2: `2027-02-03T10:00:00Z` is no day"),
        ("[ratio.r]\nfrom = \"one\"\nto = \"6\"", "facts.toml:2: `one` begins with no number"),
        ("[handle.h]\nvalue = \"lumen\"", "facts.toml:2: `lumen` is no handle"),
        ("[amount.a]\nvalue = \"2\\n3\"", "facts.toml:2: `2 3` is not one short line"),
        ("[link.x]\nurl = 3", "facts.toml:2: "),
        ("[lnk.x]\nurl = \"https://example.org\"", "facts.toml:1: unknown field `lnk`"),
        ("[link.x]\nurl = \"https://example.org\"\n[link.x]\nurl = \"https://example.org\"", "facts.toml:3: "),
        ("[link", "facts.toml:1: "),
    ] {
        let errors = FactTable::parse("facts.toml", text).expect_err(text);
        let error = errors[0].to_string();
        assert!(error.starts_with(expected) && error.contains("; "), "\n   said {error}\nwanted {expected}");
        // Whoever mistyped an address is never handed a valid one.
        assert!(!error.contains("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), "{error}");
    }
}

#[test]
fn a_base_is_refused_with_every_file_that_is_wrong() {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let good = format!("{HEAD}Go to {{link.portal}}.");
    let mut latin = good.clone().into_bytes();
    latin.extend(b"\n\nGr\xfc\xdfe");
    let documents = vec![
        file("kb/facts.toml", FACTS),
        file("kb/a.md", &good),
        file("kb/b.md", &good),
        file("kb/broken.md", "---\nid: [\n---\n"),
        file("kb/dangling.md", &format!("{}To {{link.none}}.", HEAD.replace("official-link", "other"))),
        ("kb/latin.md".to_owned(), latin),
        ("kb/huge.md".to_owned(), vec![b'a'; 10 << 20]),
    ];
    let said: Vec<String> = Written::read(documents.clone()).unwrap_err().iter().map(ToString::to_string).collect();
    for expected in [
        "kb/b.md:2: the id `official-link` is already used by kb/a.md; give one",
        "kb/broken.md:",
        "kb/dangling.md:16: `{link.none}` names no fact; the nearest id is",
        "kb/latin.md:18: the file is not UTF-8 text; save it as UTF-8",
        "kb/huge.md:1: the file has 10485760 bytes, at most 131072 are read; split it",
    ] {
        assert!(said.iter().any(|line| line.starts_with(expected)), "{expected} is missing in {said:#?}");
    }
    assert_eq!(said.len(), 5, "{said:#?}");
    let whole = Written::read(documents[..2].to_vec()).unwrap();
    assert_eq!((whole.entries.len(), whole.facts.iter().count()), (1, 7));
    let twice = Written::read(vec![file("facts.toml", ""), file("more/facts.toml", "")]).unwrap_err();
    assert!(twice[0].to_string().contains("facts.toml is a facts table too"), "{}", twice[0]);
}

proptest! {
    #[test]
    fn any_facts_table_is_read_or_refused(text in "[a-z.\\[\\]=\"0-9T:\n -]{0,200}") {
        if let Err(errors) = FactTable::parse("facts.toml", &text) {
            prop_assert!(errors.iter().all(|e| e.line >= 1 && !e.remedy.is_empty()));
        }
    }

    #[test]
    fn any_answer_is_read_or_refused(body in "[a-z{}.\\[\\]()` \n-]{0,80}", block in any::<bool>()) {
        let text = format!("{HEAD}{body}\n{}", if block { GERMAN } else { "" });
        match parse_with("e.md", &text, &table()) {
            Ok(entry) => prop_assert!(!entry.body.to_plain().trim().is_empty()),
            Err(error) => prop_assert!(error.line >= 1 && !error.remedy.is_empty()),
        }
    }
}
