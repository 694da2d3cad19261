//! What is remembered of a workspace's squares: who said how much since when, what was said lately and where. Bounded,
//! whatever comes. What is kept over a restart, and what other nodes saw, comes and goes by [`super::kept`].

use std::collections::{HashMap, HashSet, VecDeque};

use townkeeper_contract::case::{Case, ShieldMode};
use townkeeper_contract::id::{AccountId, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_shield::behaviour::{self, Crowd, Entry, Fingerprint, Ring, Row, Seen, Tide, Trust};
use townkeeper_shield::{Folded, Reply, Signal, Tier};
use townkeeper_store::{Member, Print, ShownName, person_mark};

use super::learnt::Team;

/// Messages whose kind is remembered, for edits and replies.
const MESSAGES: usize = 16_384;

/// Of how many bytes the hosts of a message are remembered; whoever names more is no innocent who adds one later.
const HOSTS: usize = 512;

/// Events whose judgement is remembered: one that is handed in again, because its commit failed or nobody knows, is judged
/// the same and counts once.
const EVENTS: usize = 8_192;

/// Fingerprints that wait to be written, at most; without a store, the oldest go.
const UNWRITTEN: usize = 65_536;

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A name of the team that was noted is not exchanged for another one for so long: who is called otherwise elsewhere changes it
/// with every message.
const SHOWN_MS: i64 = 10 * 60 * 1000;

/// How often it is noted that a wave goes on.
const MINUTE_MS: i64 = 60 * 1000;

/// A message elsewhere that is like another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) account: String,
    pub(crate) place: String,
    pub(crate) message: String,
}

/// Who somebody is to us.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Who {
    /// Of the team.
    pub(super) staff: bool,
    /// The person whom several accounts belong to, where that is proven: what one of them does and what another does, they
    /// both do.
    pub(super) one: Option<u64>,
}

/// A wave of people who join a place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Joining {
    pub(crate) account: AccountId,
    pub(crate) place: PlaceId,
    /// As the place is watched.
    pub(crate) mode: ShieldMode,
    /// How many came so far.
    pub(crate) joined: u32,
    /// How many come in a minute where there is no wave.
    pub(crate) usual: f32,
    pub(crate) over: bool,
    /// When it was last written down that it goes on.
    noted_ms: Option<i64>,
}

/// What is known of an event's author and of what it answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Met {
    pub(super) tier: Tier,
    pub(super) reply: Option<Reply>,
    /// Where the message led before it was edited, as far as that is remembered.
    pub(super) before: Option<Box<str>>,
    pub(super) signals: Vec<Signal>,
}

/// An event that was met.
struct Event {
    person: u64,
    met: Met,
    /// What it is known by, until it is judged.
    print: Option<Fingerprint>,
}

/// What an earlier message was.
struct Past {
    person: u64,
    at_ms: i64,
    asks_help: bool,
    /// The hosts, not ours, that it led to. `None`: more than are remembered.
    elsewhere: Option<Box<str>>,
}

/// The last so many, by their keys.
struct Last<V> {
    room: usize,
    by_key: HashMap<u64, V>,
    order: VecDeque<u64>,
}

impl<V> Last<V> {
    fn new(room: usize) -> Self {
        Self { room, by_key: HashMap::new(), order: VecDeque::new() }
    }

    fn put(&mut self, key: u64, value: V) {
        if self.by_key.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.room
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }
}

/// See above.
pub(super) struct Memory {
    crowd: Crowd,
    ring: Ring,
    trust: Trust,
    accounts: Vec<String>,
    past: Last<Past>,
    events: Last<Event>,
    /// Who said something since the last time it was written down.
    dirty: HashMap<(String, String), Member>,
    /// What is in the ring and in no table yet.
    unwritten: Vec<Print>,
    /// Waves of people who join, by their places.
    waves: HashMap<u64, Joining>,
    /// The person behind an account, where it is proven: no more than there are proofs.
    linked: HashMap<u64, u64>,
    /// What accounts of the team are called and were not known to be.
    shown: HashMap<(String, String), ShownName>,
    /// When that was noted, by whom it is.
    shown_ms: HashMap<u64, i64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            crowd: Crowd::default(),
            ring: Ring::default(),
            trust: Trust::default(),
            accounts: Vec::new(),
            past: Last::new(MESSAGES),
            events: Last::new(EVENTS),
            dirty: HashMap::new(),
            unwritten: Vec::new(),
            waves: HashMap::new(),
            linked: HashMap::new(),
            shown: HashMap::new(),
            shown_ms: HashMap::new(),
        }
    }
}

impl Memory {
    /// Takes an event in: what it says beside all before it, and whether it is new. One that was met before is met as it
    /// was then. `elsewhere`: the hosts, not ours, that it leads to.
    pub(super) fn meet(
        &mut self,
        inbound: &Inbound,
        folded: &Folded,
        who: Who,
        elsewhere: impl FnOnce() -> String,
        now_ms: i64,
    ) -> (Met, bool) {
        let event = event_key(inbound);
        if let Some(Event { met, .. }) = self.events.by_key.get(&event) {
            return (met.clone(), false);
        }
        let person = person_key(&inbound.account.0, &inbound.person.id.0);
        let print = Fingerprint::of(folded).filter(|_| !matches!(inbound.body, Body::Roster { .. }));
        let met = self.meet_first(inbound, (folded, print), (person, who), elsewhere, now_ms);
        self.events.put(event, Event { person, met: met.clone(), print });
        (met, true)
    }

    /// Counts somebody who joined, in a place that is watched so.
    pub(super) fn join(&mut self, inbound: &Inbound, who: Who, mode: ShieldMode, now_ms: i64) {
        let place = behaviour::key(&format!("{}/{}", inbound.account, inbound.place.id));
        let person = self.one(person_key(&inbound.account.0, &inbound.person.id.0), who);
        if let Some(Tide::Begins { usual, .. }) = self.crowd.observe_join(place, person, now_ms) {
            let (account, at) = (inbound.account.clone(), inbound.place.id.clone());
            let wave = Joining { account, place: at, mode, joined: 0, usual, over: false, noted_ms: None };
            self.waves.insert(place, wave);
        }
    }

    /// By whom the crowd knows an account.
    fn one(&mut self, person: u64, who: Who) -> u64 {
        let Some(one) = who.one else { return person };
        self.linked.insert(person, one);
        one
    }

    /// Waves of people who join of which something is to be written down: they began, went on for a minute, or ended.
    pub(super) fn waves(&mut self, now_ms: i64) -> Vec<(u64, Joining)> {
        self.crowd.pass(now_ms);
        // A join ends a wave as well, and of too many places the crowd forgets some.
        for (place, wave) in &mut self.waves {
            wave.over = self.crowd.wave_of(*place).is_none_or(|wave| wave.ended_ms.is_some());
        }
        let due = |wave: &Joining| wave.over || wave.noted_ms.is_none_or(|noted| now_ms - noted >= MINUTE_MS);
        let due = self.waves.iter().filter(|(_, wave)| due(wave));
        let joined = |place| self.crowd.wave_of(place).map_or(0, |wave| wave.joined);
        due.map(|(place, wave)| (*place, Joining { joined: joined(*place), ..wave.clone() })).collect()
    }

    /// It was written down.
    pub(super) fn noted(&mut self, place: u64, now_ms: i64) {
        self.waves.entry(place).and_modify(|wave| wave.noted_ms = Some(now_ms));
        self.waves.retain(|at, wave| *at != place || !wave.over);
    }

    /// Keeps what an event that was met is known by, so that it is found as a copy. Once, however often it is handed in.
    pub(super) fn keep(&mut self, inbound: &Inbound, now_ms: i64) {
        let event = self.events.by_key.get_mut(&event_key(inbound));
        if let Some(print) = event.and_then(|event| event.print.take()) {
            self.write_later(inbound, print, now_ms);
        }
    }

    fn meet_first(
        &mut self,
        inbound: &Inbound,
        (folded, print): (&Folded, Option<Fingerprint>),
        (person, who): (u64, Who),
        elsewhere: impl FnOnce() -> String,
        now_ms: i64,
    ) -> Met {
        let tier = if who.staff { Tier::Staff } else { self.trust.tier(person, now_ms) };
        if matches!(inbound.body, Body::Roster { .. }) {
            return Met { tier, reply: None, before: None, signals: Vec::new() };
        }
        let reply = inbound.replies_to.as_ref().and_then(|to| self.reply(message_key(inbound, &to.0), now_ms));
        let elsewhere = elsewhere();
        let message = inbound.message.as_ref().map(|message| message.0.as_str()).unwrap_or_default();
        let key = message_key(inbound, message);
        let edit = matches!(inbound.body, Body::Edited { .. });
        let one = self.one(person, who);
        let copied = self.crowd.is_copy(one, print, now_ms);
        let is_first = !self.trust.knows(person);
        let seen = Seen {
            at_ms: now_ms,
            person: one,
            account: self.account(&inbound.account.0),
            place: behaviour::key(&inbound.place.id.0),
            message: key,
            tier,
            text: print,
            has_link: !elsewhere.is_empty(),
            has_media: inbound.carried.media > 0,
            mentions: mentions(folded.text()),
            is_first,
        };
        let signals = self.crowd.observe(&seen);
        if !edit {
            let row = self.trust.note(person, now_ms, behaviour::letters(folded), copied);
            self.note(inbound, row, now_ms);
        }
        let before = self.past.by_key.get(&key).filter(|_| edit).and_then(|past| past.elsewhere.clone());
        let elsewhere = (elsewhere.len() <= HOSTS).then(|| elsewhere.into_boxed_str());
        self.past.put(key, Past { person, at_ms: now_ms, asks_help: folded.text().contains('?'), elsewhere });
        Met { tier, reply, before, signals }
    }

    pub(super) fn tier(&self, account: &AccountId, person: &PersonId, now_ms: i64) -> Tier {
        self.trust.tier(person_key(&account.0, &person.0), now_ms)
    }

    pub(super) fn copies(&self, case: &Case, staff: &Team, now_ms: i64) -> Vec<Copy> {
        let Some(print) = Fingerprint::of(&Folded::new(&case.text)) else { return Vec::new() };
        let own = case.message.as_ref().map(|message| message.0.as_str());
        let of_team = |account: &String| {
            let there = staff.keys().filter(|(platform, _)| account.split(':').next() == Some(platform));
            there.map(|(_, id)| person_key(account, id)).collect::<Vec<_>>()
        };
        let team: HashSet<u64> = self.accounts.iter().flat_map(of_team).collect();
        let near = self.ring.near(print, now_ms - DAY_MS).into_iter().filter(|found| !team.contains(&found.person));
        // An edited message stands there twice.
        let mut seen = HashSet::new();
        let found = near.filter_map(|found| {
            let account = self.accounts.get(usize::from(found.account))?.clone();
            let itself = account == case.account.0 && Some(found.message.as_str()) == own;
            let first = seen.insert((found.account, found.message.clone()));
            (!itself && first).then_some(Copy { account, place: found.place, message: found.message })
        });
        found.collect()
    }

    pub(super) fn import(&mut self, members: &[Member]) {
        for member in members {
            let count = u16::try_from(member.said).unwrap_or(u16::MAX);
            let person = person_key(&member.account, &member.person);
            self.trust.import(Row { person, first_ms: member.first_ms, count });
        }
    }

    /// Remembers a message by its fingerprint, as it was seen here or elsewhere.
    pub(super) fn take_up(&mut self, kept: &Print) {
        let print = Fingerprint::from_bits(kept.print.cast_unsigned());
        let (account, person) = (self.account(&kept.account), person_key(&kept.account, &kept.person));
        let (place, message) = (kept.place.as_str(), kept.message.as_str());
        self.ring.insert(&Entry { print, at_ms: kept.at_ms, account, place, message, person });
    }

    fn write_later(&mut self, inbound: &Inbound, print: Fingerprint, now_ms: i64) {
        // What nobody can name, nobody can take down.
        let Some(message) = &inbound.message else { return };
        let print = Print {
            account: inbound.account.0.clone(),
            place: inbound.place.id.0.clone(),
            message: message.0.clone(),
            person: inbound.person.id.0.clone(),
            print: print.bits().cast_signed(),
            at_ms: now_ms,
        };
        self.take_up(&print);
        self.unwritten.push(print);
        self.let_go();
    }

    /// Fingerprints that are to be written now.
    pub(super) fn unwritten(&mut self) -> Vec<Print> {
        std::mem::take(&mut self.unwritten)
    }

    /// They could not be written.
    pub(super) fn put_back(&mut self, mut prints: Vec<Print>) {
        prints.append(&mut self.unwritten);
        self.unwritten = prints;
        self.let_go();
    }

    fn let_go(&mut self) {
        let over = self.unwritten.len().saturating_sub(UNWRITTEN);
        self.unwritten.drain(..over);
    }

    /// Who is to be written down.
    pub(super) fn changed(&mut self) -> Vec<Member> {
        let mut members: Vec<Member> = std::mem::take(&mut self.dirty).into_values().collect();
        // One order on all nodes: two that write the same members at once do not wait for each other in a circle.
        members.sort_by(|a, b| (&a.account, &a.person).cmp(&(&b.account, &b.person)));
        members
    }

    /// Notes what an account of the team is called, where it is not known to be called so.
    pub(super) fn show(&mut self, account: &AccountId, shown: ShownName, now_ms: i64) {
        let person = person_key(&account.0, &shown.id);
        if self.shown_ms.get(&person).is_some_and(|noted| now_ms - noted < SHOWN_MS) {
            return;
        }
        self.shown_ms.insert(person, now_ms);
        self.shown.insert((shown.platform.clone(), shown.id.clone()), shown);
    }

    /// What accounts of the team are called now.
    pub(super) fn shown(&mut self) -> Vec<ShownName> {
        std::mem::take(&mut self.shown).into_values().collect()
    }

    /// They could not be written; who was heard since is known better.
    pub(super) fn put_back_members(&mut self, members: Vec<Member>) {
        for member in members {
            self.dirty.entry((member.account.clone(), member.person.clone())).or_insert(member);
        }
    }

    /// By [`person_mark`].
    pub(super) fn forget(&mut self, mark: i64) {
        let key = mark.cast_unsigned();
        self.ring.erase(key);
        self.crowd.erase(key);
        if let Some(one) = self.linked.remove(&key) {
            self.crowd.erase(one);
        }
        self.trust.forget(key);
        self.shown_ms.remove(&key);
        self.dirty.retain(|(account, person), _| person_mark(account, person) != mark);
        self.unwritten.retain(|print| person_mark(&print.account, &print.person) != mark);
        self.events.by_key.retain(|_, event| event.person != key);
        self.past.by_key.retain(|_, past| past.person != key);
    }

    fn reply(&self, to: u64, now_ms: i64) -> Option<Reply> {
        let past = self.past.by_key.get(&to)?;
        let after_s = u32::try_from((now_ms - past.at_ms).max(0) / 1000).unwrap_or(u32::MAX);
        Some(Reply { asks_help: past.asks_help, after_s })
    }

    fn account(&mut self, account: &str) -> u16 {
        let at = self.accounts.iter().position(|known| known == account).unwrap_or_else(|| {
            self.accounts.push(account.to_owned());
            self.accounts.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn note(&mut self, inbound: &Inbound, row: Row, now_ms: i64) {
        let key = (inbound.account.0.clone(), inbound.person.id.0.clone());
        let (account, person) = key.clone();
        let member = Member { account, person, first_ms: row.first_ms, said: i64::from(row.count), seen_ms: now_ms };
        self.dirty.insert(key, member);
    }
}

fn event_key(inbound: &Inbound) -> u64 {
    behaviour::key(&format!("{}/{}", inbound.account, inbound.event))
}

fn person_key(account: &str, person: &str) -> u64 {
    person_mark(account, person).cast_unsigned()
}

fn message_key(inbound: &Inbound, message: &str) -> u64 {
    behaviour::key(&format!("{}/{message}", inbound.account))
}

fn mentions(text: &str) -> u16 {
    u16::try_from(text.split_whitespace().filter(|word| word.starts_with('@')).count()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
