//! Ollama in its own tongue: `/api/chat`, one JSON text a line.
//! <https://docs.ollama.com/api/chat>, <https://docs.ollama.com/api/errors>
//!
//! * [`request`]: what is posted; [`decode`]: the shapes that arrive, and what they become (pure)

mod decode;
mod request;

use townkeeper_contract::BoxStream;
use townkeeper_contract::provider::{ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::StreamError;

use crate::config::{BEARER, Vendor};
use crate::generation::{Model, generate};
use decode::State;

pub(crate) static VENDOR: Vendor = Vendor {
    name: "ollama",
    base_url: Some("http://127.0.0.1:11434/api"),
    root: "/api",
    path: "/chat",
    needs_key: false,
    key: BEARER,
    headers: &[("accept", "application/x-ndjson")],
};

/// A model that Ollama runs.
pub(crate) struct Ollama {
    model: Model,
}

impl Ollama {
    pub(crate) fn new(model: Model) -> Self {
        Self { model }
    }
}

impl Provider for Ollama {
    fn name(&self) -> &str {
        self.model.vendor
    }

    fn model(&self) -> &str {
        &self.model.name
    }

    fn stream(&self, request: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>> {
        let body = request::body(&self.model.name, self.model.limit(&request), &request);
        let state = State::new(self.model.endpoint.scrub.clone(), request.messages.len());
        generate(&self.model.endpoint, body, state)
    }
}
