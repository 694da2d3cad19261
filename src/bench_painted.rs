//! A model's answer on the platforms, for `townkeeper bench painted`: what one of forty tokens costs in processor time beside
//! a bare bot that asks the same model, and how many calls a short and a long one take.

use std::time::Duration;

use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::TelegramServer;

use crate::bench::{Figure, count};
use crate::bench_daemon::Daemon;
use crate::bench_discord::{ROOM, Square, part_of};
use crate::bench_platforms::{Asked, Town};

/// Answered by no entry; its first word may be all that stands there when it is seen.
const TALK: Asked = Asked { question: "please tell me a bedtime story about lanterns", told: "calm" };
const SENDS: &str = "POST /channels/{channel.id}/messages";
const EDITS: &str = "PATCH /channels/{channel.id}/messages/{message.id}";

/// So many tokens, one every `gap`.
fn tale(tokens: usize, gap: Duration) -> Reply {
    let words = ["calm ", "water ", "under ", "slow ", "boats "];
    Reply::Paced { deltas: words.iter().cycle().take(tokens).map(ToString::to_string).collect(), gap }
}

fn vendor(model: &ModelServer) -> String {
    format!(
        "{ROOM}[budget]\nperson_tokens_per_day = 1000000000\nworkspace_tokens_per_day = 1000000000\n\
         [[provider]]\nkind = \"compatible\"\nmodel = \"bench\"\nbase_url = \"{}\"\n",
        model.base_url()
    )
}

/// All figures, of that share of the messages.
pub(crate) async fn figures(share: f64) -> anyhow::Result<Vec<Figure>> {
    let mut figures = cost(share).await?;
    for (what, tokens, gap, most) in [
        ("300 ms", 30, Duration::from_millis(10), 1.0),
        // One edit a second and one final.
        ("30 s", 300, Duration::from_millis(100), 31.0),
    ] {
        let model = ModelServer::start(Script::always(tale(tokens, gap))).await;
        let (telegram, discord) = tokio::join!(on_telegram(&model), on_discord(&model));
        for (platform, calls) in [("Telegram", telegram?), ("Discord", discord?)] {
            let name = format!("{platform}: calls besides typing for a model's answer of {what}, in private");
            figures.push(Figure::less(&name, calls, "", Some(most), None));
        }
    }
    Ok(figures)
}

/// Processor time of forty tokens, by the daemon and by a bare bot.
async fn cost(share: f64) -> anyhow::Result<Vec<Figure>> {
    let (warm, measured) = (part_of(1_000, share), part_of(5_000, share));
    let model = ModelServer::start(Script::always(tale(40, Duration::from_millis(5)))).await;
    let town = Town::open(TALK).await?;
    let mut bare = town.bare(Some(&model.base_url()))?;
    for server in &town.servers {
        server.wait_held(1).await;
    }
    town.load(warm, 100.0, &bare).await?;
    let bares = town.load(measured, 100.0, &bare).await?;
    bare.child.kill().await?;
    let town = Town::open(TALK).await?;
    let mut daemon = town.daemon(&vendor(&model)).await?;
    town.load(warm, 100.0, &daemon).await?;
    let ours = town.load(measured, 100.0, &daemon).await?;
    daemon.child.kill().await?;
    let ratio = ours.cost_us() / bares.cost_us();
    Ok(vec![
        Figure::note("bare bot, processor time a model's answer of 40 tokens", bares.cost_us(), "µs"),
        Figure::note("processor time a model's answer of 40 tokens", ours.cost_us(), "µs"),
        Figure::less("that, in answers of the bare bot", ratio, "×", None, Some(1.5)),
        Figure::less("model answers lost or too many", count(ours.lost + ours.doubled), "", Some(0.0), None),
    ])
}

/// Messages and edits for one answer in private, once its last word stands there.
async fn on_telegram(model: &ModelServer) -> anyhow::Result<f64> {
    const TOKEN: &str = "123456:benchbench";
    let telegram = TelegramServer::start(TOKEN).await;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN)?;
    let (file, api) = (file.display(), telegram.base_url());
    let account =
        format!("[[account]]\nplatform = \"telegram\"\nname = \"b\"\ntoken_file = \"{file}\"\napi_base = \"{api}\"\n");
    let mut daemon = Daemon::start(&format!("{}{account}", vendor(model))).await?;
    telegram.wait_held(1).await;
    telegram.push_message(42, 42, TALK.question);
    telegram.wait_message(|message| is_whole(&message.text)).await;
    // Whatever is still to be sent is by then.
    daemon.child.kill().await?;
    Ok(count(telegram.calls("sendMessage").len() + telegram.calls("editMessageText").len()))
}

async fn on_discord(model: &ModelServer) -> anyhow::Result<f64> {
    let mut square = Square::open(1, 1, &vendor(model).replace(ROOM, "")).await?;
    square.asks(0, TALK.question)?;
    square.discord.wait(|s| s.messages.values().flat_map(|all| all.values()).any(|m| is_whole(&m.content))).await;
    square.daemon.child.kill().await?;
    let calls = |route| square.discord.look(|s| s.counts.get(route).copied().unwrap_or_default());
    Ok(count(usize::try_from(calls(SENDS) + calls(EDITS))?))
}

/// Whether it is an answer, and does not go on.
fn is_whole(text: &str) -> bool {
    text.trim_end().ends_with("boats")
}
