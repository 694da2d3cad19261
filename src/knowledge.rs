//! Loading the canonical base: a folder of Markdown entries, or the sample base that is compiled in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use townkeeper_knowledge::{Base, Entry, EntryError, Evidence, parse};

/// The base of the invented community that the first start shows.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/knowledge");

/// The largest entry file, in bytes.
const ENTRY_CAP: u64 = 256 * 1024;

/// The section `[knowledge]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnowledgeSection {
    /// Folder of entries, one Markdown file each. Empty: the sample base.
    #[serde(default)]
    pub(crate) folder: String,
    /// Whether the base was measured with labelled questions: what its own questions cannot prove is then answered from
    /// a fixed, careful certainty.
    #[serde(default)]
    pub(crate) measured: bool,
}

/// Loads and builds the base. Every fault is named, not only the first.
pub(crate) fn load(section: &KnowledgeSection) -> anyhow::Result<Base> {
    let mut faults = Vec::new();
    let mut entries = Vec::new();
    let files = if section.folder.is_empty() { sample() } else { folder(section)? };
    for (file, text) in files {
        match parse(&file, &text) {
            Ok(entry) => entries.push((file, entry)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { build(entries, evidence(section)) } else { refuse(&faults) }
}

/// The sample base was measured: docs/numbers.md.
fn evidence(section: &KnowledgeSection) -> Evidence {
    if section.measured || section.folder.is_empty() { Evidence::Labelled } else { Evidence::Own }
}

pub(crate) fn build(entries: Vec<(String, Entry)>, evidence: Evidence) -> anyhow::Result<Base> {
    Base::build_with(entries, evidence).or_else(|faults| refuse(&faults))
}

fn refuse<T>(faults: &[EntryError]) -> anyhow::Result<T> {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    bail!("the canonical base has faults:\n  {}", lines.join("\n  "))
}

/// The sample base as files: name and text.
pub(crate) fn sample_files() -> Vec<(String, &'static str)> {
    let named = |file: &'static include_dir::File<'_>| Some((file.path().display().to_string(), file.contents_utf8()?));
    SAMPLE.files().filter_map(named).collect()
}

fn sample() -> Vec<(String, String)> {
    let text = |file: &include_dir::File<'_>| {
        let name = format!("config/knowledge/{}", file.path().display());
        file.contents_utf8().map(|text| (name, text.to_owned()))
    };
    SAMPLE.files().filter_map(text).collect()
}

/// The files that entries are read from, in order; none where the sample base is used.
pub(crate) fn files(section: &KnowledgeSection) -> anyhow::Result<Vec<PathBuf>> {
    if section.folder.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Path::new(&section.folder);
    let unable = || format!("cannot read the folder {} ([knowledge] folder)", folder.display());
    let mut files = Vec::new();
    for found in fs::read_dir(folder).with_context(unable)? {
        let path = found.with_context(unable)?.path();
        if path.extension().is_some_and(|end| end == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn folder(section: &KnowledgeSection) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for path in files(section)? {
        let size = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
        if size > ENTRY_CAP {
            bail!("{} is larger than {} KiB; an entry is one answer, so split it", path.display(), ENTRY_CAP / 1024);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    Ok(texts)
}
