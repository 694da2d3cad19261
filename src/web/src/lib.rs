//! The HTTP face: the API, its event streams, and the web chat page.
//!
//! * [`routes`]: every route as data; [`openapi`] is made from it
//! * `chat`: saying, reading, stopping; `sse` and `socket` carry the events
//! * `page`: the page, with and without scripts; `shown` is what its template sees
//! * `ops`: health, metrics, tickets
//! * `guard`: headers, cross-site requests, who may; `hosts`: our own names
//! * `refusal`: every refusal as one shape

mod chat;
mod guard;
mod hosts;
pub mod openapi;
mod ops;
mod page;
mod pulse;
mod refusal;
pub mod routes;
mod shown;
mod socket;
mod sse;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt as _;
use axum::{Extension, Router, middleware};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use townkeeper_contract::Stop;
use townkeeper_engine::Engine;

use hosts::Hosts;

/// The account under which web visitors speak.
pub const ACCOUNT: &str = "web";

/// Largest request body, in bytes: the longest question, in JSON with every character escaped.
const BODY_LIMIT: usize = 128 * 1024;

/// What the face needs from the house.
pub struct Web {
    pub engine: Engine,
    /// The path under which this workspace is served: empty, or `/w/name`.
    pub base: String,
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

/// Where a router serves, and until when. Its requests carry it.
#[derive(Clone)]
pub(crate) struct Here {
    hosts: Hosts,
    stop: Stop,
    /// The open WebSockets: a server does not count what has left HTTP.
    sockets: TaskTracker,
}

/// Every route.
pub fn router(web: Web) -> Router {
    let web = Arc::new(web);
    routes::router(&web)
        .fallback(refusal::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::bounded))
        .layer(middleware::map_response(guard::headers))
        .with_state(web)
}

/// Serves until `stop`, then lets open requests and sockets end.
pub async fn serve(listener: TcpListener, router: Router, stop: Stop) -> std::io::Result<()> {
    let sockets = TaskTracker::new();
    let hosts = Hosts::new(listener.local_addr()?, Vec::new());
    let router = router.layer(Extension(Here { hosts, stop: stop.clone(), sockets: sockets.clone() }));
    // Events are small and must not wait for each other.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    sockets.close();
    sockets.wait().await;
    served
}
