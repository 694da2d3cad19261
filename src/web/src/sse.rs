//! Events on the wire: server-sent events, one envelope each, `id: turn.attempt:seq`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use townkeeper_contract::stream::{Envelope, HEADER, VERSION};
use townkeeper_engine::live::Subscription;

/// Silence after which a comment is sent, so that proxies keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A live turn as a response.
pub(crate) fn live(subscription: Subscription) -> Response {
    let frames = stream::unfold(subscription, |mut subscription| async {
        let bytes = match tokio::time::timeout(HEARTBEAT, subscription.next()).await {
            Ok(Some(envelopes)) => frames(&envelopes),
            Ok(None) => return None,
            Err(_) => Bytes::from_static(b": still here\n\n"),
        };
        Some((bytes, subscription))
    });
    response(Body::from_stream(frames.map(Ok::<_, std::convert::Infallible>)))
}

/// A finished turn as a response.
pub(crate) fn ended(envelopes: &[Arc<Envelope>]) -> Response {
    response(Body::from(frames(envelopes)))
}

fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect responses would hide the streaming.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    headers.insert(HeaderName::from_static(HEADER), HeaderValue::from(u16::from(VERSION)));
    response
}

fn frames(envelopes: &[Arc<Envelope>]) -> Bytes {
    let mut out = Vec::with_capacity(envelopes.len() * 192);
    for envelope in envelopes {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(envelope.resume_id().as_bytes());
        out.extend_from_slice(b"\ndata: ");
        // Our own types always serialise; were one not to, the reader would see a gap and resume.
        if let Err(error) = serde_json::to_writer(&mut out, envelope.as_ref()) {
            tracing::error!(%error, "an event could not be written");
        }
        out.extend_from_slice(b"\n\n");
    }
    Bytes::from(out)
}
