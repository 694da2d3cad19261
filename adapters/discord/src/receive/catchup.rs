//! After a log-in without a resume: what was written meanwhile, asked of each channel that has news, bounded by age and
//! by number, and accepted like everything else. Keys are those of the gateway, so that nothing is taken twice.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use townkeeper_contract::platform::Host;
use tracing::{debug, info};

use crate::Discord;
use crate::api::{ApiError, Ask};
use crate::wire::{Channel, Id, Message};

use super::quick::unless_frozen;
use super::trouble::pause;

/// Stands among guilds for what is in none; no guild has this id.
pub(super) const DIRECTS: Id = Id(0);
/// What is older is not answered any more.
const OLDEST_MS: i64 = 15 * 60 * 1000;
/// Events of different channels overtake each other; this much is asked for again.
const OVERLAP_MS: i64 = 10_000;
/// Messages of a channel.
const MOST: usize = 50;
/// Channels asked at once, and of one guild at all: those with the latest news.
const AT_ONCE: usize = 8;
const CHANNELS: usize = 100;
/// How often a channel is asked for, and how long after the first failure; twice as long after each further one.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// How long a channel's limit is waited for: meanwhile nothing else is heard.
const PATIENCE_MS: u64 = 60_000;

/// The id behind which to ask, when `last` was the last message that was accepted.
pub(super) fn after(last: Id, now_ms: Option<i64>) -> Id {
    let overlap = Id::since(last.at_ms() - OVERLAP_MS);
    now_ms.map_or(overlap, |now_ms| overlap.max(Id::since(now_ms - OLDEST_MS)))
}

/// The channels of a guild that have news.
pub(super) fn with_news<'a>(channels: impl Iterator<Item = &'a Channel>, after: Id) -> Vec<Id> {
    let read = channels.filter(|channel| channel.is_read());
    let mut news: Vec<(Id, Id)> =
        read.filter_map(|c| Some((c.last_message_id.filter(|id| *id > after)?, c.id))).collect();
    news.sort_unstable_by(|a, b| b.cmp(a));
    news.into_iter().take(CHANNELS).map(|(_, channel)| channel).collect()
}

/// A guild, or the direct conversations, of which Discord did not tell yet.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) guild: Id,
    pub(super) channels: Vec<Id>,
    pub(super) behind: Id,
    since: Instant,
    failures: u32,
}

/// The failures before the first wait: about four seconds, and twice as long each time, up to a minute.
const BEGIN: u32 = 3;

impl Owed {
    pub(super) fn new(guild: Id, channels: &[Id], behind: Id) -> Self {
        Self { guild, channels: channels.to_vec(), behind, since: Instant::now(), failures: BEGIN }
    }

    /// Whether all that was missed is older than what is still answered.
    pub(super) fn is_old(&self) -> bool {
        self.since.elapsed().as_millis() > OLDEST_MS.unsigned_abs().into()
    }
}

/// Asks again, after a while.
pub(super) async fn later(bot: Arc<Discord>, host: Arc<dyn Host>, mut owed: Owed, before: Missed) -> (Owed, Missed) {
    sleep(pause(owed.failures).max(Duration::from_millis(before.wait_ms))).await;
    owed.failures += 1;
    let after = after(owed.behind, bot.api.now_ms());
    let missed = missed(&bot, &host, &owed.channels, after).await;
    (owed, missed)
}

/// What was missed, as far as Discord told.
pub(super) struct Missed {
    /// In the order in which they were written.
    pub(super) messages: Vec<Message>,
    /// Whether every channel was told of.
    pub(super) whole: bool,
    /// How long Discord wants to be left alone, in milliseconds.
    wait_ms: u64,
}

/// What was written in these channels behind `after`.
pub(super) async fn missed(bot: &Arc<Discord>, host: &Arc<dyn Host>, channels: &[Id], after: Id) -> Missed {
    let ask = |channel: &Id| of_channel(Arc::clone(bot), Arc::clone(host), *channel, after);
    let asks: Vec<_> = channels.iter().map(ask).collect();
    let asked: Vec<_> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
    let whole = asked.iter().all(Result::is_ok);
    let wait_ms = asked.iter().filter_map(|asked| asked.as_ref().err().copied()).max().unwrap_or_default();
    let mut messages: Vec<Message> = asked.into_iter().flatten().flatten().collect();
    messages.sort_by_key(|message| message.id);
    if !messages.is_empty() || !whole {
        info!(account = %bot.account, messages = messages.len(), channels = channels.len(), whole, "caught up");
    }
    Missed { messages, whole, wait_ms }
}

/// Discord did not tell, or the town is frozen: later it may, after so many milliseconds at least.
async fn of_channel(bot: Arc<Discord>, host: Arc<dyn Host>, channel: Id, after: Id) -> Result<Vec<Message>, u64> {
    let path = format!("/channels/{channel}/messages?after={after}&limit={MOST}");
    for failures in 0..TRIES {
        let ask = bot.api.call::<Vec<Box<RawValue>>>(Ask::get(path.clone()));
        let error = match unless_frozen(&*host, ask).await.ok_or(0_u64)? {
            Ok(messages) => return Ok(messages.iter().filter_map(|message| readable(&bot, message)).collect()),
            Err(error) => error,
        };
        debug!(account = %bot.account, %channel, ?error, "what was missed here is not known yet");
        match error {
            ApiError::TooFast { wait_ms, .. } if wait_ms > PATIENCE_MS => return Err(wait_ms),
            ApiError::TooFast { wait_ms, .. } => sleep(Duration::from_millis(wait_ms)).await,
            // We may not read it, or it is gone: there is nothing to be missed.
            ApiError::Said { status: 400..=499, .. } => return Ok(Vec::new()),
            _ if failures + 1 < TRIES => sleep(PAUSE * 2_u32.pow(failures)).await,
            _ => {}
        }
    }
    Err(0)
}

/// One that cannot be read costs no other.
fn readable(bot: &Discord, message: &RawValue) -> Option<Message> {
    let read = serde_json::from_str(message.get());
    if read.is_err() {
        bot.seen.unreadable.fetch_add(1, Relaxed);
    }
    read.ok()
}
