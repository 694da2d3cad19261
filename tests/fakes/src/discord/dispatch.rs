//! Which session gets which event, and with how much of a message in it.

use serde_json::{Value, json};

use super::state::{Channel, Guild, Session, id_of};
use super::{DiscordServer, GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT, State, shapes};

/// Where an event happens.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    guild: Option<u64>,
    channel: Option<u64>,
    /// The one bot it is for.
    bot: Option<u64>,
}

impl DiscordServer {
    /// A guild in the shape of GUILD_CREATE: `id`, `owner_id`, `channels`, `threads`, `roles`, `members`; what is left
    /// out is filled in. The bots among the members are in it, and their sessions get GUILD_CREATE. A member of a bot
    /// needs `user.id` only.
    pub fn add_guild(&self, guild: Value) {
        self.change(|s| s.add_guild(guild));
    }

    /// Any event to the sessions it concerns, which is told from its `guild_id` and `channel_id`, and from their
    /// intents; with neither, to all. It changes nothing in the world.
    #[expect(clippy::needless_pass_by_value, reason = "read best with the value written in the call")]
    pub fn push_dispatch(&self, event: &str, data: Value) {
        self.change(|s| {
            let guild = if event.starts_with("GUILD_") && data.get("guild_id").is_none() { "id" } else { "guild_id" };
            let place = Place { guild: id_of(&data[guild]), channel: id_of(&data["channel_id"]), bot: None };
            s.dispatch(event, &data, place);
        });
    }

    /// A direct conversation of a bot with a person; returns its channel id, always the same.
    pub fn direct(&self, bot: u64, person: u64) -> u64 {
        self.change(|s| s.direct(bot, person))
    }

    /// This person accepts no direct messages (50007).
    pub fn shut_direct(&self, person: u64) {
        self.change(|s| s.shut.push(person));
    }
}

/// The intent an event needs, in a guild and in a direct conversation; 0 for none.
fn intents_for(event: &str, direct: bool) -> u64 {
    let pick = |guild: u64, private: u64| if direct { 1 << private } else { 1 << guild };
    match event {
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => pick(9, 12),
        "CHANNEL_PINS_UPDATE" => pick(0, 12),
        "TYPING_START" => pick(11, 14),
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE" => GUILD_MEMBERS,
        "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" | "GUILD_AUDIT_LOG_ENTRY_CREATE" => 1 << 2,
        "GUILD_CREATE" | "GUILD_UPDATE" | "GUILD_DELETE" => 1,
        "PRESENCE_UPDATE" => GUILD_PRESENCES,
        "WEBHOOKS_UPDATE" => 1 << 5,
        "AUTO_MODERATION_ACTION_EXECUTION" => 1 << 21,
        _ if event.starts_with("MESSAGE_REACTION_") => pick(10, 13),
        _ if event.starts_with("MESSAGE_POLL_") => pick(24, 25),
        _ if event.starts_with("GUILD_ROLE_") || event.starts_with("CHANNEL_") || event.starts_with("THREAD_") => 1,
        _ => 0,
    }
}

impl State {
    /// An event in a channel.
    pub(super) fn dispatch_in(&mut self, channel: u64, event: &str, data: &Value) {
        let guild = self.data.channels.get(&channel).and_then(|c| c.guild);
        self.dispatch(event, data, Place { guild, channel: Some(channel), bot: None });
    }

    /// An event in a guild.
    pub(super) fn dispatch_at(&mut self, guild: u64, event: &str, data: &Value) {
        self.dispatch(event, data, Place { guild: Some(guild), ..Place::default() });
    }

    /// An event for one bot.
    pub(super) fn dispatch_for(&mut self, bot: u64, event: &str, data: &Value) {
        self.dispatch(event, data, Place { bot: Some(bot), ..Place::default() });
    }

    fn dispatch(&mut self, event: &str, data: &Value, place: Place) {
        let of_message = matches!(event, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
        let (mut whole, mut bare) = (None, None);
        for (session, sees) in self.audience(event, data, place) {
            let text = if sees || !of_message {
                whole.get_or_insert_with(|| data.to_string())
            } else {
                bare.get_or_insert_with(|| shapes::without_content(data).to_string())
            };
            self.dispatch_to(&session, event, text);
        }
    }

    /// The sessions that get an event, and whether each sees what a message in it says.
    fn audience(&self, event: &str, data: &Value, place: Place) -> Vec<(String, bool)> {
        let guild = place.guild.or_else(|| self.data.channels.get(&place.channel?)?.guild);
        let direct = guild.is_none() && place.channel.is_some();
        let needs = intents_for(event, direct);
        let hears = |s: &&Session| {
            let own = event == "GUILD_MEMBER_UPDATE" && id_of(&data["user"]["id"]) == Some(s.bot);
            !s.ended
                && place.bot.is_none_or(|bot| bot == s.bot)
                && (needs == 0 || s.intents & needs != 0 || own)
                && self.data.takes_part(s.bot, guild, place.channel)
                && guild.is_none_or(|guild| (guild >> 22) % s.shard.1 == s.shard.0)
                && (!direct || s.shard.0 == 0)
                && place.channel.is_none_or(|channel| self.may(s.bot, channel, super::permissions::VIEW_CHANNEL))
        };
        let sessions = self.data.sessions.values().filter(hears);
        let sees = |s: &Session| s.intents & MESSAGE_CONTENT != 0 || direct || concerns(data, s.bot);
        sessions.map(|s| (s.id.clone(), sees(s))).collect()
    }

    pub(super) fn send_guild(&mut self, session: &str, guild: u64) {
        let Some(to) = self.data.sessions.get(session).filter(|s| s.intents & 1 != 0) else { return };
        let Some(known) = self.data.guilds.get(&guild) else { return };
        let all = to.intents & GUILD_PRESENCES != 0;
        let of = |threads: bool| -> Vec<&Value> {
            let is_thread = |c: &Channel| matches!(c.json["type"].as_u64(), Some(10..=12));
            let here = self.data.channels.values().filter(|c| c.guild == Some(guild));
            here.filter(|c| is_thread(c) == threads).map(|c| &c.json).collect()
        };
        let members: Vec<_> =
            known.members.iter().filter(|(id, _)| all || **id == to.bot).map(|(_, member)| member).collect();
        let mut json = shapes::guild_create(known.json.clone(), known.members.len());
        json["members"] = json!(members);
        json["roles"] = json!(known.roles.values().collect::<Vec<_>>());
        json["channels"] = json!(of(false));
        json["threads"] = json!(of(true));
        self.dispatch_to(session, "GUILD_CREATE", &json.to_string());
    }

    fn add_guild(&mut self, mut json: Value) {
        let id = id_of(&json["id"]).unwrap_or_else(|| self.next_id());
        json["id"] = json!(id.to_string());
        let mut lists = ["roles", "members", "channels", "threads"].map(|list| match json[list].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        });
        if let Value::Object(fields) = &mut json {
            fields.retain(|name, _| !matches!(name.as_str(), "roles" | "members" | "channels" | "threads"));
        }
        let json = shapes::guild(json);
        let mut guild = Guild { owner: id_of(&json["owner_id"]).unwrap_or(0), json, ..Guild::default() };
        let [roles, members, channels, threads] = &mut lists;
        roles.insert(0, json!({ "id": id.to_string() }));
        for role in roles.drain(..) {
            let role = shapes::role(id, role);
            guild.roles.insert(id_of(&role["id"]).unwrap_or(0), role);
        }
        for member in members.drain(..) {
            let (who, member) = self.member(member);
            guild.members.insert(who, member);
        }
        for channel in channels.drain(..).chain(threads.drain(..)) {
            let json = shapes::channel(id, channel);
            let channel = id_of(&json["id"]).unwrap_or_else(|| self.next_id());
            self.data.channels.insert(channel, Channel { guild: Some(id), between: None, json });
        }
        let bots: Vec<_> = guild.members.keys().copied().filter(|who| self.data.bots.contains_key(who)).collect();
        self.data.guilds.insert(id, guild);
        let sessions = self.data.sessions.values().filter(|s| !s.ended && bots.contains(&s.bot));
        for session in sessions.map(|s| s.id.clone()).collect::<Vec<_>>() {
            self.send_guild(&session, id);
        }
    }

    /// A member object and whose it is; the user of a bot is known.
    pub(super) fn member(&self, value: Value) -> (u64, Value) {
        let mut member = shapes::member(value);
        let who = id_of(&member["user"]["id"]).unwrap_or(0);
        if let Some(bot) = self.data.bots.get(&who) {
            member["user"] = shapes::bot(bot);
        }
        (who, member)
    }

    /// The channel of a direct conversation, made when there is none.
    pub(super) fn direct(&mut self, bot: u64, person: u64) -> u64 {
        let between = Some((person, bot));
        if let Some((id, _)) = self.data.channels.iter().find(|(_, c)| c.between == between) {
            return *id;
        }
        let id = self.next_id();
        let json = shapes::direct(id, &self.user(person));
        self.data.channels.insert(id, Channel { guild: None, between, json });
        id
    }

    /// The user as known from any guild, or a stranger with this id.
    pub(super) fn user(&self, id: u64) -> Value {
        if let Some(bot) = self.data.bots.get(&id) {
            return shapes::bot(bot);
        }
        let known = self.data.guilds.values().find_map(|guild| guild.members.get(&id));
        known.map_or_else(|| shapes::user(json!({ "id": id.to_string() })), |member| member["user"].clone())
    }
}

/// Did the bot write the message, or does it name the bot?
pub(super) fn concerns(message: &Value, bot: u64) -> bool {
    let is_bot = |user: &Value| id_of(&user["id"]) == Some(bot);
    is_bot(&message["author"]) || message["mentions"].as_array().is_some_and(|all| all.iter().any(is_bot))
}
