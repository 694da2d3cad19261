//! Overload on the web: who gets one of the places (`core::admission` says how many there are), and who is told to come again
//! within a second instead of waiting in a line that only grows; what it said is not kept, and it knows.
//!
//! Only our own work counts: a turn that waits for its conversation or for a model gives its place back. Whoever asks for a
//! ticket, stops an answer or freezes the town is never turned away, and neither are chat platforms: they keep their
//! queues themselves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_core::admission::{Places, Stay};
use townkeeper_core::commands;

use crate::EngineError;

/// The places of this daemon.
#[derive(Clone, Debug)]
pub(crate) struct Busy {
    places: Arc<Mutex<Places>>,
    began: Instant,
}

impl Default for Busy {
    fn default() -> Self {
        Self { places: Arc::default(), began: Instant::now() }
    }
}

/// A place. Given back when it is dropped; at the end of its turn with [`Self::done`], so that it is known how long it took.
#[derive(Debug)]
pub(crate) struct Place {
    busy: Busy,
    stay: Option<Stay>,
}

impl Place {
    /// The turn has ended.
    pub(crate) fn done(mut self) {
        if let Some(stay) = self.stay.take() {
            let now = self.busy.began.elapsed();
            self.busy.places().done(stay, now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.stay.take().is_some() {
            self.busy.places().leave();
        }
    }
}

impl Busy {
    /// A place for this event; none for those who need none. A refusal is kept back for as long as its pace demands.
    pub(crate) async fn admit(&self, inbound: &Inbound) -> Result<Option<Place>, EngineError> {
        if goes_first(inbound) {
            return Ok(None);
        }
        let now = self.began.elapsed();
        let taken = self.places().take(now);
        match taken {
            Ok(stay) => Ok(Some(Place { busy: self.clone(), stay: Some(stay) })),
            Err(kept_back) => {
                metrics::counter!("townkeeper_shed_total", "why" => "overload").increment(1);
                tokio::time::sleep(kept_back).await;
                Err(EngineError::Overloaded)
            }
        }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn goes_first(inbound: &Inbound) -> bool {
    let ticket = match &inbound.body {
        Body::Action { action } => action.as_str().starts_with("ticket:"),
        Body::Command { name, .. } => name == commands::TICKET,
        _ => false,
    };
    ticket || inbound.is_control()
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::{AccountId, ActionId, EventKey, PersonId, PlaceId};
    use townkeeper_contract::inbound::{Carried, Person, Place as Where, PlaceKind, ReplyTo};
    use townkeeper_core::admission::MOST;

    use super::*;

    fn says(body: Body) -> Inbound {
        Inbound {
            event: EventKey::from("1"),
            account: AccountId::from("web"),
            place: Where { id: PlaceId::from("p"), kind: PlaceKind::Private, address: None, within: None },
            thread: None,
            person: Person { id: PersonId::from("p"), name: String::new(), handle: None, bot: false },
            at_ms: 0,
            addressed: true,
            message: None,
            replies_to: None,
            replies_to_person: None,
            carried: Carried::default(),
            reply_to: ReplyTo(String::new()),
            body,
        }
    }

    fn command(name: &str) -> Inbound {
        says(Body::Command { name: name.to_owned(), args: String::new() })
    }

    #[tokio::test]
    async fn when_every_place_is_taken_tickets_and_controls_still_pass() {
        let (busy, question) = (Busy::default(), says(Body::Message { text: "when?".to_owned() }));
        let mut taken = Vec::new();
        for _ in 0..MOST {
            taken.push(busy.admit(&question).await.unwrap().unwrap());
        }
        let press = |action: &str| says(Body::Action { action: ActionId::from(action) });
        for refused in [question.clone(), press("entry:dates"), command("help")] {
            assert!(matches!(busy.admit(&refused).await, Err(EngineError::Overloaded)), "{refused:?}");
        }
        for first in [press("ticket:1"), command("ticket"), command("stop"), command("freeze")] {
            assert!(busy.admit(&first).await.unwrap().is_none(), "{first:?}");
        }
        // A place is free again however it was given back.
        taken.pop().unwrap().done();
        drop(taken.pop());
        let again = [busy.admit(&question).await.unwrap(), busy.admit(&question).await.unwrap()];
        assert!(again.iter().all(Option::is_some) && busy.admit(&question).await.is_err());
    }
}
