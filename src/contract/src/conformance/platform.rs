//! The rules of receiving and of a platform's facts, for every adapter's tests: pure, fed by the test's own host.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::inbound::Inbound;
use crate::platform::{Cursor, PlatformFacts};

/// A rule of [`Platform`](crate::platform::Platform) that was broken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlatformFault {
    #[error("`{0}` is no lower-case name")]
    Name(String),
    #[error("a longest message of {0} holds nothing")]
    MaxLen(usize),
    #[error("no request a second means no answer ever")]
    Rate,
    #[error("an event without a key")]
    NoKey,
    #[error("two events of one batch share the key `{0}`")]
    SharedKey(String),
    #[error("the batch that was refused was not offered again unchanged")]
    Overtaken,
    #[error("`{0}` was acknowledged to the platform, but never accepted")]
    Unaccepted(String),
}

/// Whether a platform's facts can be worked with.
pub fn facts(facts: &PlatformFacts) -> Result<(), PlatformFault> {
    let named = !facts.name.is_empty() && facts.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !named {
        return Err(PlatformFault::Name(facts.name.clone()));
    }
    if facts.max_len < 64 {
        return Err(PlatformFault::MaxLen(facts.max_len));
    }
    if facts.rate.per_second == 0 { Err(PlatformFault::Rate) } else { Ok(()) }
}

/// Watches one account's offers: nothing overtakes a refused batch, nothing unaccepted is acknowledged.
#[derive(Debug, Default)]
pub struct ReceiveRules {
    waiting: Option<(Vec<Inbound>, Option<Cursor>)>,
    cursors: BTreeSet<String>,
}

impl ReceiveRules {
    /// For an account that was read up to `cursor` before.
    pub fn from_cursor(cursor: &str) -> Self {
        Self { waiting: None, cursors: BTreeSet::from([cursor.to_owned()]) }
    }

    /// A batch was offered and committed.
    pub fn accepted(&mut self, batch: &[Inbound], cursor: Option<&Cursor>) -> Result<(), PlatformFault> {
        self.offered(batch, cursor)?;
        self.waiting = None;
        self.cursors.extend(cursor.map(|cursor| cursor.value.clone()));
        Ok(())
    }

    /// A batch was offered and not taken.
    pub fn refused(&mut self, batch: &[Inbound], cursor: Option<&Cursor>) -> Result<(), PlatformFault> {
        self.offered(batch, cursor)?;
        self.waiting = Some((batch.to_vec(), cursor.cloned()));
        Ok(())
    }

    /// The platform was told that everything before `cursor` may be forgotten.
    pub fn acknowledged(&self, cursor: &str) -> Result<(), PlatformFault> {
        let known = self.cursors.contains(cursor);
        if known { Ok(()) } else { Err(PlatformFault::Unaccepted(cursor.to_owned())) }
    }

    fn offered(&self, batch: &[Inbound], cursor: Option<&Cursor>) -> Result<(), PlatformFault> {
        let mut keys = BTreeSet::new();
        for event in batch {
            if event.event.as_str().is_empty() {
                return Err(PlatformFault::NoKey);
            }
            if !keys.insert(event.event.as_str()) {
                return Err(PlatformFault::SharedKey(event.event.0.clone()));
            }
        }
        let same = self.waiting.as_ref().is_none_or(|(waiting, at)| waiting == batch && at.as_ref() == cursor);
        if same { Ok(()) } else { Err(PlatformFault::Overtaken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, EventKey, PersonId, PlaceId};
    use crate::inbound::{Body, Person, Place, PlaceKind, ReplyTo};

    fn event(key: &str) -> Inbound {
        Inbound {
            event: EventKey::from(key),
            account: AccountId::from("a"),
            place: Place { id: PlaceId::from("p"), kind: PlaceKind::Private, address: None, within: None },
            thread: None,
            person: Person { id: PersonId::from("1"), name: String::new(), handle: None, bot: false },
            at_ms: 0,
            addressed: true,
            message: None,
            replies_to: None,
            replies_to_person: None,
            carried: crate::inbound::Carried::default(),
            reply_to: ReplyTo(String::new()),
            body: Body::Message { text: String::new() },
        }
    }

    fn at(value: &str) -> Cursor {
        Cursor { scope: "s".to_owned(), value: value.to_owned() }
    }

    #[test]
    fn an_honest_adapter_passes() {
        let mut rules = ReceiveRules::from_cursor("1");
        assert_eq!(rules.refused(&[event("a")], Some(&at("2"))), Ok(()));
        assert_eq!(rules.accepted(&[event("a")], Some(&at("2"))), Ok(()));
        assert_eq!(rules.acknowledged("1").and(rules.acknowledged("2")), Ok(()));
    }

    #[test]
    fn every_lie_is_found() {
        let mut rules = ReceiveRules::default();
        assert_eq!(rules.accepted(&[event("")], None), Err(PlatformFault::NoKey));
        assert_eq!(rules.accepted(&[event("a"), event("a")], None), Err(PlatformFault::SharedKey("a".to_owned())));
        assert_eq!(rules.refused(&[event("a")], Some(&at("2"))), Ok(()));
        assert_eq!(rules.acknowledged("2"), Err(PlatformFault::Unaccepted("2".to_owned())), "refused is not accepted");
        assert_eq!(rules.accepted(&[event("b")], Some(&at("3"))), Err(PlatformFault::Overtaken));
    }
}
