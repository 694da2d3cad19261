//! Accounts, contracts and transactions of any chain, whole or abbreviated. Deliberately without checksums: a
//! mistyped address is the one that must not leave.

use std::sync::LazyLock;

use regex::Regex;

use super::{Hit, pattern};

/// A word of letters and digits, perhaps abbreviated in its middle ("0x12ab...cd34"). `0x…` may be any length.
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Za-z]+(?:\.{2,6}[0-9A-Za-z]+)?"));

/// No chain has shorter addresses without a prefix, hardly any word with digits in it is longer.
const SHORTEST: usize = 25;
/// For words of letters alone: base58 of 32 letters has a digit but once in two hundred.
const SHORTEST_LETTERS: usize = 32;
/// Hex digits behind `0x`; shorter ones are numbers.
const SHORTEST_HEX: usize = 4;

pub(super) fn addresses(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    if !may_hold_any(text) {
        return hits;
    }
    for found in WORD.find_iter(text) {
        let word = found.as_str();
        match word.split_once('.') {
            Some((head, tail)) if abbreviated(head, tail.trim_start_matches('.')) => {
                let value = format!("{}...{}", canonical(head), tail.trim_start_matches('.'));
                hits.push(Hit::new(found.range(), value));
            }
            Some((head, tail)) => {
                let tail = tail.trim_start_matches('.');
                let tail_start = found.end() - tail.len();
                let parts = [(head, found.start()), (tail, tail_start)];
                let whole = parts.into_iter().filter(|(part, _)| is_address(part));
                hits.extend(whole.map(|(part, start)| Hit::new(start..start + part.len(), canonical(part))));
            }
            None if is_address(word) => hits.push(Hit::new(found.range(), canonical(word))),
            None => {}
        }
    }
    hits
}

/// Whether there is a long word, one that begins with `0x`, or one that is cut: a look at each byte.
fn may_hold_any(text: &str) -> bool {
    let mut word = 0;
    let mut before = 0;
    text.bytes().any(|byte| {
        word = if byte.is_ascii_alphanumeric() { word + 1 } else { 0 };
        let pair = matches!((before, byte), (b'0', b'x' | b'X') | (b'.', b'.'));
        before = byte;
        pair || word >= SHORTEST
    })
}

fn is_address(word: &str) -> bool {
    if let Some(hex) = hex_digits(word) {
        return hex.len() >= SHORTEST_HEX;
    }
    let digits = word.bytes().any(|b| b.is_ascii_digit());
    let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
    // Capitals inside a word: not a long word at the beginning of a sentence, nor one in capitals.
    let mixed = || word.bytes().skip(1).any(|b| b.is_ascii_uppercase()) && word.bytes().any(|b| b.is_ascii_lowercase());
    (word.len() >= SHORTEST && digits && letters) || (word.len() >= SHORTEST_LETTERS && mixed())
}

/// "0x12ab...cd34" and "7xKX...gAsU", but not "wait...what" or "Yes...2026".
fn abbreviated(head: &str, tail: &str) -> bool {
    let mixes = |part: &str| {
        part.len() >= 3 && part.bytes().any(|b| b.is_ascii_digit()) && part.bytes().any(|b| b.is_ascii_alphabetic())
    };
    hex_digits(head).is_some()
        || is_address(head)
        || is_address(tail)
        || (mixes(head) && tail.len() >= 3)
        || mixes(tail)
}

fn hex_digits(word: &str) -> Option<&str> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"))?;
    (!hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
}

fn canonical(word: &str) -> String {
    match hex_digits(word) {
        Some(hex) => format!("0x{hex}"),
        None => word.to_owned(),
    }
}
