//! Cases: shown to moderators, acted upon, decided. Everything that is done about one is an act of moderation like any
//! other, under a key that names the case, so that it is done once and can be taken back.

mod acts;
mod cards;
mod word;

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::case::CaseState;
use townkeeper_core::decide::moderate::said;
use townkeeper_core::{cases, say};
use townkeeper_store::KeptCase;

use crate::moderate::{self, ByItself};
use crate::{EngineError, House};
use acts::act_of;
use cards::{calls, cards_of, digest, show};
pub(crate) use word::said_in_chat;

/// How often it is looked for new cases, besides when one was just written.
const LOOK: Duration = Duration::from_secs(1);

/// How many cases are read at a time.
const BATCH: u32 = 100;

/// Shows cases until the daemon drains. What is left then is shown at the next start.
pub(crate) async fn run(house: Arc<House>) {
    let mut cards = cases::Cards::default();
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = house.cases_kick.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = show_new(&house, &mut cards).await {
            tracing::warn!(%error, "cases could not be shown; trying again");
        }
        if let Err(error) = word::make_up(&house).await {
            tracing::warn!(%error, "what a word about a case leads to could not be ordered; trying again");
        }
    }
}

async fn show_new(house: &Arc<House>, cards: &mut cases::Cards) -> Result<(), EngineError> {
    // What is found in a frozen town is acted upon after the thaw.
    while !house.door.freeze().is_frozen() {
        let found = house.store.unshown_cases(&house.workspace, BATCH).await?;
        if found.is_empty() {
            break;
        }
        let mut late = Vec::new();
        for kept in found {
            let done = by_itself(house, &kept).await?;
            if !cases::is_shown(kept.case.mode) {
                show(house, &kept.case, Vec::new()).await?;
            } else if cards.single(house.clock.now_ms()) {
                show(house, &kept.case, cards_of(house, &kept.case, &done)).await?;
            } else {
                late.push(kept.case);
            }
        }
        digest(house, &late).await?;
    }
    Ok(())
}

/// Does what is done without a moderator, where one let us. What came of it, in words.
async fn by_itself(house: &Arc<House>, kept: &KeptCase) -> Result<String, EngineError> {
    // Somebody may have spoken while it waited: behind a freeze, or behind others.
    let kept = house.store.case(&house.workspace, kept.case.number).await?;
    let Some(kept) = kept.filter(|kept| kept.said == 0 && kept.case.state == CaseState::Open) else {
        return Ok(String::new());
    };
    let steps = cases::by_itself(kept.case.action, kept.case.mode);
    let acts: Vec<_> = steps.iter().filter_map(|step| act_of(&kept, *step)).collect();
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
        ByItself::Ordered { waits: false, .. } => say::cases::took_down().to_owned(),
    })
}
