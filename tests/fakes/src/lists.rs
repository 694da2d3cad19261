//! A server of public lists on the loopback: one body, which a test exchanges, with an entity tag, and a count of who
//! asked for it and whether they had it already.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Default)]
struct Shelf {
    media: String,
    body: Vec<u8>,
    /// Counts what was put here; also the entity tag.
    edition: u64,
    /// The `If-None-Match` of each request.
    asked: Vec<Option<String>>,
}

/// See above.
pub struct ListServer {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    _served: JoinSet<()>,
}

impl ListServer {
    /// Serves `body` as plain text.
    pub async fn start(body: &str) -> Self {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let router = Router::new().route("/list", get(answer)).with_state(Arc::clone(&shelf));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("no free port");
        let address = listener.local_addr().expect("a listener has an address");
        let mut served = JoinSet::new();
        served.spawn(async move { axum::serve(listener, router).await.expect("the server ended") });
        let server = Self { address, shelf, _served: served };
        server.put("text/plain; charset=utf-8", body.as_bytes());
        server
    }

    /// Where the list is.
    pub fn url(&self) -> String {
        format!("http://{}/list", self.address)
    }

    /// What is served from now on.
    pub fn put(&self, media: &str, body: &[u8]) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        (shelf.media, shelf.body) = (media.to_owned(), body.to_vec());
        shelf.edition += 1;
    }

    /// The `If-None-Match` of every request so far.
    pub fn asked(&self) -> Vec<Option<String>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, headers: HeaderMap) -> Response {
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let had = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let tag = format!("\"{}\"", shelf.edition);
    let same = had.as_ref() == Some(&tag);
    shelf.asked.push(had);
    if same {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::CONTENT_TYPE, shelf.media.clone()), (header::ETAG, tag)], shelf.body.clone()).into_response()
}
