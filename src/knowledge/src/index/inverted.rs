//! Which documents hold a feature, with the feature's finished weight in each.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::amount;
use super::features::Counts;

/// Inverse document frequency of (documents, documents that hold it).
pub(super) type Idf = fn(f32, f32) -> f32;

#[derive(Debug)]
pub(super) struct Inverted {
    places: HashMap<u64, Place, BuildHasherDefault<Hashed>>,
    postings: Vec<(u32, f32)>,
    idf: Idf,
    docs: f32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
    idf: f32,
}

/// A feature as the index knows it; one that no document holds has no postings.
pub(super) struct Term<'a> {
    pub(super) idf: f32,
    pub(super) postings: &'a [(u32, f32)],
}

impl Inverted {
    /// `weight` of (document, count, idf).
    pub(super) fn build(docs: &[&Counts], idf: Idf, weight: impl Fn(usize, f32, f32) -> f32) -> Self {
        let n = amount(docs.len());
        let mut all: Vec<(u64, u32, f32)> = Vec::new();
        for (doc, counts) in (0u32..).zip(docs) {
            all.extend(counts.iter().map(|&(feature, count)| (feature, doc, count)));
        }
        all.sort_unstable_by_key(|&(feature, doc, _)| (feature, doc));
        let mut inverted = Self { places: HashMap::default(), postings: Vec::with_capacity(all.len()), idf, docs: n };
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(feature, ..)) = group.first() else { continue };
            let idf = idf(n, amount(group.len()));
            let start = inverted.postings.len();
            inverted.postings.extend(group.iter().map(|&(_, doc, count)| (doc, weight(doc as usize, count, idf))));
            inverted.places.insert(feature, Place { start, end: inverted.postings.len(), idf });
        }
        inverted
    }

    pub(super) fn find(&self, feature: u64) -> Term<'_> {
        match self.places.get(&feature) {
            Some(p) => Term { idf: p.idf, postings: self.postings.get(p.start..p.end).unwrap_or_default() },
            None => Term { idf: (self.idf)(self.docs, 0.0), postings: &[] },
        }
    }

    /// What the idf would be if so many documents, and so many of those that hold the term, were not there.
    pub(super) fn idf_without(&self, term: &Term<'_>, documents: f32, holders: f32) -> f32 {
        (self.idf)(self.docs - documents, amount(term.postings.len()) - holders)
    }

    /// Gives every document's vector the length 1, and returns the lengths that they had.
    pub(super) fn normalise(&mut self, docs: usize) -> Vec<f32> {
        let mut lengths = vec![0.0f32; docs];
        for &(doc, weight) in &self.postings {
            if let Some(square) = lengths.get_mut(doc as usize) {
                *square += weight * weight;
            }
        }
        for square in &mut lengths {
            *square = square.sqrt().max(f32::MIN_POSITIVE);
        }
        for (doc, weight) in &mut self.postings {
            *weight /= lengths.get(*doc as usize).copied().unwrap_or(1.0);
        }
        lengths
    }
}

/// Features are hashes already: hashing them again would cost more than the look-up.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, feature: u64) {
        self.0 = feature;
    }
}
