//! The HTTP API from the other side: the command line and the tests speak to a daemon through it.

mod access;
mod events;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use townkeeper_contract::api::{CancelAnswer, ChatBody, ErrorBody, Ready, TicketList};
use townkeeper_contract::error::Kind;
use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::ResumePoint;

pub use events::Events;

/// Why a call did not succeed.
#[derive(Debug, Error)]
pub enum ClientError {
    #[error("no daemon answers at {url}; start one with `townkeeper serve`")]
    NoDaemon { url: String },
    #[error("{message}")]
    Refused { status: u16, code: String, message: String },
    #[error("the connection broke off: {0}")]
    Broken(String),
    #[error("the daemon's answer cannot be read: {0}")]
    Protocol(String),
}

impl ClientError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoDaemon { .. } | Self::Broken(_) => Kind::RetryAfter { ms: 1_000 },
            Self::Refused { status: 503, .. } => Kind::RetryAfter { ms: 1_000 },
            Self::Refused { message, .. } => Kind::Denied { reason: message.clone() },
            Self::Protocol(_) => Kind::Bug,
        }
    }
}

/// A daemon's API. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    token: Option<SecretString>,
}

impl Client {
    /// `base` is the daemon's address, like `http://127.0.0.1:7420`. The token is needed for what only people with a role may do.
    pub fn new(base: &str, token: Option<SecretString>) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            // A daemon is reached directly; a proxy in the environment is for other things.
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http, token })
    }

    /// Says something; the answer comes as events.
    pub async fn chat(&self, body: &ChatBody) -> Result<Events, ClientError> {
        let response = self.send(self.request(Method::POST, "/v1/chat").json(body)).await?;
        Ok(Events::new(response))
    }

    /// Goes on reading behind `point`. `None`: there is nothing more.
    pub async fn resume(&self, point: &ResumePoint) -> Result<Option<Events>, ClientError> {
        let path = format!("/v1/turns/{}/events", point.turn);
        let id = format!("{}.{}:{}", point.turn, point.attempt, point.seq);
        let response = self.send(self.request(Method::GET, &path).header("last-event-id", id)).await?;
        Ok((response.status() != StatusCode::NO_CONTENT).then(|| Events::new(response)))
    }

    /// Asks a turn to stop; `false` where it had ended.
    pub async fn cancel(&self, turn: &TurnId) -> Result<bool, ClientError> {
        let path = format!("/v1/turns/{turn}/cancel");
        let response = self.send(self.request(Method::POST, &path)).await?;
        let answer: CancelAnswer = read(response).await?;
        Ok(answer.cancelled)
    }

    /// The newest tickets. Needs the token.
    pub async fn tickets(&self) -> Result<TicketList, ClientError> {
        read(self.send(self.request(Method::GET, "/v1/tickets")).await?).await
    }

    /// How the daemon is; also where it is not ready.
    pub async fn ready(&self) -> Result<Ready, ClientError> {
        let response = self.request(Method::GET, "/readyz").send().await.map_err(|error| self.broken(&error))?;
        read(response).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let refused: Result<ErrorBody, _> = read(response).await;
        let body = refused.unwrap_or_else(|_| ErrorBody { code: "unknown".to_owned(), message: status.to_string() });
        Err(ClientError::Refused { status: status.as_u16(), code: body.code, message: body.message })
    }

    fn broken(&self, error: &reqwest::Error) -> ClientError {
        if error.is_connect() {
            ClientError::NoDaemon { url: self.base.clone() }
        } else {
            ClientError::Broken(error.to_string())
        }
    }
}

async fn read<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let bytes = response.bytes().await.map_err(|error| ClientError::Broken(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| ClientError::Protocol(error.to_string()))
}
