//! Pins and moderation. What is so already is done; a time is counted from now.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use townkeeper_contract::id::{MessageRef, PersonId};
use townkeeper_contract::moderation::{Held, Quiet, Term};
use townkeeper_contract::outbound::Moderation;
use townkeeper_contract::platform::DeliverError;

use crate::api::{Api, now_s};
use crate::deliver::{Target, class, done, named};

/// Everything that a group can allow its members. What is left out counts as forbidden.
pub(crate) const PERMISSIONS: [&str; 16] = [
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
];

/// Telegram takes anything shorter than 30 seconds for good; twice that, because our clocks differ.
const SHORTEST_S: i64 = 60;
/// And anything longer than 366 days.
const LONGEST_S: i64 = 365 * 86_400;

const RESTRICT: &str = "restrictChatMember";

pub(crate) async fn remove(api: &Api, message: &MessageRef) -> Result<(), DeliverError> {
    done(api.call("deleteMessage", &named(message)?).await, &["message to delete not found"], &[])
}

pub(crate) async fn pin(api: &Api, to: Target, message: &MessageRef) -> Result<(), DeliverError> {
    let mut body = named_in(to, message)?;
    body["disable_notification"] = json!(true);
    done(api.call("pinChatMessage", &body).await, &["CHAT_NOT_MODIFIED"], &["message to pin not found"])
}

pub(crate) async fn unpin(api: &Api, to: Target, message: &MessageRef) -> Result<(), DeliverError> {
    let already = ["message to unpin not found", "CHAT_NOT_MODIFIED"];
    done(api.call("unpinChatMessage", &named_in(to, message)?).await, &already, &[])
}

/// A message of the chat in which somebody's rights were looked up; they say nothing about another.
fn named_in(to: Target, message: &MessageRef) -> Result<Value, DeliverError> {
    let body = named(message)?;
    if body["chat_id"] == json!(to.chat) {
        return Ok(body);
    }
    Err(DeliverError::Refused("this message is in another chat".into()))
}

pub(crate) async fn moderate(api: &Api, to: Target, action: &Moderation) -> Result<(), DeliverError> {
    if let Moderation::Unban { person, held: Held { ban: None, quiet: Some(_) } } = action {
        // By its own method; what holds then comes behind it.
        let (method, body) = ban(to, person, false)?;
        api.call::<IgnoredAny>(method, &body).await.map_err(class)?;
    }
    let (method, body) = match action {
        Moderation::Remove { message } => {
            named_in(to, message)?;
            return remove(api, message).await;
        }
        Moderation::Restrict { person, until_ms } => {
            let until_s = until_ms.map(|until| until.div_euclid(1000));
            if until_s.is_some_and(|until| until <= now_s()) {
                // It took so long to get here that it is over: said now, it would be for good.
                return Ok(());
            }
            (RESTRICT, restriction(to, person, &Quiet { term: Term { until_ms: *until_ms }, ..Quiet::default() })?)
        }
        Moderation::Ban { person } => ban(to, person, true)?,
        Moderation::Unban { person, held } if held.is_nothing() => ban(to, person, false)?,
        Moderation::Release { person, held } | Moderation::Unban { person, held } => again(to, person, held)?,
        _ => return Err(DeliverError::Refused("Telegram's adapter cannot do that".into())),
    };
    api.call::<IgnoredAny>(method, &body).await.map_err(class)?;
    Ok(())
}

/// What held before us holds again.
fn again(to: Target, person: &PersonId, held: &Held) -> Result<(&'static str, Value), DeliverError> {
    let Some(term) = held.ban else {
        let quiet = held.quiet.clone().unwrap_or_else(everything);
        return Ok((RESTRICT, restriction(to, person, &quiet)?));
    };
    let (method, mut body) = ban(to, person, true)?;
    until(&mut body, term);
    Ok((method, body))
}

/// All of them lift the restriction: beyond what the group allows everybody, that gives nothing.
fn everything() -> Quiet {
    Quiet { term: Term::default(), may: PERMISSIONS.iter().map(|name| (*name).to_owned()).collect() }
}

fn until(body: &mut Value, term: Term) {
    if let Some(until_ms) = term.until_ms {
        let ahead = (until_ms.div_euclid(1000) - now_s()).clamp(SHORTEST_S, LONGEST_S);
        body["until_date"] = json!(now_s() + ahead);
    }
}

fn restriction(to: Target, person: &PersonId, quiet: &Quiet) -> Result<Value, DeliverError> {
    let user = number(person)?;
    if user < 0 {
        return Err(DeliverError::Refused("who writes in a channel's name can only be banned".into()));
    }
    let allowed = |name: &&str| ((*name).to_owned(), json!(quiet.may.contains(*name)));
    let permissions: Map<String, Value> = PERMISSIONS.iter().map(allowed).collect();
    let mut body = json!({
        "chat_id": to.chat, "user_id": user, "permissions": permissions, "use_independent_chat_permissions": true,
    });
    until(&mut body, quiet.term);
    Ok(body)
}

/// A person, or (below zero) a channel in whose name somebody writes.
fn ban(to: Target, person: &PersonId, on: bool) -> Result<(&'static str, Value), DeliverError> {
    let who = number(person)?;
    let body = if who < 0 {
        json!({ "chat_id": to.chat, "sender_chat_id": who })
    } else if on {
        json!({ "chat_id": to.chat, "user_id": who })
    } else {
        // Without this, unbanning throws out whoever is in the group.
        json!({ "chat_id": to.chat, "user_id": who, "only_if_banned": true })
    };
    let method = match (who < 0, on) {
        (true, true) => "banChatSenderChat",
        (true, false) => "unbanChatSenderChat",
        (false, true) => "banChatMember",
        (false, false) => "unbanChatMember",
    };
    Ok((method, body))
}

fn number(person: &PersonId) -> Result<i64, DeliverError> {
    person.as_str().parse().map_err(|_| DeliverError::Refused("not a person of Telegram".into()))
}
