//! Public lists of bad hosts. They are the daemon's: every workspace goes by the same.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use townkeeper_contract::lists::{PublicList, PublicLists};

use crate::Web;
use crate::refusal::Refusal;

/// `GET /v1/shield/lists`.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Json<PublicLists> {
    Json(PublicLists { lists: web.engine.lists().shown() })
}

/// `POST /v1/shield/lists/{item}/fetch`. Answers when the list is here, or why it is not is known.
pub(crate) async fn fetch(State(web): State<Arc<Web>>, Path(name): Path<String>) -> Result<Json<PublicList>, Refusal> {
    let fetched = web.engine.lists().fetch(&name).await;
    fetched.map(Json).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not_found", "No such list is used here."))
}
