//! The shield under load, for `townkeeper bench cards`: a group on Telegram in which five hundred people write a message each
//! second, one in a hundred of them a lure, from the lure handed to the daemon to its card seen by the moderators. A minute
//! has ten cards, so it is measured in rounds, each with a daemon of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use townkeeper_fakes::telegram::{SentMessage, TelegramServer};

use crate::bench::{Figure, count, quantile};
use crate::bench_daemon::Daemon;

const TOKEN: &str = "1000000:benchbenchbench";
const GROUP: i64 = -1_001_234;
const OFFICE: i64 = -1_009_999;
const MODERATOR: i64 = 50;
/// Who writes lures, from here on; everybody else has a smaller number.
const SCAMMERS: i64 = 100_000;
/// Messages a second, and in a round.
const RATE: f64 = 500.0;
const MESSAGES: usize = 2_000;
/// One message in so many is a lure.
const HIT: usize = 100;
const CARDS: usize = 10;
/// Rounds of the whole measurement.
const ROUNDS: f64 = 12.0;

/// What came of one round.
#[derive(Default)]
struct Round {
    /// Milliseconds from a lure to its card, each.
    took: Vec<f64>,
    /// Cases that had neither a card nor a line in a digest, and messages to moderators too many.
    lost: usize,
    beyond: usize,
    /// Processor time of the daemon a message, in microseconds.
    cost_us: f64,
}

/// All figures, of that share of twelve rounds.
pub(crate) async fn figures(share: f64) -> anyhow::Result<Vec<Figure>> {
    let mut all = Round::default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few rounds")]
    let rounds = (ROUNDS * share).round().max(1.0) as usize;
    let mut costs = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let round = round().await?;
        all.took.extend(round.took);
        all.lost += round.lost;
        all.beyond += round.beyond;
        costs.push(round.cost_us);
    }
    let (p50, p99) = (quantile(&mut all.took, 0.5), quantile(&mut all.took, 0.99));
    let less = Figure::less;
    Ok(vec![
        Figure::note("lures with a card of their own", count(all.took.len()), ""),
        Figure::note("lure to card, 500 messages a second, 1 % lures, p50", p50, "ms"),
        less("lure to card, 500 messages a second, 1 % lures, p99", p99, "ms", Some(250.0), None),
        less("lures that were not found", count(all.lost), "", Some(0.0), None),
        less("messages to moderators beyond ten cards and a digest a minute", count(all.beyond), "", Some(0.0), None),
        Figure::note("processor time a message in a watched group", quantile(&mut costs, 0.5), "µs"),
    ])
}

async fn round() -> anyhow::Result<Round> {
    let telegram = TelegramServer::start(TOKEN).await;
    for group in [GROUP, OFFICE] {
        for person in [0, MODERATOR] {
            telegram.promote(group, person, &["can_delete_messages", "can_restrict_members"]);
        }
    }
    let home = Arc::new(tempfile::tempdir()?);
    let file = home.path().join("token");
    std::fs::write(&file, TOKEN)?;
    let config = format!(
        "[shield]\nbrands = [\"lumen\"]\n[[account]]\nplatform = \"telegram\"\nname = \"main\"\ngroups = \"any\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         [account.rate]\nper_second = 10000\nper_chat_ms = 0\nper_group_minute = 0\n",
        file.display(),
        telegram.base_url()
    );
    let mut daemon = Daemon::start_in(home, &config).await?;
    telegram.wait_held(1).await;
    for (group, words) in [(OFFICE, "/keeper notices here"), (GROUP, "/keeper shield flag")] {
        let answered = telegram.sent_count() + 1;
        telegram.push_message(group, MODERATOR, words);
        telegram.wait_sent_count(answered).await;
    }
    let round = load(&telegram, &daemon).await?;
    daemon.child.kill().await?;
    Ok(round)
}

async fn load(telegram: &TelegramServer, daemon: &Daemon) -> anyhow::Result<Round> {
    let before = telegram.sent_count();
    let spent = daemon.processor_s()?;
    let mut lures: HashMap<i64, Instant> = HashMap::new();
    let mut words = fastrand::Rng::with_seed(6);
    let began = Instant::now();
    for n in 0..MESSAGES {
        let due = began + Duration::from_secs_f64(count(n) / RATE);
        tokio::time::sleep_until(due.into()).await;
        let person = i64::try_from(n)?;
        if n % HIT == HIT - 1 {
            let person = SCAMMERS + person;
            lures.insert(person, Instant::now());
            telegram.push_message(GROUP, person, &lure(n));
        } else {
            telegram.push_message(GROUP, 1_000 + person % 500, &talk(&mut words));
        }
    }
    let cost_us = (daemon.processor_s()? - spent) * 1e6 / count(MESSAGES);
    let digest = telegram.wait_message(|message| message.text.contains("more cases"));
    tokio::time::timeout(Duration::from_secs(20), digest).await.context("no digest came")?;
    telegram.wait_drained().await;
    let said: Vec<SentMessage> = telegram.sent().into_iter().skip(before).collect();
    let mut round = Round { cost_us, ..Round::default() };
    for card in said.iter().filter(|message| message.text.starts_with("Case ")) {
        let author = card.text.split(&['(', ')'][..]).find_map(|part| part.parse::<i64>().ok());
        let at = author.and_then(|author| lures.remove(&author)).context("a card about no lure")?;
        round.took.push((card.at - at).as_secs_f64() * 1e3);
    }
    let found = cases(daemon, telegram).await?;
    round.lost = (MESSAGES / HIT).saturating_sub(found);
    round.beyond = said.len().saturating_sub(CARDS + 1);
    Ok(round)
}

/// How many lures the daemon holds a case of, as it counts them itself.
async fn cases(daemon: &Daemon, telegram: &TelegramServer) -> anyhow::Result<usize> {
    telegram.wait_drained().await;
    let metrics = reqwest::get(format!("{}/metrics", daemon.url)).await?.text().await?;
    let judged =
        metrics.lines().filter(|line| line.starts_with("townkeeper_shield_total") && !line.contains("\"pass\""));
    let counts = judged.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    Ok(counts.sum::<f64>() as usize)
}

fn lure(n: usize) -> String {
    format!("The LUM migration ends tonight! Connect your wallet and claim at https://claim-lumen.example.net/{n} now")
}

/// What people talk about: never the same twice.
fn talk(words: &mut fastrand::Rng) -> String {
    const WORDS: [&str; 24] = [
        "boat",
        "harbour",
        "evening",
        "lantern",
        "bridge",
        "market",
        "rain",
        "music",
        "garden",
        "window",
        "river",
        "train",
        "bread",
        "winter",
        "letter",
        "mountain",
        "coffee",
        "painting",
        "neighbour",
        "holiday",
        "violin",
        "kitchen",
        "forest",
        "island",
    ];
    let picked: Vec<&str> = (0..9).filter_map(|_| WORDS.get(words.usize(..WORDS.len())).copied()).collect();
    format!("my {}", picked.join(" and "))
}
