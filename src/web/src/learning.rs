//! What is learnt from answers that were given: corrections, gaps, trends.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{CorrectionOrder, Corrections};

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// `POST /v1/knowledge/items/{name}/corrections`.
pub(crate) async fn correct(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(name): Path<String>,
    body: Result<Json<CorrectionOrder>, JsonRejection>,
) -> Result<Json<Corrections>, Refusal> {
    let Json(order) = body?;
    let corrections = web.engine.correct(who.by(&web), &EntryId::from(name.as_str()), &order).await?;
    corrections.map(Json).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is no such entry, and nobody was answered from one.")
    })
}
