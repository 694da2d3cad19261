//! One generation: the request, its timers, and the bytes that come back. Pull-based: what is not asked for is not
//! read, so a slow consumer slows the vendor; dropping it closes the connection.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, timeout, timeout_at};
use townkeeper_contract::stream::{ErrorClass, StreamError};

use super::Endpoint;
use super::answer::Item;
use super::decode::{State, decode};
use crate::http;
use crate::lines::FrameError;
use crate::ndjson::Ndjson;
use crate::sse::{Frame, Sse};

/// After the finish, how long to wait for the usage and `[DONE]` that most vendors send.
const GRACE: Duration = Duration::from_secs(2);

/// After a whole answer, how long the body's own end may take: a connection read to its end can be used again.
const LINGER: Duration = Duration::from_millis(100);

pub(super) struct Generation {
    endpoint: Arc<Endpoint>,
    state: State,
    stage: Stage,
    /// When content must have come.
    deadline: Instant,
    warned_lossy: bool,
}

enum Stage {
    Asking(Result<Vec<u8>, serde_json::Error>),
    Reading(Box<Reading>),
    Over,
}

struct Reading {
    response: Response,
    framer: Framer,
}

enum Framer {
    Sse(Sse),
    Ndjson(Ndjson),
}

impl Generation {
    pub(super) fn new(endpoint: Arc<Endpoint>, body: Result<Vec<u8>, serde_json::Error>, messages: usize) -> Self {
        let state = State::new(endpoint.dialect, endpoint.scrub.clone(), messages);
        Self { endpoint, state, stage: Stage::Asking(body), deadline: Instant::now(), warned_lossy: false }
    }

    /// The next event; `None` after the last. Who asks until `None` lets the connection be used again.
    pub(super) async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.state.pop() {
                return Some(item);
            }
            if self.state.ended() {
                self.linger().await;
                return None;
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Asking(body) => self.stage = self.ask(body).await,
                Stage::Reading(reading) => self.stage = self.read(reading).await,
                Stage::Over => return None,
            }
        }
    }

    /// Gives the connection back, if the answer was whole; otherwise closes it.
    async fn linger(&mut self) {
        if let Stage::Reading(mut reading) = std::mem::replace(&mut self.stage, Stage::Over)
            && self.state.whole()
        {
            timeout(LINGER, reading.response.chunk()).await.ok();
        }
    }

    async fn ask(&mut self, body: Result<Vec<u8>, serde_json::Error>) -> Stage {
        match self.open(body).await {
            Ok(stage) => stage,
            Err(error) => {
                self.state.over(error);
                Stage::Over
            }
        }
    }

    async fn open(&mut self, body: Result<Vec<u8>, serde_json::Error>) -> Result<Stage, StreamError> {
        let endpoint = Arc::clone(&self.endpoint);
        let scrub = &endpoint.scrub;
        let body = body.map_err(|error| scrub.error(ErrorClass::Internal, &error.to_string()))?;
        self.deadline = Instant::now() + endpoint.timeouts.first_content;
        let request = endpoint.client.post(endpoint.url.clone()).headers(endpoint.headers.clone()).body(body);
        let sent = timeout_at(self.deadline, request.send()).await.map_err(|_| self.stalled())?;
        let response = sent.map_err(|error| http::broken(&error, scrub))?;
        if !response.status().is_success() {
            return Err(http::refusal(response, scrub).await);
        }
        let content_type = content_type(&response);
        let framer = match content_type.as_str() {
            "text/html" | "application/json" => {
                return Err(http::not_a_stream(response, &content_type, scrub).await);
            }
            "application/x-ndjson" => Framer::Ndjson(Ndjson::default()),
            _ => Framer::Sse(Sse::default()),
        };
        Ok(Stage::Reading(Box::new(Reading { response, framer })))
    }

    /// Waits for one read and decodes what it completes.
    async fn read(&mut self, mut reading: Box<Reading>) -> Stage {
        // Told from the moment we wait, so that a slow consumer is not taken for a silent vendor.
        if self.state.progressed() {
            self.deadline = Instant::now() + self.endpoint.timeouts.idle;
        }
        if self.state.finished() {
            self.deadline = self.deadline.min(Instant::now() + GRACE);
        }
        let read = timeout_at(self.deadline, reading.response.chunk()).await;
        let framed = match read {
            Ok(Ok(Some(bytes))) => {
                reading.framer.push(&bytes);
                self.frames(&mut reading.framer)
            }
            Ok(Ok(None)) => self.end(&mut reading.framer),
            Ok(Err(error)) => {
                self.state.over(http::broken(&error, &self.endpoint.scrub));
                Ok(())
            }
            Err(_) => {
                let error = self.stalled();
                self.state.over(error);
                Ok(())
            }
        };
        if let Err(error) = framed {
            self.state.over(self.endpoint.scrub.error(ErrorClass::Protocol, &error.to_string()));
        }
        Stage::Reading(reading)
    }

    fn frames(&mut self, framer: &mut Framer) -> Result<(), FrameError> {
        while let Some(frame) = framer.frame()? {
            decode(&mut self.state, frame);
        }
        if framer.lossy_lines() > 0 && !std::mem::replace(&mut self.warned_lossy, true) && !self.state.ended() {
            self.state.warn("bytes that are not UTF-8 were replaced");
        }
        Ok(())
    }

    /// The body ended cleanly. Whether the answer did, the state knows.
    fn end(&mut self, framer: &mut Framer) -> Result<(), FrameError> {
        if let Some(frame) = framer.finish()? {
            decode(&mut self.state, frame);
        }
        if !self.state.ended() {
            let message = "the connection closed before the answer was finished";
            self.state.over(self.endpoint.scrub.error(ErrorClass::Truncated, message));
        }
        Ok(())
    }

    fn stalled(&self) -> StreamError {
        self.endpoint.scrub.error(ErrorClass::Stalled, "no word from the model for too long")
    }
}

impl Framer {
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Sse(sse) => sse.push(bytes),
            Self::Ndjson(ndjson) => ndjson.push(bytes),
        }
    }

    fn frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        match self {
            Self::Sse(sse) => sse.frame(),
            Self::Ndjson(ndjson) => ndjson.frame(),
        }
    }

    fn finish(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        match self {
            Self::Sse(sse) => sse.finish(),
            Self::Ndjson(ndjson) => Ok(ndjson.finish()),
        }
    }

    fn lossy_lines(&self) -> u64 {
        match self {
            Self::Sse(sse) => sse.lossy_lines(),
            Self::Ndjson(ndjson) => ndjson.lossy_lines(),
        }
    }
}

/// The media type without its parameters, in lower case; empty where there is none.
fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
