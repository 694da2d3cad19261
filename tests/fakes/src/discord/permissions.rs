//! What a bot may do in a channel and in a guild, computed as the documentation says.

use serde_json::Value;

use super::State;
use super::state::{Guild, id_of};

pub(super) const KICK_MEMBERS: u64 = 1 << 1;
pub(super) const BAN_MEMBERS: u64 = 1 << 2;
pub(super) const ADMINISTRATOR: u64 = 1 << 3;
pub(super) const VIEW_CHANNEL: u64 = 1 << 10;
pub(super) const SEND_MESSAGES: u64 = 1 << 11;
pub(super) const MANAGE_MESSAGES: u64 = 1 << 13;
pub(super) const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub(super) const MENTION_EVERYONE: u64 = 1 << 17;
pub(super) const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
pub(super) const MODERATE_MEMBERS: u64 = 1 << 40;
pub(super) const PIN_MESSAGES: u64 = 1 << 51;

impl State {
    /// May the user do this in the channel? In a direct conversation, everything.
    pub(super) fn may(&self, user: u64, channel: u64, permission: u64) -> bool {
        self.permissions(user, channel) & permission == permission
    }

    /// All the user may do in the channel.
    pub(super) fn permissions(&self, user: u64, channel: u64) -> u64 {
        let Some(known) = self.data.channels.get(&channel) else { return 0 };
        let Some(guild) = known.guild.and_then(|id| self.data.guilds.get(&id)) else { return u64::MAX };
        let base = guild_permissions(guild, user);
        if base & ADMINISTRATOR != 0 {
            return u64::MAX;
        }
        // A thread has its parent's rules.
        let parent = id_of(&known.json["parent_id"]).and_then(|id| self.data.channels.get(&id));
        let thread = matches!(known.json["type"].as_u64(), Some(10..=12));
        let rules = if thread { parent.unwrap_or(known) } else { known };
        let allowed = overwritten(base, &rules.json["permission_overwrites"], known.guild.unwrap_or(0), user, guild);
        self.while_timed_out(guild, user, allowed)
    }

    /// Who is timed out may only look.
    fn while_timed_out(&self, guild: &Guild, user: u64, allowed: u64) -> u64 {
        let until = guild.members.get(&user).and_then(|member| member["communication_disabled_until"].as_str());
        match until.and_then(super::shapes::parse_timestamp) {
            Some(until) if until > self.now_ms() => allowed & (VIEW_CHANNEL | READ_MESSAGE_HISTORY),
            _ => allowed,
        }
    }
}

/// All the user may do in the guild, before a channel's own rules.
pub(super) fn guild_permissions(guild: &Guild, user: u64) -> u64 {
    if guild.owner == user {
        return u64::MAX;
    }
    let Some(member) = guild.members.get(&user) else { return 0 };
    let everyone = id_of(&guild.json["id"]).and_then(|id| guild.roles.get(&id)).map_or(0, bits);
    let roles = member["roles"].as_array().into_iter().flatten();
    let all = roles.filter_map(|id| guild.roles.get(&id_of(id)?)).fold(everyone, |sum, role| sum | bits(role));
    if all & ADMINISTRATOR == 0 { all } else { u64::MAX }
}

/// The place of the user's highest role.
pub(super) fn rank(guild: &Guild, user: u64) -> u64 {
    if guild.owner == user {
        return u64::MAX;
    }
    let roles = guild.members.get(&user).and_then(|member| member["roles"].as_array());
    let places = roles.into_iter().flatten().filter_map(|id| guild.roles.get(&id_of(id)?)?["position"].as_u64());
    places.max().unwrap_or(0)
}

fn bits(role: &Value) -> u64 {
    id_of(&role["permissions"]).unwrap_or(0)
}

/// Overwrites: of `@everyone`, then of all roles together, then of the member.
fn overwritten(mut allowed: u64, overwrites: &Value, guild_id: u64, user: u64, guild: &Guild) -> u64 {
    let all = || overwrites.as_array().into_iter().flatten();
    let roles = guild.members.get(&user).and_then(|member| member["roles"].as_array());
    let roles: Vec<u64> = roles.into_iter().flatten().filter_map(id_of).collect();
    let sum = |which: &dyn Fn(u64) -> bool| {
        let matching = all().filter(|one| id_of(&one["id"]).is_some_and(which));
        matching.fold((0, 0), |(deny, allow), one| {
            (deny | id_of(&one["deny"]).unwrap_or(0), allow | id_of(&one["allow"]).unwrap_or(0))
        })
    };
    for (deny, allow) in [sum(&|id| id == guild_id), sum(&|id| roles.contains(&id)), sum(&|id| id == user)] {
        allowed = (allowed & !deny) | allow;
    }
    allowed
}
