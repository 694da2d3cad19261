//! Secrets that people carry: tokens, login links, link codes. How they look, and the hash that alone is stored.
//! Randomness comes in as bytes.

use sha2::{Digest as _, Sha256};

/// What every token begins with, so that people and secret scanners know one: `tk_[0-9a-f]{72}`.
pub const PREFIX: &str = "tk_";

/// Hexadecimal digits of a token's secret, and of the checksum behind it.
const SECRET: usize = 64;
const CHECK: usize = 8;

/// Letters and digits of link codes: none that is mistaken for another. 32, so that no letter is likelier.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What is stored of a secret, and looked up by.
pub fn hash(secret: &str) -> String {
    format!("{:x}", Sha256::digest(secret.as_bytes()))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0')));
        text
    })
}

/// A token: prefix, 256 bits, checksum.
pub fn token(random: &[u8; 32]) -> String {
    let secret = hex(random);
    let check = check(&secret);
    format!("{PREFIX}{secret}{check}")
}

/// Whether this may be a token of ours: a typo and a cut end are told from a token that is not known.
pub fn is_token(text: &str) -> bool {
    let rest = text.strip_prefix(PREFIX).unwrap_or_default();
    let parts = rest.split_at_checked(SECRET);
    parts.is_some_and(|(secret, given)| given.len() == CHECK && given == check(secret))
}

fn check(secret: &str) -> String {
    hash(secret).chars().take(CHECK).collect()
}

/// A code of 40 bits that is read aloud or typed: `ABCD-EFGH`. It lives for minutes and for one use.
pub fn code(random: &[u8; 8]) -> String {
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'A'));
    let letters: String = random.iter().map(letter).collect();
    let (head, tail) = letters.split_at_checked(4).unwrap_or((&letters, ""));
    format!("{head}-{tail}")
}

/// A code as a person may write it: with or without the dash, in small letters.
pub fn tidy(code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_uppercase();
    let (head, tail) = letters.split_at_checked(4).unwrap_or((&letters, ""));
    format!("{head}-{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_look_and_a_typo_too() {
        let token = token(&[7; 32]);
        assert_eq!((token.len(), is_token(&token)), (75, true), "{token}");
        for at in PREFIX.len()..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            assert!(!is_token(std::str::from_utf8(&wrong).expect("ascii")), "a typo at {at}");
        }
        for wrong in ["", "tk_", "tk_ä", token.trim_end_matches(|c: char| c != '_'), &format!("{token}0"), "x"] {
            assert!(!is_token(wrong), "{wrong}");
        }
        assert_ne!(hash(&token), token);
    }

    #[test]
    fn a_code_is_read_as_it_is_written() {
        let code = code(&[0, 1, 2, 3, 31, 32, 33, 255]);
        assert_eq!(code, "ABCD-9AB9");
        for written in ["abcd-9ab9", " ABCD 9AB9 ", "ABCD9AB9", "abcd–9ab9"] {
            assert_eq!(tidy(written), code, "{written}");
        }
    }
}
