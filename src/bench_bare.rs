//! A bare bot, for `townkeeper bench platforms` to stand beside: it answers every message with the same words over the
//! field's usual library, and keeps nothing.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
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
    /// Where a model answers, if not the words that it always says
    #[arg(long = "bare-model", hide = true)]
    model: Option<String>,
}

/// Answers until it is killed.
pub(crate) async fn run(bots: Bots) -> anyhow::Result<ExitCode> {
    let model = match bots.model {
        Some(url) => {
            let http = reqwest::Client::builder().timeout(Duration::from_mins(2)).build()?;
            Some(Model { http, url: format!("{url}/chat/completions") })
        }
        None => None,
    };
    try_join_all(bots.bots.into_iter().map(|bot| {
        let model = model.clone();
        async move {
            let (token, address) = bot.split_once('=').context("--bot takes token=address")?;
            answer(Bot::new(token).set_api_url(address.parse()?), model).await
        }
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// A model that is asked.
#[derive(Clone)]
struct Model {
    http: reqwest::Client,
    url: String,
}

impl Model {
    /// The whole answer, out of its stream.
    async fn says(&self, question: &str) -> anyhow::Result<String> {
        let body = json!({ "model": "bench", "stream": true, "messages": [{ "role": "user", "content": question }] });
        let request = self.http.post(&self.url).header("content-type", "application/json").body(body.to_string());
        let mut response = request.send().await?.error_for_status()?;
        let mut read = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            read.extend_from_slice(&chunk);
        }
        let read = String::from_utf8(read)?;
        let pieces = read.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let words = pieces.filter_map(|piece| Some(piece.pointer("/choices/0/delta/content")?.as_str()?.to_owned()));
        Ok(words.collect())
    }
}

async fn answer(bot: Bot, model: Option<Model>) -> anyhow::Result<()> {
    let (mut offset, mut answers) = (0, JoinSet::new());
    loop {
        while answers.try_join_next().is_some() {}
        for update in bot.get_updates().offset(offset).timeout(15).send().await? {
            offset = update.id.as_offset();
            if let UpdateKind::Message(message) = update.kind {
                let (bot, model) = (bot.clone(), model.clone());
                answers.spawn(async move {
                    let words = match model {
                        Some(model) => model.says(message.text().unwrap_or_default()).await?,
                        None => ANSWER.to_owned(),
                    };
                    anyhow::Ok(bot.send_message(message.chat.id, words).send().await.map(drop)?)
                });
            }
        }
    }
}
