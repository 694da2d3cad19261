//! Cases: what the shield found, and what a moderator says about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use townkeeper_contract::case::{Case, CaseDecided, CaseEdit, CaseList, NewCaseWord};
use townkeeper_contract::text::{Allowed, defang};
use townkeeper_core::decide::cases::Cased;

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// How much one listing shows.
const SHOWN: u32 = 200;

/// Which are wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// Only those that nobody decided.
    #[serde(default)]
    open: bool,
    /// Only those with a lower number.
    before: Option<i64>,
}

/// `GET /v1/cases?open=&before=`.
pub(crate) async fn list(State(web): State<Arc<Web>>, Query(wanted): Query<Wanted>) -> Result<Json<CaseList>, Refusal> {
    let (store, workspace) = (web.engine.store(), web.engine.workspace());
    let mut cases = store.cases(workspace, wanted.open, wanted.before, SHOWN + 1).await?;
    let more = cases.len() > SHOWN as usize;
    cases.truncate(SHOWN as usize);
    Ok(Json(CaseList { cases: cases.into_iter().map(shown).collect(), more }))
}

/// `GET /v1/cases/{number}`.
pub(crate) async fn one(State(web): State<Arc<Web>>, Path(number): Path<i64>) -> Result<Json<Case>, Refusal> {
    let found = web.engine.store().case(web.engine.workspace(), number).await?;
    let none = || Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is no such case.");
    Ok(Json(shown(found.ok_or_else(none)?.case)))
}

/// Links in what was written open nothing.
fn shown(case: Case) -> Case {
    let nothing = Allowed::default();
    let edit =
        |edit: CaseEdit| CaseEdit { text: defang(&edit.text, &nothing), why: defang(&edit.why, &nothing), ..edit };
    Case {
        edits: case.edits.into_iter().map(edit).collect(),
        text: defang(&case.text, &nothing),
        name: defang(&case.name, &nothing),
        why: defang(&case.why, &nothing),
        ..case
    }
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
