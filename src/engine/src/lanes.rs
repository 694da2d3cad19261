//! Order: the turns of a conversation are taken one after the other, conversations beside each other. Nobody's
//! question waits for somebody else's answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use townkeeper_contract::id::ConversationId;
use townkeeper_store::InboxRow;

use crate::busy::Place;
use crate::live::{Feed, FeedWriter};

/// A turn to take.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) row: InboxRow,
    pub(crate) writer: FeedWriter,
    /// Its place among those that may wait; given back when the turn ends.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// Its place among those that are worked on, where these are counted (see `busy`).
    pub(crate) place: Option<Place>,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Job>,
    running: Option<Arc<Feed>>,
}

/// The conversations with something to do.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: Mutex<HashMap<ConversationId, Lane>>,
}

impl Lanes {
    /// Queues a job. `true`: its conversation was idle, so somebody must now run it.
    pub(crate) fn push(&self, conversation: &ConversationId, mut job: Job) -> bool {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = !lanes.contains_key(conversation);
        if !idle {
            // It waits for its conversation, not for us.
            job.place = None;
        }
        lanes.entry(conversation.clone()).or_default().waiting.push_back(job);
        idle
    }

    /// The next job of a conversation; `None` makes it idle.
    pub(crate) fn next(&self, conversation: &ConversationId) -> Option<Job> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get_mut(conversation)?;
        let job = lane.waiting.pop_front();
        lane.running = job.as_ref().map(|job| Arc::clone(job.writer.feed()));
        if job.is_none() {
            lanes.remove(conversation);
        }
        job
    }

    /// The turn that a conversation is at, or the next one if it has only just been queued.
    pub(crate) fn running(&self, conversation: &ConversationId) -> Option<Arc<Feed>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get(conversation)?;
        lane.running.clone().or_else(|| lane.waiting.front().map(|job| Arc::clone(job.writer.feed())))
    }
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::{AccountId, EventKey, PersonId, PlaceId, TurnId};
    use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};

    use super::*;
    use crate::live::Live;

    fn job(live: &Live, turn: &str) -> Job {
        let inbound = Inbound {
            event: EventKey::from(turn),
            account: AccountId::from("web"),
            place: Place { id: PlaceId::from("p"), kind: PlaceKind::Private, address: None, within: None },
            thread: None,
            person: Person { id: PersonId::from("p"), name: String::new(), handle: None, bot: false },
            at_ms: 0,
            addressed: true,
            message: None,
            replies_to: None,
            replies_to_person: None,
            carried: Carried::default(),
            reply_to: ReplyTo(String::new()),
            body: Body::Message { text: String::new() },
        };
        let row = InboxRow { inbound, conversation: "c".to_owned(), turn: turn.to_owned(), attempt: 1, received_ms: 0 };
        Job { row, writer: live.open(&TurnId::from(turn), 1, &ConversationId::from("c")), permit: None, place: None }
    }

    #[test]
    fn a_stop_reaches_a_turn_that_has_only_just_been_queued() {
        let (live, lanes, line) = (Live::default(), Lanes::default(), ConversationId::from("c"));
        assert!(lanes.running(&line).is_none());
        assert!(lanes.push(&line, job(&live, "first")), "an idle conversation needs a runner");
        assert!(!lanes.push(&line, job(&live, "second")), "a busy one has its runner");
        let at = |lanes: &Lanes| lanes.running(&line).map(|feed| feed.turn().0.clone());
        assert_eq!(at(&lanes).as_deref(), Some("first"), "queued is as good as begun");
        let first = lanes.next(&line);
        assert_eq!(at(&lanes).as_deref(), Some("first"));
        let second = lanes.next(&line);
        assert_eq!(at(&lanes).as_deref(), Some("second"));
        assert!(lanes.next(&line).is_none());
        assert!(lanes.push(&line, job(&live, "third")), "idle again");
        assert!(first.is_some() && second.is_some());
    }
}
