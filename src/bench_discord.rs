//! Discord under load, for `townkeeper bench discord`: five bots over one gateway, two hundred direct conversations, at a
//! brisk pace and as fast as it goes. The fake's limits are off and the accounts' raised: it is the daemon that is measured.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use townkeeper_fakes::discord::{DiscordBot, DiscordServer};

use crate::bench::{Figure, KNOWN, count, quantile};
use crate::bench_daemon::Daemon;

const BOTS: u64 = 5;
const PEOPLE: u64 = 40;
const FIRST_BOT: u64 = 9_007_199_254_740_993;
const FIRST_PERSON: u64 = 9_007_199_254_760_001;
const SENDS: &str = "POST /channels/{channel.id}/messages";
/// What the canonical answer holds, and no notice of ours.
const TOLD: &str = "wallet";

/// Everything that people and processes are given room for.
pub(crate) const ROOM: &str = "[flood]\nmessages_per_minute = 1000000\nreply_depth = 1000000\n";

/// A Discord without limits and a daemon on it.
pub(crate) struct Square {
    pub(crate) discord: DiscordServer,
    pub(crate) daemon: Daemon,
    /// The direct conversations: who the bot is, who the person, and where.
    pub(crate) direct: Vec<(u64, u64, u64)>,
}

impl Square {
    /// With so many bots, each with so many people, and more configuration.
    pub(crate) async fn open(bots: u64, people: u64, more: &str) -> anyhow::Result<Self> {
        let bot = |n: u64| DiscordBot {
            token: format!("MTA-bench{n}.bench_bench.bench"),
            user_id: FIRST_BOT + 10 * n,
            application_id: FIRST_BOT + 10 * n + 1,
            username: format!("bench{n}"),
        };
        let known: Vec<DiscordBot> = (0..bots).map(bot).collect();
        let discord = DiscordServer::start(&known).await;
        discord.tune(|options| {
            options.global_per_s = None;
            options.route_limit = (1_000_000_000, 1_000);
            options.keep_calls = 0;
        });
        let home = Arc::new(tempfile::tempdir()?);
        let mut config = format!("{more}{ROOM}");
        for (n, bot) in known.iter().enumerate() {
            let file = home.path().join(format!("token{n}"));
            std::fs::write(&file, &bot.token)?;
            write!(
                config,
                "[[account]]\nplatform = \"discord\"\nname = \"b{n}\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
                 [account.rate]\nper_second = 100000\n",
                file.display(),
                discord.api_base()
            )?;
        }
        let daemon = Daemon::start_in(home, &config).await?;
        discord.wait(|s| s.connected() == known.len() && s.commands.len() == known.len()).await;
        let pairs = known.iter().flat_map(|bot| (0..people).map(|n| (bot.user_id, FIRST_PERSON + n)));
        let direct = pairs.map(|(bot, person)| (bot, person, discord.direct(bot, person))).collect();
        Ok(Self { discord, daemon, direct })
    }

    pub(crate) fn asks(&self, at: usize, question: &str) -> anyhow::Result<u64> {
        let (_, person, channel) = *self.direct.get(at % self.direct.len()).context("a conversation")?;
        self.discord.push_message(json!({ "channel_id": channel, "author": { "id": person }, "content": question }));
        Ok(channel)
    }

    fn sends(&self) -> u64 {
        self.discord.look(|s| s.counts.get(SENDS).copied().unwrap_or_default())
    }

    /// `messages`, evenly over bots and people, at `rate` a second whatever comes back.
    async fn load(&self, messages: usize, rate: f64) -> anyhow::Result<Load> {
        let (before, spent, began) = (self.sends(), self.daemon.processor_s()?, Instant::now());
        let mut asked: HashMap<u64, Vec<Instant>> = HashMap::new();
        for n in 0..messages {
            let due = began + Duration::from_secs_f64(count(n) / rate);
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
            let now = Instant::now();
            asked.entry(self.asks(n, KNOWN)?).or_default().push(now);
        }
        let wanted = before + u64::try_from(messages)?;
        let all = self.discord.wait(|s| s.counts.get(SENDS).copied().unwrap_or_default() >= wanted);
        // What is lost is counted, not waited for.
        tokio::time::timeout(Duration::from_mins(1), all).await.ok();
        let mut load = Load { took: Vec::new(), lost: 0, doubled: 0, seconds: 0.0, processor_s: 0.0 };
        let mut last = began;
        let bots: Vec<u64> = self.direct.iter().map(|(bot, ..)| *bot).collect();
        let said = self.discord.look(|s| {
            let ours = |(_, m): (&u64, &townkeeper_fakes::discord::Message)| {
                (m.at >= began && bots.contains(&m.author)).then(|| (m.channel, m.at, m.content.contains(TOLD)))
            };
            s.messages.values().flat_map(|all| all.iter().filter_map(ours)).collect::<Vec<_>>()
        });
        for (channel, at, told) in said {
            anyhow::ensure!(told, "another answer than the canonical one");
            last = last.max(at);
            match asked.get_mut(&channel).filter(|asked| !asked.is_empty()) {
                Some(asked) => load.took.push((at - asked.remove(0)).as_secs_f64() * 1e3),
                None => load.doubled += 1,
            }
        }
        load.lost = asked.values().map(Vec::len).sum();
        load.seconds = (last - began).as_secs_f64();
        load.processor_s = self.daemon.processor_s()? - spent;
        Ok(load)
    }
}

/// What a load came to: milliseconds from a message to its answer, what went wrong, and how long it took.
struct Load {
    took: Vec<f64>,
    lost: usize,
    doubled: usize,
    seconds: f64,
    processor_s: f64,
}

/// All figures, of that share of the messages.
pub(crate) async fn figures(share: f64) -> anyhow::Result<Vec<Figure>> {
    let mut square = Square::open(BOTS, PEOPLE, "").await?;
    let part = |messages: usize| part_of(messages, share);
    square.load(part(2_000), 200.0).await?;
    let mut brisk = square.load(part(5_000), 100.0).await?;
    let most = square.load(part(10_000), f64::INFINITY).await?;
    square.daemon.child.kill().await?;
    let too_many = square.discord.look(|s| s.too_many);
    let (p50, p99) = (quantile(&mut brisk.took, 0.5), quantile(&mut brisk.took, 0.99));
    let answered = count(most.took.len());
    Ok(vec![
        Figure::note("Discord: canonical answer, 100 messages a second over 5 bots, p50", p50, "ms"),
        Figure::less("Discord: canonical answer, 100 messages a second over 5 bots, p99", p99, "ms", Some(50.0), None),
        Figure::note("Discord: canonical answers over 5 bots, as fast as it goes", answered / most.seconds, "1/s"),
        Figure::note("Discord: processor time a canonical answer", most.processor_s * 1e6 / answered, "µs"),
        Figure::less("Discord: messages never answered", count(brisk.lost + most.lost), "", Some(0.0), None),
        Figure::less("Discord: answers too many", count(brisk.doubled + most.doubled), "", Some(0.0), None),
        Figure::note("Discord: requests that were too fast for it", count(usize::try_from(too_many)?), ""),
    ])
}

/// That share of so many messages, at least as many as there are conversations.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a number of messages"
)]
pub(crate) fn part_of(messages: usize, share: f64) -> usize {
    let least = usize::try_from(BOTS * PEOPLE).unwrap_or(usize::MAX);
    ((messages as f64 * share) as usize).max(least)
}
