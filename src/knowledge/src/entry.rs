//! An entry of the canonical base, and the one kind of error that reading entries makes.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::{RichText, normalise};

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
    /// The id of the entry whose place it takes.
    pub supersedes: Option<EntryId>,
    /// The answer, word for word. Every run is `Origin::Canonical`, of this entry's id or of a fact's (`link.portal`).
    pub body: RichText,
    /// The same answer in other languages, in the order of the file.
    pub translations: Vec<Translation>,
    /// The ids of the facts it shows, in any language, sorted.
    pub facts: Vec<String>,
    /// The first 12 hexadecimal digits of the SHA-256 of the file's text and of the facts it shows.
    pub revision: String,
}

/// An entry's answer in another language. The facts in it are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// BCP 47.
    pub lang: String,
    pub title: String,
    pub reviewed_by: String,
    pub reviewed_at: NaiveDate,
    pub review_by: NaiveDate,
    pub variants: Vec<String>,
    pub not_variants: Vec<String>,
    pub body: RichText,
}

/// An entry as it is said in one language.
#[derive(Clone, Copy, Debug)]
pub struct Said<'e> {
    pub lang: &'e str,
    pub title: &'e str,
    pub body: &'e RichText,
    pub reviewed_at: NaiveDate,
}

impl Entry {
    /// Everything a question is compared with: the title, then the variants; and those of the other languages.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        let own = std::iter::once(&self.title).chain(&self.variants);
        let others = self.translations.iter().flat_map(|block| std::iter::once(&block.title).chain(&block.variants));
        own.chain(others).map(String::as_str)
    }

    /// The entry in the language of its first block.
    pub fn said(&self) -> Said<'_> {
        Said { lang: &self.lang, title: &self.title, body: &self.body, reviewed_at: self.reviewed_at }
    }

    /// The entry in a language, if it has a block in it: in this very tag, else in the same language elsewhere (`pt` for
    /// `pt-BR`).
    pub fn said_in(&self, lang: &str) -> Option<Said<'_>> {
        let others = self.translations.iter().map(|block| Said {
            lang: &block.lang,
            title: &block.title,
            body: &block.body,
            reviewed_at: block.reviewed_at,
        });
        let all: Vec<Said<'_>> = std::iter::once(self.said()).chain(others).collect();
        let language = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let exact = all.iter().find(|said| said.lang.eq_ignore_ascii_case(lang));
        exact.or_else(|| all.iter().find(|said| language(said.lang) == language(lang))).copied()
    }

    /// The same, and where there is no such block or no language is asked for, its first.
    pub fn said_or_first(&self, lang: Option<&str>) -> Said<'_> {
        lang.and_then(|lang| self.said_in(lang)).unwrap_or_else(|| self.said())
    }

    /// The language in which this question is one of the entry's own, word for word; none where it is one in no language, or
    /// in several.
    pub fn asked_in(&self, question: &str) -> Option<&str> {
        let asked = normalise(question);
        let lists = |title: &str, variants: &[String]| {
            std::iter::once(title).chain(variants.iter().map(String::as_str)).any(|known| normalise(known) == asked)
        };
        let others = self.translations.iter().filter(|block| lists(&block.title, &block.variants));
        let own = lists(&self.title, &self.variants).then_some(self.lang.as_str());
        let mut found = own.into_iter().chain(others.map(|block| block.lang.as_str()));
        found.next().filter(|_| found.next().is_none())
    }

    /// Everything it publishes as true: its words and its title in each language, its link.
    pub fn published(&self) -> Vec<String> {
        let others = self.translations.iter().flat_map(|block| [block.body.to_plain(), block.title.clone()]);
        let own = [self.body.to_plain(), self.title.clone(), self.canonical_url.clone()];
        own.into_iter().chain(others).collect()
    }

    /// Its questions, and those that it must not answer: every word that people ask with.
    pub(crate) fn all_questions(&self) -> impl Iterator<Item = &str> {
        let others = self.translations.iter().flat_map(|block| &block.not_variants);
        self.questions().chain(self.not_variants.iter().chain(others).map(String::as_str))
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
