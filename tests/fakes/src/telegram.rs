//! A Telegram Bot API on the loopback, written from the public documentation: updates and their offset, one poller at
//! a time, message checks, and faults on demand.
//!
//! State is plain data in one `watch` cell, so that a test waits for a fact instead of sleeping.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod methods;

/// The bot's own id at this server.
pub const BOT_ID: i64 = 7_000_000_001;
/// The bot's own user name, without the `@`.
pub const BOT_USERNAME: &str = "lumen_keeper_bot";

/// What goes wrong, once, with the next call of a method.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429 with `parameters.retry_after` in seconds; nothing happens.
    TooMany { retry_after: u64 },
    /// An error answer as the Bot API words it; nothing happens.
    Refuse { code: u16, description: String },
    /// This status and this body instead of the API's own answer; nothing happens.
    Garbage { status: u16, body: String },
    /// It happens, and the connection closes without an answer.
    DropResponse,
    /// It does not happen, and the connection closes without an answer.
    DropRequest,
    /// It happens, and the answer never begins.
    Stall,
    /// It happens, and the answer stops after its first byte.
    SlowBody,
}

/// A message of the bot as people see it now: an edit changes it, a delete marks it.
#[derive(Clone, Debug)]
pub struct SentMessage {
    pub message_id: i64,
    pub chat_id: i64,
    pub text: String,
    /// The entities as sent.
    pub entities: Vec<Value>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    pub deleted: bool,
    /// When the server took it.
    pub at: Instant,
    /// The whole request.
    pub body: Value,
}

/// One request, whatever became of it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method as the documentation spells it (`sendMessage`).
    pub method: String,
    pub body: Value,
    pub at: Instant,
}

/// Everything the server knows.
#[derive(Debug, Default)]
pub(crate) struct State {
    token: String,
    /// The identifier of the next update.
    next_update: i64,
    updates: VecDeque<Value>,
    /// The largest offset a poller has confirmed with.
    confirmed: i64,
    /// Counts polls: an older one that still waits is refused with 409.
    polls: u64,
    /// Polls that are waiting for an update right now.
    held: usize,
    /// The last identifier given to any message.
    last_message: i64,
    /// Messages people wrote, as (chat, message).
    heard: Vec<(i64, i64)>,
    sent: Vec<SentMessage>,
    /// Identifiers of pressed buttons that wait for `answerCallbackQuery`.
    callbacks: Vec<String>,
    calls: Vec<Call>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    /// What goes wrong with every call, until mended.
    broken: BTreeMap<String, Fault>,
}

/// A running server; it stops listening when dropped.
#[derive(Debug)]
pub struct TelegramServer {
    state: Arc<watch::Sender<State>>,
    base_url: String,
    /// Aborted when dropped.
    _listening: JoinSet<()>,
}

impl TelegramServer {
    /// Listens on a free port of 127.0.0.1 and knows one bot, by this token.
    pub async fn start(token: &str) -> Self {
        let state = State { token: token.to_owned(), next_update: 900_000_001, ..State::default() };
        let state = Arc::new(watch::Sender::new(state));
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let app = Router::new().fallback(handle).with_state(Arc::clone(&state));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            axum::serve(listener, app).await.expect("the loopback server runs until it is dropped");
        });
        Self { state, base_url: format!("http://{address}"), _listening: listening }
    }

    /// `http://127.0.0.1:<port>`: what stands in for `https://api.telegram.org`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A person writes. Chats with a negative id are supergroups, others are private. Commands and @mentions are
    /// marked as entities, as Telegram does. Returns the update's id.
    pub fn push_message(&self, chat: i64, from: i64, text: &str) -> i64 {
        let message_id = self.change(|s| s.hear(chat));
        self.push_update(json!({ "message": {
            "message_id": message_id, "date": now_s(), "chat": chat_json(chat), "from": person_json(from),
            "text": text, "entities": methods::entities_in(text),
        }}))
    }

    /// A person presses a button below the bot's message. Returns the update's id.
    pub fn push_callback(&self, chat: i64, from: i64, message_id: i64, data: &str) -> i64 {
        let id = self.change(|s| {
            let id = format!("callback-{}", s.next_update);
            s.callbacks.push(id.clone());
            id
        });
        self.push_update(json!({ "callback_query": {
            "id": id, "from": person_json(from), "chat_instance": "1", "data": data,
            "message": { "message_id": message_id, "date": now_s(), "chat": chat_json(chat), "text": "…" },
        }}))
    }

    /// Queues any update; `update_id` is filled in and returned.
    pub fn push_update(&self, mut update: Value) -> i64 {
        self.change(|s| {
            let id = s.next_update;
            s.next_update += 1;
            update["update_id"] = json!(id);
            s.updates.push_back(update);
            id
        })
    }

    /// Makes the next call of `method` go wrong; several queue up, one call each.
    pub fn fault(&self, method: &str, fault: Fault) {
        self.change(|s| s.faults.entry(method.to_owned()).or_default().push_back(fault));
    }

    /// Makes every call of `method` go wrong, until [`Self::mend`].
    pub fn break_down(&self, method: &str, fault: Fault) {
        self.change(|s| s.broken.insert(method.to_owned(), fault));
    }

    /// The end of [`Self::break_down`].
    pub fn mend(&self, method: &str) {
        self.change(|s| s.broken.remove(method));
    }

    /// Every message the bot made, oldest first.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.state.borrow().sent.clone()
    }

    /// Waits until at least `n` messages were taken; returns them all.
    pub async fn wait_sent(&self, n: usize) -> Vec<SentMessage> {
        self.wait(|s| s.sent.len() >= n).await;
        self.sent()
    }

    /// Waits until there is a message like this, as people see it then.
    pub async fn wait_message(&self, fact: impl Fn(&SentMessage) -> bool) -> SentMessage {
        let mut found = None;
        self.wait(|s| {
            found = s.sent.iter().find(|m| fact(m)).cloned();
            found.is_some()
        })
        .await;
        found.expect("it was waited for")
    }

    /// Every request of `method`, oldest first, faulted ones too.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.state.borrow().calls.iter().filter(|c| c.method == method).cloned().collect()
    }

    /// Waits until `method` was called at least `n` times; returns those calls.
    pub async fn wait_calls(&self, method: &str, n: usize) -> Vec<Call> {
        self.wait(|s| s.calls.iter().filter(|c| c.method == method).count() >= n).await;
        self.calls(method)
    }

    /// The offset the poller has confirmed with: every update below it is forgotten. 0 before the first.
    pub fn confirmed(&self) -> i64 {
        self.state.borrow().confirmed
    }

    /// Waits until updates up to and including `update_id` are confirmed.
    pub async fn wait_confirmed(&self, update_id: i64) {
        self.wait(|s| s.confirmed > update_id).await;
    }

    /// Waits until exactly `n` polls are being held open.
    pub async fn wait_held(&self, n: usize) {
        self.wait(|s| s.held == n).await;
    }

    /// Updates not confirmed yet.
    pub fn pending(&self) -> usize {
        self.state.borrow().updates.len()
    }

    async fn wait(&self, fact: impl FnMut(&State) -> bool) {
        self.state.subscribe().wait_for(fact).await.expect("the state outlives its server");
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        alter(&self.state, change)
    }
}

/// Changes the state and wakes everyone who waits for a fact about it.
fn alter<T>(state: &watch::Sender<State>, change: impl FnOnce(&mut State) -> T) -> T {
    let mut out = None;
    state.send_modify(|s| out = Some(change(s)));
    out.expect("send_modify runs its closure")
}

#[expect(clippy::disallowed_methods, reason = "a stand-in for a server has a clock of its own")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn chat_json(id: i64) -> Value {
    if id < 0 {
        json!({ "id": id, "type": "supergroup", "title": "Lumen" })
    } else {
        json!({ "id": id, "type": "private", "first_name": format!("Person {id}") })
    }
}

fn person_json(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": "Person", "last_name": id.to_string() })
}

/// An error answer: status and description.
pub(crate) struct Refusal(u16, String);

impl Refusal {
    pub(crate) fn bad(description: &str) -> Self {
        Self(400, format!("Bad Request: {description}"))
    }
}

async fn handle(Shared(state): Shared<Arc<watch::Sender<State>>>, uri: Uri, body: Bytes) -> Response {
    let Some((token, method)) = uri.path().strip_prefix("/bot").and_then(|rest| rest.rsplit_once('/')) else {
        return answer(Err(Refusal(404, "Not Found".into())));
    };
    if state.borrow().token != token {
        return answer(Err(Refusal(401, "Unauthorized".into())));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or(json!({}));
    let fault = alter(&state, |s| {
        s.calls.push(Call { method: method.to_owned(), body: body.clone(), at: Instant::now() });
        s.faults.get_mut(method).and_then(VecDeque::pop_front).or_else(|| s.broken.get(method).cloned())
    });
    match &fault {
        Some(Fault::TooMany { retry_after }) => return too_many(*retry_after),
        Some(Fault::Refuse { code, description }) => return answer(Err(Refusal(*code, description.clone()))),
        Some(Fault::Garbage { status, body }) => return (status_code(*status), body.clone()).into_response(),
        Some(Fault::DropRequest) => hang_up(),
        _ => {}
    }
    let reply = if method == "getUpdates" {
        get_updates(&state, &body).await
    } else {
        alter(&state, |s| s.call(method, &body))
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
    match reply {
        Ok(result) => respond(200, &json!({ "ok": true, "result": result })),
        Err(Refusal(code, description)) => {
            respond(code, &json!({ "ok": false, "error_code": code, "description": description }))
        }
    }
}

fn too_many(retry_after: u64) -> Response {
    let description = format!("Too Many Requests: retry after {retry_after}");
    let parameters = json!({ "retry_after": retry_after });
    respond(429, &json!({ "ok": false, "error_code": 429, "description": description, "parameters": parameters }))
}

fn respond(code: u16, body: &Value) -> Response {
    (status_code(code), [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Takes its place among the held polls while it lives.
struct Held<'a>(&'a watch::Sender<State>);

impl<'a> Held<'a> {
    fn new(state: &'a watch::Sender<State>) -> Self {
        alter(state, |s| s.held += 1);
        Self(state)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        alter(self.0, |s| s.held -= 1);
    }
}

/// Forgets what the offset confirms, then waits for updates, its time-out, or a younger poll that ends this one.
async fn get_updates(state: &watch::Sender<State>, body: &Value) -> Result<Value, Refusal> {
    let limit = usize::try_from(body["limit"].as_u64().unwrap_or(100)).unwrap_or(100).clamp(1, 100);
    let timeout = Duration::from_secs(body["timeout"].as_u64().unwrap_or(0));
    let mine = alter(state, |s| {
        s.confirm(body["offset"].as_i64().unwrap_or(0));
        s.polls += 1;
        s.polls
    });
    let held = Held::new(state);
    let mut watcher = state.subscribe();
    let fact = watcher.wait_for(|s| s.polls != mine || !s.updates.is_empty());
    // Running out of time is an answer too: an empty one.
    tokio::time::timeout(timeout, fact).await.map(drop).ok();
    drop(held);
    let state = state.borrow();
    if state.polls != mine {
        let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
        return Err(Refusal(409, words.into()));
    }
    Ok(state.updates.iter().take(limit).cloned().collect())
}

impl State {
    /// A person's message takes the next identifier.
    fn hear(&mut self, chat: i64) -> i64 {
        self.last_message += 1;
        self.heard.push((chat, self.last_message));
        self.last_message
    }

    /// Updates below the offset are gone for good. An offset far beyond the newest update is not believed: the
    /// answer then begins at the oldest one, as the published server does. A negative one keeps that many.
    fn confirm(&mut self, offset: i64) {
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            self.updates.drain(..self.updates.len().saturating_sub(keep));
        } else if offset > 0 && offset <= self.next_update + 10 {
            self.updates.retain(|u| u["update_id"].as_i64() >= Some(offset));
            self.confirmed = offset;
        }
    }
}
