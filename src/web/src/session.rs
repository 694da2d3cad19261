//! Signing in by a one-time link, signing out, and the keys we publish.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use townkeeper_contract::access::{PublicKey, WellKnown};
use townkeeper_core::secret;
use townkeeper_engine::ids;
use townkeeper_engine::keys::KeyError;
use townkeeper_store::{Denied, OpenSession, StoreError};

use crate::Web;
use crate::auth::{COOKIE, Principal, Source};
use crate::refusal::Refusal;

/// How long a session lasts.
const SESSION_S: i64 = 7 * 24 * 60 * 60;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    name: &'a str,
}

/// `GET /login/{secret}`: a page with one button. Opening it uses nothing up: chats look at links by themselves.
pub(crate) async fn page(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let html = LoginPage { name: &web.engine.agent().name }.render().map_err(|error| {
        tracing::error!(%error, "the page could not be rendered");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The page could not be shown.")
    })?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response())
}

/// `POST /login/{secret}`: uses the link up and opens a session.
pub(crate) async fn open(
    State(web): State<Arc<Web>>,
    Path(link): Path<String>,
    source: Source,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    source.check(&web)?;
    let (link, now_ms) = (secret::hash(&link), web.engine.clock().now_ms());
    // Looked at before anything is written: guesses must not hold up those who write.
    if !web.engine.store().may_log_in(web.engine.workspace(), &link, now_ms).await? {
        source.wrong(&web);
        return Err(StoreError::from(Denied::Spent).into());
    }
    let secret = secret::hex(&ids::bytes::<32>()?);
    let open = OpenSession {
        workspace: web.engine.workspace().to_owned(),
        link,
        hash: secret::hash(&secret),
        expires_ms: now_ms + SESSION_S * 1000,
        now_ms,
    };
    web.engine.store().open_session(open).await?;
    // Where people reach us by https the cookie must never travel without.
    let https =
        web.url.starts_with("https://") || headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if https { "; Secure" } else { "" };
    let base = &web.base;
    let cookie = format!("{COOKIE}={secret}; Path={base}/; HttpOnly; SameSite=Strict; Max-Age={SESSION_S}{secure}");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, format!("{base}/")), (header::SET_COOKIE, cookie)]).into_response())
}

/// `POST /v1/logout`: ends the session that asks.
pub(crate) async fn close(State(web): State<Arc<Web>>, who: Principal) -> Result<Response, Refusal> {
    if let Some(session) = &who.session {
        web.engine.store().close_session(who.by(&web), session).await?;
    }
    let base = &web.base;
    let gone = format!("{COOKIE}=; Path={base}/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// `GET /.well-known/townkeeper.json`: for anyone.
pub(crate) async fn well_known(State(web): State<Arc<Web>>) -> Json<WellKnown> {
    Json(WellKnown {
        workspace: web.engine.agent().name.clone(),
        url: web.canonical.clone(),
        keys: web.keys.published(web.engine.clock().now_ms()),
    })
}

/// `POST /v1/key/rotate`: a new key signs from now on. The answer: the keys that are published.
pub(crate) async fn rotate(State(web): State<Arc<Web>>, who: Principal) -> Result<Json<Vec<PublicKey>>, Refusal> {
    // One key signs for all workspaces: whoever leads one of several does not change it for the others.
    if !web.base.is_empty() && !who.is_operator() {
        let message = "The key is the whole installation's; the operator rotates it.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    let refuse = |error: KeyError| match error {
        KeyError::Managed => Refusal::new(StatusCode::CONFLICT, "managed", format!("It stays: {error}.")),
        error => {
            tracing::error!(%error, "the signing key could not be rotated");
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The key could not be written; the log says why.",
            )
        }
    };
    let next = web.keys.draft().map_err(refuse)?;
    let by = who.by(&web);
    let now_ms = by.now_ms;
    web.engine.store().record(by, "key.rotate", &next.public()).await?;
    web.keys.adopt(next, now_ms).map_err(refuse)?;
    Ok(Json(web.keys.published(now_ms)))
}
