//! What was seen last: the words of messages, so that an edit that changes none is none; and people's names and
//! whereabouts, so that a new name shows and a join that is told twice is one. Bounded, and gone with the process.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use townkeeper_contract::id::{EventKey, MessageRef, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Inbound, RosterChange};

/// How many messages, and how many people, are remembered.
const REMEMBERED: usize = 16_384;

#[derive(Default)]
pub(super) struct Memory {
    /// What a message said, as a hash.
    words: Recent<MessageRef, u64>,
    people: Recent<(PlaceId, PersonId), Known>,
}

#[derive(Clone, Default)]
struct Known {
    name: String,
    /// Whether they were last told to be there; `None`: nothing was told.
    here: Option<bool>,
}

impl Memory {
    /// What is new about it: nothing, itself, or a person's new name before itself.
    pub(super) fn look(&mut self, inbound: Inbound) -> Vec<Inbound> {
        let mut news: Vec<_> = self.renamed(&inbound).into_iter().collect();
        if self.is_new(&inbound) {
            news.push(inbound);
        }
        news
    }

    /// Whoever has another name than when we last saw them here.
    fn renamed(&mut self, inbound: &Inbound) -> Option<Inbound> {
        let person = &inbound.person;
        if person.name.is_empty() || matches!(inbound.body, Body::Presence { .. }) {
            return None;
        }
        let known = self.people.entry((inbound.place.id.clone(), person.id.clone()));
        let from = std::mem::replace(&mut known.name, person.name.clone());
        let renamed = !from.is_empty() && from != person.name;
        renamed.then(|| Inbound {
            event: EventKey(format!("n{}", inbound.event)),
            addressed: false,
            message: None,
            replies_to: None,
            replies_to_person: None,
            body: Body::Roster { change: RosterChange::Renamed { from } },
            ..inbound.clone()
        })
    }

    fn is_new(&mut self, inbound: &Inbound) -> bool {
        match (&inbound.body, &inbound.message) {
            (Body::Message { text } | Body::Command { args: text, .. }, Some(message)) => {
                *self.words.entry(message.clone()) = hash(text);
                true
            }
            (Body::Edited { text }, Some(message)) => {
                std::mem::replace(self.words.entry(message.clone()), hash(text)) != hash(text)
            }
            (Body::Roster { change: change @ (RosterChange::Joined | RosterChange::Left) }, _) => {
                let here = Some(*change == RosterChange::Joined);
                let known = self.people.entry((inbound.place.id.clone(), inbound.person.id.clone()));
                std::mem::replace(&mut known.here, here) != here
            }
            _ => true,
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // 0 stands for words that were never seen.
    hasher.finish() | 1
}

/// A map that forgets what it met first.
struct Recent<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { map: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Default> Recent<K, V> {
    fn entry(&mut self, key: K) -> &mut V {
        if !self.map.contains_key(&key) {
            if self.order.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.map.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        self.map.entry(key).or_default()
    }
}
