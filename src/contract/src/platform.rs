//! The two traits between the daemon and a chat platform, and the facts a platform states about itself.
//!
//! To add a platform: a folder in `adapters/`, one type that implements [`Platform`], one line in the root manifest
//! and one in `src/platforms.rs`. Capabilities are fields of [`PlatformFacts`], never methods with a default body: the one
//! that there is, [`Platform::picture`], is asked for nothing but what the adapter itself named.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use townkeeper_text::Measure;

use crate::command::CommandSpec;
use crate::error::Kind;
use crate::id::{AccountId, PersonId, PlaceId};
use crate::inbound::{Inbound, PictureRef, ReplyTo};
use crate::moderation::Held;
use crate::outbound::{LimitScope, Outbound, Receipt};
use crate::{BoxFuture, Stop};

/// What a platform can and cannot do, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformFacts {
    /// The platform's name in lower case, for logs and metrics.
    pub name: String,
    /// The longest message it takes, in `measure`.
    pub max_len: usize,
    pub measure: Measure,
    /// Whether a message of ours can be edited later.
    pub edits: bool,
    /// Whether it shows drafts while an answer is written.
    pub drafts: bool,
    pub buttons: bool,
    pub threads: bool,
    /// Whether it can delete messages, restrict and ban for us.
    pub moderation: bool,
    pub idempotency: Idempotency,
    pub rate: RateFacts,
    /// How answers may be shown while they are written; `None`: only whole.
    pub live: Option<LiveFacts>,
    /// How long "… is typing" stays, in milliseconds; 0: there is no such thing.
    pub typing_ms: u32,
    /// Whether it shows, once a command was given, that an answer is coming, until there is one: then it must be told where
    /// there is none, by [`Act::Dismiss`](crate::outbound::Act::Dismiss).
    pub promises: bool,
}

/// How often a message of ours may be edited while it is written, in milliseconds between two edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveFacts {
    pub private_ms: u32,
    pub group_ms: u32,
}

/// Whether sending the same thing twice can be made harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// A key sent along makes a repeat harmless, for so many milliseconds: in doubt, send again within them. Later it is as
    /// if there were none.
    Key { window_ms: u32 },
    /// There is none: in doubt, never send again; the row stays `unknown` and visible.
    None,
}

/// Ceilings the platform publishes; the engine keeps them, adapters never wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateFacts {
    /// Requests a second over the whole account.
    pub per_second: u32,
    /// Messages a minute into one group or channel; 0 means no such ceiling.
    pub per_group_minute: u32,
    /// Shortest time between two messages into one chat, in milliseconds, sustained.
    pub per_chat_ms: u32,
}

/// What an account's event source has been read up to. The value is the adapter's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which source of the account, if it has several.
    pub scope: String,
    pub value: String,
}

/// A chat platform, seen from the daemon: one value per bot account.
pub trait Platform: Send + Sync + 'static {
    fn account(&self) -> &AccountId;

    fn facts(&self) -> PlatformFacts;

    /// Receives until `stop`. Every batch goes to [`Host::accept`]; only after that returns may it be acknowledged
    /// to the platform. Outages are the adapter's to ride out, and to tell of by
    /// [`Host::trouble`]; it returns early only when going on cannot help.
    fn run(self: Arc<Self>, host: Arc<dyn Host>, stop: Stop) -> BoxFuture<'static, Result<(), PlatformError>>;

    /// Does one thing, once. Never retries, never waits for a limit: both are the engine's.
    fn deliver<'a>(&'a self, out: &'a Outbound) -> BoxFuture<'a, Result<Receipt, DeliverError>>;

    /// What a person may do where `at` leads, by the platform's own word at this moment; `None` asks about ourselves.
    fn standing<'a>(
        &'a self,
        at: &'a ReplyTo,
        person: Option<&'a PersonId>,
    ) -> BoxFuture<'a, Result<Standing, DeliverError>>;

    /// The bigger place that `at` leads into a part of, where acts upon people hold in all of it (a server of channels);
    /// `None`: they hold in the place alone. Read from the address; nobody is asked.
    fn whole(&self, at: &ReplyTo) -> Option<PlaceId>;

    /// The same address, where nobody reads but who said what is answered there; `None`: there is no such way, or it leads
    /// there already. Read from the address; nobody is asked.
    fn aside(&self, at: &ReplyTo) -> Option<ReplyTo>;

    /// Fetches a picture that this adapter named in [`Carried`](crate::inbound::Carried), once, from its platform and from
    /// nowhere else. One of more than `most` bytes is refused. Adapters that name none leave this as it is.
    fn picture<'a>(&'a self, _at: &'a PictureRef, _most: usize) -> BoxFuture<'a, Result<Vec<u8>, DeliverError>> {
        Box::pin(async { Err(DeliverError::Refused("no pictures are fetched here".to_owned())) })
    }

    /// Asks the platform what this account lacks: the token, what it may see, what it may do. For `doctor`.
    fn examine(&self) -> BoxFuture<'_, Vec<Finding>>;
}

/// What somebody may do in a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Whether they are there at all.
    pub member: bool,
    pub rights: BTreeSet<Right>,
    /// What is held against them there; none: the platform does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

impl Standing {
    /// Whether they may do this there.
    pub fn may(&self, right: Right) -> bool {
        self.member && self.rights.contains(&right)
    }
}

/// A right that platforms know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Say something.
    Speak,
    /// Change the place itself: Discord's Manage Server, a Telegram owner or an administrator who may change its info.
    Manage,
    /// Take down other people's messages.
    Remove,
    /// Keep somebody from writing.
    Restrict,
    Ban,
    Pin,
}

/// One line of an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub ok: bool,
    /// What was looked at, and what was found.
    pub what: String,
    /// What to do about it, if it is not well; or what could be done, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The daemon, seen from an adapter.
pub trait Host: Send + Sync + 'static {
    /// Commits the batch and the cursor together. When this returns `Ok`, what concerned us is on disk. Repeated
    /// events are recognised and dropped.
    fn accept(&self, batch: Vec<Inbound>, cursor: Option<Cursor>) -> BoxFuture<'_, Result<(), HostError>>;

    /// The stored cursor of this account, if there is one.
    fn cursor(&self, scope: &str) -> BoxFuture<'_, Result<Option<String>, HostError>>;

    /// What [`state_put`](Self::state_put) kept for this account under `name`.
    fn state_get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, HostError>>;

    /// Keeps something of the adapter's own, encrypted: a session, a token that rotates.
    fn state_put<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), HostError>>;

    /// The commands to offer.
    fn commands(&self) -> &[CommandSpec];

    /// What may be meant by the words typed so far behind a command: at most 25, at most 100 characters each.
    fn suggest(&self, command: &str, typed: &str) -> Vec<String>;

    /// Makes a request that no row of the outbox stands for: that somebody's press was heard, what could be meant by
    /// what they type. `false`: the town is frozen, so it was not made, or was cut off.
    fn leave<'a>(&'a self, request: BoxFuture<'a, ()>) -> BoxFuture<'a, bool>;

    /// Whether this gets an answer where it was said, as far as can be told at once. To what does not nothing is promised
    /// that others could see.
    fn heeds(&self, event: &Inbound) -> bool;

    /// Where people begin to talk to this account in private: what is put behind `base` comes back as the words behind
    /// `/start`. From adapters whose bots cannot write first, as soon as they know; the others never say it.
    fn start_link(&self, base: &str);

    /// Receiving stands still, and why, in words that may be shown to anyone: while this lasts the account counts as
    /// not receiving. `None`: all is well again.
    fn trouble(&self, what: Option<&str>);
}

/// Why the daemon could not take something. The adapter waits and offers the same batch again.
#[derive(Debug, Error)]
pub enum HostError {
    #[error("the store did not take it: {0}")]
    Store(String),
    #[error("the daemon is stopping")]
    Stopping,
}

/// Why receiving ended for good.
#[derive(Debug, Error)]
pub enum PlatformError {
    #[error("the platform refused the account: {0}")]
    Refused(String),
    #[error("{0}")]
    Other(String),
}

impl PlatformError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Permanent,
            Self::Other(_) => Kind::Bug,
        }
    }
}

/// Why a delivery did not end in a receipt. The class decides what happens next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeliverError {
    /// Nothing reached the platform (name lookup, connect, TLS): try again freely.
    #[error("not sent: {0}")]
    PreSend(String),
    /// The platform said no (400, 403, 404, blocked): trying again cannot help.
    #[error("refused: {0}")]
    Refused(String),
    /// Too fast (429): not before this many milliseconds.
    #[error("throttled for {retry_after_ms} ms")]
    Throttled { retry_after_ms: u64, scope: LimitScope },
    /// The message that this was about is no more; for an edit, what it would have said may still be said anew.
    #[error("the message is gone")]
    Gone,
    /// Not sent: the place has another address now. Try there.
    #[error("the place has moved")]
    Moved { to: ReplyTo },
    /// It may or may not have happened (read timeout, reset after sending, 5xx).
    #[error("in doubt: {0}")]
    InDoubt(String),
}
