//! Answering an interaction: what was deferred is replaced, what comes after follows it, and what comes too late is a
//! message like any other, unless it is for one person alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use townkeeper_contract::id::OutboxId;
use townkeeper_contract::outbound::{LimitHint, Outbound, Receipt};
use townkeeper_contract::platform::DeliverError;

use crate::Discord;
use crate::api::{ApiError, Ask};
use crate::deliver::{EPHEMERAL, Sent, Target, UNKNOWN_MESSAGE, Via, class, create, unsent};
use crate::wire::Id;

/// How long after it was made an interaction is answered by its token, which is good for two minutes more.
const BY_TOKEN_MS: i64 = 13 * 60 * 1000;
/// How long what is known of an interaction is kept.
const KEPT: Duration = Duration::from_mins(15);
/// Longer than any deferral takes.
const DEFERRING: Duration = Duration::from_mins(1);
/// A message that so far only says that an answer is coming.
const LOADING: u64 = 1 << 7;

/// What became of the first answer, which must come within three seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Due,
    Deferred,
    /// Discord does not know the interaction any more.
    Missed,
}

/// The interactions of this life that were not answered long ago.
#[derive(Debug, Default)]
pub(crate) struct Interactions(Mutex<HashMap<Id, Known>>);

#[derive(Debug)]
struct Known {
    first: watch::Sender<First>,
    /// The row of the outbox that replaces what was deferred.
    original: Option<OutboxId>,
    since: Instant,
}

impl Interactions {
    fn all(&self) -> MutexGuard<'_, HashMap<Id, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the commit: whoever delivers the answer must find it.
    pub(crate) fn open(&self, id: Id) {
        let mut all = self.all();
        all.retain(|_, known| known.since.elapsed() < KEPT);
        all.entry(id).or_insert_with(|| Known {
            first: watch::Sender::new(First::Due),
            original: None,
            since: Instant::now(),
        });
    }

    pub(crate) fn settle(&self, id: Id, first: First) {
        if let Some(known) = self.all().get(&id) {
            known.first.send_replace(first);
        }
    }

    /// Waits until the first answer is given or missed; `None`: it was another life's.
    async fn first(&self, id: Id) -> Option<First> {
        let mut first = self.all().get(&id)?.first.subscribe();
        let settled = timeout(DEFERRING, first.wait_for(|first| *first != First::Due)).await;
        Some(settled.ok().and_then(Result::ok).map_or(First::Missed, |first| *first))
    }

    /// Whether this row is the one that replaces what was deferred: the first that asks.
    fn takes_original(&self, id: Id, row: &OutboxId) -> bool {
        let mut all = self.all();
        let Some(known) = all.get_mut(&id) else { return false };
        known.original.get_or_insert_with(|| row.clone()) == row
    }
}

/// How an answer goes.
enum Way {
    /// In place of what was deferred.
    Original,
    /// Behind it.
    Later,
    /// The interaction can be answered no more.
    Late,
    /// It was said before.
    Said(Receipt),
}

pub(crate) async fn answer(
    bot: &Discord,
    to: &Target,
    via: &Via,
    out: &Outbound,
    said: Value,
) -> Result<Receipt, DeliverError> {
    match way(bot, via, &out.id, &said).await? {
        Way::Said(receipt) => Ok(receipt),
        Way::Original => match replace(bot, via, &said).await {
            Err(error) if error.is(UNKNOWN_MESSAGE) => later(bot, to, via, out, said).await,
            Err(ApiError::Said { status: 401 | 404, .. }) => late(bot, to, via, out, said).await,
            replaced => replaced.map_err(class),
        },
        Way::Later => later(bot, to, via, out, said).await,
        Way::Late => late(bot, to, via, out, said).await,
    }
}

async fn way(bot: &Discord, via: &Via, row: &OutboxId, said: &Value) -> Result<Way, DeliverError> {
    if bot.api.now_ms().is_some_and(|now_ms| now_ms - via.id.at_ms() > BY_TOKEN_MS) {
        return Ok(Way::Late);
    }
    match bot.interactions.first(via.id).await {
        Some(First::Deferred) if via.pressed => Ok(Way::Later),
        Some(First::Deferred) if bot.interactions.takes_original(via.id, row) => Ok(Way::Original),
        Some(First::Deferred) => Ok(Way::Later),
        Some(First::Due | First::Missed) => Ok(Way::Late),
        None if via.pressed => Ok(Way::Later),
        None => asked(bot, via, said).await,
    }
}

/// What another life left: it may have deferred, said this already, or said something before this.
async fn asked(bot: &Discord, via: &Via, said: &Value) -> Result<Way, DeliverError> {
    match bot.api.call::<Sent>(Ask::get(original(via))).await {
        Ok(sent) if sent.flags & LOADING != 0 => Ok(Way::Original),
        Ok(sent) if said["content"].as_str().is_some_and(|content| content.trim() == sent.content.trim()) => {
            Ok(Way::Said(sent.receipt(None)))
        }
        Ok(_) => Ok(Way::Later),
        Err(error) if error.is(UNKNOWN_MESSAGE) => Ok(Way::Later),
        Err(ApiError::Said { status: 401 | 404, .. }) => Ok(Way::Late),
        // Nothing was sent: asking again is free.
        Err(ApiError::Said { words, .. }) => Err(DeliverError::PreSend(words)),
        Err(error) => Err(unsent(error)),
    }
}

fn original(via: &Via) -> String {
    format!("/webhooks/{}/{}/messages/@original", via.app, via.token)
}

/// The same however often it is done.
async fn replace(bot: &Discord, via: &Via, said: &Value) -> Result<Receipt, ApiError> {
    let (sent, hint): (Sent, _) = bot.api.hinted(Ask::patch(original(via), said)).await?;
    Ok(sent.receipt(hint))
}

/// Takes back what was deferred, where nothing is said. What is gone already, or was never shown, is as good.
pub(crate) async fn dismiss(bot: &Discord, via: &Via) -> Result<Option<LimitHint>, DeliverError> {
    let shown = matches!(bot.interactions.first(via.id).await, None | Some(First::Deferred));
    if via.pressed || !shown {
        return Ok(None);
    }
    match bot.api.done(Ask::delete(original(via))).await {
        Err(ApiError::Said { status: 401 | 404, .. }) => Ok(None),
        gone => gone.map_err(class),
    }
}

/// Further parts. In the open they are messages of the channel, for these can be sent twice without being said twice.
async fn later(bot: &Discord, to: &Target, via: &Via, out: &Outbound, said: Value) -> Result<Receipt, DeliverError> {
    if via.private {
        return follow(bot, via, out, said).await;
    }
    match create(&bot.api, to, &out.id, said.clone()).await {
        // Asked where the bot may not write by itself.
        Err(DeliverError::Refused(_)) => follow(bot, via, out, said).await,
        created => created,
    }
}

/// A follow-up. There is no key to it: in doubt it is not said again, and the ledger shows it.
async fn follow(bot: &Discord, via: &Via, out: &Outbound, mut said: Value) -> Result<Receipt, DeliverError> {
    if out.repeated {
        return Err(DeliverError::Refused("it may have been said already, and cannot be said twice".into()));
    }
    if via.private {
        said["flags"] = json!(said["flags"].as_u64().unwrap_or(0) | EPHEMERAL);
    }
    let path = format!("/webhooks/{}/{}", via.app, via.token);
    match bot.api.hinted::<Sent>(Ask::post(path, &said)).await.map_err(class) {
        Ok((sent, hint)) => Ok(sent.receipt(hint)),
        Err(DeliverError::InDoubt(words)) => {
            Err(DeliverError::Refused(format!("it may have been said, and cannot be said twice: {words}")))
        }
        Err(error) => Err(error),
    }
}

async fn late(bot: &Discord, to: &Target, via: &Via, out: &Outbound, said: Value) -> Result<Receipt, DeliverError> {
    if via.private {
        let why = "too late for an answer that only one person may see";
        return Err(DeliverError::Refused(why.into()));
    }
    create(&bot.api, to, &out.id, said).await
}
