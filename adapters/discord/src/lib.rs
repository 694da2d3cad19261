//! Discord: one bot account as a [`Platform`].
//!
//! * [`config`]: the section of the account; `wire`: Discord's objects, as far as we read them
//! * `api`: one REST call, its ways to fail, and the tokens that no text may hold
//! * [`receive`]: the gateway's session, and what it says in our words, accepted before it counts as read
//! * `commands`: our commands as Discord's; `answer`: what a person asked by one
//! * `deliver`, `moderate`: one act, one request, one class of failure; `render`: rich text as Discord's Markdown
//! * `picture`: an attachment, from Discord's own hosts
//! * `standing`: what somebody may do in a channel, and what the account lacks

mod answer;
mod api;
mod commands;
pub mod config;
mod deliver;
mod moderate;
mod picture;
pub mod receive;
mod render;
mod standing;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use thiserror::Error;
use townkeeper_contract::id::{AccountId, PersonId, PlaceId};
use townkeeper_contract::inbound::{PictureRef, ReplyTo};
use townkeeper_contract::outbound::{Outbound, Receipt};
use townkeeper_contract::platform::{
    DeliverError, Finding, Host, Idempotency, LiveFacts, Platform, PlatformError, PlatformFacts, RateFacts, Standing,
};
use townkeeper_contract::text::Measure;
use townkeeper_contract::{BoxFuture, Stop};

use crate::answer::Interactions;
use crate::api::Api;
pub use crate::config::DiscordConfig;
pub use crate::wire::Id;

/// Why an account cannot be set up. No variant holds the token.
#[derive(Debug, Error)]
pub enum DiscordError {
    #[error("the token does not look like a bot's (letters, digits, `.`, `-` and `_`, without the word `Bot`)")]
    Token,
    #[error("api_base `{0}` is not an http or https URL")]
    ApiBase(String),
    #[error("media_base `{0}` is not an http or https URL")]
    MediaBase(String),
    #[error("gateway `{0}` is not a ws or wss URL")]
    Gateway(String),
    #[error("request_timeout_s is {0}; it must lie between 1 and 300")]
    RequestTimeout(u64),
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// One bot account.
#[derive(Debug)]
pub struct Discord {
    account: AccountId,
    config: DiscordConfig,
    api: Api,
    interactions: Interactions,
    seen: Seen,
}

/// How receiving goes, counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Events the daemon took.
    pub accepted: u64,
    /// Events that are nothing to us: unknown kinds, pictures without words, deletions.
    pub skipped: u64,
    /// Frames and events that could not be read.
    pub unreadable: u64,
}

#[derive(Debug, Default)]
struct Seen {
    accepted: AtomicU64,
    skipped: AtomicU64,
    unreadable: AtomicU64,
}

impl Discord {
    /// Sets up one bot account. Sends nothing yet.
    pub fn new(account: AccountId, config: DiscordConfig, token: SecretString) -> Result<Self, DiscordError> {
        config.check()?;
        let api = Api::new(&config, token)?;
        Ok(Self { account, config, api, interactions: Interactions::default(), seen: Seen::default() })
    }

    pub fn health(&self) -> Health {
        Health {
            accepted: self.seen.accepted.load(Ordering::Relaxed),
            skipped: self.seen.skipped.load(Ordering::Relaxed),
            unreadable: self.seen.unreadable.load(Ordering::Relaxed),
        }
    }
}

impl Platform for Discord {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn facts(&self) -> PlatformFacts {
        PlatformFacts {
            name: "discord".into(),
            max_len: render::MAX_LEN,
            measure: Measure::Chars,
            edits: true,
            drafts: false,
            buttons: true,
            threads: true,
            moderation: true,
            // "The past few minutes", by Discord's documentation.
            idempotency: Idempotency::Key { window_ms: 120_000 },
            rate: RateFacts { per_second: 45, per_group_minute: 0, per_chat_ms: 0 },
            live: Some(LiveFacts { private_ms: 1_000, group_ms: 2_000 }),
            typing_ms: 10_000,
            promises: true,
        }
    }

    fn run(self: Arc<Self>, host: Arc<dyn Host>, stop: Stop) -> BoxFuture<'static, Result<(), PlatformError>> {
        Box::pin(receive::run(self, host, stop))
    }

    fn deliver<'a>(&'a self, out: &'a Outbound) -> BoxFuture<'a, Result<Receipt, DeliverError>> {
        Box::pin(deliver::deliver(self, out))
    }

    fn standing<'a>(
        &'a self,
        at: &'a ReplyTo,
        person: Option<&'a PersonId>,
    ) -> BoxFuture<'a, Result<Standing, DeliverError>> {
        Box::pin(standing::standing(&self.api, at, person))
    }

    fn whole(&self, at: &ReplyTo) -> Option<PlaceId> {
        let guild = deliver::Target::of(at).ok()?.guild?;
        Some(PlaceId(guild.to_string()))
    }

    fn aside(&self, at: &ReplyTo) -> Option<ReplyTo> {
        deliver::Target::of(at).ok()?.aside().map(|target| target.to_reply())
    }

    fn picture<'a>(&'a self, at: &'a PictureRef, most: usize) -> BoxFuture<'a, Result<Vec<u8>, DeliverError>> {
        Box::pin(picture::fetch(&self.api, self.config.media_base.as_deref(), at, most))
    }

    fn examine(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(standing::examine(&self.api, &self.config))
    }
}
