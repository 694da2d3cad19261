//! Saying something, reading the answer, stopping it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use townkeeper_contract::api::{CancelAnswer, ChatBody, MAX_TEXT};
use townkeeper_contract::id::{AccountId, ActionId, ConversationId, EventKey, PersonId, PlaceId, TurnId};
use townkeeper_contract::inbound::{Body, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::ResumePoint;
use townkeeper_core::conversation;
use townkeeper_engine::{Admitted, Reading, ids};

use crate::refusal::Refusal;
use crate::{ACCOUNT, Web, sse};

/// `POST /v1/chat`.
pub(crate) async fn say(
    State(web): State<Arc<Web>>,
    body: Result<Json<ChatBody>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(body) = body.map_err(|error| Refusal::new(error.status(), "bad_request", error.body_text()))?;
    let (admitted, _) = accept(&web, body).await?;
    match admitted.feed {
        Some(feed) => Ok(sse::live(feed.subscribe(None))),
        None => read(&web, &admitted.turn, None).await,
    }
}

/// `GET /v1/turns/{turn}/events`: from `Last-Event-ID` on, or everything.
pub(crate) async fn resume(
    State(web): State<Arc<Web>>,
    Path(turn): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let turn = TurnId::new(turn);
    let after = match headers.get("last-event-id").map(|value| value.to_str().map(ResumePoint::parse)) {
        None => None,
        Some(Ok(Some(point))) if point.turn == turn => Some(point),
        Some(_) => {
            return Err(Refusal::bad("Last-Event-ID must be turn.attempt:seq, as the events of this turn gave it."));
        }
    };
    read(&web, &turn, after).await
}

/// `POST /v1/turns/{turn}/cancel`.
pub(crate) async fn cancel(State(web): State<Arc<Web>>, Path(turn): Path<String>) -> Json<CancelAnswer> {
    Json(CancelAnswer { cancelled: web.engine.cancel(&TurnId::new(turn)) })
}

async fn read(web: &Web, turn: &TurnId, after: Option<ResumePoint>) -> Result<Response, Refusal> {
    match web.engine.read(turn, after.as_ref()).await? {
        Reading::Live(subscription) => Ok(sse::live(subscription)),
        Reading::Ended(ended) => {
            let after = after.filter(|point| point.attempt == ended.attempt).map(|point| point.seq);
            if after.is_some_and(|seq| seq >= ended.last_seq) {
                // The reader has everything; this status tells an event source to stop asking.
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            Ok(sse::ended(turn, &ended, after))
        }
        Reading::Unknown => Err(Refusal::new(StatusCode::NOT_FOUND, "no_such_turn", "There is no such turn.")),
    }
}

/// Checks a body and gives it to the engine. Also returns the line in which the visitor's turns are kept.
pub(crate) async fn accept(web: &Web, body: ChatBody) -> Result<(Admitted, ConversationId), Refusal> {
    let now_ms = web.engine.clock().now_ms();
    let inbound = inbound(body, now_ms)?;
    let line = conversation::conversation(&inbound);
    let admitted = web.engine.accept(inbound).await?;
    // What is addressed to us is never let go; a visitor always addresses us.
    let admitted = admitted.ok_or_else(|| Refusal::bad("There is nothing to answer in this."))?;
    Ok((admitted, line))
}

fn inbound(body: ChatBody, now_ms: i64) -> Result<Inbound, Refusal> {
    if body.key.is_some() && body.conversation.is_none() {
        let message = "`key` needs `conversation` (26 of 0-9 and A-Z, your own choice): without it every try would begin \
                       a conversation of its own, and be answered by itself.";
        return Err(Refusal::bad(message));
    }
    let action = body.action.as_ref().map(ActionId::as_str);
    if [body.text.as_deref(), action, body.key.as_deref()].into_iter().flatten().any(|field| field.contains('\0')) {
        return Err(Refusal::bad("The character NUL cannot be kept; please leave it out."));
    }
    let said = match (body.text, body.action) {
        (Some(text), None) => words(text)?,
        (None, Some(action)) if action.as_str().len() <= 64 => Body::Action { action },
        (None, Some(_)) => return Err(Refusal::bad("No button of ours has such a long name.")),
        _ => return Err(Refusal::bad("Give either `text` or `action`.")),
    };
    let conversation = match body.conversation {
        None => ConversationId::new(ids::secret()),
        Some(id) if is_ulid(id.as_str()) => id,
        Some(_) => return Err(Refusal::bad("`conversation` must be 26 of 0-9 and A-Z, as TurnStarted gives it.")),
    };
    let key = match body.key {
        None => ids::secret(),
        Some(key) if (1..=128).contains(&key.len()) => key,
        Some(_) => return Err(Refusal::bad("`key` takes 1 to 128 bytes.")),
    };
    Ok(Inbound {
        event: EventKey::new(format!("{conversation}:{key}")),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::new(conversation.0.clone()), kind: PlaceKind::Private },
        thread: None,
        person: Person { id: PersonId::new(conversation.0.clone()), name: String::new(), bot: false },
        at_ms: now_ms,
        addressed: true,
        reply_to: ReplyTo(conversation.0),
        body: said,
    })
}

/// Words, or a command where they begin with a slash.
fn words(text: String) -> Result<Body, Refusal> {
    if text.len() > MAX_TEXT {
        let message = format!("That is too long: at most {} KiB, please.", MAX_TEXT / 1024);
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", message));
    }
    let trimmed = text.trim();
    let Some(command) = trimmed.strip_prefix('/') else { return Ok(Body::Message { text }) };
    let (name, args) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    Ok(Body::Command { name: name.to_lowercase(), args: args.trim().to_owned() })
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// A button, as a form sends it.
pub(crate) fn action(id: String) -> ActionId {
    ActionId::new(id)
}
