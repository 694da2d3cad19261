//! Turns as they happen: a bounded ring of events per turn, one writer, any number of readers.
//!
//! Readers pull. One that falls behind the ring gets a `Snapshot` and goes on; nobody can make the ring grow or the
//! writer wait. A reader that goes away changes nothing: only `cancel` cancels.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use townkeeper_contract::Stop;
use townkeeper_contract::id::{ConversationId, TurnId};
use townkeeper_contract::stream::{
    Channel, Envelope, ErrorClass, Event, Outcome, PartText, Reply, ResumePoint, StreamError, VERSION,
};
use townkeeper_core::gate::events::shown;
use townkeeper_store::guard;

/// How many events a turn keeps for late readers.
const RING: usize = 4096;

/// The live turns of a daemon.
#[derive(Debug, Default)]
pub(crate) struct Live {
    turns: Mutex<HashMap<TurnId, Arc<Feed>>>,
}

impl Live {
    /// Opens a turn's feed and puts `TurnStarted` into it.
    pub(crate) fn open(&self, turn: &TurnId, attempt: u32, conversation: &ConversationId) -> FeedWriter {
        let feed = Arc::new(Feed {
            turn: turn.clone(),
            attempt,
            began: Instant::now(),
            state: Mutex::default(),
            next: watch::Sender::new(0),
            cancel: Stop::new(),
        });
        lock(&self.turns).insert(turn.clone(), Arc::clone(&feed));
        let mut writer = FeedWriter { feed, done: false };
        writer.emit(Event::TurnStarted { conversation: conversation.clone() });
        writer
    }

    pub(crate) fn get(&self, turn: &TurnId) -> Option<Arc<Feed>> {
        lock(&self.turns).get(turn).cloned()
    }

    /// Forgets a turn; readers that hold its feed read on to the end.
    pub(crate) fn close(&self, turn: &TurnId) {
        lock(&self.turns).remove(turn);
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.turns).len()
    }
}

/// One attempt at a turn.
#[derive(Debug)]
pub struct Feed {
    turn: TurnId,
    attempt: u32,
    began: Instant,
    state: Mutex<State>,
    /// The next `seq`; readers wait on it.
    next: watch::Sender<u64>,
    cancel: Stop,
}

#[derive(Debug, Default)]
struct State {
    ring: VecDeque<Arc<Envelope>>,
    next: u64,
    next_part: u32,
    parts: BTreeMap<u32, PartText>,
    open: BTreeSet<u32>,
    ended: bool,
    /// The process is ending and the turn is not: readers come back later.
    suspended: bool,
}

impl Feed {
    /// Asks the turn to stop. It ends as cancelled, unless it is over before it notices.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub(crate) fn turn(&self) -> &TurnId {
        &self.turn
    }

    pub(crate) fn cancelled(&self) -> &Stop {
        &self.cancel
    }

    /// Reads from `after` on, or from the beginning.
    pub fn subscribe(self: &Arc<Self>, after: Option<&ResumePoint>) -> Subscription {
        let next = match after {
            None => Some(0),
            Some(point) if point.attempt == self.attempt && point.seq < *self.next.borrow() => Some(point.seq + 1),
            // What the reader has is another attempt's, or nothing we said: it must be replaced.
            Some(_) => None,
        };
        Subscription { feed: Arc::clone(self), next, wake: self.next.subscribe(), over: false }
    }

    /// The answer so far: what a person may read of it.
    pub(crate) fn text(&self) -> String {
        let state = lock(&self.state);
        state.parts.values().filter(|part| part.channel == Channel::Text).map(|part| part.text.as_str()).collect()
    }

    /// Tells of every new event.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    fn envelope(&self, seq: u64, event: Event) -> Arc<Envelope> {
        let t_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Arc::new(Envelope { v: VERSION, turn: self.turn.clone(), attempt: self.attempt, seq, t_ms, event })
    }

    /// Everything up to now, or up to the terminal.
    fn snapshot(&self, state: &State) -> Arc<Envelope> {
        let before = if state.ended { 2 } else { 1 };
        let seq = state.next.saturating_sub(before);
        let parts = state.parts.values().cloned().collect();
        self.envelope(seq, Event::Snapshot { parts, open_parts: state.open.iter().copied().collect() })
    }
}

/// The one writer of a feed. If it is dropped before `end`, the turn ends as failed: readers never wait for ever.
#[derive(Debug)]
pub struct FeedWriter {
    feed: Arc<Feed>,
    done: bool,
}

impl FeedWriter {
    pub(crate) fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Appends one event, as readers may see it, and wakes them. Returns its `seq`.
    pub(crate) fn emit(&mut self, event: Event) -> u64 {
        let event = if guard!("tools.shown") { shown(event) } else { event };
        let feed = &self.feed;
        let next = {
            let mut state = lock(&feed.state);
            keep(&mut state, &event);
            let seq = state.next;
            state.next += 1;
            if state.ring.len() == RING {
                state.ring.pop_front();
            }
            state.ring.push_back(feed.envelope(seq, event));
            state.next
        };
        feed.next.send_replace(next);
        next - 1
    }

    /// What `seq` the next event will have.
    pub(crate) fn next_seq(&self) -> u64 {
        lock(&self.feed.state).next
    }

    /// Whether readers have words already.
    pub(crate) fn has_spoken(&self) -> bool {
        lock(&self.feed.state).parts.values().any(|part| !part.text.is_empty())
    }

    /// A part number that was not used before.
    pub(crate) fn next_part(&mut self) -> u32 {
        let mut state = lock(&self.feed.state);
        let part = state.next_part;
        state.next_part += 1;
        part
    }

    /// Closes every part that is still open: what a turn that broke off leaves behind is marked incomplete.
    pub(crate) fn close_parts(&mut self) {
        let open: Vec<u32> = lock(&self.feed.state).open.iter().copied().collect();
        for part in open {
            self.emit(Event::PartEnded { part, complete: false });
        }
    }

    /// The terminal. Consumes the writer: a second one cannot be written.
    pub(crate) fn end(mut self, outcome: Outcome, reply: Option<Reply>) {
        self.done = true;
        self.emit(Event::TurnEnded { outcome, reply: reply.map(Box::new) });
    }

    /// Leaves the turn to the next process: no terminal, because it has not ended.
    pub(crate) fn suspend(mut self) {
        self.done = true;
        lock(&self.feed.state).suspended = true;
        self.feed.next.send_modify(|_| {});
    }
}

impl Drop for FeedWriter {
    fn drop(&mut self) {
        if !self.done {
            let error = StreamError::new(ErrorClass::Internal, true, "the turn broke off");
            self.emit(Event::TurnEnded { outcome: Outcome::Failed { error }, reply: None });
        }
    }
}

fn keep(state: &mut State, event: &Event) {
    match event {
        Event::StreamChunk { part, channel, delta } => {
            state.open.insert(*part);
            let empty = || PartText { part: *part, channel: *channel, text: String::new() };
            state.parts.entry(*part).or_insert_with(empty).text.push_str(delta);
        }
        Event::ToolCallDelta { part, .. } | Event::ToolCallReady { part, .. } => {
            state.open.insert(*part);
        }
        Event::PartEnded { part, .. } => {
            let empty = || PartText { part: *part, channel: Channel::Text, text: String::new() };
            state.parts.entry(*part).or_insert_with(empty);
            state.open.remove(part);
        }
        Event::TurnEnded { .. } => state.ended = true,
        _ => {}
    }
}

/// One reader.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    /// `None`: a snapshot first.
    next: Option<u64>,
    wake: watch::Receiver<u64>,
    over: bool,
}

impl Subscription {
    /// The events since the last call, at least one; `None` after the terminal. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<Arc<Envelope>>> {
        loop {
            if self.over {
                return None;
            }
            self.wake.borrow_and_update();
            let ready = self.take();
            if !ready.is_empty() {
                return Some(ready);
            }
            // The feed holds the sender, so this fails only when there is nothing left to wait for.
            self.over = self.over || self.wake.changed().await.is_err();
        }
    }

    fn take(&mut self) -> Vec<Arc<Envelope>> {
        let state = lock(&self.feed.state);
        let mut ready = Vec::new();
        let first = state.ring.front().map_or(state.next, |e| e.seq);
        let from = match self.next {
            Some(next) if next >= first => next,
            _ => {
                let snapshot = self.feed.snapshot(&state);
                let from = snapshot.seq + 1;
                ready.push(snapshot);
                from
            }
        };
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        ready.extend(state.ring.iter().skip(skip).cloned());
        self.next = Some(state.next.max(from));
        self.over = state.ended || state.suspended;
        ready
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while holding it; were it so, the data would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
