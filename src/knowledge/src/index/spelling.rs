//! Slips of the finger: a word the base does not know, one edit away from one that it does.
//!
//! Every known word is filed under itself with each single letter left out; two words one edit apart share at least
//! one such form. That finds candidates in as many steps as the word has letters, whatever the size of the base.

use std::collections::{HashMap, HashSet};

use strsim::osa_distance;

/// Shorter words have too many neighbours.
const MIN_LETTERS: usize = 5;
/// Longer ones are not words.
const MAX_LETTERS: usize = 24;

/// The words of a base.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    known: HashSet<String>,
    shortened: HashMap<String, Vec<String>>,
}

impl Spelling {
    pub(crate) fn learn(&mut self, word: &str) {
        if !self.known.insert(word.to_owned()) {
            return;
        }
        for form in forms(word) {
            self.shortened.entry(form).or_default().push(word.to_owned());
        }
    }

    /// The known word that was probably meant; nothing for words that are known, short or far from all known ones.
    pub(crate) fn meant(&self, word: &str) -> Option<&str> {
        if self.known.contains(word) {
            return None;
        }
        let near = forms(word).filter_map(|form| self.shortened.get(&form)).flatten();
        // Of several, the first in the alphabet: any fixed choice will do, as long as it stays the same.
        near.filter(|known| osa_distance(word, known) == 1).min().map(String::as_str)
    }
}

/// The word itself and the word without each of its letters; nothing for words out of bounds.
fn forms(word: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = word.chars().take(MAX_LETTERS + 1).collect();
    let fits = (MIN_LETTERS..=MAX_LETTERS).contains(&letters.len()) && letters.iter().all(|c| c.is_alphabetic());
    let count = if fits { letters.len() + 1 } else { 0 };
    (0..count).map(move |skip| letters.iter().enumerate().filter(|(i, _)| *i != skip).map(|(_, c)| *c).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_understood_and_two_are_not() {
        let mut spelling = Spelling::default();
        for word in ["migrate", "deadline", "ledger", "fee"] {
            spelling.learn(word);
        }
        for slip in ["migarte", "migrte", "migraate", "mugrate", "migratee", "imgrate"] {
            assert_eq!(spelling.meant(slip), Some("migrate"), "{slip}");
        }
        for other in ["migrate", "mgirtae", "migration", "fees", "fe", "", "leader", "12345"] {
            assert_eq!(spelling.meant(other), None, "{other}");
        }
    }
}
