//! What is known of the places: which guild a channel is in, what a thread hangs below, what people were called.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use townkeeper_contract::platform::Host;
use tracing::debug;

use crate::api::{Api, ApiError, Ask};
use crate::wire::{Channel, Guild, Id, MemberEvent};

use super::quick::unless_frozen;

/// Direct conversations remembered for catching up: Discord lists them nowhere.
const DIRECTS: usize = 200;
/// Names remembered, to tell a new name from a new role.
const NAMES: usize = 20_000;

#[derive(Debug, Default)]
pub struct World {
    channels: HashMap<Id, Seat>,
    names: HashMap<(Id, Id), String>,
    pub(crate) kept: Kept,
}

/// What must outlive the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// The guilds we know that we are in, and the role that is ours alone there: people mention it for us.
    pub(crate) guilds: BTreeMap<Id, Option<Id>>,
    /// Direct conversations, the one heard of last at the end.
    pub(crate) directs: Vec<Id>,
}

/// Where a channel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) guild: Option<Id>,
    /// The channel that a thread belongs to.
    pub(crate) parent: Option<Id>,
}

impl World {
    pub(crate) fn with(kept: Kept) -> Self {
        Self { kept, ..Self::default() }
    }

    pub(crate) fn seat(&self, channel: Id) -> Option<Seat> {
        self.channels.get(&channel).copied()
    }

    pub(crate) fn learn(&mut self, channel: &Channel, guild: Option<Id>) {
        let parent = channel.parent_id.filter(|_| channel.is_thread());
        self.channels.insert(channel.id, Seat { guild: channel.guild_id.or(guild), parent });
    }

    /// Learns of a guild's places and of our role; whether the guild is new to us.
    pub(crate) fn learn_guild(&mut self, guild: &Guild, us: Id) -> bool {
        for channel in guild.channels.iter().chain(&guild.threads) {
            self.learn(channel, Some(guild.id));
        }
        let role = guild.roles.iter().find(|role| role.tags.bot_id == Some(us)).map(|role| role.id);
        self.kept.guilds.insert(guild.id, role).is_none()
    }

    /// The role that is ours alone in a guild.
    pub(crate) fn our_role(&self, guild: Option<Id>) -> Option<Id> {
        self.kept.guilds.get(&guild?).copied().flatten()
    }

    /// Asks Discord about a channel that no event told of: after a restart that resumed its session there are none.
    pub(crate) async fn ask(&mut self, api: &Api, host: &dyn Host, channel: Id, guild: Option<Id>) {
        if guild.is_none() || self.channels.contains_key(&channel) {
            return;
        }
        let asked = api.call::<Channel>(Ask::get(format!("/channels/{channel}")));
        // While the town is frozen it stays unknown, and nothing is answered there.
        let Some(asked) = unless_frozen(host, asked).await else { return };
        match asked {
            Ok(known) => self.learn(&known, guild),
            // Asked once: a channel that may not be seen is one like any other.
            Err(ApiError::Said { .. }) => {
                self.channels.insert(channel, Seat { guild, parent: None });
            }
            Err(error) => debug!(%channel, ?error, "whether this is a thread is not known"),
        }
    }

    /// Remembers a direct conversation; whether it is new.
    pub(crate) fn direct(&mut self, channel: Id) -> bool {
        let directs = &mut self.kept.directs;
        let before = directs.len();
        directs.retain(|known| *known != channel);
        let new = directs.len() == before;
        directs.push(channel);
        let over = directs.len().saturating_sub(DIRECTS);
        directs.drain(..over);
        new
    }

    /// What somebody was called before, if that was known and another name; `None`: nothing changed.
    pub(crate) fn renamed(&mut self, member: &MemberEvent, name: &str) -> Option<String> {
        if self.names.len() >= NAMES {
            self.names.clear();
        }
        let before = self.names.insert((member.guild_id, member.user.id), name.to_owned());
        match before {
            Some(before) => (before != name).then_some(before),
            None => Some(String::new()),
        }
    }

    /// Somebody was heard under this name.
    pub(crate) fn heard(&mut self, guild: Id, person: Id, name: &str) {
        if self.names.len() < NAMES && !self.names.contains_key(&(guild, person)) {
            self.names.insert((guild, person), name.to_owned());
        }
    }
}
