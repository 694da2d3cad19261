//! Rate limits: a bucket per bot, route and top-level resource, the global limit, and who calls again too early.

use std::collections::BTreeMap;

/// A bot, a route, and the channel, guild or webhook it concerns.
pub(super) type Key = (u64, &'static str, String);

/// Buckets from which on those whose window is over are forgotten.
const MANY: usize = 50_000;

/// What the buckets hold.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// Requests per window in ms, by route.
    rules: BTreeMap<String, (u32, u64)>,
    buckets: BTreeMap<Key, Window>,
    /// Seconds of the global limit, by bot.
    global: BTreeMap<u64, Window>,
    /// When a bucket that answered 429 may be called again, in ms.
    refused: BTreeMap<Key, u64>,
    /// The same for the global limit, by bot.
    refused_global: BTreeMap<u64, u64>,
}

/// A window that is open, and how much of it is used.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    started_ms: u64,
    used: u32,
}

impl Window {
    /// Takes one place; the places left, or none when there was no place.
    fn take(&mut self, limit: u32, length_ms: u64, now: u64) -> Option<u32> {
        if now >= self.started_ms + length_ms || self.used == 0 {
            *self = Self { started_ms: now, used: 0 };
        }
        let left = limit.checked_sub(self.used + 1)?;
        self.used += 1;
        Some(left)
    }
}

/// A bucket after a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// When the window ends: in ms since the epoch, and in ms from now.
    pub(super) reset_ms: u64,
    pub(super) after_ms: u64,
    /// There was no place.
    pub(super) over: bool,
}

impl Limits {
    pub(super) fn set(&mut self, route: &str, limit: u32, window_ms: u64) {
        self.rules.insert(route.to_owned(), (limit, window_ms));
    }

    /// Takes a place in the bucket; `default` is the rule of routes without one.
    pub(super) fn take(&mut self, key: &Key, default: (u32, u64), now: u64) -> Taken {
        let rules = &self.rules;
        let rule = |key: &Key| rules.get(key.1).copied().unwrap_or(default);
        if self.buckets.len() >= MANY {
            self.buckets.retain(|key, window| now < window.started_ms + rule(key).1);
            self.refused.retain(|_, until| now < *until);
        }
        let (limit, length) = rule(key);
        let window = match self.buckets.get_mut(key) {
            Some(window) => window,
            None => self.buckets.entry(key.clone()).or_default(),
        };
        let left = window.take(limit, length, now);
        let reset_ms = window.started_ms + length;
        let remaining = left.unwrap_or(0);
        Taken { limit, remaining, reset_ms, after_ms: reset_ms.saturating_sub(now), over: left.is_none() }
    }

    /// Takes a place of this second; when there is none, the ms until there is.
    pub(super) fn take_global(&mut self, bot: u64, per_s: u32, now: u64) -> Option<u64> {
        let window = self.global.entry(bot).or_default();
        let none = window.take(per_s, 1000, now).is_none();
        none.then(|| (window.started_ms + 1000).saturating_sub(now))
    }

    /// Remembers a 429 until it is over.
    pub(super) fn refuse(&mut self, key: &Key, global: bool, until_ms: u64) {
        if global {
            self.refused_global.insert(key.0, until_ms);
        } else {
            self.refused.insert(key.clone(), until_ms);
        }
    }

    /// The ms until this may be called again after a 429, and whether that was a global one.
    pub(super) fn too_early(&self, key: &Key, now: u64) -> Option<(u64, bool)> {
        let left = |until: Option<&u64>| until.and_then(|until| until.checked_sub(now)).filter(|left| *left > 0);
        let global = left(self.refused_global.get(&key.0)).map(|left| (left, true));
        global.or_else(|| left(self.refused.get(key)).map(|left| (left, false)))
    }
}
