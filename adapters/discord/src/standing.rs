//! What somebody may do in a channel, from what Discord says of its guild, its roles and the channel's own rules; and
//! what the account lacks, for `doctor`.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde::Deserialize;
use townkeeper_contract::id::PersonId;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::{Held, Quiet, Term};
use townkeeper_contract::platform::{DeliverError, Finding, Right, Standing};

use crate::DiscordConfig;
use crate::api::{Api, ApiError, Ask};
use crate::deliver::{Target, class};
use crate::moderate::{UNKNOWN_BAN, number};
use crate::wire::{Id, Identified, User};

const BAN_MEMBERS: u64 = 1 << 2;
const ADMINISTRATOR: u64 = 1 << 3;
const MANAGE_GUILD: u64 = 1 << 5;
const VIEW_CHANNEL: u64 = 1 << 10;
const SEND_MESSAGES: u64 = 1 << 11;
const MANAGE_MESSAGES: u64 = 1 << 13;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;
const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
const MODERATE_MEMBERS: u64 = 1 << 40;
const PIN_MESSAGES: u64 = 1 << 51;
pub(crate) const UNKNOWN_MEMBER: u64 = 10_007;

#[derive(Deserialize)]
struct Guild {
    owner_id: Id,
    roles: Vec<Role>,
}

/// Its bits are written as ids are: as text.
#[derive(Deserialize)]
struct Role {
    id: Id,
    permissions: Id,
}

#[derive(Deserialize)]
struct Member {
    roles: Vec<Id>,
    #[serde(default)]
    communication_disabled_until: Option<String>,
}

#[derive(Default, Deserialize)]
struct Channel {
    #[serde(rename = "type")]
    kind: u64,
    #[serde(default)]
    parent_id: Option<Id>,
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
    #[serde(default)]
    recipients: Vec<Identified>,
}

/// A channel's own rule for a role or a member.
#[derive(Deserialize)]
struct Overwrite {
    id: Id,
    allow: Id,
    deny: Id,
}

pub(crate) async fn standing(api: &Api, at: &ReplyTo, person: Option<&PersonId>) -> Result<Standing, DeliverError> {
    let to = Target::of(at)?;
    let user = match person {
        Some(person) => number(person)?,
        None => api.call::<Identified>(Ask::get("/users/@me")).await.map_err(class)?.id,
    };
    let channel = match to.guild {
        // What concerns the guild itself stands in no channel, whose own rules would hold.
        Some(guild) if guild == to.channel => Channel::default(),
        _ => api.call(Ask::get(format!("/channels/{}", to.channel))).await.map_err(class)?,
    };
    let Some(guild_id) = to.guild else {
        let member = person.is_none() || channel.recipients.iter().any(|recipient| recipient.id == user);
        return Ok(Standing { member, rights: BTreeSet::from([Right::Speak]), held: None });
    };
    let guild: Guild = api.call(Ask::get(format!("/guilds/{guild_id}"))).await.map_err(class)?;
    let member: Member = match api.call(Ask::get(format!("/guilds/{guild_id}/members/{user}"))).await {
        Ok(member) => member,
        Err(error) if error.is(UNKNOWN_MEMBER) => {
            return Ok(Standing { held: banned(api, guild_id, user).await?, ..Standing::default() });
        }
        Err(error) => return Err(class(error)),
    };
    let thread = matches!(channel.kind, 10..=12);
    // A thread has the rules of its parent.
    let rules = match channel.parent_id.filter(|_| thread) {
        Some(parent) => api.call(Ask::get(format!("/channels/{parent}"))).await.map_err(class)?,
        None => channel,
    };
    let until_ms = member.communication_disabled_until.as_deref().and_then(|until| ahead(until, api.now_ms()));
    let mut may = permissions(&guild, guild_id, &member, user, &rules.permission_overwrites);
    if until_ms.is_some() && may & ADMINISTRATOR == 0 {
        may &= VIEW_CHANNEL | READ_MESSAGE_HISTORY;
    }
    let quiet = until_ms.map(|until_ms| Quiet { term: Term { until_ms: Some(until_ms) }, ..Quiet::default() });
    Ok(Standing { member: true, rights: rights(may, thread), held: Some(Held { ban: None, quiet }) })
}

/// Of somebody who is not in the guild: whether they are banned. `None`: Discord does not say, to whom may not see its bans;
/// nor whether a time-out waits for somebody who is not banned. Any other failure says nothing, and is to be asked again.
async fn banned(api: &Api, guild: Id, user: Id) -> Result<Option<Held>, DeliverError> {
    match api.done(Ask::get(format!("/guilds/{guild}/bans/{user}"))).await {
        Ok(_) => Ok(Some(Held { ban: Some(Term::default()), quiet: None })),
        Err(error) if error.is(UNKNOWN_BAN) || matches!(error, ApiError::Said { status: 403, .. }) => Ok(None),
        Err(error) => Err(class(error)),
    }
}

/// All that somebody may do in a channel: the owner and administrators everything, others by their roles, then by the
/// channel's rules for everyone, for their roles together, and for themselves.
fn permissions(guild: &Guild, guild_id: Id, member: &Member, user: Id, rules: &[Overwrite]) -> u64 {
    let has = |role: Id| role == guild_id || member.roles.contains(&role);
    let base = guild.roles.iter().filter(|role| has(role.id)).fold(0, |all, role| all | role.permissions.0);
    if guild.owner_id == user || base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let apply = |may: u64, which: &dyn Fn(Id) -> bool| {
        let rules = || rules.iter().filter(|rule| which(rule.id));
        let (deny, allow) = rules().fold((0, 0), |(deny, allow), rule| (deny | rule.deny.0, allow | rule.allow.0));
        (may & !deny) | allow
    };
    let may = apply(base, &|id| id == guild_id);
    let may = apply(may, &|id| id != guild_id && member.roles.contains(&id));
    apply(may, &|id| id == user)
}

fn rights(may: u64, thread: bool) -> BTreeSet<Right> {
    let speak = VIEW_CHANNEL | if thread { SEND_MESSAGES_IN_THREADS } else { SEND_MESSAGES };
    let known = [
        (Right::Speak, speak),
        (Right::Manage, MANAGE_GUILD),
        (Right::Remove, MANAGE_MESSAGES),
        (Right::Restrict, MODERATE_MEMBERS),
        (Right::Ban, BAN_MEMBERS),
        (Right::Pin, PIN_MESSAGES),
    ];
    known.into_iter().filter(|(_, needs)| may & needs == *needs).map(|(right, _)| right).collect()
}

/// Unix milliseconds, if that is ahead.
fn ahead(until: &str, now_ms: Option<i64>) -> Option<i64> {
    let until_ms = DateTime::parse_from_rfc3339(until).ok()?.timestamp_millis();
    (until_ms > now_ms?).then_some(until_ms)
}

/// The application, and the privileged intents it was given.
#[derive(Deserialize)]
struct Application {
    id: Id,
    #[serde(default)]
    flags: u64,
}

/// What an intent is called, where its switch is, and the setting that does without.
struct Intent {
    name: &'static str,
    setting: &'static str,
    /// Given to all, or to applications in few servers.
    flags: u64,
    without: &'static str,
}

fn intents(config: &DiscordConfig) -> Vec<Intent> {
    let content = Intent {
        name: "Message Content Intent",
        setting: "message_content",
        flags: 1 << 18 | 1 << 19,
        without: "in servers it reads only messages that mention it or reply to it",
    };
    let members = Intent {
        name: "Server Members Intent",
        setting: "members",
        flags: 1 << 14 | 1 << 15,
        without: "it does not see who joins, leaves or changes their name",
    };
    let wanted = [(content, config.message_content), (members, config.members)];
    wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(intent, _)| intent).collect()
}

/// What to do when Discord refuses the intents we ask for: names those that are missing, if it can be told.
pub(crate) async fn missing_intents(api: &Api, config: &DiscordConfig) -> String {
    let flags = api.call::<Application>(Ask::get("/applications/@me")).await.map(|app| app.flags).unwrap_or_default();
    let missing = intents(config).into_iter().filter(|intent| intent.flags & flags == 0);
    let (names, settings): (Vec<_>, Vec<_>) =
        missing.map(|intent| (intent.name, format!("{} = false", intent.setting))).unzip();
    if names.is_empty() {
        return "it was not given an intent it asks for; look at Bot, Privileged Gateway Intents".to_owned();
    }
    format!(
        "it was not given: {}. Switch it on at discord.com/developers/applications, Bot, Privileged Gateway Intents, or \
         do without: {}",
        names.join(", "),
        settings.join(", ")
    )
}

pub(crate) async fn examine(api: &Api, config: &DiscordConfig) -> Vec<Finding> {
    let me = match api.call::<User>(Ask::get("/users/@me")).await {
        Ok(me) => me,
        Err(error) => return vec![unasked(error)],
    };
    let mut found = vec![well(format!("the token is that of {}", me.username))];
    let application = match api.call::<Application>(Ask::get("/applications/@me")).await {
        Ok(application) => application,
        Err(error) => return found.into_iter().chain([unasked(error)]).collect(),
    };
    found.extend(intents(config).into_iter().map(|intent| of_intent(&intent, application.flags)));
    match api.call::<Vec<Identified>>(Ask::get("/users/@me/guilds")).await {
        Ok(guilds) if guilds.is_empty() => found.push(Finding {
            ok: false,
            what: "it is in no server".to_owned(),
            remedy: Some(format!(
                "invite it: https://discord.com/oauth2/authorize?client_id={}&scope=bot+applications.commands&\
                 permissions={}",
                application.id,
                VIEW_CHANNEL | SEND_MESSAGES | READ_MESSAGE_HISTORY | SEND_MESSAGES_IN_THREADS
            )),
        }),
        Ok(guilds) => found.push(well(format!("it is in {} server(s)", guilds.len()))),
        Err(error) => found.push(unasked(error)),
    }
    found
}

fn well(what: String) -> Finding {
    Finding { ok: true, what, remedy: None }
}

fn of_intent(intent: &Intent, flags: u64) -> Finding {
    if intent.flags & flags != 0 {
        return well(format!("it was given the {}", intent.name));
    }
    Finding {
        ok: false,
        what: format!("it was not given the {}: the gateway refuses it", intent.name),
        remedy: Some(format!(
            "switch it on at discord.com/developers/applications (Bot, Privileged Gateway Intents), or set `{} = false`: \
             then {}",
            intent.setting, intent.without
        )),
    }
}

fn unasked(error: ApiError) -> Finding {
    let (what, remedy) = match error {
        ApiError::Said { status: 401, .. } => (
            "Discord does not know this token".to_owned(),
            "make a new one at discord.com/developers/applications (Bot, Reset Token) and put it into the file",
        ),
        error => {
            (format!("Discord could not be asked: {}", class(error)), "check the network, and `api_base` if it is set")
        }
    };
    Finding { ok: false, what, remedy: Some(remedy.to_owned()) }
}
