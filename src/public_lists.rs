//! Public lists of bad hosts that are known by name, with their licences; which of them are configured; and the commands
//! `townkeeper shield lists`. None is used unless it is named, and none comes with us: their terms are between their
//! keepers and whoever fetches them.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use townkeeper_client::ClientError;
use townkeeper_contract::lists::{PublicList, PublicLists};
use townkeeper_engine::lists::Source;
use townkeeper_fetch::Url;
use townkeeper_shield::lists::Format;

use crate::cli::{Daemon, Place};
use crate::guarding::ShieldSection;
use crate::{api, out};

/// A list that somebody publishes for everybody.
struct Known {
    name: &'static str,
    url: &'static str,
    licence: &'static str,
    what: &'static str,
}

const NO_LICENCE: &str = "no licence file: ask its keepers before you use it";

/// What was found in August 2026; sizes are in docs/shield.md.
const KNOWN: &[Known] = &[
    Known {
        name: "polkadot-js",
        url: "https://polkadot.js.org/phishing/all.json",
        licence: "Apache-2.0",
        what: "sites that steal from wallets, kept by the polkadot-js project",
    },
    Known {
        name: "discord-phishing",
        url: "https://raw.githubusercontent.com/nikolaischunk/discord-phishing-links/main/domain-list.json",
        licence: "MIT",
        what: "phishing that was sent around on Discord; hardly kept up since 2024",
    },
    Known {
        name: "scamsniffer",
        url: "https://raw.githubusercontent.com/scamsniffer/scam-database/main/blacklist/domains.json",
        licence: "GPL-3.0",
        what: "wallet drainers, the largest of these; the free list is seven days late",
    },
    Known {
        name: "metamask",
        url: "https://raw.githubusercontent.com/MetaMask/eth-phishing-detect/main/src/config.json",
        licence: "DBAD (no licence that lawyers know)",
        what: "what MetaMask warns of; few false alarms",
    },
    Known {
        name: "discord-antiscam",
        url: "https://raw.githubusercontent.com/Discord-AntiScam/scam-links/main/list.json",
        licence: NO_LICENCE,
        what: "scams that were sent around on Discord",
    },
    Known {
        name: "phantom",
        url: "https://raw.githubusercontent.com/phantom/blocklist/master/blocklist.yaml",
        licence: NO_LICENCE,
        what: "what the Phantom wallet warns of; much of it is in metamask",
    },
];

/// One `[[shield.list]]`: a list at an address of one's own choice.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListSection {
    /// 1 to 32 of a-z, 0-9 and `-`.
    name: String,
    url: String,
    /// Its keepers' terms, to be shown.
    #[serde(default = "unsaid")]
    licence: String,
    #[serde(default = "daily")]
    every_hours: u32,
    /// `auto`, `lines` or `json`.
    #[serde(default)]
    format: Format,
}

fn unsaid() -> String {
    "not said here".to_owned()
}

fn daily() -> u32 {
    24
}

/// Rarer than once in a year is never.
const RAREST_HOURS: u32 = 24 * 366;

impl ShieldSection {
    /// The lists that are to be fetched.
    pub(crate) fn sources(&self) -> anyhow::Result<Vec<Source>> {
        let known = self.public.iter().map(|name| known(name)?.source());
        let own = self.list.iter().map(|list| list.source().with_context(|| format!("[[shield.list]] {}", list.name)));
        let mut sources: Vec<Source> = Vec::new();
        for source in known.chain(own) {
            let source = source?;
            if sources.iter().any(|other| other.name == source.name) {
                bail!("two lists are called {}; give [[shield.list]] another name", source.name);
            }
            sources.push(source);
        }
        Ok(sources)
    }

    /// Whether it names lists that are fetched.
    pub(crate) fn fetches(&self) -> bool {
        !self.public.is_empty() || !self.list.is_empty()
    }
}

fn known(name: &str) -> anyhow::Result<&'static Known> {
    KNOWN.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        anyhow!("[shield] use: no list is known as `{name}`; there are {}", names.join(", "))
    })
}

impl Known {
    fn source(&self) -> anyhow::Result<Source> {
        Ok(Source {
            name: self.name.to_owned(),
            url: Url::parse(self.url)?,
            licence: self.licence.to_owned(),
            what: self.what.to_owned(),
            every: hours(daily()),
            format: Format::Auto,
        })
    }
}

impl ListSection {
    fn source(&self) -> anyhow::Result<Source> {
        let plain = self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || !(1..=32).contains(&self.name.len()) {
            bail!("give a name of 1 to 32 of a-z, 0-9 and -");
        }
        if !(1..=RAREST_HOURS).contains(&self.every_hours) {
            bail!("every_hours = {}: give 1 to {RAREST_HOURS}", self.every_hours);
        }
        Ok(Source {
            name: self.name.clone(),
            url: Url::parse(&self.url).with_context(|| format!("url = {:?} is no address", self.url))?,
            licence: self.licence.clone(),
            what: "from [[shield.list]]".to_owned(),
            every: hours(self.every_hours),
            format: self.format,
        })
    }
}

fn hours(hours: u32) -> Duration {
    Duration::from_secs(u64::from(hours) * 60 * 60)
}

/// `townkeeper shield lists`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Lists {
    #[command(subcommand)]
    command: Option<ListsCommand>,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Debug, Subcommand)]
enum ListsCommand {
    /// Have the daemon fetch a list now, or all of them
    Fetch {
        name: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
}

pub(crate) async fn run(place: &Place, asked: Lists) -> anyhow::Result<ExitCode> {
    match asked.command {
        None => show(place, &asked.daemon).await,
        Some(ListsCommand::Fetch { name, daemon }) => fetch(place, name, &daemon).await,
    }
}

async fn show(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let lists = api::client(place, daemon)?.public_lists().await?;
    if daemon.json {
        out::json(&lists)?;
        return Ok(ExitCode::SUCCESS);
    }
    if lists.lists.is_empty() {
        out::line("No public list is used.");
    }
    lists.lists.iter().for_each(print);
    let others: Vec<&Known> =
        KNOWN.iter().filter(|known| lists.lists.iter().all(|list| list.name != known.name)).collect();
    if !others.is_empty() {
        out::line("\nKnown, and not used; name them in [shield] use, if their terms suit you:");
    }
    for known in others {
        out::line(format!("{:<18} {}\n    licence: {}\n    {}", known.name, known.what, known.licence, known.url));
    }
    Ok(ExitCode::SUCCESS)
}

async fn fetch(place: &Place, name: Option<String>, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let client = api::client(place, daemon)?;
    let names = match name {
        Some(name) => vec![name],
        None => client.public_lists().await?.lists.into_iter().map(|list| list.name).collect(),
    };
    let mut lists = Vec::new();
    for name in names {
        lists.push(client.fetch_list(&name).await.map_err(|error| match error {
            ClientError::Refused { status: 404, .. } => {
                anyhow!("no list `{name}` is used; see townkeeper shield lists")
            }
            error => error.into(),
        })?);
    }
    let failed = lists.iter().any(|list| list.failed.is_some());
    if daemon.json {
        out::json(&PublicLists { lists })?;
    } else {
        lists.iter().for_each(print);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(list: &PublicList) {
    let head = format!("{:<18} {} ({} KiB)", list.name, state(list), list.bytes.div_ceil(1024));
    out::line(format!("{head}\n    licence: {}\n    {}", list.licence, list.url));
    if let Some(why) = &list.failed {
        out::line(format!("    not taken: {}", out::words(why)));
    }
}

/// How many hosts, and how old.
pub(crate) fn state(list: &PublicList) -> String {
    match list.age_days {
        None => "not fetched yet".to_owned(),
        Some(0) => format!("{} hosts, of today", list.hosts),
        Some(1) => format!("{} hosts, a day old", list.hosts),
        Some(days) => format!("{} hosts, {days} days old", list.hosts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(toml: &str) -> ShieldSection {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn no_list_is_used_unless_it_is_named() {
        assert!(ShieldSection::default().sources().unwrap().is_empty());
        let all: Vec<String> = KNOWN.iter().map(|known| format!("{:?}", known.name)).collect();
        let sources = section(&format!("use = [{}]", all.join(","))).sources().unwrap();
        assert_eq!(sources.len(), KNOWN.len());
        for source in sources {
            assert!(source.url.scheme() == "https" && !source.licence.is_empty() && !source.what.is_empty());
        }
        let own = section("[[list]]\nname = \"ours\"\nurl = \"https://lists.example.org/a\"").sources().unwrap();
        assert_eq!((own[0].every, own[0].format), (hours(24), Format::Auto));
    }

    #[test]
    fn what_is_wrong_with_a_list_is_named() {
        let one = |more: &str| format!("[[list]]\nurl = \"https://lists.example.org/a\"\n{more}\n");
        for (toml, says) in [
            ("use = [\"polkadot\"]".to_owned(), "no list is known as `polkadot`; there are polkadot-js"),
            (one("name = \"../x\""), "1 to 32 of a-z"),
            (one("name = \"x\"\nevery_hours = 0"), "every_hours = 0: give 1 to"),
            ("[[list]]\nname = \"x\"\nurl = \"lists\"".to_owned(), "is no address"),
            (one("name = \"x\"") + &one("name = \"x\""), "two lists are called x"),
            ("use = [\"metamask\", \"metamask\"]".to_owned(), "two lists are called metamask"),
        ] {
            let error = format!("{:#}", section(&toml).sources().unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }
}
