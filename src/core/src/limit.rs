//! How much may leave for a platform, and when: for the account and for each place, by what the platform publishes and by
//! what it says with its answers. Pure: times are arguments.
//!
//! Whoever is less important leaves more behind: what is owed may take the last request, a live edit never the last 40 %.

use std::collections::HashMap;

use townkeeper_contract::inbound::PlaceKind;
use townkeeper_contract::outbound::LimitScope;
use townkeeper_contract::platform::RateFacts;

/// What a request is for, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What the ledger owes, and what a decision waits for.
    Owed,
    /// The first words of an answer that is being written.
    First,
    /// More words of it.
    Edit,
    /// "… is typing".
    Typing,
    /// Nothing that anybody waits for: a picture to be looked at.
    Look,
}

impl Class {
    /// How much of the room it leaves to others, in percent.
    fn leaves(self) -> i64 {
        match self {
            Self::Owed => 0,
            Self::First => 20,
            Self::Edit => 40,
            Self::Typing | Self::Look => 60,
        }
    }
}

/// The share of all requests that live edits may be, in percent.
const LIVE_SHARE: i64 = 60;

/// How many messages into one chat may follow each other at once; after that they are as far apart as the platform asks.
const CHAT_BURST: i64 = 5;

/// A place that nothing was sent to for this long is forgotten: its room is whole again.
const IDLE_MS: i64 = 10 * 60 * 1000;

/// So many places are kept before idle ones are looked for.
const PLACES: usize = 4096;

/// A bucket that fills up again, kept as the time at which it will be full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    every_us: i64,
    burst: i64,
    full_us: i64,
}

impl Bucket {
    fn new(every_us: i64, burst: i64) -> Self {
        Self { every_us: every_us.max(1), burst: burst.max(1), full_us: i64::MIN }
    }

    /// The share of it that live edits have.
    fn share(self) -> Self {
        Self::new(self.every_us * 100 / LIVE_SHARE, self.burst * LIVE_SHARE / 100)
    }

    /// When it is full. A clock that was set back must not keep it empty for as long.
    fn full_us(&self, now_us: i64) -> i64 {
        self.full_us.clamp(now_us, now_us + self.burst * self.every_us)
    }

    /// How long until one may be taken that leaves so many percent.
    fn wait_us(&self, leaves: i64, now_us: i64) -> i64 {
        let kept = ((self.burst * leaves + 99) / 100).min(self.burst - 1);
        self.full_us(now_us) + self.every_us - (self.burst - kept) * self.every_us - now_us
    }

    fn take(&mut self, now_us: i64) {
        self.full_us = self.full_us(now_us) + self.every_us;
    }
}

/// What one scope holds: a bucket for everything, one for live edits, and the platform's own word.
#[derive(Clone, Copy, Debug)]
struct Budget {
    buckets: Option<(Bucket, Bucket)>,
    not_before_ms: i64,
}

impl Budget {
    fn new(all: Option<Bucket>) -> Self {
        Self { buckets: all.map(|all| (all, all.share())), not_before_ms: i64::MIN }
    }

    /// When a request of this class may leave; not after `now_ms`: at once.
    fn next_ms(&self, class: Class, now_ms: i64) -> i64 {
        let now_us = now_ms.saturating_mul(1000);
        let wait_us = self.buckets.as_ref().map_or(0, |(all, live)| {
            let live_us = if class == Class::Edit { live.wait_us(0, now_us) } else { 0 };
            all.wait_us(class.leaves(), now_us).max(live_us).max(0)
        });
        self.not_before_ms.max(now_ms + (wait_us + 999) / 1000)
    }

    fn take(&mut self, class: Class, now_ms: i64) {
        let now_us = now_ms.saturating_mul(1000);
        if let Some((all, live)) = &mut self.buckets {
            all.take(now_us);
            if class == Class::Edit {
                live.take(now_us);
            }
        }
    }
}

#[derive(Debug)]
struct Place {
    /// `None`: not met yet, and counted as private.
    kind: Option<PlaceKind>,
    budget: Budget,
    used_ms: i64,
    /// Answers that are being written there.
    streams: u32,
}

/// The limits of one account.
#[derive(Debug)]
pub struct Ceilings {
    rate: RateFacts,
    account: Budget,
    places: HashMap<String, Place>,
    streams: u32,
    /// At so many places idle ones are looked for.
    sweep_at: usize,
}

impl Ceilings {
    pub fn new(rate: RateFacts) -> Self {
        let per_second = i64::from(rate.per_second.max(1));
        let account = Budget::new(Some(Bucket::new(1_000_000 / per_second, per_second)));
        Self { rate, account, places: HashMap::new(), streams: 0, sweep_at: PLACES }
    }

    /// Learns what kind of place this is. One that was never met counts as private.
    pub fn meet(&mut self, place: &str, kind: PlaceKind, now_ms: i64) {
        let buckets = Budget::new(bucket(&self.rate, kind)).buckets;
        let place = self.place(place, now_ms);
        if place.kind != Some(kind) {
            (place.kind, place.budget.buckets) = (Some(kind), buckets);
        }
    }

    /// When a request of this class may leave for `place`; `None`: now.
    pub fn next_ms(&self, place: &str, class: Class, now_ms: i64) -> Option<i64> {
        let there = self.places.get(place).map_or(now_ms, |place| place.budget.next_ms(class, now_ms));
        Some(self.account.next_ms(class, now_ms).max(there)).filter(|next| *next > now_ms)
    }

    /// Counts a request, if it may leave now; else when it may.
    pub fn take(&mut self, place: &str, class: Class, now_ms: i64) -> Result<(), i64> {
        if let Some(next_ms) = self.next_ms(place, class, now_ms) {
            return Err(next_ms);
        }
        self.account.take(class, now_ms);
        let place = self.place(place, now_ms);
        place.budget.take(class, now_ms);
        Ok(())
    }

    /// Counts a request that says nothing in a place (a question, an act upon a message), if it may leave now; else when it
    /// may. A place's own ceilings are for messages: only what the platform said of it holds here, and the account's.
    pub fn ask(&mut self, place: &str, now_ms: i64) -> Result<(), i64> {
        let rests_ms = self.places.get(place).map_or(i64::MIN, |place| place.budget.not_before_ms);
        if rests_ms > now_ms {
            return Err(rests_ms.max(self.account.next_ms(Class::Owed, now_ms)));
        }
        self.take_alone(Class::Owed, now_ms)
    }

    /// The same for a request that goes into no place: only the account's own room counts.
    pub fn take_alone(&mut self, class: Class, now_ms: i64) -> Result<(), i64> {
        let next_ms = self.account.next_ms(class, now_ms);
        if next_ms > now_ms {
            return Err(next_ms);
        }
        self.account.take(class, now_ms);
        Ok(())
    }

    /// Nothing more leaves for this scope before `until_ms`: the platform said so.
    pub fn rest(&mut self, scope: LimitScope, place: &str, until_ms: i64, now_ms: i64) {
        let budget = match scope {
            LimitScope::Account => &mut self.account,
            LimitScope::Place => &mut self.place(place, now_ms).budget,
        };
        budget.not_before_ms = budget.not_before_ms.max(until_ms);
    }

    /// An answer begins to be written there.
    pub fn enter(&mut self, place: &str, now_ms: i64) {
        self.streams += 1;
        self.place(place, now_ms).streams += 1;
    }

    /// It is written.
    pub fn leave(&mut self, place: &str, now_ms: i64) {
        self.streams = self.streams.saturating_sub(1);
        let place = self.place(place, now_ms);
        place.streams = place.streams.saturating_sub(1);
    }

    /// By how much an answer in `place` that might be painted every `base_ms` has to slow down for the others.
    pub fn crowd(&self, place: &str, base_ms: i64) -> i64 {
        let here = self.places.get(place).map_or(1, |place| i64::from(place.streams));
        let per_paint = i64::from(self.rate.per_second.max(1)) * LIVE_SHARE * base_ms.max(1);
        let all = (i64::from(self.streams) * 100_000 + per_paint - 1) / per_paint;
        here.max(all).max(1)
    }

    fn place(&mut self, name: &str, now_ms: i64) -> &mut Place {
        if self.places.len() >= self.sweep_at && !self.places.contains_key(name) {
            let busy = |place: &Place| place.streams > 0 || place.budget.not_before_ms > now_ms;
            self.places.retain(|_, place| busy(place) || now_ms - place.used_ms < IDLE_MS);
            self.sweep_at = PLACES.max(2 * self.places.len());
        }
        let budget = Budget::new(bucket(&self.rate, PlaceKind::Private));
        let new = Place { kind: None, budget, used_ms: now_ms, streams: 0 };
        let place = self.places.entry(name.to_owned()).or_insert(new);
        place.used_ms = now_ms;
        place
    }
}

/// What a place of this kind may take. Within any minute a group gets at most what the platform allows: what may come at
/// once is taken off what comes steadily.
fn bucket(rate: &RateFacts, kind: PlaceKind) -> Option<Bucket> {
    let (minute, chat_us) = (i64::from(rate.per_group_minute), i64::from(rate.per_chat_ms) * 1000);
    if kind != PlaceKind::Private && minute > 0 {
        let burst = (minute / 4).max(1);
        return Some(Bucket::new(60_000_000 / (minute - burst).max(1), burst));
    }
    (chat_us > 0).then(|| Bucket::new(chat_us, CHAT_BURST))
}

#[cfg(test)]
mod tests;
