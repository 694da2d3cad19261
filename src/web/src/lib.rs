//! The HTTP face: the API, its event streams, and the web chat page.
//!
//! * [`routes`]: every route as data; [`openapi`] is made from it
//! * `chat`: saying, reading, stopping; `sse` and `socket` carry the events
//! * `page`: the page, with and without scripts; `shown` is what its template sees
//! * `faces`: the canonical base as pages: questions, one answer, checklists, safety; `report`: how well it answers
//! * `ops`: health, metrics, tickets
//! * `guard`: headers, cross-site requests, who may; `auth`: who is asking; `hosts`: our own names
//! * `people`, `freeze`, `audit`, `session`: people and tokens, freeze and thaw, the log, signing in
//! * `refusal`: every refusal as one shape

mod audit;
mod auth;
mod cases;
mod chat;
mod faces;
mod freeze;
mod guard;
mod hosts;
mod knowledge;
mod learning;
mod lists;
mod moderation;
pub mod openapi;
mod ops;
mod page;
mod patterns;
mod people;
mod places;
mod policy;
mod pulse;
mod refusal;
mod report;
pub mod routes;
mod session;
mod shown;
mod socket;
mod sse;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt as _;
use axum::{Extension, Router, middleware};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use townkeeper_contract::Stop;
use townkeeper_engine::Engine;
use townkeeper_engine::keys::Keyring;

pub use auth::WrongTokens;

pub use hosts::Names;

use hosts::Hosts;

/// The account under which web visitors speak.
pub const ACCOUNT: &str = "web";

/// Largest request body, in bytes: the longest question, in JSON with every character escaped.
const BODY_LIMIT: usize = 128 * 1024;

/// The same where documents of the base are put, and where that is: many of them may change together.
const DOCUMENTS_LIMIT: usize = 2 * 1024 * 1024;
const DOCUMENTS: &str = "/v1/knowledge/changes";

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
    /// Which keys are published.
    pub keys: Arc<Keyring>,
    /// The configured address under which people reach us, if there is one.
    pub canonical: Option<String>,
    /// That one, else the address we listen on; login links begin with it.
    pub url: String,
    /// Floods of wrong tokens, by source; one count for all workspaces.
    pub wrong: Arc<WrongTokens>,
    /// Proxies on other machines whose word counts for whom they speak.
    pub proxies: Vec<IpAddr>,
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

/// Every route of every workspace, each below its base.
pub fn router(workspaces: impl IntoIterator<Item = Web>) -> Router {
    workspaces.into_iter().fold(Router::new(), |all, web| {
        let below = format!("{}/", web.base);
        let one = one(web);
        if below == "/" { all.merge(one) } else { all.nest(&below, one) }
    })
}

/// Every route of one workspace.
fn one(web: Web) -> Router {
    let web = Arc::new(web);
    routes::router(&web)
        .fallback(refusal::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::bounded))
        .layer(middleware::map_response(guard::headers))
        .with_state(web)
}

/// Serves until `stop`, then lets open requests and sockets end. `names`: those under which we may be reached.
pub async fn serve(listener: TcpListener, router: Router, names: Names, stop: Stop) -> std::io::Result<()> {
    let sockets = TaskTracker::new();
    let hosts = Hosts::new(listener.local_addr()?, &names);
    let router = router.layer(Extension(Here { hosts, stop: stop.clone(), sockets: sockets.clone() }));
    // Events are small and must not wait for each other.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    sockets.close();
    sockets.wait().await;
    served
}
