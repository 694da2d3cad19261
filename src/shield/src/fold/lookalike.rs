//! Letters of one script that pass for those of another. A text is read in the script it is mainly written in: foreign
//! letters inside its words become the ones they look like. Whoever writes Russian, Greek or Chinese is not touched.

use std::sync::LazyLock;

use super::Unit;
use crate::letters::is_alphabetic;

pub(super) fn fold(units: &mut [Unit]) {
    // Without Latin letters nothing can pass for one, or hide among others.
    if !units.iter().any(|unit| is_latin(unit.c)) {
        return;
    }
    let tally = Tally::of(units);
    if tally.latin <= tally.foreign + tally.dense {
        // In another script dressed-up Latin letters are honest: full width among ideographs.
        units.iter_mut().filter(|unit| unit.c.is_ascii()).for_each(|unit| unit.trick = false);
    }
    if tally.latin > tally.foreign {
        let turkish = units.iter().any(|unit| matches!(unit.c, 'ğ' | 'Ğ' | 'ş' | 'Ş' | 'İ'));
        words(units, |word| {
            let mixed = word.iter().any(|unit| is_latin(unit.c));
            let read = |c| match c {
                'ı' if !turkish => Some('i'),
                c if is_latin(c) => Some(c),
                c => to_latin(c, mixed),
            };
            replace(word, read, mixed);
        });
    } else if tally.mixed {
        words(units, |word| replace(word, |c| if is_cyrillic(c) { Some(c) } else { to_cyrillic(c) }, false));
    }
}

/// Letters by script.
#[derive(Default)]
struct Tally {
    latin: usize,
    foreign: usize,
    /// Of scripts that resemble neither: Chinese, Japanese, Korean.
    dense: usize,
    /// A word has both.
    mixed: bool,
}

impl Tally {
    fn of(units: &mut [Unit]) -> Self {
        let mut tally = Self::default();
        words(units, |word| {
            let latin = word.iter().filter(|unit| is_latin(unit.c)).count();
            let dense = word.iter().filter(|unit| unit.c >= DENSE).count();
            let mixed = latin > 0 && latin + dense < word.len();
            tally.mixed |= mixed;
            tally.latin += latin;
            tally.dense += dense;
            // What passes for Latin beside Latin letters says nothing of the script.
            let speaks = |c: char| !is_latin(c) && c < DENSE && (!mixed || to_latin(c, true).is_none());
            tally.foreign += word.iter().filter(|unit| speaks(unit.c)).count();
        });
        tally
    }
}

const DENSE: char = '\u{2E80}';

/// Each run of letters.
fn words(units: &mut [Unit], mut each: impl FnMut(&mut [Unit])) {
    units.split_mut(|unit| !is_alphabetic(unit.c)).filter(|word| !word.is_empty()).for_each(&mut each);
}

/// Replaces the letters of a word that have a counterpart, or none unless each of them has one.
fn replace(word: &mut [Unit], counterpart: impl Fn(char) -> Option<char>, some: bool) {
    if word.iter().all(|unit| unit.c.is_ascii()) || !some && word.iter().any(|unit| counterpart(unit.c).is_none()) {
        return;
    }
    for unit in word {
        if let Some(c) = counterpart(unit.c).filter(|c| *c != unit.c) {
            (unit.c, unit.trick) = (c, true);
        }
    }
}

/// As European languages write it, marks included; phonetic and other odd letters are not.
fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}')
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52F}')
}

/// The ASCII letter that it looks like. `mixed`: beside Latin letters also those pass that only resemble one.
fn to_latin(c: char, mixed: bool) -> Option<char> {
    let resembled = match c {
        'к' => 'k',
        'т' => 't',
        'м' => 'm',
        'н' => 'h',
        'в' => 'b',
        _ => '\0',
    };
    if resembled != '\0' {
        return mixed.then_some(resembled);
    }
    match u32::from(c).checked_sub(GREEK).and_then(|at| TWINS.get(usize::try_from(at).ok()?)) {
        Some(twin) => *twin,
        None => twin(c),
    }
}

/// The twins of Greek and Cyrillic letters: whole texts are asked for them.
static TWINS: LazyLock<Vec<Option<char>>> =
    LazyLock::new(|| (GREEK..0x530).map(|code| char::from_u32(code).and_then(twin)).collect());
const GREEK: u32 = 0x370;

/// The ASCII letter that has the same skeleton.
fn twin(c: char) -> Option<char> {
    let mut utf8 = [0; 4];
    let mut skeleton = unicode_security::confusable_detection::skeleton(c.encode_utf8(&mut utf8));
    match (skeleton.next()?, skeleton.next(), skeleton.next()) {
        // Capital I, small l and the digit are one in the tables.
        ('l', None, None) if c.is_uppercase() => Some('i'),
        ('r', Some('n'), None) => Some('m'),
        ('v', Some('v'), None) => Some('w'),
        (one, None, None) => Some(one).filter(char::is_ascii_alphabetic),
        _ => None,
    }
}

/// The Cyrillic letter that it looks like.
fn to_cyrillic(c: char) -> Option<char> {
    let at = "acekopxyABCEHKMOPTXiI".chars().position(|latin| latin == c)?;
    "асекорхуАВСЕНКМОРТХіІ".chars().nth(at)
}
