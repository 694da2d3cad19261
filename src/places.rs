//! `place`: the groups and channels that the daemon knows, and what is set for each.

use std::process::ExitCode;

use chrono::DateTime;
use clap::{Args, Subcommand};
use townkeeper_contract::case::ShieldMode;
use townkeeper_contract::place::{PlaceChange, PlaceChannel, PlaceInfo, PlaceMode, PlaceWho, ShownSetting};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// Groups and channels.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaceCommand {
    /// Every place that is known, its settings, and where each comes from
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Set something for a place, as /keeper does in the place itself
    Set(SetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Like telegram:main
    account: String,
    /// The platform's own number of the place
    #[arg(allow_hyphen_values = true)]
    place: String,
    /// Whether it is taken notice of: yes, no
    #[arg(long, value_parser = yes)]
    link: Option<bool>,
    /// answer, support, off
    #[arg(long, value_parser = mode)]
    mode: Option<PlaceMode>,
    /// Whether notices for moderators go there: here, off
    #[arg(long, value_parser = here)]
    notices: Option<bool>,
    /// Whether the safety page stands there, pinned and kept up to date: here, off
    #[arg(long, value_parser = here)]
    safety: Option<bool>,
    /// What is done about what looks like a scam: off, shadow, flag, guard
    #[arg(long, value_parser = shield)]
    shield: Option<ShieldMode>,
    /// What it is for: open, support, announcements, reports, staff
    #[arg(long, value_parser = channel)]
    channel: Option<PlaceChannel>,
    /// What a model answers in: a code like de, or auto
    #[arg(long)]
    language: Option<String>,
    /// Who may set it up there: platform, roles
    #[arg(long, value_parser = who)]
    who: Option<PlaceWho>,
    #[command(flatten)]
    daemon: Daemon,
}

fn yes(word: &str) -> Result<bool, String> {
    either(word, "yes", "no")
}

fn here(word: &str) -> Result<bool, String> {
    either(word, "here", "off")
}

fn either(word: &str, on: &str, off: &str) -> Result<bool, String> {
    if [on, off].contains(&word) { Ok(word == on) } else { Err(format!("there are: {on}, {off}")) }
}

fn mode(word: &str) -> Result<PlaceMode, String> {
    PlaceMode::named(word).ok_or_else(|| "there are: answer, support, off".to_owned())
}

fn shield(word: &str) -> Result<ShieldMode, String> {
    ShieldMode::named(word).ok_or_else(|| "there are: off, shadow, flag, guard".to_owned())
}

fn channel(word: &str) -> Result<PlaceChannel, String> {
    PlaceChannel::named(word).ok_or_else(|| "there are: open, support, announcements, reports, staff".to_owned())
}

fn who(word: &str) -> Result<PlaceWho, String> {
    PlaceWho::named(word).ok_or_else(|| "there are: platform, roles".to_owned())
}

pub(crate) async fn run(place: &Place, command: PlaceCommand) -> anyhow::Result<ExitCode> {
    match command {
        PlaceCommand::List { daemon } => {
            let list = api::client(place, &daemon)?.places().await?;
            if daemon.json {
                out::json(&list)?;
            } else {
                list.places.iter().for_each(show);
            }
        }
        PlaceCommand::Set(args) => {
            let SetArgs { link, mode, notices, safety, shield, channel, language, who, .. } = args;
            let change = PlaceChange { link, mode, notices, safety, shield, channel, language, who };
            let set = api::client(place, &args.daemon)?.set_place(&args.account, &args.place, &change).await?;
            if args.daemon.json {
                out::json(&set)?;
            } else {
                show(&set);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(place: &PlaceInfo) {
    out::line(out::words(&format!("{} {}", place.account, place.place)));
    place.settings.iter().for_each(line);
}

fn line(setting: &ShownSetting) {
    let by = setting.by.as_deref().map(|by| format!(", {}", out::words(by))).unwrap_or_default();
    let at = setting.at_ms.and_then(DateTime::from_timestamp_millis);
    let at = at.map(|at| at.format(", %Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    out::line(format!("  {:<9} {:<10} # {}{by}{at}", setting.setting.as_str(), setting.value, setting.origin));
}
