//! A request of the fake Bot API from its bytes to its answer, with what is to go wrong in between.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{Bot, Bots, Fault, Refusal};

pub(super) async fn handle(Shared(bots): Shared<Bots>, uri: Uri, body: Bytes) -> Response {
    if let Some((token, path)) = uri.path().strip_prefix("/file/bot").and_then(|rest| rest.split_once('/')) {
        let bot = bots.read().expect("nobody panics here").get(token).cloned();
        return match bot.filter(|bot| !bot.state.borrow().revoked) {
            Some(bot) => bot.download(path),
            None => answer(Err(Refusal::new(401, "Unauthorized"))),
        };
    }
    let Some((token, method)) = uri.path().strip_prefix("/bot").and_then(|rest| rest.rsplit_once('/')) else {
        return answer(Err(Refusal::new(404, "Not Found")));
    };
    // Methods are named in any case; some libraries begin them with a capital.
    let method = &*match method.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_lowercase() + rest,
        None => String::new(),
    };
    let bot = bots.read().expect("nobody panics here").get(token).cloned();
    let Some(bot) = bot.filter(|bot| !bot.state.borrow().revoked) else {
        return answer(Err(Refusal::new(401, "Unauthorized")));
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(json!({}));
    let (fault, allowed) = bot.change(|s| {
        let fault = s.called(method, &body);
        let allowed = s.limits.check(method, &body);
        if let Some(Fault::TooMany { retry_after }) = fault {
            s.limits.told(method, &body, retry_after);
        }
        (fault, allowed)
    });
    match &fault {
        Some(Fault::TooMany { retry_after }) => return answer(Err(Refusal::too_many(*retry_after))),
        Some(Fault::Refuse { code, description }) => return answer(Err(Refusal::new(*code, description))),
        Some(Fault::Garbage { status, body }) => return (status_code(*status), body.clone()).into_response(),
        Some(Fault::DropRequest) => hang_up(),
        _ => {}
    }
    let reply = match allowed {
        Err(refusal) => Err(refusal),
        Ok(()) if method == "getUpdates" => get_updates(&bot, &body).await,
        Ok(()) => bot.change(|s| s.call(method, &body)),
    };
    match fault {
        Some(Fault::DropResponse) => hang_up(),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::SlowBody) => slow(),
        _ => answer(reply),
    }
}

/// Ends the connection's task, and with it the connection, without an answer and without a panic message.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the fake hangs up"))
}

fn slow() -> Response {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    Body::from_stream(first.chain(stream::pending())).into_response()
}

fn status_code(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status code")
}

fn answer(reply: Result<Value, Refusal>) -> Response {
    let (code, body) = match reply {
        Ok(result) => (200, json!({ "ok": true, "result": result })),
        Err(Refusal { code, description, parameters }) => {
            let mut body = json!({ "ok": false, "error_code": code, "description": description });
            if let Some(parameters) = parameters {
                body["parameters"] = parameters;
            }
            (code, body)
        }
    };
    (status_code(code), [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Takes its place among the held polls while it lives.
struct Held<'a>(&'a Bot);

impl<'a> Held<'a> {
    fn new(bot: &'a Bot) -> Self {
        bot.change(|s| s.held += 1);
        Self(bot)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.change(|s| s.held -= 1);
    }
}

/// Forgets what the offset confirms, then waits for updates, its time-out, or a younger poll that ends this one.
async fn get_updates(bot: &Bot, body: &Value) -> Result<Value, Refusal> {
    let limit = usize::try_from(body["limit"].as_u64().unwrap_or(100)).unwrap_or(100).clamp(1, 100);
    let timeout = Duration::from_secs(body["timeout"].as_u64().unwrap_or(0));
    if bot.state.borrow().webhook.is_some() {
        let words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the \
                     webhook first";
        return Err(Refusal::new(409, words));
    }
    let mine = bot.change(|s| {
        s.confirm(body["offset"].as_i64().unwrap_or(0));
        s.polls += 1;
        s.polls
    });
    let updates = tokio::time::timeout(timeout, first_updates(bot, body, mine, limit)).await;
    // Running out of time is an answer too: an empty one.
    let updates = updates.unwrap_or_default();
    let state = bot.state.borrow();
    if state.revoked {
        return Err(Refusal::new(401, "Unauthorized"));
    }
    if state.polls != mine {
        let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
        return Err(Refusal::new(409, words));
    }
    Ok(Value::Array(updates.into()))
}

async fn first_updates(bot: &Bot, body: &Value, mine: u64, limit: usize) -> VecDeque<Value> {
    let _held = Held::new(bot);
    let mut watcher = bot.state.subscribe();
    loop {
        let fact = watcher.wait_for(|s| s.polls != mine || s.revoked || !s.updates.is_empty()).await;
        let ours = fact.expect("the state outlives its server");
        if ours.polls != mine || ours.revoked {
            return VecDeque::new();
        }
        drop(ours);
        let updates: VecDeque<Value> = bot.change(|s| {
            s.only(&body["allowed_updates"]);
            s.updates.iter().take(limit).cloned().collect()
        });
        if !updates.is_empty() {
            return updates;
        }
    }
}
