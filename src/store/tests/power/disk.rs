//! A disk that promises nothing but what it was asked to sync.

use std::collections::BTreeMap;
use std::path::Path;

use crate::trace::Step;

/// Whether a sync keeps anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faith {
    Honest,
    NoSyncs,
}

/// The smallest piece that a disk writes whole.
const SECTOR: usize = 512;

#[derive(Debug)]
pub(crate) struct Disk<'a> {
    faith: Faith,
    files: BTreeMap<&'a str, File<'a>>,
}

#[derive(Debug, Default)]
struct File<'a> {
    /// What is promised; none where there is no file.
    kept: Option<Vec<u8>>,
    /// What was done since, oldest first.
    pending: Vec<&'a Step>,
    /// How much of that a sync under way covers.
    syncing: usize,
}

impl<'a> Disk<'a> {
    pub(crate) fn new(faith: Faith) -> Self {
        Self { faith, files: BTreeMap::new() }
    }

    pub(crate) fn apply(&mut self, step: &'a Step) {
        match step {
            Step::Write { file, .. } | Step::Truncate { file, .. } | Step::Unlink { file } => {
                self.files.entry(file).or_default().pending.push(step);
            }
            Step::SyncBegins { file } => {
                for (_, file) in self.covered(file) {
                    file.syncing = file.pending.len();
                }
            }
            Step::SyncEnds { file } if self.faith == Faith::Honest => {
                for (_, file) in self.covered(file) {
                    for step in file.pending.drain(..file.syncing) {
                        perform(&mut file.kept, step, usize::MAX);
                    }
                    file.syncing = 0;
                }
            }
            Step::SyncEnds { .. } | Step::Acknowledged(_) => {}
        }
    }

    /// The file itself; of a folder, the files whose last step is to be gone from it.
    fn covered<'s>(&'s mut self, synced: &'s str) -> impl Iterator<Item = (&'s &'a str, &'s mut File<'a>)> {
        self.files.iter_mut().filter(move |(name, file)| {
            **name == synced || name.starts_with(synced) && matches!(file.pending.last(), Some(Step::Unlink { .. }))
        })
    }

    /// The power goes: writes what is left into `folder`.
    pub(crate) fn cut(mut self, folder: &Path, rng: &mut fastrand::Rng) {
        // Some disks forget all, some nothing, most a part.
        let keeps = [0, 0, 30, 50, 90, 100][rng.usize(..6)];
        for (name, file) in &mut self.files {
            for step in std::mem::take(&mut file.pending) {
                if rng.u32(..100) < keeps {
                    let torn = if rng.u32(..8) == 0 { rng.usize(..8) * SECTOR } else { usize::MAX };
                    perform(&mut file.kept, step, torn);
                }
            }
            if let Some(bytes) = &file.kept {
                let name = Path::new(name).file_name().unwrap();
                std::fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }
}

/// Does a step; of a write, at most `most` bytes.
fn perform(kept: &mut Option<Vec<u8>>, step: &Step, most: usize) {
    match step {
        Step::Write { offset, bytes, .. } => {
            let bytes = &bytes[..bytes.len().min(most)];
            let file = kept.get_or_insert_default();
            let end = offset + bytes.len();
            if file.len() < end {
                file.resize(end, 0);
            }
            file[*offset..end].copy_from_slice(bytes);
        }
        Step::Truncate { size, .. } => kept.get_or_insert_default().resize(*size, 0),
        Step::Unlink { .. } => *kept = None,
        Step::SyncBegins { .. } | Step::SyncEnds { .. } | Step::Acknowledged(_) => {}
    }
}
