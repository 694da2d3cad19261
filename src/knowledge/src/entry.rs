//! An entry of the canonical base, and the one kind of error that reading entries makes.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::RichText;

/// One published answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Lower-case kebab, at most [`crate::parse::MAX_ID`] bytes.
    pub id: EntryId,
    /// The question in one line, as people read it on a button or a page.
    pub title: String,
    pub class: Class,
    /// The role that keeps it true.
    pub owner: String,
    pub reviewed_by: String,
    pub reviewed_at: NaiveDate,
    /// The day from which it counts as stale.
    pub review_by: NaiveDate,
    pub status: Status,
    /// Absolute, https: the page that holds the same answer.
    pub canonical_url: String,
    /// BCP 47; the language of title, variants and body.
    pub lang: String,
    /// Other ways in which people ask it.
    pub variants: Vec<String>,
    /// Questions that look like it and must not be answered by it.
    pub not_variants: Vec<String>,
    /// The first day on which it holds, if it does not hold always.
    pub valid_from: Option<NaiveDate>,
    /// The last day on which it holds, if there is one.
    pub valid_until: Option<NaiveDate>,
    /// Its place among the checklists, if its list is one that people tick off: the lowest comes first.
    pub checklist: Option<u32>,
    /// The answer, word for word. Every run is `Origin::Canonical(id)`.
    pub body: RichText,
    /// The first 12 hexadecimal digits of the SHA-256 of the file's text.
    pub revision: String,
}

impl Entry {
    /// Everything a question is compared with: the title, then the variants.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.title.as_str()).chain(self.variants.iter().map(String::as_str))
    }

    /// Everything it publishes as true: its words, its title, its link.
    pub fn published(&self) -> [String; 3] {
        [self.body.to_plain(), self.title.clone(), self.canonical_url.clone()]
    }

    /// Its questions, and those that it must not answer: every word that people ask with.
    pub(crate) fn all_questions(&self) -> impl Iterator<Item = &str> {
        self.questions().chain(self.not_variants.iter().map(String::as_str))
    }
}

/// How much harm a wrong answer does, hence who may word it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Links, addresses, dates, ratios, exchange status, "is X official?", wallets and seeds: no model ever speaks.
    Safety,
    Routine,
}

/// Where an entry is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Checked, but never shown.
    Draft,
    Published,
    /// Still found, so that whoever asks learns that it no longer holds.
    Superseded,
}

/// Why an entry, or the base as a whole, was refused: the place, the reason and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {reason}; {remedy}", place(.file, *.line))]
pub struct EntryError {
    /// The file as the caller named it, or a name for the base as a whole.
    pub file: String,
    /// Counts from 1; 0 where no line is to blame.
    pub line: usize,
    pub reason: String,
    pub remedy: String,
}

fn place(file: &str, line: usize) -> String {
    if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
}
