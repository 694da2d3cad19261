//! The HTTP API from the other side: the command line and the tests speak to a daemon through it, over plain requests
//! and event streams or over one WebSocket.

mod access;
mod cases;
mod events;
mod knowledge;
mod learning;
mod lists;
mod moderation;
mod patterns;
mod socket;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use townkeeper_contract::api::{
    CancelAnswer, ChatBody, ErrorBody, FeedbackList, Ready, Scorecard, SocketAnswer, SocketRequest, TicketList,
};
use townkeeper_contract::error::Kind;
use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::ResumePoint;

pub use events::Events;
use socket::Socket;

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
    #[error("no HTTPS here ({0}); are certificate authorities installed (Debian: ca-certificates)?")]
    NoClient(String),
}

impl ClientError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoDaemon { .. } | Self::Broken(_) => Kind::RetryAfter { ms: 1_000 },
            Self::Refused { status: 503, .. } => Kind::RetryAfter { ms: 1_000 },
            Self::Refused { message, .. } => Kind::Denied { reason: message.clone() },
            Self::NoClient(_) => Kind::Permanent,
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
    /// Where turns are said, read and stopped, if not over HTTP.
    socket: Option<Socket>,
}

impl Client {
    /// `base` is the daemon's address, like `http://127.0.0.1:7420`. The token is needed for what only people with a role may do.
    pub fn new(base: &str, token: Option<SecretString>) -> Result<Self, ClientError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            // A daemon is reached directly; a proxy in the environment is for other things.
            .no_proxy();
        // Without TLS no authorities are needed, and a bare machine has none: then loading them would fail.
        let plain = !base.starts_with("https://");
        let builder = if plain { builder.tls_certs_only(Vec::new()) } else { builder };
        let http = builder.build().map_err(|error| ClientError::NoClient(error.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http, token, socket: None })
    }

    /// The same client, but what it says, resumes and cancels goes over one WebSocket, opened now. When that is closed,
    /// these calls fail as broken; another may be opened.
    pub async fn over_socket(&self) -> Result<Self, ClientError> {
        let (request, key) = socket::upgrading(self.request(Method::GET, "/v1/ws"));
        let socket = Socket::open(self.send(request).await?, &key).await?;
        Ok(Self { socket: Some(socket), ..self.clone() })
    }

    /// Says something; the answer comes as events. Over a socket, turns that are begun must be read, or their events
    /// dropped: unread ones make the others wait.
    pub async fn chat(&self, body: &ChatBody) -> Result<Events, ClientError> {
        if let Some(socket) = &self.socket {
            return Ok(socket.ask(SocketRequest::Say { id: 0, body: body.clone() }).await?.1);
        }
        let response = self.send(self.request(Method::POST, "/v1/chat").json(body)).await?;
        Ok(Events::of_stream(response))
    }

    /// Goes on reading behind `point`. `None`: there is nothing more.
    pub async fn resume(&self, point: &ResumePoint) -> Result<Option<Events>, ClientError> {
        let after = format!("{}.{}:{}", point.turn, point.attempt, point.seq);
        if let Some(socket) = &self.socket {
            let request = SocketRequest::Resume { id: 0, turn: point.turn.clone(), after: Some(after) };
            let (answer, events) = socket.ask(request).await?;
            return Ok((!matches!(answer, SocketAnswer::Complete { .. })).then_some(events));
        }
        let path = format!("/v1/turns/{}/events", point.turn);
        let response = self.send(self.request(Method::GET, &path).header("last-event-id", after)).await?;
        Ok((response.status() != StatusCode::NO_CONTENT).then(|| Events::of_stream(response)))
    }

    /// Asks a turn to stop; `false` where it had ended.
    pub async fn cancel(&self, turn: &TurnId) -> Result<bool, ClientError> {
        if let Some(socket) = &self.socket {
            let (answer, _) = socket.ask(SocketRequest::Cancel { id: 0, turn: turn.clone() }).await?;
            return Ok(matches!(answer, SocketAnswer::Cancelled { cancelled: true, .. }));
        }
        let path = format!("/v1/turns/{turn}/cancel");
        let response = self.send(self.request(Method::POST, &path)).await?;
        let answer: CancelAnswer = read(response).await?;
        Ok(answer.cancelled)
    }

    /// The newest tickets. Needs the token.
    pub async fn tickets(&self) -> Result<TicketList, ClientError> {
        read(self.send(self.request(Method::GET, "/v1/tickets")).await?).await
    }

    /// What people thought of the answers. Needs the token.
    pub async fn feedback(&self) -> Result<FeedbackList, ClientError> {
        read(self.send(self.request(Method::GET, "/v1/feedback")).await?).await
    }

    /// How the installation does. Needs the token.
    pub async fn scorecard(&self) -> Result<Scorecard, ClientError> {
        read(self.send(self.request(Method::GET, "/v1/scorecard")).await?).await
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
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
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
