//! Base64 that hides a link: a reader is told to decode it. What it hides is no matter, so its value is as written.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Hit, addresses, links};

/// As forgiving as people's decoders: padding or none, odd bits at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Shorter ones hide no link: `a.co` is six characters long.
const SHORTEST: usize = 6;

/// No hidden link begins later, and what is longer is found for its digits.
const LONGEST: usize = 512;

/// With how many of a group's first words it is tried to begin: each try reads the whole group.
const STARTS: usize = 8;

pub(super) fn encoded(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut group: Vec<(usize, &str)> = Vec::new();
    for (start, word) in words(text) {
        let goes_on = group.last().is_some_and(|(at, last)| start == at + last.len() + 1);
        if !goes_on {
            hits.extend(judge(&group));
            group.clear();
        }
        if is_mixed(word) {
            group.push((start, word));
        }
    }
    hits.extend(judge(&group));
    hits
}

/// Whether a word is written as encoded text is, and as no name is: capitals inside it that begin no part of it.
pub fn is_odd(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let bytes = word.as_bytes();
    let follows = |at: usize| bytes.get(at + 1).copied();
    let small = |b: u8| b.is_ascii_lowercase();
    let strays = bytes.windows(2).enumerate().any(|(at, pair)| match pair {
        [before, capital] if small(*before) && capital.is_ascii_uppercase() => !follows(at + 1).is_some_and(small),
        // "ZXhh" too, but not "DMs".
        [before, capital] if before.is_ascii_uppercase() && capital.is_ascii_uppercase() => {
            follows(at + 1).is_some_and(small) && bytes.len() > at + 3
        }
        _ => false,
    });
    bytes.len() > 3 && strays
}

/// Stretches of the characters that base64 is made of, each with where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let mut at = 0;
    text.split_inclusive(move |c| !part(c)).filter_map(move |piece| {
        let start = at;
        at += piece.len();
        let word = piece.trim_end_matches(|c| !part(c));
        (!word.is_empty()).then_some((start, word))
    })
}

/// A word that may be encoded, or a piece of what is: a capital, a digit or a sign inside it.
fn is_mixed(word: &str) -> bool {
    word.len() > 1 && word.bytes().skip(1).any(|b| !b.is_ascii_lowercase() && b != b'-')
}

/// What a group of such words hides: all of it from some word on, else each by itself.
fn judge(group: &[(usize, &str)]) -> Vec<Hit> {
    let Some((last, end)) = group.last() else { return Vec::new() };
    for from in 0..group.len().min(STARTS) {
        let Some(rest @ [(start, _), ..]) = group.get(from..) else { break };
        let words: String = rest.iter().map(|(_, word)| *word).collect();
        if hides_a_link(&words) {
            return vec![Hit::new(*start..last + end.len(), words)];
        }
    }
    let alone = group.iter().skip(1).filter(|(_, word)| hides_a_link(word));
    alone.map(|(at, word)| Hit::new(*at..at + word.len(), (*word).to_owned())).collect()
}

fn hides_a_link(word: &str) -> bool {
    let standard = |c| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    };
    let letters: String = word.chars().filter(|c| *c != '=').take(LONGEST).map(standard).collect();
    let whole = letters.len() - usize::from(letters.len() % 4 == 1);
    let Some(Ok(bytes)) = letters.get(..whole).filter(|l| l.len() >= SHORTEST).map(|l| LENIENT.decode(l)) else {
        return false;
    };
    // What stands before or behind it may decode to nonsense.
    let text = String::from_utf8_lossy(&bytes);
    let passes = [links::schemes, links::paths, links::mail, links::hosts, addresses::addresses];
    passes.iter().any(|pass| !pass(&text).is_empty())
}
