//! The short way: ASCII and Cyrillic, without digits inside words, without spaced letters and without words of both
//! scripts, are copied.

use townkeeper_text::normalise::is_settled;

use super::{Folded, Piece};
use crate::letters::is_alphanumeric;

/// Nothing in the text that the long way might change. It may err towards the long way.
pub(super) fn is_plain(text: &str) -> bool {
    let mut before = Kind::Gap;
    // A letter came before the digits and symbols that were just read.
    let mut after_letter = false;
    // So many letters stand alone in a row, and so many are in the word being read.
    let (mut alone, mut word) = (0_u8, 0_u8);
    let (mut latin, mut cyrillic, mut pipes) = (0_u32, 0_u32, false);
    for c in text.chars() {
        let kind = Kind::of(c);
        match kind {
            Kind::Other => return false,
            Kind::Letter => {
                if before == Kind::Sub && after_letter || matches!(before, Kind::Zero | Kind::Cyrillic) {
                    return false;
                }
                (latin, word) = (latin.saturating_add(1), word.saturating_add(1));
            }
            Kind::Cyrillic => {
                if before == Kind::Letter {
                    return false;
                }
                (cyrillic, word) = (cyrillic.saturating_add(1), word.saturating_add(1));
            }
            Kind::Sub | Kind::Zero => {
                pipes |= c == '|';
                after_letter = before == Kind::Letter || after_letter && before != Kind::Gap;
                word = word.saturating_add(1);
            }
            Kind::Gap => after_letter = false,
        }
        if kind == Kind::Gap && before != Kind::Gap {
            alone = if word == 1 { alone + 1 } else { 0 };
            word = 0;
            if alone >= 3 {
                return false;
            }
        }
        before = kind;
    }
    let one_script = cyrillic == 0 || latin <= cyrillic && !pipes;
    one_script && (alone < 2 || word != 1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    /// May be what a Latin letter looks like.
    Cyrillic,
    /// May stand for a letter.
    Sub,
    /// May stand for a letter at the start of a word too.
    Zero,
    /// Ends a word.
    Gap,
    /// Not for this way.
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' => Self::Letter,
            '0' => Self::Zero,
            '1'..='9' | '@' | '$' | '!' | '|' => Self::Sub,
            '\t'..='\r' | ' '..='~' => Self::Gap,
            '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' => Self::Cyrillic,
            // Some signs of money stand for letters.
            '\0'..='\u{BF}' | '\u{20A0}'..='\u{20BF}' => Self::Other,
            c if is_settled(c) && !is_alphanumeric(c) => Self::Gap,
            _ => Self::Other,
        }
    }
}

/// The text in lower case with its white space evened out.
pub(super) fn copy(text: &str) -> Folded {
    let bytes = text.as_bytes();
    let even = !bytes.first().is_some_and(u8::is_ascii_whitespace)
        && !bytes.last().is_some_and(u8::is_ascii_whitespace)
        && !bytes.iter().any(|byte| matches!(byte, 9..=13))
        && !text.contains("  ");
    if even {
        let mut folded = String::with_capacity(text.len());
        push_lower(&mut folded, text);
        return Folded { text: folded, pieces: Vec::new(), changed: 0.0 };
    }
    let mut folded = String::with_capacity(text.len());
    let mut pieces = Vec::new();
    let mut at = 0;
    for word in text.split(char::is_whitespace) {
        if !word.is_empty() {
            if !folded.is_empty() {
                // The space before a word is the one that stands there.
                pieces.push(Piece { folded: folded.len(), original: at - 1..at, alike: true });
                folded.push(' ');
            }
            pieces.push(Piece { folded: folded.len(), original: at..at + word.len(), alike: true });
            push_lower(&mut folded, word);
        }
        at += word.len() + 1;
    }
    Folded { text: folded, pieces, changed: 0.0 }
}

/// In lower case; no letter of these scripts is longer or shorter in it.
fn push_lower(out: &mut String, text: &str) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out.get_mut(start..).into_iter().for_each(str::make_ascii_lowercase);
        return;
    }
    for c in text.chars() {
        match c {
            '\u{430}'..='\u{45F}' => out.push(c),
            c if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            c => out.extend(c.to_lowercase()),
        }
    }
}
