//! A folded text without some stretches of its original: as if white space stood there, and without folding it again.

use std::ops::Range;

use super::{Folded, Piece};

/// What is put together of the stretches that stay.
#[derive(Default)]
struct Rest {
    text: String,
    pieces: Vec<Piece>,
    /// Where something was left out since the last stretch that stays.
    gap: Option<Range<usize>>,
}

impl Folded {
    /// Without these stretches of the original, which are in order. What was read across their borders stays as it was read.
    pub(crate) fn without(&self, ranges: &[Range<usize>]) -> Self {
        let mut rest = Rest { text: String::with_capacity(self.text.len()), ..Rest::default() };
        let whole = [Piece { folded: 0, original: 0..self.text.len(), alike: true }];
        let pieces = if self.pieces.is_empty() { whole.as_slice() } else { self.pieces.as_slice() };
        let mut left = ranges;
        for (at, piece) in pieces.iter().enumerate() {
            let end = pieces.get(at + 1).map_or(self.text.len(), |next| next.folded);
            left = left.get(left.partition_point(|range| range.end <= piece.original.start)..).unwrap_or_default();
            rest.take(self, piece, end, left);
        }
        if rest.text.ends_with(' ') {
            rest.text.pop();
        }
        Self { text: rest.text, pieces: rest.pieces, changed: self.changed }
    }
}

impl Rest {
    /// Takes of a piece, which ends in the folded text at `end`, what stays.
    fn take(&mut self, folded: &Folded, piece: &Piece, end: usize, ranges: &[Range<usize>]) {
        let Range { mut start, end: last } = piece.original.clone();
        for range in ranges.iter().take_while(|range| range.start < last) {
            if !piece.alike {
                // It stands for all of its original.
                self.gap = Some(piece.original.clone());
                return;
            }
            self.put(folded, piece, start..range.start.max(start));
            self.gap = Some(range.clone());
            start = range.end.clamp(start, last);
        }
        if piece.alike {
            self.put(folded, piece, start..last);
        } else if let Some(text) = folded.text.get(piece.folded..end) {
            self.push(text, piece.original.clone(), false);
        }
    }

    /// Puts a stretch of a piece that is as long in both texts.
    fn put(&mut self, folded: &Folded, piece: &Piece, original: Range<usize>) {
        let from = piece.folded + (original.start - piece.original.start);
        if let Some(text) = folded.text.get(from..from + original.len()) {
            self.push(text, original, true);
        }
    }

    fn push(&mut self, text: &str, original: Range<usize>, alike: bool) {
        if text.is_empty() {
            return;
        }
        if let Some(gap) = self.gap.take()
            && !self.text.is_empty()
            && !self.text.ends_with(' ')
        {
            self.pieces.push(Piece { folded: self.text.len(), original: gap, alike: false });
            self.text.push(' ');
        }
        let spaces = if self.text.is_empty() || self.text.ends_with(' ') {
            text.len() - text.trim_start_matches(' ').len()
        } else {
            0
        };
        let (Some(text), original) =
            (text.get(spaces..), if alike { original.start + spaces..original.end } else { original })
        else {
            return;
        };
        if !text.is_empty() {
            self.pieces.push(Piece { folded: self.text.len(), original, alike });
            self.text.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stance::blanked;

    fn ranges_of(text: &str, words: &[usize]) -> Vec<Range<usize>> {
        let mut at = 0;
        let all: Vec<Range<usize>> = text
            .split(' ')
            .map(|word| {
                let range = at..at + word.len();
                at += word.len() + 1;
                range
            })
            .collect();
        all.into_iter()
            .enumerate()
            .filter(|(n, range)| words.contains(n) && !range.is_empty())
            .map(|(_, r)| r)
            .collect()
    }

    #[test]
    fn what_is_left_out_leaves_one_space() {
        let text = "go to https://a.example.net/x now, Сlаim at https://b.example.net";
        let folded = Folded::new(text);
        let links = [6..29, text.len() - 21..text.len()];
        let rest = folded.without(&links);
        assert_eq!(rest.text(), "go to now, claim at");
        let at = rest.text().find("claim").unwrap();
        assert_eq!(text.get(rest.original(at..at + 5)), Some("Сlаim"));
        let all = std::iter::once(0..text.len()).collect::<Vec<_>>();
        assert_eq!(folded.without(&all).text(), "");
        assert_eq!(folded.without(&[]).text(), folded.text());
    }

    proptest! {
        #[test]
        fn words_left_out_are_as_if_they_had_not_been_written(
            words in proptest::collection::vec("[a-zA-Zа-яё]{2,9}|[ñçüß]{2,4}x|中文|ﬁve|é̈ll", 1..20),
            out in proptest::collection::vec(0_usize..20, 0..8),
        ) {
            let text = words.join(" ");
            let ranges = ranges_of(&text, &out);
            let rest = Folded::new(&text).without(&ranges);
            let again = blanked(&text, ranges.iter().cloned()).map_or_else(|| Folded::new(&text), |own| Folded::new(&own));
            // Which letters of mixed words are tricks is told by the whole text: compared where there are none.
            prop_assume!(Folded::new(&text).changed() == 0.0 && again.changed() == 0.0);
            prop_assert_eq!(rest.text(), again.text());
            for (at, c) in rest.text().char_indices().filter(|(_, c)| *c != ' ') {
                let original = rest.original(at..at + c.len_utf8());
                prop_assert!(ranges.iter().all(|range| range.end <= original.start || original.end <= range.start));
            }
        }
    }
}
