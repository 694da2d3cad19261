//! A chat-completions server on the loopback that says what its script says, down to single frames, and remembers what
//! it was asked and when it spoke.
//!
//! Facts can be waited for ([`ModelServer::arrived`], [`ModelServer::dropped`]) and words held back
//! ([`Reply::Gated`]), so that a test never needs to sleep.
#![expect(clippy::expect_used, reason = "a test's tool: what cannot be set up must end the test")]

pub mod embeddings;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use embeddings::{Asked, Embedder};

/// How often a stalled stream sends its comment.
const KEEP_ALIVE: Duration = Duration::from_millis(20);

/// What the model does with one request. `deltas` and `after` are the pieces of text, one frame each.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Says it and stops.
    Text(Vec<String>),
    /// Calls a tool; the next request, with its result, gets the next reply.
    Tool { name: String, args: Value },
    /// The same with arguments as they stand, JSON or not.
    RawTool { name: String, args: String },
    /// Says something, then an error object, then `[DONE]`.
    ErrorMidStream { after: Vec<String> },
    /// Says something, then only keep-alive comments until the client is gone.
    Stall { after: Vec<String> },
    /// Says something, then closes the connection without any terminal.
    Cut { after: Vec<String> },
    /// Says its own system prompt back.
    Echo,
    /// A web page with status 200, as a captive portal would send.
    Html,
    /// This status, these headers and this body; no stream.
    Status { status: u16, headers: Vec<(String, String)>, body: String },
    /// Says it, one piece every `gap`, the first at once.
    Paced { deltas: Vec<String>, gap: Duration },
    /// Says it, each piece after one [`ModelServer::release`].
    Gated(Vec<String>),
}

impl Reply {
    /// Says `text` word by word.
    pub fn text(text: &str) -> Self {
        Self::Text(words(text))
    }

    /// Says `text` word by word, each after a [`ModelServer::release`].
    pub fn gated(text: &str) -> Self {
        Self::Gated(words(text))
    }
}

/// Text cut after each space: the pieces together are the text.
pub fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// Which reply a request gets: the first rule whose words are in the last user message; else the next in the queue;
/// else the standing one; else an HTTP 500 that says so.
#[derive(Clone, Debug, Default)]
pub struct Script {
    rules: Vec<(String, Vec<Reply>)>,
    queue: VecDeque<Reply>,
    standing: Option<Reply>,
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// The same to everyone.
    pub fn always(reply: Reply) -> Self {
        Self { standing: Some(reply), ..Self::default() }
    }

    /// Adds to the queue.
    #[must_use]
    pub fn then(mut self, reply: Reply) -> Self {
        self.queue.push_back(reply);
        self
    }

    /// A rule. The first reply answers the question, the second what follows the first tool call, and so on.
    #[must_use]
    pub fn when(mut self, words: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.rules.push((words.to_owned(), replies.into_iter().collect()));
        self
    }

    fn choose(&mut self, request: &Value) -> Reply {
        let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let asked = messages.iter().rposition(|message| message["role"] == "user");
        let question = asked.and_then(|at| messages[at]["content"].as_str()).unwrap_or_default();
        let after = messages.iter().skip(asked.unwrap_or(0));
        let calls = after.filter(|message| message["tool_calls"].is_array()).count();
        let rule = self.rules.iter().find(|(words, _)| question.contains(words));
        let ruled = rule.and_then(|(_, replies)| replies.get(calls).or(replies.last()).cloned());
        ruled.or_else(|| self.queue.pop_front()).or_else(|| self.standing.clone()).unwrap_or_else(|| Reply::Status {
            status: 500,
            headers: Vec::new(),
            body: r#"{"error":{"message":"the script has no reply for this"}}"#.to_owned(),
        })
    }
}

/// When one piece of text went out.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Which request, counted from 0 as in [`ModelServer::requests`].
    pub request: usize,
    /// Which piece of its answer, from 0.
    pub piece: usize,
    /// Just before the frame was given to the socket.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    requests: Vec<Value>,
    connections: usize,
    dropped: usize,
    embedder: Embedder,
    embedded: Vec<Asked>,
}

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    /// Apart from the state, so that speaking wakes nobody.
    written: Mutex<Vec<Written>>,
    gate: Semaphore,
}

/// A running server; it closes everything when dropped.
#[derive(Debug)]
pub struct ModelServer {
    shared: Arc<Shared>,
    base_url: String,
    /// Aborted when dropped.
    _listening: JoinSet<()>,
}

impl ModelServer {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Self {
        let state = watch::Sender::new(State { script, ..State::default() });
        let shared = Arc::new(Shared { state, written: Mutex::default(), gate: Semaphore::new(0) });
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&shared)));
        Self { shared, base_url: format!("http://{address}/v1"), _listening: listening }
    }

    /// `http://127.0.0.1:<port>/v1`: what stands in `base_url` of a provider.
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// Replaces the script; answers under way go on.
    pub fn set(&self, script: Script) {
        self.shared.state.send_modify(|state| state.script = script);
    }

    /// The bodies of all requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.state.borrow().requests.clone()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.state.borrow().connections
    }

    /// Answers that the client hung up on.
    pub fn connections_dropped(&self) -> usize {
        self.shared.state.borrow().dropped
    }

    /// Lets one held piece of one [`Reply::Gated`] go, now or as soon as one is held.
    pub fn release(&self) {
        self.shared.gate.add_permits(1);
    }

    /// Lets this many held pieces go.
    pub fn release_many(&self, pieces: usize) {
        self.shared.gate.add_permits(pieces);
    }

    /// When each piece of text so far went out, in that order.
    pub fn written(&self) -> Vec<Written> {
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this many requests have arrived since the start.
    pub async fn arrived(&self, requests: usize) {
        self.until(|state| state.requests.len() >= requests).await;
    }

    /// Waits until the client has hung up on this many answers.
    pub async fn dropped(&self, answers: usize) {
        self.until(|state| state.dropped >= answers).await;
    }

    async fn until(&self, fact: impl FnMut(&State) -> bool) {
        self.shared.state.subscribe().wait_for(fact).await.expect("the server lives as long as its handle");
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        shared.state.send_modify(|state| state.connections += 1);
        // An error is the client's hanging up, counted where it matters.
        connections.spawn(async move { serve(socket, shared).await.ok() });
        while connections.try_join_next().is_some() {}
    }
}

/// What becomes of the connection after an answer.
#[derive(PartialEq, Eq)]
enum After {
    Keep,
    Close,
    /// The client hung up before the answer's end.
    HungUp,
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut reader, writer) = socket.into_split();
    let mut speaker = Speaker { writer, shared, request: 0, pieces: 0, wants_usage: false };
    let mut buffer = Vec::new();
    while let Some((line, body)) = request(&mut reader, &mut buffer).await? {
        let vectors = line.starts_with("POST /v1/embeddings ");
        if !vectors && !line.starts_with("POST /v1/chat/completions ") {
            let models = json!({ "object": "list", "data": [{ "id": "fake-model", "object": "model" }] }).to_string();
            let found = line.starts_with("GET /v1/models ");
            speaker.whole(if found { 200 } else { 404 }, &[], "application/json", &models).await?;
            continue;
        }
        let after = if vectors {
            speaker.embed(&body, &mut reader).await
        } else {
            let reply = speaker.begin(&body);
            speaker.answer(reply, &mut reader).await
        };
        // A write that fails is a client that is gone, whatever was to be written.
        let after = after.unwrap_or(After::HungUp);
        if after == After::HungUp {
            speaker.shared.state.send_modify(|state| state.dropped += 1);
        }
        if after != After::Keep {
            break;
        }
    }
    Ok(())
}

/// The next request's first line and body; `None` where the client has closed.
async fn request(reader: &mut OwnedReadHalf, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>)>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = |line: &str| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            };
            let length = head.lines().find_map(length).unwrap_or(0);
            if let Some(body) = buffer.get(end + 4..end + 4 + length).map(<[u8]>::to_vec) {
                buffer.drain(..end + 4 + length);
                return Ok(Some((head.lines().next().unwrap_or_default().to_owned(), body)));
            }
        }
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The writing side of a connection.
struct Speaker {
    writer: OwnedWriteHalf,
    shared: Arc<Shared>,
    /// The number of the request being answered.
    request: usize,
    /// Pieces of text said so far.
    pieces: usize,
    wants_usage: bool,
}

impl Speaker {
    /// Notes the request and picks its reply.
    fn begin(&mut self, body: &[u8]) -> Reply {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        self.wants_usage = body["stream_options"]["include_usage"] == true;
        self.pieces = 0;
        let mut reply = Reply::Html;
        self.shared.state.send_modify(|state| {
            self.request = state.requests.len();
            reply = match state.script.choose(&body) {
                Reply::Echo => Reply::text(body["messages"][0]["content"].as_str().unwrap_or_default()),
                reply => reply,
            };
            state.requests.push(body);
        });
        reply
    }

    async fn answer(&mut self, reply: Reply, reader: &mut OwnedReadHalf) -> io::Result<After> {
        match reply {
            Reply::Html => {
                self.whole(200, &[], "text/html; charset=utf-8", "<html><body>Please sign in</body></html>").await?;
                return Ok(After::Keep);
            }
            Reply::Status { status, headers, body } => {
                self.whole(status, &headers, "application/json", &body).await?;
                return Ok(After::Keep);
            }
            _ => self.head().await?,
        }
        let reason = match reply {
            Reply::Tool { name, args } => {
                self.call(&name, &args.to_string()).await?;
                "tool_calls"
            }
            Reply::RawTool { name, args } => {
                self.call(&name, &args).await?;
                "tool_calls"
            }
            Reply::Paced { deltas, gap } => {
                if !self.paced(&deltas, gap, reader).await? {
                    return Ok(After::HungUp);
                }
                "stop"
            }
            Reply::Gated(deltas) => {
                if !self.gated(&deltas, reader).await? {
                    return Ok(After::HungUp);
                }
                "stop"
            }
            Reply::ErrorMidStream { after } => {
                self.all(&after).await?;
                self.event(&json!({ "error": { "message": "the upstream failed", "code": 502 } })).await?;
                return self.done().await;
            }
            Reply::Stall { after } => {
                self.all(&after).await?;
                return self.stall(reader).await;
            }
            Reply::Cut { after } => {
                self.all(&after).await?;
                return Ok(After::Close);
            }
            Reply::Text(deltas) => {
                self.all(&deltas).await?;
                "stop"
            }
            Reply::Html | Reply::Status { .. } | Reply::Echo => return Ok(After::Keep),
        };
        self.delta(&json!({}), Some(reason)).await?;
        if self.wants_usage {
            let usage = json!({ "prompt_tokens": 10, "completion_tokens": self.pieces.max(1) });
            self.event(&json!({ "choices": [], "usage": usage })).await?;
        }
        self.done().await
    }

    async fn all(&mut self, deltas: &[String]) -> io::Result<()> {
        for delta in deltas {
            self.say(delta).await?;
        }
        Ok(())
    }

    /// False where the client hung up meanwhile; so below.
    async fn paced(&mut self, deltas: &[String], gap: Duration, reader: &mut OwnedReadHalf) -> io::Result<bool> {
        let mut tick = tokio::time::interval(gap);
        for delta in deltas {
            tokio::select! {
                () = closed(reader) => return Ok(false),
                _ = tick.tick() => self.say(delta).await?,
            }
        }
        Ok(true)
    }

    async fn gated(&mut self, deltas: &[String], reader: &mut OwnedReadHalf) -> io::Result<bool> {
        let shared = Arc::clone(&self.shared);
        for delta in deltas {
            tokio::select! {
                () = closed(reader) => return Ok(false),
                permit = shared.gate.acquire() => permit.expect("the gate is never closed").forget(),
            }
            self.say(delta).await?;
        }
        Ok(true)
    }

    async fn stall(&mut self, reader: &mut OwnedReadHalf) -> io::Result<After> {
        let mut tick = tokio::time::interval(KEEP_ALIVE);
        loop {
            tokio::select! {
                () = closed(reader) => return Ok(After::HungUp),
                _ = tick.tick() => self.chunk(": keep-alive\n\n").await?,
            }
        }
    }

    /// One piece of text in a frame of its own, with its time.
    async fn say(&mut self, text: &str) -> io::Result<()> {
        let frame = framed(&format!("data: {}\n\n", self.with_delta(&json!({ "content": text }), None)));
        let written = Written { request: self.request, piece: self.pieces, at: Instant::now() };
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).push(written);
        self.pieces += 1;
        self.writer.write_all(frame.as_bytes()).await
    }

    async fn call(&mut self, name: &str, args: &str) -> io::Result<()> {
        let id = format!("call_{}", self.request);
        let function = json!({ "name": name, "arguments": "" });
        let opening = json!({ "index": 0, "id": id, "type": "function", "function": function });
        self.delta(&json!({ "tool_calls": [opening] }), None).await?;
        let half = args.floor_char_boundary(args.len() / 2);
        let (first, second) = args.split_at(half);
        for piece in [first, second] {
            self.delta(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }), None).await?;
        }
        Ok(())
    }

    async fn delta(&mut self, delta: &Value, finish: Option<&str>) -> io::Result<()> {
        self.event(&self.with_delta(delta, finish)).await
    }

    fn with_delta(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": format!("chatcmpl-{}", self.request), "object": "chat.completion.chunk", "choices": [choice] })
    }

    async fn event(&mut self, data: &Value) -> io::Result<()> {
        self.chunk(&format!("data: {data}\n\n")).await
    }

    async fn done(&mut self) -> io::Result<After> {
        self.chunk("data: [DONE]\n\n").await?;
        self.writer.write_all(b"0\r\n\r\n").await?;
        Ok(After::Keep)
    }

    /// The head of a stream and its first frame, which holds no words.
    async fn head(&mut self) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        self.writer.write_all(head.as_bytes()).await?;
        self.delta(&json!({ "role": "assistant", "content": "" }), None).await
    }

    async fn chunk(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(framed(text).as_bytes()).await
    }

    async fn whole(&mut self, status: u16, headers: &[(String, String)], kind: &str, body: &str) -> io::Result<()> {
        let mut out = format!("HTTP/1.1 {status} Fake\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(out, "{name}: {value}\r\n").map_err(io::Error::other)?;
        }
        write!(out, "\r\n{body}").map_err(io::Error::other)?;
        self.writer.write_all(out.as_bytes()).await
    }
}

/// A chunk of the chunked transfer encoding.
fn framed(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Waits until the client has hung up. In the middle of an answer it has nothing else to say.
async fn closed(reader: &mut OwnedReadHalf) {
    let mut scrap = [0; 64];
    while matches!(reader.read(&mut scrap).await, Ok(1..)) {}
}
