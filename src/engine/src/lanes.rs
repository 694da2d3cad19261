//! Order: the turns of a conversation are taken one after the other, conversations beside each other. Nobody's
//! question waits for somebody else's answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use townkeeper_contract::id::ConversationId;
use townkeeper_store::InboxRow;

use crate::live::{Feed, FeedWriter};

/// A turn to take.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) row: InboxRow,
    pub(crate) writer: FeedWriter,
    /// Its place among those that may wait; given back when the turn ends.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
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
    pub(crate) fn push(&self, conversation: &ConversationId, job: Job) -> bool {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = !lanes.contains_key(conversation);
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

    /// The turn that a conversation is at.
    pub(crate) fn running(&self, conversation: &ConversationId) -> Option<Arc<Feed>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(conversation).and_then(|lane| lane.running.clone())
    }
}
