//! The short way: ASCII without digits inside words and without spaced letters is copied.

use super::{Folded, Piece};

/// Only ASCII, and nothing in it that the long way might change. It may err towards the long way.
pub(super) fn is_plain(text: &str) -> bool {
    let mut before = Kind::Gap;
    // A letter came before the digits and symbols that were just read.
    let mut after_letter = false;
    // So many letters stand alone in a row, and so many are in the word being read.
    let (mut alone, mut word) = (0_u8, 0_u8);
    for byte in text.bytes() {
        let kind = Kind::of(byte);
        match kind {
            Kind::Other => return false,
            Kind::Letter => {
                if before == Kind::Sub && after_letter || before == Kind::Zero {
                    return false;
                }
                word = word.saturating_add(1);
            }
            Kind::Sub | Kind::Zero => {
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
    alone < 2 || word != 1
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
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
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Self::Letter,
            b'0' => Self::Zero,
            b'1'..=b'9' | b'@' | b'$' | b'!' | b'|' => Self::Sub,
            0..=8 | 14..=31 | 127.. => Self::Other,
            _ => Self::Gap,
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
        return Folded { text: text.to_ascii_lowercase(), pieces: Vec::new(), changed: 0.0 };
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
            folded.push_str(word);
        }
        at += word.len() + 1;
    }
    folded.make_ascii_lowercase();
    Folded { text: folded, pieces, changed: 0.0 }
}
