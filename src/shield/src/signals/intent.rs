//! L3: what a text wants of its reader, as verb and object near each other; and by whom it is told: what is denied,
//! asked or reported is no order.

pub(crate) mod class;
mod inbox;
mod lexicon;
mod rules;
mod tongues;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::letters::{is_alphabetic, is_alphanumeric};
use class::{BIO, Class, DEV, DM, FALSE, MY, NOT, POSE, PRESENT, TOLD, WONDER, YOUR};
use rules::{RULES, Rule};

/// A word of the grammar in a folded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) class: Class,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// All of a text's words, by where they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    all: Vec<Word>,
    kinds: Class,
}

/// One thing that a text wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) id: &'static str,
    pub(crate) why: &'static str,
    pub(crate) strength: f32,
    /// In the folded text.
    pub(crate) range: Range<usize>,
    /// Said to the reader, not about oneself.
    pub(crate) to_you: bool,
}

struct Lexeme {
    class: Class,
    /// Any ending may follow.
    open: bool,
    /// It may begin inside a word: a sign, or a script without spaces.
    anywhere: bool,
    /// It may end inside a word.
    dense: bool,
}

static LEXICON: LazyLock<(AhoCorasick, Vec<Lexeme>)> = LazyLock::new(compile);

#[expect(clippy::expect_used, reason = "the words are literals, and every test compiles them")]
fn compile() -> (AhoCorasick, Vec<Lexeme>) {
    let mut patterns: Vec<String> = Vec::new();
    let mut lexemes = Vec::new();
    for (class, words) in lexicon::ENGLISH.iter().chain(tongues::TONGUES).chain(inbox::WORDS) {
        for word in words.split('|') {
            let (text, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
            let first = text.chars().next().unwrap_or_default();
            let dense = u32::from(first) >= 0x1100;
            let anywhere = dense || !is_alphanumeric(first);
            let bare = unaccented(text);
            if bare != text {
                patterns.push(bare);
                lexemes.push(Lexeme { class: *class, open, anywhere, dense });
            }
            patterns.push(text.to_owned());
            lexemes.push(Lexeme { class: *class, open, anywhere, dense });
        }
    }
    (AhoCorasick::new(&patterns).expect("a few thousand short words"), lexemes)
}

/// As written on a keyboard without accents.
fn unaccented(word: &str) -> String {
    let plain = |c| match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        c => c,
    };
    word.chars().map(plain).collect()
}

impl Words {
    /// The words of a folded text.
    pub(crate) fn new(folded: &str) -> Self {
        let (automaton, lexemes) = &*LEXICON;
        let mut words = Self::default();
        let bytes = folded.as_bytes();
        for hit in automaton.find_overlapping_iter(folded) {
            let Some(lexeme) = lexemes.get(hit.pattern().as_usize()) else { continue };
            let (start, end) = (hit.start(), hit.end());
            if (lexeme.anywhere || starts(folded, bytes, start))
                && (lexeme.dense || lexeme.open || ends(folded, bytes, end))
            {
                words.all.push(Word { class: lexeme.class, start, end });
                words.kinds |= lexeme.class;
            }
        }
        words.drop_false();
        words.all.sort_unstable_by_key(|word| (word.start, word.end));
        words
    }

    /// "Don't miss" negates nothing, "not a scam" warns of nothing: what lies inside such a phrase is not counted.
    fn drop_false(&mut self) {
        if !self.has(FALSE) {
            return;
        }
        let phrases: Vec<Word> = self.of(FALSE).collect();
        let stance = NOT | class::WARN | class::DENOUNCE | class::ASK;
        let inside = |word: &Word| phrases.iter().any(|phrase| phrase.start < word.end && word.start < phrase.end);
        self.all.retain(|word| word.class & stance == 0 || !inside(word));
        self.kinds = self.all.iter().fold(0, |kinds, word| kinds | word.class);
    }

    pub(crate) fn has(&self, class: Class) -> bool {
        self.kinds & class != 0
    }

    pub(crate) fn of(&self, class: Class) -> impl Iterator<Item = Word> {
        self.all.iter().copied().filter(move |word| word.class & class != 0)
    }

    /// Those of a kind that begin in a stretch: a text stuffed with words is no slower for it.
    fn between(&self, from: usize, to: usize, class: Class) -> impl Iterator<Item = Word> {
        let first = self.all.partition_point(|word| word.start < from);
        let end = self.all.partition_point(|word| word.start < to);
        let words = self.all.get(first..end).unwrap_or_default();
        words.iter().copied().filter(move |word| word.class & class != 0)
    }

    /// What the text wants, the strongest reading of each signal; `present` are the kinds without a place.
    pub(crate) fn wishes(&self, folded: &str, present: Class) -> Vec<Wish> {
        let mut wishes: Vec<Wish> = Vec::new();
        let kinds = self.kinds | present & PRESENT;
        for rule in RULES.iter().chain(inbox::RULES).filter(|rule| rule.groups.iter().all(|group| group & kinds != 0)) {
            let known = wishes.iter().position(|wish| wish.id == rule.id);
            let stronger = known.and_then(|at| wishes.get(at)).is_none_or(|wish| wish.strength < rule.strength);
            let Some(wish) = stronger.then(|| self.wish(rule, folded, present)).flatten() else { continue };
            match known.and_then(|at| wishes.get_mut(at)) {
                Some(weaker) => *weaker = wish,
                None => wishes.push(wish),
            }
        }
        wishes
    }

    fn wish(&self, rule: &Rule, folded: &str, present: Class) -> Option<Wish> {
        let (first, others) = rule.groups.split_first()?;
        self.of(*first).find_map(|anchor| {
            let mut range = anchor.start..anchor.end;
            for group in others {
                if group & present & PRESENT != 0 {
                    continue;
                }
                let near = self.near(&anchor, *group, rule)?;
                range = range.start.min(near.start)..range.end.max(near.end);
            }
            let own = !rule.personal && self.is_own_story(&range);
            let told = self.is_told(folded, anchor.start) || self.is_told(folded, range.start);
            let to_you = self.between(range.start.saturating_sub(24), range.end + 1, YOUR).next().is_some();
            (!own && !told).then_some(Wish { id: rule.id, why: rule.why, strength: rule.strength, range, to_you })
        })
    }

    /// The nearest word of a kind, other than the anchor and not inside it.
    fn near(&self, anchor: &Word, group: Class, rule: &Rule) -> Option<Word> {
        let distance = |word: &Word| word.start.abs_diff(anchor.start);
        let around = self.between(anchor.start.saturating_sub(rule.within), anchor.start + rule.within + 1, group);
        around
            .filter(|word| distance(word) <= rule.within && (word.end <= anchor.start || word.start >= anchor.end))
            .filter(|word| !rule.ordered || word.start > anchor.start)
            .min_by_key(distance)
    }

    /// About the writer's own things and to nobody: `my seed phrase`.
    fn is_own_story(&self, range: &Range<usize>) -> bool {
        let near = |class| self.between(range.start.saturating_sub(16), range.end, class);
        // `link in my bio` and `dm me` are no stories.
        let inside = |my: &Word| {
            let phrases = self.between(my.start.saturating_sub(REACH), my.start + 1, BIO | DM | POSE);
            phrases.into_iter().any(|word| my.end <= word.end)
        };
        near(YOUR).next().is_none() && near(MY).any(|word| !inside(&word))
    }

    /// Whether the verb is denied, asked or reported: such a word stands before it in the same clause.
    fn is_told(&self, folded: &str, verb: usize) -> bool {
        let governs = |word: Word| {
            let reach = if word.class & NOT != 0 { 26 } else { 48 };
            let between = folded.get(word.end..verb);
            word.end <= verb
                && verb - word.end <= reach
                && between.is_some_and(|between| {
                    !between.contains(['.', '!', '?', ';', ','])
                        && (word.class & TOLD != 0 || !between.contains(':'))
                        && !between.contains(" to lose")
                })
        };
        self.between(verb.saturating_sub(REACH), verb, NOT | WONDER | TOLD).any(governs)
    }

    /// The talk of developers, who handle keys and approvals all day.
    pub(crate) fn is_technical(&self) -> bool {
        self.has(DEV)
    }
}

/// A word further before a verb has nothing to do with it, in bytes, with its own length.
const REACH: usize = 100;

/// Whether a word can begin here.
fn starts(text: &str, bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).and_then(|before| bytes.get(before)) {
        None => true,
        Some(b) if b.is_ascii() => !b.is_ascii_alphanumeric(),
        Some(_) => !text.get(..at).and_then(|before| before.chars().next_back()).is_some_and(is_letter),
    }
}

/// Whether a word can end here.
fn ends(text: &str, bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        None => true,
        Some(b) if b.is_ascii() => !b.is_ascii_alphanumeric(),
        Some(_) => !text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(is_letter),
    }
}

/// A letter of a script that puts spaces between words.
fn is_letter(c: char) -> bool {
    is_alphabetic(c) && u32::from(c) < 0x1100
}

#[cfg(test)]
mod tests {
    use super::class::{BRAND, LINK};
    use super::*;
    use crate::fold::Folded;

    fn wishes(text: &str, present: Class) -> Vec<&'static str> {
        let folded = Folded::new(text);
        Words::new(folded.text()).wishes(folded.text(), present).into_iter().map(|wish| wish.id).collect()
    }

    #[test]
    fn an_order_is_a_wish_and_what_is_denied_asked_or_told_is_none() {
        assert_eq!(wishes("Enter your 12 word recovery phrase to finish", 0), ["secret_request"]);
        for text in [
            "Never enter your recovery phrase anywhere",
            "We will never ask you to enter your seed phrase",
            "should I enter my seed phrase there?",
            "he asked me to send my private key",
            "a guy told me to enter the 12 words, lol",
            "I lost my seed phrase",
        ] {
            assert_eq!(wishes(text, 0), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_false_negation_takes_nothing_away() {
        for text in [
            "Do not worry, enter your seed phrase",
            "Don't miss out and claim your airdrop",
            "This is not a scam: enter your seed phrase",
            "If you do not validate your wallet, your tokens are lost",
            "No problem. Send your private key",
        ] {
            assert!(!wishes(text, 0).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_stuffed_with_words_is_judged_all_the_same() {
        let stuffed = format!("{} enter your seed phrase", "dm help team your wallet claim now ".repeat(120));
        assert!(wishes(&stuffed, 0).contains(&"secret_request"));
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(wishes("the presenter yourself seed phrases", 0), Vec::<&str>::new());
        assert_eq!(wishes("введите сид-фразу", 0), ["secret_request"]);
        assert_eq!(wishes("请输入您的助记词", 0), ["secret_request"]);
    }

    #[test]
    fn no_kind_is_another_and_every_kind_fits() {
        assert!(BRAND > LINK && BRAND.is_power_of_two() && LINK.is_power_of_two());
        assert!(
            lexicon::ENGLISH
                .iter()
                .chain(tongues::TONGUES)
                .chain(inbox::WORDS)
                .all(|(class, words)| class.is_power_of_two()
                    && !words.split('|').any(|word| word.is_empty() || word != word.to_lowercase()))
        );
    }
}
