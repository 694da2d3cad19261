//! What comes in: one shape for a chat message, a command, a button and a web request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActionId, EventKey, MessageRef, PersonId, PlaceId, ThreadId};

/// An event that a platform delivered to us, already in our words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inbound {
    /// Unique per account; a second delivery of the same key is dropped by the inbox.
    pub event: EventKey,
    pub account: AccountId,
    pub place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
    pub person: Person,
    /// When it was said, by the platform's clock: Unix time in milliseconds.
    pub at_ms: i64,
    /// Whether it is for us: a private chat, a mention, a reply to us, a command, a button of ours.
    pub addressed: bool,
    /// The message it is, where it is one: what was written, what was edited, or what a button stands below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// The message it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies_to: Option<MessageRef>,
    /// Who wrote that. None where the platform does not say, or where it was written in another's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies_to_person: Option<PersonId>,
    /// What else came with the words. For judging, never for answering.
    #[serde(default, skip_serializing_if = "Carried::is_nothing")]
    pub carried: Carried,
    /// Where an answer goes; made by the adapter and handed back to it unread.
    pub reply_to: ReplyTo,
    pub body: Body,
}

/// What kind of place a message was said in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Private,
    Group,
    Channel,
}

/// A chat, channel or room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub id: PlaceId,
    pub kind: PlaceKind,
    /// Where something goes that answers nobody: a notice, a pinned message. Made by the adapter, like [`ReplyTo`]s are;
    /// none where nothing can be said first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<ReplyTo>,
    /// The bigger place that it is a part of, where it is one: a server's channel names the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<PlaceId>,
}

/// Who said it. Authority comes from `id` alone; `name` is for people's eyes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    pub id: PersonId,
    #[serde(default)]
    pub name: String,
    /// The name by which the platform mentions them, without `@`. People change it: it proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    #[serde(default)]
    pub bot: bool,
}

/// What a message holds besides its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Carried {
    /// Addresses that stand behind words, which do not show them.
    pub links: Vec<String>,
    /// Words of others that it quotes or forwards.
    pub quoted: String,
    /// How many images, videos and files hang on it.
    pub media: u8,
    /// Those of them that are pictures, by the platform's word. Taken off before an event is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// Where it stands, if that is not the place that it is about: a command may name another one. Taken off before an event is
    /// kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_in: Option<Place>,
}

/// A picture that hangs on a message; what it shows is not here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Picture {
    /// Where it is.
    pub at: PictureRef,
    /// Its media type as declared, without parameters: `image/png`.
    pub media_type: String,
    /// Its size as declared, in bytes; `None`: not said.
    pub bytes: Option<u64>,
}

/// An adapter's own word for where a picture is. Opaque to everyone else, and for nobody's log: it may let in whoever
/// knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PictureRef(pub String);

impl Carried {
    /// Whether it holds only words.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An adapter's own address for answers. Opaque to everyone else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ReplyTo(pub String);

/// What was said or pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
#[non_exhaustive]
pub enum Body {
    /// Words. UTF-8, as written; mentions of us already taken out.
    Message { text: String },
    /// A command by its name without prefix, and the words behind it.
    Command {
        name: String,
        #[serde(default)]
        args: String,
    },
    /// A button of ours was pressed.
    Action { action: ActionId },
    /// The words of `message` are these now. Only where they differ: a platform also tells of previews it added.
    Edited { text: String },
    /// A person came, went, or is called something else now. Never addressed to us.
    Roster { change: RosterChange },
    /// Something about our own account in this place. `person` is who did it.
    Presence { change: PresenceChange },
}

/// What became of a person in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "change")]
#[non_exhaustive]
pub enum RosterChange {
    Joined,
    Left,
    /// `Person::name` is the new name.
    Renamed {
        #[serde(default)]
        from: String,
    },
}

/// What became of us in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "change")]
#[non_exhaustive]
pub enum PresenceChange {
    Added,
    Removed,
    /// The place has another id from now on: what belonged to it belongs to that.
    Moved {
        to: PlaceId,
        address: ReplyTo,
    },
}

impl Inbound {
    /// Whether this is a control: taken out of turn, so that stopping works while an answer is being written.
    pub fn is_control(&self) -> bool {
        match &self.body {
            Body::Command { name, args } if name == "keeper" => args.split_whitespace().next() == Some("freeze"),
            Body::Command { name, .. } => name == "stop" || name == "freeze",
            _ => false,
        }
    }
}
