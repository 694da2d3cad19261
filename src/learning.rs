//! What is learnt from answers, from a terminal: `knowledge correct`, `gaps`, `trend`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{
    Change, CorrectionGroup, CorrectionOrder, CorrectionWay, Corrections, Draft, Gap, Trend,
};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// Which answers to put right.
#[derive(Debug, Args)]
pub(crate) struct Correct {
    /// The entry that changed
    entry: EntryId,
    /// Send it; without this only what would be sent is shown
    #[arg(long)]
    send: bool,
    /// Answers of the last so many days
    #[arg(long, default_value_t = 30, value_name = "DAYS")]
    since: u32,
    #[command(flatten)]
    daemon: Daemon,
}

/// `townkeeper knowledge correct`.
pub(crate) async fn correct(place: &Place, asked: Correct) -> anyhow::Result<ExitCode> {
    let order = CorrectionOrder { send: asked.send, days: Some(asked.since) };
    let done = api::client(place, &asked.daemon)?.correct(&asked.entry, &order).await?;
    if asked.daemon.json {
        out::json(&done)?;
    } else {
        shown(&done);
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(done: &Corrections) {
    done.groups.iter().for_each(line_of_group);
    let open = |group: &&CorrectionGroup| matches!(group.way, CorrectionWay::Edit | CorrectionWay::Reply);
    let open: u64 = done.groups.iter().filter(open).map(|group| group.answers).sum();
    if open > 0 {
        out::line(format!("\nWhat is said (revision {}):\n\n{}\n", done.revision, out::words(&done.says)));
    }
    out::line(match (done.send, open) {
        (true, _) => format!("{} answer(s) are being put right. How it goes: townkeeper outbox list", done.sent),
        (false, 0) => "There is nothing to send.".to_owned(),
        (false, _) => format!("Nothing was sent yet: {open} answer(s) would be put right with --send."),
    });
}

fn line_of_group(group: &CorrectionGroup) {
    let what = match group.way {
        CorrectionWay::Edit => "our message is edited",
        CorrectionWay::Reply => "one reply",
        CorrectionWay::OnPage => "shown as replaced when the page is loaded next",
        CorrectionWay::SameWords => "nothing: the words are still the same",
        CorrectionWay::UnderWay => "not yet: still on its way, ask again",
        CorrectionWay::Replaced => "nothing: another answer stands there by now",
        CorrectionWay::OutOfReach => "cannot be reached",
    };
    let place = group.place.as_ref().map_or("in private", |place| place.as_str());
    let place = if group.account.as_str() == "web" { "" } else { place };
    out::line(format!(
        "{:>6}  {:<20} {:<20} revision {:<13} {what}",
        group.answers,
        out::words(group.account.as_str()),
        out::words(place),
        group.revision
    ));
}

/// What to show of the gaps.
#[derive(Debug, Args)]
pub(crate) struct Gaps {
    /// Write a draft of an entry for each into this folder; a file that is there stays as it is
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    daemon: Daemon,
}

/// `townkeeper knowledge gaps`.
pub(crate) async fn gaps(place: &Place, asked: Gaps) -> anyhow::Result<ExitCode> {
    let found = api::client(place, &asked.daemon)?.gaps().await?;
    if let Some(folder) = &asked.out {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for draft in found.gaps.iter().filter_map(|gap| gap.draft.as_ref()) {
            write(folder, draft)?;
        }
    }
    if asked.daemon.json {
        out::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.gaps.is_empty() {
        out::line("Nothing was asked in vain.");
    }
    found.gaps.iter().for_each(lines_of_gap);
    if found.cut {
        out::line("There were more questions than are looked at; these are the newest.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a draft, unless somebody works on it already.
fn write(folder: &Path, draft: &Draft) -> anyhow::Result<()> {
    // The daemon makes plain names; another one's answer must not lead out of the folder.
    let name = Path::new(&draft.name).file_name().context("the daemon named a draft that is no file")?;
    let file = folder.join(name);
    let written = OpenOptions::new().write(true).create_new(true).open(&file);
    let written = written.and_then(|mut file| file.write_all(draft.text.as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            out::hint(format!("{} is there already and stays as it is", file.display()));
            Ok(())
        }
        other => other.with_context(|| format!("cannot write {}", file.display())),
    }
}

fn lines_of_gap(gap: &Gap) {
    let places = gap.places.len();
    let draft =
        gap.draft.as_ref().map_or_else(|| "too few wordings for a draft".to_owned(), |draft| draft.name.clone());
    out::line(format!(
        "{:>4} questions of {} people in {places} groups  ({})",
        gap.questions,
        gap.people,
        out::words(&draft)
    ));
    for entry in &gap.answered_by {
        out::line(format!("        not quite answered by {entry}"));
    }
    for wording in &gap.wordings {
        out::line(format!("      - {}", out::words(wording)));
    }
}

/// Which topic to show.
#[derive(Debug, Args)]
pub(crate) struct Topic {
    /// One entry [default: all]
    entry: Option<EntryId>,
    #[command(flatten)]
    daemon: Daemon,
}

/// `townkeeper knowledge trend`.
pub(crate) async fn trend(place: &Place, asked: Topic) -> anyhow::Result<ExitCode> {
    let found = api::client(place, &asked.daemon)?.trend(asked.entry.as_ref()).await?;
    if asked.daemon.json {
        out::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.entries.is_empty() {
        out::line("Nobody has asked about it in the weeks that are kept.");
    }
    found.entries.iter().for_each(lines_of_trend);
    Ok(ExitCode::SUCCESS)
}

fn lines_of_trend(trend: &Trend) {
    let asked: u64 = trend.weeks.iter().map(|week| week.answered + week.unanswered).sum();
    out::line(format!("{:<32} {asked:>6} questions", trend.entry.as_str()));
    for week in &trend.weeks {
        out::line(format!(
            "    week of {}  answered {:>5}   not answered {:>5}",
            week.week, week.answered, week.unanswered
        ));
    }
    trend.changes.iter().for_each(line_of_change);
}

fn line_of_change(change: &Change) {
    let (before, after) = (&change.before, &change.after);
    let verdict = match change.percent {
        None => "too few to say".to_owned(),
        Some(percent) => format!("{percent:+} % a week"),
    };
    out::line(format!(
        "    revision {} came in the week of {}: {} questions in {} weeks before, {} in {} weeks after: {verdict}",
        change.revision, change.week, before.questions, before.weeks, after.questions, after.weeks
    ));
}
