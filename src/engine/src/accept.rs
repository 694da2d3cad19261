//! Accepting: what concerns us is on disk before its platform hears that we have it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use futures_util::FutureExt as _;

use townkeeper_contract::id::{AccountId, ConversationId, TurnId};
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_contract::platform::Cursor;
use townkeeper_core::cases::{Step, by_itself};
use townkeeper_core::places::Here;
use townkeeper_core::scan::Ground;
use townkeeper_core::{commands, conversation, scan};
use townkeeper_knowledge::Base;
use townkeeper_store::{Accept, Accepted, InboxRow, NewCase, NewEvent, StoreError, fault};

use crate::busy::Place;
use crate::lanes::Job;
use crate::live::{Feed, FeedWriter};
use crate::measure::First;
use crate::pictures::{self, Look};
use crate::{EngineError, House, ids, measure, turn};

/// How far apart commits are that move nothing but a cursor.
pub(crate) const CURSOR_REST_MS: i64 = 1_000;

/// The longest name of a person that is kept, in characters.
const NAME: usize = 256;

/// What became of an accepted event.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub turn: TurnId,
    /// The turn's events. `None` where the event had been delivered before: then the turn may have ended.
    pub feed: Option<Arc<Feed>>,
}

/// Commits a batch and its cursor, and sets its turns going. Waits while too much is waiting already.
///
/// The work is a task of its own: a caller that goes away half-way (a browser closes its request) must not leave an
/// event that is committed and that nobody answers.
pub(crate) async fn accept(
    house: &Arc<House>,
    account: &AccountId,
    batch: Vec<Inbound>,
    cursor: Option<Cursor>,
    place: Option<Place>,
) -> Result<Vec<Admitted>, EngineError> {
    let (house, account) = (Arc::clone(house), account.clone());
    let tasks = house.tasks.clone();
    let task = tasks.spawn(async move { commit(&house, &account, batch, cursor, place).await });
    task.await.map_err(|_| EngineError::Stopping)?
}

async fn commit(
    house: &Arc<House>,
    account: &AccountId,
    batch: Vec<Inbound>,
    cursor: Option<Cursor>,
    mut place: Option<Place>,
) -> Result<Vec<Admitted>, EngineError> {
    if house.draining.is_cancelled() {
        return Err(EngineError::Stopping);
    }
    let now_ms = house.clock.now_ms();
    let Ours { kept, cases, looks } = ours(house, account, batch, now_ms);
    if kept.is_empty() && cases.is_empty() && !house.cursor_due(account, now_ms) {
        house.pictures.push(looks);
        return Ok(Vec::new());
    }
    let mut permits = Vec::with_capacity(kept.len());
    for _ in &kept {
        permits.push(Arc::clone(&house.room).acquire_owned().await.map_err(|_| EngineError::Stopping)?);
    }
    let events: Vec<NewEvent> = kept.into_iter().map(|inbound| new_event(inbound, now_ms)).collect();
    // Before the commit: who meets a committed turn must find it, under way or ended.
    let writers: Vec<FeedWriter> = events.iter().map(|event| open(house, &event.turn, 1, &event.inbound)).collect();
    let prints = house.shield.unwritten();
    let accept = Accept {
        workspace: house.workspace.clone(),
        account: account.0.clone(),
        events: events.clone(),
        cases,
        prints: prints.clone(),
        cursor,
        node: house.node.id.clone(),
        lease: house.node.lease_of(account),
        now_ms,
    };
    let found = !accept.cases.is_empty();
    let accepted = match house.store.accept(accept).await {
        Ok(accepted) => accepted,
        Err(error) => {
            house.shield.put_back(prints);
            for writer in writers {
                forget(house, writer);
            }
            return Err(error.into());
        }
    };
    committed(house, found, &events, looks);
    fault!("inbox.after_commit_before_ack");
    let jobs = events.into_iter().zip(writers).zip(permits).map(|((event, writer), permit)| {
        let row = InboxRow {
            inbound: event.inbound,
            conversation: event.conversation,
            turn: event.turn,
            attempt: 1,
            received_ms: now_ms,
        };
        Job { row, writer, permit: Some(permit), place: place.take() }
    });
    Ok(jobs.zip(accepted).map(|(job, accepted)| admit(house, job, accepted)).collect())
}

/// What follows from a commit beside its turns.
fn committed(house: &Arc<House>, found: bool, events: &[NewEvent], looks: Vec<Look>) {
    house.pictures.push(looks);
    if found {
        house.cases_kick.notify_one();
    }
    if !events.is_empty() {
        measure::reach(house, First::Question);
    }
}

/// The day (UTC), for what entries say of their own validity.
pub(crate) fn day(now_ms: i64) -> NaiveDate {
    DateTime::from_timestamp_millis(now_ms).unwrap_or_default().date_naive()
}

/// Whether an event that comes now would be accepted.
pub(crate) fn concerns_us(house: &House, event: &Inbound) -> bool {
    let here = house.places.here(event, house.door.rules(&event.account));
    is_ours(event, &here, &house.base(), house.clock.now_ms())
}

fn is_ours(event: &Inbound, here: &Here, base: &Base, now_ms: i64) -> bool {
    let ground = Ground { here, base, today: day(now_ms) };
    scan::scan(event, &ground) == scan::Verdict::Accept
}

/// What of a batch is more than counted.
#[derive(Default)]
struct Ours {
    /// What concerns us.
    kept: Vec<Inbound>,
    /// What looks like a scam.
    cases: Vec<NewCase>,
    /// Pictures that are to be looked at later.
    looks: Vec<Look>,
}

fn ours(house: &House, account: &AccountId, batch: Vec<Inbound>, now_ms: i64) -> Ours {
    let (said, base) = (batch.len(), house.base());
    let Ours { mut kept, mut cases, mut looks } = Ours::default();
    for mut event in batch {
        let about = event.carried.written_in.take().map(|stands| std::mem::replace(&mut event.place, stands));
        let mut here = house.places.here(&event, house.door.rules(&event.account));
        let case = house.shield.judge(&event, &here, &base, now_ms);
        looks.extend(pictures::take(house, &mut event, &here, case.as_ref(), now_ms));
        if let Some(place) = about {
            // Its words were judged where they stand; it is answered as of the place that it names.
            event.place = place;
            here = house.places.here(&event, house.door.rules(&event.account));
        }
        let heard = stands(case.as_ref()) || is_order(&event);
        cases.extend(case);
        if heard && is_ours(&event, &here, &base, now_ms) {
            kept.push(event);
        }
    }
    for event in &mut kept {
        shorten(&mut event.person.name);
    }
    let count = |kept: &'static str, n: usize| {
        metrics::counter!("townkeeper_events_total", "account" => account.0.clone(), "kept" => kept)
            .increment(n as u64);
    };
    count("no", said - kept.len());
    count("yes", kept.len());
    Ours { kept, cases, looks }
}

/// Nobody answers what is taken down. Whose author only is silenced still stands.
fn stands(case: Option<&NewCase>) -> bool {
    case.is_none_or(|case| !by_itself(case.action, &case.also, case.mode).contains(&Step::Remove))
}

/// Whether it asks for what only moderators may: whether they may, is asked when it is done. An order is not lost because it
/// names what it is against.
fn is_order(event: &Inbound) -> bool {
    matches!(&event.body, Body::Command { name, .. } if commands::is_for_moderators(name))
}

/// A name is for people's eyes, and is kept with every event: nobody needs megabytes of it.
fn shorten(name: &mut String) {
    if let Some((end, _)) = name.char_indices().nth(NAME) {
        name.truncate(end);
    }
}

fn new_event(inbound: Inbound, now_ms: i64) -> NewEvent {
    NewEvent { conversation: conversation::conversation(&inbound).0, turn: ids::ulid(now_ms), inbound }
}

fn admit(house: &Arc<House>, job: Job, accepted: Accepted) -> Admitted {
    match accepted {
        Accepted::Repeat { turn } => {
            forget(house, job.writer);
            Admitted { turn: TurnId::new(turn), feed: None }
        }
        Accepted::New => {
            let turn = TurnId::from(job.row.turn.as_str());
            Admitted { turn, feed: Some(begin(house, job)) }
        }
    }
}

/// Opens a turn's feed. On the web the place is the conversation's name, and whoever holds it may go on.
fn open(house: &House, turn: &str, attempt: u32, inbound: &Inbound) -> FeedWriter {
    let public = ConversationId::new(inbound.place.id.0.clone());
    house.live.open(&TurnId::from(turn), attempt, &public)
}

/// Closes a feed that came to nothing; nobody has heard of its turn.
fn forget(house: &House, writer: FeedWriter) {
    house.live.close(writer.feed().turn());
    writer.suspend();
}

/// Sets a turn going: a control at once, everything else in its conversation's order.
fn begin(house: &Arc<House>, job: Job) -> Arc<Feed> {
    let conversation = ConversationId::from(job.row.conversation.as_str());
    let feed = Arc::clone(job.writer.feed());
    if job.row.inbound.is_control() {
        let stopped = house.lanes.running(&conversation);
        let house = Arc::clone(house);
        house.tasks.clone().spawn(async move { turn::control(&house, job, stopped).await });
    } else if house.lanes.push(&conversation, job) {
        let house = Arc::clone(house);
        house.tasks.clone().spawn(async move {
            while let Some(job) = house.lanes.next(&conversation) {
                // Whatever goes wrong in one turn, the conversation goes on.
                if AssertUnwindSafe(turn::run(&house, job)).catch_unwind().await.is_err() {
                    tracing::error!("a turn panicked while it was settled; it is taken up at the next start");
                }
            }
        });
    }
    feed
}

/// Takes up what dead nodes (on SQLite: the earlier process) left unfinished.
pub(crate) async fn take_over(house: &Arc<House>) -> Result<usize, StoreError> {
    let keyed = house.door.keyed();
    let left = house.store.take_over(&house.workspace, &house.node.id, keyed, house.clock.now_ms()).await?;
    if left.in_doubt > 0 {
        tracing::warn!(deliveries = left.in_doubt, "deliveries were under way when the daemon ended last time");
    }
    let found = left.events.len();
    for row in left.events {
        let writer = open(house, &row.turn, row.attempt, &row.inbound);
        begin(house, Job { row, writer, permit: None, place: None });
    }
    Ok(found)
}
