//! A text taken apart for comparison: its words, and the character n-grams of its words.
//!
//! Features are 64-bit hashes: two that collide would have to be met on purpose to change a ranking.

use std::ops::RangeInclusive;

use townkeeper_contract::text;
use unicode_segmentation::UnicodeSegmentation;

use super::spelling::Spelling;

/// The longest question that is looked at, in characters; what follows does not change what is asked.
pub(crate) const MAX_CHARS: usize = 2_000;

/// How often each feature occurs; sorted by feature.
pub(crate) type Counts = Vec<(u64, f32)>;

/// A text as look-up sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    pub(crate) words: Counts,
    /// Three to five characters of a word with its edges; one to three where a script writes without spaces.
    pub(crate) grams: Counts,
    /// The words in order, in one number: equal for texts that differ in case and punctuation only.
    pub(crate) exact: u64,
}

impl Features {
    /// Of one text of the base.
    pub(crate) fn of(text: &str) -> Self {
        Self::collect(text, |_| None)
    }

    /// Of a question, whose slips of the finger are understood.
    pub(crate) fn of_question(text: &str, spelling: &Spelling) -> Self {
        Self::collect(text, |word| spelling.meant(word))
    }

    fn collect<'a>(text: &str, meant: impl Fn(&str) -> Option<&'a str>) -> Self {
        let (mut hashes, mut grams, mut exact) = (Vec::new(), Vec::new(), SEED);
        // Words of a script without spaces are gathered into a run again: their borders are a guess.
        let (mut run, mut run_end) = (String::new(), 0);
        let text = plain(text);
        for (start, word) in text.unicode_word_indices() {
            let end = start + word.len();
            let word = meant(word).unwrap_or(word);
            let hash = self::word(word);
            hashes.push(hash);
            exact = mix_number(exact, hash);
            if !word.chars().any(is_unspaced) {
                ngrams(&format!(" {word} "), 3..=5, &mut grams);
                continue;
            }
            if start != run_end {
                ngrams(&std::mem::take(&mut run), 1..=3, &mut grams);
            }
            run.push_str(word);
            run_end = end;
        }
        ngrams(&run, 1..=3, &mut grams);
        Self { words: count(hashes), grams: count(grams), exact }
    }

    /// Several texts as one document.
    pub(crate) fn merge<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.words.extend_from_slice(&part.words);
            whole.grams.extend_from_slice(&part.grams);
        }
        Self { words: sum(whole.words), grams: sum(whole.grams), exact: 0 }
    }

    /// The same features, each counting only this much.
    pub(crate) fn scaled(mut self, factor: f32) -> Self {
        for (_, count) in self.words.iter_mut().chain(&mut self.grams) {
            *count *= factor;
        }
        self
    }
}

/// A word's feature.
pub(crate) fn word(word: &str) -> u64 {
    word.chars().fold(SEED, mix)
}

/// The words of a text, as they are compared.
pub(crate) fn words(text: &str) -> Vec<String> {
    plain(text).unicode_words().map(str::to_owned).collect()
}

/// The text's beginning in normal form, without apostrophes: people write "whats" for "what's".
fn plain(text: &str) -> String {
    let head: String = text.chars().take(MAX_CHARS).collect();
    let mut plain = text::normalise(&head);
    plain.retain(|c| !matches!(c, '\'' | '\u{2019}' | '`'));
    plain
}

/// Han, kana, Hangul: scripts whose words are shorter than the n-grams of the others.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x11FF | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

fn ngrams(run: &str, lengths: RangeInclusive<usize>, out: &mut Vec<u64>) {
    let chars: Vec<char> = run.chars().collect();
    for start in 0..chars.len() {
        let mut hash = SEED;
        for (i, c) in chars.iter().skip(start).take(*lengths.end()).enumerate() {
            hash = mix(hash, *c);
            if i + 1 >= *lengths.start() {
                out.push(hash);
            }
        }
    }
}

fn count(features: Vec<u64>) -> Counts {
    sum(features.into_iter().map(|feature| (feature, 1.0)).collect())
}

/// Sorts by feature and adds up what is counted twice.
fn sum(mut counts: Counts) -> Counts {
    counts.sort_unstable_by_key(|&(feature, _)| feature);
    counts.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    counts
}

const SEED: u64 = 0xCBF2_9CE4_8422_2325;

fn mix(hash: u64, c: char) -> u64 {
    mix_number(hash, u64::from(c))
}

/// One step of a multiplicative hash with the high bits folded down.
fn mix_number(hash: u64, value: u64) -> u64 {
    let product = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}
