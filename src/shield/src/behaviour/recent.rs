//! The most recently met keys, and no more than fit.

use std::collections::HashMap;

/// Two generations: when the young one is full it becomes the old one, and what was old is forgotten. Whoever was met
/// among the last half of `room` keys is known.
#[derive(Clone, Debug)]
pub(super) struct Recent<V> {
    room: usize,
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
}

impl<V> Recent<V> {
    pub(super) fn new(room: usize) -> Self {
        Self { room, young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn entry(&mut self, key: u64, fresh: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.room / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_else(fresh))
    }

    pub(super) fn get(&self, key: u64) -> Option<&V> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    pub(super) fn forget(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.young.retain(|_, value| keep(value));
        self.old.retain(|_, value| keep(value));
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.young.iter().chain(&self.old).map(|(key, value)| (*key, value))
    }

    /// The same, to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut V)> {
        self.young.iter_mut().chain(&mut self.old).map(|(key, value)| (*key, value))
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
