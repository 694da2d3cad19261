//! How messages score here, for thresholds that are shares of false alarms: counted in memory, added to the store about once
//! a minute, and gone by as the store has it, so that all nodes go by the same. A death loses what waits, a minute at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use townkeeper_shield::policy::Shadows;
use townkeeper_store::{ShadowCounts, StoreError};

use crate::House;

/// How long counts wait at most, and how many messages.
const REST_MS: i64 = 60_000;
const WAITING: u64 = 500;

/// See above.
#[derive(Default)]
pub(super) struct Counts {
    known: RwLock<Arc<Shadows>>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    counts: BTreeMap<String, BTreeMap<i64, i64>>,
    messages: u64,
    kept_ms: i64,
}

impl Counts {
    /// What thresholds are read off.
    pub(super) fn shadows(&self) -> Arc<Shadows> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a message of a platform by the bin of its score.
    pub(super) fn note(&self, platform: &str, bin: i64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.messages += 1;
        waiting.add(platform, bin, 1);
    }

    /// Writes down what waits and reads what all nodes counted, if it is time or `at_once`.
    pub(super) async fn keep(&self, house: &House, at_once: bool) -> Result<(), StoreError> {
        let now_ms = house.clock.now_ms();
        let counts: ShadowCounts = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if !at_once && waiting.messages < WAITING && (now_ms - waiting.kept_ms).abs() < REST_MS {
                return Ok(());
            }
            let taken = std::mem::replace(&mut *waiting, Waiting { kept_ms: now_ms, ..Waiting::default() }).counts;
            let each = |(platform, bins): (String, BTreeMap<i64, i64>)| {
                bins.into_iter().map(move |(bin, messages)| ((platform.clone(), bin), messages))
            };
            taken.into_iter().flat_map(each).collect()
        };
        if !counts.is_empty()
            && let Err(error) = house.store.count_shadow(&house.workspace, counts.clone()).await
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for ((platform, bin), messages) in &counts {
                waiting.add(platform, *bin, *messages);
            }
            return Err(error);
        }
        let mut shadows = Shadows::default();
        for ((platform, bin), messages) in house.store.shadow(&house.workspace).await? {
            if let (Ok(bin), Ok(messages)) = (usize::try_from(bin), u64::try_from(messages)) {
                shadows.add(&platform, bin, messages);
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shadows);
        Ok(())
    }
}

impl Waiting {
    fn add(&mut self, platform: &str, bin: i64, messages: i64) {
        // No allocation for a platform that is known: this stands in the way of every message.
        if let Some(counts) = self.counts.get_mut(platform) {
            *counts.entry(bin).or_default() += messages;
        } else {
            self.counts.insert(platform.to_owned(), BTreeMap::from([(bin, messages)]));
        }
    }
}
