//! One update of the Bot API in our words. Pure, but for the time of a pressed stop button, which comes without one.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use townkeeper_contract::id::{AccountId, ActionId, EventKey, MessageRef, PersonId, PlaceId, ThreadId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind};

use super::members;
use super::update::{Callback, Chat, Entity, Message, Quoted, Stopped, User};
use crate::api::now_s;
use crate::deliver::Target;

/// Who we are at Telegram.
#[derive(Clone, Debug)]
pub struct Me {
    pub account: AccountId,
    pub id: i64,
    /// Without the `@`.
    pub username: String,
}

/// The kinds of update that we ask for, and read.
pub(crate) const KINDS: [&str; 6] =
    ["message", "edited_message", "callback_query", "stopped_message_generation", "chat_member", "my_chat_member"];

/// Why an update says nothing to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// A kind of update that we do not know.
    Kind(String),
    /// A kind that we know in a shape that we do not; what is wrong with it.
    Shape(String),
}

/// What an update says to us; empty where that is nothing: no words, or words of our own.
pub fn normalise(update: &Value, me: &Me) -> Result<Vec<Inbound>, Unread> {
    let known = KINDS.into_iter().find_map(|kind| Some((kind, update.get(kind)?)));
    let Some((kind, body)) = known else {
        let mut fields = update.as_object().into_iter().flat_map(|fields| fields.keys());
        return Err(match fields.find(|field| *field != "update_id") {
            Some(unknown) => Unread::Kind(unknown.clone()),
            None => Unread::Shape("an update without a body".into()),
        });
    };
    let number = update.get("update_id").and_then(Value::as_i64).unwrap_or(0);
    // Not the update's number alone: after a quiet week Telegram begins to number anew, and a number met before would be
    // taken for a repeat, and lost.
    match kind {
        "message" => {
            let message: Message = read(body)?;
            let event = EventKey(format!("m{}/{}", message.chat.id, message.id));
            Ok(members::in_service(&message, me)
                .unwrap_or_else(|| from_message(event, &message, me).into_iter().collect()))
        }
        "edited_message" => {
            let message: Message = read(body)?;
            let at = message.edit_date.unwrap_or(message.date);
            // Two edits may share a second; the number tells them apart.
            let event = EventKey(format!("e{}/{}/{at}/{number}", message.chat.id, message.id));
            Ok(from_edit(event, at, &message, me).into_iter().collect())
        }
        "callback_query" => Ok(from_button(read(body)?, me).into_iter().collect()),
        "stopped_message_generation" => Ok(vec![from_stop(&read(body)?, number, me)]),
        "chat_member" => Ok(members::of_others(&read(body)?, number, me).into_iter().collect()),
        _ => Ok(members::of_ourselves(&read(body)?, number, me).into_iter().collect()),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a Value) -> Result<T, Unread> {
    T::deserialize(body).map_err(|error| Unread::Shape(error.to_string()))
}

fn from_button(callback: Callback, me: &Me) -> Option<Inbound> {
    let event = EventKey(format!("c{}", callback.id));
    let message = callback.message?;
    let body = Body::Action { action: ActionId(callback.data?) };
    Some(inbound(event, &message, &callback.from, body, true, me))
}

/// The stop button of a draft is the command. It comes without a person and a time: in a private chat there is one person.
fn from_stop(stopped: &Stopped, number: i64, me: &Me) -> Inbound {
    let Stopped { chat, thread, draft_id } = stopped;
    let target = Target { chat: chat.id, thread: *thread, message_id: None };
    Inbound {
        event: EventKey(format!("s{}/{draft_id}/{number}", chat.id)),
        account: me.account.clone(),
        place: place(chat, *thread),
        thread: thread.map(|id| ThreadId(id.to_string())),
        person: Person {
            id: PersonId(chat.id.to_string()),
            name: chat.first_name.clone(),
            handle: chat.username.clone(),
            bot: false,
        },
        at_ms: now_s().saturating_mul(1000),
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: target.to_reply(),
        body: Body::Command { name: "stop".into(), args: String::new() },
    }
}

/// New words for a message. Where it was a command of ours: the words behind it.
fn from_edit(event: EventKey, at: i64, message: &Message, me: &Me) -> Option<Inbound> {
    let mut edited = from_message(event, message, me)?;
    let (Body::Message { text } | Body::Command { args: text, .. }) = edited.body else { return None };
    edited.body = Body::Edited { text };
    edited.carried = carried(message, &edited.body);
    edited.at_ms = at.saturating_mul(1000);
    Some(edited)
}

fn from_message(event: EventKey, message: &Message, me: &Me) -> Option<Inbound> {
    let from = message.from.as_ref().filter(|from| from.id != me.id)?;
    let (text, entities) = match (&message.text, &message.caption) {
        (Some(text), _) => (text, &message.entities),
        (None, Some(caption)) => (caption, &message.caption_entities),
        // A picture without a word asks us nothing, but a group may have to be kept from it.
        (None, None) if message.media() > 0 && message.chat.kind() == PlaceKind::Group => {
            return Some(inbound(event, message, from, Body::Message { text: String::new() }, false, me));
        }
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

pub(super) fn inbound(
    event: EventKey,
    message: &Message,
    from: &User,
    body: Body,
    addressed: bool,
    me: &Me,
) -> Inbound {
    let thread = message.thread.filter(|_| message.in_topic);
    let target = Target { chat: message.chat.id, thread, message_id: Some(message.id) };
    // A button is pressed by its person; only words can be written in another's name.
    let written = matches!(body, Body::Message { .. } | Body::Command { .. });
    let person = match message.sender_chat.as_ref().filter(|_| written) {
        // Telegram then names the same stand-in for everyone: the chat tells one mask from another.
        Some(mask) => Person {
            id: PersonId(mask.id.to_string()),
            name: mask.title.clone(),
            handle: mask.username.clone(),
            bot: true,
        },
        None => Person { bot: from.is_bot || written && message.via_bot.is_some(), ..person(from) },
    };
    Inbound {
        event,
        account: me.account.clone(),
        place: place(&message.chat, thread),
        thread: thread.map(|id| ThreadId(id.to_string())),
        person,
        at_ms: message.date.saturating_mul(1000),
        addressed,
        message: Some(MessageRef(format!("{}/{}", message.chat.id, message.id))),
        replies_to: message.replied().map(|q| MessageRef(format!("{}/{}", message.chat.id, q.message_id))),
        replies_to_person: message.replied().and_then(Quoted::author),
        carried: carried(message, &body),
        reply_to: target.to_reply(),
        body,
    }
}

fn carried(message: &Message, body: &Body) -> Carried {
    let marked = message.entities.iter().chain(&message.caption_entities);
    // A command is about the message that it replies to; other words have their own matter.
    let about = message.replied().filter(|_| matches!(body, Body::Command { .. })).and_then(Quoted::words);
    let chosen = message.quote.as_ref().map(|quote| quote.text.as_str());
    Carried {
        links: marked.filter_map(|entity| entity.url.clone()).collect(),
        quoted: about.or(chosen).unwrap_or_default().to_owned(),
        media: message.media(),
        pictures: message.pictures(),
        written_in: None,
    }
}

pub(super) fn place(chat: &Chat, thread: Option<i64>) -> Place {
    let address = Target { chat: chat.id, thread, message_id: None };
    Place { id: PlaceId(chat.id.to_string()), kind: chat.kind(), address: Some(address.to_reply()), within: None }
}

pub(super) fn person(user: &User) -> Person {
    Person { id: PersonId(user.id.to_string()), name: user.name(), handle: user.username.clone(), bot: user.is_bot }
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
