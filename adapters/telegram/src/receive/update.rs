//! What we read of an update: only the fields we need, so that new ones are no trouble.

use serde::Deserialize;
use serde::de::IgnoredAny;
use townkeeper_contract::id::PersonId;
use townkeeper_contract::inbound::{Picture, PictureRef, PlaceKind};

#[derive(Deserialize)]
pub(super) struct Message {
    #[serde(rename = "message_id")]
    pub(super) id: i64,
    /// Unix time in seconds.
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    pub(super) chat: Chat,
    pub(super) from: Option<User>,
    /// Written in the name of a chat: a channel, or an anonymous moderator.
    pub(super) sender_chat: Option<Chat>,
    pub(super) via_bot: Option<IgnoredAny>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) entities: Vec<Entity>,
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) caption_entities: Vec<Entity>,
    #[serde(rename = "message_thread_id")]
    pub(super) thread: Option<i64>,
    #[serde(default, rename = "is_topic_message")]
    pub(super) in_topic: bool,
    #[serde(rename = "reply_to_message")]
    pub(super) quoted: Option<Quoted>,
    /// The part of it that was chosen to be quoted.
    pub(super) quote: Option<Quote>,
    /// The same picture in several sizes.
    pub(super) photo: Option<Vec<Attached>>,
    pub(super) video: Option<IgnoredAny>,
    /// An animation is one too.
    pub(super) document: Option<Attached>,
    pub(super) audio: Option<IgnoredAny>,
    pub(super) voice: Option<IgnoredAny>,
    pub(super) video_note: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) new_chat_members: Vec<User>,
    pub(super) left_chat_member: Option<User>,
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) migrate_from_chat_id: Option<i64>,
}

impl Message {
    /// How many files hang on it: an album is as many messages. A sticker holds nothing of anybody's own.
    pub(super) fn media(&self) -> u8 {
        let others = [&self.video, &self.audio, &self.voice, &self.video_note];
        let any = self.photo.is_some() || self.document.is_some() || others.into_iter().any(Option::is_some);
        u8::from(any)
    }

    /// The picture on it: a photograph in its largest size, or a file that is one.
    pub(super) fn pictures(&self) -> Vec<Picture> {
        let largest = self.photo.iter().flatten().max_by_key(|size| size.width.saturating_mul(size.height));
        // Telegram makes every photograph a JPEG.
        let photo = largest.map(|size| size.picture("image/jpeg"));
        let file = self.document.as_ref().filter(|file| file.mime_type.starts_with("image/"));
        photo.or_else(|| file.map(|file| file.picture(&file.mime_type))).into_iter().collect()
    }
}

/// `PhotoSize` and `Document`, as far as they are alike.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Attached {
    #[serde(rename = "file_id")]
    id: String,
    width: u64,
    height: u64,
    mime_type: String,
    #[serde(rename = "file_size")]
    bytes: Option<u64>,
}

impl Attached {
    fn picture(&self, media_type: &str) -> Picture {
        Picture { at: PictureRef(self.id.clone()), media_type: media_type.to_owned(), bytes: self.bytes }
    }
}

/// `TextQuote`.
#[derive(Deserialize)]
pub(super) struct Quote {
    #[serde(default)]
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Callback {
    pub(super) id: String,
    pub(super) from: User,
    /// Missing below inline messages, which we never send.
    pub(super) message: Option<Message>,
    pub(super) data: Option<String>,
}

/// `MessageGenerationStopped`: private chats alone have drafts, so the chat is the person.
#[derive(Deserialize)]
pub(super) struct Stopped {
    pub(super) chat: Chat,
    #[serde(rename = "message_thread_id")]
    pub(super) thread: Option<i64>,
    pub(super) draft_id: i64,
}

/// `ChatMemberUpdated`.
#[derive(Deserialize)]
pub(super) struct MemberUpdate {
    pub(super) chat: Chat,
    /// Who did it.
    pub(super) from: User,
    pub(super) date: i64,
    #[serde(rename = "old_chat_member")]
    pub(super) old: Member,
    #[serde(rename = "new_chat_member")]
    pub(super) new: Member,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) status: String,
    pub(super) user: User,
    #[serde(default, rename = "is_member")]
    pub(super) there: bool,
}

impl Member {
    pub(super) fn is_there(&self) -> bool {
        match self.status.as_str() {
            "left" | "kicked" => false,
            "restricted" => self.there,
            _ => true,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) first_name: String,
    pub(super) username: Option<String>,
}

impl Chat {
    /// A kind of chat that we do not know is treated as a group: nothing is ours there unless addressed to us.
    pub(super) fn kind(&self) -> PlaceKind {
        match self.kind.as_str() {
            "private" => PlaceKind::Private,
            "channel" => PlaceKind::Channel,
            _ => PlaceKind::Group,
        }
    }
}

#[derive(Default, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    pub(super) username: Option<String>,
}

impl User {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

#[derive(Deserialize)]
pub(super) struct Quoted {
    pub(super) message_id: i64,
    pub(super) from: Option<User>,
    sender_chat: Option<IgnoredAny>,
    text: Option<String>,
    caption: Option<String>,
}

impl Quoted {
    /// What it says.
    pub(super) fn words(&self) -> Option<&str> {
        self.text.as_deref().or(self.caption.as_deref())
    }

    /// Who wrote it; nobody we could name where it was written in the name of a chat.
    pub(super) fn author(&self) -> Option<PersonId> {
        let from = self.from.as_ref().filter(|_| self.sender_chat.is_none());
        from.map(|from| PersonId(from.id.to_string()))
    }
}

/// A marked stretch of text; offsets and lengths count UTF-16 code units.
#[derive(Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) user: Option<User>,
    /// Where a `text_link` leads.
    pub(super) url: Option<String>,
}
