//! What is learnt from answers that were given: corrections, gaps, trends.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{CorrectionOrder, Corrections, GapList, TrendList};

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

/// `GET /v1/knowledge/gaps`.
pub(crate) async fn gaps(State(web): State<Arc<Web>>) -> Result<Json<GapList>, Refusal> {
    Ok(Json(web.engine.gaps().await?))
}

/// Which topic is wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Topic {
    entry: Option<EntryId>,
}

/// `GET /v1/knowledge/trend?entry=`.
pub(crate) async fn trend(State(web): State<Arc<Web>>, Query(topic): Query<Topic>) -> Result<Json<TrendList>, Refusal> {
    Ok(Json(web.engine.trend(topic.entry.as_ref()).await?))
}
