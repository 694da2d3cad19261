//! One call of a Bot API method. The token is part of every URL, so no error leaves this file with a URL in it.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{TelegramConfig, TelegramError};

/// How long a connection may take to come up; never more than half of a call's own time, so that a call that never
/// left is known as such.
const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than the server keeps an idle connection: reusing one that is just being closed would leave us in doubt.
const IDLE: Duration = Duration::from_secs(20);
/// How long a connection may be silent before it is asked whether anybody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The longest error text kept.
const MAX_WORDS: usize = 300;

/// The Bot API, for one bot.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    token: SecretString,
    timeout: Duration,
}

/// Why a call gave no result. No text in it holds the token.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The request never left: name lookup, connect, TLS.
    NotSent(String),
    /// It may have been done: time-out, broken connection, an answer that cannot be read.
    Unanswered(String),
    /// Telegram said no, or a server in between did.
    Said {
        code: u16,
        description: String,
        retry_after_s: Option<u64>,
        /// The chat's id from now on, where it has another.
        moved_to: Option<i64>,
    },
}

/// Unix time in seconds: moderation counts from now, and a pressed stop button comes without a time.
#[expect(
    clippy::disallowed_methods,
    reason = "Telegram takes points in time where we have lengths; nothing is decided by it"
)]
pub(crate) fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

/// What every method answers.
#[derive(Deserialize)]
struct Answer<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    pub(crate) fn new(config: &TelegramConfig, token: SecretString) -> Result<Self, TelegramError> {
        let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        match token.expose_secret().split_once(':') {
            Some((id, key)) if plain(id) && plain(key) && !id.is_empty() && !key.is_empty() => {}
            _ => return Err(TelegramError::Token),
        }
        let timeout = Duration::from_secs(config.request_timeout_s);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT.min(timeout / 2))
            .pool_idle_timeout(IDLE)
            // A peer that is gone without a word is noticed before a poll's whole time is over.
            .tcp_keepalive(KEEP_ALIVE)
            // Each of these would send the token, or a message, a second time or elsewhere.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|e| TelegramError::Client(e.without_url().to_string()))?;
        let base = config.api_base.trim_end_matches('/').to_owned();
        Ok(Self { http, base, token, timeout })
    }

    /// Calls `method`, once.
    pub(crate) async fn call<T: DeserializeOwned>(&self, method: &str, body: &Value) -> Result<T, ApiError> {
        self.hold(method, body, Duration::ZERO).await
    }

    /// Calls a method that the server holds open for up to `held`, once. The time-out ends it whatever the other side
    /// does: an answer that never begins, one that stops halfway, a connection that nobody is at the end of.
    pub(crate) async fn hold<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        held: Duration,
    ) -> Result<T, ApiError> {
        let url = format!("{}/bot{}/{method}", self.base, self.token.expose_secret());
        let request = self.http.post(url).timeout(self.timeout + held).json(body);
        let response = request.send().await.map_err(|e| self.failure(e))?;
        let status = response.status().as_u16();
        match response.bytes().await {
            Ok(body) => self.read(status, &body),
            // The status alone says that it was refused.
            Err(_) if (400..500).contains(&status) => self.read(status, b""),
            Err(e) => Err(self.failure(e)),
        }
    }

    /// Fetches a file by the path that `getFile` named. `None`: it has more than `most` bytes, and no more were read. The
    /// token is part of this URL too.
    pub(crate) async fn file(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let url = format!("{}/file/bot{}/{path}", self.base, self.token.expose_secret());
        let request = self.http.get(url).timeout(self.timeout);
        let mut response = request.send().await.map_err(|e| self.failure(e))?;
        if response.status() != StatusCode::OK {
            return self.read(response.status().as_u16(), b"");
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

    fn read<T: DeserializeOwned>(&self, status: u16, body: &[u8]) -> Result<T, ApiError> {
        let said = |code, words: &str, parameters: Parameters| {
            let Parameters { retry_after: retry_after_s, migrate_to_chat_id: moved_to } = parameters;
            Err(ApiError::Said { code, description: self.clean(words), retry_after_s, moved_to })
        };
        match serde_json::from_slice::<Answer<T>>(body) {
            Ok(Answer { ok: true, result: Some(result), .. }) if status == 200 => Ok(result),
            Ok(Answer { ok: false, error_code, description, parameters, .. }) => {
                let code = if status == 200 { error_code.unwrap_or(status) } else { status };
                said(code, &description, parameters.unwrap_or_default())
            }
            _ if status == 200 => Err(ApiError::Unanswered("the answer is not what the Bot API sends".into())),
            _ => said(status, &format!("HTTP {status}, not from the Bot API"), Parameters::default()),
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
    fn clean(&self, words: &str) -> String {
        words.replace(self.token.expose_secret(), "(token)").chars().take(MAX_WORDS).collect()
    }
}
