//! Spaced letters: `s e e d`, `c.l.a.i.m`. What stands between single letters is taken out; a wider gap ends a word, and
//! where all gaps are alike the words are found by what they are.

use super::{Unit, words};
use crate::letters::{is_alphabetic, is_alphanumeric};

pub(super) fn join(units: &mut Vec<Unit>) {
    if !has_a_row(units) {
        return;
    }
    let mut dropped = vec![false; units.len()];
    let mut at = 0;
    while at < units.len() {
        at = match run(units, at) {
            Some(run) => {
                if run.enough {
                    run.mark(units, &mut dropped);
                }
                run.end
            }
            None => next_word(units, at),
        };
    }
    let mut keep = dropped.iter().map(|dropped| !dropped);
    units.retain(|_| keep.next().unwrap_or(true));
}

/// Three words of one character in a row: without them there is nothing to join.
fn has_a_row(units: &[Unit]) -> bool {
    let (mut word, mut row) = (0_usize, 0_usize);
    for unit in units {
        if matches!(unit.c, 'a'..='z' | '\u{430}'..='\u{44F}') || is_alphanumeric(unit.c) {
            word += 1;
            continue;
        }
        if word > 0 {
            row = if word == 1 { row + 1 } else { 0 };
        }
        if row > 2 {
            return true;
        }
        word = 0;
    }
    row > 1 && word == 1
}

/// Single characters in a row, each apart from the next.
struct Run {
    start: usize,
    end: usize,
    /// The narrowest gap.
    gap: usize,
    letters: usize,
    /// It is no accident.
    enough: bool,
}

impl Run {
    /// Marks what stands in its narrowest gaps; between words a space stays.
    fn mark(&self, units: &mut [Unit], dropped: &mut [bool]) {
        let mut gap = 0;
        let mut joined = Joined::default();
        for at in self.start..self.end {
            let Some(unit) = units.get_mut(at) else { return };
            if !is_member(unit.c) {
                gap += 1;
                continue;
            }
            // An abbreviation may have three: U.S.A.
            unit.trick |= self.letters > 3;
            let c = unit.c.to_ascii_lowercase();
            if gap > self.gap {
                std::mem::take(&mut joined).part(units, dropped);
            } else {
                dropped.iter_mut().take(at).skip(at - gap).for_each(|dropped| *dropped = true);
            }
            joined.letters.push(c);
            joined.gaps.push(at - gap.min(1));
            gap = 0;
        }
        joined.part(units, dropped);
    }
}

/// Letters without a gap between them any more.
#[derive(Default)]
struct Joined {
    letters: String,
    /// For each letter what stood before it, or the letter itself.
    gaps: Vec<usize>,
}

impl Joined {
    /// Puts spaces between the words.
    fn part(self, units: &mut [Unit], dropped: &mut [bool]) {
        for start in words::starts(&self.letters) {
            let Some(at) = self.gaps.get(start) else { return };
            if let (Some(unit), Some(dropped)) = (units.get_mut(*at), dropped.get_mut(*at)) {
                (unit.c, *dropped) = (' ', false);
            }
        }
    }
}

/// The run that starts at `start`, where a word starts.
fn run(units: &[Unit], start: usize) -> Option<Run> {
    let c = |at: usize| units.get(at).map(|unit| unit.c);
    let lone = |at: usize| c(at).filter(|one| is_member(*one) && !c(at + 1).is_some_and(is_alphanumeric));
    let mut count = Count::default();
    count.add(lone(start)?);
    let (mut end, mut gap, mut between) = (start + 1, usize::MAX, None);
    while let Some(next) = c(end).filter(|next| *between.get_or_insert(*next) == *next && SEPARATORS.contains(*next)) {
        let width = units.iter().skip(end).take_while(|unit| unit.c == next).count();
        let Some(member) = lone(end + width).filter(|_| next == ' ' || width == 1) else { break };
        count.add(member);
        (end, gap) = (end + width + 1, gap.min(width));
    }
    let enough = count.enough(between == Some(' '));
    Some(Run { start, end, gap, letters: count.letters(), enough })
}

const SEPARATORS: &str = " .-_*~\u{b7}\u{2022}\u{2010}'`,|";

#[derive(Default)]
struct Count {
    latin: usize,
    other: usize,
    digits: usize,
}

impl Count {
    fn add(&mut self, c: char) {
        *match c {
            'a'..='z' | 'A'..='Z' => &mut self.latin,
            _ if is_alphabetic(c) => &mut self.other,
            _ => &mut self.digits,
        } += 1;
    }

    fn letters(&self) -> usize {
        self.latin + self.other
    }

    /// Russian has words of one letter, and three may meet.
    fn enough(&self, by_space: bool) -> bool {
        let letters = self.letters();
        letters > self.digits && letters >= if self.other > self.latin && by_space { 5 } else { 3 }
    }
}

/// The start of the next word.
fn next_word(units: &[Unit], at: usize) -> usize {
    let rest = units.iter().skip(at);
    let word = rest.clone().take_while(|unit| is_alphanumeric(unit.c)).count();
    let gap = rest.skip(word).take_while(|unit| !is_alphanumeric(unit.c)).count();
    at + (word + gap).max(1)
}

/// A letter of a script whose words are spelled with several.
fn is_letter(c: char) -> bool {
    is_alphabetic(c) && c < '\u{530}'
}

fn is_member(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit()
}
