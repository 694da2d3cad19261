//! Delivering: one act, one request, and the class of its failure. Never a second try: that is the engine's.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use townkeeper_contract::id::{MessageRef, OutboxId};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Button, LimitHint, Outbound, Receipt};
use townkeeper_contract::platform::DeliverError;
use townkeeper_contract::text::RichText;

use crate::Discord;
use crate::api::{Api, ApiError, Ask};
use crate::moderate::moderate;
use crate::render::render;
use crate::wire::{Channel, Id};

/// What a button may carry, in characters.
const MAX_BUTTON: usize = 100;
/// What stands on a button, in characters.
const MAX_LABEL: usize = 80;
/// Buttons in a row, and rows below a message.
const ROW: usize = 5;
/// No preview of any link.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Seen by the one who asked alone.
pub(crate) const EPHEMERAL: u64 = 1 << 6;
pub(crate) const UNKNOWN_MESSAGE: u64 = 10_008;

/// Where an answer goes: our [`ReplyTo`], as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    /// The channel, thread or direct conversation to write into.
    pub(crate) channel: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guild: Option<Id>,
    /// The message to reply to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Id>,
    /// The interaction to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) via: Option<Via>,
    /// The press that it answers in the open, for what only who pressed may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) press: Option<Via>,
}

/// An interaction, and how it wants its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Via {
    pub(crate) id: Id,
    pub(crate) app: Id,
    /// Good for fifteen minutes after `id` was made.
    pub(crate) token: String,
    /// Nobody else may see the answer.
    #[serde(default)]
    pub(crate) private: bool,
    /// A button: what was deferred is nothing to be replaced.
    #[serde(default)]
    pub(crate) pressed: bool,
}

impl Target {
    pub(crate) fn to_reply(&self) -> ReplyTo {
        ReplyTo(json!(self).to_string())
    }

    pub(crate) fn of(reply: &ReplyTo) -> Result<Self, DeliverError> {
        serde_json::from_str(&reply.0).map_err(|_| DeliverError::Refused("not an address of this adapter".into()))
    }

    /// The same, read by who pressed alone.
    pub(crate) fn aside(self) -> Option<Self> {
        let via = self.press?;
        Some(Self { via: Some(Via { private: true, ..via }), press: None, ..self })
    }

    /// The guild, without which there is nobody to moderate.
    pub(crate) fn guild(&self) -> Result<Id, DeliverError> {
        self.guild.ok_or_else(|| DeliverError::Refused("a direct conversation has nobody to moderate".into()))
    }
}

/// A message as Discord made it, as far as we want to know.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) id: Id,
    pub(crate) channel_id: Id,
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) flags: u64,
}

impl Sent {
    pub(crate) fn receipt(&self, hint: Option<LimitHint>) -> Receipt {
        Receipt { message: Some(reference(self.channel_id, self.id)), hint }
    }
}

pub(crate) fn reference(channel: Id, message: Id) -> MessageRef {
    MessageRef(format!("{channel}/{message}"))
}

/// The channel and message that a reference of ours names.
pub(crate) fn named(message: &MessageRef) -> Result<(Id, Id), DeliverError> {
    let parts = message.as_str().split_once('/');
    let ids = parts.and_then(|(channel, id)| Some((channel.parse().ok()?, id.parse().ok()?)));
    ids.ok_or_else(|| DeliverError::Refused("not a message of this adapter".into()))
}

/// The channel and message of a reference, if it is of the place in which the right to touch it was looked up, or of a
/// thread of that: people name messages by links, and a link may lead anywhere that the bot can reach.
pub(crate) async fn within(api: &Api, to: &Target, message: &MessageRef) -> Result<(Id, Id), DeliverError> {
    let (channel, id) = named(message)?;
    if channel == to.channel {
        return Ok((channel, id));
    }
    let other: Channel = api.call(Ask::get(format!("/channels/{channel}"))).await.map_err(unsent)?;
    // A channel has a parent too: its category.
    if other.is_thread() && other.parent_id == Some(to.channel) {
        return Ok((channel, id));
    }
    Err(DeliverError::Refused("not a message of that place".into()))
}

pub(crate) async fn deliver(bot: &Discord, out: &Outbound) -> Result<Receipt, DeliverError> {
    let to = Target::of(&out.to)?;
    let api = &bot.api;
    let hint = match &out.act {
        Act::Message { body, buttons } => {
            let said = said(body, buttons)?;
            return match &to.via {
                Some(via) => crate::answer::answer(bot, &to, via, out, said).await,
                None => create(api, &to, &out.id, said).await,
            };
        }
        Act::Edit { message, body, buttons } => edit(api, &to, message, &said(body, buttons)?).await?,
        Act::Delete { message } => done(api.done(Ask::delete(path_of(&to, message)?)).await, UNKNOWN_MESSAGE)?,
        Act::Dismiss => match &to.via {
            Some(via) => crate::answer::dismiss(bot, via).await?,
            None => None,
        },
        // A deferred interaction shows by itself that an answer is coming.
        Act::Typing if to.via.is_some() => None,
        Act::Typing => {
            let path = format!("/channels/{}/typing", to.channel);
            api.done(Ask::post(path, &json!({}))).await.map_err(class)?
        }
        Act::Pin { message } => api.done(Ask::put(pin(api, &to, message).await?)).await.map_err(class)?,
        Act::Unpin { message } => {
            let ask = Ask::delete(pin(api, &to, message).await?);
            done(api.done(ask).await, UNKNOWN_MESSAGE)?
        }
        Act::Moderate { action, reason } => moderate(api, &to, action, reason).await?,
        _ => return Err(DeliverError::Refused("Discord's adapter cannot do that".into())),
    };
    Ok(Receipt { message: None, hint })
}

/// A new message, which the nonce makes the same message however often it is asked for.
pub(crate) async fn create(api: &Api, to: &Target, id: &OutboxId, mut said: Value) -> Result<Receipt, DeliverError> {
    said["nonce"] = json!(nonce(id));
    said["enforce_nonce"] = json!(true);
    if let Some(message) = to.message.filter(|_| to.guild.is_some()) {
        said["message_reference"] = json!({ "message_id": message, "fail_if_not_exists": false });
    }
    let path = format!("/channels/{}/messages", to.channel);
    let (sent, hint): (Sent, _) = api.hinted(Ask::post(path, &said)).await.map_err(class)?;
    Ok(sent.receipt(hint))
}

async fn edit(api: &Api, to: &Target, message: &MessageRef, said: &Value) -> Result<Option<LimitHint>, DeliverError> {
    match api.done(Ask::patch(path_of(to, message)?, said)).await {
        Err(ApiError::Said { status: 404, .. }) => Err(DeliverError::Gone),
        edited => edited.map_err(class),
    }
}

/// Where a message of ours is. One that a single person sees is reached through what they asked alone.
fn path_of(to: &Target, message: &MessageRef) -> Result<String, DeliverError> {
    let (channel, id) = named(message)?;
    Ok(match &to.via {
        Some(via) if via.private => format!("/webhooks/{}/{}/messages/{id}", via.app, via.token),
        _ => format!("/channels/{channel}/messages/{id}"),
    })
}

async fn pin(api: &Api, to: &Target, message: &MessageRef) -> Result<String, DeliverError> {
    let (channel, id) = within(api, to, message).await?;
    Ok(format!("/channels/{channel}/messages/pins/{id}"))
}

/// Everything that is said, new or changed, is made here: it pings nobody and unfolds no link, whatever it says.
fn said(body: &RichText, buttons: &[Button]) -> Result<Value, DeliverError> {
    Ok(json!({
        "content": render(body),
        "allowed_mentions": { "parse": [], "replied_user": false },
        "flags": SUPPRESS_EMBEDS,
        "components": rows(buttons)?,
    }))
}

fn rows(buttons: &[Button]) -> Result<Vec<Value>, DeliverError> {
    if buttons.iter().any(|b| b.action.as_str().chars().count() > MAX_BUTTON) {
        return Err(DeliverError::Refused(format!("a button carries more than {MAX_BUTTON} characters")));
    }
    let button = |b: &Button| {
        let label: String = b.label.chars().take(MAX_LABEL).collect();
        json!({ "type": 2, "style": 2, "label": label, "custom_id": b.action })
    };
    let row = |row: &[Button]| json!({ "type": 1, "components": row.iter().map(button).collect::<Vec<_>>() });
    Ok(buttons.chunks(ROW).take(ROW).map(row).collect())
}

/// 25 characters that stand for a row of the outbox, and for no other.
fn nonce(id: &OutboxId) -> String {
    hash_of(id.as_str()).chars().take(25).collect()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash_of(text: &str) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|four| char::from_digit(four.into(), 16).unwrap_or('0'));
    Sha256::digest(text).into_iter().flat_map(digits).collect()
}

/// What finds its work done already has succeeded.
pub(crate) fn done(
    result: Result<Option<LimitHint>, ApiError>,
    already: u64,
) -> Result<Option<LimitHint>, DeliverError> {
    match result {
        Err(error) if error.is(already) => Ok(None),
        result => result.map_err(class),
    }
}

/// What an error means for the message. In doubt unless it is certain that Discord did not take it.
pub(crate) fn class(error: ApiError) -> DeliverError {
    match error {
        ApiError::NotSent(words) => DeliverError::PreSend(words),
        ApiError::TooFast { wait_ms, scope } => DeliverError::Throttled { retry_after_ms: wait_ms, scope },
        // 408: a server in between gave up on an answer, not Discord on the request.
        ApiError::Said { status: status @ 400..=499, code, words } if status != 408 => {
            DeliverError::Refused(format!("{words} ({status}, {code})"))
        }
        ApiError::Said { status, words, .. } => DeliverError::InDoubt(format!("{status} {words}")),
        ApiError::Unanswered(words) => DeliverError::InDoubt(words),
    }
}

/// The class of a question that failed before anything was sent: asking again is free, so nothing is in doubt.
pub(crate) fn unsent(error: ApiError) -> DeliverError {
    match class(error) {
        DeliverError::InDoubt(words) => DeliverError::PreSend(words),
        other => other,
    }
}
