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
use crate::moderate::{self, moderate};
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
            let sent = api.call::<Sent>("sendMessage", &message(to, body, buttons)?).await;
            let sent = sent.map_err(class)?;
            let message = MessageRef(format!("{}/{}", to.chat, sent.message_id));
            return Ok(Receipt::made(message));
        }
        Act::Edit { message, body, buttons } => {
            let (text, entities) = render(body);
            let mut body = with_text(named(message)?, text, &entities);
            put(&mut body, "link_preview_options", Some(json!({ "is_disabled": true })));
            put(&mut body, "reply_markup", keyboard(buttons)?);
            let edited = api.call("editMessageText", &body).await;
            done(edited, &["message is not modified"], &["message to edit not found", "MESSAGE_ID_INVALID"])?;
        }
        Act::Delete { message } => moderate::remove(api, message).await?,
        Act::Draft { draft, body } => {
            let drawn = api.call::<IgnoredAny>("sendMessageDraft", &sketch(to, *draft, body)?).await;
            drawn.map_err(class)?;
        }
        // Nothing shows that an answer to a command is coming.
        Act::Dismiss => {}
        Act::Typing => {
            let mut body = json!({ "chat_id": to.chat, "action": "typing" });
            put(&mut body, "message_thread_id", to.thread);
            api.call::<IgnoredAny>("sendChatAction", &body).await.map_err(class)?;
        }
        Act::Pin { message } => moderate::pin(api, to, message).await?,
        Act::Unpin { message } => moderate::unpin(api, to, message).await?,
        Act::Moderate { action, reason: _ } => moderate(api, to, action).await?,
        _ => return Err(DeliverError::Refused("Telegram's adapter cannot do that".into())),
    }
    Ok(Receipt::default())
}

/// The body of `sendMessage`.
fn message(to: Target, body: &RichText, buttons: &[Button]) -> Result<Value, DeliverError> {
    let (text, entities) = render(body);
    let mut request = with_text(json!({ "chat_id": to.chat }), text, &entities);
    put(&mut request, "link_preview_options", Some(json!({ "is_disabled": true })));
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

/// The body of `sendMessageDraft`: shown for half a minute below a button that stops it.
fn sketch(to: Target, draft: i32, body: &RichText) -> Result<Value, DeliverError> {
    if to.is_group() || draft == 0 {
        return Err(DeliverError::Refused("drafts are numbered from 1, and for private chats alone".into()));
    }
    let (text, entities) = render(body);
    let mut request = with_text(json!({ "chat_id": to.chat, "draft_id": draft, "can_stop": true }), text, &entities);
    put(&mut request, "message_thread_id", to.thread);
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
    request
}

/// The chat and message that a reference of ours names.
pub(crate) fn named(message: &MessageRef) -> Result<Value, DeliverError> {
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

/// How something ended that was about one message: done, done before (`already`), or the message is `gone`.
pub(crate) fn done(result: Result<IgnoredAny, ApiError>, already: &[&str], gone: &[&str]) -> Result<(), DeliverError> {
    let says = |description: &str, words: &[&str]| words.iter().any(|words| description.contains(words));
    match result {
        Ok(IgnoredAny) => Ok(()),
        Err(ApiError::Said { code: 400, description, .. }) if says(&description, already) => Ok(()),
        Err(ApiError::Said { code: 400, description, .. }) if says(&description, gone) => Err(DeliverError::Gone),
        // A group that became a supergroup left its messages behind: the same number elsewhere is another message.
        Err(ApiError::Said { moved_to: Some(_), .. }) => Err(DeliverError::Gone),
        Err(error) => Err(plain(error)),
    }
}

/// What an error means for what was to go there.
pub(crate) fn class(error: ApiError) -> DeliverError {
    match error {
        ApiError::Said { moved_to: Some(chat), .. } => {
            DeliverError::Moved { to: Target { chat, thread: None, message_id: None }.to_reply() }
        }
        error => plain(error),
    }
}

/// In doubt unless it is certain that Telegram did not take it.
fn plain(error: ApiError) -> DeliverError {
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

/// An error for a person's eyes.
pub(crate) fn words(error: ApiError) -> String {
    plain(error).to_string()
}
