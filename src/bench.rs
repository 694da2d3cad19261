//! `townkeeper bench`: the published figures. The binary starts itself as a child, puts the wire fakes around it, and
//! measures from outside; where a figure is a ratio, both sides are measured in the same run, in turn.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use serde::Serialize;
use townkeeper_client::Client;
use townkeeper_contract::api::ChatBody;
use townkeeper_contract::stream::{Event, Outcome};
use townkeeper_fakes::model::{ModelServer, Reply, Script, Written};
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::Store;

use crate::bench_bare::{self, Bots};
use crate::bench_cards;
use crate::bench_daemon::{self, Answered, Daemon};
use crate::bench_discord;
use crate::bench_load::{Callers, callers, flood, overload};
use crate::bench_painted;
use crate::bench_platforms;
use crate::bench_reconnects;
use crate::bench_store::{accepts, on_the_store, raw_group};
use crate::out;

/// A question that the sample base answers.
pub(crate) const KNOWN: &str = "how do I migrate from a hardware wallet?";

/// Clients at a time, for figures under load.
const CLIENTS: usize = 64;

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// One JSON object a figure
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    callers: Callers,
    #[command(flatten)]
    bots: Bots,
    /// The share of their messages that `discord`, `painted` and `cards` send, to try them
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// How often `reconnects` reconnects
    #[arg(long, default_value_t = 10_000)]
    reconnects: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    All,
    /// Added time to first token and processor time per token, 100 streams
    Stream,
    /// Canonical answers over HTTP beside the raw group commit
    Answers,
    /// Accepted events a second on SQLite and on PostgreSQL, 64 writers
    Accepts,
    /// One canonical answer over Telegram, idle
    Telegram,
    /// Ten times what 64 clients get answered, and what the admitted feel of it
    Overload,
    /// Memory under the messages of an hour, 100,000 a minute; takes some minutes, so only when asked for
    Flood,
    /// Resident memory, idle and after 10,000 conversations
    Memory,
    /// Start to ready
    Start,
    /// The callers of an overload, as a process of their own
    #[value(hide = true)]
    Callers,
    /// Twenty bots and two thousand chats, beside a bare bot; takes some minutes, so only when asked for
    Platforms,
    /// Five bots on Discord, two hundred direct conversations; takes some minutes, so only when asked for
    Discord,
    /// A model's answer on the platforms: processor time beside a bare bot, and calls; takes some minutes, so only when asked
    /// for
    Painted,
    /// A group of 500 messages a second, one in a hundred a lure: from the lure to the moderators' card; takes some minutes,
    /// so only when asked for
    Cards,
    /// Reconnects of a Discord session under messages; takes some minutes, so only when asked for
    Reconnects,
    /// That bare bot, as a process of its own
    #[value(hide = true)]
    BareBot,
}

/// One measured figure, and what it is held against.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) gate: Option<f64>,
    pub(crate) goal: Option<f64>,
    /// Whether larger is better.
    pub(crate) more: bool,
}

impl Figure {
    pub(crate) fn less(what: &str, value: f64, unit: &'static str, gate: Option<f64>, goal: Option<f64>) -> Self {
        Self { what: what.to_owned(), value, unit, gate, goal, more: false }
    }

    pub(crate) fn note(what: &str, value: f64, unit: &'static str) -> Self {
        Self::less(what, value, unit, None, None)
    }

    fn verdict(&self) -> &'static str {
        let held = |bound: f64| if self.more { self.value >= bound } else { self.value <= bound };
        match (self.gate.map(held), self.goal.map(held)) {
            (Some(false), _) => "GATE MISSED",
            (_, Some(false)) => "goal missed",
            (None, None) => "",
            _ => "met",
        }
    }
}

/// What takes some minutes, and is measured only when it is asked for.
async fn at_request(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    Ok(match bench.what {
        What::Flood => {
            let flood = flood(60).await?;
            let mb = |what, value, gate| Figure::less(what, value, "MB", Some(gate), None);
            vec![
                Figure::note("messages in a simulated hour", f64::from(flood.messages), ""),
                mb("resident memory under 100,000 messages a minute", flood.most, 256.0),
                mb("its growth over the last half hour", flood.growth, 5.0),
            ]
        }
        What::Platforms => bench_platforms::figures().await?,
        What::Discord => bench_discord::figures(bench.share).await?,
        What::Painted => bench_painted::figures(bench.share).await?,
        What::Cards => bench_cards::figures(bench.share).await?,
        What::Reconnects => bench_reconnects::figures(bench.reconnects).await?,
        _ => Vec::new(),
    })
}

/// Measures and prints.
pub(crate) async fn run(bench: Bench) -> anyhow::Result<ExitCode> {
    if bench.what == What::Callers {
        return callers(bench.callers).await;
    }
    if bench.what == What::BareBot {
        return bench_bare::run(bench.bots).await;
    }
    let wanted = |what| bench.what == What::All || bench.what == what;
    let mut figures = Vec::new();
    if wanted(What::Start) {
        figures.extend(start().await?);
    }
    if wanted(What::Stream) {
        figures.extend(stream().await?);
    }
    if wanted(What::Answers) {
        figures.extend(answers().await?);
    }
    if wanted(What::Accepts) {
        let (sqlite, postgres) = accepts(CLIENTS).await?;
        let rate = |what, rate, goal| Figure { goal: Some(goal), more: true, ..Figure::note(what, rate, "1/s") };
        figures.push(rate("accepted events, 64 writers, SQLite", sqlite, 4_000.0));
        figures.push(rate("accepted events, 64 writers, PostgreSQL", postgres, 2_000.0));
    }
    if wanted(What::Overload) {
        figures.extend(overloaded().await?);
    }
    figures.extend(at_request(&bench).await?);
    if wanted(What::Telegram) {
        figures.extend(telegram().await?);
    }
    if wanted(What::Memory) {
        figures.extend(memory().await?);
    }
    for figure in &figures {
        if bench.json {
            out::json(figure)?;
            continue;
        }
        let bound = |bound: Option<f64>| bound.map_or_else(|| "–".to_owned(), |bound| format!("{bound:.2}"));
        let (gate, goal) = (bound(figure.gate), bound(figure.goal));
        let row =
            format!("{:<62} {:>10.3} {:<6} gate {gate:>6} goal {goal:>6}", figure.what, figure.value, figure.unit);
        out::line(format!("{row}  {}", figure.verdict()));
    }
    let missed = figures.iter().any(|figure| figure.verdict() == "GATE MISSED");
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn ask(text: &str) -> ChatBody {
    ChatBody { text: Some(text.to_owned()), action: None, conversation: None, key: None }
}

/// The value below which `share` of the sorted samples lie.
pub(crate) fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = ((samples.len().saturating_sub(1)) as f64 * share).round() as usize;
    samples.get(at).copied().unwrap_or(f64::NAN)
}

pub(crate) fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}

async fn start() -> anyhow::Result<Vec<Figure>> {
    let home = Arc::new(tempfile::tempdir()?);
    let mut took = Vec::new();
    for _ in 0..11 {
        let daemon = Daemon::start_in(Arc::clone(&home), "").await?;
        took.push(daemon.ready_after.as_secs_f64() * 1e3);
        end(daemon).await?;
    }
    took.remove(0);
    Ok(vec![Figure::less("start to ready, warm, p50 of 10", quantile(&mut took, 0.5), "ms", Some(300.0), Some(100.0))])
}

async fn end(mut daemon: Daemon) -> anyhow::Result<()> {
    daemon.child.kill().await?;
    Ok(())
}

/// When each chunk of one stream was heard, by its words.
struct Stream {
    question: String,
    heard: Vec<(Instant, String)>,
}

async fn listen(client: &Client, question: String) -> anyhow::Result<Stream> {
    let mut events = client.chat(&ask(&question)).await?;
    let mut heard = Vec::new();
    while let Some(event) = events.next().await {
        match event?.event {
            Event::StreamChunk { delta, .. } => heard.push((Instant::now(), delta)),
            Event::TurnEnded { outcome: Outcome::Completed, .. } => return Ok(Stream { question, heard }),
            Event::TurnEnded { outcome, .. } => bail!("a stream failed: {outcome:?}"),
            _ => {}
        }
    }
    bail!("a stream did not end")
}

/// 100 streams beside each other; a token ends with a space, so each completes a releasable run. Latency is measured at
/// 50 tokens a second a stream, processor time also at 200: the slower the stream, the more of it is waking up.
async fn stream() -> anyhow::Result<Vec<Figure>> {
    let calm = streams(60, Duration::from_millis(20)).await?;
    let brisk = streams(240, Duration::from_millis(5)).await?;
    let (mut first, mut every) = (calm.first, calm.every);
    Ok(vec![
        Figure::less(
            "added time to first token, 100 streams, p50",
            quantile(&mut first, 0.5),
            "ms",
            Some(1.0),
            Some(0.5),
        ),
        Figure::less("added time to first token, 100 streams, p99", quantile(&mut first, 0.99), "ms", None, Some(2.0)),
        Figure::note("added time of every token, p50", quantile(&mut every, 0.5), "ms"),
        Figure::note("added time of every token, p99", quantile(&mut every, 0.99), "ms"),
        Figure::less("processor time per token event, 50/s a stream", calm.spent_us, "µs", None, Some(20.0)),
        Figure::less("processor time per token event, 200/s a stream", brisk.spent_us, "µs", None, Some(20.0)),
    ])
}

/// What 100 streams cost.
struct Cost {
    /// Added milliseconds, of the first token of each stream and of every token.
    first: Vec<f64>,
    every: Vec<f64>,
    /// The daemon's processor time per token event.
    spent_us: f64,
}

async fn streams(tokens: usize, gap: Duration) -> anyhow::Result<Cost> {
    const STREAMS: usize = 100;
    let words = ["calm ", "water ", "under ", "slow ", "boats "];
    let deltas = words.iter().cycle().take(tokens).map(ToString::to_string).collect();
    let model = ModelServer::start(Script::always(Reply::Paced { deltas, gap })).await;
    let vendor = format!(
        "[budget]\nworkspace_tokens_per_day = 1_000_000_000\n[[provider]]\nkind = \"compatible\"\nmodel = \"bench\"\nbase_url = \"{}\"\n",
        model.base_url()
    );
    let daemon = Daemon::start(&vendor).await?;
    let client = daemon.client()?;
    let run = |round: &'static str| {
        // Streams begin beside each other, not at one instant.
        try_join_all((0..STREAMS).map(|n| {
            let client = &client;
            async move {
                tokio::time::sleep(Duration::from_millis(11) * u32::try_from(n).unwrap_or(0)).await;
                listen(client, format!("tell me a tale of boats, {round} {n:03}")).await
            }
        }))
    };
    // Warm: connections, caches, the first allocation of everything.
    run("warm").await?;
    let before = daemon.processor_s()?;
    let heard = run("measured").await?;
    let spent = daemon.processor_s()? - before;
    let (first, every) = added(&model, &heard)?;
    let spent_us = spent * 1e6 / count(every.len());
    Ok(Cost { first, every, spent_us })
}

/// What the daemon added to the first and to every token, in milliseconds: from the frame that completed it to the
/// client's event.
fn added(model: &ModelServer, streams: &[Stream]) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    // What people ask stands fenced within the last message.
    let asked = |request: &serde_json::Value| -> Option<String> {
        let last = request.get("messages")?.as_array()?.last()?;
        last.get("content")?.as_str().map(str::to_owned)
    };
    let requests: Vec<String> = model.requests().iter().map(|request| asked(request).unwrap_or_default()).collect();
    let mut written: HashMap<usize, Vec<Written>> = HashMap::new();
    for piece in model.written() {
        written.entry(piece.request).or_default().push(piece);
    }
    let (mut first, mut every) = (Vec::new(), Vec::new());
    for stream in streams {
        let request = requests.iter().position(|said| said.contains(&stream.question));
        let request = request.context("a question did not reach the model")?;
        let pieces = written.get(&request).context("nothing was written")?;
        let mut done = 0;
        for (at, (heard, words)) in stream.heard.iter().enumerate() {
            done += words.split_whitespace().count();
            let sent = pieces.get(done.saturating_sub(1)).context("more was heard than was written")?.at;
            let ms = heard.saturating_duration_since(sent).as_secs_f64() * 1e3;
            every.push(ms);
            if at == 0 {
                first.push(ms);
            }
        }
    }
    Ok((first, every))
}

/// 64 clients at a canonical question, beside the raw group-commit rate of the same disk, in turn, five times; the middle
/// ratio counts. A raw commit is the least that a durable answer needs (inbox + outbox + mark), by 64 tasks through the
/// same group writer, with nothing around it. For comparison, an answer's own two commits.
async fn answers() -> anyhow::Result<Vec<Figure>> {
    const ROUNDS: usize = 5;
    const ANSWERS: usize = 6_400;
    let daemon = Daemon::start("").await?;
    over_http(&daemon.url, ANSWERS).await?;
    let (mut raws, mut pairs, mut https, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before = daemon.processor_s()?;
    for _ in 0..ROUNDS {
        let raw = raw_group(CLIENTS, 2 * ANSWERS).await?;
        let http = over_http(&daemon.url, ANSWERS).await?;
        pairs.push(on_the_store(CLIENTS, ANSWERS).await?);
        raws.push(raw);
        https.push(http);
        ratios.push(100.0 * http / raw);
    }
    let spent = (daemon.processor_s()? - before) * 1e6 / count(ROUNDS * ANSWERS);
    let share = quantile(&mut ratios, 0.5);
    let gate = Figure {
        gate: Some(40.0),
        more: true,
        ..Figure::note("canonical answers over HTTP, share of raw", share, "%")
    };
    Ok(vec![
        Figure::note("raw group commit (inbox + outbox + mark), 64 tasks", quantile(&mut raws, 0.5), "1/s"),
        Figure::note("an answer's two commits alone, 64 tasks", quantile(&mut pairs, 0.5), "1/s"),
        Figure::note("canonical answers over HTTP, durable, 64 clients", quantile(&mut https, 0.5), "1/s"),
        Figure::note("processor time per canonical answer", spent, "µs"),
        gate,
    ])
}

async fn overloaded() -> anyhow::Result<Vec<Figure>> {
    let daemon = Daemon::start("").await?;
    over_http(&daemon.url, 6_400).await?;
    let capacity = over_http(&daemon.url, 12_800).await?;
    end(daemon).await?;
    let felt = overload(capacity).await?;
    let most = Some(2.0 * felt.idle_p99);
    Ok(vec![
        Figure::note("what 64 clients get answered", capacity, "1/s"),
        Figure::note("idle (200 questions a second), p99", felt.idle_p99, "ms"),
        Figure::less("overload, admitted of 200 questions a second, p99", felt.admitted_p99, "ms", most, None),
        Figure::note("of these questions, admitted", felt.admitted_share, "%"),
        Figure::note("overload, tickets, p99", felt.tickets_p99, "ms"),
        Figure::note("overload, requests that arrived", felt.arrived, "1/s"),
        Figure::note("overload, admitted", felt.admitted, "1/s"),
        Figure::note("overload, told to come again", felt.shed, "1/s"),
        Figure::note("tickets asked for meanwhile", count(felt.tickets), ""),
        Figure::less("of these turned away", count(felt.tickets_shed), "", Some(0.0), None),
    ])
}

/// Answers a second. The clients write and read HTTP by hand, each on one connection: a client that takes every event
/// apart needs as much of the processor as the daemon, and it is the daemon that is measured.
async fn over_http(url: &str, total: usize) -> anyhow::Result<f64> {
    let address = url.strip_prefix("http://").context("a plain address")?.trim_end_matches('/').to_owned();
    let began = Instant::now();
    try_join_all((0..CLIENTS).map(|_| async {
        let mut connection = bench_daemon::Connection::open(&address).await?;
        for _ in 0..total / CLIENTS {
            anyhow::ensure!(connection.ask(KNOWN).await? == Answered::Whole, "a request was turned away");
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok(count(total / CLIENTS * CLIENTS) / began.elapsed().as_secs_f64())
}

/// A message pushed into the Bot API fake, until its answer is there; one at a time.
async fn telegram() -> anyhow::Result<Vec<Figure>> {
    let token = "123456:benchbenchbench";
    let server = TelegramServer::start(token).await;
    let home = Arc::new(tempfile::tempdir()?);
    let raw = raw_commits(home.path()).await?;
    let file = home.path().join("token");
    std::fs::write(&file, token)?;
    let (file, api) = (file.display(), server.base_url());
    let account = format!(
        "[[account]]\nplatform = \"telegram\"\nname = \"bench\"\ntoken_file = \"{file}\"\napi_base = \"{api}\"\n\
         rate = {{ per_second = 100000, per_group_minute = 0, per_chat_ms = 0 }}\n"
    );
    let daemon = Daemon::start_in(home, &account).await?;
    let mut took = Vec::new();
    for n in 0..120_usize {
        server.wait_held(1).await;
        let pushed = Instant::now();
        server.push_message(1_000 + i64::try_from(n)?, 1_000, KNOWN);
        let sent = server.wait_sent(n + 1).await;
        let at = sent.last().context("nothing was sent")?.at;
        took.push(at.saturating_duration_since(pushed).as_secs_f64() * 1e3);
        // The account's ceiling is 30 a second; an idle daemon is what is measured.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    took.drain(..20);
    end(daemon).await?;
    let bound = 2.0 * raw + 3.0;
    Ok(vec![
        Figure::note("raw commit, one row, p50", raw, "ms"),
        Figure::less("canonical answer over Telegram, idle, p50", quantile(&mut took, 0.5), "ms", Some(bound), None),
        Figure::note("canonical answer over Telegram, idle, p99", quantile(&mut took, 0.99), "ms"),
    ])
}

async fn raw_commits(folder: &Path) -> anyhow::Result<f64> {
    let took = Store::raw_commits(folder, 300).await?;
    let mut ms: Vec<f64> = took.iter().map(|us| f64::from(u32::try_from(*us).unwrap_or(u32::MAX)) / 1e3).collect();
    Ok(quantile(&mut ms, 0.5))
}

async fn memory() -> anyhow::Result<Vec<Figure>> {
    let daemon = Daemon::start("").await?;
    let client = daemon.client()?;
    client.ready().await?;
    let idle = daemon.resident_mb()?;
    over_http(&daemon.url, 10_048).await?;
    let after = daemon.resident_mb()?;
    Ok(vec![
        Figure::less("resident memory, no account, idle", idle, "MB", Some(50.0), Some(30.0)),
        Figure::less("resident memory, after 10,000 conversations", after, "MB", Some(130.0), Some(100.0)),
    ])
}
