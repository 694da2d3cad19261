//! `knowledge draft | changes | diff | approve | withdraw | rollback | history`: how the reviewed answers change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::DateTime;
use clap::{Args, Subcommand};
use townkeeper_contract::knowledge::{
    Approval, ChangeDetail, ChangeInfo, ChangeState, Check, ItemChange, ItemRevision, NewChange, NewText,
};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// Changes of the base.
#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand {
    /// Propose what these files say: one change, published when enough people approve it
    Draft(DraftArgs),
    /// What is proposed, and what became of it
    Changes {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// What a change does, and whether the base would be good with it
    Diff {
        change: i64,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Approve a change, as it is now
    Approve {
        change: i64,
        /// Only if it is still this one (or begins so), as `diff` showed it
        #[arg(long)]
        hash: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take back a change by its number, or an answer by its name (`dates.md`): that one is gone at once
    Withdraw {
        what: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Propose what an answer said at an earlier revision
    Rollback {
        name: String,
        #[arg(long, value_name = "REVISION")]
        to: i64,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// What an answer said, when, and by whom
    History {
        name: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DraftArgs {
    #[arg(required_unless_present = "remove")]
    files: Vec<PathBuf>,
    /// Also take these away, by name
    #[arg(long, num_args = 1.., value_name = "NAME")]
    remove: Vec<String>,
    /// Why, for those who approve it
    #[arg(long, default_value = "")]
    note: String,
    /// Put this open change anew; what was approved of it is void
    #[arg(long, value_name = "NUMBER")]
    change: Option<i64>,
    #[command(flatten)]
    daemon: Daemon,
}

/// Whether somebody still has something to do with it.
pub(crate) fn is_open(state: ChangeState) -> bool {
    !matches!(state, ChangeState::Published | ChangeState::Refused | ChangeState::Withdrawn)
}

pub(crate) async fn run(place: &Place, command: ChangeCommand) -> anyhow::Result<ExitCode> {
    match command {
        ChangeCommand::Draft(args) => draft(place, args).await,
        ChangeCommand::Changes { daemon } => {
            let list = api::client(place, &daemon)?.changes().await?;
            show(&daemon, &list, || {
                out::line(format!("Published: revision {}.", list.revision));
                if list.files_differ > 0 {
                    out::line(format!("{} file(s) differ from it; files are only proposals.", list.files_differ));
                }
                list.changes.iter().for_each(line);
            })
        }
        ChangeCommand::Diff { change, daemon } => {
            let detail = api::client(place, &daemon)?.change(change).await?;
            show(&daemon, &detail, || describe(&detail))
        }
        ChangeCommand::Approve { change, hash, daemon } => approve(place, &daemon, change, hash.as_deref()).await,
        ChangeCommand::Withdraw { what, daemon } => {
            let client = api::client(place, &daemon)?;
            let change = match what.parse() {
                Ok(number) => client.withdraw_change(number).await?,
                Err(_) => client.withdraw_item(&what).await?,
            };
            show(&daemon, &change, || line(&change))
        }
        ChangeCommand::Rollback { name, to, daemon } => {
            let change = api::client(place, &daemon)?.roll_back(&name, to).await?;
            show(&daemon, &change, || line(&change))
        }
        ChangeCommand::History { name, daemon } => {
            let history = api::client(place, &daemon)?.item_history(&name).await?;
            show(&daemon, &history, || history.revisions.iter().for_each(revision))
        }
    }
}

async fn draft(place: &Place, args: DraftArgs) -> anyhow::Result<ExitCode> {
    let put = |path: &PathBuf| Ok(NewText { item: name(path)?, text: Some(text(path)?) });
    let mut items = args.files.iter().map(put).collect::<anyhow::Result<Vec<_>>>()?;
    items.extend(args.remove.into_iter().map(|item| NewText { item, text: None }));
    let new = NewChange { change: args.change, note: args.note, items };
    let change = api::client(place, &args.daemon)?.put_change(&new).await?;
    show(&args.daemon, &change, || {
        line(&change);
        out::line(format!("Next: townkeeper knowledge diff {0}, then approve {0}", change.number));
    })
}

fn name(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).with_context(|| format!("{} has no name that can be used", path.display()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {} (it must be a text in UTF-8)", path.display()))
}

/// Approves what is shown, and nothing that took its place meanwhile.
async fn approve(place: &Place, daemon: &Daemon, number: i64, hash: Option<&str>) -> anyhow::Result<ExitCode> {
    let client = api::client(place, daemon)?;
    let seen = client.change(number).await?;
    let now = &seen.change.hash;
    if hash.is_some_and(|hash| !now.starts_with(hash)) {
        bail!("change {number} is not what you looked at any more; look again: townkeeper knowledge diff {number}");
    }
    if !daemon.json {
        out::line(out::words(&seen.diff));
        seen.check.iter().for_each(warnings);
    }
    let change = client.approve_change(number, now).await?;
    let refused = change.state == ChangeState::Refused;
    show(daemon, &change, || line(&change))?;
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn describe(detail: &ChangeDetail) {
    line(&detail.change);
    out::line(format!("  hash {}", short(&detail.change.hash)));
    out::line(out::words(&detail.diff));
    let Some(check) = &detail.check else { return };
    warnings(check);
    if check.good {
        let promise = check.promise.as_deref().unwrap_or_default();
        out::line(format!("The base would be good: {} entries; {promise}.", check.entries));
    } else {
        out::line("The base would NOT be good, and this will not be published:");
        check.faults.iter().for_each(|fault| out::line(format!("  {}", out::words(fault))));
    }
}

/// What the lint says of it that keeps nobody from publishing it.
fn warnings(check: &Check) {
    check.warnings.iter().for_each(|warning| out::line(format!("  {}", out::words(warning))));
}

/// A change in a few lines.
fn line(change: &ChangeInfo) {
    let by = change.author.as_deref().unwrap_or("files");
    let items: Vec<String> =
        change.items.iter().take(4).map(|item| format!("{}{}", sign(item.what), item.item)).collect();
    let more = change.items.len().saturating_sub(4);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    out::line(out::words(&format!("{:>4}  {:<9} {}{more}", change.number, change.state.as_str(), items.join(" "))));
    let mut said = vec![format!("{}, by {by}", day(change.proposed_ms))];
    if is_open(change.state) || !change.approvals.is_empty() {
        let good = change.approvals.iter().filter(|voice| voice.counts).count();
        said.push(format!("{good} of {} approvals{}", change.needs, voices(&change.approvals)));
    }
    let live_ms = change.live_ms.filter(|_| change.state == ChangeState::Cooling);
    said.extend(live_ms.map(|live_ms| format!("live from {}", day(live_ms))));
    said.extend(change.revision.map(|revision| format!("revision {revision}")));
    out::line(out::words(&format!("      {}", said.join("; "))));
    for words in
        [Some(change.note.as_str()).filter(|note| !note.is_empty()), change.reason.as_deref()].into_iter().flatten()
    {
        words.lines().for_each(|line| out::line(format!("      {}", out::words(line))));
    }
}

fn voices(approvals: &[Approval]) -> String {
    let name = |voice: &Approval| {
        let name = voice.name.as_ref().unwrap_or(&voice.actor);
        if voice.counts { name.clone() } else { format!("{name}, who counts no more") }
    };
    let names: Vec<String> = approvals.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join("; ")) }
}

fn revision(revision: &ItemRevision) {
    let by = revision.author.as_deref().unwrap_or("files");
    let (number, base, change) = (revision.revision, revision.base, revision.change);
    let what = revision.hash.as_deref().map_or("withdrawn", short);
    let approved = if revision.approved_by.is_empty() { "nobody".to_owned() } else { revision.approved_by.join(", ") };
    let at = day(revision.at_ms);
    let line = format!("{number:>4}  {at}  {what}  base {base}, change {change}, by {by}, approved by {approved}");
    out::line(out::words(&line));
    out::line(out::words(&revision.diff));
}

fn sign(what: ItemChange) -> &'static str {
    match what {
        ItemChange::New => "+",
        ItemChange::Changed => "",
        ItemChange::Removed => "-",
    }
}

/// As much of a hash as a person compares.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn day(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%d %H:%M").to_string()
}

fn show<T: serde::Serialize>(daemon: &Daemon, value: &T, words: impl FnOnce()) -> anyhow::Result<ExitCode> {
    if daemon.json {
        out::json(value)?;
    } else {
        words();
    }
    Ok(ExitCode::SUCCESS)
}
