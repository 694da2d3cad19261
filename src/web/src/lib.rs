//! The HTTP face: the API, its event streams, and the web chat page.
//!
//! * `chat`: `POST /v1/chat`, resume, cancel; `sse` frames the events
//! * `page`: the page, with and without scripts; `shown` is what its template sees
//! * `ops`: health, metrics, tickets
//! * `guard`: headers, cross-site requests, the operator's token; `auth`: who is asking
//! * `people`, `freeze`, `audit`, `session`: people and tokens, freeze and thaw, the log, signing in
//! * `refusal`: every refusal as one shape

mod audit;
mod auth;
mod chat;
mod freeze;
mod guard;
mod ops;
mod page;
mod people;
mod refusal;
mod session;
mod shown;
mod sse;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use axum::serve::ListenerExt as _;
use axum::{Router, middleware};
use secrecy::SecretString;
use tokio::net::TcpListener;
use townkeeper_contract::Stop;
use townkeeper_engine::Engine;
use townkeeper_engine::keys::Keyring;

pub use auth::WrongTokens;

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
    /// Which keys are published.
    pub keys: Keyring,
    /// The configured address under which people reach us, if there is one.
    pub canonical: Option<String>,
    /// That one, else the address we listen on; login links begin with it.
    pub url: String,
    /// Floods of wrong tokens, by source.
    pub wrong: WrongTokens,
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
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .merge(access())
        .fallback(refusal::no_such_page)
        .layer(middleware::from_fn(guard::same_site))
        .layer(middleware::map_response(guard::headers))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::bounded))
        .with_state(Arc::new(web))
}

/// People, tokens, audit, freeze, signing in, keys.
fn access() -> Router<Arc<Web>> {
    Router::new()
        .route("/.well-known/townkeeper.json", get(session::well_known))
        .route("/login/{secret}", get(session::page).post(session::open))
        .route("/v1/logout", post(session::close))
        .route("/v1/me", get(people::me))
        .route("/v1/people", get(people::list).post(people::add))
        .route("/v1/people/{person}", delete(people::remove))
        .route("/v1/people/{person}/link", post(people::link))
        .route("/v1/people/{person}/login", post(people::login))
        .route("/v1/people/{person}/roles/{role}", put(people::grant).delete(people::take))
        .route("/v1/people/{person}/identities/{platform}/{id}", delete(people::unlink))
        .route("/v1/tokens", get(people::tokens).post(people::create_token))
        .route("/v1/tokens/{token}", delete(people::revoke_token))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/verify", get(audit::verify))
        .route("/v1/freeze", get(freeze::state).post(freeze::freeze))
        .route("/v1/thaw", post(freeze::thaw))
        .route("/v1/key/rotate", post(session::rotate))
}

/// Serves until `stop`, then lets open requests end.
pub async fn serve(listener: TcpListener, router: Router, stop: Stop) -> std::io::Result<()> {
    // Events are small and must not wait for each other.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
}
