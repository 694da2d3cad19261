//! Receiving without asking: Telegram brings each update to us, and takes 200 for "on your disk".
//!
//! One connection at a time. With more, Telegram sends updates in parallel, and a question could overtake the one before
//! it, or its own edit; with one, the next comes when this one is answered. What is not answered with 200 comes again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use sha2::digest::Output;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use townkeeper_contract::Stop;
use townkeeper_contract::platform::{Host, HostError, PlatformError};
use tracing::{debug, info, warn};

use super::KINDS;
use super::batch::{Batch, numbered};
use super::memory::Memory;
use super::normalise::Me;
use super::trouble::{TAKEN, Trouble};
use crate::api::ApiError;
use crate::{Telegram, WebhookConfig};

/// The header that shows a request to be Telegram's.
const SECRET: &str = "x-telegram-bot-api-secret-token";
/// The largest update; Telegram's are a hundredth of it.
const MAX_BODY: usize = 8 << 20;
/// How long a body may take to come.
const BODY: Duration = Duration::from_secs(15);
/// How long the last deliveries may take once the daemon stops.
const LAST: Duration = Duration::from_secs(5);
/// What Telegram says when it cannot bring us anything.
const UNREACHED: &str = "Telegram cannot bring updates to the webhook; check its url, the proxy and the certificate";
/// What the daemon is told while it takes nothing.
const UNTAKEN: &str = "the daemon does not take updates";

/// What every delivery needs.
struct Desk {
    bot: Arc<Telegram>,
    me: Me,
    host: Arc<dyn Host>,
    /// The hash of the secret: comparing hashes tells nothing of it by the time it takes.
    secret: Output<Sha256>,
    /// One delivery at a time, in the order in which they come.
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    memory: Memory,
    untaken: bool,
}

/// Listens until `stop`, and sees to it that Telegram knows where. The webhook stays set: Telegram keeps what comes
/// meanwhile.
pub(super) async fn receive(
    bot: &Arc<Telegram>,
    config: &WebhookConfig,
    me: &Me,
    host: &Arc<dyn Host>,
    stop: &Stop,
    mut trouble: Trouble<'_>,
) -> Result<(), PlatformError> {
    let Some(secret) = &bot.secret else { return Err(PlatformError::Other("a webhook without a secret".into())) };
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(|error| {
        PlatformError::Other(format!("cannot listen on {} for the webhook: {error}", config.listen))
    })?;
    bot.listening.send_replace(listener.local_addr().ok());
    info!(account = %bot.account, listen = %config.listen, url = config.url, "the webhook listens");
    let desk = Desk {
        bot: Arc::clone(bot),
        me: me.clone(),
        host: Arc::clone(host),
        secret: Sha256::digest(secret.expose_secret()),
        line: Mutex::default(),
    };
    let app = Router::new().fallback(take).with_state(Arc::new(desk));
    let mut listening = JoinSet::new();
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    listening.spawn(serving.into_future());
    let ended = stop.run_until_cancelled(look_after(bot, config, secret, &mut trouble)).await;
    if let Some(Err(refused)) = ended {
        return Err(refused);
    }
    // A commit under way ends by itself; somebody who only holds the line is not waited for.
    timeout(LAST, listening.join_next()).await.ok();
    Ok(())
}

/// Sets the webhook, and looks now and then whether it is still ours and reached. Ends when Telegram refuses the account.
async fn look_after(
    bot: &Telegram,
    config: &WebhookConfig,
    secret: &SecretString,
    trouble: &mut Trouble<'_>,
) -> Result<(), PlatformError> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(default)]
        url: String,
        #[serde(default)]
        pending_update_count: u64,
        last_error_date: Option<i64>,
        #[serde(default)]
        last_error_message: String,
    }
    set(bot, config, secret, trouble).await?;
    trouble.over();
    let mut last_error = None;
    loop {
        sleep(Duration::from_secs(bot.config.poll_timeout_s)).await;
        let info = match bot.api.call::<Info>("getWebhookInfo", &json!({})).await {
            Ok(info) => info,
            Err(error) => {
                sleep(trouble.with_api(&error)?).await;
                continue;
            }
        };
        if info.url != config.url {
            trouble.tell(TAKEN, "the webhook was changed or deleted; setting it again");
            set(bot, config, secret, trouble).await?;
        } else if info.pending_update_count == 0 {
            trouble.over();
        } else if info.last_error_date > last_error {
            last_error = info.last_error_date;
            trouble.tell(UNREACHED, &info.last_error_message);
        }
    }
}

async fn set(
    bot: &Telegram,
    config: &WebhookConfig,
    secret: &SecretString,
    trouble: &mut Trouble<'_>,
) -> Result<(), PlatformError> {
    let body = json!({
        "url": config.url, "secret_token": secret.expose_secret(), "max_connections": 1, "allowed_updates": KINDS,
    });
    while let Err(error) = bot.api.call::<bool>("setWebhook", &body).await {
        if let ApiError::Said { code: 400, description, .. } = &error {
            return Err(PlatformError::Refused(format!("{description}: check `url` of the webhook")));
        }
        sleep(trouble.with_api(&error)?).await;
    }
    Ok(())
}

/// One delivery.
async fn take(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !desk.is_telegram(&head.headers) {
        return desk.refuse(StatusCode::UNAUTHORIZED, "without the secret");
    }
    let Some(update) = read(body).await else {
        return desk.refuse(StatusCode::BAD_REQUEST, "no update, or one that is too long");
    };
    let mut line = desk.line.lock().await;
    let Some(batch) = Batch::new(&[update], &desk.me, &mut line.memory) else { return StatusCode::OK.into_response() };
    match desk.host.accept(batch.inbound.clone(), None).await {
        Ok(()) => {}
        Err(error) => {
            // It comes again, and must be as new then as it is now.
            line.memory = Memory::default();
            desk.tell(&mut line, Some(&error));
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    desk.tell(&mut line, None);
    batch.count(&desk.bot);
    // The waiting mark is taken off the button by the answer itself.
    let answer =
        |id: &String| Json(json!({ "method": "answerCallbackQuery", "callback_query_id": id })).into_response();
    batch.pressed.first().map_or_else(|| StatusCode::OK.into_response(), answer)
}

/// The update of a request.
async fn read(body: Body) -> Option<(i64, Box<RawValue>)> {
    let bytes = timeout(BODY, to_bytes(body, MAX_BODY)).await.ok()?.ok()?;
    numbered(serde_json::from_slice(&bytes).ok()?)
}

impl Desk {
    fn is_telegram(&self, headers: &HeaderMap) -> bool {
        headers.get(SECRET).is_some_and(|shown| Sha256::digest(shown.as_bytes()) == self.secret)
    }

    fn refuse(&self, status: StatusCode, why: &'static str) -> Response {
        debug!(account = %self.bot.account, why, "a request at the webhook was refused");
        metrics::counter!("townkeeper_telegram_webhook_refused_total", "account" => self.bot.account.0.clone())
            .increment(1);
        status.into_response()
    }

    /// Tells the daemon that it takes nothing, or takes again; once.
    fn tell(&self, line: &mut Line, error: Option<&HostError>) {
        let store = error.filter(|error| !matches!(error, HostError::Stopping));
        match (store, line.untaken) {
            (Some(error), false) => {
                warn!(account = %self.bot.account, %error, "{UNTAKEN}; Telegram brings them again");
                self.host.trouble(Some(UNTAKEN));
                line.untaken = true;
            }
            (None, true) if error.is_none() => {
                info!(account = %self.bot.account, "receiving again");
                self.host.trouble(None);
                line.untaken = false;
            }
            _ => {}
        }
    }
}
