//! Names and hosts by their shape: what is left when letters that look alike are one letter. Both sides of a comparison
//! are shaped, so a shape is never shown.

use crate::letters::is_alphabetic;
/// How digits are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digits {
    /// As the letters they imitate: `e1izaos`.
    Letters,
    /// As what stands between words: `lumen2026`.
    Gaps,
}

/// Lower-case letters, with one space for everything between them. `i`, `l` and `1` are one letter, `rn` is `m`.
pub(crate) fn shape(text: &str, digits: Digits) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        text.chars().for_each(|c| push(&mut out, c, digits));
    } else {
        townkeeper_text::skeleton(text).chars().filter(|c| !is_mark(*c)).for_each(|c| push(&mut out, c, digits));
    }
    while out.ends_with(' ') {
        out.pop();
    }
    if out.contains("rn") || out.contains("vv") { out.replace("rn", "m").replace("vv", "w") } else { out }
}

/// A shape without its gaps.
pub(crate) fn joined(shape: &str) -> String {
    shape.split(' ').collect()
}

fn push(out: &mut String, c: char, digits: Digits) {
    let c = plain(c.to_ascii_lowercase());
    let letter = match c {
        'a'..='z' => Some(c),
        '0'..='9' if digits == Digits::Letters => imitated(c),
        c if !c.is_ascii() && is_alphabetic(c) => Some(c),
        _ => None,
    };
    match letter {
        Some(c) => out.push(c),
        None if out.is_empty() || out.ends_with(' ') => {}
        None => out.push(' '),
    }
}

fn imitated(digit: char) -> Option<char> {
    let letter = match digit {
        '0' => 'o',
        '1' => 'l',
        '2' => 'z',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '6' | '8' => 'b',
        '7' => 't',
        '9' => 'g',
        _ => return None,
    };
    Some(letter)
}

/// Letters that the confusables of UTS #39 keep apart, or make small capitals of, and a hurried reader does not.
fn plain(c: char) -> char {
    match c {
        'i' | '\u{131}' | '\u{456}' | '\u{3b9}' => 'l',
        'м' | 'ʍ' | 'ᴍ' => 'm',
        'н' | 'ʜ' => 'h',
        'к' | 'κ' | 'ĸ' | 'ᴋ' => 'k',
        'т' | 'τ' | 'ᴛ' => 't',
        'в' | 'ʙ' => 'b',
        'п' | 'η' | 'ᴨ' | 'π' | 'ɴ' => 'n',
        'и' | 'ᴎ' | 'μ' | 'µ' | 'υ' => 'u',
        'ω' => 'w',
        'ε' | 'є' => 'e',
        'α' | 'ɑ' => 'a',
        'σ' | 'ο' => 'o',
        'з' | 'ɜ' => 'e',
        'г' | 'ᴦ' | 'ʀ' => 'r',
        c => c,
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_has_one_shape() {
        let shape = |text| shape(text, Digits::Letters);
        for other in ["LUMEN", "1umen", "Iumen", "lurnen", "ｌｕｍｅｎ", "lumеn", "lümen", "𝗹𝘂𝗺𝗲𝗻", "lum3n", "ӏuмеп"]
        {
            assert_eq!(shape(other), shape("lumen"), "{other}");
        }
        assert_eq!(shape("e1iza0s"), shape("elizaos"));
        assert_ne!(shape("lumen"), shape("luman"));
    }

    #[test]
    fn what_stands_between_words_is_one_gap() {
        assert_eq!(shape("  claim--lumen_2026! ", Digits::Gaps), "clalm lumen");
        assert_eq!(joined("clalm lumen"), "clalmlumen");
    }
}
