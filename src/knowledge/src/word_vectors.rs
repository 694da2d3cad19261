//! A static table: one vector for each word, as GloVe and fastText publish them (`word 0.1 -0.2 …` a line, with or
//! without a first line `count dims`). A text is the mean of its words, each by how rare it is in the base.

use std::collections::HashMap;

use crate::entry::EntryError;

/// Such files begin with the most frequent words; what comes after so many is not read.
pub const MAX_WORDS: usize = 400_000;

/// Words and their vectors, all of one size.
#[derive(Debug)]
pub struct WordVectors {
    dims: usize,
    places: HashMap<String, usize>,
    numbers: Vec<f32>,
}

impl WordVectors {
    /// Reads the lines of a file of that name.
    ///
    /// # Errors
    /// The first line that is no word with numbers behind it, or has another count of them than the first.
    pub fn read(name: &str, lines: impl Iterator<Item = String>) -> Result<Self, EntryError> {
        let mut table = Self { dims: 0, places: HashMap::new(), numbers: Vec::new() };
        for (at, line) in lines.enumerate() {
            if table.places.len() == MAX_WORDS {
                break;
            }
            let line = line.trim();
            if line.is_empty() || at == 0 && is_header(line) {
                continue;
            }
            table.add(line).map_err(|reason| fault(name, at + 1, reason))?;
        }
        if table.places.is_empty() {
            return Err(fault(name, 0, "it holds no word".to_owned()));
        }
        Ok(table)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let tokens: Vec<&str> = line.split_ascii_whitespace().collect();
        if self.dims == 0 {
            self.dims = tokens.len() - 1;
        }
        let (word, numbers) = tokens.split_at_checked(tokens.len().saturating_sub(self.dims)).unwrap_or_default();
        let numeric = |token: &&str| token.parse::<f32>().is_ok_and(f32::is_finite);
        // Some tables have "words" with spaces in them: nobody's word is one, but a number there is a size gone wrong.
        let too_many = word.len() > 1 && word.iter().skip(1).all(numeric);
        if word.is_empty() || self.dims == 0 || too_many || !numbers.iter().all(numeric) {
            let size = self.dims;
            return Err(format!("this is no word with {size} numbers behind it, as in the lines before"));
        }
        let &[word] = word else { return Ok(()) };
        // In two cases of a word the first is the more frequent.
        let next = self.places.len();
        if let std::collections::hash_map::Entry::Vacant(place) = self.places.entry(word.to_lowercase()) {
            place.insert(next);
            self.numbers.extend(numbers.iter().filter_map(|number| number.parse::<f32>().ok()));
        }
        Ok(())
    }

    /// How many numbers a word has.
    pub fn dims(&self) -> usize {
        self.dims
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true: a table without a word is not read.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A word's numbers, if it is known; in small letters.
    pub(crate) fn get(&self, word: &str) -> Option<&[f32]> {
        self.places.get(word).and_then(|place| self.numbers.get(place * self.dims..(place + 1) * self.dims))
    }
}

/// `count dims`, as word2vec and fastText begin.
fn is_header(line: &str) -> bool {
    let mut tokens = line.split_ascii_whitespace();
    let mut count = || tokens.next().is_some_and(|token| token.parse::<u64>().is_ok());
    count() && count() && tokens.next().is_none()
}

fn fault(name: &str, line: usize, reason: String) -> EntryError {
    EntryError {
        file: name.to_owned(),
        line,
        reason,
        remedy: "give a table of word vectors as text: a word and its numbers a line, with blanks between".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WordVectors, EntryError> {
        WordVectors::read("t.vec", text.lines().map(str::to_owned))
    }

    #[test]
    fn a_table_is_read_with_and_without_its_header() {
        for text in ["2 3\nowl 1 0 0\nBird 0.5 5e-1 -0\n", "owl 1 0 0\n\nBird 0.5 5e-1 -0\nbird 9 9 9\n. . 1 2 3"] {
            let table = read(text).unwrap();
            assert_eq!((table.dims(), table.len()), (3, 2), "{text}");
            assert_eq!(table.get("bird"), Some(&[0.5, 0.5, -0.0][..]));
            assert_eq!(table.get("fish"), None);
        }
    }

    #[test]
    fn what_is_no_table_is_named_with_its_line() {
        for (text, line) in [
            ("", 0),
            ("2 3\n", 0),
            ("owl\n", 1),
            ("owl 1 0 0\nbird 1 0\n", 2),
            ("owl 1 0 0\nbird 1 0 0 0\n", 2),
            ("owl 1 0 0\nbird 1 x 0\n", 2),
            ("owl 1 0 NaN\n", 1),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!((error.file.as_str(), error.line), ("t.vec", line), "{text:?}: {error}");
        }
    }
}
