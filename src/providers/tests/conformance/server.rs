//! A raw TCP server that answers one request with exactly the bytes of a [`Plan`].

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What to answer.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Each is written on its own, as a chunk of its own.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// Chunked transfer encoding; else the body lasts until the connection closes.
    pub(crate) chunked: bool,
    pub(crate) end: End,
}

/// What follows the last piece.
#[derive(Clone)]
pub(crate) enum End {
    Clean,
    /// Closes without the last chunk, once notified.
    Cut(Arc<Notify>),
    /// Resets the connection, once notified.
    Reset(Arc<Notify>),
    /// Says nothing more and keeps the connection open.
    Hold,
    /// Sends this for ever.
    KeepAlive(&'static str),
}

impl Plan {
    pub(crate) fn of(pieces: Vec<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "text/event-stream; charset=utf-8".to_owned())];
        Self { status: 200, headers, pieces, chunked: true, end: End::Clean }
    }

    pub(crate) fn whole(body: impl AsRef<[u8]>) -> Self {
        Self::of(vec![body.as_ref().to_vec()])
    }

    /// Replaces the content type.
    pub(crate) fn typed(mut self, content_type: &str) -> Self {
        self.headers = vec![("content-type", content_type.to_owned())];
        self
    }
}

/// What the server saw.
pub(crate) struct Served {
    pub(crate) head: String,
    pub(crate) body: serde_json::Value,
    /// Signs written while keeping the connection alive.
    pub(crate) keep_alives: usize,
}

/// A server at work; dropping it stops it.
pub(crate) struct Server {
    task: JoinSet<Served>,
    asked: Arc<Notify>,
}

impl Server {
    /// Waits until the client has closed its connection (after [`End::Cut`] and [`End::Reset`]: until we have).
    pub(crate) async fn done(mut self) -> Served {
        self.task.join_next().await.unwrap().unwrap()
    }

    /// Waits until the request has arrived whole.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(crate) fn running(&mut self) -> bool {
        self.task.try_join_next().is_none()
    }
}

/// Starts a server; gives the base URL to ask it at.
pub(crate) async fn serve(plan: Plan) -> (String, Server) {
    serve_all(vec![plan]).await
}

/// Starts a server that answers one connection after another, each with the next plan, and saw what the last one sent.
pub(crate) async fn serve_all(plans: Vec<Plan>) -> (String, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    let asked = Arc::new(Notify::new());
    let arrived = Arc::clone(&asked);
    task.spawn(async move {
        let mut served = None;
        for plan in plans {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            served = Some(answer(socket, plan, &arrived).await);
        }
        served.unwrap()
    });
    (base, Server { task, asked })
}

async fn answer(mut socket: TcpStream, plan: Plan, arrived: &Notify) -> Served {
    let (head, body) = request(&mut socket).await;
    arrived.notify_one();
    let mut served = Served { head, body, keep_alives: 0 };
    let mut response = format!("HTTP/1.1 {} Fixture\r\n", plan.status);
    for (name, value) in &plan.headers {
        response += &[name, ": ", value.as_str(), "\r\n"].concat();
    }
    response += if plan.chunked { "transfer-encoding: chunked\r\n\r\n" } else { "connection: close\r\n\r\n" };
    // The client may be gone at any write: that is its right, and the end of the case.
    let mut open = socket.write_all(response.as_bytes()).await.is_ok();
    for piece in &plan.pieces {
        open = open && socket.write_all(&framed(piece, plan.chunked)).await.is_ok();
    }
    match plan.end {
        End::Clean if plan.chunked => open = open && socket.write_all(b"0\r\n\r\n").await.is_ok(),
        End::Clean => return served,
        End::Cut(go) => {
            go.notified().await;
            return served;
        }
        End::Reset(go) => {
            go.notified().await;
            socket.set_zero_linger().unwrap();
            return served;
        }
        End::Hold => {}
        End::KeepAlive(sign) => {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            while socket.write_all(&framed(sign.as_bytes(), plan.chunked)).await.is_ok() {
                served.keep_alives += 1;
                tick.tick().await;
            }
        }
    }
    // Until the client closes.
    while open && matches!(socket.read(&mut [0; 64]).await, Ok(1..)) {}
    served
}

async fn request(socket: &mut TcpStream) -> (String, serde_json::Value) {
    let mut bytes = Vec::new();
    loop {
        assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the request was cut off");
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        if let Some(body) = bytes.get(end + 4..end + 4 + length) {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            return (head, serde_json::from_slice(body).unwrap());
        }
    }
}

fn framed(piece: &[u8], chunked: bool) -> Vec<u8> {
    if !chunked {
        return piece.to_vec();
    }
    let mut out = format!("{:x}\r\n", piece.len()).into_bytes();
    out.extend_from_slice(piece);
    out.extend_from_slice(b"\r\n");
    out
}
