//! A Discord on the loopback, written from the public documentation: the gateway with its sessions and resumes, the
//! REST calls a bot of ours makes with their rate limits, interactions, and faults on demand.
//!
//! State is plain data in one `watch` cell, so that a test waits for a fact instead of sleeping.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

mod attachments;
mod dispatch;
mod gateway;
mod guilds;
mod history;
mod interactions;
mod limits;
mod mentions;
mod messages;
mod people;
mod permissions;
mod rest;
mod routes;
mod shapes;
mod state;
mod storm;

pub use state::{
    Ban, Call, Channel, Connection, DiscordState, Download, Guild, Heartbeat, Identify, Interaction, Message, Resume,
    Session,
};
pub use storm::Storm;

/// `MESSAGE_CONTENT`, the intent that shows what people write.
pub const MESSAGE_CONTENT: u64 = 1 << 15;
/// `GUILD_MEMBERS`.
pub const GUILD_MEMBERS: u64 = 1 << 1;
/// `GUILD_PRESENCES`.
pub const GUILD_PRESENCES: u64 = 1 << 8;

/// A bot the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscordBot {
    /// Without the word `Bot`.
    pub token: String,
    pub user_id: u64,
    pub application_id: u64,
    pub username: String,
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum DiscordFault {
    /// 429; nothing happens. Calls of the same bucket before the time is over are refused and counted. The scope is
    /// `user`, `global` or `shared`.
    TooMany { retry_after_s: f64, global: bool, scope: &'static str },
    /// An error answer `{code, message}`; nothing happens.
    Refuse { status: u16, code: u64, message: String },
    /// This status and this body instead of the API's own answer; nothing happens.
    Garbage { status: u16, body: String },
    /// It happens, and the connection closes without an answer.
    DropResponse,
    /// It does not happen, and the connection closes without an answer.
    DropRequest,
    /// It happens, and the answer never begins.
    Stall,
}

/// What the server is set to; see [`DiscordServer::tune`].
#[derive(Clone, Debug)]
pub struct DiscordOptions {
    /// What HELLO asks for, in ms.
    pub heartbeat_interval_ms: u64,
    /// Calls kept in the state, newest last; 0 keeps none.
    pub keep_calls: usize,
    /// Messages kept per channel; older ones are unknown.
    pub keep_messages: usize,
    /// Dispatches a session can get again by RESUME.
    pub keep_dispatches: usize,
    /// Requests of a bot a second; none: no global limit.
    pub global_per_s: Option<u32>,
    /// Requests of a bucket per window in ms, for routes without a limit of their own.
    pub route_limit: (u32, u64),
    /// `session_start_limit.remaining` at the start; every IDENTIFY takes one.
    pub session_starts: u32,
    /// How long a session without a connection can be resumed, in ms.
    pub resume_window_ms: u64,
    /// How long a nonce is remembered, in ms: «the past few minutes».
    pub nonce_ms: u64,
}

impl Default for DiscordOptions {
    fn default() -> Self {
        Self {
            heartbeat_interval_ms: 41_250,
            keep_calls: 10_000,
            keep_messages: 100_000,
            keep_dispatches: 5_000,
            global_per_s: Some(50),
            route_limit: (1000, 1000),
            session_starts: 1000,
            resume_window_ms: 180_000,
            nonce_ms: 300_000,
        }
    }
}

/// Everything the server knows: what tests see, and what only it needs.
#[derive(Debug, Default)]
pub(crate) struct State {
    data: DiscordState,
    options: DiscordOptions,
    /// `127.0.0.1:<port>`.
    address: String,
    /// The server is gone: connections still open are cut.
    stopped: bool,
    /// How far its clock was set forward, in ms.
    ahead_ms: u64,
    last_id: u64,
    lines: BTreeMap<u64, gateway::Line>,
    last_line: u64,
    last_session: u64,
    /// Privileged intents a bot may not ask for, by user id.
    withheld: BTreeMap<u64, u64>,
    /// Session starts used, by user id.
    starts: BTreeMap<u64, u32>,
    /// People who accept no direct messages.
    shut: Vec<u64>,
    /// Messages by author and nonce.
    nonces: BTreeMap<(u64, String), (u64, u64)>,
    faults: BTreeMap<String, VecDeque<DiscordFault>>,
    /// What goes wrong with every call, until mended.
    broken: BTreeMap<String, DiscordFault>,
    limits: limits::Limits,
    /// What people attached, by path.
    attached: BTreeMap<String, Vec<u8>>,
}

type Shared = Arc<watch::Sender<State>>;

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct DiscordServer {
    state: Shared,
    address: SocketAddr,
    /// Aborted when dropped.
    _listening: JoinSet<()>,
}

impl Drop for DiscordServer {
    fn drop(&mut self) {
        self.change(|s| {
            s.stopped = true;
            s.lines.clear();
        });
    }
}

impl DiscordServer {
    /// Listens on a free port of 127.0.0.1 and knows these bots, in no guild yet.
    pub async fn start(bots: &[DiscordBot]) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let mut state = State { address: address.to_string(), ..State::default() };
        state.data.bots = bots.iter().map(|bot| (bot.user_id, bot.clone())).collect();
        let state = Arc::new(watch::Sender::new(state));
        let app = Router::new()
            .route("/gateway", any(gateway::upgrade))
            .route("/gateway/", any(gateway::upgrade))
            .route("/resume", any(gateway::upgrade))
            .route("/resume/", any(gateway::upgrade))
            .route("/attachments/{*file}", get(attachments::download))
            .fallback(rest::handle)
            .with_state(Arc::clone(&state));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            axum::serve(listener, app).await.expect("the loopback server runs until it is dropped");
        });
        Self { state, address, _listening: listening }
    }

    /// `http://127.0.0.1:<port>/api/v10`: what stands in for `https://discord.com/api/v10`.
    pub fn api_base(&self) -> String {
        format!("http://{}/api/v10", self.address)
    }

    /// `ws://127.0.0.1:<port>/gateway`, also what `GET /gateway` answers. `resume_gateway_url` ends in `/resume`.
    pub fn gateway_url(&self) -> String {
        format!("ws://{}/gateway", self.address)
    }

    /// Changes the options; what is under way keeps the old ones.
    pub fn tune(&self, change: impl FnOnce(&mut DiscordOptions)) {
        self.change(|s| change(&mut s.options));
    }

    /// Gives the buckets of a route this limit per window in ms.
    pub fn limit(&self, route: &str, limit: u32, window_ms: u64) {
        assert!(routes::exists(route), "no such route: {route}");
        self.change(|s| s.limits.set(route, limit, window_ms));
    }

    /// Sets the server's clock forward: interactions expire, limits reset, time-outs end.
    pub fn advance(&self, by: Duration) {
        self.change(|s| s.ahead_ms += u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 2));
    }

    /// Privileged intents this bot was not given: asking for one closes with 4014.
    pub fn withhold_intents(&self, bot: u64, intents: u64) {
        self.change(|s| s.withheld.insert(bot, intents));
    }

    /// Makes the next call of `route` go wrong; several queue up, one call each. `*` is any route.
    pub fn fault(&self, route: &str, fault: DiscordFault) {
        assert!(routes::exists(route), "no such route: {route}");
        self.change(|s| s.faults.entry(route.to_owned()).or_default().push_back(fault));
    }

    /// Makes every call of `route` go wrong, until [`Self::mend`]. `*` is any route.
    pub fn break_route(&self, route: &str, fault: DiscordFault) {
        assert!(routes::exists(route), "no such route: {route}");
        self.change(|s| s.broken.insert(route.to_owned(), fault));
    }

    /// The end of [`Self::break_route`].
    pub fn mend(&self, route: &str) {
        self.change(|s| s.broken.remove(route));
    }

    /// Closes every gateway connection with this code; 1006 cuts it without a close frame.
    pub fn close_sessions(&self, code: u16) {
        self.change(|s| s.close_all(code));
    }

    /// RECONNECT (op 7) to every connection.
    pub fn reconnect(&self) {
        self.send_raw(r#"{"op":7,"d":null,"s":null,"t":null}"#);
    }

    /// INVALID_SESSION (op 9) to every connection.
    pub fn invalidate(&self, resumable: bool) {
        self.change(|s| s.invalidate(resumable));
    }

    /// Asks every connection for a heartbeat (op 1).
    pub fn ask_heartbeat(&self) {
        self.send_raw(r#"{"op":1,"d":null,"s":null,"t":null}"#);
    }

    /// On: connections open now get nothing any more, and no heartbeat is acknowledged; new ones work. What a session
    /// misses is kept for RESUME. Off: they get what comes from now on.
    pub fn mute(&self, on: bool) {
        self.change(|s| s.mute(on));
    }

    /// Sends this text to every connection as it is.
    pub fn send_raw(&self, text: &str) {
        self.change(|s| s.send_raw(text));
    }

    /// Waits until the fact is so.
    pub async fn wait(&self, mut fact: impl FnMut(&DiscordState) -> bool) {
        self.state.subscribe().wait_for(|s| fact(&s.data)).await.expect("the state outlives its server");
    }

    /// A copy of everything known now.
    pub fn state(&self) -> DiscordState {
        self.state.borrow().data.clone()
    }

    /// Looks at the state without copying it.
    pub fn look<T>(&self, at: impl FnOnce(&DiscordState) -> T) -> T {
        at(&self.state.borrow().data)
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

impl State {
    /// The server's clock, in ms since the Unix epoch.
    fn now_ms(&self) -> u64 {
        state::wall_ms() + self.ahead_ms
    }

    /// The next snowflake: of the server's time, and always larger than the last.
    fn next_id(&mut self) -> u64 {
        let now = self.now_ms().saturating_sub(state::DISCORD_EPOCH_MS) << 22;
        self.last_id = now.max(self.last_id + 1);
        self.last_id
    }
}

/// The queue to a connection's task.
type Queue = mpsc::UnboundedSender<gateway::Out>;

/// `{op, d}` as a frame.
fn frame(op: u8, data: &Value) -> String {
    json!({ "op": op, "d": data, "s": null, "t": null }).to_string()
}
