//! The section `[[provider]]` of the configuration, and what it builds.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use townkeeper_contract::error;
use townkeeper_contract::money::Money;
use townkeeper_contract::provider::Provider;

use crate::anthropic::{self, Anthropic};
use crate::generation::{Endpoint, Model, Timeouts};
use crate::http::{self, Scrub};
use crate::ollama::{self, Ollama};
use crate::openai::{self, Dialect, OpenAi};

/// One `[[provider]]`. It names where the key is, never the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    pub kind: Kind,
    /// Where the vendor's API begins: `https://api.example.org/v1`, with `/chat/completions`, `/messages` and the like
    /// left off. Needed for `compatible` only. For `ollama`, one that ends in `/v1` has it speak chat completions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The vendor's name of the model.
    pub model: String,
    /// File that holds the key. At most one of this and `api_key_env`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<String>,
    /// Name of the environment variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Seconds to set up a connection. Fractions are fine here and below.
    #[serde(default = "connect_timeout_s")]
    pub connect_timeout_s: f64,
    /// Seconds from the request to the first word; a model that reasons takes its time.
    #[serde(default = "first_content_timeout_s")]
    pub first_content_timeout_s: f64,
    /// Seconds between two words. Keep-alives do not count as words.
    #[serde(default = "idle_timeout_s")]
    pub idle_timeout_s: f64,
    /// Upper bound of an answer in the vendor's tokens; the smaller of this and the request's holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// What a million tokens of questions cost, in the currency of the budget. This and the next together, or neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_million_input: Option<Money>,
    /// What a million tokens of answers cost, thoughts included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_million_output: Option<Money>,
}

fn connect_timeout_s() -> f64 {
    10.0
}

fn first_content_timeout_s() -> f64 {
    180.0
}

fn idle_timeout_s() -> f64 {
    90.0
}

impl ProviderConfig {
    /// Where its API begins: as configured, or the vendor's usual place.
    pub fn address(&self) -> Option<&str> {
        self.base_url.as_deref().or(Tongue::of(self).vendor().base_url)
    }

    /// A section with nothing but what is needed.
    pub fn new(kind: Kind, model: &str) -> Self {
        Self {
            kind,
            base_url: None,
            model: model.to_owned(),
            api_key_file: None,
            api_key_env: None,
            connect_timeout_s: connect_timeout_s(),
            first_content_timeout_s: first_content_timeout_s(),
            idle_timeout_s: idle_timeout_s(),
            max_output_tokens: None,
            price_per_million_input: None,
            price_per_million_output: None,
        }
    }
}

/// Which vendor's habits to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Anthropic,
    OpenAi,
    OpenRouter,
    Ollama,
    /// Anything else that speaks chat completions.
    Compatible,
}

/// A section that cannot work, and what to do about it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProviderError {
    #[error("provider `{kind}`: set `base_url`; there is no usual one")]
    MissingBaseUrl { kind: &'static str },
    /// Does not repeat the address: one written wrong may hold a password.
    #[error("provider `{kind}`: `base_url` cannot be used: {reason}")]
    BaseUrl { kind: &'static str, reason: String },
    #[error("provider `{kind}`: `model` is empty; name one of the vendor's models")]
    MissingModel { kind: &'static str },
    #[error("provider `{kind}`: needs a key; set `api_key_file` or `api_key_env`")]
    MissingKey { kind: &'static str },
    #[error("provider `{kind}`: both `api_key_file` and `api_key_env` are set; keep one")]
    TwoKeys { kind: &'static str },
    #[error("provider `{kind}`: the key holds a line break or another character that no HTTP header may hold")]
    Key { kind: &'static str },
    #[error("provider `{kind}`: `{setting}` must be a number of seconds above 0")]
    Seconds { kind: &'static str, setting: &'static str },
    #[error(
        "provider `{kind}`: no HTTP client: {reason}; are certificate authorities installed (Debian: ca-certificates)?"
    )]
    Client { kind: &'static str, reason: String },
}

impl ProviderError {
    /// All of them stay until someone changes the configuration or the machine.
    pub fn kind(&self) -> error::Kind {
        error::Kind::Permanent
    }
}

/// What must be known of a vendor to reach it.
#[derive(Debug)]
pub(crate) struct Vendor {
    /// As in the configuration, logs and metrics.
    pub(crate) name: &'static str,
    /// Where the API begins unless the configuration says otherwise.
    pub(crate) base_url: Option<&'static str>,
    /// The first step of the path, which a `base_url` may leave out; empty where it may not.
    pub(crate) root: &'static str,
    /// What is posted to, below the root.
    pub(crate) path: &'static str,
    pub(crate) needs_key: bool,
    /// The header that carries the key, and what stands before it there.
    pub(crate) key: (&'static str, &'static str),
    /// Sent with every request, in the place of the usual ones; names in lower case.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// The key where most vendors look for it.
pub(crate) const BEARER: (&str, &str) = ("authorization", "Bearer ");

/// What a section's vendor speaks.
#[derive(Clone, Copy)]
enum Tongue {
    ChatCompletions(&'static Dialect),
    Anthropic,
    Ollama,
}

impl Tongue {
    fn of(config: &ProviderConfig) -> Self {
        match (config.kind, config.base_url.as_deref()) {
            (Kind::Anthropic, _) => Self::Anthropic,
            (Kind::OpenAi, _) => Self::ChatCompletions(&openai::OPENAI),
            (Kind::OpenRouter, _) => Self::ChatCompletions(&openai::OPENROUTER),
            // Ollama speaks both. Its chat completions lose an error in the middle of an answer; its own tongue tells.
            (Kind::Ollama, Some(base)) if base.trim_end_matches('/').ends_with("/v1") => {
                Self::ChatCompletions(&openai::OLLAMA)
            }
            (Kind::Ollama, _) => Self::Ollama,
            (Kind::Compatible, _) => Self::ChatCompletions(&openai::COMPATIBLE),
        }
    }

    fn vendor(self) -> &'static Vendor {
        match self {
            Self::ChatCompletions(dialect) => &dialect.vendor,
            Self::Anthropic => &anthropic::VENDOR,
            Self::Ollama => &ollama::VENDOR,
        }
    }

    fn provider(self, model: Model) -> Arc<dyn Provider> {
        match self {
            Self::ChatCompletions(dialect) => Arc::new(OpenAi::new(dialect, model)),
            Self::Anthropic => Arc::new(Anthropic::new(model)),
            Self::Ollama => Arc::new(Ollama::new(model)),
        }
    }
}

/// Builds the provider that `config` describes. `key` is what `api_key_file` or `api_key_env` held. Does no I/O besides
/// reading the system's certificates; a TLS provider must be installed before.
pub fn build(config: ProviderConfig, key: Option<SecretString>) -> Result<Arc<dyn Provider>, ProviderError> {
    let tongue = Tongue::of(&config);
    let vendor = tongue.vendor();
    let kind = vendor.name;
    if config.api_key_file.is_some() && config.api_key_env.is_some() {
        return Err(ProviderError::TwoKeys { kind });
    }
    if config.model.trim().is_empty() {
        return Err(ProviderError::MissingModel { kind });
    }
    if vendor.needs_key && key.is_none() {
        return Err(ProviderError::MissingKey { kind });
    }
    let seconds = |setting, value| match Duration::try_from_secs_f64(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(ProviderError::Seconds { kind, setting }),
    };
    let connect = seconds("connect_timeout_s", config.connect_timeout_s)?;
    let timeouts = Timeouts {
        first_content: seconds("first_content_timeout_s", config.first_content_timeout_s)?,
        idle: seconds("idle_timeout_s", config.idle_timeout_s)?,
    };
    let url = address(vendor, config.base_url.as_deref(), key.is_some())?;
    let headers = http::headers(vendor.headers, vendor.key, key.as_ref()).ok_or(ProviderError::Key { kind })?;
    let client = http::client(connect, url.scheme() == "https");
    let client = client.map_err(|reason| ProviderError::Client { kind, reason })?;
    let peer = http::peer(kind, &url);
    let endpoint = Arc::new(Endpoint { client, url, headers, timeouts, scrub: Scrub::new(key), peer });
    let ProviderConfig { model: name, max_output_tokens, .. } = config;
    Ok(tongue.provider(Model { vendor: kind, name, max_output_tokens, endpoint }))
}

/// The full address to post to.
pub(crate) fn address(vendor: &Vendor, base: Option<&str>, keyed: bool) -> Result<Url, ProviderError> {
    let kind = vendor.name;
    let base = base.or(vendor.base_url).ok_or(ProviderError::MissingBaseUrl { kind })?;
    let wrong = |reason: &str| ProviderError::BaseUrl { kind, reason: reason.to_owned() };
    let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it may hold a host and a path only; the key goes to `api_key_file`"));
    }
    let local = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if keyed && url.scheme() == "http" && !local {
        tracing::warn!(provider = kind, "the key travels unencrypted: base_url is http, not https");
    }
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix(vendor.root).unwrap_or(base);
    Url::parse(&format!("{base}{}{}", vendor.root, vendor.path)).map_err(|error| wrong(&error.to_string()))
}
