//! The HTTP face: the API, its event streams, and the web chat page.
//!
//! * `chat`: `POST /v1/chat`, resume, cancel; `sse` frames the events
//! * `page`: the page, with and without scripts; `shown` is what its template sees
//! * `ops`: health, metrics, tickets
//! * `guard`: headers, cross-site requests, the operator's token
//! * `refusal`: every refusal as one shape

mod chat;
mod guard;
mod ops;
mod page;
mod refusal;
mod shown;
mod sse;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Router, middleware};
use secrecy::SecretString;
use tokio::net::TcpListener;
use townkeeper_contract::Stop;
use townkeeper_engine::Engine;

/// The account under which web visitors speak.
pub const ACCOUNT: &str = "web";

/// Largest request body, in bytes: the longest question, in JSON with every character escaped.
const BODY_LIMIT: usize = 128 * 1024;

/// What the face needs from the house.
pub struct Web {
    pub engine: Engine,
    /// Below the title of the page.
    pub intro: String,
    /// Example questions on an empty page.
    pub suggestions: Vec<String>,
    /// For what only the operator may see.
    pub token: SecretString,
    /// Whom to tell of a weakness (RFC 9116).
    pub security_txt: String,
    /// Prometheus text.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// Every route.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/", get(page::show).post(page::say))
        .route("/assets/{name}", get(page::asset))
        .route("/v1/chat", post(chat::say))
        .route("/v1/turns/{turn}/events", get(chat::resume))
        .route("/v1/turns/{turn}/cancel", post(chat::cancel))
        .route("/v1/tickets", get(ops::tickets))
        .route("/v1/scorecard", get(ops::scorecard))
        .route("/.well-known/security.txt", get(ops::security_txt))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .fallback(refusal::no_such_page)
        .layer(middleware::from_fn(guard::same_site))
        .layer(middleware::map_response(guard::headers))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::bounded))
        .with_state(Arc::new(web))
}

/// Serves until `stop`, then lets open requests end.
pub async fn serve(listener: TcpListener, router: Router, stop: Stop) -> std::io::Result<()> {
    // Events are small and must not wait for each other.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}
