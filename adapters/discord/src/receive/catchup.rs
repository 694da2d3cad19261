//! After a log-in without a resume: what was written meanwhile, asked of each channel that has news, bounded by age and
//! by number, and accepted like everything else. Keys are those of the gateway, so that nothing is taken twice.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;
use tracing::{debug, info};

use crate::Discord;
use crate::api::{ApiError, Ask};
use crate::wire::{Channel, Id, Message};

/// What is older is not answered any more.
const OLDEST_MS: i64 = 15 * 60 * 1000;
/// Events of different channels overtake each other; this much is asked for again.
const OVERLAP_MS: i64 = 10_000;
/// Messages of a channel.
const MOST: usize = 50;
/// Channels asked at once, and of one guild at all: those with the latest news.
const AT_ONCE: usize = 8;
const CHANNELS: usize = 100;
/// How long a channel's limit is waited for.
const PATIENCE_MS: u64 = 10_000;

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

/// What was written in these channels behind `after`, in the order in which it was written.
pub(super) async fn missed(bot: &Arc<Discord>, channels: &[Id], after: Id) -> Vec<Message> {
    let asks: Vec<_> = channels.iter().map(|channel| of_channel(Arc::clone(bot), *channel, after)).collect();
    let asked: Vec<_> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
    let mut all: Vec<Message> = asked.into_iter().flatten().collect();
    all.sort_by_key(|message| message.id);
    if !all.is_empty() {
        info!(account = %bot.account, messages = all.len(), channels = channels.len(), "caught up");
    }
    all
}

async fn of_channel(bot: Arc<Discord>, channel: Id, after: Id) -> Vec<Message> {
    let path = format!("/channels/{channel}/messages?after={after}&limit={MOST}");
    for _ in 0..3 {
        match bot.api.call(Ask::get(path.clone())).await {
            Ok(messages) => return messages,
            Err(ApiError::TooFast { wait_ms, .. }) if wait_ms <= PATIENCE_MS => {
                sleep(Duration::from_millis(wait_ms)).await;
            }
            Err(ApiError::NotSent(_) | ApiError::Unanswered(_)) => sleep(Duration::from_millis(500)).await,
            Err(error) => {
                debug!(account = %bot.account, %channel, ?error, "what was missed here stays missed");
                break;
            }
        }
    }
    Vec::new()
}
