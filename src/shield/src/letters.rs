//! What is a letter. The tables that know it of every script take twenty times as long as a look at the few scripts that
//! most people write in, and a text is asked for each of its characters, often.

/// As [`char::is_alphabetic`].
pub(crate) fn is_alphabetic(c: char) -> bool {
    match c {
        '\0'..='\u{7F}' => c.is_ascii_alphabetic(),
        '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' => true,
        _ => c.is_alphabetic(),
    }
}

/// As [`char::is_alphanumeric`].
pub(crate) fn is_alphanumeric(c: char) -> bool {
    match c {
        '\0'..='\u{7F}' => c.is_ascii_alphanumeric(),
        '\u{400}'..='\u{481}' | '\u{48A}'..='\u{52F}' => true,
        '\u{2000}'..='\u{206F}' | '\u{2190}'..='\u{23FF}' | '\u{2500}'..='\u{2775}' | '\u{1F300}'..='\u{1FAFF}' => {
            false
        }
        _ => c.is_alphanumeric(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn they_say_what_the_tables_say() {
        for c in '\0'..=char::MAX {
            let ours = (super::is_alphabetic(c), super::is_alphanumeric(c));
            assert_eq!(ours, (c.is_alphabetic(), c.is_alphanumeric()), "{c:?}");
        }
    }
}
