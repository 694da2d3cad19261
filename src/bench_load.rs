//! Too much of everything, for `townkeeper bench`: a flood of messages for an hour, and ten times the requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::sync::Mutex;
use townkeeper_fakes::telegram::{BOT_USERNAME, TelegramServer};

use crate::bench::quantile;
use crate::bench_daemon::{Answered, Connection, Daemon};

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
        "[[account]]\nplatform = \"telegram\"\nname = \"bench\"\ntoken_file = \"{file}\"\napi_base = \"{api}\"\n\
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

/// What people felt, in milliseconds from when they meant to ask.
pub(crate) struct Overload {
    pub(crate) idle_p99: f64,
    pub(crate) admitted_p99: f64,
    pub(crate) admitted: usize,
    pub(crate) shed: usize,
    /// Tickets asked for meanwhile, and how many of them were turned away.
    pub(crate) tickets: usize,
    pub(crate) tickets_shed: usize,
}

/// Idle: 200 requests a second. Then ten times what 64 clients get answered, at its own pace whatever comes back.
pub(crate) async fn overload(capacity: f64) -> anyhow::Result<Overload> {
    let daemon = Daemon::start("").await?;
    open_loop(&daemon, 200.0, Duration::from_secs(2), false).await?;
    let mut idle = open_loop(&daemon, 200.0, Duration::from_secs(8), false).await?;
    let (mut busy, tickets) = tokio::try_join!(
        open_loop(&daemon, capacity * 10.0, Duration::from_secs(8), false),
        open_loop(&daemon, 20.0, Duration::from_secs(8), true),
    )?;
    Ok(Overload {
        idle_p99: quantile(&mut idle.took, 0.99),
        admitted_p99: quantile(&mut busy.took, 0.99),
        admitted: busy.took.len(),
        shed: busy.shed,
        tickets: tickets.took.len() + tickets.shed,
        tickets_shed: tickets.shed,
    })
}

#[derive(Default)]
struct Felt {
    took: Vec<f64>,
    shed: usize,
}

/// Requests at a pace of their own: each is timed from when it was due, so that a wait before it is sent counts too.
async fn open_loop(daemon: &Daemon, rate: f64, length: Duration, tickets: bool) -> anyhow::Result<Felt> {
    const CONNECTIONS: u32 = 256;
    let host = daemon.url.strip_prefix("http://").context("a plain address")?.trim_end_matches('/').to_owned();
    let felt = Arc::new(Mutex::new(Felt::default()));
    let began = Instant::now();
    let every = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let text = if tickets { "/ticket please help me" } else { "how do I migrate from a hardware wallet?" };
    try_join_all((0..CONNECTIONS).map(|at| {
        let (host, felt) = (host.clone(), Arc::clone(&felt));
        async move {
            let mut connection = Connection::open(&host).await?;
            let mut own = Felt::default();
            let mut due = began + every.mul_f64(f64::from(at) / f64::from(CONNECTIONS));
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
