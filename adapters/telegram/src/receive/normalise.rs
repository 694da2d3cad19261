//! One update of the Bot API in our words. Pure; reads only the fields it needs, so that new ones are no trouble.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use townkeeper_contract::id::{AccountId, ActionId, EventKey, MessageRef, PersonId, PlaceId, ThreadId};
use townkeeper_contract::inbound::{Body, Inbound, Person, Place, PlaceKind};

use crate::deliver::Target;

/// Who we are at Telegram.
#[derive(Clone, Debug)]
pub struct Me {
    pub account: AccountId,
    pub id: i64,
    /// Without the `@`.
    pub username: String,
}

#[derive(Deserialize)]
struct Update {
    message: Option<Message>,
    callback_query: Option<Callback>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "message_id")]
    id: i64,
    /// Unix time in seconds.
    date: i64,
    chat: Chat,
    from: Option<User>,
    /// Written in the name of a chat: a channel, or an anonymous moderator.
    sender_chat: Option<IgnoredAny>,
    via_bot: Option<IgnoredAny>,
    text: Option<String>,
    #[serde(default)]
    entities: Vec<Entity>,
    caption: Option<String>,
    #[serde(default)]
    caption_entities: Vec<Entity>,
    #[serde(rename = "message_thread_id")]
    thread: Option<i64>,
    #[serde(default, rename = "is_topic_message")]
    in_topic: bool,
    #[serde(rename = "reply_to_message")]
    quoted: Option<Quoted>,
}

#[derive(Deserialize)]
struct Callback {
    id: String,
    from: User,
    /// Missing below inline messages, which we never send.
    message: Option<Message>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

#[derive(Deserialize)]
struct Quoted {
    message_id: i64,
    from: Option<User>,
    sender_chat: Option<IgnoredAny>,
}

/// A marked stretch of text; offsets and lengths count UTF-16 code units.
#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: String,
    offset: usize,
    length: usize,
    user: Option<User>,
}

/// What an update says to us; `None` if nothing: an unknown kind, no words, or words of our own.
pub fn normalise(update: &Value, me: &Me) -> Option<Inbound> {
    let update = Update::deserialize(update).ok()?;
    // Not the update's number: after a quiet week Telegram begins to number anew, and a number met before would be taken
    // for a repeat, and lost.
    match update {
        Update { message: Some(message), .. } => {
            let event = EventKey(format!("m{}/{}", message.chat.id, message.id));
            from_message(event, &message, me)
        }
        Update { callback_query: Some(callback), .. } => {
            let event = EventKey(format!("c{}", callback.id));
            let message = callback.message?;
            let body = Body::Action { action: ActionId(callback.data?) };
            Some(inbound(event, &message, &callback.from, body, true, me))
        }
        _ => None,
    }
}

fn from_message(event: EventKey, message: &Message, me: &Me) -> Option<Inbound> {
    let from = message.from.as_ref().filter(|from| from.id != me.id)?;
    let (text, entities) = match (&message.text, &message.caption) {
        (Some(text), _) => (text, &message.entities),
        (None, Some(caption)) => (caption, &message.caption_entities),
        (None, None) => return None,
    };
    let mentions = mentions_of(me, text, entities);
    let words = without(text, &mentions);
    let private = message.chat.kind() == PlaceKind::Private;
    let (body, addressed) = match command_in(&words, text, entities, me) {
        Command::Ours(body) => (body, true),
        Command::OfAnotherBot => (Body::Message { text: words }, private),
        Command::None => (Body::Message { text: words }, private || !mentions.is_empty() || message.answers(me)),
    };
    Some(inbound(event, message, from, body, addressed, me))
}

fn inbound(event: EventKey, message: &Message, from: &User, body: Body, addressed: bool, me: &Me) -> Inbound {
    let thread = message.thread.filter(|_| message.in_topic);
    let target = Target { chat: message.chat.id, thread, message_id: Some(message.id) };
    let address = Target { message_id: None, ..target };
    // A button is pressed by its person; only words can be written in another's name.
    let masked = matches!(body, Body::Message { .. } | Body::Command { .. })
        && (message.sender_chat.is_some() || message.via_bot.is_some());
    Inbound {
        event,
        account: me.account.clone(),
        place: Place {
            id: PlaceId(message.chat.id.to_string()),
            kind: message.chat.kind(),
            address: Some(address.to_reply()),
        },
        thread: thread.map(|id| ThreadId(id.to_string())),
        person: Person { id: PersonId(from.id.to_string()), name: from.name(), bot: from.is_bot || masked },
        at_ms: message.date.saturating_mul(1000),
        addressed,
        message: Some(MessageRef(format!("{}/{}", message.chat.id, message.id))),
        replies_to: message.replied().map(|q| MessageRef(format!("{}/{}", message.chat.id, q.message_id))),
        replies_to_person: message.replied().and_then(Quoted::author),
        reply_to: target.to_reply(),
        body,
    }
}

impl Chat {
    /// A kind of chat that we do not know is treated as a group: nothing is ours there unless addressed to us.
    fn kind(&self) -> PlaceKind {
        match self.kind.as_str() {
            "private" => PlaceKind::Private,
            "channel" => PlaceKind::Channel,
            _ => PlaceKind::Group,
        }
    }
}

impl Quoted {
    /// Who wrote it; nobody we could name where it was written in the name of a chat.
    fn author(&self) -> Option<PersonId> {
        let from = self.from.as_ref().filter(|_| self.sender_chat.is_none());
        from.map(|from| PersonId(from.id.to_string()))
    }
}

impl User {
    fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

impl Message {
    /// What it replies to. In a topic every plain message "replies" to the one that opened the topic.
    fn replied(&self) -> Option<&Quoted> {
        self.quoted.as_ref().filter(|quoted| !self.in_topic || self.thread != Some(quoted.message_id))
    }

    /// Whether it is a reply to us.
    fn answers(&self, me: &Me) -> bool {
        self.replied().and_then(|quoted| quoted.from.as_ref()).is_some_and(|from| from.id == me.id)
    }
}

enum Command {
    Ours(Body),
    OfAnotherBot,
    None,
}

/// The command that `words` (the text without mentions of us) begin with.
fn command_in(words: &str, text: &str, entities: &[Entity], me: &Me) -> Command {
    let marked = entities.iter().find(|e| e.kind == "bot_command");
    let marked = marked.and_then(|e| text.get(utf16_range(text, e.offset, e.length)?));
    let Some((command, args)) = marked.and_then(|command| Some((command, words.strip_prefix(command)?))) else {
        return Command::None;
    };
    let command = command.trim_start_matches('/');
    let (name, bot) = command.split_once('@').unwrap_or((command, &me.username));
    if !bot.eq_ignore_ascii_case(&me.username) {
        return Command::OfAnotherBot;
    }
    Command::Ours(Body::Command { name: name.to_lowercase(), args: args.trim().to_owned() })
}

/// Where the text mentions us, in bytes.
fn mentions_of(me: &Me, text: &str, entities: &[Entity]) -> Vec<Range<usize>> {
    let is_us = |entity: &Entity, range: &Range<usize>| match entity.kind.as_str() {
        "mention" => {
            let name = text.get(range.clone()).and_then(|mention| mention.strip_prefix('@'));
            name.is_some_and(|name| name.eq_ignore_ascii_case(&me.username))
        }
        "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == me.id),
        _ => false,
    };
    let ranges = entities.iter().filter_map(|e| Some((e, utf16_range(text, e.offset, e.length)?)));
    ranges.filter(|(entity, range)| is_us(entity, range)).map(|(_, range)| range).collect()
}

/// The text without these ranges (ascending), and without the space or the salutation's comma that they leave.
fn without(text: &str, ranges: &[Range<usize>]) -> String {
    if ranges.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for range in ranges {
        out.push_str(text.get(rest..range.start).unwrap_or_default());
        rest = range.end;
        let gap = out.is_empty() || out.ends_with(char::is_whitespace);
        let after = text.get(rest..).unwrap_or_default();
        if gap {
            rest += after.len() - after.trim_start_matches([' ', ',', ':']).len();
        }
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    out.trim().to_owned()
}

/// A range in UTF-16 code units as a range in bytes; `None` if it does not lie between characters of the text.
fn utf16_range(text: &str, offset: usize, length: usize) -> Option<Range<usize>> {
    let byte_at = |units: usize| {
        let mut left = units;
        for (at, c) in text.char_indices() {
            if left == 0 {
                return Some(at);
            }
            left = left.checked_sub(c.len_utf16())?;
        }
        (left == 0).then_some(text.len())
    };
    Some(byte_at(offset)?..byte_at(offset.checked_add(length)?)?)
}
