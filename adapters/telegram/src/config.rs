//! The account's own part of the configuration file. The token is not in it: the daemon reads that from its own
//! place and passes it in.

use serde::Deserialize;

use crate::TelegramError;

/// `[[account]]` with `platform = "telegram"`, without the keys that the daemon takes for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// Where the Bot API answers; a server of one's own, or a fake in tests.
    pub api_base: String,
    /// How long a poll is held open, in seconds; Telegram takes at most 50.
    pub poll_timeout_s: u64,
    /// How long any other request may take, in seconds; a message without an answer by then is in doubt.
    pub request_timeout_s: u64,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self { api_base: "https://api.telegram.org".into(), poll_timeout_s: 50, request_timeout_s: 30 }
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
