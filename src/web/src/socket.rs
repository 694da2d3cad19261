//! `GET /v1/ws`: several turns over one WebSocket, in the same envelopes as an event stream.
//!
//! One task a socket: it takes a message, or the next events of a turn, and writes before it takes more. Nothing is
//! queued here, so a reader who is slow makes nothing grow; its turns go on, and it gets a `Snapshot`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_stream::StreamMap;
use tokio_tungstenite::tungstenite::Error as Fault;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use townkeeper_contract::Stop;
use townkeeper_contract::api::{SocketAnswer, SocketRequest};
use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::{Envelope, Event, HEADER, VERSION};
use townkeeper_engine::live::Subscription;

use crate::chat::{self, Source};
use crate::pulse::{BEAT, Beat, Pulse};
use crate::refusal::Refusal;
use crate::{BODY_LIMIT, Here, Web};

/// Turns that one socket may read at once.
const TURNS: usize = 32;

/// A reader who takes nothing for so long is gone; its turns are not.
const UNTAKEN: Duration = Duration::from_secs(30);

/// How long the other side may take to say goodbye.
const PARTING: Duration = Duration::from_secs(1);

/// What is collected before it is written, and read at once, in bytes.
const BUFFER: usize = 16 * 1024;

type Turns = StreamMap<TurnId, BoxStream<'static, Vec<Arc<Envelope>>>>;

/// `GET /v1/ws`.
pub(crate) async fn open(
    State(web): State<Arc<Web>>,
    Extension(here): Extension<Here>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|error| Refusal::new(error.status(), "no_upgrade", error.body_text()))?;
    // Held until the socket is closed, or never opened.
    let token = here.sockets.token();
    let mut response = upgrade
        .max_message_size(BODY_LIMIT)
        .max_frame_size(BODY_LIMIT)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket was not opened"))
        .on_upgrade(async move |socket| {
            metrics::gauge!("townkeeper_sockets").increment(1);
            let pulse = Pulse::new(Instant::now());
            Connection { socket, web, turns: StreamMap::new(), pulse }.run(&here.stop).await;
            metrics::gauge!("townkeeper_sockets").decrement(1);
            drop(token);
        });
    response.headers_mut().insert(HEADER, HeaderValue::from(u16::from(VERSION)));
    Ok(response)
}

struct Connection {
    socket: WebSocket,
    web: Arc<Web>,
    turns: Turns,
    pulse: Pulse,
}

/// How a socket ends.
enum End {
    /// We say why, with this close code.
    Close(u16, &'static str),
    /// The other side said goodbye.
    Parted,
    /// There is nobody to say anything to.
    Gone,
}

impl Connection {
    async fn run(mut self, stop: &Stop) {
        let Err(end) = self.serve(stop).await;
        // They go on without a reader: only `cancel` cancels.
        self.turns.clear();
        let parting = async {
            if let End::Close(code, reason) = end {
                let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
                self.socket.send(Message::Close(Some(frame))).await?;
            }
            while self.socket.recv().await.transpose()?.is_some() {}
            Ok::<_, axum::Error>(())
        };
        if !matches!(end, End::Gone) {
            timeout(PARTING, parting).await.ok();
        }
    }

    /// Until it ends, one way or another.
    async fn serve(&mut self, stop: &Stop) -> Result<Infallible, End> {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // As with event streams, running turns may end; the engine sees to it that they do.
            if stop.is_cancelled() && self.turns.is_empty() {
                return Err(End::Close(close_code::AWAY, "the daemon is stopping"));
            }
            tokio::select! {
                heard = self.socket.recv() => self.hear(heard).await?,
                // Nothing more: the last turn is no longer read.
                next = self.turns.next(), if !self.turns.is_empty() => {
                    if let Some((turn, events)) = next {
                        self.tell(turn, events).await?;
                    }
                }
                _ = beats.tick() => self.beat().await?,
                () = stop.cancelled(), if !stop.is_cancelled() => {}
            }
        }
    }

    async fn hear(&mut self, heard: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let now = Instant::now();
        self.pulse.heard(now);
        match heard {
            Some(Ok(Message::Text(text))) => {
                self.pulse.used(now);
                let (answer, source) = answer(&self.web, self.turns.len(), &text).await;
                // First the answer, so that its reader knows of a turn before its events.
                self.send(message(&answer)).await?;
                if let Some((turn, source)) = source {
                    self.turns.insert(turn, events(source));
                }
                Ok(())
            }
            Some(Ok(Message::Binary(_))) => Err(End::Close(close_code::UNSUPPORTED, "messages are JSON text")),
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_))) => Err(End::Parted),
            Some(Err(error)) => Err(fault(error)),
            None => Err(End::Gone),
        }
    }

    async fn tell(&mut self, turn: TurnId, events: Vec<Arc<Envelope>>) -> Result<(), End> {
        self.pulse.used(Instant::now());
        for event in &events {
            self.feed(message(event.as_ref())).await?;
        }
        if events.last().is_some_and(|last| matches!(last.event, Event::TurnEnded { .. })) {
            // At once: whoever has read the terminal may count on the place.
            self.turns.remove(&turn);
        }
        self.flush().await
    }

    async fn beat(&mut self) -> Result<(), End> {
        match self.pulse.beat(Instant::now(), !self.turns.is_empty()) {
            Beat::Ask => self.send(Some(Message::Ping(Bytes::new()))).await,
            Beat::Leave => Err(End::Close(close_code::NORMAL, "nothing was said for a while")),
            Beat::GiveUp => Err(End::Gone),
        }
    }

    async fn send(&mut self, message: Option<Message>) -> Result<(), End> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Writes as soon as there is room; more than [`BUFFER`] is never held.
    async fn feed(&mut self, message: Option<Message>) -> Result<(), End> {
        match message {
            Some(message) => taken(self.socket.feed(message)).await,
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        taken(self.socket.flush()).await
    }
}

/// What a message comes to: its answer, and what is read from now on. `reading`: how many turns are read already.
async fn answer(web: &Web, reading: usize, text: &str) -> (SocketAnswer, Option<(TurnId, Source)>) {
    let request = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(error) => {
            let id = serde_json::from_str::<Numbered>(text).ok().map(|numbered| numbered.id);
            return (Refusal::bad(error.to_string()).into_answer(id), None);
        }
    };
    let (id, read) = match request {
        SocketRequest::Cancel { id, turn } => {
            return (SocketAnswer::Cancelled { id, cancelled: web.engine.cancel(&turn) }, None);
        }
        SocketRequest::Say { id, .. } | SocketRequest::Resume { id, .. } if reading >= TURNS => {
            let message = format!("This socket reads {TURNS} turns already; wait for one to end, or open another.");
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_turns", message);
            return (refusal.into_answer(Some(id)), None);
        }
        SocketRequest::Say { id, body } => (id, chat::ask(web, body).await),
        SocketRequest::Resume { id, turn, after } => {
            let source = chat::read(web, &turn, after.as_deref()).await;
            (id, source.map(|source| (turn, source)))
        }
    };
    match read {
        Ok((turn, Source::Nothing)) => (SocketAnswer::Complete { id, turn }, None),
        Ok((turn, source)) => (SocketAnswer::Reading { id, turn: turn.clone() }, Some((turn, source))),
        Err(refusal) => (refusal.into_answer(Some(id)), None),
    }
}

/// What can be read of a message that makes no sense otherwise.
#[derive(Deserialize)]
struct Numbered {
    id: u32,
}

fn events(source: Source) -> BoxStream<'static, Vec<Arc<Envelope>>> {
    match source {
        Source::Live(subscription) => stream::unfold(subscription, async |mut subscription: Subscription| {
            subscription.next().await.map(|events| (events, subscription))
        })
        .boxed(),
        Source::Ended(events) => stream::iter([events]).boxed(),
        Source::Nothing => stream::empty().boxed(),
    }
}

/// Our own types always serialise; were one not to, the reader would see a gap and resume.
fn message(value: &impl Serialize) -> Option<Message> {
    let text = serde_json::to_string(value);
    text.inspect_err(|error| tracing::error!(%error, "a message could not be written")).ok().map(Message::from)
}

async fn taken(writing: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    timeout(UNTAKEN, writing).await.ok().and_then(Result::ok).ok_or(End::Gone)
}

/// What is wrong with what was received.
fn fault(error: axum::Error) -> End {
    match error.into_inner().downcast_ref() {
        Some(Fault::Capacity(_)) => End::Close(close_code::SIZE, "that is too large"),
        Some(Fault::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(Fault::Protocol(_)) => End::Close(close_code::PROTOCOL, "that is no WebSocket"),
        Some(Fault::Utf8(_)) => End::Close(close_code::INVALID, "text must be UTF-8"),
        _ => End::Gone,
    }
}
