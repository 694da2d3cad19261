//! What every request and response passes: security headers, the cross-site check, the operator's token.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;
use crate::BODY_LIMIT;

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
    // browsers send our own forms with `Origin: null`, which `same_site` refuses.)
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    response
}

/// Refuses a body that says it is too large. It is read away first: a connection closed under a sender who is still
/// writing is reset, and the refusal is lost with it.
pub(crate) async fn bounded(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut response = if length.is_none_or(|length: usize| length <= BODY_LIMIT) {
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
        let message = format!("That is too large: at most {} KiB, please.", BODY_LIMIT / 1024);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", message).into_response()
    };
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // Part of the body may be unread: no further request can begin on this connection.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Refuses what another site makes a browser send. Requests without `Origin` come from no browser page (browsers send
/// it with every POST), and no route here acts on a cookie.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || is_same_site(request.headers()) {
        return next.run(request).await;
    }
    let message = "This request came from another site and was refused.";
    Refusal::new(StatusCode::FORBIDDEN, "cross_site", message).into_response()
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (headers.get(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| authority == host)
        }
        (Some(_), None) => false,
    }
}

/// Whether the request carries the operator's token.
pub(crate) fn is_operator(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Digests are compared, so the time taken tells nothing about the token.
    Sha256::digest(given.as_bytes()) == Sha256::digest(token.expose_secret().as_bytes())
}
