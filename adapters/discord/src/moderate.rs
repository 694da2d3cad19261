//! Moderating: each action one request with its reason for the audit log; what is done already is done.

use chrono::{DateTime, SecondsFormat};
use serde_json::json;
use townkeeper_contract::id::PersonId;
use townkeeper_contract::moderation::Held;
use townkeeper_contract::outbound::{LimitHint, Moderation};
use townkeeper_contract::platform::DeliverError;

use crate::api::{Api, Ask};
use crate::deliver::{Target, UNKNOWN_MESSAGE, class, done, within};
use crate::standing::UNKNOWN_MEMBER;
use crate::wire::Id;

/// Discord's longest time-out is 28 days; a minute is left for clocks that differ.
const LONGEST_MS: i64 = 28 * 24 * 60 * 60 * 1000 - 60_000;
pub(crate) const UNKNOWN_BAN: u64 = 10_026;
/// No error of Discord's.
const NONE: u64 = 0;

pub(crate) async fn moderate(
    api: &Api,
    to: &Target,
    action: &Moderation,
    reason: &str,
) -> Result<Option<LimitHint>, DeliverError> {
    match action {
        Moderation::Remove { message } => {
            let (channel, id) = within(api, to, message).await?;
            let ask = Ask::delete(format!("/channels/{channel}/messages/{id}")).because(reason);
            done(api.done(ask).await, UNKNOWN_MESSAGE)
        }
        Moderation::Restrict { person, until_ms } => {
            let until = until(api, *until_ms).await?;
            time_out(api, to, person, Some(until), (reason, NONE)).await
        }
        Moderation::Release { person, held } => {
            let until = held_until(api, held).await?;
            time_out(api, to, person, until, (reason, NONE)).await
        }
        Moderation::Ban { person } => {
            let body = json!({ "delete_message_seconds": 0 });
            let ask = Ask::put(ban(to, person)?).with(&body).because(reason);
            api.done(ask).await.map_err(class)
        }
        Moderation::Unban { person, held } => {
            let unbanned = done(api.done(Ask::delete(ban(to, person)?).because(reason)).await, UNKNOWN_BAN)?;
            if held.quiet.is_none() {
                return Ok(unbanned);
            }
            // Whoever is not back yet cannot be timed out: Discord keeps what they had.
            let until = held_until(api, held).await?;
            time_out(api, to, person, until, (reason, UNKNOWN_MEMBER)).await
        }
        _ => Err(DeliverError::Refused("Discord's adapter cannot do that".into())),
    }
}

/// `already`: the error that means that there is nothing to do.
async fn time_out(
    api: &Api,
    to: &Target,
    person: &PersonId,
    until: Option<String>,
    (reason, already): (&str, u64),
) -> Result<Option<LimitHint>, DeliverError> {
    let body = json!({ "communication_disabled_until": until });
    let path = format!("/guilds/{}/members/{}", to.guild()?, number(person)?);
    done(api.done(Ask::patch(path, &body).because(reason)).await, already)
}

/// The end of the time-out that holds again, if one does.
async fn held_until(api: &Api, held: &Held) -> Result<Option<String>, DeliverError> {
    match &held.quiet {
        Some(quiet) => until(api, quiet.term.until_ms).await.map(Some),
        None => Ok(None),
    }
}

/// The end of a time-out as Discord writes it; the longest there is, if none or a later one is wanted.
async fn until(api: &Api, until_ms: Option<i64>) -> Result<String, DeliverError> {
    if api.now_ms().is_none() {
        // Any answer tells the time.
        api.done(Ask::get("/gateway")).await.map_err(class)?;
    }
    let latest = api.now_ms().map(|now_ms| now_ms.saturating_add(LONGEST_MS));
    let latest = latest.ok_or_else(|| DeliverError::PreSend("Discord's time is not known".into()))?;
    let end = DateTime::from_timestamp_millis(until_ms.unwrap_or(latest).min(latest));
    let end = end.ok_or_else(|| DeliverError::Refused("no time-out ends then".into()))?;
    Ok(end.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn ban(to: &Target, person: &PersonId) -> Result<String, DeliverError> {
    Ok(format!("/guilds/{}/bans/{}", to.guild()?, number(person)?))
}

/// People are numbers; anything else would be a path of somebody's choice.
pub(crate) fn number(person: &PersonId) -> Result<Id, DeliverError> {
    person.as_str().parse().map_err(|_| DeliverError::Refused("not a person of Discord".into()))
}
