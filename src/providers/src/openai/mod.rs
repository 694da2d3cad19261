//! Chat completions, as OpenAI invented them and everyone else speaks them a little differently.
//!
//! * [`dialect`]: the differences, as data
//! * [`request`]: what is posted
//! * [`generation`]: one request, its timers and its stream (the only I/O)
//! * [`wire`]: the shapes that arrive; [`decode`]: shapes to events, pure
//! * [`tools`], [`think`], [`repeat`]: tool-call fragments, inline reasoning, the loop guard

mod answer;
mod decode;
mod dialect;
mod generation;
mod repeat;
mod request;
mod think;
mod tools;
mod wire;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::unfold;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use townkeeper_contract::BoxStream;
use townkeeper_contract::provider::{ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::StreamError;

pub(crate) use dialect::Dialect;

use crate::config::Timeouts;
use crate::http::Scrub;
use generation::Generation;

/// A model behind a chat-completions endpoint.
pub(crate) struct OpenAi {
    model: String,
    max_output_tokens: Option<u32>,
    endpoint: Arc<Endpoint>,
}

/// All that one generation needs to ask.
struct Endpoint {
    dialect: &'static Dialect,
    client: Client,
    url: Url,
    headers: HeaderMap,
    timeouts: Timeouts,
    scrub: Scrub,
}

impl OpenAi {
    /// `None` where the key cannot stand in a header.
    pub(crate) fn new(
        dialect: &'static Dialect,
        model: String,
        client: Client,
        url: Url,
        key: Option<SecretString>,
        timeouts: Timeouts,
        max_output_tokens: Option<u32>,
    ) -> Option<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        // Compressing single tokens costs more than it saves, and makes proxies hold them back.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in dialect.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(key) = &key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).ok()?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let scrub = Scrub::new(key);
        let endpoint = Arc::new(Endpoint { dialect, client, url, headers, timeouts, scrub });
        Some(Self { model, max_output_tokens, endpoint })
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &str {
        self.endpoint.dialect.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn stream(&self, request: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>> {
        let body = request::body(self.endpoint.dialect, &self.model, self.max_output_tokens, &request);
        let generation = Generation::new(Arc::clone(&self.endpoint), body, request.messages.len());
        unfold(generation, |mut generation| async move { Some((generation.next().await?, generation)) }).boxed()
    }
}
