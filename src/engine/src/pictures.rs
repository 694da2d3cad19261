//! Pictures: what hangs on a message of somebody who is not trusted yet waits here, behind everything else, until it is
//! fetched, looked at and forgotten. What stays is what its codes say and what it looks like, in 64 bits, and that only
//! with a case; in memory a little longer, for members who report it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use townkeeper_contract::case::{CaseAction, ShieldMode};
use townkeeper_contract::id::{AccountId, MessageRef, PersonId};
use townkeeper_contract::inbound::{Inbound, Picture};
use townkeeper_contract::place::PlaceChannel;
use townkeeper_contract::platform::DeliverError;
use townkeeper_core::places::Here;
use townkeeper_shield::Tier;
use townkeeper_shield::media::{self, Limits, Refused};
use townkeeper_store::{NewCase, StoreError};

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
}

impl Look {
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
    person: PersonId,
    message: MessageRef,
    hashes: Vec<u64>,
}

/// What waits, and what was seen lately.
#[derive(Default)]
pub(crate) struct Pictures {
    waiting: Mutex<VecDeque<Look>>,
    kick: Notify,
    lately: Mutex<VecDeque<Past>>,
}

impl Pictures {
    /// Behind the commit. Never waits.
    pub(crate) fn push(&self, looks: Vec<Look>) {
        for look in looks {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let who = |look: &Look| (look.inbound.account.clone(), look.inbound.person.id.clone());
            let theirs = waiting.iter().filter(|other| who(other) == who(&look)).count();
            if waiting.len() >= QUEUE || theirs >= EACH {
                count("left_out", look.pictures.len());
                continue;
            }
            waiting.push_back(look);
            self.kick.notify_one();
        }
    }

    /// What the pictures of a message look like, as far as it is remembered.
    pub(crate) fn of(&self, account: &AccountId, message: &MessageRef) -> Vec<u64> {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let past = lately.iter().rev().find(|past| past.account == *account && past.message == *message);
        past.map(|past| past.hashes.clone()).unwrap_or_default()
    }

    fn remember(&self, inbound: &Inbound, hashes: Vec<u64>) {
        let Some(message) = inbound.message.clone() else { return };
        let (account, person) = (inbound.account.clone(), inbound.person.id.clone());
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.push_back(Past { account, person, message, hashes });
        if lately.len() > LATELY {
            lately.pop_front();
        }
    }

    /// Forgets a person who was erased.
    pub(crate) fn forget(&self, account: &str, person: &str) {
        let theirs = |at: &AccountId, who: &PersonId| at.as_str() == account && who.as_str() == person;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|look| !theirs(&look.inbound.account, &look.inbound.person.id));
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.retain(|past| !theirs(&past.account, &past.person));
    }

    async fn next(&self) -> Look {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            if let Some(look) = next {
                return look;
            }
            self.kick.notified().await;
        }
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
    Some(Look { inbound: event.clone(), pictures, mode: here.shield, channel: here.channel, tier, found })
}

/// Looks at what waits, one picture at a time, until the daemon drains. What is left then is not looked at any more.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        let looked = tokio::select! {
            () = house.draining.cancelled() => return,
            looked = async { look_at(&house, house.pictures.next().await).await } => looked,
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "what pictures showed could not be kept");
        }
    }
}

async fn look_at(house: &House, look: Look) -> Result<(), StoreError> {
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
    house.pictures.remember(&look.inbound, sight.all());
    let outcome = if case.is_some() { "found" } else { "clean" };
    keep(house, &look, case, sight).await?;
    count(outcome, seen.len());
    Ok(())
}

/// Opens the case that pictures led to, and keeps what they look like with it, or with the case of the words beside them.
async fn keep(house: &House, look: &Look, case: Option<NewCase>, sight: Sight) -> Result<(), StoreError> {
    let (workspace, account) = (&house.workspace, look.inbound.account.as_str());
    if let Some(case) = case {
        let event = case.event.clone();
        house.store.open_case(workspace, account, case, house.clock.now_ms()).await?;
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
