//! The text as a hurried reader sees it, with the way back to the original: compatibility forms, invisible characters,
//! look-alike letters, digits for letters and spaced letters are undone; case and white space are evened out. Plain
//! ASCII is only copied, and the letters of other scripts stay what they are.

mod leet;
mod lookalike;
mod plain;
mod read;
mod spaced;
mod without;
mod words;

use std::ops::Range;

/// A folded text.
#[derive(Clone, Debug)]
pub struct Folded {
    text: String,
    /// In order, without a gap; none where both texts have the same bytes at the same places, but for case.
    pieces: Vec<Piece>,
    changed: f32,
}

/// A stretch of the folded text, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    folded: usize,
    original: Range<usize>,
    /// Both have as many bytes, character by character; otherwise it stands for all of its original.
    alike: bool,
}

/// A character that is read, and what of the original it stands for.
#[derive(Clone, Copy, Debug)]
struct Unit {
    c: char,
    start: usize,
    end: usize,
    /// It was written in a way that hides it from a machine.
    trick: bool,
}

impl Unit {
    fn is_space(&self) -> bool {
        townkeeper_text::normalise::is_space(self.c)
    }
}

impl Folded {
    /// Folds a text.
    pub fn new(text: &str) -> Self {
        if plain::is_plain(text) {
            return plain::copy(text);
        }
        Self::closely(text)
    }

    /// Folds it character by character, however plain it is.
    fn closely(text: &str) -> Self {
        let mut units = read::units(text);
        lookalike::fold(&mut units);
        spaced::join(&mut units);
        leet::fold(&mut units);
        write(&units)
    }

    /// What is read: lower case, without tricks, each run of white space one space, none at the ends.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The share of characters that were a trick, 0 to 1. Honest writers rarely use any.
    pub fn changed(&self) -> f32 {
        self.changed
    }

    /// Where a stretch of the folded text stands in the original, in bytes on character boundaries.
    pub fn original(&self, folded: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(folded.start);
        let end = self.text.ceil_char_boundary(folded.end).max(start);
        let from = self.piece(start).map_or(start, |piece| piece.from(start));
        // The last character that belongs to it says where it ends: what was left out after it is not part of it.
        let last = self.text.floor_char_boundary(end.saturating_sub(1));
        let to = self.piece(last).map_or(end, |piece| piece.to(end));
        from..if end == start { from } else { to.max(from) }
    }

    fn piece(&self, at: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.folded <= at);
        self.pieces.get(after.saturating_sub(1))
    }
}

impl Piece {
    fn from(&self, at: usize) -> usize {
        let from = self.original.start + if self.alike { at - self.folded } else { 0 };
        from.min(self.original.end)
    }

    fn to(&self, at: usize) -> usize {
        if self.alike { self.from(at) } else { self.original.end }
    }

    /// Takes in what follows both in the folded text and in the original, where it is as long in both.
    fn takes(&mut self, unit: &Unit, alike: bool) -> bool {
        let takes = self.alike && alike && self.original.end == unit.start;
        if takes {
            self.original.end = unit.end;
        }
        takes
    }
}

/// The text of the units: lower case, white space evened out.
fn write(units: &[Unit]) -> Folded {
    let mut text = String::with_capacity(units.len() + units.len() / 2);
    let mut pieces: Vec<Piece> = Vec::with_capacity(8);
    let (mut tricks, mut shown) = (0_u16, 0_u16);
    let mut space: Option<Unit> = None;
    for unit in units {
        if unit.is_space() {
            if !text.is_empty() {
                space = space.or(Some(Unit { c: ' ', ..*unit }));
            }
            continue;
        }
        if let Some(space) = space.take() {
            put(&mut text, &mut pieces, &space, ' ');
        }
        shown = shown.saturating_add(1);
        tricks = tricks.saturating_add(u16::from(unit.trick));
        match unit.c {
            c if c.is_ascii() => put(&mut text, &mut pieces, unit, c.to_ascii_lowercase()),
            c @ '\u{430}'..='\u{44F}' => put(&mut text, &mut pieces, unit, c),
            c => c.to_lowercase().for_each(|c| put(&mut text, &mut pieces, unit, c)),
        }
    }
    Folded { text, pieces, changed: f32::from(tricks) / f32::from(shown.max(1)) }
}

fn put(text: &mut String, pieces: &mut Vec<Piece>, unit: &Unit, c: char) {
    let alike =
        unit.end - unit.start == c.len_utf8() && pieces.last().is_none_or(|last| last.original.end == unit.start);
    if !pieces.last_mut().is_some_and(|last| last.takes(unit, alike)) {
        pieces.push(Piece { folded: text.len(), original: unit.start..unit.end, alike });
    }
    text.push(c);
}

/// What is read where nothing is folded: for showing what that costs.
#[cfg(test)]
pub(crate) fn unfolded(text: &str) -> Folded {
    plain::copy(text)
}

#[cfg(test)]
mod tests;
