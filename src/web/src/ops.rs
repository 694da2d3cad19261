//! For those who run the daemon: is it alive, is it ready, how is it doing, what waits for a person.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use townkeeper_contract::api::{FeedbackList, Ready, Scorecard, TicketList};

use crate::Web;
use crate::refusal::Refusal;

/// The newest tickets that one listing shows.
const TICKETS: u32 = 200;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers and every account receives.
pub(crate) async fn readyz(State(web): State<Arc<Web>>) -> Response {
    let unknown = match web.engine.unknown_deliveries().await {
        Ok(unknown) => unknown,
        Err(error) => return Refusal::from(error).into_response(),
    };
    let platforms = web.engine.platforms();
    let ready = Ready {
        ready: platforms.iter().all(|platform| platform.receiving),
        entries: web.engine.base().len(),
        model: web.engine.model(),
        platforms,
        unknown_deliveries: unknown,
        frozen: web.engine.is_frozen(),
        vectors: web.engine.vectors(),
    };
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

/// `GET /metrics`: Prometheus text.
pub(crate) async fn metrics(State(web): State<Arc<Web>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (web.metrics)()).into_response()
}

/// `GET /v1/scorecard`.
pub(crate) async fn scorecard(State(web): State<Arc<Web>>) -> Result<Json<Scorecard>, Refusal> {
    Ok(Json(web.engine.scorecard().await?))
}

/// `GET /.well-known/security.txt` (RFC 9116).
pub(crate) async fn security_txt(State(web): State<Arc<Web>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], web.security_txt.clone()).into_response()
}

/// `GET /v1/tickets`.
pub(crate) async fn tickets(State(web): State<Arc<Web>>) -> Result<Json<TicketList>, Refusal> {
    Ok(Json(TicketList { tickets: web.engine.tickets(TICKETS).await? }))
}

/// `GET /v1/feedback`.
pub(crate) async fn feedback(State(web): State<Arc<Web>>) -> Result<Json<FeedbackList>, Refusal> {
    Ok(Json(FeedbackList { entries: web.engine.feedback().await? }))
}
