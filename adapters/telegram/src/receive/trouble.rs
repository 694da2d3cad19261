//! What goes wrong with receiving, for how long it waits then, and who hears of it.

use std::time::Duration;

use townkeeper_contract::platform::{Host, HostError, PlatformError};
use tracing::{debug, info, warn};

use crate::Telegram;
use crate::api::ApiError;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The first wait while another process polls: it and we would otherwise end each other's polls in turn.
const TAKEN_WAIT: Duration = Duration::from_secs(1);

/// What another poller does to us.
pub(super) const TAKEN: &str =
    "another process or a webhook takes this bot's updates; stop it, or give it a bot of its own (@BotFather)";
/// What a webhook that somebody set does to one that polls.
const HOOKED: &str = "a webhook took this bot's updates and was deleted, because this account asks for updates; if it \
                      comes again, give the program that sets it a bot of its own (@BotFather)";
/// What may be done about a token that is not known.
const REVOKED: &str =
    "the token is not one, or not any more: copy it from @BotFather (/mybots, API Token) into token_file and restart";

/// What goes wrong now: waits grow while it lasts, the daemon knows of it, and the log hears of each kind once.
pub(super) struct Trouble<'a> {
    bot: &'a Telegram,
    host: &'a dyn Host,
    wait: Duration,
    told: Option<&'static str>,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(bot: &'a Telegram, host: &'a dyn Host) -> Self {
        Self { bot, host, wait: FIRST_WAIT, told: None }
    }

    /// How long the next poll may be held. In an outage not at all, so that its end is known at once; beside another
    /// poller as ever, because only a poll that was left to its end shows that we are alone.
    pub(super) fn poll_timeout_s(&self) -> u64 {
        if self.told.is_none_or(|what| what == TAKEN || what == HOOKED) { self.bot.config.poll_timeout_s } else { 0 }
    }

    pub(super) fn over(&mut self) {
        self.wait = FIRST_WAIT;
        if self.told.take().is_some() {
            self.host.trouble(None);
            info!(account = %self.bot.account, "receiving again");
        }
    }

    /// How long to wait before the next try, or why there is none.
    pub(super) fn with_api(&mut self, error: &ApiError) -> Result<Duration, PlatformError> {
        match error {
            ApiError::Said { code: 401 | 404, description, .. } => {
                Err(PlatformError::Refused(format!("{description}: {REVOKED}")))
            }
            ApiError::Said { code: 409, description, .. } => {
                self.tell(if hooked(error) { HOOKED } else { TAKEN }, description);
                Ok(self.next_wait(TAKEN_WAIT))
            }
            ApiError::Said { code: 429, description, retry_after_s: Some(seconds), .. } => {
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

    pub(super) fn with_host(&mut self, error: &HostError) -> Duration {
        self.tell("the daemon does not take updates", &error.to_string());
        self.next_wait(FIRST_WAIT)
    }

    fn next_wait(&mut self, at_least: Duration) -> Duration {
        let wait = self.wait.max(at_least);
        self.wait = (wait * 2).min(LONGEST_WAIT);
        wait
    }

    pub(super) fn tell(&mut self, what: &'static str, detail: &str) {
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

/// Whether it is a webhook that takes our updates.
pub(super) fn hooked(error: &ApiError) -> bool {
    matches!(error, ApiError::Said { code: 409, description, .. } if description.contains("webhook is active"))
}
