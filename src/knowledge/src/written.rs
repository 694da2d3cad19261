//! A base as its files hold it, read together: the facts table first, then every entry with its facts in their places.

use std::collections::{BTreeMap, HashMap};

use crate::entry::{Entry, EntryError};
use crate::facts::{FactTable, is_table};
use crate::parse::{MAX_FILE, parse_with, too_large};

/// Everything that was written down, drafts included.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub facts: FactTable,
    /// Each with the name of its file, in the order given.
    pub entries: Vec<(String, Entry)>,
    /// The text of every file, by name.
    pub texts: BTreeMap<String, String>,
}

/// A file as it was found: its name, for messages, and its bytes.
pub type Document = (String, Vec<u8>);

impl Written {
    /// Reads a base. The file called `facts.toml`, if there is one, is its facts table; every other is an entry.
    ///
    /// # Errors
    /// Whatever is wrong with any file; faults in the facts table alone if it has any, for they break the entries.
    pub fn read(documents: Vec<Document>) -> Result<Self, Vec<EntryError>> {
        let mut errors = Vec::new();
        let mut tables: Vec<(String, String)> = Vec::new();
        let mut files: Vec<(String, String)> = Vec::new();
        for document in documents {
            match decode(document) {
                Ok(file) if is_table(&file.0) => tables.push(file),
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            }
        }
        let facts = table(&tables).map_err(|mut of_table| {
            of_table.append(&mut errors);
            of_table
        })?;
        let mut entries = Vec::new();
        for (file, text) in &files {
            match parse_with(file, text, &facts) {
                Ok(entry) => entries.push((file.clone(), entry)),
                Err(error) => errors.push(error),
            }
        }
        let texts: BTreeMap<String, String> = files.into_iter().chain(tables).collect();
        errors.extend(duplicates(&entries, &texts));
        if errors.is_empty() { Ok(Self { facts, entries, texts }) } else { Err(errors) }
    }

    /// The line of a file on which a text stands, the first from line `from` on; `from` itself where it does not.
    pub fn line(&self, file: &str, text: &str, from: usize) -> usize {
        let lines = self.texts.get(file).into_iter().flat_map(|whole| whole.lines()).zip(1..);
        let mut below = lines.skip(from.saturating_sub(1));
        below.find(|(line, _)| line.contains(text)).map_or(from, |(_, n)| n)
    }
}

fn table(tables: &[(String, String)]) -> Result<FactTable, Vec<EntryError>> {
    match tables {
        [] => Ok(FactTable::default()),
        [(file, text)] => FactTable::parse(file, text),
        [(first, _), (second, _), ..] => Err(vec![EntryError {
            file: second.clone(),
            line: 0,
            reason: format!("{first} is a facts table too"),
            remedy: "a base has one; merge them".to_owned(),
        }]),
    }
}

/// The text of a file that is not too large and is UTF-8.
///
/// # Errors
/// What is wrong with it, and on which line.
pub fn decode((file, bytes): Document) -> Result<(String, String), EntryError> {
    if bytes.len() > MAX_FILE && !is_table(&file) {
        return Err(too_large(&file, bytes.len() as u64));
    }
    String::from_utf8(bytes).map_or_else(
        |error| {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.split(|byte| *byte == b'\n').count();
            let reason = "the file is not UTF-8 text".to_owned();
            let remedy = "save it as UTF-8; the first letter that is not stands on this line".to_owned();
            Err(EntryError { file: file.clone(), line, reason, remedy })
        },
        |text| Ok((file.clone(), text)),
    )
}

fn duplicates(entries: &[(String, Entry)], texts: &BTreeMap<String, String>) -> Vec<EntryError> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut errors = Vec::new();
    for (file, entry) in entries {
        let Some(other) = first.insert(entry.id.as_str(), file) else { continue };
        let lines = || texts.get(file).into_iter().flat_map(|text| text.lines());
        errors.push(EntryError {
            file: file.clone(),
            line: lines().position(|line| line.starts_with("id:")).map_or(0, |at| at + 1),
            reason: format!("the id `{}` is already used by {other}", entry.id),
            remedy: "give one of the two another id, or merge them".to_owned(),
        });
    }
    errors
}
