//! A WebSocket peer by hand, which can say what no library would: frames of any first byte, unmasked, torn.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::daemon::{Daemon, PATIENCE};

/// First bytes of whole frames.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A frame as it came: its first byte, its payload.
pub(crate) type Frame = (u8, Vec<u8>);

pub(crate) struct Raw {
    line: TcpStream,
}

/// What a request for an upgrade came to: the status, and the body where it was refused.
pub(crate) async fn upgrade(daemon: &Daemon, headers: &[(&str, &str)]) -> (u16, String) {
    let mut raw = Raw::dial(daemon, None).await;
    let head = raw.ask(daemon, headers).await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = String::new();
    if status != 101 {
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        let mut bytes = vec![0; length];
        raw.line.read_exact(&mut bytes).await.unwrap();
        body = String::from_utf8(bytes).unwrap();
    }
    (status, body)
}

impl Raw {
    pub(crate) async fn open(daemon: &Daemon) -> Self {
        Self::open_with(daemon, None).await
    }

    /// Whose system keeps no more than `buffer` bytes that were not read.
    pub(crate) async fn open_narrow(daemon: &Daemon, buffer: u32) -> Self {
        Self::open_with(daemon, Some(buffer)).await
    }

    async fn open_with(daemon: &Daemon, buffer: Option<u32>) -> Self {
        let mut raw = Self::dial(daemon, buffer).await;
        let head = raw.ask(daemon, &[]).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The answer to the key below, as RFC 6455 gives it.
        assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert!(head.contains("townkeeper-stream: 1"), "{head}");
        raw
    }

    async fn dial(daemon: &Daemon, buffer: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer).unwrap();
        }
        Self { line: socket.connect(authority(daemon).parse().unwrap()).await.unwrap() }
    }

    /// Asks for the upgrade; the head of the response. Given headers stand in the place of those that would be sent.
    async fn ask(&mut self, daemon: &Daemon, headers: &[(&str, &str)]) -> String {
        let own = [
            ("host", authority(daemon)),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let own = own.iter().filter(|(name, _)| headers.iter().all(|(given, _)| given != name));
        let lines: Vec<String> = own.chain(headers).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.write(format!("GET /v1/ws HTTP/1.1\r\n{}\r\n", lines.concat()).as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.line.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// Bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.line.write_all(bytes).await.unwrap();
    }

    /// Bytes as they are, as many as are taken.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) {
        tokio::time::timeout(PATIENCE, self.line.write_all(bytes)).await.expect("nothing is taken").ok();
    }

    /// A masked frame.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, payload)).await;
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(TEXT, message.to_string().as_bytes()).await;
    }

    /// The next frame; `None` where the connection is closed or broken.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("nothing comes").ok()
    }

    async fn read(&mut self) -> std::io::Result<Frame> {
        let first = self.line.read_u8().await?;
        let length = match self.line.read_u8().await? {
            126 => u64::from(self.line.read_u16().await?),
            127 => self.line.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.line.read_exact(&mut payload).await?;
        Ok((first, payload))
    }

    /// The next message, as text; pings are passed over.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.frame().await.expect("the socket is closed") {
                (TEXT, payload) => return String::from_utf8(payload).unwrap(),
                (PING, _) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Reads on to the end; the code with which it was closed, `None` where it broke without one.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        while let Some((first, payload)) = self.frame().await {
            if first == CLOSE {
                return Some(u16::from_be_bytes(payload[..2].try_into().unwrap()));
            }
        }
        None
    }
}

pub(crate) fn authority(daemon: &Daemon) -> &str {
    daemon.url.strip_prefix("http://").unwrap().trim_end_matches('/')
}

/// A frame as a client must write it: masked, here with zeros, which change nothing.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..65_536 => {
            bytes.push(0x80 | 0x7e);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 0x7f);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
