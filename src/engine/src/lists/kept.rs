//! The last good list on disk: one line of JSON that says what it is, then the compiled list, in one file. So one rename
//! puts both in place, and a crash leaves the old pair or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use townkeeper_fetch::Validators;
use townkeeper_shield::lists::List;

use crate::accept::day;

/// What is known of a list beside its hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Where it came from: what comes from another address is another list.
    pub(super) url: String,
    #[serde(default)]
    pub(super) etag: Option<String>,
    #[serde(default)]
    pub(super) last_modified: Option<String>,
    /// Of what was fetched, in hex.
    pub(super) sha256: String,
    pub(super) fetched_ms: i64,
    /// When its source last said that nothing is newer.
    pub(super) checked_ms: i64,
}

/// A list that was found good.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) head: Head,
    pub(super) list: List,
}

impl Head {
    pub(super) fn validators(&self) -> Validators {
        Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() }
    }
}

/// How a list is called in a verdict: by its name and its day.
pub(super) fn called(name: &str, fetched_ms: i64) -> String {
    format!("{name}, {}", day(fetched_ms))
}

impl Kept {
    /// Reads one; an error where the file is damaged or cannot be read, `None` where there is none.
    pub(super) fn load(file: &Path, name: &str) -> io::Result<Option<Self>> {
        let bytes = match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file is damaged; it is fetched anew");
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let (head, rest) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let compiled = rest.get(1..).unwrap_or_default().to_vec();
        let list = List::of_compiled(compiled, &called(name, head.fetched_ms)).ok_or_else(damaged)?;
        Ok(Some(Self { head, list }))
    }

    /// Puts it in the place of the one before, whole or not at all.
    pub(super) fn save(&self, file: &Path) -> io::Result<()> {
        let draft = file.with_extension("tmp");
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut writing = File::create(&draft)?;
        serde_json::to_writer(&mut writing, &self.head)?;
        writing.write_all(b"\n")?;
        writing.write_all(self.list.compiled())?;
        writing.sync_all()?;
        fs::rename(&draft, file)?;
        match file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_list_is_read_as_it_was_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lists/public.list");
        assert!(Kept::load(&file, "public").unwrap().is_none());
        let head = Head {
            url: "https://lists.example.org/a".to_owned(),
            etag: Some("\"1\"".to_owned()),
            last_modified: None,
            sha256: "00".to_owned(),
            fetched_ms: 1_770_163_200_000,
            checked_ms: 1_770_163_200_001,
        };
        let kept = Kept { head: head.clone(), list: List::new(["scam.example.net", "b.example.net"], "") };
        kept.save(&file).unwrap();
        let read = Kept::load(&file, "public").unwrap().unwrap();
        assert_eq!((read.head, read.list.len(), read.list.source.as_str()), (head, 2, "public, 2026-02-04"));
        assert!(read.list.contains("scam.example.net"));
        let whole = fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..20], b"", b"{}\n"] {
            fs::write(&file, damaged).unwrap();
            assert!(Kept::load(&file, "public").is_err());
        }
    }
}
