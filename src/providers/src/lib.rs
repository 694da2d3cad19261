//! Model vendors over HTTP: how a [`ChatRequest`](townkeeper_contract::provider::ChatRequest) becomes a POST and the
//! answer's bytes become [`ProviderEvent`](townkeeper_contract::provider::ProviderEvent)s.
//!
//! bytes → [`lines`] → [`sse`] or [`ndjson`] frames → `openai::decode` (pure) → events. Only `http` and
//! `openai::generation` do I/O. To add a vendor that speaks chat completions, add a row to `openai::dialect`.

mod config;
mod http;
pub mod lines;
pub mod ndjson;
mod openai;
pub mod sse;

pub use config::{Kind, ProviderConfig, ProviderError, build};
