//! Identifiers. Each is a newtype over text, so that one cannot be passed for another. None is made here:
//! randomness belongs to floor 5.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A community. Every row, cache key and metric carries it.
    WorkspaceId;
    /// One bot account on one platform, as named in the configuration (`telegram:main`, `web`).
    AccountId;
    /// The platform's own id of an event; unique per account, so a repeated delivery is recognised.
    EventKey;
    /// A chat, channel or room, in the platform's own numbering.
    PlaceId;
    /// A thread or topic inside a place.
    ThreadId;
    /// A person as the platform numbers them. Never a display name.
    PersonId;
    /// Place + thread + person: the line in which turns are taken in order.
    ConversationId;
    /// One turn: what was asked and everything that came of it. ULID text.
    TurnId;
    /// One row of the outbox. ULID text.
    OutboxId;
    /// One tool call, ours; a provider's own id is kept beside it.
    CallId;
    /// One entry of the canonical base.
    EntryId;
    /// A message on a platform, as that platform names it.
    MessageRef;
    /// What a button stands for; at most 40 bytes.
    ActionId;
}
