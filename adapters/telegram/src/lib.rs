//! Telegram over the Bot API: one bot account as a [`Platform`].
//!
//! * [`config`]: the section of the account
//! * `api`: one HTTP call, its three ways to fail, and the token that no text may hold
//! * [`receive`]: the poller, whose offset moves only behind `Host::accept`; updates in our words
//! * `deliver`: one act, one request, one class of failure
//! * `render`: rich text to Telegram's text and entities
//! * `standing`: what somebody may do in a chat, and what the account lacks
//!
//! Seven methods need no library: the calls are plain JSON, so that a new kind of update can never be lost in a type.

mod api;
pub mod config;
mod deliver;
pub mod receive;
mod render;
mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use thiserror::Error;
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Outbound, Receipt};
use townkeeper_contract::platform::{
    DeliverError, Finding, Host, Idempotency, LiveFacts, Platform, PlatformError, PlatformFacts, RateFacts, Standing,
};
use townkeeper_contract::text::Measure;
use townkeeper_contract::{BoxFuture, Stop};

use crate::api::Api;
pub use crate::config::TelegramConfig;

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
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// One bot account.
#[derive(Debug)]
pub struct Telegram {
    account: AccountId,
    config: TelegramConfig,
    api: Api,
    seen: Seen,
}

/// How receiving goes, counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Updates the daemon took.
    pub accepted: u64,
    /// Updates that are nothing to us: unknown kinds, photographs without words, joins.
    pub skipped: u64,
}

#[derive(Debug, Default)]
struct Seen {
    accepted: AtomicU64,
    skipped: AtomicU64,
}

impl Telegram {
    /// Sets up one bot account. Sends nothing yet.
    pub fn new(account: AccountId, config: TelegramConfig, token: SecretString) -> Result<Self, TelegramError> {
        config.check()?;
        let api = Api::new(&config, token)?;
        Ok(Self { account, config, api, seen: Seen::default() })
    }

    pub fn health(&self) -> Health {
        Health {
            accepted: self.seen.accepted.load(Ordering::Relaxed),
            skipped: self.seen.skipped.load(Ordering::Relaxed),
        }
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
            drafts: false,
            buttons: true,
            threads: true,
            moderation: false,
            idempotency: Idempotency::None,
            rate: RateFacts { per_second: 30, per_group_minute: 20, per_chat_ms: 1000 },
            live: Some(LiveFacts { private_ms: 1_000, group_ms: 5_000 }),
            typing_ms: 5_000,
        }
    }

    fn run(self: Arc<Self>, host: Arc<dyn Host>, stop: Stop) -> BoxFuture<'static, Result<(), PlatformError>> {
        Box::pin(async move { receive::run(self, &*host, &stop).await })
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

    fn examine(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(standing::examine(&self.api))
    }
}
