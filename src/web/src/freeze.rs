//! Freeze and thaw.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use townkeeper_contract::access::{FreezeBody, FreezeState};

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// The longest reason, in bytes.
const REASON: usize = 500;

/// `GET /v1/freeze`: for whoever has a token or a session.
pub(crate) async fn state(State(web): State<Arc<Web>>, _: Principal) -> Json<FreezeState> {
    Json(web.engine.frozen())
}

/// `POST /v1/freeze`: the answer comes when nothing is under way any more.
pub(crate) async fn freeze(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<FreezeBody>, JsonRejection>,
) -> Result<Json<FreezeState>, Refusal> {
    let Json(body) = body?;
    if body.reason.len() > REASON {
        return Err(Refusal::bad("`reason` takes at most 500 bytes."));
    }
    Ok(Json(web.engine.freeze(who.by(&web), body.reason.trim()).await))
}

/// `POST /v1/thaw`.
pub(crate) async fn thaw(State(web): State<Arc<Web>>, who: Principal) -> Result<Json<FreezeState>, Refusal> {
    Ok(Json(web.engine.thaw(who.by(&web)).await?))
}
