//! What every request and response passes: security headers, the cross-site check, who may.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;
use crate::routes::{Access, Endpoint};
use crate::{BODY_LIMIT, DOCUMENTS, DOCUMENTS_LIMIT, Here, Web, auth};

/// How much of a body that is too large is read, and how long, so that its sender hears the refusal.
const DRAIN: usize = 4 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Nothing from anywhere else, nothing inline, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Puts the security headers on every response.
pub(crate) async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Conversations are capabilities: their addresses must not travel to other sites. (`no-referrer` would also make
    // browsers send our own forms with `Origin: null`, which [`Gate`] refuses.)
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    response
}

/// Refuses a body that says it is too large. It is read away first: a connection closed under a sender who is still
/// writing is reset, and the refusal is lost with it.
pub(crate) async fn bounded(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let limit = if request.uri().path().ends_with(DOCUMENTS) { DOCUMENTS_LIMIT } else { BODY_LIMIT };
    let mut response = if length.is_none_or(|length: usize| length <= limit) {
        next.run(request).await
    } else {
        let mut body = request.into_body().into_data_stream();
        let mut left = DRAIN;
        let drain = async {
            while let Some(Ok(bytes)) = body.next().await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    break;
                }
            }
        };
        // Whoever writes more, or more slowly, is cut off.
        tokio::time::timeout(DRAIN_TIME, drain).await.ok();
        let message = format!("That is too large: at most {} KiB, please.", limit / 1024);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", message).into_response()
    };
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // Part of the body may be unread: no further request can begin on this connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What stands before one endpoint.
#[derive(Clone)]
pub(crate) struct Gate {
    web: Arc<Web>,
    access: Access,
    mutates: bool,
    is_socket: bool,
}

impl Gate {
    pub(crate) fn of(endpoint: &Endpoint, web: &Arc<Web>) -> Self {
        let (mutates, is_socket) = (endpoint.mutates(), endpoint.is_socket());
        Self { web: Arc::clone(web), access: endpoint.access, mutates, is_socket }
    }

    /// Refuses what another site makes a browser send, under its own name or under one that it made lead to us. Requests
    /// without `Origin` come from no browser page (browsers send it with every POST and every WebSocket); what acts on a
    /// cookie asks for more (`auth::is_own`).
    fn same_site(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        if (self.mutates || self.is_socket) && !is_same_site(headers) {
            let message = "This request came from another site and was refused.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "cross_site", message));
        }
        // No page can add headers to a WebSocket, so what speaks of a proxy was added by one. To anything else it can.
        let proxied = self.is_socket
            && ["forwarded", "x-forwarded-for", "x-forwarded-host"].iter().any(|name| headers.contains_key(*name));
        let host = only(headers, &header::HOST).unwrap_or_default();
        let here = request.extensions().get::<Here>();
        if here.is_some_and(|here| !here.hosts.may_be(host, proxied)) {
            let message = "This daemon is not known by that name (Host); name it in [web] url or hosts.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign_host", message));
        }
        Ok(())
    }
}

/// Lets a request through to its handler, or refuses it. Stands before every endpoint; the one place where it is decided
/// who may. Who is asking is found out once: the handler finds the `Principal` in the request.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, Refusal> {
    gate.same_site(&request)?;
    let (mut parts, body) = request.into_parts();
    if !matches!(gate.access, Access::Public | Access::Visitor) {
        let who = auth::authenticate(&gate.web, &parts).await?;
        if let Access::Needs(permission) = gate.access {
            who.needs(permission)?;
        }
        parts.extensions.insert(who);
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

fn is_same_site(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::ORIGIN) {
        return true;
    }
    let origin = only(headers, &header::ORIGIN).and_then(|origin| origin.split_once("://"));
    let host = only(headers, &header::HOST);
    origin.zip(host).is_some_and(|((_, authority), host)| authority == host)
}

/// The text of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether the request carries the operator's token.
pub(crate) fn is_operator(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Digests are compared, so the time taken tells nothing about the token.
    Sha256::digest(given.as_bytes()) == Sha256::digest(token.expose_secret().as_bytes())
}
