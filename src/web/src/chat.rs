//! Saying something, reading the answer, stopping it.
//! What is said and read is the same for every way that carries it; here it meets HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use townkeeper_contract::api::{CancelAnswer, ChatBody, MAX_TEXT};
use townkeeper_contract::id::{AccountId, ActionId, ConversationId, EventKey, PersonId, PlaceId, TurnId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::stream::{Channel, Envelope, Event, PartText, ResumePoint, VERSION};
use townkeeper_core::conversation;
use townkeeper_engine::live::Subscription;
use townkeeper_engine::{Admitted, Reading, ids};
use townkeeper_store::EndedTurn;

use crate::refusal::Refusal;
use crate::{ACCOUNT, Web, sse};

/// What there is to read of a turn, for whichever way it is carried.
pub(crate) enum Source {
    Live(Subscription),
    /// What was said, and its terminal.
    Ended(Vec<Arc<Envelope>>),
    /// The reader has it all.
    Nothing,
}

/// `POST /v1/chat`.
pub(crate) async fn say(
    State(web): State<Arc<Web>>,
    body: Result<Json<ChatBody>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(body) = body.map_err(|error| Refusal::new(error.status(), "bad_request", error.body_text()))?;
    let (_, source) = ask(&web, body).await?;
    Ok(response(source))
}

/// `GET /v1/turns/{turn}/events`: from `Last-Event-ID` on, or everything.
pub(crate) async fn resume(
    State(web): State<Arc<Web>>,
    Path(turn): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // What is no text is no resume point either.
    let after = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    Ok(response(read(&web, &TurnId::new(turn), after).await?))
}

/// `POST /v1/turns/{turn}/cancel`.
pub(crate) async fn cancel(State(web): State<Arc<Web>>, Path(turn): Path<String>) -> Json<CancelAnswer> {
    Json(CancelAnswer { cancelled: web.engine.cancel(&TurnId::new(turn)) })
}

fn response(source: Source) -> Response {
    match source {
        Source::Live(subscription) => sse::live(subscription),
        Source::Ended(envelopes) => sse::ended(&envelopes),
        // This status tells an event source to stop asking.
        Source::Nothing => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Says something, and reads what comes of it from the beginning.
pub(crate) async fn ask(web: &Web, body: ChatBody) -> Result<(TurnId, Source), Refusal> {
    let (admitted, _) = accept(web, body).await?;
    let source = match admitted.feed {
        Some(feed) => Source::Live(feed.subscribe(None)),
        None => read(web, &admitted.turn, None).await?,
    };
    Ok((admitted.turn, source))
}

/// Reads a turn, behind the resume point `after` where there is one.
pub(crate) async fn read(web: &Web, turn: &TurnId, after: Option<&str>) -> Result<Source, Refusal> {
    let after = after.map(|after| ResumePoint::parse(after).filter(|point| point.turn == *turn));
    if after.as_ref().is_some_and(Option::is_none) {
        let message =
            "Last-Event-ID (on a socket: `after`) must be turn.attempt:seq, as the events of this turn gave it.";
        return Err(Refusal::bad(message));
    }
    let after = after.flatten();
    match web.engine.read(turn, after.as_ref()).await? {
        Reading::Live(subscription) => Ok(Source::Live(subscription)),
        Reading::Ended(ended) => {
            let after = after.filter(|point| point.attempt == ended.attempt).map(|point| point.seq);
            let whole = after.is_some_and(|seq| seq >= ended.last_seq);
            Ok(if whole { Source::Nothing } else { Source::Ended(retell(turn, &ended, after)) })
        }
        Reading::Unknown => Err(Refusal::new(StatusCode::NOT_FOUND, "no_such_turn", "There is no such turn.")),
    }
}

/// A finished turn: what was said, and its terminal. `after` is the last `seq` the reader has.
fn retell(turn: &TurnId, ended: &EndedTurn, after: Option<u64>) -> Vec<Arc<Envelope>> {
    let envelope =
        |seq, event| Arc::new(Envelope { v: VERSION, turn: turn.clone(), attempt: ended.attempt, seq, t_ms: 0, event });
    let mut envelopes = Vec::new();
    if after.is_none_or(|seq| seq + 1 < ended.last_seq) {
        let text = ended.reply.as_ref().map(|reply| reply.body.to_plain()).unwrap_or_default();
        let parts = vec![PartText { part: 0, channel: Channel::Text, text }];
        let snapshot = Event::Snapshot { parts, open_parts: Vec::new() };
        envelopes.push(envelope(ended.last_seq.saturating_sub(1), snapshot));
    }
    let end = Event::TurnEnded { outcome: ended.outcome.clone(), reply: ended.reply.clone().map(Box::new) };
    envelopes.push(envelope(ended.last_seq, end));
    envelopes
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
        place: Place {
            id: PlaceId::new(conversation.0.clone()),
            kind: PlaceKind::Private,
            address: None,
            within: None,
        },
        thread: None,
        person: Person { id: PersonId::new(conversation.0.clone()), name: String::new(), handle: None, bot: false },
        at_ms: now_ms,
        addressed: true,
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
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
