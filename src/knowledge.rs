//! The files of the canonical base: a folder of Markdown entries, or the sample base that is compiled in. They are an
//! import: what is published is in the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use townkeeper_core::publish;
use townkeeper_knowledge::{Base, EntryError};
use townkeeper_store::{By, Files, Imported, PublishedBase, Store};

/// The base of the invented community that the first start shows.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/knowledge");

/// The largest entry file, in bytes.
const ENTRY_CAP: u64 = 256 * 1024;

/// The section `[knowledge]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KnowledgeSection {
    /// Folder of entries, one Markdown file each. Empty: the sample base.
    pub(crate) folder: String,
    /// Minutes between the second approval of a change and its publication.
    pub(crate) cooling_minutes: u32,
}

impl Default for KnowledgeSection {
    fn default() -> Self {
        Self { folder: String::new(), cooling_minutes: 30 }
    }
}

impl KnowledgeSection {
    pub(crate) fn cooling(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.cooling_minutes))
    }
}

/// A file of the base: its item's name, where it lies, and what it says or why it cannot be read.
struct Found {
    item: String,
    place: String,
    text: Result<String, String>,
}

/// Reads and builds the base that the files are. Every fault is named, not only the first.
pub(crate) fn load(section: &KnowledgeSection) -> anyhow::Result<Base> {
    let mut faults = Vec::new();
    let mut documents = Vec::new();
    for Found { place, text, .. } in find(section)? {
        match text {
            Ok(text) => documents.push((place, text)),
            Err(fault) => faults.push(fault),
        }
    }
    let read = publish::read(&documents).map_err(|more| faults.extend(more.iter().map(ToString::to_string)));
    match read {
        Ok(base) if faults.is_empty() => Ok(base),
        _ => refuse(&faults),
    }
}

fn refuse<T>(faults: &[String]) -> anyhow::Result<T> {
    bail!("the canonical base has faults:\n  {}", faults.join("\n  "))
}

/// The base that is published, and its revision. The files are taken in: at the first start they are what is published, by
/// nobody; later what was changed in them waits for approval, and what cannot be read is named.
pub(crate) async fn open(store: &Store, section: &KnowledgeSection, by: By) -> anyhow::Result<(Base, i64)> {
    let workspace = by.workspace.clone();
    let first = store.published_base(&workspace).await?.revision == 0;
    if first {
        // A base with a fault is none to begin with.
        load(section)?;
    }
    match find(section) {
        Ok(found) => take_in(store, by, found).await?,
        Err(error) if first => return Err(error),
        Err(error) => tracing::error!("{error:#}; what is published stays"),
    }
    let PublishedBase { revision, documents } = store.published_base(&workspace).await?;
    match publish::read(&documents) {
        Ok(base) => Ok((base, revision)),
        Err(faults) => refuse(&faults.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

async fn take_in(store: &Store, by: By, found: Vec<Found>) -> anyhow::Result<()> {
    let mut files = Files::default();
    for Found { item, place, text } in found {
        let read = text.and_then(|text| match publish::document(&item, &text) {
            Ok(()) => Ok(text),
            Err(fault) => Err(EntryError { file: place, ..fault }.to_string()),
        });
        match read {
            Ok(text) => files.read.push((item, text)),
            Err(fault) => {
                tracing::error!("{fault}; what is published of it stays");
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

/// The sample base as files: name and text.
pub(crate) fn sample_files() -> Vec<(String, &'static str)> {
    let named = |file: &'static include_dir::File<'_>| Some((file.path().display().to_string(), file.contents_utf8()?));
    SAMPLE.files().filter_map(named).collect()
}

fn sample() -> Vec<Found> {
    let found = |(item, text): (String, &str)| {
        let place = format!("config/knowledge/{item}");
        Found { item, place, text: Ok(text.to_owned()) }
    };
    sample_files().into_iter().map(found).collect()
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

fn find(section: &KnowledgeSection) -> anyhow::Result<Vec<Found>> {
    if section.folder.is_empty() {
        return Ok(sample());
    }
    let found = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Found { item: name, place: path.display().to_string(), text: text(&path) }
    };
    Ok(files(section)?.into_iter().map(found).collect())
}

/// A file's text, or what is wrong with it.
fn text(path: &Path) -> Result<String, String> {
    let place = path.display();
    let unable = |error: &dyn std::fmt::Display| format!("cannot read {place}: {error}");
    let size = fs::metadata(path).map_err(|error| unable(&error))?.len();
    if size > ENTRY_CAP {
        return Err(format!("{place} is larger than {} KiB; an entry is one answer, so split it", ENTRY_CAP / 1024));
    }
    let bytes = fs::read(path).map_err(|error| unable(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.split(|byte| *byte == b'\n').count();
        format!("{place}:{line}: this is not UTF-8; save the file as plain UTF-8 text")
    })
}
