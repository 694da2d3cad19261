//! What is remembered of a workspace's squares: who said how much since when, what was said lately and where. Bounded,
//! whatever comes; kept over a restart is only who is known.

use std::collections::{HashMap, HashSet, VecDeque};

use townkeeper_contract::case::Case;
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::inbound::{Body, Inbound, RosterChange};
use townkeeper_shield::behaviour::{self, Crowd, Entry, Fingerprint, Ring, Row, Seen, Trust};
use townkeeper_shield::{Folded, Reply, Signal, Tier};
use townkeeper_store::Member;

/// Messages whose kind is remembered, for edits and replies.
const MESSAGES: usize = 16_384;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A message elsewhere that is like another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) account: String,
    pub(crate) place: String,
    pub(crate) message: String,
}

/// What is known of an event's author and of what it answers.
pub(super) struct Met {
    pub(super) tier: Tier,
    pub(super) reply: Option<Reply>,
    pub(super) signals: Vec<Signal>,
}

/// What an earlier message was.
#[derive(Clone, Copy)]
struct Past {
    at_ms: i64,
    linked: bool,
    asks_help: bool,
}

/// See above.
#[derive(Default)]
pub(super) struct Memory {
    crowd: Crowd,
    ring: Ring,
    trust: Trust,
    accounts: Vec<String>,
    past: HashMap<u64, Past>,
    order: VecDeque<u64>,
    /// Who said something since the last time it was written down.
    dirty: HashMap<(String, String), Member>,
}

impl Memory {
    /// Takes an event in: what it says beside all before it.
    pub(super) fn meet(
        &mut self,
        inbound: &Inbound,
        folded: &Folded,
        staff: bool,
        leads_elsewhere: impl FnOnce() -> bool,
        now_ms: i64,
    ) -> Met {
        let person = person_key(&inbound.account.0, &inbound.person.id.0);
        let tier = if staff { Tier::Staff } else { self.trust.tier(person, now_ms) };
        if let Body::Roster { change } = &inbound.body {
            if *change == RosterChange::Joined {
                self.crowd.observe_join(person, now_ms);
            }
            return Met { tier, reply: None, signals: Vec::new() };
        }
        let print = Fingerprint::of(folded);
        let reply = inbound.replies_to.as_ref().and_then(|to| self.reply(message_key(inbound, &to.0), now_ms));
        let linked = leads_elsewhere();
        let message = inbound.message.as_ref().map(|message| message.0.as_str()).unwrap_or_default();
        let key = message_key(inbound, message);
        let edit = matches!(inbound.body, Body::Edited { .. });
        let copied = self.crowd.is_copy(person, print, now_ms);
        let is_first = !self.trust.knows(person);
        let seen = Seen {
            at_ms: now_ms,
            person,
            account: self.account(&inbound.account.0),
            place: behaviour::key(&inbound.place.id.0),
            message: key,
            tier,
            text: print,
            has_link: linked,
            has_media: inbound.carried.media > 0,
            asks_dm: false,
            mentions: mentions(folded.text()),
            // Help that comes too quickly is judged with what it says.
            reply: None,
            edit_adds_link: edit && linked && self.past.get(&key).is_some_and(|past| !past.linked),
            is_first,
        };
        let signals = self.crowd.observe(&seen);
        if !edit {
            let row = self.trust.note(person, now_ms, behaviour::letters(folded), copied);
            self.note(inbound, row, now_ms);
        }
        self.remember(key, Past { at_ms: now_ms, linked, asks_help: folded.text().contains('?') });
        if let Some(print) = print {
            let account = seen.account;
            let place = &inbound.place.id.0;
            self.ring.insert(&Entry { print, at_ms: now_ms, account, place, message, person });
        }
        Met { tier, reply, signals }
    }

    pub(super) fn tier(&self, account: &AccountId, person: &PersonId, now_ms: i64) -> Tier {
        self.trust.tier(person_key(&account.0, &person.0), now_ms)
    }

    /// `staff`: (platform, number) of the team.
    pub(super) fn copies(&self, case: &Case, staff: &HashSet<(String, String)>, now_ms: i64) -> Vec<Copy> {
        let Some(print) = Fingerprint::of(&Folded::new(&case.text)) else { return Vec::new() };
        let own = case.message.as_ref().map(|message| message.0.as_str());
        let of_team = |account: &String| {
            let there = staff.iter().filter(|(platform, _)| account.split(':').next() == Some(platform));
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

    /// Who is to be written down.
    pub(super) fn changed(&mut self) -> Vec<Member> {
        let mut members: Vec<Member> = std::mem::take(&mut self.dirty).into_values().collect();
        // One order on all nodes: two that write the same members at once do not wait for each other in a circle.
        members.sort_by(|a, b| (&a.account, &a.person).cmp(&(&b.account, &b.person)));
        members
    }

    pub(super) fn forget(&mut self, account: &str, person: &str) {
        let key = person_key(account, person);
        self.ring.erase(key);
        self.crowd.erase(key);
        self.trust.forget(key);
        self.dirty.remove(&(account.to_owned(), person.to_owned()));
    }

    fn reply(&self, to: u64, now_ms: i64) -> Option<Reply> {
        let past = self.past.get(&to)?;
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

    fn remember(&mut self, key: u64, past: Past) {
        if self.past.insert(key, past).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.past.remove(&oldest);
        }
    }
}

fn person_key(account: &str, person: &str) -> u64 {
    behaviour::key(&format!("{account}/{person}"))
}

fn message_key(inbound: &Inbound, message: &str) -> u64 {
    behaviour::key(&format!("{}/{message}", inbound.account))
}

fn mentions(text: &str) -> u16 {
    u16::try_from(text.split_whitespace().filter(|word| word.starts_with('@')).count()).unwrap_or(u16::MAX)
}
