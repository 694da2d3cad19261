//! Reading an event stream. Ours only: one `data:` line an event, line feeds, no byte order mark.

use memchr::memmem;
use townkeeper_contract::stream::Envelope;

use crate::ClientError;

/// The largest event that is read, in bytes.
const CAP: usize = 4 * 1024 * 1024;

/// The events of a turn, as they come.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    buffer: Vec<u8>,
    /// How far `buffer` was searched.
    seen: usize,
}

impl Events {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, buffer: Vec::new(), seen: 0 }
    }

    /// The next event. `None` where the stream is over: after `TurnEnded`, or because the daemon is stopping; then
    /// the turn can be resumed.
    pub async fn next(&mut self) -> Option<Result<Envelope, ClientError>> {
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
fn parse(frame: &[u8]) -> Option<Result<Envelope, ClientError>> {
    let data = frame.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"data: "))?;
    Some(serde_json::from_slice(data).map_err(|error| ClientError::Protocol(error.to_string())))
}
