//! What bots ask of guilds and people: who is there, bans, time-outs, and the bot itself.

use serde_json::{Value, json};

use super::permissions::{BAN_MEMBERS, KICK_MEMBERS, MODERATE_MEMBERS, guild_permissions, rank};
use super::rest::{Ask, Refusal, Reply};
use super::state::{Ban, DISCORD_EPOCH_MS, Guild, id_of};
use super::{DiscordServer, State, shapes};

/// The longest time-out, in ms.
const LONGEST_MS: u64 = 28 * 86_400_000;
/// The most a ban deletes of what was written before it, in seconds.
const WEEK_S: u64 = 604_800;

fn unknown_member() -> Refusal {
    Refusal::new(404, 10007, "Unknown Member")
}

fn missing_permissions() -> Refusal {
    Refusal::new(403, 50013, "Missing Permissions")
}

impl State {
    #[expect(clippy::unnecessary_wraps, reason = "all calls have one shape")]
    pub(super) fn me(&mut self, ask: &Ask<'_>) -> Reply {
        Ok(Some(self.user(ask.bot)))
    }

    pub(super) fn application(&mut self, ask: &Ask<'_>) -> Reply {
        let Some(bot) = self.data.bots.get(&ask.bot) else {
            return Err(Refusal::new(404, 10002, "Unknown Application"));
        };
        Ok(Some(json!({ "id": bot.application_id.to_string(), "name": bot.username, "icon": null, "description": "",
            "bot_public": false, "bot_require_code_grant": false, "flags": 0, "team": null, "verify_key": "",
            "summary": "", "owner": self.user(1), "bot": shapes::bot(bot) })))
    }

    pub(super) fn get_user(&mut self, ask: &Ask<'_>) -> Reply {
        Ok(Some(self.user(ask.id(0)?)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "all calls have one shape")]
    pub(super) fn my_guilds(&mut self, ask: &Ask<'_>) -> Reply {
        let mine = self.data.guilds.iter().filter(|(_, guild)| guild.members.contains_key(&ask.bot));
        let brief = mine.map(|(id, guild)| {
            json!({ "id": id.to_string(), "name": guild.json["name"], "icon": null, "banner": null,
                "owner": guild.owner == ask.bot, "features": [],
                "permissions": guild_permissions(guild, ask.bot).to_string() })
        });
        Ok(Some(brief.collect()))
    }

    pub(super) fn open_direct(&mut self, ask: &Ask<'_>) -> Reply {
        let Some(person) = id_of(&ask.body["recipient_id"]) else {
            return Err(Refusal::new(400, 50033, "Invalid Recipient(s)"));
        };
        let id = self.direct(ask.bot, person);
        Ok(self.data.channels.get(&id).map(|channel| channel.json.clone()))
    }

    pub(super) fn get_channel(&mut self, ask: &Ask<'_>) -> Reply {
        let channel = ask.id(0)?;
        self.sees(ask.bot, channel)?;
        Ok(self.data.channels.get(&channel).map(|channel| channel.json.clone()))
    }

    /// The guild in the first place of the route, when the bot is in it.
    fn guild(&self, ask: &Ask<'_>) -> Result<(u64, &Guild), Refusal> {
        let id = ask.id(0)?;
        let guild = self.data.guilds.get(&id).ok_or_else(|| Refusal::new(404, 10004, "Unknown Guild"))?;
        if guild.members.contains_key(&ask.bot) {
            return Ok((id, guild));
        }
        Err(Refusal::new(403, 50001, "Missing Access"))
    }

    pub(super) fn get_guild(&mut self, ask: &Ask<'_>) -> Reply {
        let (_, guild) = self.guild(ask)?;
        let mut json = guild.json.clone();
        json["roles"] = json!(guild.roles.values().collect::<Vec<_>>());
        if ask.asked("with_counts") == Some("true") {
            json["approximate_member_count"] = json!(guild.members.len());
            json["approximate_presence_count"] = json!(guild.members.len());
        }
        Ok(Some(json))
    }

    pub(super) fn get_roles(&mut self, ask: &Ask<'_>) -> Reply {
        Ok(Some(json!(self.guild(ask)?.1.roles.values().collect::<Vec<_>>())))
    }

    pub(super) fn get_channels(&mut self, ask: &Ask<'_>) -> Reply {
        let (id, _) = self.guild(ask)?;
        let here = self.data.channels.values().filter(|c| c.guild == Some(id));
        let proper = here.filter(|c| !matches!(c.json["type"].as_u64(), Some(10..=12)));
        Ok(Some(json!(proper.map(|c| &c.json).collect::<Vec<_>>())))
    }

    pub(super) fn get_member(&mut self, ask: &Ask<'_>) -> Reply {
        let member = self.guild(ask)?.1.members.get(&ask.id(1)?);
        member.cloned().map(Some).ok_or_else(unknown_member)
    }

    /// The bot is in the guild, has the permission, and stands above the person.
    fn over(&self, ask: &Ask<'_>, permission: u64) -> Result<(u64, u64), Refusal> {
        let (id, guild) = self.guild(ask)?;
        let person = ask.id(1)?;
        let below = !guild.members.contains_key(&person) || rank(guild, person) < rank(guild, ask.bot);
        if guild_permissions(guild, ask.bot) & permission == permission && below && guild.owner != person {
            return Ok((id, person));
        }
        Err(missing_permissions())
    }

    pub(super) fn ban(&mut self, ask: &Ask<'_>) -> Reply {
        let (guild, person) = self.over(ask, BAN_MEMBERS)?;
        let seconds = ask.body["delete_message_seconds"].as_u64().unwrap_or(0);
        if seconds > WEEK_S {
            let words = "int value should be less than or equal to 604800.";
            return Err(Refusal::form("delete_message_seconds", "NUMBER_TYPE_MAX", words));
        }
        let ban = Ban { by: ask.bot, delete_message_seconds: seconds, reason: ask.reason.clone() };
        self.data.bans.insert((guild, person), ban);
        self.delete_recent(guild, person, seconds);
        let event = json!({ "guild_id": guild.to_string(), "user": self.user(person) });
        self.dispatch_at(guild, "GUILD_BAN_ADD", &event);
        self.remove_member(guild, person);
        Ok(None)
    }

    fn delete_recent(&mut self, guild: u64, person: u64, seconds: u64) {
        let now = self.now_ms().saturating_sub(DISCORD_EPOCH_MS);
        let oldest = now.saturating_sub(seconds * 1000) << 22;
        let recent = |(channel, all): (&u64, &std::collections::BTreeMap<u64, super::Message>)| {
            let theirs = all.range(oldest..).filter(|(_, m)| m.author == person && m.guild == Some(guild));
            (*channel, theirs.map(|(id, _)| *id).collect::<Vec<_>>())
        };
        let gone: Vec<_> = if seconds == 0 { Vec::new() } else { self.data.messages.iter().map(recent).collect() };
        for (channel, ids) in gone {
            self.remove_many(channel, &ids);
        }
    }

    fn remove_member(&mut self, guild: u64, person: u64) {
        let user = self.user(person);
        let left = self.data.guilds.get_mut(&guild).and_then(|guild| guild.members.remove(&person));
        if left.is_some() {
            let event = json!({ "guild_id": guild.to_string(), "user": user });
            self.dispatch_at(guild, "GUILD_MEMBER_REMOVE", &event);
        }
    }

    pub(super) fn kick(&mut self, ask: &Ask<'_>) -> Reply {
        let (guild, person) = self.over(ask, KICK_MEMBERS)?;
        if !self.guild(ask)?.1.members.contains_key(&person) {
            return Err(unknown_member());
        }
        self.remove_member(guild, person);
        Ok(None)
    }

    /// The bot may see and lift bans; the ban asked for.
    fn known_ban(&self, ask: &Ask<'_>) -> Result<(u64, u64), Refusal> {
        let (id, guild) = self.guild(ask)?;
        if guild_permissions(guild, ask.bot) & BAN_MEMBERS == 0 {
            return Err(missing_permissions());
        }
        let key = (id, ask.id(1)?);
        self.data.bans.contains_key(&key).then_some(key).ok_or_else(|| Refusal::new(404, 10026, "Unknown Ban"))
    }

    pub(super) fn get_ban(&mut self, ask: &Ask<'_>) -> Reply {
        let key = self.known_ban(ask)?;
        let reason = self.data.bans.get(&key).and_then(|ban| ban.reason.clone());
        Ok(Some(json!({ "reason": reason, "user": self.user(key.1) })))
    }

    pub(super) fn unban(&mut self, ask: &Ask<'_>) -> Reply {
        let key = self.known_ban(ask)?;
        self.data.bans.remove(&key);
        let event = json!({ "guild_id": key.0.to_string(), "user": self.user(key.1) });
        self.dispatch_at(key.0, "GUILD_BAN_REMOVE", &event);
        Ok(None)
    }

    /// A time-out, or its end. Nobody times out the owner or an administrator.
    pub(super) fn patch_member(&mut self, ask: &Ask<'_>) -> Reply {
        let (guild, person) = self.over(ask, MODERATE_MEMBERS)?;
        let known = self.guild(ask)?.1;
        if !known.members.contains_key(&person) {
            return Err(unknown_member());
        }
        let until = ask.body.get("communication_disabled_until").cloned().unwrap_or(Value::Null);
        if !until.is_null() && guild_permissions(known, person) == u64::MAX {
            return Err(missing_permissions());
        }
        if let Some(words) = self.wrong_until(&until) {
            return Err(Refusal::form("communication_disabled_until", "DATETIME_TYPE_MAX", words));
        }
        match until.as_str() {
            Some(until) => self.data.timeouts.insert((guild, person), until.to_owned()),
            None => self.data.timeouts.remove(&(guild, person)),
        };
        let members = self.data.guilds.get_mut(&guild).map(|guild| &mut guild.members);
        let Some(member) = members.and_then(|members| members.get_mut(&person)) else { return Err(unknown_member()) };
        for field in ["communication_disabled_until", "nick", "roles"] {
            if let Some(value) = ask.body.get(field) {
                member[field] = value.clone();
            }
        }
        let member = member.clone();
        let event = shapes::fill(member.clone(), json!({ "guild_id": guild.to_string() }));
        self.dispatch_at(guild, "GUILD_MEMBER_UPDATE", &event);
        Ok(Some(member))
    }

    /// A time-out ends within 28 days, and is a time in UTC.
    fn wrong_until(&self, until: &Value) -> Option<&'static str> {
        if until.is_null() {
            return None;
        }
        match until.as_str().and_then(shapes::parse_timestamp) {
            None => Some("Could not parse the time. Should be ISO8601."),
            Some(at) if at > self.now_ms() + LONGEST_MS => Some("Time must be at most 28 days in the future."),
            Some(_) => None,
        }
    }
}

impl DiscordServer {
    /// Somebody of the guild times a member out by hand, for so many milliseconds from now; the end as Discord writes it.
    pub fn time_out(&self, guild: u64, person: u64, for_ms: u64) -> String {
        self.change(|s| {
            let until = shapes::timestamp(s.now_ms() + for_ms);
            s.data.timeouts.insert((guild, person), until.clone());
            let member = s.data.guilds.get_mut(&guild).and_then(|guild| guild.members.get_mut(&person));
            member.expect("a member")["communication_disabled_until"] = json!(until);
            until
        })
    }

    /// Somebody of the guild bans a person by hand.
    pub fn throw_out(&self, guild: u64, person: u64) {
        self.change(|s| {
            let ban = Ban { by: s.data.guilds[&guild].owner, delete_message_seconds: 0, reason: None };
            s.data.bans.insert((guild, person), ban);
            s.remove_member(guild, person);
        });
    }
}
