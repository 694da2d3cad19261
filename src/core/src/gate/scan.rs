//! How long text is held back while a model speaks: from the first word that a finding may begin with, until so many
//! plain words follow that it cannot grow any more.

use std::collections::HashSet;
use std::sync::LazyLock;

use townkeeper_contract::text::extract::{is_month, is_odd};

use super::words;

/// How many plain words must follow before a suspicious stretch is known to be whole ("4 … February … 2027").
const TAIL: usize = 3;

/// Longer words are never plain: base58 addresses are letters only, now and then.
const LONG: usize = 24;

/// How far what is held was looked at: each word once, however many pieces it came in.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The end of the last word looked at.
    at: usize,
    /// The plain words since the last suspicious one, while a suspicious stretch is open.
    open: Option<usize>,
    /// Whether anything needs judging.
    suspicious: bool,
}

impl Scan {
    /// How much of `held` can be judged now: up to the first stretch that may still grow into a finding. Also whether
    /// it has anything in it that needs judging. The caller takes that much away from its beginning.
    pub(super) fn whole(&mut self, held: &str, end: bool) -> (usize, bool) {
        let (mut whole, mut judge) = (0, false);
        for (token, complete) in tokens(held.get(self.at..).unwrap_or_default()) {
            if !complete && !end {
                break;
            }
            self.at += token.len();
            if is_plain(token) {
                self.open = self.open.map(|words| words + usize::from(!token.trim().is_empty()));
            } else {
                self.open = Some(0);
                self.suspicious = true;
            }
            if token.contains('\n') || self.open.is_some_and(|words| words >= TAIL) {
                self.open = None;
            }
            if self.open.is_none() {
                whole = self.at;
                judge |= std::mem::take(&mut self.suspicious);
            }
        }
        if end {
            let suspicious = judge || self.suspicious;
            *self = Self::default();
            return (held.len(), suspicious);
        }
        self.at -= whole;
        (whole, judge)
    }
}

/// Words with the white space behind them; `false` for a last word that may go on. A character of a script without
/// spaces is a word of its own.
fn tokens(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut chars = rest.char_indices().peekable();
        let mut space = false;
        while let Some((_, c)) = chars.next() {
            space |= c.is_whitespace();
            let next = chars.peek().copied();
            let over = next.is_some_and(|(_, n)| space && !n.is_whitespace());
            if over || is_spaceless(c) {
                let cut = next.map_or(rest.len(), |(at, _)| at);
                let (token, tail) = rest.split_at(cut);
                rest = tail;
                return Some((token, true));
            }
        }
        let token = std::mem::take(&mut rest);
        (!token.is_empty()).then_some((token, space))
    })
}

/// Han and kana: scripts that write words without spaces between them.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{3001}' | '\u{3002}')
}

/// A word that no finding can begin with: letters, with ordinary punctuation around or inside it.
fn is_plain(token: &str) -> bool {
    let word = token.trim();
    let core = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', '”', '’', '*', '_']);
    let core = core.trim_start_matches(['(', '"', '\'', '“', '‘', '*', '_', '-', '–', '—', '•']);
    // A dot that stands alone may be a link's; letters that stand alone may be a word's.
    let lone =
        core.is_empty() && word.contains('.') || core.len() == 1 && !matches!(core, "a" | "A" | "I" | "i" | "o" | "O");
    core.chars().count() <= LONG
        && core.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '–' | '—' | '\u{300}'..='\u{36f}'))
        && !lone
        && !is_odd(core)
        && !begins_date_or_link(core)
        && !words::may_begin(core)
}

/// Words that dates, spelled-out links and invitations are made of, beyond [`words`] and the names of months.
const WORDS: &str =
    "biz code com dot eth first gg info invitation invite io live net org percent punkt punto second site xyz";

static BEGINS: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

fn begins_date_or_link(word: &str) -> bool {
    // "May" and "March" are words as well; as names of months they are written with a capital.
    if matches!(word, "may" | "march" | "mars" | "out" | "ago" | "gen") {
        return false;
    }
    // Every word of an answer comes here: most have no capital, and are looked up as they stand.
    let lower = if word.bytes().all(|b| b.is_ascii_lowercase()) { word } else { &word.to_lowercase() };
    BEGINS.contains(lower) || is_month(lower)
}
