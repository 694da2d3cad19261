//! Flood limits and the bot-loop detector, in front of every model. Pure: events and the time in, a pace out.
//!
//! Memory is bounded whatever comes: at most [`CAP`] people and [`CAP`] conversations are known at a time. Who is
//! forgotten for want of room begins anew, and the budgets still hold.

use std::collections::HashMap;
use std::hash::Hash;

use townkeeper_contract::inbound::{Body, Inbound, PlaceKind};

use crate::{commands, conversation};

/// How many people, and how many conversations, are known at a time.
pub const CAP: usize = 16_384;

/// The window in which a person's messages are counted.
const WINDOW_MS: i64 = 60_000;

/// Nobody reads an answer and writes the next message faster than this, again and again.
const REFLEX_MS: i64 = 3_000;

/// Whoever fell silent for this long is no loop any more.
const CALM_MS: i64 = 60_000;

/// How much is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages of one person in a minute that may reach a model.
    pub messages_per_minute: u32,
    /// Messages in a row, each at once upon our answer or each the same, after which a writer in a group is a machine.
    pub reply_depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages_per_minute: 10, reply_depth: 8 }
    }
}

/// How an event may be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As usual.
    #[default]
    Free,
    /// Too many from this person: the base may answer, a model may not. `told`: the person knows already.
    Slow { told: bool },
    /// Two machines are talking: nothing is said. `told`: it was said once.
    Loop { told: bool },
}

impl Pace {
    /// Whether a model may be asked.
    pub fn is_free(self) -> bool {
        self == Self::Free
    }

    /// Whether whoever is too fast has heard so.
    pub fn told(self) -> bool {
        matches!(self, Self::Slow { told: true } | Self::Loop { told: true })
    }

    /// The word that counts it on a metric; `None` for what is not shed.
    pub fn shed(self) -> Option<&'static str> {
        match self {
            Self::Free => None,
            Self::Slow { .. } => Some("person"),
            Self::Loop { .. } => Some("loop"),
        }
    }
}

/// One person's last minute.
#[derive(Clone, Copy, Debug)]
struct Person {
    window_ms: i64,
    messages: u32,
    told: bool,
}

/// One conversation, as far as a loop shows in it.
#[derive(Clone, Copy, Debug)]
struct Talk {
    last_ms: i64,
    /// Of the last message, whatever its case and spaces.
    text: u64,
    depth: u32,
    told: bool,
}

/// What is remembered of people and conversations.
#[derive(Debug, Default)]
pub struct Flood {
    limits: Limits,
    people: Recent<(String, String), Person>,
    talks: Recent<String, Talk>,
}

impl Flood {
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts an event and says how it may be answered. Controls, tickets and the person's own memory are never shed.
    pub fn judge(&mut self, inbound: &Inbound, now_ms: i64) -> Pace {
        // Nobody lets a bot in here; if somebody did, it would still be told nothing.
        if inbound.person.bot {
            return Pace::Loop { told: true };
        }
        if is_exempt(&inbound.body) {
            return Pace::Free;
        }
        let looping = inbound.place.kind != PlaceKind::Private && self.loops(inbound, now_ms);
        if looping {
            let talk = self.talks.get(&conversation::conversation(inbound).0);
            let told = talk.is_some_and(|talk| std::mem::replace(&mut talk.told, true));
            return Pace::Loop { told };
        }
        let key = (inbound.account.0.clone(), inbound.person.id.0.clone());
        let fresh = || Person { window_ms: now_ms, messages: 0, told: false };
        let person = self.people.entry(key, fresh);
        // A clock that went back begins a new window as well.
        if !(0..WINDOW_MS).contains(&(now_ms - person.window_ms)) {
            *person = fresh();
        }
        person.messages = person.messages.saturating_add(1);
        if person.messages <= self.limits.messages_per_minute {
            return Pace::Free;
        }
        Pace::Slow { told: std::mem::replace(&mut person.told, true) }
    }

    fn loops(&mut self, inbound: &Inbound, now_ms: i64) -> bool {
        let text = fingerprint(&inbound.body);
        let fresh = || Talk { last_ms: i64::MIN, text: !text, depth: 0, told: false };
        let talk = self.talks.entry(conversation::conversation(inbound).0, fresh);
        let since = now_ms.saturating_sub(talk.last_ms);
        if !(0..=CALM_MS).contains(&since) {
            *talk = fresh();
        } else if since <= REFLEX_MS || talk.text == text {
            talk.depth = talk.depth.saturating_add(1);
        } else if talk.depth < self.limits.reply_depth {
            talk.depth = 0;
        }
        (talk.last_ms, talk.text) = (now_ms, text);
        talk.depth >= self.limits.reply_depth
    }

    /// How many people and conversations are known: at most [`CAP`] each.
    pub fn known(&self) -> (usize, usize) {
        (self.people.len(), self.talks.len())
    }
}

/// What must always go through: stopping, tickets, and what concerns the person's own memory.
fn is_exempt(body: &Body) -> bool {
    match body {
        Body::Command { name, .. } => [commands::STOP, commands::TICKET, commands::FORGET].contains(&name.as_str()),
        Body::Action { action } => action.as_str().starts_with("ticket:") || action.as_str().starts_with("forget:"),
        _ => false,
    }
}

/// FNV-1a over letters and digits, case put away: cheap, and only ever compared within one conversation.
fn fingerprint(body: &Body) -> u64 {
    let text = match body {
        Body::Message { text } | Body::Edited { text } => text.as_str(),
        Body::Command { args, .. } => args.as_str(),
        Body::Action { action } => action.as_str(),
        _ => "",
    };
    let letters = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.fold(0xcbf2_9ce4_8422_2325, |hash, c| (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3))
}

/// The most recently met keys, in two generations: when the young one is full it becomes the old one, and what was old
/// is forgotten. Never more than [`CAP`] in all; whoever was met among the last half of that many is known.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    fn entry(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= CAP / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with_key(|key| old.remove(key).unwrap_or_else(fresh))
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key)
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::{AccountId, ActionId, EventKey, PersonId, PlaceId};
    use townkeeper_contract::inbound::{Carried, Person, Place, ReplyTo};

    use super::*;

    fn says(person: &str, kind: PlaceKind, text: &str) -> Inbound {
        Inbound {
            event: EventKey::from("e"),
            account: AccountId::from("chat:main"),
            place: Place { id: PlaceId::from("square"), kind, address: None, within: None },
            thread: None,
            person: Person { id: PersonId::from(person), name: "Robin".to_owned(), handle: None, bot: false },
            at_ms: 0,
            addressed: true,
            message: None,
            replies_to: None,
            replies_to_person: None,
            carried: Carried::default(),
            reply_to: ReplyTo(String::new()),
            body: Body::Message { text: text.to_owned() },
        }
    }

    #[test]
    fn more_than_ten_a_minute_never_reach_a_model_and_are_told_so_once() {
        let mut flood = Flood::default();
        let paces: Vec<Pace> = (0..15)
            .map(|at| flood.judge(&says("robin", PlaceKind::Private, &format!("question {at}")), at * 100))
            .collect();
        assert!(paces.iter().take(10).all(|pace| pace.is_free()));
        assert_eq!(paces.get(10), Some(&Pace::Slow { told: false }));
        assert!(paces.iter().skip(11).all(|pace| *pace == Pace::Slow { told: true }));
        // Somebody else is not slowed down by it, and a minute later nobody is.
        assert!(flood.judge(&says("sam", PlaceKind::Private, "hello"), 1_500).is_free());
        assert!(flood.judge(&says("robin", PlaceKind::Private, "hello"), WINDOW_MS).is_free());
    }

    #[test]
    fn tickets_and_controls_are_never_shed() {
        let mut flood = Flood::new(Limits { messages_per_minute: 0, reply_depth: 0 });
        for body in [
            Body::Command { name: "stop".to_owned(), args: String::new() },
            Body::Command { name: "ticket".to_owned(), args: "help".to_owned() },
            Body::Action { action: ActionId::from("ticket:T1") },
        ] {
            let event = Inbound { body, ..says("robin", PlaceKind::Group, "") };
            assert!((0..100).all(|at| flood.judge(&event, at).is_free()), "{event:?}");
        }
        assert!(!flood.judge(&says("robin", PlaceKind::Group, "hello"), 0).is_free(), "the twin: others are");
    }

    #[test]
    fn two_machines_in_a_group_come_to_an_end() {
        let limits = Limits { messages_per_minute: u32::MAX, ..Limits::default() };
        let answered = |gap: i64, text: fn(i64) -> String| {
            let mut flood = Flood::new(limits);
            let event = |at| says("machine", PlaceKind::Group, &text(at));
            (0..1000).filter(|at| flood.judge(&event(*at), at * gap).is_free()).count()
        };
        assert_eq!(answered(500, |at| format!("answer {at}")), 8, "each at once upon the other");
        assert_eq!(answered(20_000, |_| "The same,  again!".to_owned()), 8, "the same words, slowly");
        assert_eq!(answered(20_000, |at| format!("question {at}")), 1000, "a person who thinks");
        // After a silence it is a person again.
        let mut flood = Flood::new(limits);
        (0..20).for_each(|at| {
            flood.judge(&says("machine", PlaceKind::Group, "ping"), at);
        });
        assert_eq!(flood.judge(&says("machine", PlaceKind::Group, "ping"), 20), Pace::Loop { told: true });
        assert!(flood.judge(&says("machine", PlaceKind::Group, "ping"), 21 + CALM_MS).is_free());
    }

    #[test]
    fn a_hundred_thousand_messages_from_ten_thousand_people_stay_in_bounds() {
        let mut flood = Flood::default();
        let mut passed = 0;
        for at in 0..100_000_i64 {
            let event = says(&format!("person-{}", at % 10_000), PlaceKind::Group, &format!("words {at}"));
            passed += usize::from(flood.judge(&event, at * 60_000 / 100_000).is_free());
            let (people, talks) = flood.known();
            assert!(people <= CAP && talks <= CAP);
        }
        assert_eq!(passed, 100_000, "ten a minute each is allowed");
        // A hundred thousand people, too: those who came first are forgotten.
        (0..100_000).for_each(|at| {
            flood.judge(&says(&format!("stranger-{at}"), PlaceKind::Group, "hi"), 1);
        });
        let (people, talks) = flood.known();
        assert!(people <= CAP && talks <= CAP, "{people} {talks}");
    }

    #[test]
    fn a_bot_is_told_nothing() {
        let mut bot = says("bot", PlaceKind::Private, "hello");
        bot.person.bot = true;
        assert_eq!(Flood::default().judge(&bot, 0), Pace::Loop { told: true });
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let mut flood = Flood::default();
        (0..20).for_each(|_| {
            flood.judge(&says("robin", PlaceKind::Private, "hello"), 1_000_000);
        });
        assert!(flood.judge(&says("robin", PlaceKind::Private, "hello"), 10).is_free());
    }
}
