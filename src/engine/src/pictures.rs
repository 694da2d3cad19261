//! Pictures: what hangs on a message of somebody who is not trusted yet waits here, behind everything else, until it is
//! fetched, looked at and forgotten. What stays is what its codes say and what it looks like, in 64 bits, and that only
//! with a case; in memory a little longer, for members who report it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use townkeeper_contract::Stop;
use townkeeper_contract::case::{CaseAction, ShieldMode};
use townkeeper_contract::id::{AccountId, MessageRef};
use townkeeper_contract::inbound::{Inbound, Picture};
use townkeeper_contract::place::PlaceChannel;
use townkeeper_contract::platform::DeliverError;
use townkeeper_core::places::Here;
use townkeeper_shield::Tier;
use townkeeper_shield::media::{self, Limits, Refused};
use townkeeper_store::{NewCase, StoreError, person_mark};

use crate::House;
use crate::shield::Sight;

/// How many messages may wait. What comes then is left out, and counted.
const QUEUE: usize = 256;

/// How many of them may be one person's: who floods crowds nobody else out.
const EACH: usize = 8;

/// Of how many messages it is remembered what their pictures look like.
const LATELY: usize = 4_096;

/// How many pictures of one message are looked at.
const PER_MESSAGE: usize = 4;

/// What a picture may cost; the rest is the pure crate's own.
fn limits() -> Limits {
    Limits { bytes: 5 << 20, ..Limits::default() }
}

/// What is read; anything else is not even fetched.
const TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];

/// How often it is tried to fetch one.
const TRIES: u32 = 3;

/// How long to wait between two tries where the platform does not say, and at most.
const REST: Duration = Duration::from_secs(1);
const REST_AT_MOST: Duration = Duration::from_mins(1);

/// A message whose pictures are to be looked at.
pub(crate) struct Look {
    /// Without its pictures.
    pub(crate) inbound: Inbound,
    pictures: Vec<Picture>,
    mode: ShieldMode,
    pub(crate) channel: PlaceChannel,
    pub(crate) tier: Tier,
    /// What its words alone led to.
    pub(crate) found: Option<CaseAction>,
    /// When the message came: who is erased later is erased with it.
    at_ms: i64,
}

impl Look {
    /// Whose they are.
    fn mark(&self) -> i64 {
        person_mark(self.inbound.account.as_str(), self.inbound.person.id.as_str())
    }

    /// The key of the case that the pictures lead to: one a message, also where it is edited.
    fn event(&self) -> String {
        let message = self.inbound.message.as_ref().map_or(&self.inbound.event.0, |message| &message.0);
        format!("{message}/picture")
    }

    /// A case of it that says nothing yet.
    pub(crate) fn case(&self) -> NewCase {
        let inbound = &self.inbound;
        NewCase {
            event: self.event(),
            place: inbound.place.id.0.clone(),
            address: inbound.place.address.as_ref().unwrap_or(&inbound.reply_to).0.clone(),
            message: inbound.message.as_ref().map(|message| message.0.clone()),
            // Of pictures there is one case a message, under a key of its own.
            edit: false,
            person: inbound.person.id.0.clone(),
            name: inbound.person.name.clone(),
            text: String::new(),
            why: String::new(),
            verdict: serde_json::Value::Null,
            action: CaseAction::Flag,
            also: Vec::new(),
            mode: self.mode,
            // Its message was counted by its words.
            counted: None,
        }
    }
}

/// What a message's pictures look like.
struct Past {
    account: AccountId,
    /// Whose they are.
    mark: i64,
    message: MessageRef,
    hashes: Vec<u64>,
}

/// What waits, and whose pictures are looked at now; stopped, they were erased meanwhile.
#[derive(Default)]
struct Waiting {
    looks: VecDeque<Look>,
    under_way: Option<(i64, Stop)>,
}

/// What waits, and what was seen lately.
#[derive(Default)]
pub(crate) struct Pictures {
    waiting: Mutex<Waiting>,
    kick: Notify,
    lately: Mutex<VecDeque<Past>>,
}

impl Pictures {
    /// Behind the commit. Never waits.
    pub(crate) fn push(&self, looks: Vec<Look>) {
        for look in looks {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let who = |look: &Look| (look.inbound.account.clone(), look.inbound.person.id.clone());
            let theirs = waiting.looks.iter().filter(|other| who(other) == who(&look)).count();
            if waiting.looks.len() >= QUEUE || theirs >= EACH {
                count("left_out", look.pictures.len());
                continue;
            }
            waiting.looks.push_back(look);
            self.kick.notify_one();
        }
    }

    /// What the pictures of a message look like, as far as it is remembered.
    pub(crate) fn of(&self, account: &AccountId, message: &MessageRef) -> Vec<u64> {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let past = lately.iter().rev().find(|past| past.account == *account && past.message == *message);
        past.map(|past| past.hashes.clone()).unwrap_or_default()
    }

    /// `stopped`: whose they are was erased meanwhile.
    fn remember(&self, look: &Look, hashes: Vec<u64>, stopped: &Stop) {
        let Some(message) = look.inbound.message.clone() else { return };
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: what is remembered before an erasure is found by it.
        if stopped.is_cancelled() {
            return;
        }
        lately.push_back(Past { account: look.inbound.account.clone(), mark: look.mark(), message, hashes });
        if lately.len() > LATELY {
            lately.pop_front();
        }
    }

    /// Forgets a person who was erased, by [`person_mark`]; what of theirs is looked at now comes to nothing.
    pub(crate) fn forget(&self, mark: i64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.looks.retain(|look| look.mark() != mark);
        if let Some((_, stop)) = waiting.under_way.as_ref().filter(|(whose, _)| *whose == mark) {
            stop.cancel();
        }
        drop(waiting);
        self.lately.lock().unwrap_or_else(PoisonError::into_inner).retain(|past| past.mark != mark);
    }

    /// What is looked at next, and what ends that.
    async fn next(&self) -> (Look, Stop) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.kick.notified().await;
        }
    }

    fn take(&self) -> Option<(Look, Stop)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (look, stop) = (waiting.looks.pop_front()?, Stop::new());
        waiting.under_way = Some((look.mark(), stop.clone()));
        Some((look, stop))
    }
}

/// Takes the pictures off an event, so that they are not kept with it. `Some`: they are to be looked at.
pub(crate) fn take(
    house: &House,
    event: &mut Inbound,
    here: &Here,
    case: Option<&NewCase>,
    now_ms: i64,
) -> Option<Look> {
    let mut pictures = std::mem::take(&mut event.carried.pictures);
    if pictures.is_empty() || here.shield == ShieldMode::Off || !house.shield.looks_at_pictures() {
        return None;
    }
    let tier = house.shield.tier(&event.account, &event.person.id, now_ms);
    if tier >= Tier::Trusted {
        return None;
    }
    count("left_out", pictures.len().saturating_sub(PER_MESSAGE));
    pictures.truncate(PER_MESSAGE);
    let found = case.map(|case| case.action);
    Some(Look {
        inbound: event.clone(),
        pictures,
        mode: here.shield,
        channel: here.channel,
        tier,
        found,
        at_ms: now_ms,
    })
}

/// Looks at what waits, one picture at a time, until the daemon drains. What is left then is not looked at any more.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        let looked = tokio::select! {
            () = house.draining.cancelled() => return,
            looked = look_at_next(&house) => looked,
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "what pictures showed could not be kept");
        }
    }
}

async fn look_at_next(house: &House) -> Result<(), StoreError> {
    let (look, stop) = house.pictures.next().await;
    tokio::select! {
        // Erased here, or on another node: nothing more is fetched of theirs.
        () = stop.cancelled() => Ok(()),
        looked = look_at(house, look, &stop) => looked,
    }
}

async fn look_at(house: &House, look: Look, stop: &Stop) -> Result<(), StoreError> {
    let mut seen = Vec::with_capacity(look.pictures.len());
    for picture in &look.pictures {
        match see(house, &look, picture).await {
            Ok(picture) => seen.push(picture),
            Err(outcome) => count(outcome, 1),
        }
    }
    if seen.is_empty() {
        return Ok(());
    }
    // Asked each time: what is taken back, here or over another node, holds from then on.
    let judged = house.store.judged_pictures(&house.workspace).await?;
    let sight = Sight::of(&seen, &judged);
    let case = house.shield.judge_pictures(&look, &sight, &house.base());
    if is_erased(house, &look).await? {
        return Ok(());
    }
    house.pictures.remember(&look, sight.all(), stop);
    let outcome = if case.is_some() { "found" } else { "clean" };
    keep(house, &look, case, sight).await?;
    count(outcome, seen.len());
    Ok(())
}

/// Whether whose they are was erased since the message came. One that was erased before it was put into the line is known
/// by nothing else.
async fn is_erased(house: &House, look: &Look) -> Result<bool, StoreError> {
    let (erased, mark) = (house.store.erasures(&house.workspace).await?, look.mark());
    Ok(erased.iter().any(|(whose, at_ms)| *whose == mark && *at_ms >= look.at_ms))
}

/// Opens the case that pictures led to, and keeps what they look like with it, or with the case of the words beside them.
async fn keep(house: &House, look: &Look, case: Option<NewCase>, sight: Sight) -> Result<(), StoreError> {
    let (workspace, account) = (&house.workspace, look.inbound.account.as_str());
    if let Some(case) = case {
        let event = case.event.clone();
        house.store.open_case(workspace, account, case, look.at_ms).await?;
        house.store.keep_pictures(workspace, account, &event, sight.marked()).await?;
        house.cases_kick.notify_one();
    } else if look.found.is_some() {
        house.store.keep_pictures(workspace, account, look.inbound.event.as_str(), sight.all()).await?;
    }
    Ok(())
}

/// Looks at one picture; else why not, in a word.
async fn see(house: &House, look: &Look, picture: &Picture) -> Result<media::Picture, &'static str> {
    let limits = limits();
    if picture.bytes.is_some_and(|bytes| bytes > limits.bytes as u64) {
        return Err("bytes");
    }
    if !TYPES.contains(&picture.media_type.as_str()) {
        return Err("format");
    }
    let bytes = fetch(house, look, picture, limits.bytes).await.map_err(|error| {
        tracing::debug!(%error, account = %look.inbound.account, "a picture could not be fetched");
        "unfetched"
    })?;
    // A large one takes a tenth of a second and more.
    let looked = tokio::task::spawn_blocking(move || media::look(&bytes, &limits)).await;
    let looked = looked.unwrap_or_else(|_| Err(Refused::Broken("its decoder broke".to_owned())));
    looked.map_err(|refused| {
        tracing::info!(%refused, account = %look.inbound.account, "a picture was not looked at");
        match refused {
            Refused::Bytes { .. } => "bytes",
            Refused::Pixels { .. } => "pixels",
            Refused::Memory { .. } => "memory",
            Refused::Format => "format",
            Refused::Broken(_) => "broken",
        }
    })
}

/// Fetches a picture. Asked twice it is the same picture, so whatever may pass is tried again; a freeze is sat out.
async fn fetch(house: &House, look: &Look, picture: &Picture, most: usize) -> Result<Vec<u8>, DeliverError> {
    let mut tries = 0;
    loop {
        while house.door.freeze().is_frozen() {
            tokio::time::sleep(REST).await;
        }
        tries += 1;
        let fetched = house.door.picture(&look.inbound.account, &picture.at, most, &house.clock).await;
        let rest = match &fetched {
            Err(DeliverError::Throttled { retry_after_ms, .. }) => Duration::from_millis(*retry_after_ms),
            Err(DeliverError::PreSend(_) | DeliverError::InDoubt(_)) => REST,
            Ok(_) | Err(DeliverError::Refused(_) | DeliverError::Gone | DeliverError::Moved { .. }) => return fetched,
        };
        if tries >= TRIES {
            return fetched;
        }
        tokio::time::sleep(rest.min(REST_AT_MOST)).await;
    }
}

fn count(outcome: &'static str, pictures: usize) {
    metrics::counter!("townkeeper_pictures_total", "outcome" => outcome).increment(pictures as u64);
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::{EventKey, PersonId};
    use townkeeper_contract::inbound::{Body, Carried, Person, Place, PlaceKind, ReplyTo};

    use super::*;

    fn look(message: &str, person: &str) -> Look {
        let inbound = Inbound {
            event: EventKey::from(message),
            account: AccountId::from("telegram:main"),
            place: Place { id: "square".into(), kind: PlaceKind::Group, address: None, within: None },
            thread: None,
            person: Person { id: PersonId::from(person), name: String::new(), handle: None, bot: false },
            at_ms: 1,
            addressed: false,
            message: Some(message.into()),
            replies_to: None,
            replies_to_person: None,
            carried: Carried::default(),
            reply_to: ReplyTo(String::new()),
            body: Body::Message { text: String::new() },
        };
        let (mode, channel) = (ShieldMode::Guard, PlaceChannel::Open);
        Look { inbound, pictures: Vec::new(), mode, channel, tier: Tier::New, found: None, at_ms: 1 }
    }

    #[test]
    fn of_whoever_is_erased_nothing_waits_is_looked_at_or_remembered() {
        let pictures = Pictures::default();
        pictures.push(vec![look("1", "66"), look("2", "66"), look("3", "67")]);
        let (first, stop) = pictures.take().unwrap();
        pictures.remember(&look("0", "66"), vec![7], &stop);
        // Somebody else's erasure stops nothing.
        pictures.forget(person_mark("telegram:main", "68"));
        assert!(!stop.is_cancelled());
        let of = |message: &str| pictures.of(&"telegram:main".into(), &message.into());
        assert_eq!(of("0"), [7]);
        pictures.forget(person_mark("telegram:main", "66"));
        assert!(stop.is_cancelled(), "what is under way ends");
        pictures.remember(&first, vec![7], &stop);
        assert!(of("0").is_empty() && of("1").is_empty());
        let (next, stop) = pictures.take().unwrap();
        assert_eq!(next.inbound.person.id.as_str(), "67");
        pictures.remember(&next, vec![8], &stop);
        assert_eq!(of("3"), [8]);
    }
}
