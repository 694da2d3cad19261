//! A dispatch of the gateway, read as far as we need it. What we do not know is nothing to us and stops nothing.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::wire::{Channel, Guild, Interaction, MemberEvent, Message, Ready};

#[derive(Debug)]
pub(crate) enum Event {
    Ready(Ready),
    Said(Box<Message>),
    Changed(Box<Message>),
    Asked(Box<Interaction>),
    Joined(MemberEvent),
    Left(MemberEvent),
    Member(MemberEvent),
    Guild(Box<Guild>),
    GuildGone(Guild),
    Channel(Channel),
}

/// `Ok(None)`: nothing to us. `Err`: a kind we know, in a shape we do not.
pub(crate) fn read(kind: &str, data: &RawValue) -> Result<Option<Event>, serde_json::Error> {
    Ok(Some(match kind {
        "READY" => Event::Ready(of(data)?),
        "MESSAGE_CREATE" => Event::Said(Box::new(of(data)?)),
        "MESSAGE_UPDATE" => Event::Changed(Box::new(of(data)?)),
        "INTERACTION_CREATE" => Event::Asked(Box::new(of(data)?)),
        "GUILD_MEMBER_ADD" => Event::Joined(of(data)?),
        "GUILD_MEMBER_REMOVE" => Event::Left(of(data)?),
        "GUILD_MEMBER_UPDATE" => Event::Member(of(data)?),
        "GUILD_CREATE" => Event::Guild(Box::new(of(data)?)),
        "GUILD_DELETE" => Event::GuildGone(of(data)?),
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => Event::Channel(of(data)?),
        _ => return Ok(None),
    }))
}

fn of<T: DeserializeOwned>(data: &RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_str(data.get())
}
