//! Which parts of a text may name a host, an address or an invitation: a look at each byte, erring towards yes.

use crate::letters::is_alphanumeric;
use std::borrow::Cow;
use std::ops::Range;

/// A text up to here is read whole.
const SHORT: usize = 400;
/// How much is read around a hint in a longer one.
const BEFORE: usize = 96;
const AFTER: usize = 256;
/// Nothing with letters and digits in it is longer, but addresses and hashes.
const LONG_WORD: usize = 25;

/// Endings of names that are in no list of public suffixes.
const CHAINS: &[&str] = &["eth", "sol", "bnb", "onion", "crypto", "nft", "dao", "wallet", "near", "ton", "lens"];

/// Endings in Cyrillic; any other Cyrillic word behind a dot is a sentence without its space.
const CYRILLIC: &[&str] = &["рф", "рус", "онлайн", "сайт", "орг", "ком", "дети", "москва", "укр", "бел", "срб", "сом"];

/// The parts to read, in order and apart from each other, on character boundaries.
pub(super) fn windows(text: &str) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let hints = Hints { text, bytes: text.as_bytes() };
    let mut word = 0;
    let mut digit = false;
    let mut skip = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() {
            word += 1;
            digit |= byte.is_ascii_digit();
        } else {
            (word, digit) = (0, false);
        }
        let hinted = at >= skip && ((word >= LONG_WORD && digit) || word > LONG_WORD + 7 || hints.at(at, byte));
        if !hinted {
            continue;
        }
        if text.len() <= SHORT {
            return std::iter::once(0..text.len()).collect();
        }
        let start = boundary(text, at.saturating_sub(BEFORE), false);
        let end = boundary(text, at + AFTER, true);
        skip = at + AFTER / 2;
        match windows.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => windows.push(start..end),
        }
    }
    windows
}

/// A part without the words that can be no part of a host, blanked byte for byte: patterns over letters of all scripts
/// are a hundred times slower where there are any.
pub(super) fn thinned(part: &str) -> Cow<'_, str> {
    if part.is_ascii() {
        return Cow::Borrowed(part);
    }
    let mut out = String::with_capacity(part.len());
    for token in part.split_inclusive(char::is_whitespace) {
        let inner = token.trim_end().trim_end_matches(|c: char| !is_alphanumeric(c));
        let foreign = !inner.bytes().any(|b| b.is_ascii_alphanumeric() || b == b'.') && !is_styled(token);
        for c in token.chars() {
            let idle = if foreign { !c.is_ascii() } else { is_picture(c) };
            if idle { out.extend(std::iter::repeat_n(' ', c.len_utf8())) } else { out.push(c) }
        }
    }
    Cow::Owned(out)
}

/// Emoji, arrows, quotation marks: what stands beside a link, and in none.
fn is_picture(c: char) -> bool {
    matches!(u32::from(c), 0xA1..=0xAC | 0xAE..=0xBB | 0x2018..=0x2023 | 0x2025..=0x2027 | 0x2190..=0x23FF | 0x2500..=0x27FF | 0x2900..=0x2BFF | 0x1F000..=0x1FAFF)
}

/// Letters in mathematical or full-width forms, which folding makes plain.
pub(super) fn is_styled(text: &str) -> bool {
    !text.is_ascii()
        && text
            .chars()
            .any(|c| matches!(u32::from(c), 0xFF01..=0xFF5E | 0x1D400..=0x1D7FF | 0x24B6..=0x24E9 | 0x1F130..=0x1F189))
}

/// The nearest end of a word: backwards from `at`, or forwards.
fn boundary(text: &str, at: usize, forwards: bool) -> usize {
    let bytes = text.as_bytes();
    let space = |b: &u8| b.is_ascii_whitespace();
    if forwards {
        let rest = bytes.get(at..).unwrap_or_default();
        return rest.iter().position(space).map_or(text.len(), |more| at + more);
    }
    bytes.get(..at).unwrap_or_default().iter().rposition(space).unwrap_or(0)
}

struct Hints<'t> {
    text: &'t str,
    bytes: &'t [u8],
}

impl Hints<'_> {
    fn at(&self, at: usize, byte: u8) -> bool {
        match byte {
            b'.' => self.dot(at),
            b':' => matches!(self.byte(at + 1), Some(b'/' | b'\\')),
            b'[' | b'(' | b'{' => self.bracket(at),
            b' ' | b'\n' => self.spaced(at),
            b'&' | b'%' | b'\\' => self.coded(at),
            b'x' | b'X' => self.hex(at),
            b'g' | b'G' => self.door(at),
            b'i' | b'I' => self.starts(at, "invit"),
            // The dots of other scripts: `．` `。` `｡` `․`
            0xE2 | 0xE3 | 0xEF => self.wide_dot(at),
            _ => false,
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|before| self.byte(before))
    }

    fn starts(&self, at: usize, word: &str) -> bool {
        self.bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// `.org`, and a dot in emphasis.
    fn dot(&self, at: usize) -> bool {
        let inside = self.before(at).is_some_and(|b| !b.is_ascii_whitespace() && b != b'.');
        match self.byte(at + 1) {
            Some(b'*' | b'_' | b'`' | b'~' | b']' | b')') => {
                inside && matches!(self.before(at), Some(b'*' | b'_' | b'`' | b'~'))
            }
            Some(b) if b.is_ascii_alphanumeric() || !b.is_ascii() => inside && self.ending(at + 1),
            _ => false,
        }
    }

    /// Whether the word that begins here ends hosts.
    fn ending(&self, start: usize) -> bool {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut end = rest.find(|c: char| !is_alphanumeric(c) && c != '-').unwrap_or(rest.len());
        if end > 63 {
            end = 0;
        }
        let label = rest.get(..end).unwrap_or_default();
        if label.is_ascii() {
            return is_ending(label) || self.number(start);
        }
        let cyrillic = label.chars().all(|c| matches!(c, '\u{400}'..='\u{52F}'));
        if cyrillic {
            return CYRILLIC.contains(&label.to_lowercase().as_str());
        }
        // Ideographs after a dot begin a sentence; a mixed or mathematical word may be anything.
        label.chars().any(|c| c.is_ascii_alphabetic() || u32::from(c) > 0xFF00 || ('\u{370}'..'\u{600}').contains(&c))
    }

    /// `192.0.2.7`: four numbers, three dots.
    fn number(&self, start: usize) -> bool {
        let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
        let before = self.bytes.get(..start).unwrap_or_default().iter().rev().take(16).take_while(part).count();
        let behind = self.bytes.get(start..).unwrap_or_default().iter().take(16).take_while(part).count();
        let run = self.text.get(start - before..start + behind).unwrap_or_default().trim_end_matches('.');
        run.split('.').count() == 4 && run.split('.').all(|number| (1..=3).contains(&number.len()))
    }

    /// `[.]`, `(dot)`, `[:]`.
    fn bracket(&self, at: usize) -> bool {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let spaces = rest.iter().take_while(|b| **b == b' ').count();
        let inner = at + 1 + spaces;
        let close = |at: usize| matches!(self.byte(at), Some(b']' | b')' | b'}' | b' '));
        spaces <= 1
            && ((matches!(self.byte(inner), Some(b'.' | b':')) && close(inner + 1))
                || (self.starts(inner, "dot") && close(inner + 3))
                || (self.starts(inner, "punkt") && close(inner + 5)))
    }

    /// ` dot com`, ` . com`, ` .com`, and letters apart from each other up to a dot: `e x a m p l e . o r g`.
    fn spaced(&self, at: usize) -> bool {
        let space = |at: usize| matches!(self.byte(at), Some(b' ' | b'\n'));
        if self.starts(at + 1, "dot") && space(at + 4) {
            return self.ending(at + 5);
        }
        if self.byte(at + 1) != Some(b'.') {
            return false;
        }
        let start = if space(at + 2) { at + 3 } else { at + 2 };
        self.byte(start).is_some_and(|b| b.is_ascii_alphabetic()) && (self.ending(start) || space(start + 1))
    }

    /// A dot by its number, as HTML or a URL writes it, and one behind a backslash.
    fn coded(&self, at: usize) -> bool {
        match self.byte(at) {
            Some(b'%') => self.starts(at + 1, "2e"),
            Some(b'\\') => self.byte(at + 1) == Some(b'.'),
            _ => self.byte(at + 1) == Some(b'#') || self.starts(at + 1, "period"),
        }
    }

    /// `0x52908400`, `0x52...9EE7`.
    fn hex(&self, at: usize) -> bool {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        self.before(at) == Some(b'0')
            && (digits >= 16 || (digits >= 2 && matches!(rest.get(digits..digits + 2), Some(b".."))))
    }

    /// `discord gg/abc`.
    fn door(&self, at: usize) -> bool {
        let before = self.bytes.get(at.saturating_sub(12)..at).unwrap_or_default();
        matches!(self.byte(at + 1), Some(b'g' | b'G'))
            && before.last().is_some_and(|b| matches!(b, b' ' | b',' | b'-'))
            && before.windows(3).any(|part| part.eq_ignore_ascii_case(b"dsc") || part.eq_ignore_ascii_case(b"ord"))
    }

    fn wide_dot(&self, at: usize) -> bool {
        let dot = matches!(
            self.bytes.get(at..at + 3),
            Some([0xEF, 0xBC, 0x8E] | [0xE3, 0x80, 0x82] | [0xEF, 0xBD, 0xA1] | [0xE2, 0x80, 0xA4])
        );
        let latin = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0xEF);
        dot && latin(self.before(at)) | self.wide_letter(at) && latin(self.byte(at + 3))
    }

    /// A full-width letter stands before.
    fn wide_letter(&self, at: usize) -> bool {
        at.checked_sub(3).and_then(|start| self.byte(start)) == Some(0xEF)
    }
}

fn is_ending(label: &str) -> bool {
    let mut lower = [0_u8; 24];
    let Some(slot) = lower.get_mut(..label.len()) else { return false };
    slot.copy_from_slice(label.as_bytes());
    slot.make_ascii_lowercase();
    let label: &[u8] = slot;
    label.len() >= 2
        && (psl::suffix(label).is_some_and(|suffix| suffix.is_known())
            || CHAINS.iter().any(|chain| chain.as_bytes() == label))
}
