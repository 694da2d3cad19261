//! Digits and symbols for letters, inside words: `cla1m`, `supp0rt`, `w@llet`. Numbers, versions, addresses, links and
//! handles stay: `v2`, `web3`, `10k`.

use super::Unit;
use crate::letters::{is_alphabetic, is_alphanumeric};

/// Longer words are addresses and hashes.
const LONGEST: usize = 24;

pub(super) fn fold(units: &mut [Unit]) {
    if !units.iter().any(|unit| !is_usual(unit.c) && letter(unit.c).is_some()) {
        return;
    }
    units.split_mut(Unit::is_space).filter(|token| !is_reference(token)).for_each(|token| {
        token.split_mut(|unit| !is_alphabetic(unit.c) && letter(unit.c).is_none()).for_each(word);
    });
}

/// A link, a host, an address, a handle, a tag: read by others, and as they are.
fn is_reference(token: &[Unit]) -> bool {
    let opens = token.first().is_some_and(|first| matches!(first.c, '@' | '#' | '<'));
    let dotted = || {
        let pairs = token.iter().zip(token.iter().skip(1));
        pairs.zip(token.iter().skip(2)).any(|((before, dot), after)| {
            matches!(dot.c, '.' | '/' | ':' | '=' | '_') && is_alphanumeric(before.c) && is_alphanumeric(after.c)
        })
    };
    opens || dotted()
}

fn word(word: &mut [Unit]) {
    let letters = word.iter().filter(|unit| is_alphabetic(unit.c)).count();
    if letters == word.len() || letters < 2 || word.len() > LONGEST || letters * 2 < word.len() {
        return;
    }
    if word.iter().any(|unit| is_alphabetic(unit.c) && !unit.c.is_ascii()) {
        return;
    }
    let Some(first) = word.iter().position(|unit| is_alphabetic(unit.c)) else { return };
    let Some(last) = word.iter().rposition(|unit| is_alphabetic(unit.c)) else { return };
    let is_inside = |at: usize, c: char| first < at && at < last && !is_alphabetic(c);
    let inside = word.iter().enumerate().any(|(at, unit)| is_inside(at, unit.c) && width(word, at) <= 2);
    // No number starts with a nought before letters, but `0x`.
    let leads = first == 1 && letters > 2 && word.first().is_some_and(|unit| unit.c == '0') && !is(word, 1, 'x');
    for at in 0..word.len() {
        let Some(c) = word.get(at).map(|unit| unit.c).filter(|c| !is_alphabetic(*c)) else { continue };
        // `p2p`, `b4u`
        if letters == 2 && matches!(c, '2' | '4' | '8') {
            continue;
        }
        // At the ends it may be a price or a full stop, unless the word is disguised anyway.
        let ends = at < first && leads || inside && (at < first && c != '$' || at > last && c != '!');
        if !(inside && is_inside(at, c) || ends) {
            continue;
        }
        let read = if c == '1' && is_ell(word, at) { Some('l') } else { letter(c) };
        if let (Some(read), Some(unit)) = (read, word.get_mut(at)) {
            (unit.c, unit.trick) = (read, true);
        }
    }
}

fn is(word: &[Unit], at: usize, c: char) -> bool {
    word.get(at).is_some_and(|unit| unit.c.eq_ignore_ascii_case(&c))
}

/// How many digits and symbols stand together around `at`.
fn width(word: &[Unit], at: usize) -> usize {
    let after = word.iter().skip(at).take_while(|unit| !is_alphabetic(unit.c)).count();
    let before = word.iter().take(at).rev().take_while(|unit| !is_alphabetic(unit.c)).count();
    before + after
}

/// `wa11et`, `c1aim`, `va1id`: a one between vowels or after a first consonant is an l, and so are two of them.
fn is_ell(word: &[Unit], at: usize) -> bool {
    let vowel =
        |at: usize| word.get(at).is_some_and(|unit| matches!(unit.c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u'));
    let before = at.wrapping_sub(1);
    is(word, before, '1')
        || is(word, at + 1, '1')
        || is(word, before, 'l')
        || vowel(at + 1) && (vowel(before) || at == 1)
}

/// Stands for itself, as most characters do.
fn is_usual(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | ' ' | '.' | ',' | '\u{400}'..='\u{4FF}')
}

/// The letter that it stands for.
fn letter(c: char) -> Option<char> {
    Some(match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '2' => 'z',
        '3' | '€' | '£' => 'e',
        '4' | '@' | '₳' => 'a',
        '5' | '$' | '§' => 's',
        '6' | '9' => 'g',
        '7' => 't',
        '8' | '₿' => 'b',
        '¢' | '₵' => 'c',
        '¥' => 'y',
        _ => return None,
    })
}
