//! Receiving: one poller per account. The offset lives in the daemon's cursor and moves only behind `Host::accept`,
//! so an update is gone from Telegram only when it is on our disk.

mod normalise;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use townkeeper_contract::Stop;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::{Cursor, Host, HostError, PlatformError};
use tracing::{debug, info, warn};

use crate::Telegram;
use crate::api::ApiError;

pub use normalise::{Me, normalise};

/// The one source of events of an account.
const SCOPE: &str = "updates";
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The first wait while another process polls: it and we would otherwise end each other's polls in turn.
const TAKEN_WAIT: Duration = Duration::from_secs(1);

/// Receives until `stop`, or until Telegram refuses the account.
pub(crate) async fn run(bot: Arc<Telegram>, host: &dyn Host, stop: &Stop) -> Result<(), PlatformError> {
    let mut trouble = Trouble::new(&bot, host);
    let Some(ready) = stop.run_until_cancelled(begin(&bot, host, &mut trouble)).await else { return Ok(()) };
    let Some((me, mut offset)) = ready? else { return Ok(()) };
    info!(account = %bot.account, username = %me.username, "receiving");
    // Answers to pressed buttons, beside the polling; dropped when receiving ends.
    let mut answers = JoinSet::new();
    loop {
        while answers.try_join_next().is_some() {}
        // Dropping a held poll loses nothing: what it would have brought was not confirmed.
        let Some(polled) = stop.run_until_cancelled(poll(&bot, offset, trouble.poll_timeout_s())).await else {
            return Ok(());
        };
        match polled {
            Ok(updates) => {
                trouble.over();
                let Some(batch) = Batch::new(&updates, &me) else { continue };
                if !offer(&bot, host, stop, &batch, &mut trouble).await {
                    return Ok(());
                }
                offset = batch.next;
                bot.seen.accepted.fetch_add(batch.inbound.len() as u64, Relaxed);
                bot.seen.skipped.fetch_add(batch.skipped, Relaxed);
                if !batch.pressed.is_empty() {
                    answers.spawn(answer_callbacks(Arc::clone(&bot), batch.pressed));
                }
            }
            Err(error) => {
                let wait = trouble.with_api(&error)?;
                if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// Who we are, and where we stopped reading. `None` when the daemon is stopping.
async fn begin(bot: &Telegram, host: &dyn Host, trouble: &mut Trouble<'_>) -> Result<Option<(Me, i64)>, PlatformError> {
    let me = loop {
        match bot.api.call::<Myself>("getMe", &json!({})).await {
            Ok(me) => break Me { account: bot.account.clone(), id: me.id, username: me.username },
            Err(error) => sleep(trouble.with_api(&error)?).await,
        }
    };
    let stored = loop {
        match host.cursor(SCOPE).await {
            Ok(stored) => break stored,
            Err(HostError::Stopping) => return Ok(None),
            Err(error) => sleep(trouble.with_host(&error)).await,
        }
    };
    trouble.over();
    let offset = match stored.map(|value| value.parse()) {
        Some(Ok(offset)) => offset,
        Some(Err(_)) => return Err(PlatformError::Other("the stored cursor is not a number".into())),
        None => 0,
    };
    Ok(Some((me, offset)))
}

#[derive(Deserialize)]
struct Myself {
    id: i64,
    username: String,
}

/// One update, unread but for its number.
type Numbered = (i64, Box<RawValue>);

/// One poll, held for up to `timeout_s`. Its offset confirms everything below it.
async fn poll(bot: &Telegram, offset: i64, timeout_s: u64) -> Result<Vec<Numbered>, ApiError> {
    #[derive(Deserialize)]
    struct Head {
        update_id: i64,
    }
    let body = json!({
        "offset": offset,
        "timeout": timeout_s,
        "allowed_updates": ["message", "callback_query"],
    });
    let held = Duration::from_secs(timeout_s);
    let updates: Vec<Box<RawValue>> = bot.api.hold("getUpdates", &body, held).await?;
    let number = |raw: Box<RawValue>| Some((serde_json::from_str::<Head>(raw.get()).ok()?.update_id, raw));
    let numbered: Option<Vec<_>> = updates.into_iter().map(number).collect();
    numbered.ok_or_else(|| ApiError::Unanswered("an update without a number".into()))
}

/// What one poll brought.
struct Batch {
    inbound: Vec<Inbound>,
    skipped: u64,
    /// The callback queries in it, to be answered once they are on disk.
    pressed: Vec<String>,
    /// The next offset: right behind the last update, even where that is lower than before. Telegram restarts the
    /// numbering after a quiet week, and then answers an offset from the old one with its oldest updates.
    next: i64,
}

impl Batch {
    /// `None` if there is nothing. Each update is read by itself: one that cannot be read stops no other.
    fn new(updates: &[Numbered], me: &Me) -> Option<Self> {
        let (last, _) = updates.last()?;
        let mut batch = Self { inbound: Vec::new(), skipped: 0, pressed: Vec::new(), next: last.saturating_add(1) };
        for (number, raw) in updates {
            let update: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            if let Some(id) = update.pointer("/callback_query/id").and_then(Value::as_str) {
                batch.pressed.push(id.to_owned());
            }
            if let Some(inbound) = normalise(&update, me) {
                batch.inbound.push(inbound);
            } else {
                batch.skipped += 1;
                debug!(account = %me.account, update = number, "nothing to us in this update");
            }
        }
        Some(batch)
    }
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
async fn answer_callbacks(bot: Arc<Telegram>, pressed: Vec<String>) {
    for id in pressed {
        let body = json!({ "callback_query_id": id });
        if let Err(error) = bot.api.call::<bool>("answerCallbackQuery", &body).await {
            debug!(account = %bot.account, ?error, "a pressed button keeps its waiting mark");
        }
    }
}

/// What another poller, or a webhook, does to us.
const TAKEN: &str = "another process or a webhook takes this bot's updates";

/// What goes wrong now: waits grow while it lasts, the daemon knows of it, and the log hears of each kind once.
struct Trouble<'a> {
    bot: &'a Telegram,
    host: &'a dyn Host,
    wait: Duration,
    told: Option<&'static str>,
}

impl<'a> Trouble<'a> {
    fn new(bot: &'a Telegram, host: &'a dyn Host) -> Self {
        Self { bot, host, wait: FIRST_WAIT, told: None }
    }

    /// How long the next poll may be held. In an outage not at all, so that its end is known at once; beside another
    /// poller as ever, because only a poll that was left to its end shows that we are alone.
    fn poll_timeout_s(&self) -> u64 {
        if self.told.is_none_or(|what| what == TAKEN) { self.bot.config.poll_timeout_s } else { 0 }
    }

    fn over(&mut self) {
        self.wait = FIRST_WAIT;
        if self.told.take().is_some() {
            self.host.trouble(None);
            info!(account = %self.bot.account, "receiving again");
        }
    }

    /// How long to wait before the next try, or why there is none.
    fn with_api(&mut self, error: &ApiError) -> Result<Duration, PlatformError> {
        match error {
            ApiError::Said { code: 401 | 404, description, .. } => {
                Err(PlatformError::Refused(format!("{description} (is the token right?)")))
            }
            ApiError::Said { code: 409, description, .. } => {
                self.tell(TAKEN, description);
                Ok(self.next_wait(TAKEN_WAIT))
            }
            ApiError::Said { code: 429, description, retry_after_s: Some(seconds) } => {
                self.tell("the Bot API asks us to wait", description);
                Ok(Duration::from_secs(*seconds).max(FIRST_WAIT))
            }
            ApiError::Said { code, description, .. } => {
                self.tell("the Bot API answers with errors", &format!("{code} {description}"));
                Ok(self.next_wait(FIRST_WAIT))
            }
            ApiError::NotSent(words) | ApiError::Unanswered(words) => {
                self.tell("the Bot API cannot be reached", words);
                Ok(self.next_wait(FIRST_WAIT))
            }
        }
    }

    fn with_host(&mut self, error: &HostError) -> Duration {
        self.tell("the daemon does not take updates", &error.to_string());
        self.next_wait(FIRST_WAIT)
    }

    fn next_wait(&mut self, at_least: Duration) -> Duration {
        let wait = self.wait.max(at_least);
        self.wait = (wait * 2).min(LONGEST_WAIT);
        wait
    }

    fn tell(&mut self, what: &'static str, detail: &str) {
        let account = &self.bot.account;
        if self.told == Some(what) {
            debug!(%account, detail, "{what}");
        } else {
            warn!(%account, detail, "{what}; trying again");
            self.told = Some(what);
            // Without the detail: that is a server's words, and readiness is for everyone.
            self.host.trouble(Some(what));
        }
    }
}
