//! Reads one entry file: YAML front matter between two `---` lines, then the answer in Markdown.
//!
//! Input is hostile until shown otherwise: sizes, nesting and aliases are bounded before anything is built.

use serde::Deserialize;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::{self, Origin};

use crate::check;
use crate::entry::{Class, Entry, EntryError, Status};

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

/// Reads an entry. `file` is only a name for messages.
///
/// # Errors
/// The first thing that is wrong, with its line and remedy.
pub fn parse(file: &str, text: &str) -> Result<Entry, EntryError> {
    read(text).map_err(|Fault { line, reason, remedy }| EntryError { file: file.to_owned(), line, reason, remedy })
}

fn read(text: &str) -> Result<Entry, Fault> {
    if text.len() > MAX_FILE {
        return Err(fault(
            1,
            format!("the file has {} bytes, at most {MAX_FILE} are read", text.len()),
            "split it: one entry answers one question",
        ));
    }
    refuse_control_characters(text)?;
    let source = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (yaml, body, body_line) = split(source)?;
    let front: Front = serde_saphyr::from_str_with_options(yaml, yaml_options()).map_err(|e| check::yaml_fault(&e))?;
    assemble(front, text, body, body_line)
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

fn assemble(front: Front, text: &str, body: &str, body_line: usize) -> Result<Entry, Fault> {
    let dates = check::front(&front)?;
    let id = front.id.value;
    let body = text::from_markdown(body, &Origin::Canonical(id.clone()));
    if body.to_plain().trim().is_empty() {
        return Err(fault(body_line, "the answer is empty", "write it below the second `---`"));
    }
    if let Some(place) = front.checklist.as_ref().filter(|_| steps(&body) < 2) {
        let line = usize::try_from(place.referenced.line()).unwrap_or(0) + 1;
        return Err(fault(
            line,
            "it is named a checklist, but has no list of steps",
            "write at least two steps as `1. …`, or take `checklist` away",
        ));
    }
    let plain = |list: Vec<Spanned<String>>| list.into_iter().map(|v| v.value.trim().to_owned()).collect();
    Ok(Entry {
        id: EntryId(id),
        title: front.title.value.trim().to_owned(),
        class: front.class,
        owner: front.owner.value.trim().to_owned(),
        reviewed_by: front.reviewed_by.value.trim().to_owned(),
        reviewed_at: dates.reviewed_at,
        review_by: dates.review_by,
        status: front.status,
        canonical_url: front.canonical_url.value,
        lang: front.lang.map_or_else(|| "en".to_owned(), |tag| tag.value),
        variants: plain(front.variants.value),
        not_variants: plain(front.not_variants),
        valid_from: dates.valid_from,
        valid_until: dates.valid_until,
        checklist: front.checklist.map(|place| place.value),
        body,
        revision: revision(text),
    })
}

/// How many numbered steps it has.
fn steps(body: &text::RichText) -> usize {
    body.blocks.iter().filter(|block| matches!(block.kind, text::BlockKind::Item { ordinal: Some(_), .. })).count()
}

/// The first 12 hexadecimal digits of the text's SHA-256.
fn revision(text: &str) -> String {
    let digest = format!("{:x}", Sha256::digest(text.as_bytes()));
    digest.chars().take(12).collect()
}
