//! What others wrote, as drafts: each form, each thing that can be wrong with its line, and whatever else bytes can be.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on stops; a fuzz run takes the time it is given"
)]

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use townkeeper_knowledge::import::{self, DraftFile, Import};
use townkeeper_knowledge::{FactTable, Status, Written, bundle, parse};

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()
}

fn files(import: &Import) -> Vec<DraftFile> {
    import::files(&import.drafts, today())
}

fn faults(import: &Import) -> Vec<String> {
    import.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn rows_of_json_become_drafts_and_what_cannot_is_named() {
    let text = b"{\"question\": \"Where is the owl?\", \"answer\": \"In the *tree*.\", \"variants\": [\"owl where\", \"the owl\", \"find owl\"]}\n\
        \n{\"title\": \"Where is the owl?\", \"answer\": \"There.\", \"variants\": \"one|two|three\", \"class\": \"safety\", \"more\": 1}\n\
        {\"title\": \"\", \"answer\": \"x\"}\n{\"title\": \"x\"}\n{nonsense}\n{\"title\": \"\xff\"}\n[1]\n\
        {\"title\": \"\xe6\xa2\x9f\xe3\x81\xaf\", \"answer\": \"---\\nid: x\", \"lang\": \"ja\", \"url\": \"javascript:x\"}\n";
    let read = import::jsonl("rows.jsonl", text);
    let made = files(&read);
    let names: Vec<(&str, bool)> = made.iter().map(|file| (file.name.as_str(), file.complete)).collect();
    assert_eq!(names, [("where-is-the-owl.md", true), ("where-is-the-owl-2.md", true), ("entry.md", false)]);
    let entry = parse(&made[0].name, &made[0].text).unwrap();
    assert_eq!((entry.status, entry.body.to_plain().as_str()), (Status::Draft, "In the tree."));
    assert!(made[1].text.contains("class: safety"));
    assert!(
        made[2].text.contains("\\---") && made[2].text.contains("lang: ja") && !made[2].text.contains("javascript")
    );
    for (n, expected) in [
        "rows.jsonl:4: there is no question; give it a title",
        "rows.jsonl:5: there is no answer; write one",
        "rows.jsonl:6: no row of JSON (key must be a string); write one object a line",
        "rows.jsonl:7: the file is not UTF-8 text",
        "rows.jsonl:8: no row of JSON",
    ]
    .iter()
    .enumerate()
    {
        assert!(faults(&read)[n].starts_with(expected), "{:#?}", faults(&read));
    }
    assert_eq!(read.faults.len(), 5);
    let huge = format!("{{\"title\": \"t\", \"answer\": \"{}\"}}\n", "a".repeat(10 << 20));
    assert!(faults(&import::jsonl("h.jsonl", huge.as_bytes()))[0].starts_with("h.jsonl:1: the row has 10485"));
}

#[test]
fn tables_become_drafts_and_what_cannot_is_named() {
    let text = b"\xef\xbb\xbfQuestion,Answer,Variants,Url\n\"Where, then?\",\"One\n\ntwo\",\"a|b|c\",https://lumen.example.org/owl\n,x,,\n\
        \xff,x,,\nWhen?,Now,,\nshort\n";
    let read = import::csv("t.csv", text);
    let made = files(&read);
    assert_eq!(made.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["where-then.md", "when.md"]);
    let entry = parse(&made[0].name, &made[0].text).unwrap();
    assert_eq!((entry.canonical_url.as_str(), entry.body.blocks.len()), ("https://lumen.example.org/owl", 2));
    let said = faults(&read);
    for (n, expected) in
        ["t.csv:5: there is no question", "t.csv:6: the row is not UTF-8 text", "t.csv:8: "].iter().enumerate()
    {
        assert!(said[n].starts_with(expected), "{said:#?}");
    }
}

#[test]
fn markdown_becomes_a_draft_with_or_without_front_matter() {
    let plain = import::markdown("docs/how_to-fly.md", b"Flap.\n");
    assert_eq!((files(&plain)[0].name.as_str(), plain.drafts[0].title.as_str()), ("how-to-fly.md", "how to fly"));
    let headed = import::markdown("a.md", b"# How do I fly? #\r\n\r\nFlap.\r\n");
    assert_eq!((headed.drafts[0].title.as_str(), headed.drafts[0].answer.as_str()), ("How do I fly?", "Flap."));
    let ours = b"---\nid: fly\ntitle: How?\nclass: safety\nsidebar: 3\nvariants: [a, b, c]\n---\nFlap {link.wing}.\n";
    let ours = import::markdown("a.md", ours);
    let table = FactTable::parse("facts.toml", "[link.wing]\nurl = \"https://lumen.example.org/wing\"").unwrap();
    let file = &files(&ours)[0];
    let entry = townkeeper_knowledge::parse_with(&file.name, &file.text, &table).unwrap();
    assert_eq!((entry.id.as_str(), entry.facts.len(), entry.status), ("fly", 1, Status::Draft));
    for (bytes, expected) in [
        (b"---\ntitle: [\n---\nx".as_slice(), "a.md:2: the value is not of the form"),
        (b"", "a.md:1: there is no answer"),
        (b"x\n\xff", "a.md:2: the file is not UTF-8 text"),
    ] {
        assert!(faults(&import::markdown("a.md", bytes))[0].starts_with(expected), "{expected}");
    }
}

#[test]
fn a_page_is_read_without_what_surrounds_its_words() {
    let html = br#"<!DOCTYPE html><html lang="de"><head><title>Docs - Owl</title><style>p{}</style></head><body>
        <nav><a href="https://lumen.example.org/">Home</a></nav><script>document.write("<h1>No</h1>")</script>
        <h1>Where is the <em>owl</em>?</h1><p>In the
        <a href="https://lumen.example.org/tree">tree</a>, <a href="javascript:alert(1)">really</a> &amp; <b>now</b>.</p>
        <ul><li>One</li><li><p>Two</p></li></ul><pre><code>let x  = 1;
</code></pre><form>Search</form><footer>Imprint</footer></body></html>"#;
    let read = import::page("https://lumen.example.org/owl", html);
    let draft = &read.drafts[0];
    assert_eq!((draft.title.as_str(), draft.lang.as_deref()), ("Where is the owl?", Some("de")));
    assert_eq!(draft.url.as_deref(), Some("https://lumen.example.org/owl"));
    let words =
        "In the [tree](https://lumen.example.org/tree), really & **now**.\n\n* One\n* Two\n\n```\nlet x  = 1;\n```";
    assert_eq!(draft.answer, words);
    assert_eq!(import::page("u", b"<title>Only a title</title><p>Words.").drafts[0].title, "Only a title");
    assert!(faults(&import::page("u", b"<nav>x</nav>"))[0].starts_with("u:1: there is no question"));
    // A title that begins like a block is no block, and no longer for it: the fuzz found one.
    let long = import::page("u", format!("<h1>--- {}</h1>x", "a ".repeat(200)).as_bytes());
    parse("u", &files(&long)[0].text.replace("variants:\n", "variants:\n  - a\n  - b\n")).unwrap();
    // No nesting is too deep.
    let deep = format!("<h1>t</h1>{}x", "<div><a href=https://x>".repeat(20_000));
    assert_eq!(import::page("u", deep.as_bytes()).faults.len() + import::page("u", deep.as_bytes()).drafts.len(), 1);
}

#[test]
fn a_map_lists_pages_or_maps() {
    let xmlns = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"";
    let map = |inner: &str| import::sitemap("s.xml", format!("<?xml version=\"1.0\"?>\n{inner}").as_bytes());
    let found = map(&format!(
        "<urlset {xmlns} xmlns:i=\"urn:i\"><url><loc> https://a.example.org/1 </loc><i:loc>https://b</i:loc></url></urlset>"
    ));
    assert_eq!(found.unwrap().pages, ["https://a.example.org/1"]);
    let found =
        map(&format!("<sitemapindex {xmlns}><sitemap><loc>https://a.example.org/s</loc></sitemap></sitemapindex>"));
    assert_eq!(found.unwrap().maps, ["https://a.example.org/s"]);
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><urlset>&b;</urlset>";
    for (inner, expected) in [
        ("<rss/>", "s.xml:1: `rss` is no map of a site"),
        ("<urlset>\n<url>", "s.xml:1: no map of a site ("),
        (bomb, "s.xml:1: no map of a site ("),
    ] {
        let error = map(inner).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// Whatever bytes are given to the importer and the parsers, they are read or refused with a place and a remedy; and what
/// the importer makes of them, the parser reads or refuses. Runs for TOWNKEEPER_FUZZ_SECONDS (two without it).
#[test]
fn a_title_of_signs_that_nobody_sees_is_none() {
    let import = import::page("f", "<title>\u{7}</title><p>words</p>".as_bytes());
    assert_eq!(import.faults.len(), 1, "{:?}", import.faults);
    assert!(import.faults[0].reason.contains("there is no question"), "{}", import.faults[0]);
}

#[test]
fn fuzz_whatever_comes_is_read_or_refused() {
    let seconds = std::env::var("TOWNKEEPER_FUZZ_SECONDS").ok().and_then(|given| given.parse().ok()).unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let pieces = prop_oneof![
        4 => "[a-z{}.\\[\\]()<>/=\"',:|&;#*`\n -]{0,30}".prop_map(String::into_bytes),
        1 => "\\PC{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        6 => prop::sample::select(SEEDS).prop_map(|seed| seed.as_bytes().to_vec()),
    ];
    let bytes = prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::default();
    let mut runs = 0;
    while runs == 0 || Instant::now() < end {
        let input = bytes.new_tree(&mut runner).unwrap().current();
        let tried = std::panic::catch_unwind(|| try_all(&input));
        assert!(tried.is_ok(), "after {runs} runs: {:?}", String::from_utf8_lossy(&input));
        runs += 1;
    }
}

/// Beginnings and turns of each form, so that chance gets beyond them.
const SEEDS: &[&str] = &[
    "---\n",
    "\n---\n",
    "--- lang: de\n",
    "id: a\n",
    "title: b\n",
    "class: safety\nowner: o\nreviewed_by: r\n",
    "reviewed_at: 2026-11-01\nreview_by: 2027-01-01\nstatus: published\n",
    "canonical_url: https://example.org/\n",
    "variants:\n  - a\n  - b\n  - c\n",
    "{link.portal}",
    "{date.deadline.time}",
    "[x]({link.portal})",
    "```\n",
    "# ",
    "[link.portal]\nurl = \"https://example.org\"\n",
    "[address.a]\nchain = \"evm\"\nvalue = \"0x",
    "[date.d]\nday = 2027-02-04\n",
    "{\"title\": \"t\", \"answer\": \"",
    "\"}\n",
    "\"variants\": [\"a\", \"b\", \"c\"]",
    "title,answer,variants\n",
    "\"a\"\"b\",",
    "<h1>",
    "</h1>",
    "<p>",
    "<a href=\"https://example.org\">",
    "</a>",
    "<script>",
    "</script>",
    "<title>",
    "<pre><code>",
    "<!--",
    "<![CDATA[",
    "&amp;",
    "&#x0;",
    "<?xml version=\"1.0\"?>",
    "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">",
    "<url><loc>https://example.org/</loc></url>",
    "</urlset>",
    "\r\n",
    "\u{feff}",
    "\u{202e}",
    "\0",
];

fn try_all(bytes: &[u8]) {
    let mut import = import::jsonl("f", bytes);
    import.extend(import::csv("f", bytes));
    import.extend(import::markdown("f", bytes));
    import.extend(import::page("f", bytes));
    let map = import::sitemap("f", bytes).err();
    for fault in import.faults.iter().chain(&map) {
        assert!(fault.line >= 1 && !fault.reason.is_empty() && !fault.remedy.is_empty(), "{fault}");
    }
    let made = files(&import);
    for file in &made {
        match parse(&file.name, &file.text) {
            Ok(entry) => assert_eq!((entry.status, format!("{}.md", entry.id)), (Status::Draft, file.name.clone())),
            // What a person finishes: too few variants, a reference to a fact that is not there, an answer of markup.
            Err(error) => {
                let known = ["variants, at least", "names no fact", "the answer is empty", "the title holds `{"];
                assert!(known.iter().any(|words| error.reason.contains(words)), "{error}\n{}", file.text);
            }
        }
    }
    let names: std::collections::BTreeSet<&str> = made.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names.len(), made.len(), "two drafts under one name");
    let documents = vec![("e.md".to_owned(), bytes.to_vec()), ("facts.toml".to_owned(), bytes.to_vec())];
    if let Err(errors) = Written::read(documents) {
        assert!(errors.iter().all(|error| !error.reason.is_empty() && !error.remedy.is_empty()));
    }
    assert!(bundle::open(bytes).is_err());
}
