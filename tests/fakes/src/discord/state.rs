//! What the server knows, as plain data: the world, what bots did to it, and what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::ws::Utf8Bytes;
use serde_json::Value;

use super::DiscordBot;

/// The first millisecond of Discord's time, after the Unix epoch.
pub(super) const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

/// A guild without its channels, which are among [`DiscordState::channels`].
#[derive(Clone, Debug, Default)]
pub struct Guild {
    pub owner: u64,
    /// The guild object without `roles`, `members`, `channels` and `threads`.
    pub json: Value,
    /// Role objects; the one with the guild's id is `@everyone`.
    pub roles: BTreeMap<u64, Value>,
    /// Member objects by user, bots among them.
    pub members: BTreeMap<u64, Value>,
}

/// A channel, a thread (types 10 to 12), or a direct conversation (type 1).
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// Absent in a direct conversation.
    pub guild: Option<u64>,
    /// The person and the bot of a direct conversation.
    pub between: Option<(u64, u64)>,
    /// The channel object.
    pub json: Value,
}

/// A message as people see it now: an edit changes it, a delete marks it.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: u64,
    pub channel: u64,
    pub guild: Option<u64>,
    /// The user who wrote it.
    pub author: u64,
    pub content: String,
    pub nonce: Option<String>,
    /// The contents it had before, oldest first.
    pub edits: Vec<String>,
    pub deleted: bool,
    /// `SUPPRESS_EMBEDS` is `1 << 2`, `EPHEMERAL` `1 << 6`, `LOADING` `1 << 7`.
    pub flags: u64,
    /// As sent with the message; with none Discord notifies everyone it names.
    pub allowed_mentions: Option<Value>,
    pub components: Vec<Value>,
    pub embeds: Vec<Value>,
    pub message_reference: Option<Value>,
    /// Whom it notified when it was made: `everyone`, `here`, `role:<id>`, `user:<id>`.
    pub pings: Vec<String>,
    /// Who reacted, and with what (percent-encoded as in the path).
    pub reactions: Vec<(u64, String)>,
    /// The interaction it answers.
    pub interaction: Option<u64>,
    /// When the server took it.
    pub at: Instant,
    /// The whole request that made it; null when a person wrote it.
    pub request: Value,
    /// The message object.
    pub json: Value,
}

/// One request, whatever became of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The bot whose token it carries, by user id.
    pub bot: Option<u64>,
    /// As the documentation spells it: `POST /channels/{channel.id}/messages`.
    pub route: &'static str,
    /// The path after `/api/v10`.
    pub path: String,
    pub query: String,
    pub body: Value,
    /// `X-Audit-Log-Reason`, still percent-encoded.
    pub reason: Option<String>,
    pub user_agent: String,
    /// What was answered; 0 when the connection was cut or is held open.
    pub status: u16,
    pub at: Instant,
}

/// An attachment that somebody fetched, or wanted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    pub path: String,
    /// It came with an `Authorization`, which is nobody's business there.
    pub authorised: bool,
    pub status: u16,
}

/// One WebSocket connection.
#[derive(Clone, Debug)]
pub struct Connection {
    pub id: u64,
    /// `/gateway` or `/resume`: where the client dialled.
    pub path: String,
    pub query: String,
    pub open: bool,
    /// The client's close code, when it closed with one.
    pub closed_with: Option<u16>,
    /// The code the server closed it with.
    pub sent_close: Option<u16>,
    /// The session it carries.
    pub session: Option<String>,
}

/// An IDENTIFY, accepted or not.
#[derive(Clone, Debug)]
pub struct Identify {
    pub bot: Option<u64>,
    pub intents: u64,
    pub connection: u64,
    /// Its whole `d`, without the token.
    pub data: Value,
    /// The close code it was refused with.
    pub refused: Option<u16>,
}

/// A RESUME, accepted or not.
#[derive(Clone, Debug)]
pub struct Resume {
    pub session: String,
    pub seq: u64,
    pub connection: u64,
    /// Where it was dialled: `/resume` when the client minds `resume_gateway_url`.
    pub path: String,
    /// Dispatches sent again; absent when it was refused.
    pub replayed: Option<usize>,
}

/// A heartbeat a client sent.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    pub connection: u64,
    /// The sequence number it carries.
    pub seq: Option<u64>,
    pub acked: bool,
    pub at: Instant,
}

/// A session: it outlives its connection until it is resumed or ends.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub bot: u64,
    pub intents: u64,
    /// Number and count of its shard.
    pub shard: (u64, u64),
    /// The sequence number of the last dispatch.
    pub seq: u64,
    /// The connection it is on now.
    pub connection: Option<u64>,
    /// Ended: it gets nothing more and cannot be resumed.
    pub ended: bool,
    /// When it lost its connection, in ms of the server's clock.
    pub(super) left_ms: u64,
    /// What RESUME sends again.
    pub(super) log: VecDeque<(u64, Utf8Bytes)>,
}

/// An interaction and what was answered.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: u64,
    pub token: String,
    pub bot: u64,
    /// The interaction object as dispatched.
    pub json: Value,
    pub at: Instant,
    /// How far the clock was set forward when it was made.
    pub(super) ahead_ms: u64,
    /// The first answer: `{type, data}`.
    pub response: Option<Value>,
    /// How long the first answer took, with what the clock was set forward meanwhile.
    pub answered_after_ms: Option<u64>,
    /// The message that `@original` means: its channel and id.
    pub original: Option<(u64, u64)>,
    /// Messages made through its webhook.
    pub followups: Vec<u64>,
}

/// A ban.
#[derive(Clone, Debug)]
pub struct Ban {
    pub by: u64,
    pub delete_message_seconds: u64,
    pub reason: Option<String>,
}

/// Everything a test may look at.
#[derive(Clone, Debug, Default)]
pub struct DiscordState {
    /// By user id.
    pub bots: BTreeMap<u64, DiscordBot>,
    pub guilds: BTreeMap<u64, Guild>,
    /// Channels, threads and direct conversations.
    pub channels: BTreeMap<u64, Channel>,
    /// By channel, then by id; deleted ones too.
    pub messages: BTreeMap<u64, BTreeMap<u64, Message>>,
    /// Pinned messages by channel, latest pin last.
    pub pins: BTreeMap<u64, Vec<u64>>,
    /// By guild and user.
    pub bans: BTreeMap<(u64, u64), Ban>,
    /// `communication_disabled_until` as sent, by guild and user.
    pub timeouts: BTreeMap<(u64, u64), String>,
    /// How often a bot showed typing, by bot and channel.
    pub typing: BTreeMap<(u64, u64), u64>,
    /// Registered commands by application and guild (none: global).
    pub commands: BTreeMap<(u64, Option<u64>), Vec<Value>>,
    pub interactions: BTreeMap<u64, Interaction>,
    /// The newest calls; see [`super::DiscordOptions::keep_calls`].
    pub calls: VecDeque<Call>,
    /// Calls per route, counted even when none are kept.
    pub counts: BTreeMap<&'static str, u64>,
    pub connections: Vec<Connection>,
    pub identifies: Vec<Identify>,
    pub resumes: Vec<Resume>,
    pub heartbeats: Vec<Heartbeat>,
    pub sessions: BTreeMap<String, Session>,
    pub downloads: Vec<Download>,
    /// 429 answers.
    pub too_many: u64,
    /// Calls made before an earlier `retry_after` was over.
    pub too_early: u64,
    /// 401, 403 and 429 answers; 10,000 in ten minutes would ban the address. Shared limits do not count.
    pub invalid_requests: u64,
}

impl DiscordState {
    /// Every message this user wrote, oldest first.
    pub fn by(&self, author: u64) -> Vec<&Message> {
        let mut all: Vec<_> =
            self.messages.values().flat_map(BTreeMap::values).filter(|m| m.author == author).collect();
        all.sort_by_key(|m| m.id);
        all
    }

    /// The message, wherever it is.
    pub fn message(&self, id: u64) -> Option<&Message> {
        self.messages.values().find_map(|channel| channel.get(&id))
    }

    /// The kept calls of a route, oldest first.
    pub fn calls_of(&self, route: &str) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.route == route).collect()
    }

    /// Sessions with a connection right now.
    pub fn connected(&self) -> usize {
        self.sessions.values().filter(|session| session.connection.is_some() && !session.ended).count()
    }

    pub(super) fn by_token(&self, token: &str) -> Option<&DiscordBot> {
        self.bots.values().find(|bot| bot.token == token)
    }

    /// Is the bot in this guild, or in this direct conversation?
    pub(super) fn takes_part(&self, bot: u64, guild: Option<u64>, channel: Option<u64>) -> bool {
        if let Some(guild) = guild {
            return self.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&bot));
        }
        match channel.and_then(|id| self.channels.get(&id)) {
            Some(Channel { between: Some((_, its)), .. }) => *its == bot,
            Some(Channel { guild: Some(guild), .. }) => self.takes_part(bot, Some(*guild), None),
            _ => true,
        }
    }
}

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a stand-in for a server has a clock of its own")]
pub(super) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// A snowflake written as a string, or as a number.
pub(super) fn id_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
