//! Moderation, and what became of what was sent.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use townkeeper_contract::moderation::{
    DeliveryList, DeliveryState, ModerationList, ModerationNumber, NewModeration, Verb,
};
use townkeeper_core::decide::moderate::{Moderated, is_of_message, is_of_person, said};
use townkeeper_engine::Asker;

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// How much one listing shows.
const SHOWN: u32 = 200;

/// The longest reason or notice, in bytes.
const REASON: usize = 500;

/// The longest key, in bytes.
const KEY: usize = 128;

/// `GET /v1/moderation`.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Result<Json<ModerationList>, Refusal> {
    Ok(Json(ModerationList { acts: web.engine.store().moderation(web.engine.workspace(), SHOWN).await? }))
}

/// `POST /v1/moderation`.
pub(crate) async fn order(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<NewModeration>, JsonRejection>,
) -> Result<Json<ModerationNumber>, Refusal> {
    let Json(new) = body?;
    checked(&new)?;
    answer(web.engine.moderate(who.by(&web), &asker(&who), new).await?)
}

/// `POST /v1/moderation/{number}/undo`.
pub(crate) async fn undo(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(number): Path<i64>,
) -> Result<Json<ModerationNumber>, Refusal> {
    answer(web.engine.undo(who.by(&web), &asker(&who), number).await?)
}

/// Which deliveries are wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default = "unknown")]
    state: DeliveryState,
}

fn unknown() -> DeliveryState {
    DeliveryState::Unknown
}

/// `GET /v1/outbox?state=`.
pub(crate) async fn outbox(
    State(web): State<Arc<Web>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<DeliveryList>, Refusal> {
    let mut deliveries = web.engine.store().sends(web.engine.workspace(), wanted.state, SHOWN + 1).await?;
    let more = deliveries.len() > SHOWN as usize;
    deliveries.truncate(SHOWN as usize);
    Ok(Json(DeliveryList { deliveries, more }))
}

fn asker(who: &Principal) -> Asker {
    who.person.clone().map_or(Asker::Office, Asker::Person)
}

fn checked(new: &NewModeration) -> Result<(), Refusal> {
    let verb = new.verb;
    if is_of_message(verb) != new.message.is_some() || is_of_person(verb) != new.person.is_some() {
        let message = "`remove`, `pin` and `unpin` take a `message`; `restrict`, `release`, `ban` and `unban` take a \
                       `person`; `notice` takes neither.";
        return Err(Refusal::bad(message));
    }
    if new.for_ms.is_some() && (verb != Verb::Restrict || new.for_ms <= Some(0)) {
        return Err(Refusal::bad("`for_ms` goes with `restrict`, and is more than 0."));
    }
    if new.reason.len() > REASON || verb == Verb::Notice && new.reason.trim().is_empty() {
        return Err(Refusal::bad("`reason` takes at most 500 bytes; a `notice` says it, and needs it."));
    }
    if new.key.as_ref().is_some_and(|key| !(1..=KEY).contains(&key.len())) {
        return Err(Refusal::bad("`key` takes 1 to 128 bytes."));
    }
    Ok(())
}

fn answer(moderated: Moderated) -> Result<Json<ModerationNumber>, Refusal> {
    let (status, code) = match moderated {
        Moderated::Ordered { number, .. } => return Ok(Json(ModerationNumber { number })),
        Moderated::NotAllowed | Moderated::NotOurs | Moderated::NotLinked => (StatusCode::FORBIDDEN, "not_allowed"),
        Moderated::WeMayNot => (StatusCode::CONFLICT, "we_may_not"),
        Moderated::Protected => (StatusCode::CONFLICT, "protected"),
        Moderated::NoSuchAct | Moderated::NoSuchPlace => (StatusCode::NOT_FOUND, "not_found"),
        Moderated::Final { .. } | Moderated::Reversed { .. } | Moderated::Overtaken => {
            (StatusCode::CONFLICT, "conflict")
        }
        Moderated::Failed => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    Err(Refusal::new(status, code, said(moderated).body.to_plain()))
}
