//! Ten thousand reconnects, for `townkeeper bench reconnects`: the Discord fake ends the connection as soon as it is back,
//! while people write. What the daemon's memory grows by is seen from outside.

use std::sync::Arc;

use anyhow::Context as _;
use townkeeper_fakes::discord::{DiscordBot, DiscordServer};

use crate::bench::{Figure, KNOWN, count};
use crate::bench_daemon::Daemon;

const TOKEN: &str = "MTA-bench.bench_bench.bench";
const BOT: u64 = 9_007_199_254_740_993;
/// Memory is compared from here on: until then caches fill.
const SETTLED: usize = 1_000;
/// Every so manieth time somebody writes.
const EVERY: usize = 5;

/// The figures of so many reconnects.
pub(crate) async fn figures(times: usize) -> anyhow::Result<Vec<Figure>> {
    let bot = DiscordBot { token: TOKEN.into(), user_id: BOT, application_id: BOT + 1, username: "bench".into() };
    let discord = DiscordServer::start(&[bot]).await;
    discord.tune(|options| {
        options.global_per_s = None;
        options.keep_calls = 0;
    });
    let home = Arc::new(tempfile::tempdir()?);
    let file = home.path().join("token");
    std::fs::write(&file, TOKEN)?;
    let config = format!(
        "[flood]\nmessages_per_minute = 1000000\nreply_depth = 1000000\n\
         [[account]]\nplatform = \"discord\"\nname = \"bench\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         [account.rate]\nper_second = 10000\n",
        file.display(),
        discord.api_base()
    );
    let mut daemon = Daemon::start_in(home, &config).await?;
    let mut settled = None;
    let began = std::time::Instant::now();
    let storm = discord
        .storm(BOT, times, EVERY, KNOWN, |n| {
            if n == SETTLED.min(times / 2) {
                settled = daemon.resident_mb().ok();
            }
        })
        .await;
    let took = began.elapsed().as_secs_f64();
    let growth = daemon.resident_mb()? - settled.context("the daemon's memory was not seen")?;
    daemon.child.kill().await?;
    let reconnects = count(storm.reconnects);
    let least = Figure { more: true, gate: Some(99.0), ..Figure::note("of these resumed", 0.0, "%") };
    Ok(vec![
        Figure::note("reconnects", reconnects, ""),
        Figure::note("reconnects a second", reconnects / took, "1/s"),
        Figure { value: count(storm.resumed) / reconnects * 100.0, ..least },
        Figure::less("memory grown by, from the 1,000th to the last", growth, "MB", Some(5.0), None),
        Figure::note("messages meanwhile", count(storm.asked), ""),
        Figure::less("messages never answered over reconnects", count(storm.lost), "", Some(0.0), None),
        Figure::less("answers too many over reconnects", count(storm.doubled), "", Some(0.0), None),
    ])
}
