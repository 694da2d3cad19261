//! Cutting a rich text into pieces that fit a platform. Formatting, fences and links stay whole because the tree is
//! cut, not its markup.
//!
//! A cut is made, in this order of preference, between blocks, at a line break, after a sentence, at white space,
//! between graphemes; never inside a link, an address, a date or an amount that fits a piece.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use crate::extract::extract;
use crate::flatten::{is_blank, separator, visible};
use crate::measure::Measure;
use crate::rich::{Block, BlockKind, RichText, Run, prefix};

/// Room for one character of any width behind the shortest quote mark or bullet.
const SMALLEST: usize = 8;

/// Cuts `text` into pieces whose [`RichText::flatten`] text measures at most `max` (8 if less is asked for).
///
/// No words are lost or added, save that a quote's mark is repeated on each of its pieces; white space at a cut is
/// dropped. The rest of a list item goes on as a paragraph, code as code with the same info string.
pub fn cut(text: &RichText, max: usize, measure: Measure) -> Vec<RichText> {
    let mut pieces =
        Pieces { max: max.max(SMALLEST), measure, done: Vec::new(), current: RichText::default(), used: 0 };
    for block in text.blocks.iter().filter(|block| !is_blank(block)) {
        pieces.add(block);
    }
    pieces.flush();
    pieces.done
}

struct Pieces {
    max: usize,
    measure: Measure,
    done: Vec<RichText>,
    current: RichText,
    /// What `current` measures.
    used: usize,
}

impl Pieces {
    fn add(&mut self, block: &Block) {
        let length = length_of(block, self.measure);
        if length > self.max {
            return self.add_long(block);
        }
        if self.used + self.gap(&block.kind) + length > self.max {
            self.flush_but_heading();
        }
        if self.used + self.gap(&block.kind) + length > self.max {
            self.flush();
        }
        self.push(block.clone(), length);
    }

    /// A block that no piece can hold: it fills what is left of this one, then as many as it takes.
    fn add_long(&mut self, block: &Block) {
        let mut rest = Rest::new(block, self.max, self.measure);
        while !rest.is_empty() {
            let room = self.max.saturating_sub(self.used + self.gap(&rest.kind));
            let fresh = self.used == 0;
            if !fresh && room < self.max / 2 + self.measure.of(&prefix(&rest.kind)) {
                self.flush();
                continue;
            }
            match rest.take(room, fresh) {
                Some(part) => {
                    let length = length_of(&part, self.measure);
                    self.push(part, length);
                    if !rest.is_empty() {
                        self.flush();
                    }
                }
                None => self.flush(),
            }
        }
    }

    fn push(&mut self, block: Block, length: usize) {
        if length > 0 {
            self.used += self.gap(&block.kind) + length;
            self.current.push(block);
        }
    }

    /// What the separator before a block of this kind measures; ASCII, so the same in every unit.
    fn gap(&self, next: &BlockKind) -> usize {
        self.current.blocks.last().map_or(0, |last| separator(&last.kind, next).len())
    }

    fn flush(&mut self) {
        if !self.current.blocks.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
        self.used = 0;
    }

    /// A heading moves on with what it heads.
    fn flush_but_heading(&mut self) {
        let heads = |block: &mut Block| matches!(block.kind, BlockKind::Heading { .. });
        let heading = if self.current.blocks.len() > 1 { self.current.blocks.pop_if(heads) } else { None };
        self.flush();
        if let Some(heading) = heading {
            let length = length_of(&heading, self.measure);
            self.push(heading, length);
        }
    }
}

/// What is left of a block that is being cut.
struct Rest {
    kind: BlockKind,
    measure: Measure,
    runs: Vec<Run>,
    /// Where each run begins in `text`.
    starts: Vec<usize>,
    text: String,
    /// Stretches that stay whole: sorted, apart from each other, none longer than a piece.
    whole: Vec<Range<usize>>,
    /// Where the rest begins in `text`.
    at: usize,
}

impl Rest {
    fn new(block: &Block, max: usize, measure: Measure) -> Self {
        let mut kind = narrowed(&block.kind, max, measure);
        let mut runs = visible(block);
        let mut text = words(&runs);
        let is_quote = matches!(kind, BlockKind::Quote { .. });
        let longest = if is_quote { max - measure.of(&prefix(&kind)) } else { max };
        let mut whole = whole_stretches(&runs, &text, longest, measure);
        let mark = measure.of(&prefix(&kind));
        let first_is_wide = whole.first().is_some_and(|first| {
            first.start == 0 && mark + measure.of(text.get(first.clone()).unwrap_or_default()) > max
        });
        if matches!(kind, BlockKind::Item { .. }) && (mark > max / 2 || first_is_wide) {
            // The bullet does not fit beside the words: it becomes a word itself.
            let bullet = prefix(&kind).trim_start().to_owned();
            let origin = runs.first().map_or(crate::rich::Origin::System, |run| run.origin.clone());
            runs.insert(0, Run::plain(bullet, origin));
            text = words(&runs);
            whole = whole_stretches(&runs, &text, longest, measure);
            kind = BlockKind::Paragraph;
        }
        let starts = starts(&runs);
        Self { kind, measure, runs, starts, text, whole, at: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Takes as much as `room` holds. `None`: nothing can be taken well here, but a fresh piece will hold some.
    fn take(&mut self, room: usize, fresh: bool) -> Option<Block> {
        let limit = self.limit(room);
        let end = if limit == self.text.len() { limit } else { self.cut_before(limit, fresh)? };
        let keep_space = matches!(self.kind, BlockKind::Code { .. });
        let taken = self.text.get(self.at..end).unwrap_or_default();
        let shown = if keep_space || end == self.text.len() { taken } else { taken.trim_end() };
        let part = Block { kind: self.kind.clone(), runs: self.slice(self.at..self.at + shown.len()) };
        let after = self.text.get(end..).unwrap_or_default();
        let next = if keep_space { after.strip_prefix('\n').unwrap_or(after) } else { after.trim_start() };
        self.at = self.text.len() - next.len();
        if matches!(self.kind, BlockKind::Item { .. }) && !shown.is_empty() {
            self.kind = BlockKind::Paragraph;
        }
        Some(part)
    }

    /// How far `room` reaches, in bytes of `text`; at least one character.
    fn limit(&self, room: usize) -> usize {
        let mark = self.measure.of(&prefix(&self.kind));
        let per_line = if matches!(self.kind, BlockKind::Quote { .. }) { mark } else { 0 };
        let mut used = mark;
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (i, c) in rest.char_indices() {
            used += width(self.measure, c) + if c == '\n' { per_line } else { 0 };
            if used > room && i > 0 {
                return self.at + i;
            }
        }
        self.text.len()
    }

    /// The best place to cut in `at..=limit`.
    fn cut_before(&self, limit: usize, fresh: bool) -> Option<usize> {
        let window = self.text.get(self.at..limit).unwrap_or_default();
        let half = self.at + window.len() / 2;
        let (mut line, mut sentence, mut space) = (None, None, None);
        let next = self.text.get(limit..).and_then(|rest| rest.chars().next());
        let mut before = "";
        for (i, c) in window.char_indices().chain(next.map(|c| (window.len(), c))) {
            let place = self.at + i;
            if i > 0 && self.is_open(place) {
                if c == '\n' && place >= half {
                    line = Some(place);
                }
                let ended = before.ends_with(['。', '！', '？']) || (c.is_whitespace() && ends_sentence(before));
                if ended && place >= half {
                    sentence = Some(place);
                }
                if c.is_whitespace() {
                    space = Some(place);
                }
            }
            before = window.get(..i + c.len_utf8()).unwrap_or(window);
        }
        // A long word gets a piece of its own before it is broken.
        line.or(sentence).or(space).or_else(|| if fresh { Some(self.break_word(limit)) } else { None })
    }

    /// The last grapheme boundary up to `limit` outside the stretches that stay whole.
    fn break_word(&self, limit: usize) -> usize {
        // A little beyond the limit, to see whether the grapheme there goes on.
        let end = self.text.ceil_char_boundary((limit + 64).min(self.text.len()));
        let near = self.text.get(self.at..end).unwrap_or_default();
        let wanted = match self.whole_around(limit) {
            Some(whole) if whole.start > self.at => whole.start,
            _ => limit,
        };
        let mut cursor = GraphemeCursor::new(wanted - self.at, near.len(), true);
        let boundary = match cursor.is_boundary(near, 0) {
            Ok(true) => wanted - self.at,
            _ => cursor.prev_boundary(near, 0).ok().flatten().unwrap_or(0),
        };
        // One grapheme wider than a piece is broken between its characters.
        if boundary == 0 { limit } else { self.at + boundary }
    }

    fn is_open(&self, place: usize) -> bool {
        self.whole_around(place).is_none()
    }

    fn whole_around(&self, place: usize) -> Option<&Range<usize>> {
        let after = self.whole.partition_point(|whole| whole.start < place);
        self.whole.get(after.checked_sub(1)?).filter(|whole| place < whole.end)
    }

    /// The runs of a stretch of `text`. A link cut in two is no link any more: half an address leads elsewhere.
    fn slice(&self, range: Range<usize>) -> Vec<Run> {
        let first = self.starts.partition_point(|start| *start <= range.start).saturating_sub(1);
        let mut out = Vec::new();
        for (run, start) in self.runs.iter().zip(&self.starts).skip(first).take_while(|(_, start)| **start < range.end)
        {
            let from = range.start.saturating_sub(*start);
            let to = (range.end - start).min(run.text.len());
            let Some(words) = run.text.get(from..to).filter(|words| !words.is_empty()) else { continue };
            let link = run.link.clone().filter(|link| link == words);
            out.push(Run { text: words.to_owned(), origin: run.origin.clone(), style: run.style, link });
        }
        out
    }
}

/// A quote keeps its mark on every piece, however deep it is; in a narrow place a shallower one must do.
fn narrowed(kind: &BlockKind, max: usize, measure: Measure) -> BlockKind {
    let mut kind = kind.clone();
    while measure.of(&prefix(&kind)) > max / 4 {
        match &mut kind {
            BlockKind::Quote { depth } if *depth > 0 => *depth -= 1,
            _ => break,
        }
    }
    kind
}

/// Links and findings that fit into `longest`; overlapping ones are joined.
fn whole_stretches(runs: &[Run], text: &str, longest: usize, measure: Measure) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = extract(text).into_iter().map(|finding| finding.range).collect();
    let linked = runs.iter().zip(starts(runs)).filter(|(run, _)| run.link.is_some());
    all.extend(linked.map(|(run, start)| start..start + run.text.len()));
    all.retain(|range| measure.of(text.get(range.clone()).unwrap_or_default()) <= longest);
    all.sort_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match out.last_mut() {
            Some(last) if range.start < last.end => {
                let joined = last.start..last.end.max(range.end);
                if measure.of(text.get(joined.clone()).unwrap_or_default()) <= longest {
                    *last = joined;
                }
            }
            _ => out.push(range),
        }
    }
    out
}

/// Where each run begins in [`words`].
fn starts(runs: &[Run]) -> Vec<usize> {
    let ends = runs.iter().scan(0, |end, run| {
        *end += run.text.len();
        Some(*end)
    });
    std::iter::once(0).chain(ends).take(runs.len()).collect()
}

fn words(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}

fn length_of(block: &Block, measure: Measure) -> usize {
    measure.of(&RichText { blocks: vec![block.clone()] }.to_plain())
}

fn width(measure: Measure, c: char) -> usize {
    match measure {
        Measure::Chars => 1,
        Measure::Utf16 => c.len_utf16(),
        Measure::Bytes => c.len_utf8(),
    }
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches([')', ']', '"', '\'', '”', '’', '»']).ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

#[cfg(test)]
mod tests;
