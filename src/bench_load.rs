//! Too much of everything, for `townkeeper bench`: a flood of messages for an hour, and ten times the requests.

use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;
use tokio::sync::Mutex;
use townkeeper_fakes::telegram::{BOT_USERNAME, TelegramServer};

use crate::bench::{KNOWN, count, quantile};
use crate::bench_daemon::{Answered, Connection, Daemon};
use crate::out;

/// Resident memory in MB: the most there was, and how much it grew over the second half.
pub(crate) struct Flood {
    pub(crate) most: f64,
    pub(crate) growth: f64,
    pub(crate) messages: u32,
}

/// The messages of an hour, 100,000 a minute from 10,000 people in 50 groups, as fast as they are read. One in 2,000 is a
/// question for the bot; the rest is chatter.
pub(crate) async fn flood(minutes: u32) -> anyhow::Result<Flood> {
    const A_MINUTE: u32 = 100_000;
    const CHUNK: u32 = 5_000;
    let token = "123456:benchbenchbench";
    let server = TelegramServer::start(token).await;
    let home = Arc::new(tempfile::tempdir()?);
    let file = home.path().join("token");
    std::fs::write(&file, token)?;
    let (file, api) = (file.display(), server.base_url());
    let account = format!(
        "[[account]]\nplatform = \"telegram\"\nname = \"bench\"\ntoken_file = \"{file}\"\napi_base = \"{api}\"\ngroups = \"any\"\n\
         rate = {{ per_second = 100000, per_group_minute = 0, per_chat_ms = 0 }}\n"
    );
    let daemon = Daemon::start_in(Arc::clone(&home), &account).await?;
    let (mut sizes, mut messages) = (Vec::new(), 0);
    for _ in 0..minutes {
        for _ in 0..A_MINUTE / CHUNK {
            let mut last = 0;
            for _ in 0..CHUNK {
                messages += 1;
                last = push(&server, messages);
            }
            server.wait_confirmed(last).await;
        }
        sizes.push(daemon.resident_mb()?);
    }
    let half = sizes.len() / 2;
    let most = sizes.iter().copied().fold(0.0, f64::max);
    let later = sizes.get(half..).unwrap_or_default();
    let growth = later.iter().copied().fold(0.0, f64::max) - later.first().copied().unwrap_or_default();
    Ok(Flood { most, growth, messages })
}

fn push(server: &TelegramServer, n: u32) -> i64 {
    let (person, group) = (1 + i64::from(n % 10_000), -1_000 - i64::from(n % 50));
    let asks = n.is_multiple_of(2_000);
    let mention = format!("@{BOT_USERNAME}");
    let text =
        if asks { format!("{mention} how do I migrate from a hardware wallet?") } else { format!("gm everyone {n}") };
    let entities = if asks { json!([{ "type": "mention", "offset": 0, "length": mention.len() }]) } else { json!([]) };
    server.push_update(json!({ "message": {
        "message_id": n, "date": 1_790_000_000, "chat": { "id": group, "type": "supergroup" },
        "from": { "id": person, "is_bot": false, "first_name": "Person" }, "text": text, "entities": entities,
    }}))
}

/// How long it is measured, and how long the flood is there before.
const MEASURED: Duration = Duration::from_secs(20);
const BEFORE: Duration = Duration::from_secs(2);

/// The light load that measures, on an idle daemon and on a flooded one: questions and tickets a second.
const QUESTIONS: f64 = 200.0;
const TICKETS: f64 = 20.0;

/// Ten times the clients that capacity is measured with.
const CALLERS: u32 = 640;

/// What people felt: times in milliseconds from when they meant to ask, rates a second.
pub(crate) struct Overload {
    pub(crate) idle_p99: f64,
    pub(crate) admitted_p99: f64,
    /// Of the questions that measured, in per cent.
    pub(crate) admitted_share: f64,
    pub(crate) tickets_p99: f64,
    /// Everybody's, the flood's above all.
    pub(crate) arrived: f64,
    pub(crate) admitted: f64,
    pub(crate) shed: f64,
    /// Tickets asked for meanwhile, and how many of them were turned away.
    pub(crate) tickets: usize,
    pub(crate) tickets_shed: usize,
}

/// The same light load twice: alone, and while ten times what 64 clients get answered is asked by a process of lower
/// priority. Its callers stand for people with machines of their own, which slow nobody down by asking.
pub(crate) async fn overload(capacity: f64) -> anyhow::Result<Overload> {
    let daemon = Daemon::start("").await?;
    probe(&daemon, BEFORE).await?;
    let (mut idle, _) = probe(&daemon, MEASURED).await?;
    let flood = Command::new("nice")
        .args(["-n", "19"])
        .arg(std::env::current_exe()?)
        .args(["bench", "callers", "--url", &daemon.url])
        .args(["--rate", &format!("{:.0}", capacity * 10.0)])
        .args(["--seconds", &format!("{:.0}", (BEFORE + MEASURED + BEFORE).as_secs_f64())])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    tokio::time::sleep(BEFORE).await;
    let (mut busy, mut tickets) = probe(&daemon, MEASURED).await?;
    let flood = flood.wait_with_output().await?;
    let flood: Asked = serde_json::from_slice(&flood.stdout).context("the flood did not end well")?;
    let questions = busy.took.len() + busy.shed;
    let ours = |n: usize| count(n) / MEASURED.as_secs_f64();
    let (admitted, shed) = (flood.admitted + ours(busy.took.len()), flood.shed + ours(busy.shed));
    Ok(Overload {
        idle_p99: quantile(&mut idle.took, 0.99),
        admitted_p99: quantile(&mut busy.took, 0.99),
        admitted_share: 100.0 * count(busy.took.len()) / count(questions.max(1)),
        tickets_p99: quantile(&mut tickets.took, 0.99),
        arrived: admitted + shed,
        admitted,
        shed,
        tickets: tickets.took.len() + tickets.shed,
        tickets_shed: tickets.shed,
    })
}

async fn probe(daemon: &Daemon, length: Duration) -> anyhow::Result<(Felt, Felt)> {
    tokio::try_join!(
        open_loop(&daemon.url, QUESTIONS, length, 64, KNOWN),
        open_loop(&daemon.url, TICKETS, length, 16, "/ticket please help me"),
    )
}

/// What the flood is told.
#[derive(Debug, Args)]
pub(crate) struct Callers {
    #[arg(long, hide = true, default_value = "")]
    url: String,
    #[arg(long, hide = true, default_value_t = 0.0)]
    rate: f64,
    #[arg(long, hide = true, default_value_t = 0.0)]
    seconds: f64,
}

/// What came of it, a second.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    admitted: f64,
    shed: f64,
}

/// `bench callers`: asks at a pace of its own, whatever comes back, and says what came of it.
pub(crate) async fn callers(told: Callers) -> anyhow::Result<ExitCode> {
    let felt = open_loop(&told.url, told.rate, Duration::from_secs_f64(told.seconds), CALLERS, KNOWN).await?;
    out::json(&Asked { admitted: count(felt.took.len()) / told.seconds, shed: count(felt.shed) / told.seconds })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Felt {
    took: Vec<f64>,
    shed: usize,
}

/// Requests at a pace of their own: each is timed from when it was due, so that a wait before it is sent counts too.
async fn open_loop(url: &str, rate: f64, length: Duration, connections: u32, text: &str) -> anyhow::Result<Felt> {
    let host = url.strip_prefix("http://").context("a plain address")?.trim_end_matches('/').to_owned();
    let felt = Arc::new(Mutex::new(Felt::default()));
    let began = Instant::now();
    let every = Duration::from_secs_f64(f64::from(connections) / rate);
    try_join_all((0..connections).map(|at| {
        let (host, felt) = (host.clone(), Arc::clone(&felt));
        async move {
            let mut connection = Connection::open(&host).await?;
            let mut own = Felt::default();
            let mut due = began + every.mul_f64(f64::from(at) / f64::from(connections));
            while due < began + length {
                tokio::time::sleep_until(due.into()).await;
                match connection.ask(text).await? {
                    Answered::Whole => own.took.push(due.elapsed().as_secs_f64() * 1e3),
                    Answered::Refused => own.shed += 1,
                }
                // Who is answered late asks late, and does not ask twice for that: what was due meanwhile is dropped.
                let missed = due.elapsed().as_secs_f64() / every.as_secs_f64();
                due += every.mul_f64(missed.floor().max(0.0) + 1.0);
            }
            let mut felt = felt.lock().await;
            felt.took.append(&mut own.took);
            felt.shed += own.shed;
            anyhow::Ok(())
        }
    }))
    .await?;
    Ok(Arc::into_inner(felt).context("somebody still asks")?.into_inner())
}
