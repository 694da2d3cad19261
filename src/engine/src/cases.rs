//! Cases: shown to moderators, acted upon, decided. Everything that is done about one is an act of moderation like any
//! other, under a key that names the case, so that it is done once and can be taken back.

mod acts;
mod cards;
mod linked;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::case::{Case, CaseExtra, CaseState};
use townkeeper_core::cases::{self, Showing};
use townkeeper_core::decide::moderate::said;
use townkeeper_core::say;
use townkeeper_store::KeptCase;

use crate::moderate::{self, ByItself};
use crate::{EngineError, House};
use acts::act_of;
use cards::{Shown, calls, cards_of, digest, done_about, readers, redraw, show};
pub(crate) use word::said_in_chat;

/// How often it is looked for new cases, besides when one was just written.
const LOOK: Duration = Duration::from_secs(1);

/// How many cases are read at a time.
const BATCH: u32 = 100;

/// Shows cases until the daemon drains. What is left then is shown at the next start.
pub(crate) async fn run(house: Arc<House>) {
    let mut held = Held::default();
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = house.cases_kick.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        // What is found in a frozen town is acted upon after the thaw.
        if house.door.freeze().is_frozen() {
            continue;
        }
        if let Err(error) = pass(&house, &mut held).await {
            tracing::warn!(%error, "cases could not be shown; trying again");
        }
    }
}

/// Orders what words still owe until the daemon drains; beside the cards, which do not wait for a long sweep.
pub(crate) async fn make_up(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if house.door.freeze().is_frozen() {
            continue;
        }
        if let Err(error) = word::make_up(&house).await {
            tracing::warn!(%error, "what a word about a case leads to could not be ordered; trying again");
        }
    }
}

/// Cases that were acted upon and wait for a digest: beyond ten a minute. Only their numbers: what is shown is read then.
#[derive(Default)]
struct Held {
    /// Up to which case everything was looked at.
    seen: i64,
    numbers: BTreeSet<i64>,
    /// Since when the first of them waits.
    since_ms: i64,
}

async fn pass(house: &Arc<House>, held: &mut Held) -> Result<(), EngineError> {
    let found = house.store.unshown_cases(&house.workspace, held.seen, BATCH).await?;
    if found.len() == BATCH as usize {
        // The rest behind what can be shown of these.
        house.cases_kick.notify_one();
    }
    let mut moved = i64::MAX;
    for kept in found {
        held.seen = kept.case.number;
        if !show_new(house, held, kept.case.number).await? {
            moved = moved.min(kept.case.number);
        }
    }
    // Another node was faster, or somebody spoke meanwhile: looked at again, from there on.
    held.seen = held.seen.min(moved.saturating_sub(1));
    show_held(house, held).await?;
    redraw(house).await
}

/// Acts upon a case and shows it, or leaves it for a digest. `false`: it is not as it was read any more.
async fn show_new(house: &Arc<House>, held: &mut Held, number: i64) -> Result<bool, EngineError> {
    // Read once more: it may have waited behind a freeze, or behind others.
    let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(true) };
    let done = by_itself(house, &kept).await?;
    if !cases::is_shown(kept.case.mode) {
        return show(house, &[&kept], Shown::Single(Vec::new())).await;
    }
    if calls_at_once(&kept.case) || held.numbers.is_empty() && showing(house).await? == Showing::Single {
        return show(house, &[&kept], Shown::Single(cards_of(house, &kept.case, &done))).await;
    }
    if held.numbers.is_empty() {
        held.since_ms = house.clock.now_ms();
    }
    held.numbers.insert(number);
    Ok(true)
}

/// Whether the policy wants somebody to look now, however many cards there are.
fn calls_at_once(case: &Case) -> bool {
    case.also.contains(&CaseExtra::Notify)
}

/// By what all nodes have shown in the last minute.
async fn showing(house: &House) -> Result<Showing, EngineError> {
    let since_ms = house.clock.now_ms().saturating_sub(cases::MINUTE_MS);
    let shown = house.store.shown_since(&house.workspace, since_ms).await?;
    Ok(cases::showing(shown.singles, shown.digest_ms.is_some()))
}

/// Shows what waits, when there is room for it: those that the same moderators read together.
async fn show_held(house: &Arc<House>, held: &mut Held) -> Result<(), EngineError> {
    if held.numbers.is_empty() {
        return Ok(());
    }
    let showing = showing(house).await?;
    let gathered = house.clock.now_ms().saturating_sub(held.since_ms) >= cases::GATHER_MS;
    if showing == Showing::Wait || showing == Showing::Digest && !gathered {
        return Ok(());
    }
    let mut together: BTreeMap<_, Vec<KeptCase>> = BTreeMap::new();
    for number in std::mem::take(&mut held.numbers) {
        if let Some(kept) = house.store.case(&house.workspace, number).await? {
            together.entry(readers(house, &kept.case)).or_default().push(kept);
        }
    }
    for waiting in together.into_values() {
        let waiting: Vec<&KeptCase> = waiting.iter().collect();
        let shown = match waiting.as_slice() {
            [alone] if showing == Showing::Single => {
                Shown::Single(cards_of(house, &alone.case, &done_about(house, alone).await?))
            }
            all => Shown::Digest(digest(house, all)),
        };
        if !show(house, &waiting, shown).await? {
            // Another node was faster with one of them: what is left is looked at again.
            held.seen = 0;
        }
    }
    Ok(())
}

/// Does what is done without a moderator, where one let us. What came of it, in words.
async fn by_itself(house: &Arc<House>, kept: &KeptCase) -> Result<String, EngineError> {
    if kept.said > 0 || kept.case.state != CaseState::Open {
        return Ok(String::new());
    }
    let steps = cases::by_itself(kept.case.action, &kept.case.also, kept.case.mode);
    let acts: Vec<_> = steps.iter().filter_map(|step| act_of(kept, *step)).collect();
    if acts.is_empty() {
        return Ok(String::new());
    }
    let call = calls(house, &kept.case);
    Ok(match moderate::by_itself(house, &kept.case, acts, call).await? {
        ByItself::Spared => say::cases::spared().to_owned(),
        ByItself::Shown => String::new(),
        ByItself::Ordered { undone, .. } if !undone.is_empty() => {
            let undone: Vec<String> = undone.into_iter().map(|no| said(no).body.to_plain()).collect();
            undone.join(" ")
        }
        ByItself::Ordered { waits: true, .. } => say::cases::takes_down().to_owned(),
        ByItself::Ordered { waits: false, .. } => say::cases::did(steps).to_owned(),
    })
}
