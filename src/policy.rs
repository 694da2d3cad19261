//! `townkeeper shield policy`: what the shield does about what, where and to whom, and what each threshold means now.

use std::process::ExitCode;

use clap::Args;
use townkeeper_contract::place::PlaceChannel;
use townkeeper_contract::policy::{PolicyLine, ShieldPolicy, Trust};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct ShowPolicy {
    #[command(flatten)]
    daemon: Daemon,
}

/// `townkeeper shield policy`.
pub(crate) async fn run(place: &Place, asked: ShowPolicy) -> anyhow::Result<ExitCode> {
    let policy = api::client(place, &asked.daemon)?.shield_policy().await?;
    if asked.daemon.json {
        out::json(&policy)?;
    } else {
        show(&policy);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(policy: &ShieldPolicy) {
    if policy.lines.is_empty() {
        out::line("There is no chat account, so nothing is judged.");
    }
    for lines in policy.lines.chunk_by(|a, b| a.platform == b.platform) {
        let Some(first) = lines.first() else { continue };
        let counted = first.messages;
        out::line(format!("{} · {counted} message(s) counted", first.platform));
        for alike in alike(lines) {
            out::line(format!("  {}", whom(&alike)));
            alike.first().into_iter().for_each(|line| rules(line));
        }
    }
    for case in &policy.not_learnt {
        out::line(format!("The words of case {case} are not learnt: messages known to be clean would be flagged."));
    }
    out::line(
        "\nIt is acted upon where /keeper shield guard was said, shown where flag was said, and else written down.",
    );
}

/// Lines that say the same, together, in the order of the first of each.
fn alike(lines: &[PolicyLine]) -> Vec<Vec<&PolicyLine>> {
    let mut groups: Vec<Vec<&PolicyLine>> = Vec::new();
    for line in lines {
        let says = |line: &PolicyLine| PolicyLine { channel: PlaceChannel::Open, tier: Trust::New, ..line.clone() };
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| says(first) == says(line))) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups
}

/// Each channel with those it is said of.
fn whom(lines: &[&PolicyLine]) -> String {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for channel in lines.chunk_by(|a, b| a.channel == b.channel) {
        let Some(first) = channel.first() else { continue };
        let tiers: Vec<&str> = channel.iter().map(|line| line.tier.as_str()).collect();
        let tiers = tiers.join(", ");
        match said.iter_mut().find(|(known, _)| *known == tiers) {
            Some((_, channels)) => channels.push(first.channel.as_str()),
            None => said.push((tiers, vec![first.channel.as_str()])),
        }
    }
    let said = said.into_iter().map(|(tiers, channels)| format!("{tiers} in {}", channels.join(", ")));
    said.collect::<Vec<_>>().join("; ")
}

fn rules(line: &PolicyLine) {
    let from = match (line.flag_fpr, line.read_off) {
        (Some(share), Some(messages)) => format!(" (for {:.2} % of {messages} message(s))", share * 100.0),
        _ => String::new(),
    };
    let words = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    out::line(format!("    from a score of {:.2}{from}: {}", line.flag_score, words(&line.score)));
    out::line(format!("    upon a hard fact: {}; on a list: {}", words(&line.fact), words(&line.listed)));
    out::line(format!("    of the last {} message(s) {} would be flagged", line.messages, line.flagged));
}
