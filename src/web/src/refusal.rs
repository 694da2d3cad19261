//! Every refusal as one shape: a status, a stable code, a sentence.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use townkeeper_contract::api::{ErrorBody, SocketAnswer};
use townkeeper_contract::error::Kind;
use townkeeper_engine::EngineError;

/// A refused request.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_s: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after_s: None }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// The same refusal as a message on a socket.
    pub(crate) fn into_answer(self, id: Option<u32>) -> SocketAnswer {
        let error = ErrorBody { code: self.code.to_owned(), message: self.message };
        SocketAnswer::Error { id, status: self.status.as_u16(), error }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        // What went wrong inside is for the log, not for the caller.
        tracing::error!(%error, "a request could not be served");
        let retry_after_s = match error.kind() {
            Kind::RetryAfter { ms } => Some(ms.div_ceil(1000)),
            _ => None,
        };
        let message = "This did not work just now, and nothing was lost. Please try again in a moment.";
        Self { retry_after_s, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { code: self.code.to_owned(), message: self.message };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub(crate) async fn no_such_page() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
}
