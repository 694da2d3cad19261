//! What the text model looks at: pieces of words, words, pairs of words, and a few coarse traits, each hashed into a
//! bucket. Links, addresses and numbers count as kinds, and of a link what its host is made of: a single domain is
//! not learnt by heart.

use crate::fold::Folded;
use crate::letters::{is_alphabetic, is_alphanumeric};

/// As many buckets as the model has weights.
pub(crate) const BUCKETS: usize = 1 << 18;

/// Calls `emit` with the bucket of each feature, in the order in which they stand.
pub(crate) fn each(folded: &Folded, mut emit: impl FnMut(usize)) {
    specific_or_not(folded, |bucket, _| emit(bucket));
}

/// The same without those that most texts share: short pieces of words, and coarse traits.
pub(crate) fn specific(folded: &Folded, mut emit: impl FnMut(usize)) {
    specific_or_not(folded, |bucket, specific| {
        if specific {
            emit(bucket);
        }
    });
}

fn specific_or_not(folded: &Folded, emit: impl FnMut(usize, bool)) {
    let mut reader = Reader { emit, last: START, before: START };
    let mut links = 0;
    let mut addresses = 0;
    for token in folded.text().split(' ') {
        match kind(token) {
            Kind::Link => {
                links += 1;
                reader.class(LINK);
                reader.host(token);
            }
            Kind::Address => {
                addresses += 1;
                reader.class(ADDRESS);
            }
            Kind::Words => reader.words(token),
        }
    }
    reader.traits(folded.text(), links, addresses);
    if folded.changed() > DISGUISED {
        reader.one(TRAIT, 0x300);
    }
}

/// More tricks than a slip.
const DISGUISED: f32 = 0.02;

enum Kind {
    Link,
    Address,
    Words,
}

/// Longer runs without a space are no words.
const LONGEST: usize = 26;

fn kind(token: &str) -> Kind {
    if token.len() < 4 || !token.is_ascii() {
        return if token.contains("://") { Kind::Link } else { Kind::Words };
    }
    if token.contains("://") || is_host(token) {
        return Kind::Link;
    }
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let solid = token.bytes().filter(u8::is_ascii_alphanumeric).count();
    if token.len() >= LONGEST && digits > 1 && solid + 2 >= token.len() { Kind::Address } else { Kind::Words }
}

/// `name.tld`, perhaps with a path: no version, no number, no two sentences without a space.
fn is_host(token: &str) -> bool {
    let host = host(token);
    let Some((before, end)) = host.rsplit_once('.') else { return false };
    (2..=12).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_lowercase())
        && !before.is_empty()
        && before.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// The host of a link, without what stands around it.
fn host(token: &str) -> &str {
    let rest = token.split_once("://").map_or(token, |(_, rest)| rest);
    let rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let end = rest.find(['/', '?', '#', ':']).unwrap_or(rest.len());
    let host = rest.split_at_checked(end).map_or(rest, |(host, _)| host);
    host.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
}

/// The buckets of one text.
struct Reader<F> {
    emit: F,
    /// The word before, and the one before that.
    last: u64,
    before: u64,
}

const START: u64 = 0x51ed_270b;
const LINK: u64 = 0x11;
const ADDRESS: u64 = 0x12;
const NUMBER: u64 = 0x13;
const WORD: u64 = 0x21;
const WORD_AGAIN: u64 = 0x31;
const PAIR: u64 = 0x22;
const PAIR_AGAIN: u64 = 0x32;
const APART: u64 = 0x33;
const SHORT: u64 = 0x23;
const LONG: u64 = 0x27;
const HOST: u64 = 0x24;
const SUFFIX: u64 = 0x25;
const TRAIT: u64 = 0x26;
/// The edge of a word.
const EDGE: u64 = 0x7f;
/// From here on a character says as much as two letters: Chinese, Japanese, Korean.
const DENSE: u64 = 0x2e80;

impl<F: FnMut(usize, bool)> Reader<F> {
    fn one(&mut self, salt: u64, hash: u64) {
        let mixed = (hash ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let bucket = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 46;
        (self.emit)(usize::try_from(bucket).unwrap_or_default(), !matches!(salt, TRAIT | SHORT));
    }

    /// A word, and how it stands to those before it. Each has two buckets: it weighs more than its pieces do, and where
    /// one bucket is shared with a stranger the other is not.
    fn whole(&mut self, word: u64) {
        self.one(WORD, word);
        self.one(WORD_AGAIN, word);
        let pair = step(self.last, word);
        self.one(PAIR, pair);
        self.one(PAIR_AGAIN, pair);
        self.one(APART, step(self.before, word));
        (self.before, self.last) = (self.last, word);
    }

    /// How long it is, and how much there is of what scams like.
    fn traits(&mut self, text: &str, links: u64, addresses: u64) {
        let mut counts = [0_u64; 7];
        for c in text.chars() {
            let at = match c {
                '#' => 0,
                '@' => 1,
                '$' => 2,
                '!' => 3,
                '?' => 4,
                '0'..='9' => 5,
                '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => 6,
                _ => continue,
            };
            counts.get_mut(at).into_iter().for_each(|count| *count += 1);
        }
        for (at, count) in (0_u64..).zip(counts) {
            self.one(TRAIT, at << 4 | u64::from(u64::BITS - count.leading_zeros()).min(4));
        }
        self.one(TRAIT, 0x100 + links.min(3));
        self.one(TRAIT, 0x200 + addresses.min(3));
        let length = usize::BITS - (text.len() / 8).leading_zeros();
        self.one(TRAIT, 0x400 + u64::from(length));
    }

    /// Something that counts as one word of its kind.
    fn class(&mut self, class: u64) {
        self.one(WORD, class);
        self.one(PAIR, step(self.last, class));
        self.last = class;
    }

    fn words(&mut self, token: &str) {
        let mut mark = EDGE;
        let mut rest = token;
        while let Some(c) = rest.chars().next() {
            let is_word = is_alphanumeric(c);
            let end = if is_word {
                rest.find(|c: char| !is_alphanumeric(c) && c != '\'').unwrap_or(rest.len())
            } else {
                c.len_utf8()
            };
            let (part, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = after;
            if is_word {
                self.word(part, mark);
            } else if !c.is_ascii() {
                self.class(u64::from(c) << 8);
            } else if matches!(c, '!' | '?' | '%' | '$' | '>') {
                self.one(WORD, u64::from(c));
            }
            mark = if matches!(c, '@' | '#' | '$') { u64::from(c) } else { EDGE };
        }
    }

    fn word(&mut self, word: &str, mark: u64) {
        let lettered = word.chars().any(is_alphabetic);
        if !lettered || word.len() > 4 * LONGEST {
            self.one(WORD, step(NUMBER, mark));
            return self.class(step(NUMBER, u64::try_from(word.len().min(8)).unwrap_or_default()));
        }
        let whole = self.pieces(word, mark);
        self.whole(whole);
    }

    /// The pieces of a word, three to five characters long, its edges among them, and of two where a character is a
    /// syllable or more. Returns the word.
    fn pieces(&mut self, word: &str, mark: u64) -> u64 {
        let first = step(START, mark);
        let (mut one, mut two, mut three, mut four) = (first, START, START, START);
        let mut whole = first;
        for (at, c) in word.chars().map(letter).chain([EDGE]).enumerate() {
            let five = step(four, c);
            (four, three, two, one) = (step(three, c), step(two, c), step(one, c), step(START, c));
            whole = step(whole, c);
            if c >= DENSE {
                self.one(SHORT, two);
            }
            if at >= 1 {
                self.one(SHORT, three);
            }
            if at >= 2 {
                self.one(LONG, four);
            }
            if at >= 3 {
                self.one(LONG, five);
            }
        }
        whole
    }

    /// What a host is made of: its ending, and the words that its labels seem to be put together from.
    fn host(&mut self, token: &str) {
        let host = host(token);
        let Some((rest, end)) = host.rsplit_once('.') else { return };
        let end = end.chars().map(letter).fold(START, step);
        self.one(SUFFIX, end);
        for part in rest.split(['.', '-']).filter(|part| *part != "www") {
            let whole = part.chars().map(letter).fold(START, step);
            self.one(HOST, whole);
        }
    }
}

fn step(hash: u64, c: u64) -> u64 {
    (hash ^ c).wrapping_mul(0x0100_0000_01b3_9d45).rotate_left(23)
}

/// A letter as the model reads it. Digits that stand for letters are those letters, and what looks like an l is one.
fn letter(c: char) -> u64 {
    u64::from(match c {
        'l' | '1' => 'i',
        '0' => 'o',
        '2' => 'z',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '6' | '9' => 'g',
        '7' => 't',
        '8' => 'b',
        _ => c,
    })
}
