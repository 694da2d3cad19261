//! How people ask whether something is real, in the languages that we can word.

use townkeeper_contract::text::{Finding, normalise};

/// What a message wants to know of what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// Whether it is real, or nothing else at all; so many words stand around what it shows.
    Real {
        words: usize,
    },
    /// Something else.
    Something {
        words: usize,
    },
    Nothing,
}

/// In so short a question, words that mean much else mean what it shows.
pub(super) const SHORT: usize = 6;

/// Whole words.
const REAL: &[&str] = &[
    // English
    "authentic",
    "fake",
    "fraud",
    "genuine",
    "legit",
    "legitimate",
    "official",
    "phishing",
    "real",
    "scam",
    "scams",
    "trust",
    "trusted",
    "trustworthy",
    "yours",
    // German
    "betrug",
    "echt",
    "eure",
    "euer",
    "offiziell",
    "offizielle",
    "offiziellen",
    "offizieller",
    "seriös",
    "vertrauen",
    "vertrauenswürdig",
    // Spanish and Portuguese
    "auténtico",
    "confiable",
    "confiar",
    "confiável",
    "estafa",
    "falsa",
    "falso",
    "fiable",
    "fraude",
    "golpe",
    "legítima",
    "legitimo",
    "legítimo",
    "oficial",
    "verdadero",
    "verdadeiro",
    // French
    "arnaque",
    "authentique",
    "confiance",
    "faux",
    "légitime",
    "officiel",
    "officielle",
    "vrai",
    "vraie",
];

/// Whole words that mean it in a short question only.
const MAYBE: &[&str] = &[
    "correct", "right", "safe", "valid", "verified", "korrekt", "richtig", "sicher", "stimmt", "correcta", "correcto",
    "correto", "segura", "seguro", "sûr", "sûre",
];

/// Parts of words, where words change their ends or have no spaces between them.
const WITHIN: &[&str] = &[
    // Russian
    "мошенн",
    "настоящ",
    "официальн",
    "подлинн",
    "развод",
    "реальн",
    "скам",
    "фейк",
    "довер",
    // Chinese
    "官方",
    "真的",
    "真假",
    "假的",
    "可信",
    "正规",
    "正規",
    "骗",
    "騙",
    "钓鱼",
    "釣魚",
    // Korean
    "가짜",
    "공식",
    "믿을",
    "사기",
    "스캠",
    "진짜",
    "피싱",
];

const MAYBE_WITHIN: &[&str] = &["безопасн", "правильн", "安全", "正确", "正確", "맞나", "맞아", "안전"];

/// What a question ends with, where it has no question mark.
const PARTICLES: &[&str] = &["吗", "嗎"];

/// What `text` asks about what was found in it.
pub(super) fn asks(text: &str, found: &[Finding]) -> Asks {
    let around = normalise(&around(text, found));
    let words: Vec<&str> = around.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let short = words.len() <= SHORT;
    let nothing_else = !around.chars().any(char::is_alphabetic);
    let whole = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let within = |list: &[&str]| list.iter().any(|part| around.contains(part));
    if nothing_else || whole(REAL) || within(WITHIN) || short && (whole(MAYBE) || within(MAYBE_WITHIN)) {
        return Asks::Real { words: words.len() };
    }
    let asked = around.contains(['?', '\u{61f}']) || within(PARTICLES);
    if asked { Asks::Something { words: words.len() } } else { Asks::Nothing }
}

/// The text without what was found in it.
fn around(text: &str, found: &[Finding]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in found.iter().map(|finding| &finding.range).filter(|range| range.end > range.start) {
        out.push_str(text.get(done..range.start.max(done)).unwrap_or_default());
        out.push(' ');
        done = done.max(range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::text::extract;

    use super::*;

    const LINK: &str = "https://lumen-claim.example.net/x";

    fn of(text: &str) -> Asks {
        let text = text.replace("LINK", LINK);
        asks(&text, &extract(&text))
    }

    #[test]
    fn it_is_asked_in_many_languages_or_with_the_link_alone() {
        for text in [
            "LINK",
            "  LINK !!",
            "is LINK legit",
            "LINK scam?",
            "Can I trust LINK",
            "is LINK the right page",
            "Ist LINK echt?",
            "ist das hier sicher LINK",
            "¿es LINK el sitio oficial?",
            "LINK é golpe",
            "LINK это официальный сайт",
            "LINK 是真的吗",
            "LINK 공식 사이트인가요",
            "LINK est-ce une arnaque",
        ] {
            assert!(matches!(of(text), Asks::Real { .. }), "{text}");
        }
    }

    #[test]
    fn other_questions_and_no_questions_are_told_apart() {
        assert_eq!(of("how do I add LINK to my wallet?"), Asks::Something { words: 7 });
        assert_eq!(of("LINK 怎么用吗"), Asks::Something { words: 1 });
        for text in ["I signed something at LINK", "really nice: LINK", "is it the right time to go to LINK today"] {
            assert_eq!(of(text), Asks::Nothing, "{text}");
        }
    }
}
