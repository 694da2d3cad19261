//! Cases: shown to moderators, acted upon, decided. Everything that is done about one is an act of moderation like any
//! other, under a key that names the case, so that it is done once and can be taken back.

mod acts;
mod cards;
mod word;

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::case::{CaseExtra, CaseState};
use townkeeper_core::{cases, say};
use townkeeper_store::{By, KeptCase};

use crate::shield::May;
use crate::{EngineError, House, moderate};
use acts::carry_out;
use cards::{calls, cards_of, digest, show};
pub(crate) use word::said_in_chat;

/// How often it is looked for new cases, besides when one was just written.
const LOOK: Duration = Duration::from_secs(1);

/// How many cases are read at a time.
const BATCH: u32 = 100;

/// How we sign what we do by ourselves.
const SHIELD: &str = "shield";

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
            let (done, called) = by_itself(house, &kept).await?;
            let notify = kept.case.also.contains(&CaseExtra::Notify);
            if !cases::is_shown(kept.case.mode) {
                show(house, &kept.case, Vec::new()).await?;
            } else if cards.single(house.clock.now_ms()) || called || notify {
                let mut cards = if called { calls(house, &kept.case) } else { Vec::new() };
                cards.extend(cards_of(house, &kept.case, &done));
                show(house, &kept.case, cards).await?;
            } else {
                late.push(kept.case);
            }
        }
        digest(house, &late).await?;
    }
    Ok(())
}

/// Does what is done without a moderator, where one let us. What came of it, in words; and whether somebody must be
/// called.
async fn by_itself(house: &Arc<House>, kept: &KeptCase) -> Result<(String, bool), EngineError> {
    // Somebody may have spoken while it waited: behind a freeze, or behind others.
    let kept = house.store.case(&house.workspace, kept.case.number).await?;
    let Some(kept) = kept.filter(|kept| kept.said == 0 && kept.case.state == CaseState::Open) else {
        return Ok((String::new(), false));
    };
    let steps = cases::by_itself(kept.case.action, &kept.case.also, kept.case.mode);
    if !steps.is_empty() && moderate::is_spared(house, &kept.case, &kept.address).await? {
        return Ok((say::cases::spared().to_owned(), false));
    }
    let may = if steps.is_empty() { May::Show } else { house.shield.may_act(house.clock.now_ms()) };
    if may != May::Act {
        return Ok((String::new(), may == May::Call));
    }
    let by = By {
        workspace: house.workspace.clone(),
        actor: SHIELD.to_owned(),
        method: SHIELD.to_owned(),
        now_ms: house.clock.now_ms(),
    };
    let done = carry_out(house, &by, &kept, steps, None).await?;
    let told = if done.undone.is_empty() { say::cases::did(steps).to_owned() } else { done.undone.join(" ") };
    Ok((told, false))
}
