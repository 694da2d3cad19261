//! What a text is recognised by when it comes again a little changed: a 64-bit SimHash over runs of four letters. Copies
//! differ in few bits, other texts in about half of them.
//!
//! What a spammer varies for nothing is left out before hashing: hosts, mentions, addresses and numbers each become one
//! sign; marks and emoji, a gap; a letter drawn out, two of it.

use crate::Folded;
use crate::letters::{is_alphabetic, is_alphanumeric};

/// Copies differ in at most so many bits. Measured over 35,000 lines of a support chat, each with each: of a million
/// pairs of unlike lines at most 0.8 are this near (at 12 bits, 6). Of scams of 80 letters and more it finds 99 % with
/// another host, numbers and emoji, 95 % with a word changed, 98 % with two words swapped or a word of noise added, 82 %
/// with two words changed; of shorter ones about half as many of the last.
pub const NEAR: u32 = 10;

/// A text with fewer letters is none by which a copy would show: `ok`, `gm`, `thanks` are everybody's.
pub const LETTERS: u32 = 24;

/// What comes after so many letters is not read.
const READ: u32 = 1_024;

/// A letter of a script written without gaps says as much as this many others.
const DENSE: u32 = 3;

/// Signs for what is varied for nothing. None of them is ever a letter.
const NUMBER: char = '#';
const LINK: char = '/';
const MENTION: char = '@';
const ADDRESS: char = '$';
const GAP: char = ' ';

/// A text's fingerprint. Never of a very short text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of a folded text; `None` where it has fewer than [`LETTERS`] letters.
    pub fn of(folded: &Folded) -> Option<Self> {
        let (print, letters) = of_text(folded.text());
        (letters >= LETTERS).then_some(print)
    }

    /// Of what was stored, or of another 64-bit hash whose copies differ in few bits.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    /// In how many of 64 bits they differ.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// Whether one is a copy of the other, as far as bits tell.
    pub fn is_near(self, other: Self) -> bool {
        self.distance(other) <= NEAR
    }
}

/// How much of a folded text tells it from others, in letters: links, numbers, marks and emoji tell nothing.
pub fn letters(folded: &Folded) -> u32 {
    of_text(folded.text()).1
}

fn of_text(text: &str) -> (Fingerprint, u32) {
    let mut hash = SimHash::default();
    for word in text.split_whitespace() {
        match sign(word) {
            Some(sign) => hash.read(sign),
            None => word.chars().for_each(|c| hash.read(c)),
        }
        hash.read(GAP);
        if hash.letters >= READ {
            break;
        }
    }
    (hash.finish(), hash.letters)
}

/// What stands for a whole word, where it is a link, a mention or an address.
fn sign(word: &str) -> Option<char> {
    if word.len() < 24 && !word.bytes().any(|b| matches!(b, b'.' | b'@' | b':')) {
        return None;
    }
    let bare = word.trim_matches(|c: char| !is_alphanumeric(c) && c != '@');
    if bare.len() > 1 && bare.starts_with('@') {
        return Some(MENTION);
    }
    let dotted = |(name, end): (&str, &str)| {
        let end = end.split(['/', ':', '?', '#']).next().unwrap_or_default();
        name.ends_with(is_alphanumeric) && end.len() >= 2 && end.chars().all(is_alphabetic)
    };
    if bare.contains("://") || bare.contains("[.]") || hosts(bare).any(dotted) {
        return Some(LINK);
    }
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    (bare.len() >= 24 && digits >= 3 && bare.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(ADDRESS)
}

/// A word, cut at each of its dots before the first slash.
fn hosts(word: &str) -> impl Iterator<Item = (&str, &str)> {
    let end = word.find('/').unwrap_or(word.len());
    let dots = word.get(..end).unwrap_or_default().match_indices('.');
    dots.filter_map(|(at, _)| Some((word.get(..at)?, word.get(at + 1..)?)))
}

/// For each bit, how many runs of four letters had it set: counted in 64 columns at once, one binary digit a row.
#[derive(Default)]
struct SimHash {
    rows: [u64; 12],
    runs: u64,
    /// The last four signs read, 16 bits each.
    window: u64,
    letters: u32,
}

impl SimHash {
    fn read(&mut self, c: char) {
        let sign = match c {
            'a'..='z' => c,
            NUMBER | LINK | MENTION | ADDRESS => c,
            _ if is_alphabetic(c) => c,
            _ if c.is_numeric() => NUMBER,
            _ => GAP,
        };
        let code = u64::from(u32::from(sign) & 0xffff);
        let [last, before] = [self.window & 0xffff, self.window >> 16 & 0xffff];
        let drawn_out = code == last && (code == before || !is_alphabetic(sign));
        if drawn_out {
            return;
        }
        if is_alphabetic(sign) {
            self.letters += if u32::from(sign) >= 0x2e80 { DENSE } else { 1 };
        }
        self.window = self.window << 16 | code;
        self.count(mix(self.window));
    }

    /// Adds one to the column of each bit that is set: a carry walks up the rows.
    fn count(&mut self, bits: u64) {
        self.runs += 1;
        let mut carry = bits;
        for row in &mut self.rows {
            (*row, carry) = (*row ^ carry, *row & carry);
            if carry == 0 {
                break;
            }
        }
    }

    /// The bits that more than half of the runs had.
    fn finish(&self) -> Fingerprint {
        let half = self.runs / 2;
        let (mut more, mut same) = (0, u64::MAX);
        for (digit, row) in self.rows.iter().enumerate().rev() {
            let wanted = if half >> digit & 1 == 1 { u64::MAX } else { 0 };
            more |= same & row & !wanted;
            same &= !(row ^ wanted);
        }
        Fingerprint(more)
    }
}

/// Spreads every bit over all the others (the end of SplitMix64).
pub(super) fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const LURE: &str = "Migration is live! Holders must validate their wallet at https://claim.example.org/app within 24 \
        hours or the 1,000 tokens are lost. Write to @support_desk for help";

    fn print(text: &str) -> Option<Fingerprint> {
        Fingerprint::of(&Folded::new(text))
    }

    /// In how many bits two texts differ; both are long enough.
    fn distance(one: &str, other: &str) -> u32 {
        print(one).unwrap().distance(print(other).unwrap())
    }

    #[test]
    fn what_is_varied_for_nothing_changes_nothing() {
        for copy in [
            LURE.replace("claim.example.org/app", "x-9.example.net/?r=7#z"),
            LURE.replace("https://claim.example.org/app", "claim[.]example[.]org"),
            LURE.replace("24", "48").replace("1,000", "25.000"),
            LURE.replace("@support_desk", "@robin"),
            LURE.replace(' ', "  ") + " 🚀🚀🔥!!!",
            LURE.to_uppercase(),
            LURE.replace("live", "liiiiive").replace("liiiiive", "live"),
        ] {
            assert_eq!(distance(LURE, &copy), 0, "{copy}");
        }
        let address = |address: &str| format!("send the old tokens to {address} and get new ones for them");
        let (one, other) =
            ("0x52908400098527886E0F7030069857D2E4169EE7", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU");
        assert_eq!(distance(&address(one), &address(other)), 0);
        assert_eq!(distance("please heeeeeelp me with my walleeeet now", "please heelp me with my walleet now"), 0);
    }

    #[test]
    fn copies_with_a_word_changed_are_near() {
        let words: Vec<&str> = LURE.split(' ').collect();
        let changed = (0..words.len()).map(|at| {
            let mut words = words.clone();
            words[at] = "quickly";
            distance(LURE, &words.join(" "))
        });
        let swapped = (1..words.len()).map(|at| {
            let mut words = words.clone();
            words.swap(at - 1, at);
            distance(LURE, &words.join(" "))
        });
        let noise = ["kqzvxw", "have a nice day", "gm gm", "abc def ghi"]
            .map(|noise| distance(LURE, &format!("{LURE} {noise}")));
        let all: Vec<u32> = changed.chain(swapped).chain(noise).collect();
        let near = all.iter().filter(|bits| **bits <= NEAR).count();
        assert!(near * 100 >= all.len() * 90, "{near} of {}: {all:?}", all.len());
    }

    #[test]
    fn other_texts_are_far() {
        let lines = [
            LURE,
            "does anybody know how to move the old tokens to the new contract",
            "my wallet shows nothing after the migration, what should I do now",
            "the migration page of the team does not open on my phone",
            "where do I find the official announcement of the dates",
            "good morning everybody, I wish you all a wonderful and quiet day",
            "I tried to restart the node but it hangs while reading the snapshot",
            "which hardware wallet do you use with this chain, and why",
            "the validator was slashed because its clock went backwards at night",
            "переведите пожалуйста старые токены на новый контракт до конца месяца",
            "кто нибудь знает когда откроется страница миграции для держателей",
            "持有者什么时候可以把旧代币换成新代币请问",
        ];
        for (at, one) in lines.iter().enumerate() {
            for other in lines.iter().skip(at + 1) {
                assert!(distance(one, other) > NEAR + 3, "{one} ~ {other}: {}", distance(one, other));
            }
        }
    }

    #[test]
    fn short_texts_have_no_fingerprint() {
        for text in [
            "gm",
            "ok",
            "thanks",
            "",
            "🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀",
            "https://claim.example.org/a/very/long/path",
            "1234567890 1234567890 1234567890",
        ] {
            assert_eq!(print(text), None, "{text}");
        }
        // The twin: without the rule, everybody's good morning is a copy of everybody else's.
        let [one, other] = ["gm", "GM!! 🚀"].map(|text| of_text(Folded::new(text).text()).0);
        assert!(one.is_near(other));
    }

    /// Counting in columns says what counting bit by bit does.
    #[test]
    fn the_majority_of_each_bit() {
        let mut hash = SimHash::default();
        let all: Vec<u64> = (0..777).map(mix).collect();
        for bits in &all {
            hash.count(*bits);
        }
        let most = (0..64).filter(|bit| all.iter().filter(|bits| **bits >> bit & 1 == 1).count() * 2 > all.len());
        assert_eq!(hash.finish().bits(), most.fold(0, |bits, bit| bits | 1 << bit));
    }

    #[test]
    fn however_long_a_text_is_it_has_a_fingerprint() {
        let long: String = (0..100_000_u64).map(|at| char::from(b'a' + (mix(at) % 26) as u8)).collect();
        assert!(print(&long).is_some());
    }
}
