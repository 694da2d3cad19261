//! Chat completions, as OpenAI invented them and everyone else speaks them a little differently.
//!
//! * [`dialect`]: the differences, as data
//! * [`request`]: what is posted
//! * [`wire`]: the shapes that arrive; [`decode`]: shapes to events, pure

mod decode;
mod dialect;
mod request;
mod wire;

use townkeeper_contract::BoxStream;
use townkeeper_contract::provider::{ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::StreamError;

pub(crate) use dialect::{COMPATIBLE, Dialect, OLLAMA, OPENAI, OPENROUTER};

use crate::generation::{Model, generate};
use decode::State;

/// A model behind a chat-completions endpoint.
pub(crate) struct OpenAi {
    dialect: &'static Dialect,
    model: Model,
}

impl OpenAi {
    pub(crate) fn new(dialect: &'static Dialect, model: Model) -> Self {
        Self { dialect, model }
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &str {
        self.model.vendor
    }

    fn model(&self) -> &str {
        &self.model.name
    }

    fn stream(&self, request: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>> {
        let body = request::body(self.dialect, &self.model.name, self.model.limit(&request), &request);
        let state = State::new(self.dialect, self.model.endpoint.scrub.clone(), request.messages.len());
        generate(&self.model.endpoint, body, state)
    }
}
