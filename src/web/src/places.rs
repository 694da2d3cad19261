//! Places and their settings.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use townkeeper_contract::place::{PlaceChange, PlaceInfo, PlaceList};

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// `GET /v1/places`.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Result<Json<PlaceList>, Refusal> {
    Ok(Json(PlaceList { places: web.engine.places().await? }))
}

/// `PUT /v1/places/{account}/{place}`.
pub(crate) async fn set(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path((account, place)): Path<(String, String)>,
    body: Result<Json<PlaceChange>, JsonRejection>,
) -> Result<Json<PlaceInfo>, Refusal> {
    let Json(change) = body?;
    Ok(Json(web.engine.set_place(who.by(&web), &account, &place, &change).await?))
}
