//! Delivering: one act, one request, and the class of its failure. Never a second try: that is the engine's.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Button, LimitScope, Outbound, Receipt};
use townkeeper_contract::platform::DeliverError;
use townkeeper_contract::text::RichText;

use crate::api::{Api, ApiError};
use crate::render::render;

/// What a button may carry, in bytes.
const MAX_BUTTON: usize = 64;
/// How long to hold back when Telegram says "too fast" without saying how long.
const RETRY_AFTER_S: u64 = 1;

/// Where an answer goes: our [`ReplyTo`], as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) chat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<i64>,
    /// The message to reply to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<i64>,
}

impl Target {
    pub(crate) fn to_reply(self) -> ReplyTo {
        ReplyTo(json!(self).to_string())
    }

    pub(crate) fn of(reply: &ReplyTo) -> Result<Self, DeliverError> {
        serde_json::from_str(&reply.0).map_err(|_| DeliverError::Refused("not an address of this adapter".into()))
    }

    /// Groups, channels and supergroups have negative ids.
    pub(crate) fn is_group(self) -> bool {
        self.chat < 0
    }
}

#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

pub(crate) async fn deliver(api: &Api, out: &Outbound) -> Result<Receipt, DeliverError> {
    let to = Target::of(&out.to)?;
    match &out.act {
        Act::Message { body, buttons } => {
            let sent: Sent = api.call("sendMessage", &message(to, body, buttons)?).await.map_err(class)?;
            let message = MessageRef(format!("{}/{}", to.chat, sent.message_id));
            return Ok(Receipt::made(message));
        }
        Act::Edit { message, body, buttons } => {
            let (text, entities) = render(body);
            let mut body = with_text(named(message)?, text, &entities);
            put(&mut body, "reply_markup", keyboard(buttons)?);
            match api.call::<IgnoredAny>("editMessageText", &body).await {
                Err(ApiError::Said { code: 400, description, .. })
                    if description.contains("message to edit not found") =>
                {
                    return Err(DeliverError::Gone);
                }
                edited => done(edited, "message is not modified")?,
            }
        }
        Act::Delete { message } => {
            done(api.call("deleteMessage", &named(message)?).await, "message to delete not found")?;
        }
        Act::Typing => {
            let mut body = json!({ "chat_id": to.chat, "action": "typing" });
            put(&mut body, "message_thread_id", to.thread);
            api.call::<IgnoredAny>("sendChatAction", &body).await.map_err(class)?;
        }
        _ => return Err(DeliverError::Refused("Telegram's adapter cannot do that".into())),
    }
    Ok(Receipt::default())
}

/// The body of `sendMessage`.
fn message(to: Target, body: &RichText, buttons: &[Button]) -> Result<Value, DeliverError> {
    let (text, entities) = render(body);
    let mut request = with_text(json!({ "chat_id": to.chat }), text, &entities);
    put(&mut request, "message_thread_id", to.thread);
    let answered = to.message_id.filter(|_| to.is_group());
    put(
        &mut request,
        "reply_parameters",
        answered.map(|id| json!({ "message_id": id, "allow_sending_without_reply": true })),
    );
    put(&mut request, "reply_markup", keyboard(buttons)?);
    Ok(request)
}

/// Buttons, one to a row.
fn keyboard(buttons: &[Button]) -> Result<Option<Value>, DeliverError> {
    if buttons.iter().any(|b| b.action.as_str().len() > MAX_BUTTON) {
        return Err(DeliverError::Refused(format!("a button carries more than {MAX_BUTTON} bytes")));
    }
    let rows: Vec<_> = buttons.iter().map(|b| json!([{ "text": b.label, "callback_data": b.action }])).collect();
    Ok((!rows.is_empty()).then(|| json!({ "inline_keyboard": rows })))
}

/// Text goes with entities and never with a parse mode: nothing that somebody wrote can become markup.
fn with_text(mut request: Value, text: String, entities: &[Value]) -> Value {
    put(&mut request, "text", Some(text));
    put(&mut request, "entities", (!entities.is_empty()).then_some(entities));
    put(&mut request, "link_preview_options", Some(json!({ "is_disabled": true })));
    request
}

/// The chat and message that a reference of ours names.
fn named(message: &MessageRef) -> Result<Value, DeliverError> {
    let parts = message.as_str().split_once('/');
    let ids = parts.and_then(|(chat, id)| Some((chat.parse::<i64>().ok()?, id.parse::<i64>().ok()?)));
    let (chat, id) = ids.ok_or_else(|| DeliverError::Refused("not a message of this adapter".into()))?;
    Ok(json!({ "chat_id": chat, "message_id": id }))
}

fn put(request: &mut Value, field: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        request[field] = json!(value);
    }
}

/// An edit or a delete that finds its work done already has succeeded.
fn done(result: Result<IgnoredAny, ApiError>, already: &str) -> Result<(), DeliverError> {
    match result {
        Ok(IgnoredAny) => Ok(()),
        Err(ApiError::Said { code: 400, description, .. }) if description.contains(already) => Ok(()),
        Err(error) => Err(class(error)),
    }
}

/// What an error means for the message. In doubt unless it is certain that Telegram did not take it.
pub(crate) fn class(error: ApiError) -> DeliverError {
    match error {
        ApiError::NotSent(words) => DeliverError::PreSend(words),
        ApiError::Said { code: 429, retry_after_s, .. } => {
            let retry_after_ms = retry_after_s.unwrap_or(RETRY_AFTER_S).saturating_mul(1000);
            // Telegram does not say how far it reaches.
            DeliverError::Throttled { retry_after_ms, scope: LimitScope::Account }
        }
        // 408: a server in between gave up on an answer, not Telegram on the request.
        ApiError::Said { code: code @ 400..=499, description, .. } if code != 408 => DeliverError::Refused(description),
        ApiError::Said { code, description, .. } => DeliverError::InDoubt(format!("{code} {description}")),
        ApiError::Unanswered(words) => DeliverError::InDoubt(words),
    }
}
