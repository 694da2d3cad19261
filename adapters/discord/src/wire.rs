//! Discord's objects, as far as we read them. Every other field may come, go and change its shape: it costs nothing.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A snowflake: 64 bits, written as text because JSON's numbers do not hold them everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// The first millisecond of Discord's time, in Unix time.
const EPOCH_MS: i64 = 1_420_070_400_000;

impl Id {
    /// When it was made, in Unix milliseconds.
    pub fn at_ms(self) -> i64 {
        EPOCH_MS.saturating_add((self.0 >> 22).cast_signed())
    }

    /// The smallest id of this moment.
    pub fn since(at_ms: i64) -> Self {
        Self(u64::try_from(at_ms.saturating_sub(EPOCH_MS)).unwrap_or(0) << 22)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Id {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(id) => Ok(Self(id)),
            Either::Text(id) => id.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// What a gateway frame is; `d` is read by its kind, or not at all.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    pub(crate) op: u8,
    #[serde(default)]
    pub(crate) s: Option<u64>,
    #[serde(default)]
    pub(crate) t: Option<String>,
    #[serde(borrow, default)]
    pub(crate) d: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) session_id: String,
    pub(crate) resume_gateway_url: Option<String>,
    pub(crate) user: User,
    pub(crate) application: Identified,
    #[serde(default)]
    pub(crate) guilds: Vec<Identified>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: Id,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) global_name: Option<String>,
    #[serde(default)]
    pub(crate) bot: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Member {
    #[serde(default)]
    pub(crate) nick: Option<String>,
    #[serde(default)]
    pub(crate) user: Option<User>,
}

/// GUILD_MEMBER_ADD, _UPDATE and _REMOVE.
#[derive(Debug, Deserialize)]
pub(crate) struct MemberEvent {
    pub(crate) guild_id: Id,
    pub(crate) user: User,
    #[serde(default)]
    pub(crate) nick: Option<String>,
}

/// A message, by the gateway or by REST, which leaves out the guild and the member.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "Discord's own names")]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) channel_id: Id,
    #[serde(default)]
    pub(crate) guild_id: Option<Id>,
    #[serde(default)]
    pub(crate) author: Option<User>,
    #[serde(default)]
    pub(crate) member: Option<Member>,
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) edited_timestamp: Option<String>,
    #[serde(default, rename = "type")]
    pub(crate) kind: u64,
    #[serde(default)]
    pub(crate) webhook_id: Option<Id>,
    #[serde(default)]
    pub(crate) application_id: Option<Id>,
    #[serde(default)]
    pub(crate) mentions: Vec<User>,
    #[serde(default)]
    pub(crate) referenced_message: Option<Referenced>,
    #[serde(default)]
    pub(crate) message_reference: Option<Reference>,
    /// What a forward brings along: the words of others.
    #[serde(default)]
    pub(crate) message_snapshots: Vec<Snapshot>,
    #[serde(default)]
    pub(crate) attachments: Vec<Attachment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attachment {
    /// Signed: whoever knows it may fetch the file, for a while.
    pub(crate) url: String,
    pub(crate) content_type: Option<String>,
    pub(crate) size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Snapshot {
    #[serde(default)]
    pub(crate) message: Forwarded,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Forwarded {
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) attachments: Vec<Attachment>,
}

/// The message that one answers; missing where it is deleted.
#[derive(Debug, Deserialize)]
pub(crate) struct Referenced {
    #[serde(default)]
    pub(crate) author: Option<User>,
    #[serde(default)]
    pub(crate) content: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    #[serde(default)]
    pub(crate) message_id: Option<Id>,
    /// 0 is a reply, 1 a forward.
    #[serde(default, rename = "type")]
    pub(crate) kind: u64,
}

/// A command, a button, a form, or words typed so far.
#[derive(Debug, Deserialize)]
pub(crate) struct Interaction {
    pub(crate) id: Id,
    pub(crate) application_id: Id,
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) channel_id: Option<Id>,
    #[serde(default)]
    pub(crate) channel: Option<Channel>,
    #[serde(default)]
    pub(crate) guild_id: Option<Id>,
    #[serde(default)]
    pub(crate) member: Option<Member>,
    #[serde(default)]
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) data: InteractionData,
    #[serde(default)]
    pub(crate) message: Option<Pressed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InteractionData {
    pub(crate) name: String,
    /// The message or person whose menu it was chosen from.
    pub(crate) target_id: Option<Id>,
    pub(crate) resolved: Resolved,
    pub(crate) custom_id: String,
    pub(crate) options: Vec<CommandOption>,
    pub(crate) components: Value,
}

/// What an interaction names, as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resolved {
    pub(crate) messages: HashMap<Id, Referenced>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CommandOption {
    #[serde(default)]
    pub(crate) value: Value,
    #[serde(default)]
    pub(crate) focused: bool,
}

/// The message that a button stands below.
#[derive(Debug, Deserialize)]
pub(crate) struct Pressed {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) flags: u64,
}

/// A channel or a thread.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: Id,
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    #[serde(default)]
    pub(crate) guild_id: Option<Id>,
    #[serde(default)]
    pub(crate) parent_id: Option<Id>,
    #[serde(default)]
    pub(crate) last_message_id: Option<Id>,
}

impl Channel {
    pub(crate) fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    /// Whether messages stand in it.
    pub(crate) fn is_read(&self) -> bool {
        self.is_thread() || matches!(self.kind, 0 | 1 | 2 | 3 | 5)
    }
}

/// GUILD_CREATE; of GUILD_DELETE only the first two.
#[derive(Debug, Deserialize)]
pub(crate) struct Guild {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) unavailable: bool,
    #[serde(default)]
    pub(crate) joined_at: String,
    #[serde(default)]
    pub(crate) system_channel_id: Option<Id>,
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    #[serde(default)]
    pub(crate) threads: Vec<Channel>,
    #[serde(default)]
    pub(crate) roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) tags: RoleTags,
}

/// Whose role it is, if it is that of one application.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RoleTags {
    #[serde(default)]
    pub(crate) bot_id: Option<Id>,
}
