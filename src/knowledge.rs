//! The files of the canonical base: a folder of Markdown entries with its `facts.toml`, or the sample base that is compiled
//! in. They are an import: what is published is in the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use townkeeper_core::publish;
use townkeeper_knowledge::written::{Document, decode};
use townkeeper_knowledge::{Base, Entry, EntryError, Evidence, Written, facts, parse};
use townkeeper_store::{By, Files, Imported, PublishedBase, Store};

use crate::vectors::{self, VectorsSection};

/// The base of the invented community that the first start shows.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/knowledge");

/// Far above what an entry or a facts table may have, in bytes.
const CAP: u64 = 1024 * 1024;

/// The section `[knowledge]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KnowledgeSection {
    /// Folder of entries, one Markdown file each. Empty: the sample base.
    pub(crate) folder: String,
    /// Whether the base was measured with labelled questions: what its own questions cannot prove is then answered from
    /// a fixed, careful certainty.
    pub(crate) measured: bool,
    /// Minutes between the second approval of a change and its publication.
    pub(crate) cooling_minutes: u32,
    /// Who makes vectors of questions, if anybody.
    #[serde(deserialize_with = "vectors::section", skip_serializing_if = "Option::is_none")]
    pub(crate) vectors: Option<VectorsSection>,
}

impl Default for KnowledgeSection {
    fn default() -> Self {
        Self { folder: String::new(), measured: false, cooling_minutes: 30, vectors: None }
    }
}

impl KnowledgeSection {
    /// The base of a folder, whatever is configured.
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            bail!("{} is no folder; name the one that holds the entries", folder.display());
        }
        Ok(Self { folder: folder.display().to_string(), ..Self::default() })
    }

    pub(crate) fn cooling(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.cooling_minutes))
    }

    /// The sample base was measured: docs/numbers.md.
    pub(crate) fn evidence(&self) -> Evidence {
        if self.measured || self.folder.is_empty() { Evidence::Labelled } else { Evidence::Own }
    }
}

/// Reads and builds the base that the files are. Every fault is named, not only the first.
pub(crate) fn load(section: &KnowledgeSection) -> anyhow::Result<Base> {
    build(readable(section)?.entries, section.evidence())
}

pub(crate) fn build(entries: Vec<(String, Entry)>, evidence: Evidence) -> anyhow::Result<Base> {
    Base::build_with(entries, evidence).or_else(|faults| refuse(&faults))
}

/// Reads the base, or says everything that is wrong with it.
pub(crate) fn written(section: &KnowledgeSection) -> anyhow::Result<Result<Written, Vec<EntryError>>> {
    let (documents, mut errors) = found(section)?;
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

/// The error that names these faults.
pub(crate) fn refuse<T>(faults: &[EntryError]) -> anyhow::Result<T> {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    bail!("the canonical base has faults:\n  {}", lines.join("\n  "))
}

/// The base that is published, and its revision. The files are taken in: at the first start they are what is published, by
/// nobody; later what was changed in them waits for approval, and what cannot be read is named.
pub(crate) async fn open(store: &Store, section: &KnowledgeSection, by: By) -> anyhow::Result<(Base, i64)> {
    let workspace = by.workspace.clone();
    let PublishedBase { revision, documents } = store.published_base(&workspace).await?;
    let first = revision == 0;
    if first {
        // A base with a fault is none to begin with.
        load(section)?;
    }
    match take_in(store, by, section, &documents).await {
        Err(error) if !first => tracing::error!("{error:#}; what is published stays"),
        taken => taken?,
    }
    let PublishedBase { revision, documents } = store.published_base(&workspace).await?;
    match publish::read(&documents, section.evidence()) {
        Ok(base) => Ok((base, revision)),
        Err(faults) => refuse(&faults),
    }
}

async fn take_in(
    store: &Store,
    by: By,
    section: &KnowledgeSection,
    published: &[publish::Document],
) -> anyhow::Result<()> {
    let found = find(section)?;
    // Entries are read with the facts beside them; where those cannot be read, with those that are published.
    let table = found.iter().find(|found| found.item == facts::FILE);
    let table = table.and_then(|found| Some((found.item.clone(), found.text.as_ref().ok()?.clone())));
    let known = publish::facts(&table.map_or_else(|| published.to_vec(), |table| vec![table]));
    let mut files = Files::default();
    for Found { item, place, text } in found {
        let read = text.and_then(|text| match publish::document(&item, &text, &known) {
            Ok(()) => Ok(text),
            Err(faults) => Err(faults.into_iter().map(|fault| EntryError { file: place.clone(), ..fault }).collect()),
        });
        match read {
            Ok(text) => files.read.push((item, text)),
            Err(faults) => {
                for fault in faults {
                    tracing::error!("{fault}; what is published of it stays");
                }
                files.faulty.push(item);
            }
        }
    }
    let workspace = by.workspace.clone();
    let imported = store.import_base(by, files).await?;
    let Imported { revision, published, differ, change } = imported;
    if published > 0 {
        tracing::info!(workspace, revision, documents = published, "the files are published: nothing was before");
    } else if differ > 0 || change.is_some() {
        let waits = change.map_or_else(String::new, |n| format!("; change {n} waits: townkeeper knowledge diff {n}"));
        tracing::warn!(workspace, revision, "{differ} file(s) of the base differ from what is published{waits}");
    }
    Ok(())
}

/// A file of the base: its item's name, where it lies, and what it says or what is wrong with it.
struct Found {
    item: String,
    place: String,
    text: Result<String, Vec<EntryError>>,
}

fn find(section: &KnowledgeSection) -> anyhow::Result<Vec<Found>> {
    let (documents, errors) = found(section)?;
    let item = |place: &str| Path::new(place).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unread = errors.into_iter().map(|error| (error.file.clone(), Err(vec![error])));
    let read = documents.into_iter().map(|document| {
        let place = document.0.clone();
        (place, decode(document).map(|(_, text)| text).map_err(|error| vec![error]))
    });
    Ok(read.chain(unread).map(|(place, text)| Found { item: item(&place), place, text }).collect())
}

/// The files with their bytes, and what is too large to be read.
fn found(section: &KnowledgeSection) -> anyhow::Result<(Vec<Document>, Vec<EntryError>)> {
    if section.folder.is_empty() { Ok((sample(), Vec::new())) } else { documents(&files(section)?) }
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
