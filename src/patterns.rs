//! `townkeeper shield patterns`: what moderators look for, from a terminal.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// What to do with patterns; without a word they are shown.
#[derive(Debug, Args)]
pub(crate) struct Patterns {
    #[command(subcommand)]
    todo: Option<Todo>,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Debug, Subcommand)]
enum Todo {
    /// Write a pattern, or another in its place: messages that match are shown to moderators
    Set {
        /// Small letters, digits and hyphens
        name: String,
        /// A regular expression without look-around or back-references, whatever the case of letters
        regex: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Remove a pattern
    Remove {
        name: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

pub(crate) async fn run(place: &Place, asked: Patterns) -> anyhow::Result<ExitCode> {
    match asked.todo {
        None => list(place, &asked.daemon).await?,
        Some(Todo::Set { name, regex, daemon }) => {
            let written = api::client(place, &daemon)?.set_pattern(&name, &regex).await?;
            if daemon.json {
                out::json(&written)?;
            } else {
                out::line(format!("What matches {} is shown to moderators from the next message on.", written.name));
            }
        }
        Some(Todo::Remove { name, daemon }) => {
            api::client(place, &daemon)?.remove_pattern(&name).await?;
            out::line(format!("{name} is not looked for any more."));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(place: &Place, daemon: &Daemon) -> anyhow::Result<()> {
    let found = api::client(place, daemon)?.patterns().await?;
    if daemon.json {
        return out::json(&found);
    }
    for pattern in &found.patterns {
        out::line(format!("{}  {}", pattern.name, pattern.regex));
    }
    if found.patterns.is_empty() {
        out::line("No patterns. Write one: townkeeper shield patterns set NAME REGEX");
    }
    Ok(())
}
