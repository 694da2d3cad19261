//! The account's own part of the configuration file. The token is not in it: the daemon reads that from its own
//! place and passes it in.

use std::fs;
use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;

use crate::TelegramError;

/// Where the published Bot API answers.
const PUBLISHED: &str = "https://api.telegram.org";

/// `[[account]]` with `platform = "telegram"`, without the keys that the daemon takes for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// Where the Bot API answers; a server of one's own, or a fake in tests.
    pub api_base: String,
    /// How long a poll is held open, in seconds; Telegram takes at most 50. With a webhook: how often it is looked after.
    pub poll_timeout_s: u64,
    /// How long any other request may take, in seconds; a message without an answer by then is in doubt. A poll that is
    /// silent for so much longer than it was to be held is dropped and made anew.
    pub request_timeout_s: u64,
    /// Whether answers in private chats are shown as drafts while they are written.
    pub drafts: bool,
    /// Telegram brings updates to us instead of being asked for them.
    pub webhook: Option<WebhookConfig>,
}

/// `webhook = { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where we listen; without TLS, so a proxy that ends it stands before.
    pub listen: SocketAddr,
    /// Where Telegram reaches that proxy.
    pub url: String,
    /// File with the secret that Telegram shows us: 1 to 256 letters, digits, `_` and `-`.
    pub secret_file: String,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self { api_base: PUBLISHED.into(), poll_timeout_s: 50, request_timeout_s: 30, drafts: false, webhook: None }
    }
}

impl TelegramConfig {
    pub(crate) fn check(&self) -> Result<(), TelegramError> {
        let url = reqwest::Url::parse(&self.api_base).ok();
        if !url.is_some_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host()) {
            return Err(TelegramError::ApiBase(self.api_base.clone()));
        }
        if !(1..=50).contains(&self.poll_timeout_s) {
            return Err(TelegramError::PollTimeout(self.poll_timeout_s));
        }
        if !(1..=300).contains(&self.request_timeout_s) {
            return Err(TelegramError::RequestTimeout(self.request_timeout_s));
        }
        Ok(())
    }
}

impl WebhookConfig {
    /// Checks the address and reads the secret.
    pub(crate) fn secret(&self) -> Result<SecretString, TelegramError> {
        let url = reqwest::Url::parse(&self.url).ok();
        let reached = |u: &reqwest::Url| matches!(u.port_or_known_default(), Some(443 | 80 | 88 | 8443));
        if !url.is_some_and(|u| u.scheme() == "https" && u.has_host() && reached(&u)) {
            return Err(TelegramError::WebhookUrl(self.url.clone()));
        }
        let text = fs::read_to_string(&self.secret_file);
        let text = text.map_err(|error| TelegramError::SecretFile(self.secret_file.clone(), error.to_string()))?;
        let secret = text.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !(1..=256).contains(&secret.len()) || !secret.chars().all(plain) {
            return Err(TelegramError::Secret(self.secret_file.clone()));
        }
        Ok(SecretString::from(secret))
    }
}
