//! What bots do with messages that are there: read, change, delete, pin, react; and typing.

use serde_json::{Value, json};

use super::messages::{check, unknown_message};
use super::permissions::{MANAGE_MESSAGES, PIN_MESSAGES, READ_MESSAGE_HISTORY, SEND_MESSAGES};
use super::rest::{Ask, Refusal, Reply};
use super::state::{DISCORD_EPOCH_MS, Message, id_of};
use super::{MESSAGE_CONTENT, State, dispatch, shapes};

/// Pins a channel takes.
const PINS: usize = 250;
/// The age in ms from which messages are not deleted in bulk.
const TWO_WEEKS_MS: u64 = 14 * 86_400_000;

impl State {
    /// A message people still see, in a channel the bot sees.
    fn there(&self, bot: u64, channel: u64, id: u64) -> Result<&Message, Refusal> {
        self.sees(bot, channel)?;
        let message = self.data.messages.get(&channel).and_then(|all| all.get(&id));
        message.filter(|m| !m.deleted && (m.flags & 1 << 6 == 0 || m.author == bot)).ok_or_else(unknown_message)
    }

    /// The object as this bot gets it: without what it may not read.
    fn shown(&self, bot: u64, message: &Message) -> Value {
        let reads = self.withheld.get(&bot).is_none_or(|withheld| withheld & MESSAGE_CONTENT == 0);
        if reads || message.guild.is_none() || dispatch::concerns(&message.json, bot) {
            return message.json.clone();
        }
        shapes::without_content(&message.json)
    }

    pub(super) fn get_message(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        self.allowed(ask.bot, channel, READ_MESSAGE_HISTORY)?;
        Ok(Some(self.shown(ask.bot, self.there(ask.bot, channel, id)?)))
    }

    /// Newest first; after an id, those nearest to it.
    pub(super) fn list_messages(&mut self, ask: &Ask<'_>) -> Reply {
        let channel = ask.id(0)?;
        self.sees(ask.bot, channel)?;
        let limit = ask.asked("limit").map_or(Some(50), |limit| limit.parse().ok());
        let Some(limit @ 1..=100) = limit else {
            return Err(Refusal::form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."));
        };
        if !self.may(ask.bot, channel, READ_MESSAGE_HISTORY) {
            return Ok(Some(json!([])));
        }
        let edge = |name: &str| ask.asked(name).and_then(|id| id.parse::<u64>().ok());
        let all = self.data.messages.get(&channel).into_iter().flatten();
        let seen = all.filter(|(_, m)| !m.deleted && m.flags & 1 << 6 == 0);
        let mut found: Vec<&Message> = if let Some(after) = edge("after") {
            seen.filter(|(id, _)| **id > after).map(|(_, m)| m).take(limit).collect()
        } else {
            let before = edge("before").unwrap_or(u64::MAX);
            let older: Vec<_> = seen.filter(|(id, _)| **id < before).map(|(_, m)| m).collect();
            older.into_iter().rev().take(limit).collect()
        };
        found.sort_by_key(|message| std::cmp::Reverse(message.id));
        Ok(Some(found.into_iter().map(|message| self.shown(ask.bot, message)).collect()))
    }

    pub(super) fn patch_message(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        if self.there(ask.bot, channel, id)?.author != ask.bot {
            return Err(Refusal::new(403, 50005, "Cannot edit a message authored by another user"));
        }
        check(ask.body, false)?;
        Ok(Some(self.change_message(channel, id, ask.body).ok_or_else(unknown_message)?))
    }

    pub(super) fn delete_own(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        if self.there(ask.bot, channel, id)?.author != ask.bot {
            self.allowed(ask.bot, channel, MANAGE_MESSAGES)?;
        }
        self.remove_message(channel, id);
        Ok(None)
    }

    pub(super) fn delete_many(&mut self, ask: &Ask<'_>) -> Reply {
        let channel = ask.id(0)?;
        self.allowed(ask.bot, channel, MANAGE_MESSAGES)?;
        let mut ids: Vec<u64> = ask.body["messages"].as_array().into_iter().flatten().filter_map(id_of).collect();
        let given = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if !(2..=100).contains(&given) || ids.len() < given {
            return Err(Refusal::form("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length."));
        }
        let oldest = self.now_ms().saturating_sub(DISCORD_EPOCH_MS).saturating_sub(TWO_WEEKS_MS) << 22;
        if ids.iter().any(|id| *id < oldest) {
            let words = "You can only bulk delete messages that are under 14 days old.";
            return Err(Refusal::new(400, 50034, words));
        }
        self.remove_many(channel, &ids);
        Ok(None)
    }

    /// Marks messages deleted with one MESSAGE_DELETE_BULK.
    pub(super) fn remove_many(&mut self, channel: u64, ids: &[u64]) {
        let mut gone = Vec::new();
        if let Some(all) = self.data.messages.get_mut(&channel) {
            for id in ids {
                if let Some(message) = all.get_mut(id).filter(|message| !message.deleted) {
                    message.deleted = true;
                    gone.push(id.to_string());
                }
            }
        }
        if gone.is_empty() {
            return;
        }
        let guild = self.data.channels.get(&channel).and_then(|c| c.guild).map(|guild| guild.to_string());
        let event = json!({ "ids": gone, "channel_id": channel.to_string(), "guild_id": guild });
        self.dispatch_in(channel, "MESSAGE_DELETE_BULK", &event);
    }

    pub(super) fn typing(&mut self, ask: &Ask<'_>) -> Reply {
        let channel = ask.id(0)?;
        self.allowed(ask.bot, channel, SEND_MESSAGES)?;
        *self.data.typing.entry((ask.bot, channel)).or_default() += 1;
        Ok(None)
    }

    pub(super) fn pin(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        self.there(ask.bot, channel, id)?;
        self.allowed(ask.bot, channel, PIN_MESSAGES)?;
        let pins = self.data.pins.entry(channel).or_default();
        if pins.len() >= PINS {
            return Err(Refusal::new(400, 30003, "Maximum number of pins reached (250)"));
        }
        if !pins.contains(&id) {
            pins.push(id);
        }
        self.show_pinned(channel, id, true);
        Ok(None)
    }

    pub(super) fn unpin(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        self.there(ask.bot, channel, id)?;
        self.allowed(ask.bot, channel, PIN_MESSAGES)?;
        self.data.pins.entry(channel).or_default().retain(|pinned| *pinned != id);
        self.show_pinned(channel, id, false);
        Ok(None)
    }

    fn show_pinned(&mut self, channel: u64, id: u64, pinned: bool) {
        if let Some(message) = self.data.messages.get_mut(&channel).and_then(|all| all.get_mut(&id)) {
            message.json["pinned"] = json!(pinned);
        }
        let guild = self.data.channels.get(&channel).and_then(|c| c.guild).map(|guild| guild.to_string());
        let now = shapes::timestamp(self.now_ms());
        let event = json!({ "channel_id": channel.to_string(), "guild_id": guild, "last_pin_timestamp": now });
        self.dispatch_in(channel, "CHANNEL_PINS_UPDATE", &event);
    }

    /// `{items, has_more}`, latest pin first.
    pub(super) fn list_pins(&mut self, ask: &Ask<'_>) -> Reply {
        let pins = self.pinned(ask)?.into_iter();
        let now = shapes::timestamp(self.now_ms());
        let items: Vec<_> = pins.map(|message| json!({ "pinned_at": now, "message": message })).collect();
        Ok(Some(json!({ "items": items, "has_more": false })))
    }

    /// The list alone, as the deprecated call answers.
    pub(super) fn list_pins_old(&mut self, ask: &Ask<'_>) -> Reply {
        Ok(Some(Value::Array(self.pinned(ask)?)))
    }

    fn pinned(&self, ask: &Ask<'_>) -> Result<Vec<Value>, Refusal> {
        let channel = ask.id(0)?;
        self.sees(ask.bot, channel)?;
        let (ids, all) = (self.data.pins.get(&channel), self.data.messages.get(&channel));
        let reads = self.may(ask.bot, channel, READ_MESSAGE_HISTORY);
        let pinned = ids.into_iter().flatten().rev().filter_map(|id| all?.get(id)).filter(|_| reads);
        Ok(pinned.map(|message| self.shown(ask.bot, message)).collect())
    }

    pub(super) fn react(&mut self, ask: &Ask<'_>) -> Reply {
        self.reaction(ask, true)
    }

    pub(super) fn unreact(&mut self, ask: &Ask<'_>) -> Reply {
        self.reaction(ask, false)
    }

    fn reaction(&mut self, ask: &Ask<'_>, on: bool) -> Reply {
        let (channel, id) = (ask.id(0)?, ask.id(1)?);
        self.there(ask.bot, channel, id)?;
        self.allowed(ask.bot, channel, READ_MESSAGE_HISTORY)?;
        let mine = (ask.bot, ask.places.get(2).copied().unwrap_or_default().to_owned());
        if let Some(message) = self.data.messages.get_mut(&channel).and_then(|all| all.get_mut(&id)) {
            message.reactions.retain(|one| *one != mine);
            if on {
                message.reactions.push(mine);
            }
        }
        let name = ask.places.get(2).copied().unwrap_or_default();
        let guild = self.data.channels.get(&channel).and_then(|c| c.guild).map(|guild| guild.to_string());
        let event = json!({ "user_id": ask.bot.to_string(), "channel_id": channel.to_string(), "guild_id": guild,
            "message_id": id.to_string(), "emoji": { "id": null, "name": name }, "burst": false, "type": 0 });
        self.dispatch_in(channel, if on { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" }, &event);
        Ok(None)
    }
}
