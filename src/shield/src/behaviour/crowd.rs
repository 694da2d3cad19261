//! What a message says beside those before it: layer L4. Each call looks at a few remembered things only, and what is
//! remembered is bounded: about 8 MB a workspace at most. Staff are never held against themselves.

use super::fingerprint::{Fingerprint, mix};
use super::joins::{Joins, Tide, Wave};
use super::recent::Recent;
use crate::{Evidence, Signal, Tier};

/// How many people, texts and newcomers are remembered, of each.
pub const ROOM: usize = 16_384;

/// Of how many places it is remembered how many join them.
const PLACES: usize = 1_024;

/// No signal here weighs more.
pub const MOST: f32 = 3.0;

/// A person's last messages.
const POSTS: usize = 6;
/// The last lures of new members; compared one by one, so that none is missed.
const LURES: usize = 512;

const BURST_PLACES: usize = 3;
const BURST_MS: i64 = 40_000;
const SLOW_BURST_MS: i64 = 10 * 60_000;
const LURE_MS: i64 = 3_600_000;
const COPY_MS: i64 = 24 * 3_600_000;
const MENTIONS_MS: i64 = 10 * 60_000;

/// One person's words again may be chance.
const COPIES: u8 = 2;
const MENTIONS: u16 = 8;
const MENTIONS_IN_A_WHILE: u16 = 20;

/// A message, as far as its like is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// By our own clock.
    pub at_ms: i64,
    /// The person behind it in all of the workspace, where accounts are known to be one; see [`super::key`].
    pub person: u64,
    /// The caller's number of the account that saw it.
    pub account: u16,
    /// Keys of the platform's ids. An edit has the id of what it edits.
    pub place: u64,
    pub message: u64,
    pub tier: Tier,
    pub text: Option<Fingerprint>,
    /// To a host that is not ours.
    pub has_link: bool,
    pub has_media: bool,
    pub mentions: u16,
    /// The first that this person wrote here.
    pub is_first: bool,
}

impl Seen {
    fn lures(&self) -> bool {
        self.has_link || self.has_media
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Post {
    at_ms: i64,
    /// Of place and account.
    place: u64,
    message: u64,
    text: Option<Fingerprint>,
    shows: bool,
}

#[derive(Clone, Debug, Default)]
struct Person {
    posts: [Option<Post>; POSTS],
    next: usize,
    copies: u8,
    mentions: u16,
    mentions_since_ms: i64,
}

/// Who said it first.
#[derive(Clone, Copy, Debug)]
struct First {
    person: u64,
    message: u64,
    at_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Lure {
    text: Fingerprint,
    person: u64,
    at_ms: i64,
}

/// What is remembered of a workspace's messages.
#[derive(Clone, Debug)]
pub struct Crowd {
    people: Recent<Person>,
    texts: Recent<First>,
    lures: Vec<Lure>,
    next_lure: usize,
    /// Which place a newcomer joined, and when.
    joined: Recent<(u64, i64)>,
    joins: Recent<Joins>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            people: Recent::new(ROOM),
            texts: Recent::new(ROOM),
            lures: Vec::new(),
            next_lure: 0,
            joined: Recent::new(ROOM),
            joins: Recent::new(PLACES),
        }
    }
}

impl Crowd {
    /// Remembers a message and says what speaks against it, in no order of weight.
    pub fn observe(&mut self, seen: &Seen) -> Vec<Signal> {
        if seen.tier == Tier::Staff {
            return Vec::new();
        }
        let mut signals = Vec::new();
        signals.extend(self.burst(seen));
        signals.extend(self.copies(seen));
        signals.extend(self.same_lure(seen));
        signals.extend(self.mentions(seen));
        signals.extend(self.wave(seen));
        signals.extend(first(seen));
        signals
    }

    /// Counts somebody who joined a place.
    pub fn observe_join(&mut self, place: u64, person: u64, at_ms: i64) -> Option<Tide> {
        *self.joined.entry(person, || (place, at_ms)) = (place, at_ms);
        self.joins.entry(place, Joins::default).join(at_ms)
    }

    /// Lets time pass: a wave of joins ends when nobody comes. Which ended, by their places. Call it once a minute or so.
    pub fn pass(&mut self, now_ms: i64) -> Vec<(u64, Tide)> {
        self.joins.iter_mut().filter_map(|(place, joins)| Some((place, joins.pass(now_ms)?))).collect()
    }

    /// The last wave of a place, or the present one.
    pub fn wave_of(&self, place: u64) -> Option<Wave> {
        self.joins.get(place)?.wave()
    }

    /// Whether another person said the same within a day before. For [`super::Trust`].
    pub fn is_copy(&self, person: u64, text: Option<Fingerprint>, now_ms: i64) -> bool {
        let first = text.and_then(|text| self.texts.get(text.bits()));
        first.is_some_and(|first| first.person != person && now_ms.saturating_sub(first.at_ms) <= COPY_MS)
    }

    /// Forgets a person.
    pub fn erase(&mut self, person: u64) {
        self.people.forget(person);
        self.joined.forget(person);
        self.texts.retain(|first| first.person != person);
        self.lures.retain(|lure| lure.person != person);
        self.next_lure = 0;
    }

    /// How many people, texts and newcomers are remembered.
    pub fn known(&self) -> [usize; 3] {
        [self.people.len(), self.texts.len(), self.joined.len()]
    }

    /// The same in several channels, on whatever platforms.
    fn burst(&mut self, seen: &Seen) -> Option<Signal> {
        let place = seen.place ^ mix(u64::from(seen.account));
        let shows = seen.has_link || seen.has_media;
        let post = Post { at_ms: seen.at_ms, place, message: seen.message, text: seen.text, shows };
        let person = self.people.entry(seen.person, Person::default);
        let fast = person.places(&post, BURST_MS);
        let slow = person.places(&post, SLOW_BURST_MS);
        person.remember(post);
        // Pictures and bare links cannot be told apart here: of those, a fast burst of somebody hardly known.
        let told_apart = post.text.is_some();
        if fast >= BURST_PLACES && (told_apart || seen.tier < Tier::Trusted) {
            let weight = if told_apart { MOST } else { 1.5 };
            return Some(signal("burst", weight, format!("The same went to {fast} channels within 40 seconds.")));
        }
        let why = format!("The same went to {slow} channels within 10 minutes.");
        (told_apart && slow >= BURST_PLACES).then(|| signal("slow_burst", 2.0, why))
    }

    /// Others' words, again and again, until one is taken for a member.
    fn copies(&mut self, seen: &Seen) -> Option<Signal> {
        let text = seen.text?;
        let now = First { person: seen.person, message: seen.message, at_ms: seen.at_ms };
        let first = self.texts.entry(text.bits(), || now);
        if seen.at_ms.saturating_sub(first.at_ms) > COPY_MS {
            *first = now;
        }
        if first.person == seen.person || first.message == seen.message {
            return None;
        }
        let person = self.people.entry(seen.person, Person::default);
        person.copies = person.copies.saturating_add(1);
        let (copies, weight) = (person.copies, (f32::from(person.copies) * 0.5).min(2.0));
        let why = format!("Repeats what others wrote before; it is the {copies}th time.");
        (copies >= COPIES && seen.tier < Tier::Trusted).then(|| signal("copied", weight, why))
    }

    /// Several new accounts with one lure.
    fn same_lure(&mut self, seen: &Seen) -> Option<Signal> {
        let text = seen.text.filter(|_| seen.tier == Tier::New && seen.lures())?;
        let near = self.lures.iter().filter(|lure| lure.person != seen.person && lure.text.is_near(text));
        let near = near.filter(|lure| seen.at_ms.saturating_sub(lure.at_ms) <= LURE_MS);
        let mut others: Vec<u64> = near.map(|lure| lure.person).collect();
        others.sort_unstable();
        others.dedup();
        let lure = Lure { text, person: seen.person, at_ms: seen.at_ms };
        match self.lures.get_mut(self.next_lure) {
            Some(oldest) => *oldest = lure,
            None => self.lures.push(lure),
        }
        self.next_lure = (self.next_lure + 1) % LURES;
        let accounts = others.len() + 1;
        let weight = if accounts > 2 { 2.5 } else { 1.0 };
        let why = format!("{accounts} new accounts posted nearly the same lure within the hour.");
        (accounts > 1).then(|| signal("same_lure", weight, why))
    }

    fn mentions(&mut self, seen: &Seen) -> Option<Signal> {
        if seen.mentions == 0 {
            return None;
        }
        let person = self.people.entry(seen.person, Person::default);
        if !(0..MENTIONS_MS).contains(&seen.at_ms.saturating_sub(person.mentions_since_ms)) {
            (person.mentions_since_ms, person.mentions) = (seen.at_ms, 0);
        }
        person.mentions = person.mentions.saturating_add(seen.mentions);
        let (here, of_late) = (seen.mentions, person.mentions);
        if of_late >= MENTIONS_IN_A_WHILE {
            let why = format!("Mentioned people {of_late} times within 10 minutes.");
            return Some(signal("mention_flood", 2.0, why));
        }
        let why = format!("Mentions people {here} times in one message.");
        (here >= MENTIONS).then(|| signal("mention_flood", 1.5, why))
    }

    /// Came with many others.
    fn wave(&self, seen: &Seen) -> Option<Signal> {
        let (place, joined) = *self.joined.get(seen.person).filter(|_| seen.tier == Tier::New)?;
        let wave = self.wave_of(place)?;
        let within = (wave.began_ms - 60_000..=wave.ended_ms.unwrap_or(i64::MAX)).contains(&joined);
        let why = "Joined in a wave of new accounts.".to_owned();
        (within && seen.at_ms.saturating_sub(joined) <= COPY_MS).then(|| signal("join_wave", 1.0, why))
    }
}

impl Person {
    /// In how many places the same stands since so long, with this one.
    fn places(&self, post: &Post, within_ms: i64) -> usize {
        let recent = |other: &&Post| post.at_ms.saturating_sub(other.at_ms) <= within_ms;
        let mut places = [post.place; POSTS + 1];
        let mut count = 1;
        for other in self.posts.iter().flatten().filter(recent).filter(|other| same(other, post)) {
            if !places.iter().take(count).any(|place| *place == other.place) {
                places.get_mut(count).into_iter().for_each(|place| *place = other.place);
                count += 1;
            }
        }
        count
    }

    /// Instead of what it edits, or of the oldest.
    fn remember(&mut self, post: Post) {
        let is_it =
            |old: &&mut Option<Post>| old.is_some_and(|old| old.message == post.message && old.place == post.place);
        if let Some(old) = self.posts.iter_mut().find(is_it) {
            *old = Some(post);
        } else if let Some(oldest) = self.posts.get_mut(self.next) {
            *oldest = Some(post);
            self.next = (self.next + 1) % POSTS;
        }
    }
}

/// Nearly one text; or neither has one, and both show something.
fn same(one: &Post, other: &Post) -> bool {
    match (one.text, other.text) {
        (Some(one), Some(other)) => one.is_near(other),
        (None, None) => one.shows && other.shows,
        _ => false,
    }
}

fn first(seen: &Seen) -> Option<Signal> {
    let newcomer = seen.is_first && seen.tier == Tier::New;
    let (id, weight, what) = match (seen.has_link, seen.has_media) {
        (true, _) => ("first_link", 1.0, "a link to elsewhere"),
        (false, true) => ("first_media", 0.7, "a picture or a file"),
        (false, false) => return None,
    };
    newcomer.then(|| signal(id, weight, format!("The first message of this account has {what}.")))
}

fn signal(id: &'static str, weight: f32, why: String) -> Signal {
    Signal { id, weight: weight.min(MOST), source: "behaviour".into(), evidence: Evidence::default(), why }
}
