//! The base for others: rows that read back as they were, and a signed file in which no byte changes unseen.

#![expect(clippy::panic, reason = "a test that cannot go on stops")]

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use townkeeper_knowledge::bundle::{BundleError, Content, open, seal};
use townkeeper_knowledge::{Written, export, import};

const ENTRY: &str = "---\nid: owl\ntitle: \"What is \\\"the owl\\\"?\"\nclass: safety\nowner: o\nreviewed_by: r\n\
    reviewed_at: 2026-11-01\nreview_by: 2027-01-01\nstatus: published\ncanonical_url: link.owl\nvariants:\n  - the owl\n  \
    - what owl\n  - owl what\nnot_variants:\n  - the lamp\n---\nA **bird**, at {link.owl} since {date.first}.\n\n\
    --- lang: de\ntitle: Was ist die Eule?\nreviewed_by: r\nreviewed_at: 2026-11-20\nreview_by: 2027-01-01\nvariants:\n  \
    - die eule\n  - welche eule\n  - eule was\n---\nEin Vogel, {link.owl}, seit {date.first}.\n";
const FACTS: &str = "[link.owl]\nurl = \"https://lumen.example.org/owl\"\n[date.first]\nday = 2026-11-02\n";

fn written() -> Written {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    Written::read(vec![file("kb/owl.md", ENTRY), file("kb/facts.toml", FACTS)]).unwrap_or_else(|e| panic!("{e:?}"))
}

fn content() -> Content {
    Content::new(&written().texts, "main", "2026-11-22T11:00:00Z")
}

fn sealed(content: &Content) -> Vec<u8> {
    let key = SigningKey::from_bytes(&[7; 32]);
    seal(content, |bytes| (key.verifying_key().to_bytes(), key.sign(bytes).to_bytes())).into_bytes()
}

#[test]
fn a_bundle_opens_as_it_was_sealed_and_says_who_signed() {
    let (opened, key) = open(&sealed(&content())).unwrap();
    assert_eq!(opened, content());
    assert_eq!(key.len(), 64);
    let names: Vec<&str> = opened.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names, opened.revision.len()), (vec!["facts.toml", "owl.md"], 12));
    let files = opened.files.into_iter().map(|file| (file.name, file.text.into_bytes())).collect();
    assert_eq!(Written::read(files).unwrap().entries[0].1.revision, written().entries[0].1.revision);
}

#[test]
fn every_changed_byte_is_found() {
    let bundle = sealed(&content());
    for at in 0..bundle.len() {
        // One of the case of a letter, among others: hexadecimal digits have two.
        for flip in [0x20, 1 << (at % 8)] {
            let mut changed = bundle.clone();
            changed[at] ^= flip;
            assert!(open(&changed).is_err(), "byte {at}, {flip:#x}");
        }
        assert!(open(&bundle[..at]).is_err(), "cut off at {at}");
    }
    for more in ["\n", " ", "{}", "\r\n"] {
        assert!(open(&[bundle.clone(), more.into()].concat()).is_err(), "{more:?} behind it");
    }
}

#[test]
fn what_another_key_or_another_purpose_signed_is_refused() {
    let bundle = String::from_utf8(sealed(&content())).unwrap();
    let (first, _) = bundle.split_once('\n').unwrap();
    let key = SigningKey::from_bytes(&[8; 32]);
    // The bytes alone, without what says that they are a bundle.
    let bare = seal(&content(), |_| (key.verifying_key().to_bytes(), key.sign(first.as_bytes()).to_bytes()));
    assert_eq!(open(bare.as_bytes()).unwrap_err(), BundleError::Signature);
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let forged = seal(&content(), |bytes| (key.verifying_key().to_bytes(), stranger.sign(bytes).to_bytes()));
    assert_eq!(open(forged.as_bytes()).unwrap_err(), BundleError::Signature);
    // Signed, but not what it says it is.
    let other = Content { revision: "000000000000".to_owned(), ..content() };
    assert_eq!(open(&sealed(&other)).unwrap_err(), BundleError::Revision("000000000000".to_owned()));
    let later = Content { format: "townkeeper.knowledge/2".to_owned(), ..content() };
    assert!(matches!(open(&sealed(&later)), Err(BundleError::Form(_))));
}

#[test]
fn rows_hold_the_facts_in_their_places_and_read_back() {
    let rows = export::jsonl(&written());
    let row: serde_json::Value = serde_json::from_str(rows.trim()).unwrap();
    assert_eq!(row["answer"], "A **bird**, at https://lumen.example.org/owl since 2 November 2026.");
    assert_eq!(row["translations"][0]["answer"], "Ein Vogel, https://lumen.example.org/owl, seit 2026-11-02.");
    assert_eq!(
        (row["facts"]["link.owl"]["url"].as_str(), row["url"].as_str()),
        (Some("https://lumen.example.org/owl"), Some("https://lumen.example.org/owl"),)
    );
    let back = import::jsonl("rows.jsonl", rows.as_bytes());
    assert!(back.faults.is_empty(), "{:?}", back.faults);
    let draft = &back.drafts[0];
    assert_eq!(
        (draft.id.as_deref(), draft.title.as_str(), draft.variants.len()),
        (Some("owl"), "What is \"the owl\"?", 3)
    );
    assert_eq!(row["answer"], draft.answer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_other_bytes_are_no_bundle(at in 0usize..2000, more in prop::collection::vec(any::<u8>(), 1..40)) {
        let bundle = sealed(&content());
        let at = at % bundle.len();
        let changed = [&bundle[..at], &more, &bundle[at..]].concat();
        prop_assert!(open(&changed).is_err());
        prop_assert!(open(&more).is_err());
    }
}
