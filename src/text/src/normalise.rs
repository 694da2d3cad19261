//! Normal forms: what two texts are compared by, and what the scanners read.

use unicode_normalization::UnicodeNormalization;

/// The form two texts are compared in: NFKC, invisible characters dropped, lower case, each run of white space one
/// space, none at the ends. Applying it twice changes nothing.
pub fn normalise(text: &str) -> String {
    let composed = compose(text);
    let lower: String = composed.chars().flat_map(char::to_lowercase).collect();
    // Lower case may need composing again, and composing may uncover another invisible.
    let settled = compose(&lower);
    let mut out = String::with_capacity(settled.len());
    for word in settled.split(is_space).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The UTS #39 skeleton of the normal form: two texts with one skeleton look alike to a hurried reader. For
/// comparing only, never for showing.
pub fn skeleton(text: &str) -> String {
    unicode_security::confusable_detection::skeleton(&normalise(text)).collect()
}

fn compose(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).nfkc().filter(|c| !is_invisible(*c)).nfkc().collect()
}

/// White space, and the Braille blank, which looks like it.
#[inline]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Characters that show nothing and only break up or reorder others: controls other than white space, soft hyphen,
/// joiners, zero width, bidi controls, variation selectors, fillers, annotation marks, tags.
#[inline]
pub fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !c.is_whitespace();
    }
    matches!(c,
        '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}'
        | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Its own compatibility form, visible, and no mark: what most texts are made of. Of others too little is known to say.
#[inline]
pub fn is_settled(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' '..='~' | '\u{400}'..='\u{482}') || is_settled_too(c)
}

/// The same of what is not as frequent.
fn is_settled_too(c: char) -> bool {
    matches!(c,
         '\u{C0}'..='\u{131}' | '\u{134}'..='\u{13E}' | '\u{141}'..='\u{148}'
        | '\u{14A}'..='\u{17E}' | '\u{388}'..='\u{3CE}' | '\u{48A}'..='\u{52F}'
        | '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{64A}' | '\u{2010}' | '\u{2012}'..='\u{2016}'
        | '\u{2018}'..='\u{2023}' | '\u{20A0}'..='\u{20A7}' | '\u{20A9}'..='\u{20BF}' | '\u{2190}'..='\u{21FF}' | '\u{2500}'..='\u{2775}'
        | '\u{2794}'..='\u{27BF}' | '\u{3001}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FE}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{1F300}'..='\u{1F6FF}' | '\u{1F900}'..='\u{1F9FF}' | '\u{AB}' | '\u{BB}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn looks_alike_compares_alike() {
        let cases = [
            ("  Hello\u{A0}\tWORLD \n", "hello world"),
            ("Ｆｕｌｌｗｉｄｔｈ１２", "fullwidth12"),
            ("mi\u{200B}gra\u{AD}ti\u{2060}on", "migration"),
            ("\u{202E}abc\u{202C}", "abc"),
            ("a\u{FE0F}b\u{E0041}c\u{3164}d", "abcd"),
            ("cafe\u{301}", "café"),
            ("e\u{200D}\u{301}", "é"),
            ("ﬁne ½ ™", "fine 1⁄2 tm"),
            ("a\u{0}b\u{7}", "ab"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(normalise(text), expected, "{text:?}");
        }
    }

    #[test]
    fn skeletons_of_confusables_meet_and_others_do_not() {
        assert_eq!(skeleton("ехample.org"), skeleton("Example.org"), "Cyrillic е and х");
        assert_eq!(skeleton("paypa1"), skeleton("paypal"));
        assert_ne!(skeleton("example.org"), skeleton("example.net"));
    }

    #[test]
    fn the_settled_are_their_own_form_and_visible() {
        for c in ('\0'..='\u{10FFFF}').filter(|c| is_settled(*c)) {
            assert!(c.to_string().nfkc().eq([c]) && !is_invisible(c), "{c:?} {:x}", u32::from(c));
        }
    }

    #[test]
    fn every_single_character_is_settled_after_one_pass() {
        // Beyond lie unassigned planes and ideographs.
        for c in ('\0'..='\u{20000}').chain('\u{E0000}'..='\u{E0FFF}') {
            let once = normalise(&c.to_string());
            assert_eq!(normalise(&once), once, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn normalise_is_idempotent(text in "\\PC*", tricky in "[\u{1100}-\u{1180}\u{300}-\u{345}A-Zΐİẞ\u{200B}]{0,8}") {
            let once = normalise(&format!("{text}{tricky}"));
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
