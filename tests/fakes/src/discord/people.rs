//! What people do: they write, change and delete messages.

use std::time::Instant;

use serde_json::{Value, json};

use super::state::{Channel, Message, id_of};
use super::{DiscordServer, State, shapes};

impl DiscordServer {
    /// A person writes: `channel_id`, `author.id` and `content` are enough. Filled in are the id (which is returned),
    /// the time, who is named, and the rest of the object. A channel not known becomes one of `guild_id`, or without
    /// that a direct conversation with the first bot. Who writes in a guild is a member of it from then on.
    #[expect(clippy::needless_pass_by_value, reason = "read best with the value written in the call")]
    pub fn push_message(&self, message: Value) -> u64 {
        self.change(|s| s.write(&message))
    }

    /// A person changes a message: MESSAGE_UPDATE.
    pub fn edit_message(&self, channel: u64, id: u64, content: &str) {
        self.change(|s| s.change_message(channel, id, &json!({ "content": content })));
    }

    /// A person, or somebody else's bot, deletes a message: MESSAGE_DELETE.
    pub fn delete_message(&self, channel: u64, id: u64) {
        self.change(|s| s.remove_message(channel, id));
    }
}

impl State {
    fn write(&mut self, given: &Value) -> u64 {
        let id = id_of(&given["id"]).unwrap_or_else(|| self.next_id());
        self.last_id = self.last_id.max(id);
        let author = id_of(&given["author"]["id"]).unwrap_or(0);
        let channel = self.place_of(given, author);
        let guild = self.data.channels.get(&channel).and_then(|c| c.guild);
        let mut json = shapes::message(given.clone());
        json["id"] = json!(id.to_string());
        json["channel_id"] = json!(channel.to_string());
        if json.get("timestamp").is_none() {
            json["timestamp"] = json!(shapes::timestamp(self.now_ms()));
        }
        json["author"] = shapes::fill(given["author"].clone(), self.user(author));
        if let Some(guild) = guild.filter(|_| given.get("webhook_id").is_none()) {
            self.join(guild, author, &json["author"]);
        }
        let answered = id_of(&json["message_reference"]["message_id"]);
        let answered = answered.and_then(|id| self.data.messages.get(&channel)?.get(&id));
        let answered = answered.filter(|_| json["message_reference"]["type"].as_u64() != Some(1));
        let pings = self.pings(author, channel, given, answered.map(|message| message.author), false);
        if let Some(answered) = answered {
            json["type"] = given.get("type").cloned().unwrap_or(json!(19));
            json["referenced_message"] = shapes::referenced(&answered.json);
        }
        if given.get("mentions").is_none() {
            self.name_in(&mut json, &pings);
        }
        let message = Message {
            id,
            channel,
            guild,
            author,
            content: json["content"].as_str().unwrap_or_default().to_owned(),
            nonce: None,
            edits: Vec::new(),
            deleted: false,
            flags: json["flags"].as_u64().unwrap_or(0),
            allowed_mentions: None,
            components: super::messages::list(&json, "components"),
            embeds: super::messages::list(&json, "embeds"),
            message_reference: json.get("message_reference").cloned(),
            pings: pings.words(),
            reactions: Vec::new(),
            interaction: None,
            at: Instant::now(),
            request: Value::Null,
            json,
        };
        self.keep(message);
        id
    }

    /// The channel a message is for, made when it is not known.
    fn place_of(&mut self, message: &Value, author: u64) -> u64 {
        let id = id_of(&message["channel_id"]).unwrap_or_else(|| self.next_id());
        if self.data.channels.contains_key(&id) {
            return id;
        }
        let guild = id_of(&message["guild_id"]);
        let made = if let Some(guild) = guild {
            Channel { guild: Some(guild), between: None, json: shapes::channel(guild, json!({ "id": id })) }
        } else {
            let bot = self.data.bots.keys().next().copied().unwrap_or(0);
            let json = shapes::direct(id, &self.user(author));
            Channel { guild: None, between: Some((author, bot)), json }
        };
        self.data.channels.insert(id, made);
        id
    }

    fn join(&mut self, guild: u64, who: u64, user: &Value) {
        if self.data.guilds.get(&guild).is_some_and(|guild| !guild.members.contains_key(&who)) {
            let (who, member) = self.member(json!({ "user": user }));
            if let Some(guild) = self.data.guilds.get_mut(&guild) {
                guild.members.insert(who, member);
            }
        }
    }

    /// Changes a message and dispatches MESSAGE_UPDATE; the object as it is then, or nothing when there is no such
    /// message. Editing notifies nobody.
    pub(super) fn change_message(&mut self, channel: u64, id: u64, body: &Value) -> Option<Value> {
        let edited = shapes::timestamp(self.now_ms());
        let known = self.data.messages.get(&channel)?.get(&id)?;
        let (author, webhook) = (known.author, known.interaction.is_some());
        let named = body.get("content").map(|_| self.pings(author, channel, body, None, webhook));
        let mut mentions = json!({});
        if let Some(named) = &named {
            self.name_in(&mut mentions, named);
        }
        let message = self.data.messages.get_mut(&channel)?.get_mut(&id).filter(|message| !message.deleted)?;
        if let Some(content) = body.get("content") {
            let content = content.as_str().unwrap_or_default().trim().to_owned();
            message.edits.push(std::mem::replace(&mut message.content, content));
            message.json["content"] = json!(message.content);
        }
        if body.get("components").is_some() {
            message.components = super::messages::list(body, "components");
            message.json["components"] = json!(message.components);
        }
        if body.get("embeds").is_some() {
            message.embeds = super::messages::list(body, "embeds");
            message.json["embeds"] = json!(message.embeds);
        }
        if body.get("allowed_mentions").is_some() {
            message.allowed_mentions = body.get("allowed_mentions").cloned();
        }
        if let Some(flags) = body["flags"].as_u64() {
            message.flags = message.flags & !(1 << 2) | flags & 1 << 2;
            message.json["flags"] = json!(message.flags);
        }
        message.json = shapes::fill(mentions, message.json.take());
        message.json["edited_timestamp"] = json!(edited);
        let message = message.clone();
        if message.flags & 1 << 6 == 0 {
            let event = self.event_of(&message);
            self.dispatch_in(channel, "MESSAGE_UPDATE", &event);
        }
        Some(message.json)
    }

    /// Marks a message deleted and dispatches MESSAGE_DELETE; false when there is none.
    pub(super) fn remove_message(&mut self, channel: u64, id: u64) -> bool {
        let Some(message) = self.data.messages.get_mut(&channel).and_then(|all| all.get_mut(&id)) else { return false };
        if message.deleted {
            return false;
        }
        message.deleted = true;
        let (guild, ephemeral) = (message.guild, message.flags & 1 << 6 != 0);
        if let Some(pins) = self.data.pins.get_mut(&channel) {
            pins.retain(|pinned| *pinned != id);
        }
        if !ephemeral {
            let mut event = json!({ "id": id.to_string(), "channel_id": channel.to_string() });
            if let Some(guild) = guild {
                event["guild_id"] = json!(guild.to_string());
            }
            self.dispatch_in(channel, "MESSAGE_DELETE", &event);
        }
        true
    }
}
