//! A bare bot, for `townkeeper bench platforms` to stand beside: it answers every message with the same words over the
//! field's usual library, and keeps nothing.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use futures_util::future::try_join_all;
use teloxide_core::Bot;
use teloxide_core::payloads::GetUpdatesSetters as _;
use teloxide_core::requests::{Request as _, Requester as _};
use teloxide_core::types::UpdateKind;
use tokio::task::JoinSet;

/// About as long as the canonical answer that it stands beside.
const ANSWER: &str = "Connect the hardware wallet to the official migration page and follow the steps on its screen. Your \
                      keys never leave the device, and nobody from the team will ever ask for your seed phrase.\n\n\
                      Source: https://lumen.example.org/help/hardware-wallet · as of 2026-11-01 · rev 0123456";

/// Which bots.
#[derive(Debug, Args)]
pub(crate) struct Bots {
    /// `token=address` of its Bot API
    #[arg(long = "bot", hide = true)]
    bots: Vec<String>,
}

/// Answers until it is killed.
pub(crate) async fn run(bots: Bots) -> anyhow::Result<ExitCode> {
    try_join_all(bots.bots.into_iter().map(|bot| async move {
        let (token, address) = bot.split_once('=').context("--bot takes token=address")?;
        answer(Bot::new(token).set_api_url(address.parse()?)).await
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(bot: Bot) -> anyhow::Result<()> {
    let (mut offset, mut answers) = (0, JoinSet::new());
    loop {
        while answers.try_join_next().is_some() {}
        for update in bot.get_updates().offset(offset).timeout(15).send().await? {
            offset = update.id.as_offset();
            if let UpdateKind::Message(message) = update.kind {
                let bot = bot.clone();
                answers.spawn(async move { bot.send_message(message.chat.id, ANSWER).send().await.map(drop) });
            }
        }
    }
}
