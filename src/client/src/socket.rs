//! One WebSocket to a daemon: several turns at once, each read as its own [`Events`].
//!
//! A task owns the connection. What it reads for a turn waits in a short queue; while one queue is full, all turns of
//! this socket wait, and so does the daemon.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{RequestBuilder, Response, StatusCode, Upgraded};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use townkeeper_contract::api::{SocketAnswer, SocketRequest};
use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::{Envelope, Event};

use crate::ClientError;
use crate::events::{CAP, Events};

/// Events of one turn that may wait for their reader.
const QUEUE: usize = 256;

/// Requests that may wait to be sent.
const ASKS: usize = 64;

pub(crate) type Item = Result<Envelope, ClientError>;

/// An open socket. Cheap to clone; it closes when every clone and every [`Events`] of it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    asks: mpsc::Sender<Ask>,
    task: Arc<JoinSet<()>>,
}

#[derive(Debug)]
struct Ask {
    request: SocketRequest,
    events: mpsc::Sender<Item>,
    answer: oneshot::Sender<SocketAnswer>,
}

/// Makes a request an upgrade. The second is the key, for [`Socket::open`].
pub(crate) fn upgrading(request: RequestBuilder) -> (RequestBuilder, String) {
    let key = generate_key();
    let request = request
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    (request, key)
}

impl Socket {
    /// From the response to such a request.
    pub(crate) async fn open(response: Response, key: &str) -> Result<Self, ClientError> {
        let accepted =
            response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|a| *a == derive_accept_key(key.as_bytes()));
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || !accepted {
            return Err(ClientError::Protocol("this is no WebSocket".to_owned()));
        }
        let upgraded = response.upgrade().await.map_err(|error| ClientError::Broken(error.to_string()))?;
        let config = WebSocketConfig::default().max_message_size(Some(CAP)).max_frame_size(Some(CAP));
        let wire = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let (asks, queue) = mpsc::channel(ASKS);
        let mut task = JoinSet::new();
        task.spawn(Connection { wire, asks: queue, pending: HashMap::new(), turns: HashMap::new(), last_id: 0 }.run());
        Ok(Self { asks, task: Arc::new(task) })
    }

    /// Sends a request, under a number of its own, and waits for its answer. The events are the turn's, if it is one
    /// that is read now.
    pub(crate) async fn ask(&self, request: SocketRequest) -> Result<(SocketAnswer, Events), ClientError> {
        let gone = || ClientError::Broken("the socket is closed".to_owned());
        let ((events, items), (answer, answered)) = (mpsc::channel(QUEUE), oneshot::channel());
        self.asks.send(Ask { request, events, answer }).await.map_err(|_| gone())?;
        match answered.await.map_err(|_| gone())? {
            SocketAnswer::Error { status, error, .. } => {
                Err(ClientError::Refused { status, code: error.code, message: error.message })
            }
            answer => Ok((answer, Events::of_socket(items, Arc::clone(&self.task)))),
        }
    }
}

/// The connection, and who waits for what.
struct Connection {
    wire: WebSocketStream<Upgraded>,
    asks: mpsc::Receiver<Ask>,
    pending: HashMap<u32, Ask>,
    turns: HashMap<TurnId, mpsc::Sender<Item>>,
    last_id: u32,
}

impl Connection {
    async fn run(mut self) {
        let error = loop {
            let step = tokio::select! {
                Some(ask) = self.asks.recv() => self.send(ask).await,
                message = self.wire.next() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text).await,
                    // The library answers pings and goodbyes.
                    Some(Ok(_)) => Ok(()),
                    Some(Err(error)) => Err(ClientError::Broken(error.to_string())),
                    // Said goodbye: as where an event stream ends, turns can be resumed.
                    None => return,
                },
            };
            if let Err(error) = step {
                break error;
            }
        };
        for events in self.turns.into_values() {
            events.send(Err(ClientError::Broken(error.to_string()))).await.ok();
        }
    }

    async fn send(&mut self, mut ask: Ask) -> Result<(), ClientError> {
        self.last_id = self.last_id.wrapping_add(1);
        let (SocketRequest::Say { id, .. } | SocketRequest::Resume { id, .. } | SocketRequest::Cancel { id, .. }) =
            &mut ask.request;
        *id = self.last_id;
        let text = serde_json::to_string(&ask.request).map_err(|error| ClientError::Protocol(error.to_string()))?;
        self.pending.insert(self.last_id, ask);
        self.wire.send(Message::text(text)).await.map_err(|error| ClientError::Broken(error.to_string()))
    }

    async fn hear(&mut self, text: &str) -> Result<(), ClientError> {
        let Ok(envelope) = serde_json::from_str::<Envelope>(text) else { return self.answered(text) };
        let last = matches!(envelope.event, Event::TurnEnded { .. });
        let turn = envelope.turn.clone();
        let Some(events) = self.turns.get(&turn) else { return Ok(()) };
        // Whoever no longer reads has dropped the other end.
        let unheard = events.send(Ok(envelope)).await.is_err();
        if last || unheard {
            self.turns.remove(&turn);
        }
        Ok(())
    }

    fn answered(&mut self, text: &str) -> Result<(), ClientError> {
        let answer = serde_json::from_str(text).map_err(|error| ClientError::Protocol(error.to_string()))?;
        let id = match &answer {
            SocketAnswer::Reading { id, .. }
            | SocketAnswer::Complete { id, .. }
            | SocketAnswer::Cancelled { id, .. } => *id,
            SocketAnswer::Error { id: Some(id), .. } => *id,
            SocketAnswer::Error { id: None, error, .. } => return Err(ClientError::Protocol(error.message.clone())),
        };
        let Some(ask) = self.pending.remove(&id) else { return Ok(()) };
        if let SocketAnswer::Reading { turn, .. } = &answer {
            self.turns.insert(turn.clone(), ask.events);
        }
        // Who asked may have gone; then its events go nowhere either.
        ask.answer.send(answer).ok();
        Ok(())
    }
}
