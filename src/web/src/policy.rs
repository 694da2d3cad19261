//! The shield's policy as it is now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use townkeeper_contract::policy::ShieldPolicy;

use crate::Web;

/// `GET /v1/shield/policy`.
pub(crate) async fn show(State(web): State<Arc<Web>>) -> Json<ShieldPolicy> {
    Json(web.engine.shield_policy())
}
