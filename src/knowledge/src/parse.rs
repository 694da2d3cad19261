//! Reads one entry file: YAML front matter between two `---` lines, then the answer in Markdown; after it, if the entry
//! speaks several languages, a block for each of the others (see `blocks`).
//!
//! Input is hostile until shown otherwise: sizes, nesting and aliases are bounded before anything is built.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::{self, Origin, RichText};

use crate::blocks;
use crate::check;
use crate::entry::{Class, Entry, EntryError, Status, Translation};
use crate::facts::{self, FactTable};

/// The longest file, in bytes: one entry answers one question.
pub const MAX_FILE: usize = 128 * 1024;
/// The longest id, in bytes: an id is part of a button's action, which has 40.
pub const MAX_ID: usize = 32;
/// The longest title, in characters: it is read on buttons.
pub const MAX_TITLE: usize = 120;
/// The fewest variants; the number of variants does more for look-up than any model.
pub const MIN_VARIANTS: usize = 3;

/// The front matter as it stands in the file. Spans are kept where a value is checked after reading.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Front {
    pub(crate) id: Spanned<String>,
    pub(crate) title: Spanned<String>,
    pub(crate) class: Class,
    pub(crate) owner: Spanned<String>,
    pub(crate) reviewed_by: Spanned<String>,
    pub(crate) reviewed_at: Spanned<String>,
    pub(crate) review_by: Spanned<String>,
    pub(crate) status: Status,
    pub(crate) canonical_url: Spanned<String>,
    pub(crate) lang: Option<Spanned<String>>,
    pub(crate) variants: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(crate) not_variants: Vec<Spanned<String>>,
    pub(crate) valid_from: Option<Spanned<String>>,
    pub(crate) valid_until: Option<Spanned<String>>,
    pub(crate) checklist: Option<Spanned<u32>>,
    pub(crate) supersedes: Option<Spanned<String>>,
}

/// What is wrong, before the file's name is known to it.
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

pub(crate) fn fault(line: usize, reason: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault { line, reason: reason.into(), remedy: remedy.into() }
}

/// Reads an entry that shows no facts by id. `file` is only a name for messages.
///
/// # Errors
/// The first thing that is wrong, with its line and remedy.
pub fn parse(file: &str, text: &str) -> Result<Entry, EntryError> {
    parse_with(file, text, &FactTable::default())
}

/// Reads an entry and puts the facts in their places. `file` is only a name for messages.
///
/// # Errors
/// The first thing that is wrong, with its line and remedy.
pub fn parse_with(file: &str, text: &str, facts: &FactTable) -> Result<Entry, EntryError> {
    read(text, facts).map_err(|Fault { line, reason, remedy }| EntryError {
        file: file.to_owned(),
        line,
        reason,
        remedy,
    })
}

/// What is said of a file that is too large, whoever finds out.
pub fn too_large(file: &str, bytes: u64) -> EntryError {
    EntryError {
        file: file.to_owned(),
        line: 1,
        reason: format!("the file has {bytes} bytes, at most {MAX_FILE} are read"),
        remedy: "split it: one entry answers one question".to_owned(),
    }
}

fn read(text: &str, facts: &FactTable) -> Result<Entry, Fault> {
    if text.len() > MAX_FILE {
        let EntryError { line, reason, remedy, .. } = too_large("", text.len() as u64);
        return Err(Fault { line, reason, remedy });
    }
    refuse_control_characters(text)?;
    let source = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (front, body, body_line) = split(source)?;
    let front: Front = yaml(front)?;
    assemble(front, text, Body { text: body, line: body_line }, facts)
}

/// Reads a front matter, whatever block it belongs to.
pub(crate) fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_saphyr::from_str_with_options(text, yaml_options()).map_err(|e| check::yaml_fault(&e))
}

fn refuse_control_characters(text: &str) -> Result<(), Fault> {
    for (i, line) in text.split('\n').enumerate() {
        if let Some(c) = line.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\r')) {
            let reason = format!("the control character U+{:04X} is in the text", u32::from(c));
            return Err(fault(i + 1, reason, "remove it and save the file as plain UTF-8 text"));
        }
    }
    Ok(())
}

/// Front matter, body, and the line on which the body begins.
fn split(text: &str) -> Result<(&str, &str, usize), Fault> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if first.trim_end() != "---" {
        return Err(fault(
            1,
            "the front matter is missing",
            "begin the file with a line `---`, the keys, and another line `---`",
        ));
    }
    let mut end = first.len();
    for (i, line) in lines.enumerate() {
        if line.trim_end() == "---" {
            let yaml = text.get(first.len()..end).unwrap_or_default();
            let body = text.get(end + line.len()..).unwrap_or_default();
            return Ok((yaml, body, i + 3));
        }
        end += line.len();
    }
    Err(fault(1, "the front matter has no end", "close it with a line `---` above the answer"))
}

/// The answers of a file that was read, as they are written: its own, then each other language with its tag.
pub(crate) fn sources(text: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let (_, text, line) = split(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    let (own, blocks) = blocks::split(Body { text, line }).ok()?;
    Some((own.text, blocks.iter().map(blocks::Raw::source).collect()))
}

/// Far above what an entry needs, far below what could hurt.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4_000,
            max_nodes: 2_000,
            max_depth: 8,
            flow_nesting_limit: 8,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_total_scalar_bytes: MAX_FILE,
        },
    }
}

/// An answer as it is written, and the line of the file on which it begins.
#[derive(Clone, Copy)]
pub(crate) struct Body<'t> {
    pub(crate) text: &'t str,
    pub(crate) line: usize,
}

/// What the blocks of one entry have in common.
pub(crate) struct Common<'f> {
    pub(crate) id: String,
    pub(crate) facts: &'f FactTable,
    pub(crate) used: BTreeSet<String>,
}

impl Common<'_> {
    /// An answer with its facts in their places.
    pub(crate) fn answer(&mut self, body: Body<'_>, lang: &str) -> Result<RichText, Fault> {
        let text = text::from_markdown(body.text, &Origin::Canonical(self.id.clone()));
        if text.to_plain().trim().is_empty() {
            return Err(fault(body.line, "the answer is empty", "write it below the second `---`"));
        }
        facts::fill(text, self.facts, lang, &mut self.used).map_err(|facts::Dangling { reference, remedy }| {
            let above = body.text.split(&reference).next().unwrap_or_default().matches('\n').count();
            fault(body.line + above, format!("`{reference}` names no fact"), remedy)
        })
    }

    /// The entry's own page, given as a link or as the id of one.
    fn canonical_url(&mut self, url: Spanned<String>, lang: &str) -> Result<String, Fault> {
        if !url.value.starts_with("link.") {
            check::canonical_url(&url)?;
            return Ok(url.value);
        }
        let found = facts::resolve(self.facts, &url.value, lang);
        let (id, _, shown) = found.map_err(|remedy| {
            fault(check::line_of(&url), format!("`{}` names no fact", check::excerpt(&url.value)), remedy)
        })?;
        self.used.insert(id);
        Ok(shown)
    }
}

fn assemble(front: Front, text: &str, body: Body<'_>, facts: &FactTable) -> Result<Entry, Fault> {
    let dates = check::front(&front)?;
    let lang = front.lang.map_or_else(|| "en".to_owned(), |tag| tag.value);
    let (own, blocks) = blocks::split(body)?;
    let mut common = Common { id: front.id.value.clone(), facts, used: BTreeSet::new() };
    let canonical_url = common.canonical_url(front.canonical_url, &lang)?;
    let body = common.answer(own, &lang)?;
    if let Some(place) = front.checklist.as_ref().filter(|_| steps(&body) < 2) {
        let line = usize::try_from(place.referenced.line()).unwrap_or(0) + 1;
        return Err(fault(
            line,
            "it is named a checklist, but has no list of steps",
            "write at least two steps as `1. …`, or take `checklist` away",
        ));
    }
    let translations: Vec<Translation> = blocks::read(&blocks, &lang, &mut common)?;
    Ok(Entry {
        revision: revision(text, facts, &common.used),
        id: EntryId(front.id.value),
        title: front.title.value.trim().to_owned(),
        class: front.class,
        owner: front.owner.value.trim().to_owned(),
        reviewed_by: front.reviewed_by.value.trim().to_owned(),
        reviewed_at: dates.reviewed_at,
        review_by: dates.review_by,
        status: front.status,
        canonical_url,
        lang,
        variants: plain(front.variants.value),
        not_variants: plain(front.not_variants),
        valid_from: dates.valid_from,
        valid_until: dates.valid_until,
        checklist: front.checklist.map(|place| place.value),
        supersedes: front.supersedes.map(|id| EntryId(id.value)),
        body,
        translations,
        facts: common.used.into_iter().collect(),
    })
}

/// How many numbered steps it has.
fn steps(body: &RichText) -> usize {
    body.blocks.iter().filter(|block| matches!(block.kind, text::BlockKind::Item { ordinal: Some(_), .. })).count()
}

pub(crate) fn plain(list: Vec<Spanned<String>>) -> Vec<String> {
    list.into_iter().map(|v| v.value.trim().to_owned()).collect()
}

/// The first 12 hexadecimal digits of the SHA-256 of the text and of what the facts in it say.
fn revision(text: &str, facts: &FactTable, used: &BTreeSet<String>) -> String {
    let mut digest = Sha256::new_with_prefix(text.as_bytes());
    if !used.is_empty() {
        // A byte that no text holds parts the two.
        digest.update([0]);
        digest.update(facts.fingerprint(used.iter()));
    }
    format!("{:x}", digest.finalize()).chars().take(12).collect()
}
