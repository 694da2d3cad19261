//! Messages of bots: made, once per nonce, and checked as Discord checks them.

use std::time::Instant;

use serde_json::{Value, json};

use super::permissions::{READ_MESSAGE_HISTORY, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL};
use super::rest::{Ask, Refusal, Reply};
use super::state::{Message, id_of};
use super::{State, mentions, shapes};

/// The longest content, in characters.
const LONGEST: usize = 2000;
/// `SUPPRESS_EMBEDS`, `SUPPRESS_NOTIFICATIONS`, `IS_COMPONENTS_V2`: what a message may be sent with; an answer
/// to an interaction `EPHEMERAL` too.
const FLAGS: u64 = 1 << 2 | 1 << 12 | 1 << 15;
/// A message of components only.
const COMPONENTS_V2: u64 = 1 << 15;

/// A message about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) channel: u64,
    pub(super) author: u64,
    pub(super) body: &'a Value,
    pub(super) interaction: Option<u64>,
    /// Flags beyond those in the body.
    pub(super) flags: u64,
}

pub(super) fn unknown_message() -> Refusal {
    Refusal::new(404, 10008, "Unknown Message")
}

impl State {
    /// The channel exists and the bot sees it.
    pub(super) fn sees(&self, bot: u64, channel: u64) -> Result<(), Refusal> {
        if !self.data.channels.contains_key(&channel) {
            return Err(Refusal::new(404, 10003, "Unknown Channel"));
        }
        if self.data.takes_part(bot, None, Some(channel)) && self.may(bot, channel, VIEW_CHANNEL) {
            return Ok(());
        }
        Err(Refusal::new(403, 50001, "Missing Access"))
    }

    /// The bot sees the channel and may do this in it.
    pub(super) fn allowed(&self, bot: u64, channel: u64, permission: u64) -> Result<(), Refusal> {
        self.sees(bot, channel)?;
        if self.may(bot, channel, permission) {
            return Ok(());
        }
        Err(Refusal::new(403, 50013, "Missing Permissions"))
    }

    fn may_write(&self, bot: u64, channel: u64) -> Result<(), Refusal> {
        self.sees(bot, channel)?;
        let known = self.data.channels.get(&channel);
        if known.and_then(|c| c.between).is_some_and(|(person, _)| self.shut.contains(&person)) {
            return Err(Refusal::new(403, 50007, "Cannot send messages to this user"));
        }
        let thread = known.is_some_and(|c| matches!(c.json["type"].as_u64(), Some(10..=12)));
        self.allowed(bot, channel, if thread { SEND_MESSAGES_IN_THREADS } else { SEND_MESSAGES })
    }

    pub(super) fn create_message(&mut self, ask: &Ask<'_>) -> Reply {
        let channel = ask.id(0)?;
        self.may_write(ask.bot, channel)?;
        check(ask.body, true)?;
        if let Some(made) = self.made_before(ask.bot, ask.body) {
            return Ok(Some(made));
        }
        self.check_reply(ask.bot, channel, ask.body)?;
        let draft = Draft { channel, author: ask.bot, body: ask.body, interaction: None, flags: 0 };
        let id = self.make(draft);
        Ok(self.data.messages.get(&channel).and_then(|all| all.get(&id)).map(|message| message.json.clone()))
    }

    /// With `enforce_nonce`, the message this author made with the same nonce a short while ago.
    fn made_before(&self, author: u64, body: &Value) -> Option<Value> {
        if body["enforce_nonce"].as_bool() != Some(true) {
            return None;
        }
        let (channel, id) = *self.nonces.get(&(author, nonce(body)?))?;
        let made_ms = (id >> 22) + super::state::DISCORD_EPOCH_MS;
        let message = self.data.messages.get(&channel)?.get(&id)?;
        (self.now_ms().saturating_sub(made_ms) < self.options.nonce_ms).then(|| message.json.clone())
    }

    /// The message it answers is there, and the bot may read it.
    fn check_reply(&self, bot: u64, channel: u64, body: &Value) -> Result<(), Refusal> {
        let reference = &body["message_reference"];
        if reference.is_null() {
            return Ok(());
        }
        if !self.may(bot, channel, READ_MESSAGE_HISTORY) {
            return Err(Refusal::new(403, 160_002, "Cannot reply without permission to read message history"));
        }
        if self.replied(channel, body).is_some() || reference["fail_if_not_exists"].as_bool() == Some(false) {
            return Ok(());
        }
        Err(Refusal::form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"))
    }

    /// The message a body answers, unless it is deleted.
    fn replied(&self, channel: u64, body: &Value) -> Option<&Message> {
        let id = id_of(&body["message_reference"]["message_id"])?;
        self.data.messages.get(&channel)?.get(&id).filter(|message| !message.deleted)
    }

    /// Makes a message and tells everyone; returns its id.
    pub(super) fn make(&mut self, draft: Draft<'_>) -> u64 {
        let Draft { channel, author, body, interaction, .. } = draft;
        let id = self.next_id();
        let settable = if interaction.is_some() { FLAGS | 1 << 6 } else { FLAGS };
        let flags = body["flags"].as_u64().unwrap_or(0) & settable | draft.flags;
        let content = body["content"].as_str().unwrap_or_default().trim().to_owned();
        let replied = self.replied(channel, body).map(|message| (message.author, shapes::referenced(&message.json)));
        let pings =
            self.pings(author, channel, body, replied.as_ref().map(|(author, _)| *author), interaction.is_some());
        let mut json = shapes::message(json!({ "id": id.to_string(), "channel_id": channel.to_string(),
            "author": self.user(author), "content": content, "timestamp": shapes::timestamp(self.now_ms()),
            "flags": flags, "embeds": list(body, "embeds"), "components": list(body, "components") }));
        self.name_in(&mut json, &pings);
        if let Some(nonce) = body.get("nonce") {
            json["nonce"] = nonce.clone();
        }
        if let Some((_, answered)) = replied {
            json["type"] = json!(19);
            json["message_reference"] =
                json!({ "type": 0, "message_id": answered["id"], "channel_id": channel.to_string() });
            json["referenced_message"] = answered;
        }
        self.name_interaction(&mut json, interaction);
        self.keep(Message {
            id,
            channel,
            guild: self.data.channels.get(&channel).and_then(|c| c.guild),
            author,
            content,
            nonce: nonce(body),
            edits: Vec::new(),
            deleted: false,
            flags,
            allowed_mentions: body.get("allowed_mentions").cloned(),
            components: list(body, "components"),
            embeds: list(body, "embeds"),
            message_reference: body.get("message_reference").cloned(),
            pings: pings.words(),
            reactions: Vec::new(),
            interaction,
            at: Instant::now(),
            request: body.clone(),
            json,
        });
        id
    }

    /// Writes into an answer what it answers.
    fn name_interaction(&self, json: &mut Value, interaction: Option<u64>) {
        let Some(known) = interaction.and_then(|id| self.data.interactions.get(&id)) else { return };
        let asked = &known.json;
        let user = if asked["member"].is_object() { &asked["member"]["user"] } else { &asked["user"] };
        json["application_id"] = asked["application_id"].clone();
        json["webhook_id"] = asked["application_id"].clone();
        json["interaction_metadata"] = json!({ "id": asked["id"], "type": asked["type"], "user": user,
            "authorizing_integration_owners": {} });
        if asked["type"].as_u64() == Some(2) {
            json["type"] = json!(20);
        }
    }

    /// Keeps a new message and dispatches it; what is ephemeral nobody else sees.
    pub(super) fn keep(&mut self, message: Message) {
        let (channel, id) = (message.channel, message.id);
        let event = self.event_of(&message);
        let ephemeral = message.flags & 1 << 6 != 0;
        if let Some(nonce) = message.nonce.clone() {
            self.nonces.insert((message.author, nonce), (channel, id));
        }
        if let Some(known) = self.data.channels.get_mut(&channel) {
            known.json["last_message_id"] = json!(id.to_string());
        }
        let all = self.data.messages.entry(channel).or_default();
        all.insert(id, message);
        while all.len() > self.options.keep_messages {
            let Some((_, old)) = all.pop_first() else { break };
            if let Some(nonce) = old.nonce {
                self.nonces.remove(&(old.author, nonce));
            }
        }
        if !ephemeral {
            self.dispatch_in(channel, "MESSAGE_CREATE", &event);
        }
    }

    /// The message object as events carry it: with its guild, and its author as a member.
    pub(super) fn event_of(&self, message: &Message) -> Value {
        let mut event = message.json.clone();
        let Some(guild) = message.guild else { return event };
        event["guild_id"] = json!(guild.to_string());
        let member = self.data.guilds.get(&guild).and_then(|guild| guild.members.get(&message.author));
        if let Some(Value::Object(mut member)) = member.cloned() {
            member.remove("user");
            event["member"] = Value::Object(member);
        }
        event
    }
}

pub(super) fn list(body: &Value, name: &str) -> Vec<Value> {
    body[name].as_array().cloned().unwrap_or_default()
}

/// A nonce may be a number or a string.
fn nonce(body: &Value) -> Option<String> {
    let nonce = body.get("nonce")?;
    nonce.as_str().map(str::to_owned).or_else(|| nonce.as_u64().map(|number| number.to_string()))
}

/// Is a body a message? A new one must hold something; an edit may leave everything out.
pub(super) fn check(body: &Value, new: bool) -> Result<(), Refusal> {
    let content = body["content"].as_str().unwrap_or_default();
    if content.chars().count() > LONGEST {
        let words = format!("Must be {LONGEST} or fewer in length.");
        return Err(Refusal::form("content", "BASE_TYPE_MAX_LENGTH", &words));
    }
    if nonce(body).is_some_and(|nonce| nonce.chars().count() > 25) {
        return Err(Refusal::form("nonce", "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length."));
    }
    if let Some(words) = mentions::wrong(&body["allowed_mentions"]) {
        return Err(Refusal::form("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words));
    }
    let (embeds, components) = (list(body, "embeds"), list(body, "components"));
    if embeds.len() > 10 {
        return Err(Refusal::form("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."));
    }
    let modern = body["flags"].as_u64().unwrap_or(0) & COMPONENTS_V2 != 0;
    if modern && !(content.is_empty() && embeds.is_empty()) {
        let words = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
        return Err(Refusal::form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", words));
    }
    check_components(&components, modern)?;
    let others = ["sticker_ids", "poll", "attachments"];
    let nothing = content.trim().is_empty() && embeds.is_empty() && components.is_empty();
    let given = body.get("content").is_some() || new;
    if nothing && given && others.iter().all(|field| body[field].is_null()) {
        return Err(Refusal::new(400, 50006, "Cannot send an empty message"));
    }
    Ok(())
}

/// At most five rows of at most five buttons; every `custom_id` once and at most 100 characters, labels at most 80.
fn check_components(components: &[Value], modern: bool) -> Result<(), Refusal> {
    let wrong = |words: &str| Err(Refusal::form("components", "BASE_TYPE_BAD_LENGTH", words));
    if !modern && (components.len() > 5 || components.iter().any(|row| list(row, "components").len() > 5)) {
        return wrong("Must be between 1 and 5 in length.");
    }
    let mut seen = Vec::new();
    let mut open: Vec<&Value> = components.iter().collect();
    while let Some(component) = open.pop() {
        open.extend(component["components"].as_array().into_iter().flatten());
        open.extend(component.get("accessory"));
        if component["label"].as_str().is_some_and(|label| label.chars().count() > 80) {
            return wrong("Must be 80 or fewer in length.");
        }
        let Some(id) = component["custom_id"].as_str() else { continue };
        if id.is_empty() || id.chars().count() > 100 {
            return wrong("Must be between 1 and 100 in length.");
        }
        if seen.contains(&id) {
            return wrong("Component custom id cannot be duplicated");
        }
        seen.push(id);
    }
    Ok(())
}
