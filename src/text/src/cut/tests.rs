//! Cutting: fits, loses nothing, prefers the better place.

use proptest::prelude::*;

use super::*;
use crate::markdown::from_markdown;
use crate::rich::{Origin, Style};

const MEASURES: [Measure; 3] = [Measure::Chars, Measure::Utf16, Measure::Bytes];

fn text_of(words: &str) -> RichText {
    RichText { blocks: vec![Block::paragraph(vec![Run::plain(words, Origin::System)])] }
}

fn pieces(text: &RichText, max: usize) -> Vec<String> {
    cut(text, max, Measure::Chars).iter().map(RichText::to_plain).collect()
}

/// What is said, without white space; quote marks, which are repeated, left out.
fn said(text: &RichText) -> String {
    let mut out = String::new();
    for block in &text.blocks {
        if !is_blank(block) && !matches!(block.kind, BlockKind::Quote { .. }) {
            out.push_str(&prefix(&block.kind));
        }
        out.push_str(&words(&visible(block)));
    }
    out.retain(|c| !c.is_whitespace());
    out
}

fn check(text: &RichText, max: usize) {
    for measure in MEASURES {
        let pieces = cut(text, max, measure);
        for piece in &pieces {
            let shown = piece.to_plain();
            assert!(measure.of(&shown) <= max, "{measure:?} {max}: {shown:?}");
            assert!(!shown.is_empty());
        }
        assert_eq!(pieces.iter().map(said).collect::<String>(), said(text), "{measure:?} {max}");
    }
}

#[test]
fn what_fits_is_left_alone() {
    let text = from_markdown("# a\n\n[b](https://x.org)\n\n> c", &Origin::System);
    assert_eq!(cut(&text, 100, Measure::Chars), vec![text.clone()]);
    assert!(cut(&RichText::default(), 100, Measure::Chars).is_empty());
}

#[test]
fn the_better_place_is_preferred() {
    let cases: [(&str, usize, &[&str]); 7] = [
        ("aaaa bbbb\n\ncccc", 12, &["aaaa bbbb", "cccc"]),
        ("aaaa. bb\\\ncc dd ee", 12, &["aaaa. bb", "cc dd ee"]),
        ("Aaaa bbb. Cc dd ee", 12, &["Aaaa bbb.", "Cc dd ee"]),
        ("aaaa bbbb cccc", 10, &["aaaa bbbb", "cccc"]),
        ("aaaaaaaaaaaaaaa", 10, &["aaaaaaaaaa", "aaaaa"]),
        ("好好好好好好。好好好好好", 10, &["好好好好好好。", "好好好好好"]),
        ("a bb cccccccccccccccccccc", 10, &["a bb", "cccccccccc", "cccccccccc"]),
    ];
    for (markdown, max, expected) in cases {
        assert_eq!(pieces(&from_markdown(markdown, &Origin::System), max), expected, "{markdown:?}");
    }
}

#[test]
fn a_heading_goes_with_what_it_heads() {
    let text = from_markdown("aaaa bbbb\n\n# H\n\ncccc dddd eeee", &Origin::System);
    assert_eq!(pieces(&text, 20), ["aaaa bbbb", "H\n\ncccc dddd eeee"]);
}

#[test]
fn a_link_or_a_date_is_never_cut_where_it_would_fit() {
    let url = "https://a.example.org/xx";
    let long = text_of(&format!("好好好好好好「{url}」好好好好好好"));
    assert_eq!(pieces(&long, 28), ["好好好好好好「", &format!("{url}」好好好"), "好好好"]);
    let dated = text_of("it closes at last on 4 February 2026 and never opens again");
    assert!(pieces(&dated, 24).iter().any(|piece| piece.contains("4 February 2026")));
    let label = from_markdown(&format!("a [long label of many words]({url})"), &Origin::System);
    let cut = cut(&label, 28, Measure::Chars);
    let linked: Vec<_> = cut.iter().flat_map(RichText::runs).filter(|run| run.link.is_some()).collect();
    assert_eq!(linked.len(), 1);
    assert_eq!((linked[0].text.as_str(), linked[0].link.as_deref()), (url, Some(url)));
}

#[test]
fn a_link_longer_than_a_piece_is_cut_and_leads_nowhere() {
    let text = from_markdown("[a](https://a.example.org/aaaaaaaaaaaaaaaaaaaaaaa)", &Origin::System);
    check(&text, 20);
    assert!(cut(&text, 20, Measure::Chars).iter().flat_map(RichText::runs).all(|run| run.link.is_none()));
}

#[test]
fn graphemes_stay_whole_unless_one_alone_is_too_wide() {
    let family = "👨‍👩‍👧‍👦";
    let text = text_of(&family.repeat(4));
    assert_eq!(pieces(&text, 16), [family.repeat(2), family.repeat(2)]);
    check(&text, 8);
    check(&text_of(&"🇩🇪".repeat(9)), 8);
    check(&text_of(&format!("a{}", "\u{301}".repeat(99))), 8);
}

#[test]
fn code_is_closed_and_reopened_and_keeps_its_indentation() {
    let text = from_markdown("```sh\none one\n  two\nthree\n```", &Origin::System);
    let cut = cut(&text, 14, Measure::Chars);
    assert_eq!(cut.iter().map(RichText::to_plain).collect::<Vec<_>>(), ["one one\n  two", "three"]);
    assert!(cut.iter().all(|piece| piece.blocks[0].kind == BlockKind::Code { info: "sh".into() }));
}

#[test]
fn a_quote_stays_a_quote_and_a_bullet_comes_once() {
    let quote = from_markdown("> aaaa bbbb cccc", &Origin::System);
    assert_eq!(pieces(&quote, 12), ["> aaaa bbbb", "> cccc"]);
    let item = from_markdown("- aaaa bbbb cccc", &Origin::System);
    assert_eq!(pieces(&item, 12), ["• aaaa bbbb", "cccc"]);
}

#[test]
fn styles_survive_the_cut() {
    let text = from_markdown("**aaaa bbbb** cc", &Origin::System);
    let cut = cut(&text, 8, Measure::Chars);
    assert!(cut[0].runs().all(|run| run.style.bold));
    assert!(cut[1].runs().next().unwrap().style.bold);
}

#[test]
fn a_megabyte_is_cut_in_one_go() {
    let cases =
        [("word ", 20), ("x", 16), ("https://x.org/", 16), ("a\u{301}", 16), ("1.", 16), ("\n", 16), ("👨‍👩‍👧", 16)];
    for (unit, size) in cases {
        let text = text_of(&unit.repeat((1 << size) / unit.len()));
        let cut = cut(&text, 4096, Measure::Utf16);
        assert!(cut.iter().all(|piece| Measure::Utf16.of(&piece.to_plain()) <= 4096));
        assert_eq!(cut.iter().map(said).collect::<String>(), said(&text));
    }
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let words = prop_oneof![
        "[a-c .\n]{0,30}",
        "(👨‍👩‍👧|🇩🇪|e\u{301}|好。| |\n){0,12}",
        Just("https://a.example.org/x".to_owned()),
        Just("on 4 February 2026, 1 to 6".to_owned()),
        "\\PC{0,20}",
    ];
    let link = prop_oneof![
        4 => Just(None),
        1 => Just(Some("https://a.example.org/x".to_owned())),
        1 => "[a-z]{1,9}:[a-z ]{0,40}".prop_map(Some),
    ];
    let run = (words, any::<bool>(), link).prop_map(|(text, bold, link)| {
        let style = Style { bold, ..Style::default() };
        Run { text, origin: Origin::Model, style, link }
    });
    prop::collection::vec(run, 0..5)
}

fn texts() -> impl Strategy<Value = RichText> {
    let kind = prop_oneof![
        Just(BlockKind::Paragraph),
        (1..7_u8).prop_map(|level| BlockKind::Heading { level }),
        (any::<u8>(), prop::option::of(any::<u64>())).prop_map(|(depth, ordinal)| BlockKind::Item { depth, ordinal }),
        (0..3_u8, prop::option::of(0..100_u64)).prop_map(|(depth, ordinal)| BlockKind::Item { depth, ordinal }),
        prop_oneof![0..3_u8, any::<u8>()].prop_map(|depth| BlockKind::Quote { depth }),
        "[a-z]{0,3}".prop_map(|info| BlockKind::Code { info }),
    ];
    let block = (kind, runs()).prop_map(|(kind, runs)| Block { kind, runs });
    prop::collection::vec(block, 0..6).prop_map(|blocks| RichText { blocks })
}

proptest! {
    #[test]
    fn every_piece_fits_and_nothing_is_lost(text in texts(), max in prop_oneof![8..40_usize, 40..400_usize]) {
        check(&text, max);
    }
}
