//! The characters of a text: invisible ones left out, compatibility forms and combining marks settled, each with the
//! stretch of the original that it stands for. Case stays: some letters look alike in one case only.

use townkeeper_text::normalise::{is_invisible, is_settled};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::Unit;
use crate::letters::is_alphabetic;

pub(super) fn units(text: &str) -> Vec<Unit> {
    let mut out = Vec::with_capacity(text.len());
    let mut hidden = false;
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let settled = is_settled(c);
        if !settled && is_invisible(c) {
            hidden = true;
            continue;
        }
        let mut end = start + c.len_utf8();
        let mut alone = true;
        while let Some(&(at, next)) = chars.peek() {
            if is_settled(next) || !extends(next) {
                break;
            }
            (alone, end) = (false, at + next.len_utf8());
            chars.next();
        }
        let first = out.len();
        if alone && settled {
            out.push(Unit { c, start, end, trick: false });
        } else {
            settle(text.get(start..end).unwrap_or_default(), c, start..end, &mut out);
        }
        if hidden {
            hidden = false;
            split_word(&mut out, first);
        }
    }
    out
}

/// Something invisible stood before the unit at `at`. Between the letters of a word it is a trick; elsewhere it belongs
/// to an emoji, or to a script that needs it.
fn split_word(units: &mut [Unit], at: usize) {
    let is_letter = |unit: Option<&Unit>| unit.is_some_and(|unit| is_alphabetic(unit.c) && unit.c < '\u{590}');
    if at > 0 && is_letter(units.get(at - 1)) && is_letter(units.get(at)) {
        units.get_mut(at).into_iter().for_each(|unit| unit.trick = true);
    }
}

/// A character with its marks, composed and without what only decorates it.
fn settle(cluster: &str, base: char, place: std::ops::Range<usize>, out: &mut Vec<Unit>) {
    let (start, end) = (place.start, place.end);
    if let Some(c) = drawn(base) {
        return out.push(Unit { c, start, end, trick: true });
    }
    let first = out.len();
    // Nobody means a pile of marks; what is beyond it is not read.
    let settled = cluster.chars().take(MARKS).filter(|c| !is_invisible(*c)).nfkc().filter(|c| !is_invisible(*c));
    out.extend(settled.map(|c| Unit { c, start, end, trick: false }));
    let count = out.len() - first;
    let Some(head) = out.get_mut(first) else { return };
    if !head.c.is_ascii() || head.c == ' ' {
        return;
    }
    // Marks that do not compose with an ASCII character are drawn around it or through it.
    let marked = count > 1 && !base.is_ascii_digit();
    head.trick = head.c.is_ascii_alphabetic() && (marked && base == head.c || count == 1 && is_styled(base));
    let plain = out.iter().skip(first).all(|unit| unit.c.is_ascii());
    if !plain {
        out.truncate(first + 1);
    }
}

const MARKS: usize = 32;

/// A letter in fancy dress; ordinals, ligatures and Roman numerals are honest.
fn is_styled(c: char) -> bool {
    !c.is_ascii() && !matches!(c, '\u{AA}' | '\u{BA}' | '\u{2160}'..='\u{217F}')
}

/// Belongs to the character before it.
fn extends(c: char) -> bool {
    c >= '\u{300}' && (is_combining_mark(c) || matches!(c, '\u{1160}'..='\u{11FF}'))
}

/// Letters that are drawn as pictures, as small capitals or as a lunate sigma, which no compatibility form undoes.
fn drawn(c: char) -> Option<char> {
    const SMALL: &str = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡxʏᴢ";
    // Compatibility would make another sigma of it.
    if matches!(c, '\u{3F2}' | '\u{3F9}') {
        return Some('c');
    }
    let from_a = |offset: usize| ('a'..='z').nth(offset);
    match u32::from(c) {
        code @ 0x1F150..=0x1F169 => from_a(usize::try_from(code - 0x1F150).ok()?),
        code @ 0x1F170..=0x1F189 => from_a(usize::try_from(code - 0x1F170).ok()?),
        0x250..=0x2AF | 0x1D00..=0x1D2B | 0xA730..=0xA7FF => {
            SMALL.chars().position(|small| small == c).and_then(from_a)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settled_extend_nothing() {
        assert!(('\0'..=char::MAX).filter(|c| is_settled(*c)).all(|c| !extends(c)));
    }
}
