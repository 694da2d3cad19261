//! Reading and checking the audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use townkeeper_contract::access::{AuditList, AuditVerdict};

use crate::Web;
use crate::refusal::Refusal;

/// The most records that one listing shows.
const RECORDS: u32 = 1_000;

/// How many are wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default = "some")]
    limit: u32,
}

fn some() -> u32 {
    100
}

/// `GET /v1/audit?limit=`.
pub(crate) async fn list(
    State(web): State<Arc<Web>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<AuditList>, Refusal> {
    let limit = wanted.limit.clamp(1, RECORDS);
    let (head, records) = web.engine.store().audit(web.engine.workspace(), limit).await?;
    Ok(Json(AuditList { head, records }))
}

/// `GET /v1/audit/verify`.
pub(crate) async fn verify(State(web): State<Arc<Web>>) -> Result<Json<AuditVerdict>, Refusal> {
    Ok(Json(web.engine.store().verify_audit(web.engine.workspace()).await?))
}
