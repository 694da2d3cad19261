//! One call of Discord's REST API: its ways to fail, what its headers say of limits, and the token that no text may
//! hold. Interaction tokens are part of URLs, so no error leaves this file with a URL in it either.

mod refusals;

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tokio::time::Instant;
use townkeeper_contract::outbound::{LimitHint, LimitScope};

use crate::{DiscordConfig, DiscordError};
use refusals::Refusals;

/// How long a connection may take to come up; never more than half of a call's own time, so that a call that never
/// left is known as such.
const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than the server keeps an idle connection: reusing one that is just being closed would leave us in doubt.
const IDLE: Duration = Duration::from_secs(20);
/// The longest error text kept.
const MAX_WORDS: usize = 300;
/// The longest reason Discord's audit log takes, in characters.
const MAX_REASON: usize = 400;
/// The form of this name is Discord's rule.
const AGENT: &str = concat!("DiscordBot (https://townkeeper.example.org, ", env!("CARGO_PKG_VERSION"), ")");

/// The REST API, for one bot.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    token: SecretString,
    timeout: Duration,
    pub(crate) refusals: Refusals,
    /// Discord's own clock, as last heard: Unix milliseconds, and when that was.
    clock: Mutex<Option<(i64, Instant)>>,
}

/// One call about to be made.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    method: Method,
    path: String,
    body: Option<&'a Value>,
    reason: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, reason: None }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self { method: Method::PUT, ..Self::get(path) }
    }

    pub(crate) fn post(path: impl Into<String>, body: &'a Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    pub(crate) fn patch(path: impl Into<String>, body: &'a Value) -> Self {
        Self { method: Method::PATCH, body: Some(body), ..Self::get(path) }
    }

    pub(crate) fn with(self, body: &'a Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// For the audit log.
    pub(crate) fn because(self, reason: &'a str) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

/// Why a call gave no result. No text in it holds a token.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The request never left: name lookup, connect, TLS.
    NotSent(String),
    /// It may have been done: time-out, broken connection, an answer that cannot be read.
    Unanswered(String),
    /// Too fast, by Discord's word or by our own count of its refusals.
    TooFast { wait_ms: u64, scope: LimitScope },
    /// Discord said no, or a server in between did. `code` is Discord's own, 0 if it gave none.
    Said { status: u16, code: u64, words: String },
}

impl ApiError {
    pub(crate) fn is(&self, wanted: u64) -> bool {
        matches!(self, Self::Said { code, .. } if *code == wanted)
    }
}

/// `{code, message}` of a refusal, and what a 429 says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: u64,
    message: String,
    errors: Option<Value>,
    retry_after: Option<f64>,
    global: bool,
}

impl Api {
    pub(crate) fn new(config: &DiscordConfig, token: SecretString) -> Result<Self, DiscordError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=');
        if token.expose_secret().is_empty() || !token.expose_secret().chars().all(plain) {
            return Err(DiscordError::Token);
        }
        let timeout = Duration::from_secs(config.request_timeout_s);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT.min(timeout / 2))
            .pool_idle_timeout(IDLE)
            // Each of these would send the token, or a message, a second time or elsewhere.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|e| DiscordError::Client(e.without_url().to_string()))?;
        let base = config.api_base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, token, timeout, refusals: Refusals::default(), clock: Mutex::default() })
    }

    /// For the gateway, which wants it in a frame.
    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Discord's time, in Unix milliseconds; `None` before its first answer.
    pub(crate) fn now_ms(&self) -> Option<i64> {
        let (then, at) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(then.saturating_add(i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)))
    }

    /// Makes a call, once.
    pub(crate) async fn call<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, ApiError> {
        self.hinted(ask).await.map(|(answer, _)| answer)
    }

    /// A call whose answer says nothing.
    pub(crate) async fn done(&self, ask: Ask<'_>) -> Result<Option<LimitHint>, ApiError> {
        self.hinted::<IgnoredAny>(ask).await.map(|(_, hint)| hint)
    }

    /// Makes a call, once; the answer, and what it says of the limit.
    pub(crate) async fn hinted<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<(T, Option<LimitHint>), ApiError> {
        if let Some(wait) = self.refusals.rest() {
            return Err(ApiError::TooFast { wait_ms: millis(wait), scope: LimitScope::Account });
        }
        let response = self.request(ask)?.send().await.map_err(|e| self.failure(e))?;
        self.heard_time(response.headers());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.body(response).await?;
        if status == 429 {
            return Err(self.too_fast(&headers, &body));
        }
        if !(200..300).contains(&status) {
            return Err(self.refusal(status, &body));
        }
        let body = if body.is_empty() { b"null".as_slice() } else { &body };
        match serde_json::from_slice(body) {
            Ok(answer) => Ok((answer, hint(&headers))),
            Err(_) => Err(ApiError::Unanswered("the answer is not what Discord sends".into())),
        }
    }

    /// Fetches a file that is no part of the API, and shows no token there. `None`: it has more than `most` bytes, and no
    /// more were read.
    pub(crate) async fn file(&self, url: Url, most: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let request = self.http.get(url).timeout(self.timeout).header(USER_AGENT, AGENT);
        let mut response = request.send().await.map_err(|e| self.failure(e))?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            return Err(ApiError::Said { status, code: 0, words: "the file is not to be had".to_owned() });
        }
        let mut file = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failure(e))? {
            if file.len() + chunk.len() > most {
                return Ok(None);
            }
            file.extend_from_slice(&chunk);
        }
        Ok(Some(file))
    }

    fn request(&self, ask: Ask<'_>) -> Result<reqwest::RequestBuilder, ApiError> {
        let mut token = HeaderValue::try_from(format!("Bot {}", self.token.expose_secret()))
            .map_err(|_| ApiError::NotSent("the token fits no header".into()))?;
        token.set_sensitive(true);
        let writes = ask.method != Method::GET;
        let request = self.http.request(ask.method, format!("{}{}", self.base, ask.path)).timeout(self.timeout);
        let request = request.header(AUTHORIZATION, token).header(USER_AGENT, AGENT);
        let request = match ask.reason {
            Some(reason) => request.header("x-audit-log-reason", percent(reason)),
            None => request,
        };
        Ok(match ask.body {
            Some(body) => request.json(body),
            // Servers want a length, be it 0.
            None if writes => request.header(CONTENT_LENGTH, 0),
            None => request,
        })
    }

    /// Of a refusal the status alone says enough.
    async fn body(&self, response: Response) -> Result<Vec<u8>, ApiError> {
        let refused = response.status().is_client_error();
        match response.bytes().await {
            Ok(body) => Ok(body.into()),
            Err(_) if refused => Ok(Vec::new()),
            Err(e) => Err(self.failure(e)),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> ApiError {
        if matches!(status, 401 | 403) {
            self.refusals.count();
        }
        let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
            return ApiError::Said { status, code: 0, words: format!("HTTP {status}, not from Discord's API") };
        };
        let details = refusal.errors.map(|errors| format!(" {errors}")).unwrap_or_default();
        let words = self.clean(&format!("{}{details}", refusal.message));
        ApiError::Said { status, code: refusal.code, words }
    }

    /// The time to wait comes from the body, which is exact; Cloudflare, in front of Discord, sends none.
    fn too_fast(&self, headers: &HeaderMap, body: &[u8]) -> ApiError {
        let scope = text_of(headers, "x-ratelimit-scope");
        if scope != Some("shared") {
            self.refusals.count();
        }
        let seconds = text_of(headers, RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
        let from_header = Duration::from_secs(seconds);
        let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
            return ApiError::TooFast { wait_ms: millis(from_header), scope: LimitScope::Account };
        };
        let wait = refusal.retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let global = refusal.global || scope == Some("global");
        let scope = if global { LimitScope::Account } else { LimitScope::Place };
        ApiError::TooFast { wait_ms: millis(wait.unwrap_or(from_header)), scope }
    }

    fn heard_time(&self, headers: &HeaderMap) {
        let date = text_of(headers, "date").and_then(|date| httpdate::parse_http_date(date).ok());
        let since = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
        if let Some(ms) = since.and_then(|since| i64::try_from(since.as_millis()).ok()) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((ms, Instant::now()));
        }
    }

    /// The only way a transport error becomes text: without its URL, with its causes.
    fn failure(&self, error: reqwest::Error) -> ApiError {
        let error = error.without_url();
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            words = format!("{words}: {inner}");
            cause = inner.source();
        }
        let words = self.clean(&words);
        // Everything else may have been written: only a connection that never came up is certain.
        if error.is_connect() { ApiError::NotSent(words) } else { ApiError::Unanswered(words) }
    }

    /// Takes out the token, should a server echo it, and what is too long for a log line.
    pub(crate) fn clean(&self, words: &str) -> String {
        words.replace(self.token.expose_secret(), "(token)").chars().take(MAX_WORDS).collect()
    }
}

/// What a bucket says once it is empty: not before then.
fn hint(headers: &HeaderMap) -> Option<LimitHint> {
    if text_of(headers, "x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let seconds: f64 = text_of(headers, "x-ratelimit-reset-after")?.parse().ok()?;
    let wait_ms = millis(Duration::try_from_secs_f64(seconds).ok()?);
    Some(LimitHint { scope: LimitScope::Place, wait_ms })
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whole milliseconds, never too few.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// A hexadecimal digit.
fn digit(four_bits: u8) -> char {
    char::from_digit(four_bits.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

/// A reason as a header takes it.
fn percent(reason: &str) -> String {
    let mut out = String::new();
    for c in reason.chars().take(MAX_REASON) {
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                out.push(char::from(byte));
            } else {
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}
