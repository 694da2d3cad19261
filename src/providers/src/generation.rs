//! One generation: the request, its timers, and the bytes that come back. Pull-based: what is not asked for is not
//! read, so a slow consumer slows the vendor; dropping it closes the connection. Besides `http` the only I/O here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::unfold;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout, timeout_at};
use townkeeper_contract::BoxStream;
use townkeeper_contract::provider::ChatRequest;
use townkeeper_contract::stream::{ErrorClass, StreamError};

use crate::answer::{Decode, Item};
use crate::http::{self, Scrub};
use crate::lines::FrameError;
use crate::ndjson::Ndjson;
use crate::sse::{Frame, Sse};

/// After the finish, how long to wait for the usage and `[DONE]` that most vendors send.
const GRACE: Duration = Duration::from_secs(2);

/// After a whole answer, how long the body's own end may take: a connection read to its end can be used again.
const LINGER: Duration = Duration::from_millis(100);

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) first_content: Duration,
    pub(crate) idle: Duration,
}

/// Whom to ask, and how.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) client: Client,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) timeouts: Timeouts,
    pub(crate) scrub: Scrub,
    /// Provider and host, for whoever reads the log: `ollama at 127.0.0.1:11434`. Never a path, a query or a key.
    pub(crate) peer: String,
}

/// A model at an endpoint.
#[derive(Debug)]
pub(crate) struct Model {
    /// The vendor, as in the configuration, logs and metrics.
    pub(crate) vendor: &'static str,
    /// The vendor's name of it.
    pub(crate) name: String,
    /// The section's upper bound of an answer, in the vendor's tokens.
    pub(crate) max_output_tokens: Option<u32>,
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Model {
    /// The smaller of the section's bound and the request's, of those that are set.
    pub(crate) fn limit(&self, request: &ChatRequest) -> Option<u32> {
        let asked = (request.max_output_tokens > 0).then_some(request.max_output_tokens);
        self.max_output_tokens.into_iter().chain(asked).min()
    }
}

/// A request's JSON, or why there is none.
pub(crate) type Body = Result<Vec<u8>, serde_json::Error>;

/// Asks, and hands on what `decoder` makes of the answer. Nothing is sent before the first item is asked for.
pub(crate) fn generate<D: Decode>(endpoint: &Arc<Endpoint>, body: Body, decoder: D) -> BoxStream<'static, Item> {
    let generation = Generation {
        endpoint: Arc::clone(endpoint),
        decoder,
        stage: Stage::Asking(body),
        deadline: Instant::now(),
        heard: false,
        warned_lossy: false,
    };
    unfold(generation, |mut generation| async move { Some((generation.next().await?, generation)) }).boxed()
}

struct Generation<D> {
    endpoint: Arc<Endpoint>,
    decoder: D,
    stage: Stage,
    /// When content must have come.
    deadline: Instant,
    /// Some content has.
    heard: bool,
    warned_lossy: bool,
}

enum Stage {
    Asking(Body),
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

impl<D: Decode> Generation<D> {
    /// The next event; `None` after the last. Who asks until `None` lets the connection be used again.
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.decoder.answer().pop() {
                return Some(item);
            }
            if self.decoder.answer().ended() {
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
            && self.decoder.answer().whole()
        {
            timeout(LINGER, reading.response.chunk()).await.ok();
        }
    }

    async fn ask(&mut self, body: Body) -> Stage {
        match self.open(body).await {
            Ok(stage) => stage,
            Err(error) => {
                self.decoder.over(error);
                Stage::Over
            }
        }
    }

    async fn open(&mut self, body: Body) -> Result<Stage, StreamError> {
        let endpoint = Arc::clone(&self.endpoint);
        let scrub = &endpoint.scrub;
        let body = body.map_err(|error| scrub.error(ErrorClass::Internal, &error.to_string()))?;
        self.deadline = Instant::now() + endpoint.timeouts.first_content;
        let request = endpoint.client.post(endpoint.url.clone()).headers(endpoint.headers.clone()).body(body);
        let sent = timeout_at(self.deadline, request.send()).await.map_err(|_| self.stalled())?;
        let response = sent.map_err(|error| http::broken(&error, &endpoint.peer, scrub))?;
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
        if self.decoder.answer().progressed() {
            self.heard = true;
            self.deadline = Instant::now() + self.endpoint.timeouts.idle;
        }
        if self.decoder.finished() {
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
                self.decoder.over(http::broken(&error, &self.endpoint.peer, &self.endpoint.scrub));
                Ok(())
            }
            Err(_) => {
                let error = self.stalled();
                self.decoder.over(error);
                Ok(())
            }
        };
        if let Err(error) = framed {
            self.decoder.over(self.endpoint.scrub.error(ErrorClass::Protocol, &error.to_string()));
        }
        Stage::Reading(reading)
    }

    fn frames(&mut self, framer: &mut Framer) -> Result<(), FrameError> {
        while let Some(frame) = framer.frame()? {
            self.decoder.decode(frame);
        }
        let answer = self.decoder.answer();
        if framer.lossy_lines() > 0 && !std::mem::replace(&mut self.warned_lossy, true) && !answer.ended() {
            answer.warn("bytes that are not UTF-8 were replaced");
        }
        Ok(())
    }

    /// The body ended cleanly. Whether the answer did, the decoder knows.
    fn end(&mut self, framer: &mut Framer) -> Result<(), FrameError> {
        if let Some(frame) = framer.finish()? {
            self.decoder.decode(frame);
        }
        if !self.decoder.answer().ended() {
            let message = format!("{}: the connection closed before the answer was finished", self.endpoint.peer);
            self.decoder.over(self.endpoint.scrub.error(ErrorClass::Truncated, &message));
        }
        Ok(())
    }

    fn stalled(&self) -> StreamError {
        let Endpoint { peer, timeouts, scrub, .. } = &*self.endpoint;
        let (limit, setting) = if self.heard {
            (timeouts.idle, "idle_timeout_s")
        } else {
            (timeouts.first_content, "first_content_timeout_s")
        };
        let message = format!("{peer}: no word from the model for {limit:?} (is it only slow? raise `{setting}`)");
        scrub.error(ErrorClass::Stalled, &message)
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
