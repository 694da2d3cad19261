//! One event of Discord in our words. Pure.

use serde_json::Value;
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::id::{AccountId, ActionId, EventKey, PersonId, PlaceId, ThreadId};
use townkeeper_contract::inbound::{
    Body, Carried, Inbound, Person, Picture, PictureRef, Place, PlaceKind, PresenceChange, RosterChange,
};

use crate::commands::FORM;
use crate::deliver::{EPHEMERAL, Target, Via, reference};
use crate::wire::{Attachment, Guild, Id, Interaction, Member, MemberEvent, Message, User};

use super::keeper;
use super::world::{Seat, World};

/// Who we are at Discord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    pub account: AccountId,
    pub user: Id,
    pub application: Id,
}

/// The kinds of messages in which somebody says something: plain, a reply, what an application answered.
const SAID: [u64; 3] = [0, 19, 20];
const COMMAND: u64 = 2;
const COMPONENT: u64 = 3;
const FORM_SENT: u64 = 5;

/// A message that was written; `None`: nothing to us.
pub(crate) fn message(message: &Message, me: &Me, world: &World) -> Option<Inbound> {
    let event = EventKey(format!("m{}", message.id));
    let guild = message.guild_id.or_else(|| world.seat(message.channel_id)?.guild);
    let replies = message.message_reference.as_ref().is_some_and(|reference| reference.kind == 0);
    let order = guild.and_then(|guild| keeper::order(&message.content, replies, me.user, world.our_role(Some(guild))));
    let body = |text| order.unwrap_or(Body::Message { text });
    let mut inbound = words(message, event, message.id.at_ms(), body, me, world)?;
    if matches!(inbound.body, Body::Command { .. }) {
        // A command is about the message that it replies to.
        let about = message.referenced_message.as_ref().filter(|_| replies);
        inbound.carried.quoted = about.map(|about| about.content.clone()).unwrap_or_default();
    }
    let target = Target { channel: message.channel_id, guild, message: None, via: None, press: None };
    Some(keeper::resolve(inbound, &target, world))
}

/// A message that says something else now. Previews that Discord adds change no words.
pub(crate) fn edited(message: &Message, me: &Me, world: &World) -> Option<Inbound> {
    let edited = message.edited_timestamp.as_deref()?;
    let at = chrono::DateTime::parse_from_rfc3339(edited).ok()?;
    let event = EventKey(format!("e{}/{}", message.id, at.timestamp_micros()));
    words(message, event, at.timestamp_millis(), |text| Body::Edited { text }, me, world)
}

fn words(
    message: &Message,
    event: EventKey,
    at_ms: i64,
    body: impl FnOnce(String) -> Body,
    me: &Me,
    world: &World,
) -> Option<Inbound> {
    let author = message.author.as_ref().filter(|author| author.id != me.user)?;
    let ours = message.webhook_id.is_some() && message.application_id == Some(me.application);
    if ours || !SAID.contains(&message.kind) {
        return None;
    }
    let seat = world.seat(message.channel_id).unwrap_or_default();
    let guild = message.guild_id.or(seat.guild);
    let role = world.our_role(guild);
    let text = without(&message.content, me.user, role);
    // Not every role that is named is listed as mentioned.
    let by_role = role.is_some_and(|role| message.content.contains(&format!("<@&{role}>")));
    let mentioned = by_role || message.mentions.iter().any(|user| user.id == me.user);
    let answered = message.message_reference.as_ref().filter(|reference| reference.kind == 0);
    let author_there = message.referenced_message.as_ref().and_then(|to| to.author.as_ref());
    let to_us = author_there.is_some_and(|author| author.id == me.user);
    let addressed = guild.is_none() || mentioned || (answered.is_some() && to_us);
    let carried = carried(message);
    if text.is_empty() && carried.is_nothing() && !addressed {
        return None;
    }
    let target = Target { channel: message.channel_id, guild, message: Some(message.id), via: None, press: None };
    let person = person(author, message.member.as_ref(), message.webhook_id.is_some());
    let answered = answered.and_then(|reference| reference.message_id);
    Some(Inbound {
        message: Some(reference(message.channel_id, message.id)),
        replies_to: answered.map(|id| reference(message.channel_id, id)),
        carried,
        replies_to_person: author_there.filter(|_| answered.is_some()).map(|author| PersonId(author.id.to_string())),
        ..inbound(event, at_ms, addressed, person, &target, seat, body(text), me)
    })
}

/// A command, a form or a button. What is only typed yet is no event.
pub(crate) fn interaction(asked: &Interaction, me: &Me, commands: &[CommandSpec], world: &World) -> Option<Inbound> {
    let user = asked.member.as_ref().and_then(|member| member.user.as_ref()).or(asked.user.as_ref())?;
    let channel = asked.channel_id.or(asked.channel.as_ref().map(|channel| channel.id))?;
    let data = &asked.data;
    let (body, private) = match asked.kind {
        COMMAND if data.target_id.is_some() => (from_menu(&data.name, commands)?, true),
        COMMAND => command(&data.name, words_of(&data.options), commands),
        FORM_SENT => command(data.custom_id.strip_prefix(FORM)?, field(&data.components), commands),
        COMPONENT => {
            let hidden = asked.message.as_ref().is_some_and(|message| message.flags & EPHEMERAL != 0);
            (Body::Action { action: ActionId(data.custom_id.clone()) }, hidden)
        }
        _ => return None,
    };
    let pressed = asked.kind == COMPONENT;
    let below = asked.message.as_ref().filter(|_| pressed).map(|message| message.id);
    // A press is answered by a message below the button's; what replaces something, or only one may see, by its token.
    let private = private && asked.guild_id.is_some();
    let by_token = Via { id: asked.id, app: asked.application_id, token: asked.token.clone(), private, pressed };
    let (via, press) = if !pressed || private { (Some(by_token), None) } else { (None, Some(by_token)) };
    let press = press.filter(|_| asked.guild_id.is_some());
    let target = Target { channel, guild: asked.guild_id, message: below, via, press };
    let parent = asked.channel.as_ref().filter(|channel| channel.is_thread()).and_then(|channel| channel.parent_id);
    let seat =
        if parent.is_some() { Seat { guild: asked.guild_id, parent } } else { world.seat(channel).unwrap_or_default() };
    let event = EventKey(format!("i{}", asked.id));
    let person = person(user, asked.member.as_ref(), false);
    let mut inbound = Inbound {
        message: below.map(|id| reference(channel, id)),
        ..inbound(event, asked.id.at_ms(), true, person, &target, seat, body, me)
    };
    if let Some(id) = data.target_id {
        let about = data.resolved.messages.get(&id);
        inbound.replies_to = Some(reference(channel, id));
        inbound.replies_to_person =
            about.and_then(|about| about.author.as_ref()).map(|author| PersonId(author.id.to_string()));
        inbound.carried.quoted = about.map(|about| about.content.clone()).unwrap_or_default();
    }
    Some(keeper::resolve(inbound, &target, world))
}

fn command(name: &str, args: String, commands: &[CommandSpec]) -> (Body, bool) {
    let private = commands.iter().any(|spec| spec.name == name && spec.private);
    (Body::Command { name: name.to_owned(), args }, private)
}

/// The command that this name in a message's menu stands for.
fn from_menu(name: &str, commands: &[CommandSpec]) -> Option<Body> {
    let spec = commands.iter().find(|spec| spec.menu.as_deref() == Some(name))?;
    Some(Body::Command { name: spec.name.clone(), args: String::new() })
}

/// What stands behind a command, or is typed there so far.
pub(crate) fn words_of(options: &[crate::wire::CommandOption]) -> String {
    let option = options.iter().find(|option| option.focused).or(options.first());
    option
        .map(|option| match &option.value {
            Value::String(text) => text.trim().to_owned(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
        .unwrap_or_default()
}

/// The one field of our form, however deep Discord wraps it.
fn field(components: &Value) -> String {
    let mut open = vec![components];
    while let Some(value) = open.pop() {
        if let Some(text) = value.get("value").and_then(Value::as_str) {
            return text.trim().to_owned();
        }
        open.extend(value.as_array().into_iter().flatten());
        open.extend(value.get("components").into_iter().chain(value.get("component")));
    }
    String::new()
}

/// Somebody came, went, or is called something else. `n` tells it from every other event of the kind.
pub(crate) fn roster(member: &MemberEvent, change: RosterChange, n: &str, at_ms: i64, me: &Me) -> Inbound {
    let who = Member { nick: member.nick.clone(), user: None };
    let event = EventKey(format!("r{}/{}/{n}", member.guild_id, member.user.id));
    of_guild(member.guild_id, None, event, at_ms, person(&member.user, Some(&who), false), Body::Roster { change }, me)
}

/// We came into a guild, or are in it no more.
pub(crate) fn presence(guild: &Guild, change: PresenceChange, n: &str, at_ms: i64, me: &Me) -> Inbound {
    // Who did it Discord does not say.
    let us = Person { id: PersonId(me.user.to_string()), name: String::new(), handle: None, bot: true };
    let event = EventKey(format!("p{}/{n}", guild.id));
    of_guild(guild.id, guild.system_channel_id, event, at_ms, us, Body::Presence { change }, me)
}

fn of_guild(
    guild: Id,
    channel: Option<Id>,
    event: EventKey,
    at_ms: i64,
    person: Person,
    body: Body,
    me: &Me,
) -> Inbound {
    let target =
        Target { channel: channel.unwrap_or(guild), guild: Some(guild), message: None, via: None, press: None };
    let mut told = inbound(event, at_ms, false, person, &target, Seat::default(), body, me);
    let address = channel.map(|_| target.to_reply());
    // It is the bigger place itself.
    told.place = Place { id: PlaceId(guild.to_string()), kind: PlaceKind::Group, address, within: None };
    told
}

#[expect(clippy::too_many_arguments, reason = "the fields of an event, each of another type")]
fn inbound(
    event: EventKey,
    at_ms: i64,
    addressed: bool,
    person: Person,
    target: &Target,
    seat: Seat,
    body: Body,
    me: &Me,
) -> Inbound {
    Inbound {
        event,
        account: me.account.clone(),
        place: place(target, seat),
        thread: seat.parent.map(|_| ThreadId(target.channel.to_string())),
        person,
        at_ms,
        addressed,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: target.to_reply(),
        body,
    }
}

/// Where a target is. The place of a thread is its parent, and so is the place's address; a guild is the bigger place.
pub(super) fn place(target: &Target, seat: Seat) -> Place {
    let channel = seat.parent.unwrap_or(target.channel);
    let address = Target { channel, guild: target.guild, message: None, via: None, press: None };
    Place {
        id: PlaceId(channel.to_string()),
        kind: if target.guild.is_some() { PlaceKind::Group } else { PlaceKind::Private },
        address: Some(address.to_reply()),
        within: target.guild.map(|guild| PlaceId(guild.to_string())),
    }
}

/// What a forward brings is not in the message's own words.
fn carried(message: &Message) -> Carried {
    let brought = message.message_snapshots.iter().map(|snapshot| &snapshot.message);
    let quoted: Vec<&str> = brought.clone().map(|forwarded| forwarded.content.as_str()).collect();
    let files: Vec<&Attachment> =
        message.attachments.iter().chain(brought.flat_map(|forwarded| &forwarded.attachments)).collect();
    Carried {
        links: Vec::new(),
        quoted: quoted.join("\n"),
        media: u8::try_from(files.len()).unwrap_or(u8::MAX),
        pictures: files.into_iter().filter_map(picture).collect(),
        written_in: None,
    }
}

fn picture(file: &Attachment) -> Option<Picture> {
    let kind = file.content_type.as_deref()?.split(';').next()?.trim();
    let at = PictureRef(file.url.clone());
    kind.starts_with("image/").then(|| Picture { at, media_type: kind.to_owned(), bytes: file.size })
}

fn person(user: &User, member: Option<&Member>, masked: bool) -> Person {
    Person {
        id: PersonId(user.id.to_string()),
        name: name(user, member).to_owned(),
        handle: Some(user.username.clone()),
        bot: user.bot || masked,
    }
}

/// What others see: the name of the guild, of the account, or the account's own.
pub(crate) fn name<'a>(user: &'a User, member: Option<&'a Member>) -> &'a str {
    let nick = member.and_then(|member| member.nick.as_deref());
    nick.or(user.global_name.as_deref()).unwrap_or(&user.username)
}

/// The text without mentions of us, and without the space or the salutation's comma that they leave.
fn without(text: &str, us: Id, role: Option<Id>) -> String {
    let mut mentions = vec![format!("<@{us}>"), format!("<@!{us}>")];
    mentions.extend(role.map(|role| format!("<@&{role}>")));
    if !mentions.iter().any(|mention| text.contains(mention)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mention)) = mentions.iter().filter_map(|m| Some((rest.find(m)?, m))).min() {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        rest = behind.strip_prefix(mention.as_str()).unwrap_or_default();
        if out.is_empty() || out.ends_with(char::is_whitespace) {
            rest = rest.trim_start_matches([' ', ',', ':']);
        }
    }
    out.push_str(rest);
    out.trim().to_owned()
}
