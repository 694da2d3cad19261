//! Accepting: what concerns us is on disk before its platform hears that we have it.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use townkeeper_contract::id::{AccountId, ConversationId, TurnId};
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::Cursor;
use townkeeper_core::{conversation, scan};
use townkeeper_store::{Accept, Accepted, InboxRow, NewEvent, StoreError, fault};

use crate::lanes::Job;
use crate::live::Feed;
use crate::{EngineError, House, ids, turn};

/// How far apart commits are that move nothing but a cursor.
pub(crate) const CURSOR_REST_MS: i64 = 1_000;

/// What became of an accepted event.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub turn: TurnId,
    /// The turn's events. `None` where the event had been delivered before: then the turn may have ended.
    pub feed: Option<Arc<Feed>>,
}

/// Commits a batch and its cursor, and sets its turns going. Waits while too much is waiting already.
pub(crate) async fn accept(
    house: &Arc<House>,
    account: &AccountId,
    batch: Vec<Inbound>,
    cursor: Option<Cursor>,
) -> Result<Vec<Admitted>, EngineError> {
    if house.draining.is_cancelled() {
        return Err(EngineError::Stopping);
    }
    let now_ms = house.clock.now_ms();
    let said = batch.len();
    let kept: Vec<Inbound> = batch.into_iter().filter(|event| scan::scan(event) == scan::Verdict::Accept).collect();
    metrics::counter!("townkeeper_events_total", "account" => account.0.clone(), "kept" => "no")
        .increment((said - kept.len()) as u64);
    metrics::counter!("townkeeper_events_total", "account" => account.0.clone(), "kept" => "yes")
        .increment(kept.len() as u64);
    if kept.is_empty() && !house.cursor_due(account, now_ms) {
        return Ok(Vec::new());
    }
    let mut permits = Vec::with_capacity(kept.len());
    for _ in &kept {
        permits.push(Arc::clone(&house.room).acquire_owned().await.map_err(|_| EngineError::Stopping)?);
    }
    let events: Vec<NewEvent> = kept.into_iter().map(|inbound| new_event(inbound, now_ms)).collect();
    let commit = Accept {
        workspace: house.workspace.clone(),
        account: account.0.clone(),
        events: events.clone(),
        cursor,
        now_ms,
    };
    let accepted = house.store.accept(commit).await?;
    fault!("inbox.after_commit_before_ack");
    let admitted = events.into_iter().zip(accepted).zip(permits);
    Ok(admitted.map(|((event, accepted), permit)| admit(house, event, accepted, permit, now_ms)).collect())
}

fn new_event(inbound: Inbound, now_ms: i64) -> NewEvent {
    NewEvent { conversation: conversation::conversation(&inbound).0, turn: ids::ulid(now_ms), inbound }
}

fn admit(
    house: &Arc<House>,
    event: NewEvent,
    accepted: Accepted,
    permit: OwnedSemaphorePermit,
    received_ms: i64,
) -> Admitted {
    match accepted {
        Accepted::Repeat { turn } => Admitted { turn: TurnId::new(turn), feed: None },
        Accepted::New => {
            let turn = TurnId::from(event.turn.as_str());
            let row = InboxRow {
                inbound: event.inbound,
                conversation: event.conversation,
                turn: event.turn,
                attempt: 1,
                received_ms,
            };
            let feed = begin(house, row, Some(permit));
            Admitted { turn, feed: Some(feed) }
        }
    }
}

/// Sets a turn going: a control at once, everything else in its conversation's order.
pub(crate) fn begin(house: &Arc<House>, row: InboxRow, permit: Option<OwnedSemaphorePermit>) -> Arc<Feed> {
    let conversation = ConversationId::from(row.conversation.as_str());
    let writer = house.live.open(&TurnId::from(row.turn.as_str()), row.attempt, &public(&row));
    let feed = Arc::clone(writer.feed());
    let control = row.inbound.is_control();
    let job = Job { row, writer, permit };
    if control {
        let stopped = house.lanes.running(&conversation);
        let house = Arc::clone(house);
        house.tasks.clone().spawn(async move { turn::control(&house, job, stopped).await });
    } else if house.lanes.push(&conversation, job) {
        let house = Arc::clone(house);
        house.tasks.clone().spawn(async move {
            while let Some(job) = house.lanes.next(&conversation) {
                turn::run(&house, job).await;
            }
        });
    }
    feed
}

/// The conversation as its person may know it: on the web the place is its name, and whoever holds it may go on.
fn public(row: &InboxRow) -> ConversationId {
    ConversationId::new(row.inbound.place.id.0.clone())
}

/// Takes up what an earlier process left unfinished.
pub(crate) async fn recover(house: &Arc<House>) -> Result<usize, StoreError> {
    let keyed = house.door.keyed();
    let recovered = house.store.recover(&house.workspace, keyed, house.clock.now_ms()).await?;
    if recovered.in_doubt > 0 {
        tracing::warn!(deliveries = recovered.in_doubt, "deliveries were under way when the daemon ended last time");
    }
    let found = recovered.events.len();
    for row in recovered.events {
        begin(house, row, None);
    }
    Ok(found)
}
