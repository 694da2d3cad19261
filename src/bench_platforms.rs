//! Chat platforms under load, for `townkeeper bench platforms`: twenty bots and two thousand chats, from the message put
//! into the Bot API fake to the answer seen by it, at a calm pace, at a brisk one, and as fast as it goes. Beside it a bare
//! bot that keeps nothing, so that what durability costs is known.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use townkeeper_fakes::telegram::TelegramServer;

use crate::bench::{Figure, KNOWN, count, quantile};
use crate::bench_daemon::{self, Daemon};

const BOTS: usize = 20;
const CHATS: usize = 2_000;

/// What is asked, and what only its answer holds: no notice of ours.
pub(crate) struct Asked {
    pub(crate) question: &'static str,
    pub(crate) told: &'static str,
}

/// The canonical answer and the bare bot's have this word in common.
const CANONICAL: Asked = Asked { question: KNOWN, told: "wallet" };

/// What a load came to.
pub(crate) struct Load {
    /// Milliseconds from a message's delivery to its answer, each.
    took: Vec<f64>,
    /// Messages that were never answered, and answers to nothing.
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    /// From the first message to the last answer.
    seconds: f64,
    /// Processor time of the daemon.
    processor_s: f64,
}

impl Load {
    fn quantile(&mut self, share: f64) -> f64 {
        quantile(&mut self.took, share)
    }

    fn rate(&self) -> f64 {
        count(self.took.len()) / self.seconds
    }

    /// Microseconds of processor time an answer.
    pub(crate) fn cost_us(&self) -> f64 {
        self.processor_s * 1e6 / count(self.took.len())
    }
}

/// Twenty bots, each with a Bot API of its own.
pub(crate) struct Town {
    pub(crate) servers: Vec<TelegramServer>,
    home: Arc<TempDir>,
    asked: Asked,
}

impl Town {
    pub(crate) async fn open(asked: Asked) -> anyhow::Result<Self> {
        let home = Arc::new(tempfile::tempdir()?);
        let mut servers = Vec::with_capacity(BOTS);
        for bot in 0..BOTS {
            let token = token(bot);
            std::fs::write(home.path().join(format!("token{bot}")), &token)?;
            servers.push(TelegramServer::start(&token).await);
        }
        Ok(Self { servers, home, asked })
    }

    /// The daemon on all twenty, their ceilings raised so that it is the daemon that is measured; with more configuration.
    pub(crate) async fn daemon(&self, more: &str) -> anyhow::Result<Daemon> {
        let account = |(bot, server): (usize, &TelegramServer)| {
            let file = self.home.path().join(format!("token{bot}"));
            let (file, api) = (file.display(), server.base_url());
            format!(
                "[[account]]\nplatform = \"telegram\"\nname = \"b{bot}\"\ntoken_file = \"{file}\"\napi_base = \"{api}\"\n\
                 [account.rate]\nper_second = 10000\nper_chat_ms = 0\nper_group_minute = 0\n"
            )
        };
        let accounts: String = self.servers.iter().enumerate().map(account).collect();
        let daemon = Daemon::start_in(Arc::new(tempfile::tempdir()?), &format!("{more}{accounts}")).await?;
        for server in &self.servers {
            server.wait_held(1).await;
        }
        Ok(daemon)
    }

    /// `messages`, evenly over bots and chats, at `rate` a second whatever comes back.
    pub(crate) async fn load(&self, messages: usize, rate: f64, processor: impl Processor) -> anyhow::Result<Load> {
        let before: Vec<usize> = self.servers.iter().map(|server| server.sent().len()).collect();
        let spent = processor.seconds()?;
        let began = Instant::now();
        let mut pushed: HashMap<(usize, i64), Vec<Instant>> = HashMap::new();
        for n in 0..messages {
            let due = began + Duration::from_secs_f64(count(n) / rate);
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
            let (bot, chat) = (n % BOTS, 10_000 + i64::try_from(n % CHATS)?);
            let server = self.servers.get(bot).context("a bot")?;
            pushed.entry((bot, chat)).or_default().push(Instant::now());
            server.push_message(chat, chat, self.asked.question);
        }
        for (bot, server) in self.servers.iter().enumerate() {
            let wanted = before.get(bot).copied().unwrap_or_default() + messages / BOTS;
            // What is lost is counted, not waited for.
            tokio::time::timeout(Duration::from_mins(1), server.wait_sent(wanted)).await.ok();
        }
        let mut load = Load { took: Vec::new(), lost: 0, doubled: 0, seconds: 0.0, processor_s: 0.0 };
        let mut last = began;
        for (bot, server) in self.servers.iter().enumerate() {
            for sent in server.sent().into_iter().skip(before.get(bot).copied().unwrap_or_default()) {
                // A notice would be an answer sooner had.
                anyhow::ensure!(sent.text.contains(self.asked.told), "another answer: {}", sent.text);
                last = last.max(sent.at);
                let asked = pushed.get_mut(&(bot, sent.chat_id)).filter(|asked| !asked.is_empty());
                match asked {
                    Some(asked) => load.took.push((sent.at - asked.remove(0)).as_secs_f64() * 1e3),
                    None => load.doubled += 1,
                }
            }
        }
        load.lost = pushed.values().map(Vec::len).sum();
        load.seconds = (last - began).as_secs_f64();
        load.processor_s = processor.seconds()? - spent;
        Ok(load)
    }

    /// A bot that answers with the same words and keeps nothing: what the platform and the library cost by themselves.
    pub(crate) fn bare(&self, model: Option<&str>) -> anyhow::Result<Bare> {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["bench", "bare-bot"]);
        for (bot, server) in self.servers.iter().enumerate() {
            child.arg("--bot").arg(format!("{}={}", token(bot), server.base_url()));
        }
        if let Some(model) = model {
            child.args(["--bare-model", model]);
        }
        Ok(Bare { child: child.stdin(Stdio::null()).kill_on_drop(true).spawn()? })
    }
}

fn token(bot: usize) -> String {
    format!("{}:benchbenchbench", 1_000_000 + bot)
}

/// Whose processor time is counted.
pub(crate) trait Processor {
    fn seconds(&self) -> anyhow::Result<f64>;
}

impl Processor for &Daemon {
    fn seconds(&self) -> anyhow::Result<f64> {
        self.processor_s()
    }
}

/// The bare bot's process.
pub(crate) struct Bare {
    pub(crate) child: Child,
}

impl Processor for &Bare {
    fn seconds(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("the bare bot has ended")?;
        bench_daemon::processor_s(pid)
    }
}

/// All figures of twenty bots.
pub(crate) async fn figures() -> anyhow::Result<Vec<Figure>> {
    let (mut bare_brisk, bare_most) = bare_bot().await?;
    let town = Town::open(CANONICAL).await?;
    let mut daemon = town.daemon("").await?;
    town.load(2_000, 200.0, &daemon).await?;
    let mut calm = town.load(1_500, 100.0, &daemon).await?;
    let mut brisk = town.load(10_000, 500.0, &daemon).await?;
    let most = town.load(20_000, f64::INFINITY, &daemon).await?;
    daemon.child.kill().await?;
    let loads = [&calm, &brisk, &most];
    let (lost, doubled) = loads.iter().fold((0, 0), |(lost, doubled), l| (lost + l.lost, doubled + l.doubled));
    let (bare_p50, bare_p99) = (bare_brisk.quantile(0.5), bare_brisk.quantile(0.99));
    let middle = brisk.quantile(0.5);
    Ok(vec![
        Figure::note("bare bot, 500 messages a second over 20 bots, p50", bare_p50, "ms"),
        Figure::note("bare bot, 500 messages a second over 20 bots, p99", bare_p99, "ms"),
        Figure::note("bare bot, as fast as it goes", bare_most.rate(), "1/s"),
        Figure::note("bare bot, processor time an answer", bare_brisk.cost_us(), "µs"),
        Figure::note("canonical answer, 100 messages a second over 20 bots, p50", calm.quantile(0.5), "ms"),
        Figure::less(
            "canonical answer, 100 messages a second over 20 bots, p99",
            calm.quantile(0.99),
            "ms",
            Some(50.0),
            None,
        ),
        Figure::note("canonical answer, 500 messages a second, 2,000 chats, p50", middle, "ms"),
        Figure::less(
            "canonical answer, 500 messages a second, 2,000 chats, p99",
            brisk.quantile(0.99),
            "ms",
            Some(middle + 30.0),
            None,
        ),
        Figure {
            gate: Some(500.0),
            goal: Some(1_500.0),
            more: true,
            ..Figure::note("canonical answers over 20 bots, as fast as it goes", most.rate(), "1/s")
        },
        Figure::note("processor time a canonical answer", brisk.cost_us(), "µs"),
        Figure::less("that, in answers of the bare bot", brisk.cost_us() / bare_brisk.cost_us(), "×", None, Some(3.0)),
        Figure::less("messages never answered", count(lost), "", Some(0.0), None),
        Figure::less("answers too many", count(doubled), "", Some(0.0), None),
    ])
}

async fn bare_bot() -> anyhow::Result<(Load, Load)> {
    let town = Town::open(CANONICAL).await?;
    let mut bare = town.bare(None)?;
    for server in &town.servers {
        server.wait_held(1).await;
    }
    town.load(2_000, 200.0, &bare).await?;
    let brisk = town.load(10_000, 500.0, &bare).await?;
    let most = town.load(20_000, f64::INFINITY, &bare).await?;
    bare.child.kill().await?;
    Ok((brisk, most))
}
