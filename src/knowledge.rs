//! Loading the canonical base: a folder of Markdown entries with its `facts.toml`, or the sample base that is compiled in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use townkeeper_knowledge::written::Document;
use townkeeper_knowledge::{Base, Entry, EntryError, Evidence, Written, facts, parse};

/// The base of the invented community that the first start shows.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/knowledge");

/// Far above what an entry or a facts table may have, in bytes.
const CAP: u64 = 1024 * 1024;

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
    build(readable(section)?.entries, evidence(section))
}

/// The sample base was measured: docs/numbers.md.
fn evidence(section: &KnowledgeSection) -> Evidence {
    if section.measured || section.folder.is_empty() { Evidence::Labelled } else { Evidence::Own }
}

pub(crate) fn build(entries: Vec<(String, Entry)>, evidence: Evidence) -> anyhow::Result<Base> {
    Base::build_with(entries, evidence).or_else(|faults| refuse(&faults))
}

/// Reads the base, or says everything that is wrong with it.
pub(crate) fn written(section: &KnowledgeSection) -> anyhow::Result<Result<Written, Vec<EntryError>>> {
    let (documents, mut errors) =
        if section.folder.is_empty() { (sample(), Vec::new()) } else { documents(&files(section)?)? };
    Ok(match Written::read(documents) {
        Ok(written) if errors.is_empty() => Ok(written),
        Ok(_) => Err(errors),
        Err(others) => {
            errors.extend(others);
            Err(errors)
        }
    })
}

/// What a failed command says of a base that cannot be read.
pub(crate) fn readable(section: &KnowledgeSection) -> anyhow::Result<Written> {
    written(section)?.or_else(|faults| refuse(&faults))
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

fn sample() -> Vec<Document> {
    let named = |file: &include_dir::File<'_>| {
        (format!("config/knowledge/{}", file.path().display()), file.contents().to_vec())
    };
    SAMPLE.files().map(named).collect()
}

/// The files that the base is read from, in order; none where the sample base is used.
pub(crate) fn files(section: &KnowledgeSection) -> anyhow::Result<Vec<PathBuf>> {
    if section.folder.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Path::new(&section.folder);
    let unable = || format!("cannot read the folder {} ([knowledge] folder)", folder.display());
    let mut files = Vec::new();
    for found in fs::read_dir(folder).with_context(unable)? {
        let path = found.with_context(unable)?.path();
        if path.extension().is_some_and(|end| end == "md") || path.file_name().is_some_and(|name| name == facts::FILE) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The files with their bytes. What is too large to be an entry is named without being read.
fn documents(paths: &[PathBuf]) -> anyhow::Result<(Vec<Document>, Vec<EntryError>)> {
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let unable = || format!("cannot read {}", path.display());
        let name = path.display().to_string();
        let bytes = fs::metadata(path).with_context(unable)?.len();
        if bytes > CAP {
            errors.push(parse::too_large(&name, bytes));
        } else {
            documents.push((name, fs::read(path).with_context(unable)?));
        }
    }
    Ok((documents, errors))
}
