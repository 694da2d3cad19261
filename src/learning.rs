//! What is learnt from answers, from a terminal: `knowledge correct`.

use std::process::ExitCode;

use clap::Args;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{CorrectionGroup, CorrectionOrder, CorrectionWay, Corrections};

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
