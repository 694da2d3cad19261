//! Anthropic's messages. <https://platform.claude.com/docs/en/build-with-claude/streaming>
//!
//! * [`request`]: what is posted; [`kept`]: what a model thought before a call, for the way back
//! * [`wire`]: the shapes that arrive; [`decode`]: shapes to events, pure; [`blocks`]: the content blocks of an answer

mod blocks;
mod decode;
mod kept;
mod request;
mod wire;

use std::sync::Arc;

use townkeeper_contract::BoxStream;
use townkeeper_contract::provider::{ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::StreamError;

use crate::config::Vendor;
use crate::generation::{Model, generate};
use decode::State;
use kept::Kept;

pub(crate) static VENDOR: Vendor = Vendor {
    name: "anthropic",
    base_url: Some("https://api.anthropic.com/v1"),
    root: "/v1",
    path: "/messages",
    needs_key: true,
    key: ("x-api-key", ""),
    headers: &[("anthropic-version", "2023-06-01")],
};

/// A model that speaks Anthropic's messages.
pub(crate) struct Anthropic {
    model: Model,
    kept: Arc<Kept>,
}

impl Anthropic {
    pub(crate) fn new(model: Model) -> Self {
        Self { model, kept: Arc::default() }
    }
}

impl Provider for Anthropic {
    fn name(&self) -> &str {
        self.model.vendor
    }

    fn model(&self) -> &str {
        &self.model.name
    }

    fn stream(&self, request: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>> {
        let (body, place) = request::body(&self.model.name, self.model.limit(&request), &request, &self.kept);
        let shelf = kept::Shelf { kept: Arc::clone(&self.kept), place };
        let state = State::new(self.model.endpoint.scrub.clone(), request.messages.len(), shelf);
        generate(&self.model.endpoint, body, state)
    }
}
