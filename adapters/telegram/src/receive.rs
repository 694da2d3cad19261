//! Receiving: one poller per account, or a webhook. The poller's offset lives in the daemon's cursor and moves only behind
//! `Host::accept`, so an update is gone from Telegram only when it is on our disk.

mod batch;
mod members;
mod memory;
mod normalise;
mod trouble;
mod update;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use townkeeper_contract::Stop;
use townkeeper_contract::platform::{Cursor, Host, HostError, PlatformError};
use tracing::{debug, info, warn};

use crate::api::ApiError;
use crate::{Telegram, menu};
use batch::{Batch, Numbered, numbered};
use memory::Memory;
pub(crate) use normalise::KINDS;
use trouble::{Trouble, hooked};

pub use normalise::{Me, Unread, normalise};

/// The one source of events of an account.
const SCOPE: &str = "updates";

/// An empty answer that comes sooner than this was not held; then the next is asked for so much later.
const UNHELD: Duration = Duration::from_millis(200);

/// Receives until `stop`, or until Telegram refuses the account.
pub(crate) async fn run(bot: Arc<Telegram>, host: Arc<dyn Host>, stop: &Stop) -> Result<(), PlatformError> {
    let mut trouble = Trouble::new(&bot, &*host);
    let Some(me) = stop.run_until_cancelled(begin(&bot, &mut trouble)).await else { return Ok(()) };
    let me = me?;
    info!(account = %bot.account, username = %me.username, "receiving");
    host.start_link(&format!("https://t.me/{}?start=", me.username));
    // What goes on beside the receiving; dropped when it ends.
    let mut beside = JoinSet::new();
    let (menu_bot, menu_host) = (Arc::clone(&bot), Arc::clone(&host));
    beside.spawn(async move { menu::offer(&menu_bot, me.id, &*menu_host).await });
    if let Some(config) = &bot.config.webhook {
        return webhook::receive(&bot, config, &me, &host, stop, trouble).await;
    }
    let Some(offset) = stop.run_until_cancelled(offset(&*host, &mut trouble)).await else { return Ok(()) };
    match offset? {
        Some(offset) => poll_on(&bot, &me, &host, stop, trouble, beside, offset).await,
        None => Ok(()),
    }
}

/// Who we are.
async fn begin(bot: &Telegram, trouble: &mut Trouble<'_>) -> Result<Me, PlatformError> {
    #[derive(Deserialize)]
    struct Myself {
        id: i64,
        username: String,
    }
    loop {
        match bot.api.call::<Myself>("getMe", &json!({})).await {
            Ok(me) => {
                trouble.over();
                return Ok(Me { account: bot.account.clone(), id: me.id, username: me.username });
            }
            Err(error) => sleep(trouble.with_api(&error)?).await,
        }
    }
}

/// Where we stopped reading. `None` when the daemon is stopping.
async fn offset(host: &dyn Host, trouble: &mut Trouble<'_>) -> Result<Option<i64>, PlatformError> {
    let stored = loop {
        match host.cursor(SCOPE).await {
            Ok(stored) => break stored,
            Err(HostError::Stopping) => return Ok(None),
            Err(error) => sleep(trouble.with_host(&error)).await,
        }
    };
    trouble.over();
    match stored.map(|value| value.parse()) {
        Some(Ok(offset)) => Ok(Some(offset)),
        Some(Err(_)) => Err(PlatformError::Other("the stored cursor is not a number".into())),
        None => Ok(Some(0)),
    }
}

/// Polls from `offset`.
async fn poll_on(
    bot: &Arc<Telegram>,
    me: &Me,
    host: &Arc<dyn Host>,
    stop: &Stop,
    mut trouble: Trouble<'_>,
    mut beside: JoinSet<()>,
    mut offset: i64,
) -> Result<(), PlatformError> {
    let mut memory = Memory::default();
    loop {
        while beside.try_join_next().is_some() {}
        // Dropping a held poll loses nothing: what it would have brought was not confirmed.
        let (began, held_s) = (Instant::now(), trouble.poll_timeout_s());
        let Some(polled) = stop.run_until_cancelled(poll(bot, offset, held_s)).await else { return Ok(()) };
        match polled {
            Ok(updates) => {
                trouble.over();
                let Some(batch) = Batch::new(&updates, me, &mut memory) else {
                    // Empty at once, though it was to be held: some proxies do that, and would be asked without end.
                    if held_s > 0 && began.elapsed() < UNHELD {
                        stop.run_until_cancelled(sleep(UNHELD)).await;
                    }
                    continue;
                };
                if !offer(bot, &**host, stop, &batch, &mut trouble).await {
                    return Ok(());
                }
                offset = batch.next;
                batch.count(bot);
                if !batch.pressed.is_empty() {
                    let (bot, host) = (Arc::clone(bot), Arc::clone(host));
                    beside.spawn(async move {
                        host.leave(Box::pin(answer_callbacks(&bot, batch.pressed))).await;
                    });
                }
            }
            Err(error) => {
                let wait = trouble.with_api(&error)?;
                if hooked(&error) {
                    warn!(account = %bot.account, "deleting the webhook that takes this bot's updates; none of them is dropped");
                    bot.api.call::<IgnoredAny>("deleteWebhook", &json!({})).await.ok();
                }
                if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// One poll, held for up to `timeout_s`. Its offset confirms everything below it.
async fn poll(bot: &Telegram, offset: i64, timeout_s: u64) -> Result<Vec<Numbered>, ApiError> {
    let body = json!({ "offset": offset, "timeout": timeout_s, "allowed_updates": KINDS });
    let held = Duration::from_secs(timeout_s);
    let updates: Vec<Box<RawValue>> = bot.api.hold("getUpdates", &body, held).await?;
    let numbered: Option<Vec<_>> = updates.into_iter().map(numbered).collect();
    numbered.ok_or_else(|| ApiError::Unanswered("an update without a number".into()))
}

/// Offers the batch until the daemon has taken it. `false`: it is stopping, and the batch stays with Telegram.
async fn offer(bot: &Telegram, host: &dyn Host, stop: &Stop, batch: &Batch, trouble: &mut Trouble<'_>) -> bool {
    loop {
        let cursor = Cursor { scope: SCOPE.into(), value: batch.next.to_string() };
        // Not interrupted: a commit under way ends by itself.
        match host.accept(batch.inbound.clone(), Some(cursor)).await {
            Ok(()) => {
                trouble.over();
                return true;
            }
            Err(HostError::Stopping) => return false,
            Err(error) => {
                let wait = trouble.with_host(&error);
                debug!(account = %bot.account, "offering the same batch again");
                if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                    return false;
                }
            }
        }
    }
}

/// Takes the waiting mark off pressed buttons. Best effort: the press itself is already on disk.
async fn answer_callbacks(bot: &Telegram, pressed: Vec<String>) {
    for id in pressed {
        let body = json!({ "callback_query_id": id });
        if let Err(error) = bot.api.call::<bool>("answerCallbackQuery", &body).await {
            debug!(account = %bot.account, ?error, "a pressed button keeps its waiting mark");
        }
    }
}
