//! Cases: shown to moderators, acted upon, decided. Everything that is done about one is an act of moderation like any
//! other, under a key that names the case, so that it is done once and can be taken back.

mod acts;
mod cards;
mod linked;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use townkeeper_contract::case::{Case, CaseExtra, CaseState};
use townkeeper_contract::id::AccountId;
use townkeeper_core::cases::{self, Showing};
use townkeeper_core::decide::moderate::said;
use townkeeper_core::say;
use townkeeper_store::{JoinWave, KeptCase};

use crate::moderate::{self, ByItself};
use crate::shield::Joining;
use crate::{EngineError, House, outbox};
use acts::act_of;
use cards::{Shown, calls, cards_of, digest, done_about, joining, readers, redraw, show};
pub(crate) use word::{said_in_chat, shown_in_chat};

/// How often it is looked for new cases, besides when one was just written.
const LOOK: Duration = Duration::from_secs(1);

/// How many cases are read at a time.
const BATCH: u32 = 100;

/// How many times as many are read at once, where the first of them have to wait.
const PAGES: usize = 20;

/// How many cases of one account are looked at at a time: a platform that does not answer holds back its own cards alone.
const LOOKS: usize = 16;

/// Shows cases until the daemon drains. What is left then is shown at the next start.
pub(crate) async fn run(house: Arc<House>) {
    let mut held = Held::default();
    // Tasks of their own: one that waits for the store must not stand still while this waits for it too.
    let mut looks = JoinSet::new();
    loop {
        tokio::select! {
            () = house.draining.cancelled() => break,
            () = house.cases_kick.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            Some(looked) = looks.join_next() => {
                present(&house, &mut held, looked).await;
                continue;
            }
        }
        // What is found in a frozen town is acted upon after the thaw.
        if house.door.freeze().is_frozen() {
            continue;
        }
        match begin(&house, &mut held).await {
            Ok(new) => new.into_iter().for_each(|number| drop(looks.spawn(look(Arc::clone(&house), number)))),
            Err(error) => tracing::warn!(%error, "cases could not be read; trying again"),
        }
        if let Err(error) = pass(&house, &mut held).await {
            tracing::warn!(%error, "cases could not be shown; trying again");
        }
    }
    // What was ordered meanwhile leaves as it should; the cards come at the next start.
    while looks.join_next().await.is_some() {}
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

/// Where the work stands.
#[derive(Default)]
struct Held {
    /// Up to which case everything is looked at, or was.
    seen: i64,
    /// Those that are looked at now: the platform may be asked about them.
    looking: BTreeMap<i64, AccountId>,
    /// Those that were acted upon and wait for a digest, beyond ten a minute. Only their numbers: what is shown is read then.
    numbers: BTreeSet<i64>,
    /// Since when the first of them waits.
    since_ms: i64,
}

impl Held {
    /// A case to be looked at; none: it is, or its account has its share.
    fn take(&mut self, case: Case) -> Option<i64> {
        let under_way = self.looking.values().filter(|account| **account == case.account).count();
        if under_way >= LOOKS || self.looking.contains_key(&case.number) {
            return None;
        }
        self.looking.insert(case.number, case.account);
        Some(case.number)
    }

    /// Looked at again, from there on.
    fn again(&mut self, number: i64) {
        self.seen = self.seen.min(number.saturating_sub(1));
    }
}

/// The cases that are to be looked at now: those whose message was edited, and new ones.
async fn begin(house: &House, held: &mut Held) -> Result<Vec<i64>, EngineError> {
    let mut new = Vec::new();
    for KeptCase { case, .. } in house.store.edited_cases(&house.workspace, BATCH).await? {
        new.extend(held.take(case));
    }
    let mut later = None;
    // Behind the cases of an account that does not answer stand those of others.
    for _ in 0..PAGES {
        let found = house.store.unshown_cases(&house.workspace, held.seen, BATCH).await?;
        let last = found.len() < BATCH as usize;
        for KeptCase { case, .. } in found {
            held.seen = case.number;
            if held.numbers.contains(&case.number) || held.looking.contains_key(&case.number) {
                continue;
            }
            let number = case.number;
            match held.take(case) {
                Some(number) => new.push(number),
                None => later = later.or(Some(number)),
            }
        }
        if last {
            break;
        }
    }
    if let Some(number) = later {
        held.again(number);
    }
    Ok(new)
}

/// A case, and what was done about it by itself; none: it is gone.
type Looked = (i64, Result<Option<(KeptCase, String)>, EngineError>);

/// Acts upon a case, where one let us.
async fn look(house: Arc<House>, number: i64) -> Looked {
    let looked = async {
        // Read once more: it may have waited behind a freeze, or behind others.
        let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(None) };
        let done = by_itself(&house, &kept).await?;
        Ok(Some((kept, done)))
    };
    (number, looked.await)
}

/// Shows a case that was looked at.
async fn present(house: &Arc<House>, held: &mut Held, looked: Result<Looked, JoinError>) {
    let (number, looked) = match looked {
        Ok(looked) => looked,
        // Nobody knows which: what was ordered already is not ordered twice.
        Err(error) => {
            tracing::error!(%error, "a case could not be looked at; trying again");
            held.looking.clear();
            return held.again(0);
        }
    };
    held.looking.remove(&number);
    let shown = match looked {
        Ok(None) => Ok(true),
        Ok(Some((kept, done))) => looked_at(house, held, &kept, &done).await,
        Err(error) => Err(error),
    };
    match shown {
        Ok(true) => {}
        // Another node was faster, or somebody spoke meanwhile.
        Ok(false) => held.again(number),
        // Not at once: what fails may fail again.
        Err(error) => {
            tracing::warn!(%error, case = number, "a case could not be shown; trying again");
            return held.again(number);
        }
    }
    // Others may wait for its place.
    house.cases_kick.notify_one();
}

async fn pass(house: &Arc<House>, held: &mut Held) -> Result<(), EngineError> {
    show_held(house, held).await?;
    waves(house).await?;
    redraw(house).await
}

/// Calls moderators, once, where many more people join than is usual. In shadow it is only written down.
async fn waves(house: &Arc<House>) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    for (key, wave) in house.shield.waves(now_ms) {
        let note = JoinWave {
            by: moderate::by_shield(house),
            account: wave.account.0.clone(),
            place: wave.place.0.clone(),
            joined: wave.joined,
            notes: if cases::is_shown(wave.mode) { joining(house, &wave) } else { Vec::new() },
            node: house.node.id.clone(),
        };
        let new = house.store.note_wave(note).await?;
        house.shield.wave_noted(key, now_ms);
        let Joining { account, place, joined, over, .. } = &wave;
        if let Some(rows) = new {
            tracing::warn!(%account, %place, joined, "many more people join than is usual");
            metrics::counter!("townkeeper_join_waves_total", "account" => account.0.clone()).increment(1);
            for row in rows {
                outbox::send(house, row);
            }
        }
        if *over {
            tracing::info!(%account, %place, joined, "a wave of people who join is over");
        }
    }
    Ok(())
}

/// What was done about a case is to be seen: on the cards that stand there, or on its first.
async fn looked_at(house: &Arc<House>, held: &mut Held, kept: &KeptCase, done: &str) -> Result<bool, EngineError> {
    if kept.edited_ms.is_some() {
        house.store.edit_seen(&house.workspace, kept).await?;
    }
    if kept.shown {
        return Ok(true);
    }
    show_new(house, held, kept, done).await
}

/// Shows a case, or leaves it for a digest. `false`: it is not as it was read any more.
async fn show_new(house: &Arc<House>, held: &mut Held, kept: &KeptCase, done: &str) -> Result<bool, EngineError> {
    if !cases::is_shown(kept.case.mode) {
        return show(house, &[kept], Shown::Single(Vec::new())).await;
    }
    if calls_at_once(&kept.case) || held.numbers.is_empty() && showing(house).await? == Showing::Single {
        return show(house, &[kept], Shown::Single(cards_of(house, kept, done))).await;
    }
    if held.numbers.is_empty() {
        held.since_ms = house.clock.now_ms();
    }
    held.numbers.insert(kept.case.number);
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
    // Whatever fails: what is not shown is read again.
    held.again(0);
    for number in std::mem::take(&mut held.numbers) {
        if let Some(kept) = house.store.case(&house.workspace, number).await? {
            together.entry(readers(house, &kept.case)).or_default().push(kept);
        }
    }
    for waiting in together.into_values() {
        let waiting: Vec<&KeptCase> = waiting.iter().collect();
        let shown = match waiting.as_slice() {
            [alone] if showing == Showing::Single => {
                Shown::Single(cards_of(house, alone, &done_about(house, alone).await?))
            }
            all => Shown::Digest(digest(house, all)),
        };
        // Where another node was faster with one of them, what is left is looked at again.
        show(house, &waiting, shown).await?;
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
