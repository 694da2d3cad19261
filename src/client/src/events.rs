//! The events of a turn, whichever way they come. Event streams are read here; ours only: one `data:` line an event,
//! line feeds, no byte order mark.

use std::sync::Arc;

use memchr::memmem;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use townkeeper_contract::stream::Envelope;

use crate::ClientError;
use crate::socket::Item;

/// The largest event that is read, in bytes.
pub(crate) const CAP: usize = 4 * 1024 * 1024;

/// The events of a turn, as they come.
#[derive(Debug)]
pub struct Events(Source);

#[derive(Debug)]
enum Source {
    Stream(EventStream),
    Socket {
        items: mpsc::Receiver<Item>,
        /// The socket stays open while anybody reads from it.
        _socket: Arc<JoinSet<()>>,
    },
}

impl Events {
    pub(crate) fn of_stream(response: reqwest::Response) -> Self {
        Self(Source::Stream(EventStream { response, buffer: Vec::new(), seen: 0 }))
    }

    pub(crate) fn of_socket(items: mpsc::Receiver<Item>, socket: Arc<JoinSet<()>>) -> Self {
        Self(Source::Socket { items, _socket: socket })
    }

    /// The next event. `None` where the stream is over: after `TurnEnded`, or because the daemon is stopping; then
    /// the turn can be resumed.
    pub async fn next(&mut self) -> Option<Result<Envelope, ClientError>> {
        match &mut self.0 {
            Source::Stream(stream) => stream.next().await,
            Source::Socket { items, .. } => items.recv().await,
        }
    }
}

#[derive(Debug)]
struct EventStream {
    response: reqwest::Response,
    buffer: Vec<u8>,
    /// How far `buffer` was searched.
    seen: usize,
}

impl EventStream {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(frame) = self.frame() {
                if let Some(event) = parse(&frame) {
                    return Some(event);
                }
                continue;
            }
            if self.buffer.len() > CAP {
                return Some(Err(ClientError::Protocol("an event is too large".to_owned())));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) => return None,
                Err(error) => return Some(Err(ClientError::Broken(error.to_string()))),
            }
        }
    }

    /// The next whole frame, without the blank line behind it.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let from = self.seen.saturating_sub(1);
        let Some(at) = memmem::find(self.buffer.get(from..).unwrap_or_default(), b"\n\n") else {
            self.seen = self.buffer.len();
            return None;
        };
        let mut frame: Vec<u8> = self.buffer.drain(..from + at + 2).collect();
        frame.truncate(from + at);
        self.seen = 0;
        Some(frame)
    }
}

/// The envelope in a frame; `None` for a comment.
fn parse(frame: &[u8]) -> Option<Item> {
    let data = frame.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"data: "))?;
    Some(serde_json::from_slice(data).map_err(|error| ClientError::Protocol(error.to_string())))
}
