//! The vectors that a server made of the base's texts, in one file: a restart asks for none of them again. Whatever is wrong
//! with the file, it is as if there were none.

use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::{fs, io};

use townkeeper_core::secret;
use townkeeper_knowledge::Vector;

const FORMAT: &str = "townkeeper.vectors/1";

/// Bytes of a text's hash, and of a number.
const HASH: usize = 64;
const NUMBER: usize = 4;

/// Vectors by the SHA-256 of their texts.
#[derive(Debug, Default)]
pub(super) struct Kept(HashMap<String, Vector>);

impl Kept {
    pub(super) fn has(&self, text: &str) -> bool {
        self.0.contains_key(&secret::hash(text))
    }

    pub(super) fn get(&self, text: &str) -> Option<Vector> {
        self.0.get(&secret::hash(text)).cloned()
    }

    /// One of another size than the rest is of another model, whatever its name: then the rest is worth nothing. Whether it
    /// was so.
    pub(super) fn put(&mut self, text: &str, numbers: Vec<f32>) -> bool {
        let Some(vector) = Vector::new(numbers) else { return false };
        let other = self.0.values().next().is_some_and(|other| other.dims() != vector.dims());
        if other {
            self.0.clear();
        }
        self.0.insert(secret::hash(text), vector);
        other
    }

    /// Forgets all other texts.
    pub(super) fn retain(&mut self, texts: &BTreeSet<&str>) {
        let hashes: BTreeSet<String> = texts.iter().map(|text| secret::hash(text)).collect();
        self.0.retain(|hash, _| hashes.contains(hash));
    }

    /// The first line names the format, the source and the size; then a hash and its numbers, again and again.
    fn head(source: &str, dims: usize) -> String {
        format!("{FORMAT} {} {dims}\n", secret::hash(source))
    }

    /// What was kept of this source.
    pub(super) fn read(path: &Path, source: &str) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (head, rows) = bytes.split_at(end);
        let head = String::from_utf8_lossy(head);
        let dims = head.trim_end().rsplit(' ').next().and_then(|dims| dims.parse().ok()).unwrap_or(0);
        if dims == 0 || head != Self::head(source, dims) {
            return Self::default();
        }
        let row = |row: &[u8]| {
            let (hash, numbers) = row.split_first_chunk::<HASH>()?;
            let numbers = numbers.as_chunks::<NUMBER>().0.iter().map(|number| f32::from_le_bytes(*number));
            Some((String::from_utf8(hash.to_vec()).ok()?, Vector::new(numbers.collect())?))
        };
        Self(rows.chunks_exact(HASH + NUMBER * dims).filter_map(row).collect())
    }

    /// Beside its place first: a death half-way leaves what was there.
    pub(super) fn write(&self, path: &Path, source: &str) -> io::Result<()> {
        let Some(dims) = self.0.values().next().map(Vector::dims) else { return Ok(()) };
        let draft = path.with_extension("new");
        let mut file = io::BufWriter::new(fs::File::create(&draft)?);
        file.write_all(Self::head(source, dims).as_bytes())?;
        for (hash, vector) in &self.0 {
            file.write_all(hash.as_bytes())?;
            for number in vector.numbers() {
                file.write_all(&number.to_le_bytes())?;
            }
        }
        file.into_inner()?.sync_all()?;
        fs::rename(draft, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_there_again_for_the_same_source_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.main");
        let mut kept = Kept::default();
        kept.put("owl", vec![3.0, 4.0]);
        kept.put("bird", vec![0.0, 2.0]);
        kept.put("nothing", vec![0.0, 0.0]);
        kept.retain(&BTreeSet::from(["owl", "nothing"]));
        kept.write(&path, "a server\na model").unwrap();
        let again = Kept::read(&path, "a server\na model");
        assert_eq!(again.get("owl").unwrap().numbers(), [0.6, 0.8]);
        assert!(!again.has("bird") && !again.has("nothing"));
        assert!(!Kept::read(&path, "a server\nanother model").has("owl"));
        // A file that is cut, or none of ours, holds what is whole of it.
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(!Kept::read(&path, "a server\na model").has("owl"));
        fs::write(&path, "townkeeper.vectors/1 x 99999999999999999999\n").unwrap();
        assert!(!Kept::read(&path, "a server\na model").has("owl"));
    }

    #[test]
    fn a_vector_of_another_size_ends_the_others() {
        let mut kept = Kept::default();
        assert!(!kept.put("owl", vec![1.0, 0.0]));
        assert!(kept.put("bird", vec![1.0, 0.0, 0.0]));
        assert!(!kept.has("owl") && kept.has("bird"));
    }
}
