//! The layers: each looks at one thing and says what it found, with its evidence.
//!
//! * [`deny`] (L0): hosts and addresses that are known to be bad
//! * [`facts`] (L1): what pretends to be ours; measured by [`brand`]
//! * [`identity`] (L2): names that pretend to be ours
//! * [`intent`] (L3): what the text wants of its reader
//! * [`context`]: what only this message's place tells: an edit, a quick reply

pub mod brand;
pub mod context;
pub mod deny;
pub mod facts;
pub mod identity;
pub mod intent;

use std::ops::Range;

use crate::verdict::Evidence;

/// A stretch of a text as evidence: defanged, and short enough for a card.
pub(crate) fn evidence(text: &str, range: Range<usize>) -> Evidence {
    let start = floor(text, range.start);
    let end = floor(text, range.end.max(start)).min(floor(text, start + LONGEST));
    Evidence { text: harmless(text.get(start..end).unwrap_or_default().trim()), range }
}

/// A text in which nothing opens and no address can be copied. By its signs alone, for it is shown in full to moderators
/// and must not cost what `townkeeper_text::defang` does: a dot too many is put in brackets rather than one too few.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // Letters and digits of ASCII are never part of another letter, so bytes will do.
    while let Some(start) = rest.bytes().position(|b| b.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let end = from.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        let ends = (word.get(..6), word.len().checked_sub(4).and_then(|tail| word.get(tail..)));
        match (word, ends) {
            (long, (Some(head), Some(tail))) if long.len() >= ADDRESS => {
                out.push_str(head);
                out.push('…');
                out.push_str(tail);
            }
            (scheme, _) if scheme.eq_ignore_ascii_case("http") => out.push_str("hxxp"),
            (scheme, _) if scheme.eq_ignore_ascii_case("https") => out.push_str("hxxps"),
            _ => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    fenced(&out)
}

/// From so many letters and digits in a row on, it is an address.
const ADDRESS: usize = 25;

/// Dots and colons that hold links together, in brackets.
fn fenced(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let binds = !before.is_whitespace() && before != '[' && chars.peek().is_some_and(|next| !next.is_whitespace());
        match c {
            '.' | '\u{ff0e}' | '\u{3002}' | '\u{ff61}' | '\u{2024}' if binds => out.push_str("[.]"),
            ':' if binds && chars.peek() == Some(&'/') => out.push_str("[:]"),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// What is shown of a long stretch, in bytes.
const LONGEST: usize = 160;

/// The character boundary at or before a byte.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_opens_nothing() {
        let cases = [
            ("go to https://claim.example.net/x. Now", "go to hxxps[:]//claim[.]example[.]net/x. Now"),
            ("claim[.]example.net", "claim[.]example[.]net"),
            ("to 0x52908400098527886E0F7030069857D2E4169EE7!", "to 0x5290…9EE7!"),
            ("Так. И вот так.", "Так. И вот так."),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected);
            assert_eq!(
                townkeeper_text::extract(&harmless(text))
                    .iter()
                    .filter(|found| {
                        harmless(text).get(found.range.clone()).is_some_and(|shown| shown.contains("://"))
                    })
                    .count(),
                0
            );
        }
    }
}
