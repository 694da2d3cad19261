//! Patterns, and where they are looked for. A word boundary among the letters of all scripts makes the regex engine slow
//! wherever such letters stand, so a pattern is only tried on the stretches that could hold it; what it finds is what it
//! would find in the whole text.

use std::ops::Range;

use regex::{Captures, Regex};

use super::pattern;

/// A pattern, and where it may be found.
pub(super) struct Sought {
    regex: Regex,
    /// In order and apart from each other; none of its matches lies outside of them, or depends on what does.
    places: Box<Places>,
}

/// No character of another script.
pub(super) const ASCII: fn(char) -> bool = |_| false;

type Places = dyn Fn(&str) -> Vec<Range<usize>> + Send + Sync;

impl Sought {
    /// A pattern that no boundary makes slow.
    pub(super) fn anywhere(source: &str) -> Self {
        let places = |text: &str| std::iter::once(0..text.len()).collect();
        Self { regex: pattern(source), places: Box::new(places) }
    }

    /// A pattern whose matches are made of ASCII and of the characters that are `also` in them, and hold a match of `core`.
    pub(super) fn around(core: &str, also: fn(char) -> bool, source: &str) -> Self {
        let core = pattern(core);
        let places = move |text: &str| {
            let held = |place: &Range<usize>| core.is_match(text.get(place.clone()).unwrap_or_default());
            match (core.is_match(text), text.is_ascii()) {
                (false, _) => Vec::new(),
                (true, true) => std::iter::once(0..text.len()).collect(),
                (true, false) => islands(text, also).filter(held).map(|place| with_next(text, place)).collect(),
            }
        };
        Self { regex: pattern(source), places: Box::new(places) }
    }

    /// A pattern whose matches hold a match of `core`, and reach less than `reach` bytes beyond it on either side.
    pub(super) fn near(core: &str, reach: usize, source: &str) -> Self {
        let core = pattern(core);
        let places = move |text: &str| {
            let mut places: Vec<Range<usize>> = Vec::new();
            for found in core.find_iter(text) {
                let start = text.floor_char_boundary(found.start().saturating_sub(reach));
                let end = text.ceil_char_boundary(found.end() + reach);
                match places.last_mut() {
                    Some(last) if last.end >= start => last.end = end,
                    _ => places.push(start..end),
                }
            }
            places
        };
        Self { regex: pattern(source), places: Box::new(places) }
    }

    /// Its matches, in order.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Vec<Captures<'t>> {
        let mut all = Vec::new();
        for place in (self.places)(text) {
            let Some(haystack) = text.get(..place.end) else { continue };
            let mut at = place.start;
            while let Some(found) = self.regex.captures_at(haystack, at) {
                let end = found.get(0).map_or(0, |whole| whole.end());
                if end <= at {
                    break;
                }
                at = end;
                all.push(found);
            }
        }
        all
    }
}

/// Runs of ASCII and of what is `also` in them. White space ends none of them, so that a word boundary there is seen
/// without a look at letters of other scripts.
fn islands(text: &str, also: fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let belongs = move |c: char| c.is_ascii() || also(c);
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(belongs)?;
        let rest = text.get(start..)?;
        at = rest.find(|c| !belongs(c)).map_or(text.len(), |length| start + length);
        Some(start..at)
    })
}

/// An island with the character behind it, by which a boundary at its end is told.
fn with_next(text: &str, place: Range<usize>) -> Range<usize> {
    let next = text.get(place.end..).and_then(|rest| rest.chars().next());
    place.start..place.end + next.map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extract::{amounts, dates, invites, view};

    /// What a pattern finds in a text, at its places and in all of it.
    fn both_ways(sought: &Sought, text: &str) -> [Vec<Vec<Option<Range<usize>>>>; 2] {
        let groups = |found: &Captures<'_>| found.iter().map(|group| group.map(|group| group.range())).collect();
        let quick = sought.captures(text).iter().map(groups).collect();
        [quick, sought.regex.captures_iter(text).map(|found| groups(&found)).collect()]
    }

    fn all() -> Vec<&'static Sought> {
        let parts = [view::sought(), amounts::sought(), dates::sought(), invites::sought()];
        parts.concat()
    }

    /// Pieces of what is sought, of what surrounds it, and of scripts in which a boundary is seen late.
    const PIECES: &[&str] = &[
        "привет",
        "Д",
        "ё",
        "é",
        "ß",
        "中",
        "月",
        "日",
        "年",
        "월",
        "일",
        "년",
        "🚀",
        "—",
        "«",
        "\u{301}",
        "\u{0}",
        "€",
        "₿",
        "Ξ",
        "ξ",
        "→",
        "⇒",
        "×",
        "‰",
        "²",
        "५",
        " ",
        " ",
        " ",
        "\n",
        ".",
        ",",
        "-",
        ":",
        "/",
        "'",
        "_",
        "%",
        "$",
        "(",
        "1",
        "2",
        "5",
        "12",
        "2026",
        "04",
        "100",
        "x",
        "k",
        "M",
        "million",
        "per cent",
        "percent",
        "bps",
        " to ",
        "to",
        "for",
        "for every ",
        "each",
        "half",
        "half of your",
        "twice as",
        "double",
        "doubling",
        "double-check",
        "tokens",
        "LUM",
        "usd",
        "us$",
        "web3",
        "l2",
        "erc-20",
        "24/7",
        "layer 1",
        "may",
        "in may",
        "Feb",
        "February",
        "февраля",
        "мая",
        "Мая",
        "ноя",
        "март",
        "märz",
        "września",
        "first",
        "twenty-first",
        "third",
        "of",
        "th",
        "st",
        "q3",
        "q3 of 2026",
        "one",
        "two hundred",
        "and fifty",
        "thousand",
        "six",
        "ninety-nine",
        "times",
        "days",
        "a b c d e",
        "s e e d . o",
        "dot",
        " dot ",
        "org",
        "com",
        " . ",
        " .com",
        "discord",
        "dsc",
        "gg",
        "discord gg",
        "invite",
        "invite code",
        "invitation link",
        " is ",
        "code for the server",
        "AbC9",
        "AbC_9-x",
    ];

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => prop::sample::select(PIECES).prop_map(str::to_owned),
            1 => "\\PC{0,6}",
            1 => "[a-zA-Zа-яА-Я0-9 .,:-]{0,24}",
        ];
        prop::collection::vec(piece, 0..48).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn at_its_places_a_pattern_finds_what_it_finds_in_the_whole_text(text in texts()) {
            // As the patterns meet it, and as nobody ever shows it to them.
            let seen = view::View::new(&text).text().to_owned();
            for text in [seen.as_str(), text.as_str()] {
                // Compatibility forms of ASCII letters are none in a view.
                if text.contains(['\u{17F}', '\u{212A}']) || text.contains(|c: char| c.is_whitespace() && !matches!(c, ' ' | '\n')) {
                    continue;
                }
                for sought in all() {
                    let [quick, whole] = both_ways(sought, text);
                    prop_assert_eq!(quick, whole, "{} in {:?}", sought.regex, text);
                }
            }
        }
    }

    #[test]
    fn a_boundary_is_told_by_the_letter_behind_an_island() {
        let word = Sought::around("cat", ASCII, r"\bcat\b");
        let count = |text| word.captures(text).len();
        assert_eq!(
            (count("кот cat кот"), count("catт"), count("тcat"), count("catт cat"), count("é")),
            (1, 0, 0, 1, 0)
        );
    }
}
