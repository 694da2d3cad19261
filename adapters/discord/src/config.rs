//! The account's own part of the configuration file. The token is not in it: the daemon reads that from its own
//! place and passes it in.

use serde::Deserialize;

use crate::DiscordError;

/// `[[account]]` with `platform = "discord"`, without the keys that the daemon takes for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscordConfig {
    /// Where the REST API answers; a fake in tests.
    pub api_base: String,
    /// Where the gateway answers, if not where Discord says (`GET /gateway/bot`).
    pub gateway: Option<String>,
    /// Where attachments are fetched, if not from Discord's hosts that they name; a fake in tests.
    pub media_base: Option<String>,
    /// Ask for the privileged intent that shows what people write in servers.
    pub message_content: bool,
    /// Ask for the privileged intent that tells who joins, leaves, and is called something else.
    pub members: bool,
    /// How long a request may take, in seconds; a message without an answer by then is in doubt, and sent again.
    pub request_timeout_s: u64,
}

impl Default for DiscordConfig {
    fn default() -> Self {
        Self {
            api_base: "https://discord.com/api/v10".into(),
            gateway: None,
            media_base: None,
            message_content: true,
            members: true,
            request_timeout_s: 30,
        }
    }
}

impl DiscordConfig {
    pub(crate) fn check(&self) -> Result<(), DiscordError> {
        if !is_url(&self.api_base, &["http", "https"]) {
            return Err(DiscordError::ApiBase(self.api_base.clone()));
        }
        if let Some(gateway) = self.gateway.as_ref().filter(|gateway| !is_url(gateway, &["ws", "wss"])) {
            return Err(DiscordError::Gateway(gateway.clone()));
        }
        if let Some(base) = self.media_base.as_ref().filter(|base| !is_url(base, &["http", "https"])) {
            return Err(DiscordError::MediaBase(base.clone()));
        }
        if !(1..=300).contains(&self.request_timeout_s) {
            return Err(DiscordError::RequestTimeout(self.request_timeout_s));
        }
        Ok(())
    }
}

/// Whether this is an absolute URL of one of these schemes.
pub(crate) fn is_url(text: &str, schemes: &[&str]) -> bool {
    let url = reqwest::Url::parse(text).ok();
    url.is_some_and(|url| schemes.contains(&url.scheme()) && url.has_host())
}
