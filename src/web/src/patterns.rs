//! Patterns that moderators look for.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use townkeeper_contract::pattern::{NewPattern, PatternList, ScamPattern};

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// `GET /v1/shield/patterns`.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Result<Json<PatternList>, Refusal> {
    Ok(Json(PatternList { patterns: web.engine.store().patterns(web.engine.workspace()).await? }))
}

/// `PUT /v1/shield/patterns/{item}`.
pub(crate) async fn set(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(name): Path<String>,
    body: Result<Json<NewPattern>, JsonRejection>,
) -> Result<Json<ScamPattern>, Refusal> {
    let Json(new) = body?;
    Ok(Json(web.engine.set_pattern(who.by(&web), &name, &new.regex).await?))
}

/// `DELETE /v1/shield/patterns/{item}`.
pub(crate) async fn remove(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    web.engine.remove_pattern(who.by(&web), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
