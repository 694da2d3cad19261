//! The daemon that `townkeeper bench` measures: this binary, as a child, seen from outside through `/proc`.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use townkeeper_client::Client;

/// A daemon of its own, in a folder of its own.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) ready_after: Duration,
    /// Kept as long as the daemon runs in it.
    _home: Arc<TempDir>,
}

impl Daemon {
    pub(crate) async fn start(config: &str) -> anyhow::Result<Self> {
        Self::start_in(Arc::new(tempfile::tempdir()?), config).await
    }

    pub(crate) async fn start_in(home: Arc<TempDir>, config: &str) -> anyhow::Result<Self> {
        let file = home.path().join("townkeeper.toml");
        std::fs::write(&file, format!("{config}\n[log]\nlevel = \"error\"\n"))?;
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .arg("--config")
            .arg(&file)
            .arg("--data")
            .arg(home.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.strip_prefix("Open ").and_then(|rest| rest.split_whitespace().next()) {
                return Ok(Self { child, url: url.to_owned(), ready_after: began.elapsed(), _home: home });
            }
        }
        bail!("the daemon did not start")
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.url, None)?)
    }

    fn proc_file(&self, name: &str) -> anyhow::Result<String> {
        let pid = self.child.id().context("the daemon has ended")?;
        Ok(std::fs::read_to_string(format!("/proc/{pid}/{name}"))?)
    }

    /// Resident memory, in MB.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = self.proc_file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().next().context("no figure")?.parse()?;
        Ok(kib * 1024.0 / 1e6)
    }

    /// Processor time so far, in seconds (user and system; clock ticks of 10 ms).
    pub(crate) fn processor_s(&self) -> anyhow::Result<f64> {
        processor_s(self.child.id().context("the daemon has ended")?)
    }
}

/// A process's processor time so far, in seconds.
pub(crate) fn processor_s(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("short stat")?.parse::<f64>()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Whole,
    /// 503: come again.
    Refused,
}

/// One HTTP connection that is kept, written and read by hand.
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: host.to_owned(), read: Vec::with_capacity(16 * 1024) })
    }

    /// Asks and reads to the end. An answer that does not complete is an error; to be told to come again is none.
    pub(crate) async fn ask(&mut self, text: &str) -> anyhow::Result<Answered> {
        let body = format!("{{\"text\":\"{text}\"}}");
        let request = format!(
            "POST /v1/chat HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        while !self.read.ends_with(b"\r\n0\r\n\r\n") {
            if self.read.starts_with(b"HTTP/1.1 503") && self.read.ends_with(b"}") {
                return Ok(Answered::Refused);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the daemon closed a connection");
            }
        }
        let answer = String::from_utf8_lossy(&self.read);
        if !answer.contains("\"outcome\":{\"type\":\"completed\"") && !answer.contains("\"completed\"") {
            bail!("a turn did not complete: {answer}");
        }
        Ok(Answered::Whole)
    }
}
