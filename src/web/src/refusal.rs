//! Every refusal as one shape: a status, a stable code, a sentence.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use townkeeper_contract::api::{ErrorBody, SocketAnswer};
use townkeeper_contract::error::Kind;
use townkeeper_engine::EngineError;
use townkeeper_store::{Denied, StoreError};

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

    /// Too fast: not before this many seconds have passed.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = "Too many wrong tokens came from here. Please wait a minute.";
        Self { retry_after_s: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message) }
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

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<JsonRejection> for Refusal {
    fn from(error: JsonRejection) -> Self {
        Self::new(error.status(), "bad_request", error.body_text())
    }
}

/// What a person may be told of a refusal of the store's: what is not there is so for every workspace but its own.
fn denied(denied: &Denied) -> Refusal {
    let message = format!("This was refused: {denied}.");
    match denied {
        Denied::NotThere(_) => Refusal::new(StatusCode::NOT_FOUND, "not_found", message),
        Denied::NoVoice | Denied::NoApproval => Refusal::new(StatusCode::FORBIDDEN, "no_voice", message),
        Denied::LastOwner
        | Denied::Spent
        | Denied::Ended
        | Denied::Moved
        | Denied::Same
        | Denied::TooManyChanges
        | Denied::TooManyPatterns => Refusal::new(StatusCode::CONFLICT, "conflict", message),
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Store(StoreError::Denied(why)) => return denied(why),
            EngineError::FreezeFile => {
                return Self::new(StatusCode::CONFLICT, "conflict", format!("It stays frozen: {error}."));
            }
            EngineError::BadBase(_) => {
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_base", error.to_string());
            }
            EngineError::Pattern(_) => {
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_pattern", error.to_string());
            }
            EngineError::NoSetting { .. } => return Self::bad(format!("This was refused: {error}.")),
            _ => {}
        }
        // What went wrong inside is for the log, not for the caller. An overload is counted where it is seen; a line for
        // each would make it worse.
        if !matches!(error, EngineError::Overloaded) {
            tracing::error!(%error, "a request could not be served");
        }
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
