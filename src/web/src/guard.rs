//! What every request and response passes: security headers, the cross-site check, the operator's token.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;

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
