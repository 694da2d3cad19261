//! The text as the scanners read it: compatibility forms composed away, invisible characters gone, every kind of
//! digit, dash, dot and slash the plain one, disguises undone, number words in digits; and where each byte of it
//! stands in the original.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Captures;
use unicode_normalization::UnicodeNormalization;

use super::amounts::in_digits;
use super::links::is_suffix;
use super::sought::{ASCII, Sought};
use crate::normalise::{is_invisible, is_settled, is_space};

/// What a hidden byte is replaced by. No control character survives [`View::new`], so it matches no pattern.
const HIDDEN: &str = "\0";

pub(super) struct View {
    text: String,
    /// For each byte of `text`, the stretch of the original it came from.
    from: Vec<(usize, usize)>,
}

impl View {
    pub(super) fn new(original: &str) -> Self {
        let mut view = Self { text: String::with_capacity(original.len()), from: Vec::with_capacity(original.len()) };
        for (start, c) in original.char_indices() {
            let end = start + c.len_utf8();
            if is_invisible(c) {
                continue;
            }
            if is_settled(c) {
                view.push(plain(c), start, end);
            } else {
                for part in std::iter::once(c).nfkc().filter(|part| !is_invisible(*part)) {
                    view.push(plain(part), start, end);
                }
            }
        }
        if view.text.contains(['[', '(', '{']) {
            view.replace(&BRACKETED, |_| Some(".".to_owned()));
            view.replace(&BRACKETED_COLON, |_| Some(":".to_owned()));
        }
        if view.text.contains(['&', '%']) {
            view.replace(&ENTITY, |found| entity(found.name("name")?.as_str()));
            view.replace(&DOT_BY_NUMBER, |_| Some(".".to_owned()));
        }
        if view.text.contains(['\\', '*', '_', '`', '~']) {
            view.replace(&MARKED, |found| Some(found.name("mark")?.as_str().to_owned()));
        }
        view.replace(&LETTERS, |found| Some(found.name("words")?.as_str().split_whitespace().collect()));
        view.replace(&SPACED_DOT, |_| Some(".".to_owned()));
        view.replace(&SPOKEN_DOT, |found| is_ending(found.name("end")?.as_str()).then(|| ".".to_owned()));
        view.replace(&DISCORD, |_| Some(".".to_owned()));
        view.replace(&WORD_RATIO, |found| {
            Some(format!("{} to {}", in_digits(found.name("a")?.as_str())?, in_digits(found.name("b")?.as_str())?))
        });
        view.replace(&WORDS_OF_UNIT, |found| in_digits(found.name("words")?.as_str()));
        view
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Makes stretches, sorted and apart from each other, unreadable to later passes.
    pub(super) fn hide(&mut self, ranges: impl Iterator<Item = Range<usize>>) {
        let mut out = String::with_capacity(self.text.len());
        for range in ranges {
            out.push_str(self.text.get(out.len()..range.start).unwrap_or_default());
            out.push_str(&HIDDEN.repeat(range.end.saturating_sub(out.len())));
        }
        out.push_str(self.text.get(out.len()..).unwrap_or_default());
        self.text = out;
    }

    /// Where a stretch of the view stands in the original.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.from.get(range.start).map_or(0, |from| from.0);
        let end = range.end.checked_sub(1).and_then(|last| self.from.get(last)).map_or(start, |from| from.1);
        start..end
    }

    /// Adds a character. A run of white space becomes one: a line break if it holds one, else a space.
    fn push(&mut self, c: char, start: usize, end: usize) {
        let folds = matches!(c, ' ' | '\n') && self.text.ends_with([' ', '\n']);
        if folds && c == '\n' {
            self.text.pop();
            self.text.push(c);
        } else if !folds {
            self.text.push(c);
            self.from.resize(self.text.len(), (start, end));
        }
    }

    /// Replaces the group `words` of each match, or leaves it when `by` returns `None`.
    fn replace(&mut self, sought: &Sought, by: impl Fn(&Captures<'_>) -> Option<String>) {
        let mut text = String::new();
        let mut from = Vec::new();
        let mut done = 0;
        for found in sought.captures(&self.text) {
            let (Some(group), Some(new)) = (found.name("words"), by(&found)) else { continue };
            text.push_str(self.text.get(done..group.start()).unwrap_or_default());
            from.extend_from_slice(self.from.get(done..group.start()).unwrap_or_default());
            let origin = self.original(&group.range());
            text.push_str(&new);
            from.resize(text.len(), (origin.start, origin.end));
            done = group.end();
        }
        if done > 0 {
            text.push_str(self.text.get(done..).unwrap_or_default());
            from.extend_from_slice(self.from.get(done..).unwrap_or_default());
            (self.text, self.from) = (text, from);
        }
    }
}

/// `example[.]org`, `example (dot) org`.
static BRACKETED: LazyLock<Sought> =
    LazyLock::new(|| Sought::anywhere(r"(?i)(?P<words> ?[\[({] ?(?:\.|dot|punkt) ?[\])}] ?)"));

/// `https[:]//example.org`.
static BRACKETED_COLON: LazyLock<Sought> = LazyLock::new(|| Sought::anywhere(r"(?P<words>\[:\]|\(:\))//"));

/// `example . org`, `example .org`. Only before endings that are no English words.
static SPACED_DOT: LazyLock<Sought> = LazyLock::new(|| {
    Sought::around(
        r" \.",
        ASCII,
        r"(?i)(?P<words> \. ?)(?:com|org|net|io|xyz|app|dev|finance|fi|gg|me|co|ai|eth|info|site|online|network|foundation|exchange|trade|claims|link|click|top|ru|cn|de|uk)\b",
    )
});

/// `example dot org`.
static SPOKEN_DOT: LazyLock<Sought> =
    LazyLock::new(|| Sought::around("(?i-u: dot )", ASCII, r"(?i)(?P<words> dot )(?P<end>[a-z]{2,18})\b"));

/// Endings that are words as well: "swap DOT to" names a coin.
const WORDS: &[&str] =
    &["am", "an", "as", "at", "be", "by", "do", "in", "is", "it", "la", "my", "no", "per", "so", "to", "us"];

fn is_ending(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    !WORDS.contains(&word.as_str()) && is_suffix(&word)
}

/// Signs as HTML writes them, which Markdown understands.
static ENTITY: LazyLock<Sought> =
    LazyLock::new(|| Sought::anywhere(r"(?i)(?P<words>&(?P<name>period|colon|sol|commat|lowbar|num|percnt|dollar);)"));

/// A dot by its number, as HTML or a URL writes it: `&#46;`, `&#x2e;`, `%2E`.
static DOT_BY_NUMBER: LazyLock<Sought> =
    LazyLock::new(|| Sought::anywhere(r"(?i)(?P<words>&#(?:0{0,6}46|x0{0,6}2e);|%2e)"));

/// `discord gg/…`: the room's door without its dot.
static DISCORD: LazyLock<Sought> =
    LazyLock::new(|| Sought::around("(?i-u:discord|dsc)", ASCII, r"(?i)\b(?:discord|dsc)(?P<words>[ ,-]{1,2})gg\b"));

fn entity(name: &str) -> Option<String> {
    let signs = [
        ("period", "."),
        ("colon", ":"),
        ("sol", "/"),
        ("commat", "@"),
        ("lowbar", "_"),
        ("num", "#"),
        ("percnt", "%"),
        ("dollar", "$"),
    ];
    signs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, sign)| (*sign).to_owned())
}

/// A sign that Markdown shows bare: `\.`, `**.**`.
static MARKED: LazyLock<Sought> =
    LazyLock::new(|| Sought::anywhere(r"(?P<words>(?:\\|[*_~`]{1,3})(?P<mark>[./:@])[*_~`]{0,3})"));

/// Letters apart from each other: `e x a m p l e . o r g`.
static LETTERS: LazyLock<Sought> =
    LazyLock::new(|| Sought::around("(?i-u:[a-z](?: [a-z.]){4})", ASCII, r"(?i)\b(?P<words>[a-z](?: [a-z.]){4,})\b"));

/// One number in words: "two hundred and fifty thousand", "ninety-nine".
const NUMBER: &str = r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion)(?:(?:[ -]|,? and )(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion)\b)*";

/// A word of such a number.
const A_NUMBER: &str = "(?i-u:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion)";

/// "one to six", "one-for-one", "1 to six".
static WORD_RATIO: LazyLock<Sought> = LazyLock::new(|| {
    Sought::around(
        A_NUMBER,
        ASCII,
        &format!(r"(?i)\b(?P<words>(?P<a>{NUMBER}|[0-9]+)(?: to |-to-| for (?:every |each )?|-for-)(?P<b>{NUMBER}))\b"),
    )
});

/// Number words where they count something; elsewhere ("one of us") they are only words.
static WORDS_OF_UNIT: LazyLock<Sought> = LazyLock::new(|| {
    Sought::around(
        A_NUMBER,
        ASCII,
        &format!(
            r"(?i)\b(?P<words>{NUMBER})(?:%|[ -](?:percent|per cent|pct|times|fold|tokens?|coins?|dollars?|euros?|cents?|days?|weeks?|months?|years?|hours?|minutes?|for (?:each|every)|(?-i:[A-Z]{{2,6}}))\b)"
        ),
    )
});

/// A character in its plainest spelling. Digits of other scripts count as digits, and white space is a space unless
/// it ends the line.
fn plain(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2E3A}' | '\u{FE58}' => '-',
        '\u{3002}' | '\u{2024}' => '.',
        '\u{2044}' | '\u{2215}' | '\u{29F8}' => '/',
        '\u{2236}' | '\u{A789}' => ':',
        '\u{2019}' | '\u{2018}' => '\'',
        '\u{66B}' => '.',
        '\u{66C}' => ',',
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        '\n' => '\n',
        '\u{66A}' => '%',
        '\u{2776}'..='\u{277E}' => counted(c, '\u{2776}'),
        '\u{2780}'..='\u{2788}' => counted(c, '\u{2780}'),
        '\u{278A}'..='\u{2792}' => counted(c, '\u{278A}'),
        '\u{24F5}'..='\u{24FD}' => counted(c, '\u{24F5}'),
        _ if c.is_ascii_alphanumeric() => c,
        _ if is_space(c) => ' ',
        _ => digit(c),
    }
}

/// The digit a circled number stands for, `one` being the circled 1.
fn counted(c: char, one: char) -> char {
    char::from_digit(u32::from(c) - u32::from(one) + 1, 10).unwrap_or(c)
}

/// The zeros of the decimal digits in living scripts which NFKC leaves alone; each is followed by its other nine.
const ZEROS: &[char] = &[
    '\u{660}',
    '\u{6F0}',
    '\u{7C0}',
    '\u{966}',
    '\u{9E6}',
    '\u{A66}',
    '\u{AE6}',
    '\u{B66}',
    '\u{BE6}',
    '\u{C66}',
    '\u{CE6}',
    '\u{D66}',
    '\u{DE6}',
    '\u{E50}',
    '\u{ED0}',
    '\u{F20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17E0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19D0}',
    '\u{1A80}',
    '\u{1A90}',
    '\u{1B50}',
    '\u{1BB0}',
    '\u{1C40}',
    '\u{1C50}',
    '\u{A620}',
    '\u{A8D0}',
    '\u{A900}',
    '\u{A9D0}',
    '\u{A9F0}',
    '\u{AA50}',
    '\u{ABF0}',
    '\u{104A0}',
    '\u{11066}',
    '\u{1E950}',
];

fn digit(c: char) -> char {
    let before = ZEROS.partition_point(|zero| *zero <= c);
    let Some(zero) = before.checked_sub(1).and_then(|i| ZEROS.get(i)) else { return c };
    char::from_digit(u32::from(c) - u32::from(*zero), 10).unwrap_or(c)
}

/// The patterns that are looked for at their places.
#[cfg(test)]
pub(super) fn sought() -> Vec<&'static Sought> {
    vec![&SPACED_DOT, &SPOKEN_DOT, &DISCORD, &LETTERS, &WORD_RATIO, &WORDS_OF_UNIT]
}
