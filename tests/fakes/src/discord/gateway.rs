//! The gateway: HELLO, IDENTIFY, RESUME, heartbeats, close codes, and what goes wrong with a connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::extract::State as Extract;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::Uri;
use axum::response::Response;
use flate2::{Compress, Compression, FlushCompress};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::state::{Connection, Heartbeat, Identify, Resume, Session};
use super::{GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT, Queue, Shared, State, alter, frame, shapes};

/// The largest payload a client may send, in bytes.
const LARGEST: usize = 4096;
/// Payloads a client may send in a minute.
const SENDS_A_MINUTE: u32 = 120;
/// Every intent there is.
const INTENTS: u64 = 0x1FFFF | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;

/// What goes to a client.
#[derive(Debug)]
pub(super) enum Out {
    Text(Utf8Bytes),
    Close(u16),
    /// The connection ends without a close frame.
    Cut,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Line {
    queue: Queue,
    session: Option<String>,
    muted: bool,
    /// Payloads it sent in the minute that began at this time.
    sent: (u64, u32),
}

impl Line {
    fn send(&self, text: impl Into<Utf8Bytes>) {
        if !self.muted {
            // A connection that is closing reads its queue no more.
            self.queue.send(Out::Text(text.into())).ok();
        }
    }
}

pub(super) async fn upgrade(Extract(shared): Extract<Shared>, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| serve(socket, shared, uri).await)
}

/// One connection from HELLO to its end.
async fn serve(mut socket: WebSocket, shared: Shared, uri: Uri) {
    let query = uri.query().unwrap_or_default().to_owned();
    let mut zlib = query.contains("compress=zlib-stream").then(|| Compress::new(Compression::fast(), true));
    let path = uri.path().trim_end_matches('/').to_owned();
    let (line, mut queue) = alter(&shared, |s| s.open(path, query));
    let closed_with = loop {
        let out = tokio::select! {
            out = queue.recv() => out.unwrap_or(Out::Cut),
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => {
                    alter(&shared, |s| s.hear(line, &text));
                    continue;
                }
                Some(Ok(Message::Binary(_))) => Out::Close(4002),
                Some(Ok(Message::Close(close))) => break close.map(|close| close.code),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => break None,
            },
        };
        if !send(&mut socket, out, zlib.as_mut()).await {
            break None;
        }
    };
    alter(&shared, |s| s.leave(line, closed_with));
}

/// Sends; false when the connection is over.
async fn send(socket: &mut WebSocket, out: Out, zlib: Option<&mut Compress>) -> bool {
    match (out, zlib) {
        (Out::Text(text), None) => socket.send(Message::Text(text)).await.is_ok(),
        (Out::Text(text), Some(zlib)) => socket.send(Message::Binary(deflate(zlib, &text).into())).await.is_ok(),
        (Out::Close(code), _) => {
            let close = CloseFrame { code, reason: Utf8Bytes::from_static("") };
            if socket.send(Message::Close(Some(close))).await.is_ok() {
                // The client's own close frame, or a client that does not answer.
                tokio::time::timeout(Duration::from_secs(1), socket.recv()).await.map(drop).ok();
            }
            false
        }
        (Out::Cut, _) => false,
    }
}

/// One payload of the connection's shared zlib stream; it ends in a sync flush.
fn deflate(zlib: &mut Compress, text: &str) -> Vec<u8> {
    let input = text.as_bytes();
    let mut out = Vec::with_capacity(input.len() / 2 + 64);
    let start = zlib.total_in();
    loop {
        let taken = usize::try_from(zlib.total_in() - start).unwrap_or(usize::MAX);
        let rest = input.get(taken..).unwrap_or_default();
        // Memory to memory: only a full buffer can keep it from going on.
        zlib.compress_vec(rest, &mut out, FlushCompress::Sync).ok();
        if out.len() < out.capacity() {
            return out;
        }
        out.reserve(out.capacity());
    }
}

impl State {
    fn open(&mut self, path: String, query: String) -> (u64, mpsc::UnboundedReceiver<Out>) {
        self.last_line += 1;
        let (id, now) = (self.last_line, self.now_ms());
        let (queue, reader) = mpsc::unbounded_channel();
        let line = Line { queue, session: None, muted: false, sent: (now, 0) };
        line.send(frame(10, &json!({ "heartbeat_interval": self.options.heartbeat_interval_ms })));
        if !self.stopped {
            self.lines.insert(id, line);
        }
        let connection = Connection { id, path, query, open: true, closed_with: None, sent_close: None, session: None };
        self.data.connections.push(connection);
        (id, reader)
    }

    /// The connection is gone. Closing with 1000 or 1001 ends the session too.
    fn leave(&mut self, line: u64, closed_with: Option<u16>) {
        let now = self.now_ms();
        if let Some(connection) = self.connection(line) {
            connection.open = false;
            connection.closed_with = closed_with;
        }
        self.lines.remove(&line);
        for session in self.data.sessions.values_mut().filter(|s| s.connection == Some(line)) {
            session.connection = None;
            session.left_ms = now;
            session.ended |= matches!(closed_with, Some(1000 | 1001));
        }
    }

    fn connection(&mut self, line: u64) -> Option<&mut Connection> {
        // Connections are numbered from one, in order.
        self.data.connections.get_mut(usize::try_from(line).ok()?.checked_sub(1)?)
    }

    /// Closes a connection; the session goes too with the codes after which it cannot be resumed.
    fn close(&mut self, line: u64, code: u16) {
        let Some(open) = self.lines.get(&line) else { return };
        open.queue.send(if code == 1006 { Out::Cut } else { Out::Close(code) }).ok();
        if let Some(session) = open.session.as_ref().and_then(|id| self.data.sessions.get_mut(id)) {
            session.ended |= matches!(code, 1000 | 1001 | 4004 | 4007 | 4009..=4014);
        }
        if let Some(connection) = self.connection(line) {
            connection.sent_close = Some(code);
        }
    }

    pub(super) fn close_all(&mut self, code: u16) {
        for line in self.lines.keys().copied().collect::<Vec<_>>() {
            self.close(line, code);
        }
    }

    pub(super) fn invalidate(&mut self, resumable: bool) {
        self.send_raw(&frame(9, &json!(resumable)));
        for session in self.data.sessions.values_mut().filter(|s| s.connection.is_some()) {
            session.ended |= !resumable;
        }
    }

    pub(super) fn mute(&mut self, on: bool) {
        self.lines.values_mut().for_each(|line| line.muted = on);
    }

    pub(super) fn send_raw(&mut self, text: &str) {
        let text = Utf8Bytes::from(text);
        self.lines.values().for_each(|line| line.send(text.clone()));
    }

    fn hear(&mut self, line: u64, text: &str) {
        let now = self.now_ms();
        let Some(open) = self.lines.get_mut(&line) else { return };
        open.sent = if now.saturating_sub(open.sent.0) < 60_000 { (open.sent.0, open.sent.1 + 1) } else { (now, 1) };
        let (known, sent) = (open.session.is_some(), open.sent.1);
        let payload = serde_json::from_str::<Value>(text).ok().filter(|_| text.len() <= LARGEST);
        let Some(payload) = payload else { return self.close(line, 4002) };
        let data = &payload["d"];
        match payload["op"].as_u64() {
            _ if sent > SENDS_A_MINUTE => self.close(line, 4008),
            Some(1) => self.heartbeat(line, data),
            Some(2 | 6) if known => self.close(line, 4005),
            Some(2) => self.identify(line, data),
            Some(6) => self.resume(line, data),
            Some(3 | 4 | 8) if !known => self.close(line, 4003),
            Some(3 | 4) => {}
            Some(8) => self.send_members(line, data),
            _ => self.close(line, 4001),
        }
    }

    fn heartbeat(&mut self, line: u64, data: &Value) {
        let acked = self.lines.get(&line).is_some_and(|open| !open.muted);
        self.data.heartbeats.push(Heartbeat { connection: line, seq: data.as_u64(), acked, at: Instant::now() });
        if let Some(open) = self.lines.get(&line) {
            open.send(Utf8Bytes::from_static(r#"{"op":11,"d":null,"s":null,"t":null}"#));
        }
    }

    /// The bot of a token, which libraries send with or without the word `Bot`.
    fn bot_of(&self, data: &Value) -> Option<u64> {
        let token = data["token"].as_str()?;
        self.data.by_token(token.strip_prefix("Bot ").unwrap_or(token)).map(|bot| bot.user_id)
    }

    fn identify(&mut self, line: u64, data: &Value) {
        let bot = self.bot_of(data);
        let intents = data["intents"].as_u64();
        let version = self.connection(line).map(|c| c.query.clone()).unwrap_or_default();
        let version = version.split('&').find_map(|pair| pair.strip_prefix("v=")).unwrap_or("10");
        let withheld = bot.and_then(|bot| self.withheld.get(&bot)).copied().unwrap_or(0);
        let refused = match (bot, intents) {
            _ if !matches!(version, "9" | "10") => Some(4012),
            (None, _) => Some(4004),
            (_, None) => Some(4013),
            (_, Some(intents)) if intents & !INTENTS != 0 => Some(4013),
            (_, Some(intents)) if intents & withheld & (MESSAGE_CONTENT | GUILD_MEMBERS | GUILD_PRESENCES) != 0 => {
                Some(4014)
            }
            _ => None,
        };
        let mut seen = data.clone();
        seen["token"] = json!("…");
        let intents = intents.unwrap_or(0);
        self.data.identifies.push(Identify { bot, intents, connection: line, data: seen, refused });
        match (refused, bot) {
            (Some(code), _) => self.close(line, code),
            (None, Some(bot)) => self.begin(line, bot, intents, &data["shard"]),
            (None, None) => {}
        }
    }

    /// A new session, unless the day's starts are used up.
    fn begin(&mut self, line: u64, bot: u64, intents: u64, shard: &Value) {
        let starts = self.starts.entry(bot).or_default();
        if *starts >= self.options.session_starts {
            if let Some(open) = self.lines.get(&line) {
                open.send(frame(9, &json!(false)));
            }
            return;
        }
        *starts += 1;
        self.last_session += 1;
        let id = format!("{:032x}", self.last_session);
        let shard = (shard[0].as_u64().unwrap_or(0), shard[1].as_u64().unwrap_or(1).max(1));
        let session = Session {
            id: id.clone(),
            bot,
            intents,
            shard,
            seq: 0,
            connection: Some(line),
            ended: false,
            left_ms: 0,
            log: VecDeque::new(),
        };
        self.data.sessions.insert(id.clone(), session);
        self.attach(line, &id);
        let guilds = self.data.guilds.iter().filter(|(_, guild)| guild.members.contains_key(&bot));
        let guilds: Vec<u64> = guilds.map(|(id, _)| *id).filter(|id| (id >> 22) % shard.1 == shard.0).collect();
        let Some(known) = self.data.bots.get(&bot) else { return };
        let unavailable: Vec<_> =
            guilds.iter().map(|id| json!({ "id": id.to_string(), "unavailable": true })).collect();
        let ready = json!({ "v": 10, "user": shapes::bot(known), "guilds": unavailable, "session_id": id,
            "resume_gateway_url": format!("ws://{}/resume", self.address), "shard": [shard.0, shard.1],
            "application": { "id": known.application_id.to_string(), "flags": 0 } });
        self.dispatch_to(&id, "READY", &ready.to_string());
        for guild in guilds {
            self.send_guild(&id, guild);
        }
    }

    fn attach(&mut self, line: u64, session: &str) {
        if let Some(open) = self.lines.get_mut(&line) {
            open.session = Some(session.to_owned());
        }
        if let Some(connection) = self.connection(line) {
            connection.session = Some(session.to_owned());
        }
    }

    fn resume(&mut self, line: u64, data: &Value) {
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let seq = data["seq"].as_u64().unwrap_or(0);
        let path = self.connection(line).map(|c| c.path.clone()).unwrap_or_default();
        self.data.resumes.push(Resume { session: id.clone(), seq, connection: line, path, replayed: None });
        let Some(bot) = self.bot_of(data) else { return self.close(line, 4004) };
        let (now, window) = (self.now_ms(), self.options.resume_window_ms);
        let session = self.data.sessions.get_mut(&id).filter(|s| s.bot == bot && !s.ended);
        let fresh = session.filter(|s| s.connection.is_some() || now.saturating_sub(s.left_ms) <= window);
        let whole = fresh.filter(|s| s.log.front().is_none_or(|(first, _)| *first <= seq + 1));
        let Some(session) = whole else {
            if let Some(open) = self.lines.get(&line) {
                open.send(frame(9, &json!(false)));
            }
            return;
        };
        if seq > session.seq {
            return self.close(line, 4007);
        }
        session.connection = Some(line);
        let missed: Vec<_> = session.log.iter().filter(|(s, _)| *s > seq).map(|(_, text)| text.clone()).collect();
        self.attach(line, &id);
        if let Some(resume) = self.data.resumes.last_mut() {
            resume.replayed = Some(missed.len());
        }
        if let Some(open) = self.lines.get(&line) {
            for text in missed {
                open.send(text);
            }
        }
        self.dispatch_to(&id, "RESUMED", "{}");
    }

    /// A dispatch with the session's next number; kept for RESUME, and sent when the session has a connection.
    pub(super) fn dispatch_to(&mut self, session: &str, event: &str, data: &str) {
        let keep = self.options.keep_dispatches;
        let Some(session) = self.data.sessions.get_mut(session).filter(|s| !s.ended) else { return };
        session.seq += 1;
        let text = Utf8Bytes::from(format!(r#"{{"t":"{event}","s":{},"op":0,"d":{data}}}"#, session.seq));
        session.log.push_back((session.seq, text.clone()));
        while session.log.len() > keep {
            session.log.pop_front();
        }
        if let Some(line) = session.connection.and_then(|line| self.lines.get(&line)) {
            line.send(text);
        }
    }

    /// GUILD_MEMBERS_CHUNK: the members asked for by id, or by the beginning of a name.
    fn send_members(&mut self, line: u64, data: &Value) {
        let Some(session) = self.lines.get(&line).and_then(|open| open.session.clone()) else { return };
        let Some(guild) = super::state::id_of(&data["guild_id"]) else { return };
        let wanted = data["user_ids"].as_array();
        let query = data["query"].as_str().unwrap_or_default();
        let found = |(id, member): &(&u64, &Value)| match wanted {
            Some(ids) => ids.iter().any(|wanted| super::state::id_of(wanted) == Some(**id)),
            None => member["user"]["username"].as_str().is_some_and(|name| name.starts_with(query)),
        };
        let members: Vec<_> = self
            .data
            .guilds
            .get(&guild)
            .map_or_else(Vec::new, |g| g.members.iter().filter(found).map(|m| m.1).collect());
        let chunk = json!({ "guild_id": guild.to_string(), "members": members, "chunk_index": 0, "chunk_count": 1,
            "nonce": data["nonce"] });
        self.dispatch_to(&session, "GUILD_MEMBERS_CHUNK", &chunk.to_string());
    }
}
