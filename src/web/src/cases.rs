//! Cases: what the shield found, and what a moderator says about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use townkeeper_contract::case::{Case, CaseDecided, CaseList, NewCaseWord};
use townkeeper_contract::text::{Allowed, defang};
use townkeeper_core::decide::cases::Cased;

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// How much one listing shows.
const SHOWN: u32 = 200;

/// `GET /v1/cases`. Links in what was written open nothing.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Result<Json<CaseList>, Refusal> {
    let cases = web.engine.store().cases(web.engine.workspace(), SHOWN).await?;
    let nothing = Allowed::default();
    let shown = |case: Case| Case {
        text: defang(&case.text, &nothing),
        name: defang(&case.name, &nothing),
        why: defang(&case.why, &nothing),
        ..case
    };
    Ok(Json(CaseList { cases: cases.into_iter().map(shown).collect() }))
}

/// `POST /v1/cases/{number}`.
pub(crate) async fn decide(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(number): Path<i64>,
    body: Result<Json<NewCaseWord>, JsonRejection>,
) -> Result<Json<CaseDecided>, Refusal> {
    let Json(new) = body?;
    let (status, code, message) = match web.engine.say_of_case(who.by(&web), number, new.word).await? {
        (_, Some(decided)) => return Ok(Json(decided)),
        (Cased::NoSuchCase, None) => (StatusCode::NOT_FOUND, "not_found", "There is no such case."),
        (Cased::Same, None) => (StatusCode::CONFLICT, "conflict", "That is how it stands already."),
        (_, None) => (StatusCode::CONFLICT, "conflict", "Somebody else just said something about it; look again."),
    };
    Err(Refusal::new(status, code, message))
}
