//! Commands and interactions: registered, pushed, answered within three seconds, followed up for fifteen minutes.

use std::time::Instant;

use serde_json::{Value, json};

use super::messages::{Draft, check, unknown_message};
use super::rest::{Ask, Refusal, Reply};
use super::state::{Interaction, id_of};
use super::{DiscordServer, State, shapes};

/// The first answer must come within this, in ms.
const FIRST_MS: u64 = 3_000;
/// The token is good for this, in ms.
const TOKEN_MS: u64 = 900_000;
/// What a token begins with; the interaction's id follows.
const TOKEN: &str = "aW50ZXJhY3Rpb24";
const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;

impl DiscordServer {
    /// A person uses a command, presses a button or sends a form. `type`, `data`, `channel_id`, `guild_id` and
    /// `user.id` are enough, with `message.id` for a button; the rest is filled in. It goes to the bot of
    /// `application_id`, or to the first bot there. Returns its id and token. Only [`Self::advance`] makes it expire:
    /// 3 s to the first answer, 15 min for the token.
    pub fn push_interaction(&self, interaction: Value) -> (u64, String) {
        self.change(|s| s.interact(interaction))
    }
}

impl State {
    fn interact(&mut self, given: Value) -> (u64, String) {
        let id = self.next_id();
        let token = format!("{TOKEN}{id}");
        let channel = id_of(&given["channel_id"]);
        let guild = id_of(&given["guild_id"]).or_else(|| self.data.channels.get(&channel?)?.guild);
        let application = id_of(&given["application_id"]);
        let is_it = |bot: &&super::DiscordBot| match application {
            Some(application) => bot.application_id == application,
            None => self.data.takes_part(bot.user_id, guild, channel),
        };
        let found = self.data.bots.values().find(is_it).or_else(|| self.data.bots.values().next());
        let (bot, application) = found.map_or((0, 0), |bot| (bot.user_id, bot.application_id));
        let person = id_of(&given["user"]["id"]).or_else(|| id_of(&given["member"]["user"]["id"])).unwrap_or(0);
        let mut json = shapes::fill(
            given,
            json!({ "type": 2, "version": 1, "locale": "en-US", "entitlements": [],
            "application_id": application.to_string(), "attachment_size_limit": 10_485_760, "data": {},
            "authorizing_integration_owners": {}, "context": u8::from(guild.is_none()) }),
        );
        json["id"] = json!(id.to_string());
        json["token"] = json!(token);
        if let Some(channel) = channel {
            json["app_permissions"] = json!(self.permissions(bot, channel).to_string());
            json["channel"] = self.data.channels.get(&channel).map_or(Value::Null, |c| c.json.clone());
        }
        self.fill_person(&mut json, guild, channel, person);
        if let Some(message) = id_of(&json["message"]["id"]).and_then(|id| self.data.message(id)) {
            json["message"] = message.json.clone();
        }
        let kept = Interaction {
            id,
            token: token.clone(),
            bot,
            json: json.clone(),
            at: Instant::now(),
            ahead_ms: self.ahead_ms,
            response: None,
            answered_after_ms: None,
            original: None,
            followups: Vec::new(),
        };
        self.data.interactions.insert(id, kept);
        self.dispatch_for(bot, "INTERACTION_CREATE", &json);
        (id, token)
    }

    /// In a guild a member with its permissions, else a user.
    fn fill_person(&self, json: &mut Value, guild: Option<u64>, channel: Option<u64>, person: u64) {
        let Some(guild) = guild else {
            json["user"] = self.user(person);
            return;
        };
        json["guild_id"] = json!(guild.to_string());
        json["guild_locale"] = json!("en-US");
        json["guild"] = json!({ "id": guild.to_string(), "locale": "en-US", "features": [] });
        let known = self.data.guilds.get(&guild).and_then(|guild| guild.members.get(&person)).cloned();
        let mut member = known.unwrap_or_else(|| self.member(json!({ "user": { "id": person } })).1);
        let may = channel.map_or(0, |channel| self.permissions(person, channel));
        member["permissions"] = json!(may.to_string());
        json["member"] = shapes::fill(json["member"].take(), member.clone());
        json["member"]["user"] = member["user"].take();
        if let Value::Object(fields) = json {
            fields.remove("user");
        }
    }

    /// How old an interaction is by the clock that tests move.
    fn age_ms(&self, interaction: &Interaction) -> u64 {
        self.ahead_ms - interaction.ahead_ms
    }

    pub(super) fn callback(&mut self, ask: &Ask<'_>) -> Reply {
        let unknown = || Refusal::new(404, 10062, "Unknown interaction");
        let id = ask.id(0)?;
        let known = self.data.interactions.get(&id).filter(|i| Some(&*i.token) == ask.places.get(1).copied());
        let known = known.filter(|i| i.response.is_some() || self.age_ms(i) <= FIRST_MS).ok_or_else(unknown)?;
        if known.response.is_some() {
            return Err(Refusal::new(400, 40060, "Interaction has already been acknowledged."));
        }
        let kind = ask.body["type"].as_u64().unwrap_or(0);
        let asked = known.json["type"].as_u64().unwrap_or(0);
        let fits = match kind {
            4 | 5 => asked != 4,
            6 | 7 => known.json["message"].is_object(),
            8 => asked == 4,
            9 => matches!(asked, 2 | 3),
            _ => false,
        };
        if !fits {
            return Err(Refusal::form("type", "BASE_TYPE_CHOICES", "Value is not valid for this interaction."));
        }
        let data = &ask.body["data"];
        check_response(kind, data)?;
        let original = self.answer(&known.clone(), kind, data)?;
        let waited = self.data.interactions.get_mut(&id).ok_or_else(unknown)?;
        let real = u64::try_from(waited.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        waited.answered_after_ms = Some(real + (self.ahead_ms - waited.ahead_ms));
        waited.response = Some(ask.body.clone());
        waited.original = original;
        if ask.asked("with_response") != Some("true") {
            return Ok(None);
        }
        let message = original.and_then(|(channel, id)| self.data.messages.get(&channel)?.get(&id));
        let flags = message.map_or(0, |message| message.flags);
        Ok(Some(json!({ "interaction": { "id": id.to_string(), "type": asked,
            "response_message_id": message.map(|m| m.id.to_string()), "response_message_loading": flags & LOADING != 0,
            "response_message_ephemeral": flags & EPHEMERAL != 0 },
            "resource": { "type": kind, "message": message.map(|m| &m.json) } })))
    }

    /// Does what the first answer says; the message `@original` means from now on.
    fn answer(&mut self, to: &Interaction, kind: u64, data: &Value) -> Result<Option<(u64, u64)>, Refusal> {
        let channel = id_of(&to.json["channel_id"]).unwrap_or(0);
        let pressed = id_of(&to.json["message"]["id"]).map(|message| (channel, message));
        match kind {
            4 | 5 => {
                let flags = if kind == 5 { LOADING } else { 0 };
                let draft = Draft { channel, author: to.bot, body: data, interaction: Some(to.id), flags };
                Ok(Some((channel, self.make(draft))))
            }
            6 => Ok(pressed),
            7 => {
                let id = pressed.map_or(0, |(_, message)| message);
                self.change_message(channel, id, data).ok_or_else(unknown_message)?;
                Ok(pressed)
            }
            _ => Ok(None),
        }
    }

    /// The answered interaction of a webhook call, while its token is good.
    fn webhook(&self, ask: &Ask<'_>) -> Result<&Interaction, Refusal> {
        let unknown = || Refusal::new(404, 10015, "Unknown Webhook");
        let id = ask.places.get(1).and_then(|token| token.strip_prefix(TOKEN)?.parse::<u64>().ok());
        let known = id.and_then(|id| self.data.interactions.get(&id)).ok_or_else(unknown)?;
        if self.age_ms(known) > TOKEN_MS {
            return Err(Refusal::new(401, 50027, "Invalid Webhook Token"));
        }
        let application = self.data.bots.get(&known.bot).map(|bot| bot.application_id);
        let answered = known.response.is_some() && application == Some(ask.id(0)?);
        if answered { Ok(known) } else { Err(unknown()) }
    }

    /// The message a webhook call is about: `@original`, or a followup by its id.
    fn of_webhook(&self, ask: &Ask<'_>) -> Result<(u64, u64), Refusal> {
        let known = self.webhook(ask)?;
        let place = if ask.places.len() > 2 {
            let id = ask.id(2)?;
            let channel = id_of(&known.json["channel_id"]).unwrap_or(0);
            let its = known.followups.contains(&id) || known.original == Some((channel, id));
            its.then_some((channel, id))
        } else {
            known.original
        };
        let (channel, id) = place.ok_or_else(unknown_message)?;
        let message = self.data.messages.get(&channel).and_then(|all| all.get(&id));
        message.filter(|message| !message.deleted).map(|_| (channel, id)).ok_or_else(unknown_message)
    }

    pub(super) fn get_response(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = self.of_webhook(ask)?;
        Ok(self.data.messages.get(&channel).and_then(|all| all.get(&id)).map(|message| message.json.clone()))
    }

    /// Changes an answer. What was deferred is said only now, so it notifies now.
    pub(super) fn patch_response(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = self.of_webhook(ask)?;
        check(ask.body, false)?;
        let author = self.webhook(ask)?.bot;
        let pings = self.pings(author, channel, ask.body, None, true).words();
        let message = self.data.messages.get_mut(&channel).and_then(|all| all.get_mut(&id));
        if let Some(message) = message.filter(|message| message.flags & LOADING != 0) {
            message.flags &= !LOADING;
            message.json["flags"] = json!(message.flags);
            message.pings = pings;
        }
        Ok(Some(self.change_message(channel, id, ask.body).ok_or_else(unknown_message)?))
    }

    pub(super) fn delete_response(&mut self, ask: &Ask<'_>) -> Reply {
        let (channel, id) = self.of_webhook(ask)?;
        self.remove_message(channel, id);
        Ok(None)
    }

    pub(super) fn follow_up(&mut self, ask: &Ask<'_>) -> Reply {
        let known = self.webhook(ask)?;
        let (interaction, author) = (known.id, known.bot);
        let channel = id_of(&known.json["channel_id"]).unwrap_or(0);
        check(ask.body, true)?;
        let id = self.make(Draft { channel, author, body: ask.body, interaction: Some(interaction), flags: 0 });
        if let Some(known) = self.data.interactions.get_mut(&interaction) {
            known.followups.push(id);
        }
        Ok(self.data.messages.get(&channel).and_then(|all| all.get(&id)).map(|message| message.json.clone()))
    }

    /// The application and guild of a command call; a bot sets its own commands only.
    fn command_place(&self, ask: &Ask<'_>) -> Result<(u64, Option<u64>), Refusal> {
        let application = ask.id(0)?;
        if self.data.bots.get(&ask.bot).is_none_or(|bot| bot.application_id != application) {
            let words = "You are not authorized to perform this action on this application";
            return Err(Refusal::new(403, 20012, words));
        }
        let guild = if ask.places.len() > 1 { Some(ask.id(1)?) } else { None };
        if guild.is_some_and(|guild| !self.data.takes_part(ask.bot, Some(guild), None)) {
            return Err(Refusal::new(403, 50001, "Missing Access"));
        }
        Ok((application, guild))
    }

    pub(super) fn get_commands(&mut self, ask: &Ask<'_>) -> Reply {
        let place = self.command_place(ask)?;
        Ok(Some(json!(self.data.commands.get(&place).cloned().unwrap_or_default())))
    }

    /// Replaces all commands of the place; a command keeps its id while its name and type stay.
    pub(super) fn put_commands(&mut self, ask: &Ask<'_>) -> Reply {
        let place = self.command_place(ask)?;
        let given = ask.body.as_array().cloned().unwrap_or_default();
        for command in &given {
            check_command(command)?;
        }
        let before = self.data.commands.remove(&place).unwrap_or_default();
        let mut commands = Vec::new();
        for command in given {
            let command = shapes::fill(
                command,
                json!({ "type": 1, "description": "", "options": [], "nsfw": false,
                "default_member_permissions": null, "application_id": place.0.to_string() }),
            );
            let same = |old: &&Value| old["name"] == command["name"] && old["type"] == command["type"];
            let id = before.iter().find(same).and_then(|old| id_of(&old["id"])).unwrap_or_else(|| self.next_id());
            let mut command = shapes::fill(command, json!({ "guild_id": place.1.map(|id| id.to_string()) }));
            command["id"] = json!(id.to_string());
            command["version"] = json!(self.next_id().to_string());
            if let Value::Object(fields) = &mut command {
                fields.retain(|name, value| name != "guild_id" || !value.is_null());
            }
            commands.push(command);
        }
        self.data.commands.insert(place, commands.clone());
        Ok(Some(json!(commands)))
    }
}

/// Is the data of a first answer what its type wants?
fn check_response(kind: u64, data: &Value) -> Result<(), Refusal> {
    let choices = data["choices"].as_array().map_or(0, Vec::len);
    match kind {
        4 => check(data, true),
        7 => check(data, false),
        8 if choices > 25 => Err(Refusal::form("choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")),
        9 => {
            let title = data["title"].as_str().unwrap_or_default().chars().count();
            let rows = data["components"].as_array().map_or(0, Vec::len);
            if (1..=45).contains(&title) && (1..=5).contains(&rows) && data["custom_id"].is_string() {
                return Ok(());
            }
            Err(Refusal::form("data", "BASE_TYPE_BAD_LENGTH", "A modal has a title (1-45), an id and 1-5 components."))
        }
        _ => Ok(()),
    }
}

/// A slash command's name is lower case and 1 to 32 long, its description 1 to 100; there are at most 25 options.
fn check_command(command: &Value) -> Result<(), Refusal> {
    let name = command["name"].as_str().unwrap_or_default();
    let slash = command["type"].as_u64().unwrap_or(1) == 1;
    let plain = |c: char| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '-' | '_' | '\'');
    if !(1..=32).contains(&name.chars().count()) || slash && !name.chars().all(plain) {
        let words = "Command name is invalid.";
        return Err(Refusal::form("name", "APPLICATION_COMMAND_INVALID_NAME", words));
    }
    let described = command["description"].as_str().unwrap_or_default().chars().count();
    if slash && !(1..=100).contains(&described) {
        return Err(Refusal::form("description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."));
    }
    if command["options"].as_array().map_or(0, Vec::len) > 25 {
        return Err(Refusal::form("options", "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 25 in length."));
    }
    Ok(())
}
