//! Who speaks, and what for: a warning, a question, a report, a quotation or code is not a scam, though the words are the
//! same. Whoever only says so ("not a scam:") while giving orders gets nothing for it.

use std::ops::Range;

use crate::letters::is_alphabetic;
use crate::message::{Message, Tier};
use crate::signals::intent::class::{ASK, DENOUNCE, DM, ENDORSE, TOLD, WARN};
use crate::signals::intent::{Wish, Words};

/// How the writer stands to what the text says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stance {
    /// Speaks against it.
    pub(crate) warns: bool,
    /// Asks whether it is real.
    pub(crate) asks: bool,
    /// Shows others' words.
    pub(crate) quotes: bool,
    /// Developers' talk.
    pub(crate) technical: bool,
    pub(crate) staff: bool,
    /// No newcomer, who passes on others' words without one of their own: may have been taken in.
    pub(crate) passes_on: bool,
}

impl Stance {
    /// Of the author's own words.
    pub(crate) fn new(message: &Message<'_>, own: &Own<'_>, words: &Words, wishes: &[Wish], quotes: bool) -> Self {
        let Own { text: own, leads } = *own;
        let orders = wishes.iter().any(|wish| wish.to_you || wish.id == "secret_request");
        let endorses = words.has(ENDORSE);
        let question = own.contains(['?', '？', '؟']) || QUESTIONS.iter().any(|start| own.starts_with(start));
        Self {
            warns: !orders && (message.in_reports || words.has(DENOUNCE) && !endorses),
            asks: question && !orders && words.has(ASK) && (!endorses || question_names(own)),
            quotes: quotes && words.has(WARN | DENOUNCE | ASK | TOLD) && !orders,
            // Developers name keys to each other, but want nobody's.
            technical: words.is_technical() && !leads && !words.has(DM) && !TO_ME.iter().any(|to| own.contains(to)),
            staff: message.author.tier == Tier::Staff,
            passes_on: message.forwarded && message.author.tier >= Tier::Member,
        }
    }

    /// No order to anybody: nothing may be done by itself.
    pub(crate) fn is_innocent(self) -> bool {
        self.warns || self.asks || self.quotes
    }

    /// What is left of a wish, or of what the text model says.
    pub(crate) fn leaves(self) -> f32 {
        match () {
            () if self.staff => 0.0,
            () if self.is_innocent() => 0.25,
            () if self.technical => 0.35,
            () => 1.0,
        }
    }

    /// What is left of a host that passes for ours or that nobody knows: only who is trusted, or writes where scams are
    /// reported, may name it.
    pub(crate) fn leaves_of_hosts(self, message: &Message<'_>, live: bool) -> f32 {
        let trusted = message.author.tier >= Tier::Trusted || message.in_reports;
        let warned = self.warns || self.quotes;
        match () {
            () if self.staff => 0.0,
            () if trusted && self.is_innocent() => 0.0,
            () if warned && !live => 0.25,
            () => 1.0,
        }
    }

    pub(crate) fn dampers(self) -> Vec<&'static str> {
        let named = [
            (self.warns, "warning"),
            (self.asks, "question"),
            (self.quotes, "quote"),
            (self.technical, "code"),
            (self.staff, "staff"),
        ];
        named.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }
}

/// The author's own words, folded, and whether they lead to a place or a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'t> {
    pub(crate) text: &'t str,
    pub(crate) leads: bool,
}

/// Words that say what follows is a scam, and nothing else.
const WARNINGS: &[&str] = &[
    "scam",
    "scammer",
    "phishing",
    "fake",
    "скам",
    "мошенники",
    "estafa",
    "golpe",
    "betrug",
    "scam alert",
    "scam warning",
];

/// Whether no more than a word of warning stands before what a folded text says: "SCAM: …". Whoever warns says so in haste, and
/// whoever steals says so in cunning: a human tells them apart.
pub(crate) fn is_marked(folded: &str) -> bool {
    let text = folded.trim_start_matches(|c: char| !is_alphabetic(c));
    WARNINGS.iter().any(|mark| {
        let Some(rest) = text.strip_prefix(mark) else { return false };
        let behind = rest.trim_start_matches([' ', '!', '*', ']', '\u{fe0f}']);
        // "Scam coins are up" is about them; nobody is about a scam alert.
        let said = mark.contains(' ') && !rest.starts_with(is_alphabetic);
        said || behind.starts_with([':', '-', '–', '—', '⚠', '🚨', '\n'])
    })
}

/// To whom a thief wants it sent.
const TO_ME: &[&str] = &["send me", "give me", "to me", "tell me", "share with", "send us", "send it", "to us"];

/// How questions begin that lack their mark.
const QUESTIONS: &[&str] = &[
    "is this",
    "is it",
    "is the",
    "is that",
    "are these",
    "anyone know",
    "does anyone",
    "has anyone",
    "can someone",
    "can anyone",
];

/// The question itself says what would endorse: "is it the real one?"
fn question_names(own: &str) -> bool {
    QUESTIONS.iter().any(|start| own.contains(start))
}

/// A text with stretches blanked out, byte for byte, so that the others stand where they stood; `None` without any.
pub(crate) fn blanked(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Option<String> {
    let mut own = String::with_capacity(text.len());
    for range in ranges {
        own.push_str(text.get(own.len()..range.start).unwrap_or_default());
        own.extend(std::iter::repeat_n(' ', range.end.saturating_sub(own.len())));
    }
    if own.is_empty() {
        return None;
    }
    own.push_str(text.get(own.len()..).unwrap_or_default());
    Some(own)
}

/// Whether words are left that could say what a quotation is for: a text that is nothing else is the author's own.
pub(crate) fn says_something(own: &str) -> bool {
    own.split_whitespace().filter(|word| word.chars().any(is_alphabetic)).count() >= 2
}

/// Nobody quotes more; each is looked for in the whole text.
const MOST: usize = 64;

/// Shorter ones name something ("wallet"), and quote nobody.
const SHORTEST: usize = 10;

const MARKS: &[(char, char)] = &[('"', '"'), ('“', '”'), ('«', '»'), ('„', '“'), ('「', '」'), ('`', '`')];

/// What is in quotation marks, behind `>` at the start of a line, and in code: others' words, in order.
pub(crate) fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    if !text.contains(['>', '"', '“', '«', '「', '`', '„']) {
        return found;
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        // `>>` points at something; `> ` quotes.
        if body.starts_with('>') && !body.starts_with(">>") {
            found.push(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    let mut from = 0;
    for _ in 0..MOST {
        let Some((start, mark, close)) = opening(text, from) else { break };
        let inner = start + mark.len_utf8();
        let length = text.get(inner..).and_then(|rest| rest.find(close));
        let Some(length) = length else {
            from = inner;
            continue;
        };
        let end = inner + length + close.len_utf8();
        let spaced = text.get(inner..inner + length).is_some_and(|inside| inside.contains(' '));
        if (length >= SHORTEST && spaced || mark == '`')
            && !found.iter().any(|known| known.start < end && start < known.end)
        {
            found.push(start..end);
        }
        from = end;
    }
    found.sort_by_key(|range| range.start);
    found
}

fn opening(text: &str, from: usize) -> Option<(usize, char, char)> {
    let rest = text.get(from..)?;
    let (at, mark) = rest.char_indices().find(|(_, c)| MARKS.iter().any(|(open, _)| open == c))?;
    let close = MARKS.iter().find(|(open, _)| *open == mark).map(|(_, close)| *close)?;
    Some((from + at, mark, close))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_word_of_warning_is_marked() {
        for text in [
            "scam: claim now",
            "⚠️ scam alert ⚠️\nclaim now",
            "scam alert claim now",
            "[scam] - claim now",
            "🚨 phishing! : claim",
            "скам: claim",
        ] {
            assert!(is_marked(text), "{text}");
        }
        for text in
            ["", "scams everywhere: claim now", "not a scam: claim now", "scam coins are up", "claim now, scam:"]
        {
            assert!(!is_marked(text), "{text}");
        }
    }

    fn own_words(text: &str) -> Option<String> {
        blanked(text, quotations(text)).filter(|own| says_something(own))
    }

    #[test]
    fn others_words_are_blanked_and_offsets_stay() {
        let text = "Reporting this: \"kindly validate your wallet\" from him";
        let own = own_words(text).unwrap();
        assert_eq!(own.len(), text.len());
        assert!(own.contains("Reporting this") && own.contains("from him") && !own.contains("validate"));
        assert!(!own_words("> enter your seed phrase\nplease ban him").unwrap().contains("seed"));
        assert!(!own_words("look: `send 1 get 2` is funny").unwrap().contains("send"));
    }

    #[test]
    fn a_text_that_is_all_quotation_is_the_authors_own() {
        for text in [
            "> Claim your airdrop now",
            "\"Enter your seed phrase here\"",
            "plain words",
            "`npm install`",
            ">> here <<",
        ] {
            assert_eq!(own_words(text), None, "{text}");
        }
    }
}
