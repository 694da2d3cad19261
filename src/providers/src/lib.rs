//! Model vendors over HTTP: how a [`ChatRequest`](townkeeper_contract::provider::ChatRequest) becomes a POST and the
//! answer's bytes become [`ProviderEvent`](townkeeper_contract::provider::ProviderEvent)s.
//!
//! bytes → [`lines`] → [`sse`] or [`ndjson`] frames → a vendor's `decode` (pure) → `answer` → events. Only `http` and
//! `generation` do I/O. A vendor is a folder: `anthropic`, `ollama`, `openai` (and whoever speaks chat completions). How
//! to add one: `docs/adding-a-provider.md`. Beside them [`Embeddings`], which makes vectors of texts.

mod answer;
mod anthropic;
mod call;
mod chat;
mod config;
mod embeddings;
mod generation;
mod http;
mod lenient;
pub mod lines;
pub mod ndjson;
mod ollama;
mod openai;
mod repeat;
pub mod sse;

pub use config::{Kind, ProviderConfig, ProviderError, build};
pub use embeddings::Embeddings;
