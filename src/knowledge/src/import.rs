//! What others wrote, as drafts of entries: rows of JSONL and CSV, Markdown files, pages of a documentation site. A draft
//! is a file that a person finishes; nothing here publishes anything.
//!
//! Input is hostile until shown otherwise. What cannot be read is named with its file and line, and the rest is read.

mod html;
mod pages;
mod rows;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::check;
use crate::entry::{Class, EntryError};
use crate::parse::{MAX_FILE, MAX_ID, MAX_TITLE, MIN_VARIANTS};

pub use pages::{Sitemap, markdown, page, sitemap};
pub use rows::{csv, jsonl};

/// A question and its answer, as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// As the source calls it; made from the title where it does not.
    pub id: Option<String>,
    pub title: String,
    pub class: Class,
    /// Other ways to ask it.
    pub variants: Vec<String>,
    pub not_variants: Vec<String>,
    /// Markdown.
    pub answer: String,
    /// The page that holds the answer.
    pub url: Option<String>,
    /// BCP 47.
    pub lang: Option<String>,
}

/// What was read of one source, and what could not be.
#[derive(Clone, Debug, Default)]
pub struct Import {
    pub drafts: Vec<Draft>,
    pub faults: Vec<EntryError>,
}

impl Import {
    /// Adds what was read of another source.
    pub fn extend(&mut self, other: Self) {
        self.drafts.extend(other.drafts);
        self.faults.extend(other.faults);
    }

    fn take(&mut self, read: Result<Draft, EntryError>) {
        match read {
            Ok(draft) => self.drafts.push(draft),
            Err(fault) => self.faults.push(fault),
        }
    }
}

/// A draft as an entry file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFile {
    /// `<id>.md`.
    pub name: String,
    pub text: String,
    /// Whether it has as many variants as an entry needs.
    pub complete: bool,
}

fn fault(file: &str, line: usize, reason: impl Into<String>, remedy: impl Into<String>) -> EntryError {
    EntryError { file: file.to_owned(), line, reason: reason.into(), remedy: remedy.into() }
}

impl Draft {
    /// A draft, if it can be one at all.
    fn new(file: &str, line: usize, title: &str, answer: &str) -> Result<Self, EntryError> {
        // A bell is no question.
        let visible: String = title.chars().filter(|c| c.is_whitespace() || !c.is_control()).collect();
        let title = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Err(fault(file, line, "there is no question", "give it a title"));
        }
        if answer.trim().is_empty() {
            return Err(fault(file, line, "there is no answer", "write one, or leave the question out"));
        }
        if answer.len() > MAX_FILE / 2 {
            let reason = format!("the answer has {} bytes, at most {} are read", answer.len(), MAX_FILE / 2);
            return Err(fault(file, line, reason, "split it: one entry answers one question"));
        }
        let answer = answer_of(answer.trim());
        let (id, url, lang) = (None, None, None);
        Ok(Self { id, title, class: Class::Routine, variants: Vec::new(), not_variants: Vec::new(), answer, url, lang })
    }

    fn file(&self, id: &str, today: NaiveDate) -> DraftFile {
        let mut text = String::new();
        let class = if self.class == Class::Safety { "safety" } else { "routine" };
        let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let title = quoted(&short(&self.title, MAX_TITLE));
        let url = self.url.as_deref().filter(|url| check::link(url)).unwrap_or("https://example.org/");
        let lang = self.lang.as_deref().filter(|lang| check::is_tag(lang)).unwrap_or("en");
        write!(
            text,
            "---\nid: {id}\ntitle: {title}\nclass: {class}\nowner: nobody yet\nreviewed_by: nobody yet\n\
             reviewed_at: {today}\nreview_by: {today}\nstatus: draft\ncanonical_url: {}\nlang: {lang}\n",
            quoted(url)
        )
        .ok();
        let mut list = |name: &str, questions: &[String]| {
            writeln!(text, "{name}:").ok();
            for question in questions {
                writeln!(text, "  - {}", quoted(&short(question, 500))).ok();
            }
        };
        let variants = if self.variants.is_empty() { std::slice::from_ref(&self.title) } else { &self.variants };
        list("variants", variants);
        if !self.not_variants.is_empty() {
            list("not_variants", &self.not_variants);
        }
        write!(text, "---\n\n{}\n", self.answer).ok();
        let different: BTreeSet<String> = variants.iter().map(|v| townkeeper_contract::text::normalise(v)).collect();
        DraftFile { name: format!("{id}.md"), text, complete: different.len() >= MIN_VARIANTS }
    }
}

/// The drafts as entry files, each under an id of its own.
pub fn files(drafts: &[Draft], today: NaiveDate) -> Vec<DraftFile> {
    let mut taken = BTreeSet::new();
    // Where to go on counting, so that many of one title take no longer than many of several.
    let mut counted: HashMap<String, usize> = HashMap::new();
    let mut files = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let wanted = draft.id.as_deref().map(slug).filter(|id| !id.is_empty()).unwrap_or_else(|| slug(&draft.title));
        let wanted = if wanted.is_empty() { "entry".to_owned() } else { wanted };
        let n = counted.entry(wanted.clone()).or_default();
        let id = loop {
            *n += 1;
            let id = numbered(&wanted, *n);
            if taken.insert(id.clone()) {
                break id;
            }
        };
        files.push(draft.file(&id, today));
    }
    files
}

/// `owl`, `owl-2`, `owl-3`, never longer than an id may be.
fn numbered(id: &str, n: usize) -> String {
    if n == 1 {
        return id.to_owned();
    }
    let tail = format!("-{n}");
    let head: String = id.chars().take(MAX_ID - tail.len()).collect();
    format!("{}{tail}", head.trim_end_matches('-'))
}

/// The words of a title as an id; empty where none of its letters is between a and z.
fn slug(title: &str) -> String {
    let mut id = String::new();
    for word in title.to_ascii_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if id.len() + usize::from(!id.is_empty()) + word.len() > MAX_ID {
            break;
        }
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(word);
    }
    if id.is_empty() {
        title.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).take(MAX_ID).collect()
    } else {
        id
    }
}

/// A text as YAML in double quotes, which is what JSON makes of it.
fn quoted(text: &str) -> String {
    serde_json::to_string(&plain(text)).unwrap_or_default()
}

/// Without what an entry file may not hold.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// An answer, without what would open a block of another language.
fn answer_of(text: &str) -> String {
    let line = |line: &str| if line.starts_with("---") { format!("\\{line}") } else { line.to_owned() };
    plain(text).lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The text of a file that is UTF-8, or the line on which it is not.
fn utf8<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, EntryError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = good.split(|byte| *byte == b'\n').count();
        fault(
            file,
            line,
            "the file is not UTF-8 text",
            "save it as UTF-8; the first letter that is not stands on this line",
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
