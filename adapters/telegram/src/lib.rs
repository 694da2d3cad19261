//! Telegram over the Bot API: one bot account as a [`Platform`].
//!
//! * [`config`]: the section of the account
//! * `api`: one HTTP call, its three ways to fail, and the token that no text may hold
//! * [`receive`]: the poller, whose offset moves only behind `Host::accept`, or a webhook; updates in our words
//! * `menu`: the commands, offered natively
//! * `deliver`, `moderate`: one act, one request, one class of failure
//! * `render`: rich text to Telegram's text and entities
//! * `picture`: a file that hangs on a message
//! * `standing`: what somebody may do in a chat, and what the account lacks
//!
//! These methods need no library: the calls are plain JSON, so that a new kind of update can never be lost in a type.

mod api;
pub mod config;
mod deliver;
mod menu;
mod moderate;
mod picture;
pub mod receive;
mod render;
mod standing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::watch;
use townkeeper_contract::id::{AccountId, PersonId, PlaceId};
use townkeeper_contract::inbound::{PictureRef, ReplyTo};
use townkeeper_contract::outbound::{Outbound, Receipt};
use townkeeper_contract::platform::{
    DeliverError, Finding, Host, Idempotency, LiveFacts, Platform, PlatformError, PlatformFacts, RateFacts, Standing,
};
use townkeeper_contract::text::Measure;
use townkeeper_contract::{BoxFuture, Stop};

use crate::api::Api;
pub use crate::config::{TelegramConfig, WebhookConfig};

/// Why an account cannot be set up. No variant holds the token.
#[derive(Debug, Error)]
pub enum TelegramError {
    #[error("the token does not look like one from @BotFather (digits, a colon, then letters, digits, - or _)")]
    Token,
    #[error("api_base `{0}` is not an http or https URL")]
    ApiBase(String),
    #[error("poll_timeout_s is {0}; it must lie between 1 and 50")]
    PollTimeout(u64),
    #[error("request_timeout_s is {0}; it must lie between 1 and 300")]
    RequestTimeout(u64),
    #[error("webhook url `{0}` is not an https URL on port 443, 80, 88 or 8443, which is all that Telegram takes")]
    WebhookUrl(String),
    #[error("cannot read webhook secret_file {0}: {1}")]
    SecretFile(String, String),
    #[error("{0} (webhook secret_file) must hold 1 to 256 letters, digits, - and _, and nothing else")]
    Secret(String),
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// One bot account.
#[derive(Debug)]
pub struct Telegram {
    account: AccountId,
    config: TelegramConfig,
    api: Api,
    /// What Telegram shows at our webhook.
    secret: Option<SecretString>,
    seen: Seen,
    listening: watch::Sender<Option<SocketAddr>>,
}

/// How receiving goes, counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Updates the daemon took.
    pub accepted: u64,
    /// Updates that are nothing to us: photographs without words, what we said ourselves, what we were told before.
    pub skipped: u64,
    /// Updates that we do not understand: unknown kinds and shapes.
    pub unread: u64,
}

#[derive(Debug, Default)]
struct Seen {
    accepted: AtomicU64,
    skipped: AtomicU64,
    unread: AtomicU64,
}

impl Telegram {
    /// Sets up one bot account. Sends nothing yet.
    pub fn new(account: AccountId, config: TelegramConfig, token: SecretString) -> Result<Self, TelegramError> {
        config.check()?;
        let secret = config.webhook.as_ref().map(WebhookConfig::secret).transpose()?;
        let api = Api::new(&config, token)?;
        let listening = watch::Sender::default();
        Ok(Self { account, config, api, secret, seen: Seen::default(), listening })
    }

    pub fn health(&self) -> Health {
        Health {
            accepted: self.seen.accepted.load(Ordering::Relaxed),
            skipped: self.seen.skipped.load(Ordering::Relaxed),
            unread: self.seen.unread.load(Ordering::Relaxed),
        }
    }

    /// Where the webhook listens, once it does.
    pub async fn listening(&self) -> Option<SocketAddr> {
        let mut watcher = self.listening.subscribe();
        watcher.wait_for(Option::is_some).await.ok().and_then(|address| *address)
    }
}

impl Platform for Telegram {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn facts(&self) -> PlatformFacts {
        PlatformFacts {
            name: "telegram".into(),
            max_len: 4096,
            measure: Measure::Utf16,
            edits: true,
            drafts: self.config.drafts,
            buttons: true,
            threads: true,
            moderation: true,
            idempotency: Idempotency::None,
            rate: RateFacts { per_second: 30, per_group_minute: 20, per_chat_ms: 1000 },
            live: Some(LiveFacts { private_ms: 1_000, group_ms: 5_000 }),
            typing_ms: 5_000,
            promises: false,
        }
    }

    fn run(self: Arc<Self>, host: Arc<dyn Host>, stop: Stop) -> BoxFuture<'static, Result<(), PlatformError>> {
        Box::pin(async move { receive::run(self, host, &stop).await })
    }

    fn deliver<'a>(&'a self, out: &'a Outbound) -> BoxFuture<'a, Result<Receipt, DeliverError>> {
        Box::pin(deliver::deliver(&self.api, out))
    }

    fn standing<'a>(
        &'a self,
        at: &'a ReplyTo,
        person: Option<&'a PersonId>,
    ) -> BoxFuture<'a, Result<Standing, DeliverError>> {
        Box::pin(standing::standing(&self.api, at, person))
    }

    /// Every chat is whole.
    fn whole(&self, _: &ReplyTo) -> Option<PlaceId> {
        None
    }

    /// What a bot says in a chat everybody there reads.
    fn aside(&self, _: &ReplyTo) -> Option<ReplyTo> {
        None
    }

    fn picture<'a>(&'a self, at: &'a PictureRef, most: usize) -> BoxFuture<'a, Result<Vec<u8>, DeliverError>> {
        Box::pin(picture::fetch(&self.api, at, most))
    }

    fn examine(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(standing::examine(&self.api))
    }
}
