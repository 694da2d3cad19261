//! The fake's webhook: one update after the other, each again until it is taken.

use std::time::Duration;

use serde_json::Value;

use super::{Bot, now_s};

/// How long until an update that was not taken comes again; Telegram waits longer.
const AGAIN: Duration = Duration::from_millis(50);

/// Where updates go instead of to a poller.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) allowed: Value,
    /// When a delivery failed last, and how.
    pub(super) last_error: Option<(i64, String)>,
}

impl Webhook {
    pub(super) fn new(url: &str, secret: &str, allowed: &Value) -> Self {
        Self { url: url.to_owned(), secret: secret.to_owned(), allowed: allowed.clone(), last_error: None }
    }
}

impl Bot {
    /// Where webhooks lead from now on, whatever their address says: the proxy that ends TLS.
    pub fn webhooks_lead_to(&self, address: std::net::SocketAddr) {
        self.change(|s| s.front = Some(format!("http://{address}")));
    }

    /// The address that was set, if one is.
    pub fn webhook(&self) -> Option<String> {
        self.state.borrow().webhook.as_ref().map(|webhook| webhook.url.clone())
    }

    /// Sets a webhook behind the caller's back.
    pub fn steal_webhook(&self, url: &str) {
        self.change(|s| s.webhook = Some(Webhook::new(url, "", &Value::Null)));
    }

    /// Waits until a delivery has failed; how.
    pub async fn wait_webhook_error(&self) -> String {
        let failed = |s: &super::State| s.webhook.as_ref().is_some_and(|webhook| webhook.last_error.is_some());
        self.wait(failed).await;
        let state = self.state.borrow();
        let error = state.webhook.as_ref().and_then(|webhook| webhook.last_error.clone());
        error.map(|(_, words)| words).unwrap_or_default()
    }
}

/// Delivers for as long as the server lives. What is taken is forgotten; a method in the answer is called.
pub(super) async fn deliver(bot: Bot) {
    loop {
        bot.wait(|s| s.webhook.is_some() && s.front.is_some() && !s.updates.is_empty()).await;
        let next = bot.change(|s| {
            let webhook = s.webhook.clone()?;
            s.only(&webhook.allowed);
            Some((webhook, s.front.clone()?, s.updates.front()?.clone()))
        });
        let Some((webhook, front, update)) = next else { continue };
        match post(&webhook, &front, &update).await {
            Ok(reply) => bot.change(|s| {
                s.confirmed = update["update_id"].as_i64().unwrap_or(0) + 1;
                s.updates.retain(|left| left["update_id"] != update["update_id"]);
                if let Some(method) = reply["method"].as_str() {
                    s.called(method, &reply);
                    s.call(method, &reply).ok();
                }
            }),
            Err(words) => {
                bot.change(|s| {
                    if let Some(webhook) = &mut s.webhook {
                        webhook.last_error = Some((now_s(), words));
                    }
                });
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// One delivery; the answer's body as JSON, if it is any.
async fn post(webhook: &Webhook, front: &str, update: &Value) -> Result<Value, String> {
    let path = webhook.url.splitn(4, '/').nth(3).unwrap_or_default();
    let client = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
    let request = client.post(format!("{front}/{path}")).header("X-Telegram-Bot-Api-Secret-Token", &webhook.secret);
    let answer = request.json(update).send().await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("Wrong response from the webhook: {}", answer.status()));
    }
    Ok(answer.json().await.unwrap_or_default())
}
