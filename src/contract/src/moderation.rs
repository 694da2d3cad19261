//! Moderation, and what became of everything we sent: the API's bodies.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::id::{AccountId, MessageRef, PersonId, PlaceId};

words! {
    /// What a moderator may ask for.
    Verb {
        /// Take a message down. It cannot be brought back.
        Remove = "remove",
        /// May read and not write, for a time.
        Restrict = "restrict",
        /// May write again.
        Release = "release",
        Ban = "ban",
        Unban = "unban",
        Pin = "pin",
        Unpin = "unpin",
        /// Say something in a place: to the moderators' channel. Not to be had in a chat.
        Notice = "notice",
    }
}

/// `POST /v1/moderation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewModeration {
    pub verb: Verb,
    /// As `telegram:main`.
    pub account: AccountId,
    /// The platform's own id of a place in which the account was spoken to.
    pub place: PlaceId,
    /// For `remove`, `pin` and `unpin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// For `restrict`, `release`, `ban` and `unban`: the platform's number, never a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// For `restrict`: how long, in milliseconds; an hour if nothing is said, a year at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<i64>,
    /// Why, or what the notice says. At most 500 bytes.
    #[serde(default)]
    pub reason: String,
    /// The caller's own key: the same again is the same act. At most 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The number of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModerationNumber {
    pub number: i64,
}

/// What a moderator had done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModerationAct {
    /// Counts from 1 within a workspace.
    pub number: i64,
    pub verb: Verb,
    pub account: AccountId,
    pub place: PlaceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    pub reason: String,
    /// As the audit log writes it.
    pub by: String,
    /// Unix time in milliseconds, as everywhere.
    pub at_ms: i64,
    /// The act that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<i64>,
    /// The act that took this one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_by: Option<i64>,
    /// How it went so far; none: the person was erased since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
    /// What the platform, or we, said last about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// For acts upon a person: how they stood there before anything was done about them that still counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
}

/// What is held against somebody in a place, as its platform says. Nothing: they may whatever others may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// They are thrown out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ban: Option<Term>,
    /// They may not do all that others may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// How long something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// Unix time in milliseconds; none: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// A restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quiet {
    #[serde(flatten)]
    pub term: Term,
    /// What they may do all the same, in the platform's own words; most often nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub may: BTreeSet<String>,
}

impl Held {
    /// Whether nothing is held against them.
    pub fn is_nothing(&self) -> bool {
        self.ban.is_none() && self.quiet.is_none()
    }
}

/// How somebody stood before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Former {
    /// The platform could not say: what takes the act back lifts whatever there is.
    Unknown,
    Held(Held),
}

/// `GET /v1/moderation`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModerationList {
    pub acts: Vec<ModerationAct>,
}

words! {
    /// What became of something that we send.
    DeliveryState {
        /// It waits.
        Ready = "ready",
        Sending = "sending",
        Sent = "sent",
        /// It may or may not have arrived.
        Unknown = "unknown",
        Refused = "refused",
        /// It came too late to be of use, and was not sent.
        Expired = "expired",
    }
}

/// One thing we send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    pub id: String,
    pub account: AccountId,
    /// The line it stands in: a place, and a thread of it.
    pub destination: String,
    pub turn: String,
    /// Counts from 0 within a turn.
    pub part: i64,
    pub state: DeliveryState,
    /// `message`, `edit`, `delete`, `dismiss`, `pin`, `unpin` or `moderate`.
    pub act: String,
    /// How it begins, where it has words.
    pub text: String,
    pub attempts: i64,
    pub created_ms: i64,
    /// When it comes, or came, too late; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// What was said of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// `GET /v1/outbox?state=`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryList {
    pub deliveries: Vec<Delivery>,
    /// Whether there are older ones, which are not in this list.
    #[serde(default)]
    pub more: bool,
}
