//! A Telegram Bot API on the loopback, written from the public documentation: updates and their offset, one poller at
//! a time, a webhook, message checks, moderation, limits, and faults on demand. One server holds as many bots as asked.
//!
//! State is plain data, one `watch` cell for each bot, so that a test waits for a fact instead of sleeping.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod chats;
mod files;
mod limits;
mod methods;
mod people;
mod state;
mod webhook;
mod wire;

pub use limits::Limits;
use state::State;

/// The first bot's own id at this server; each further one has the next.
pub const BOT_ID: i64 = 7_000_000_001;
/// The first bot's own user name, without the `@`.
pub const BOT_USERNAME: &str = "lumen_keeper_bot";

/// What goes wrong, once, with the next call of a method.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429 with `parameters.retry_after` in seconds; nothing happens. A further call of the method for the same chat
    /// before that is over counts as [`Bot::too_early`].
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

/// The bots by their tokens.
type Bots = Arc<RwLock<BTreeMap<String, Bot>>>;

/// A running server; it stops listening when dropped. What can be asked of a bot can be asked of it: that is its first.
#[derive(Debug)]
pub struct TelegramServer {
    first: Bot,
    bots: Bots,
    base_url: String,
    /// Aborted when dropped.
    tasks: Mutex<JoinSet<()>>,
}

/// One bot of a server.
#[derive(Clone, Debug)]
pub struct Bot {
    state: Arc<watch::Sender<State>>,
}

impl Deref for TelegramServer {
    type Target = Bot;

    fn deref(&self) -> &Bot {
        &self.first
    }
}

impl TelegramServer {
    /// Listens on a free port of 127.0.0.1 and knows one bot, by this token.
    pub async fn start(token: &str) -> Self {
        let bots = Bots::default();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let app = Router::new().fallback(wire::handle).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&bots));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            axum::serve(listener, app).await.expect("the loopback server runs until it is dropped");
        });
        let first = Bot::new(BOT_ID, BOT_USERNAME);
        let server =
            Self { first: first.clone(), bots, base_url: format!("http://{address}"), tasks: Mutex::new(tasks) };
        server.put(token, first);
        server
    }

    /// A further bot.
    pub fn add_bot(&self, token: &str) -> Bot {
        let n = self.bots.read().expect("nobody panics here").len();
        let bot = Bot::new(BOT_ID + i64::try_from(n).expect("few bots"), &format!("lumen_keeper_{n}_bot"));
        self.put(token, bot.clone());
        bot
    }

    fn put(&self, token: &str, bot: Bot) {
        self.tasks.lock().expect("nobody panics here").spawn(webhook::deliver(bot.clone()));
        self.bots.write().expect("nobody panics here").insert(token.to_owned(), bot);
    }

    /// `http://127.0.0.1:<port>`: what stands in for `https://api.telegram.org`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Bot {
    fn new(id: i64, username: &str) -> Self {
        Self { state: Arc::new(watch::Sender::new(State::new(id, username))) }
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

    /// From now on the token is nobody's: 401 for everything, a held poll among it.
    pub fn revoke(&self) {
        self.change(|s| s.revoked = true);
    }

    /// Keeps only so many of the last calls and messages, for runs that would fill the memory; counts go on.
    pub fn keep_last(&self, n: usize) {
        self.change(|s| {
            s.kept = n;
            s.trim();
        });
    }

    /// The limits from now on; none at first.
    pub fn limit(&self, limits: Limits) {
        self.change(|s| s.limits.set(limits));
    }

    /// Lets this much time pass for limits and waits.
    pub fn pass(&self, time: Duration) {
        self.change(|s| s.limits.pass(time));
    }

    /// Calls that came before a `retry_after` was over.
    pub fn too_early(&self) -> u64 {
        self.state.borrow().limits.too_early
    }

    /// The messages the bot made, oldest first: all of them, or those that [`Self::keep_last`] left.
    pub fn sent(&self) -> Vec<SentMessage> {
        self.state.borrow().sent.iter().cloned().collect()
    }

    /// How many messages were ever taken.
    pub fn sent_count(&self) -> usize {
        self.state.borrow().sent_count
    }

    /// Waits until at least `n` messages were taken; returns them all.
    pub async fn wait_sent(&self, n: usize) -> Vec<SentMessage> {
        self.wait(|s| s.sent_count >= n).await;
        self.sent()
    }

    /// Waits until at least `n` messages were taken, and copies none of them.
    pub async fn wait_sent_count(&self, n: usize) {
        self.wait(|s| s.sent_count >= n).await;
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

    /// How often `method` was ever called.
    pub fn call_count(&self, method: &str) -> usize {
        self.state.borrow().counts.get(method).copied().unwrap_or(0)
    }

    /// Waits until `method` was called at least `n` times; returns those calls.
    pub async fn wait_calls(&self, method: &str, n: usize) -> Vec<Call> {
        self.wait(|s| s.counts.get(method).is_some_and(|count| *count >= n)).await;
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

    /// Waits until no update is left.
    pub async fn wait_drained(&self) {
        self.wait(|s| s.updates.is_empty()).await;
    }

    async fn wait(&self, fact: impl FnMut(&State) -> bool) {
        self.state.subscribe().wait_for(fact).await.expect("the state outlives its server");
    }

    /// Changes the state and wakes everyone who waits for a fact about it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut out = None;
        self.state.send_modify(|s| out = Some(change(s)));
        out.expect("send_modify runs its closure")
    }
}

#[expect(clippy::disallowed_methods, reason = "a stand-in for a server has a clock of its own")]
fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

fn chat_json(id: i64) -> Value {
    if id < 0 {
        json!({ "id": id, "type": "supergroup", "title": "Lumen" })
    } else {
        json!({ "id": id, "type": "private", "first_name": format!("Person {id}") })
    }
}

/// An error answer: status, description, and what may help the caller.
struct Refusal {
    code: u16,
    description: String,
    parameters: Option<Value>,
}

impl Refusal {
    fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), parameters: None }
    }

    fn bad(description: &str) -> Self {
        Self::new(400, &format!("Bad Request: {description}"))
    }

    fn too_many(retry_after: u64) -> Self {
        let mut refusal = Self::new(429, &format!("Too Many Requests: retry after {retry_after}"));
        refusal.parameters = Some(json!({ "retry_after": retry_after }));
        refusal
    }
}

/// Queued faults of one method.
type Faults = BTreeMap<String, VecDeque<Fault>>;
