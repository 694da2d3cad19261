//! `townkeeper shield cases` and `decide`: what the shield found, and what a moderator says about it, from a terminal.

use std::process::ExitCode;

use clap::Args;
use townkeeper_contract::case::{Case, CaseWord};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct ListCases {
    /// Only those that nobody decided yet
    #[arg(long)]
    open: bool,
    /// Only those with a lower number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    #[command(flatten)]
    daemon: Daemon,
}

/// What is said about which case.
#[derive(Debug, Args)]
pub(crate) struct DecideCase {
    /// The case's number
    number: i64,
    /// content (its words are a scam), account (the account is in wrong hands), clear (no scam), unsure, undo
    #[arg(value_parser = word)]
    word: CaseWord,
    #[command(flatten)]
    daemon: Daemon,
}

fn word(word: &str) -> Result<CaseWord, String> {
    CaseWord::named(word).ok_or_else(|| "there are: content, account, clear, unsure, undo".to_owned())
}

/// `townkeeper shield cases`.
pub(crate) async fn list(place: &Place, asked: ListCases) -> anyhow::Result<ExitCode> {
    let found = api::client(place, &asked.daemon)?.cases_before(asked.open, asked.before).await?;
    if asked.daemon.json {
        out::json(&found)?;
    } else if found.cases.is_empty() {
        out::line("Nothing was found.");
    } else {
        found.cases.iter().for_each(line);
        if let Some(last) = found.cases.last().filter(|_| found.more) {
            let open = if asked.open { "--open " } else { "" };
            out::line(format!("\nThere are older ones: townkeeper shield cases {open}--before {}", last.number));
        }
        out::line("\nSay what one is with: townkeeper shield decide NUMBER content|account|clear|unsure");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(case: &Case) {
    let by = case.by.as_ref().map(|by| format!(", says {by}")).unwrap_or_default();
    let actions = std::iter::once(case.action.as_str()).chain(case.also.iter().map(|extra| extra.as_str()));
    let action = actions.collect::<Vec<_>>().join(", ");
    let head = format!("{} · {} · {} · {action} · {}{by}", case.number, case.account, case.mode, case.state);
    let sources = sources(case);
    out::line(format!("{head}\n    {}{sources}\n    {} ({}): {}", case.why, case.name, case.person, short(&case.text)));
}

/// What all its reasons rest on, in brackets: `denied_invite: case 3, text: model`.
fn sources(case: &Case) -> String {
    let signals = case.verdict.get("signals").and_then(|signals| signals.as_array()).into_iter().flatten();
    let of = |signal: &serde_json::Value| {
        let word = |name: &str| signal.get(name).and_then(|word| word.as_str()).map(str::to_owned);
        Some(format!("{}: {}", word("id")?, word("source")?))
    };
    let known: Vec<String> = signals.filter_map(of).collect();
    if known.is_empty() { String::new() } else { format!("\n    [{}]", known.join(", ")) }
}

/// Enough to know it by, in one line.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    if text.chars().nth(120).is_some() { format!("{line}…") } else { line }
}

/// `townkeeper shield decide`.
pub(crate) async fn decide(place: &Place, asked: DecideCase) -> anyhow::Result<ExitCode> {
    let done = api::client(place, &asked.daemon)?.say_of_case(asked.number, asked.word).await?;
    if asked.daemon.json {
        out::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    out::line(format!("Case {} is {} now.", done.number, done.state));
    if !done.acts.is_empty() {
        out::line(format!("{} act(s) are on their way: townkeeper moderate list shows them.", done.acts.len()));
    }
    done.undone.iter().for_each(out::line);
    Ok(ExitCode::SUCCESS)
}
