//! What a moderator says about a case, in a chat or over the API: whether they may, and what it leads to.

use std::sync::Arc;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::{Case, CaseDecided, CaseWord};
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::place::PlaceWho;
use townkeeper_core::access::may;
use townkeeper_core::cases::{self, Step};
use townkeeper_core::decide::cases::{Cased, Decided};
use townkeeper_store::{
    By, Debt, DecideCase, Denied, ErasureReport, KeptCase, Owed, StoreError, fault, guard, person_mark,
};

use super::acts::{carry_out, copies};
use super::cards::show_again;
use crate::{Engine, EngineError, House, moderate};

/// How long this node may be at the acts of a word before it is taken for having failed.
const AT_IT_MS: i64 = 30_000;

/// Who says something about a case, and in whose right.
struct Voice {
    by: By,
    /// The number of who wants it, where the platform's word counts.
    person: Option<String>,
}

/// Does what a moderator said in a chat, if they may.
pub(crate) async fn said_in_chat(
    house: &Arc<House>,
    inbound: &Inbound,
    (number, wording): (i64, i64),
    word: CaseWord,
) -> Cased {
    let said = async {
        let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(Cased::NoSuchCase) };
        match voice(house, inbound, &kept.case).await? {
            // Nobody judges what they have not read.
            Ok(_) if kept.wording != wording && word != CaseWord::Undo && guard!("case.wording") => Ok(Cased::Edited),
            Ok(voice) => decide(house, voice, kept, word).await.map(|(cased, _)| cased),
            Err(no) => Ok(no),
        }
    };
    said.await.unwrap_or_else(|error: EngineError| {
        tracing::error!(%error, case = number, "what a moderator said about a case could not be done");
        Cased::Failed
    })
}

/// Shows a case's card where a moderator asked for it.
pub(crate) async fn shown_in_chat(house: &Arc<House>, turn: &str, inbound: &Inbound, number: i64) -> Cased {
    let shown = async {
        let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(Cased::NoSuchCase) };
        match voice(house, inbound, &kept.case).await? {
            Ok(_) => {}
            Err(Cased::NotAllowed) => return Ok(Cased::NotShown),
            Err(no) => return Ok(no),
        }
        show_again(house, &kept, turn, inbound).await
    };
    shown.await.unwrap_or_else(|error: EngineError| {
        tracing::error!(%error, case = number, "a case could not be shown");
        Cased::Failed
    })
}

impl Engine {
    /// Does what somebody with the permission said about a case. Its second half is `None` where nothing changed.
    pub async fn say_of_case(
        &self,
        by: By,
        number: i64,
        word: CaseWord,
    ) -> Result<(Cased, Option<CaseDecided>), EngineError> {
        said_over_api(&self.house, by, number, word).await
    }

    /// Takes a person out of every table, and out of what the shield remembers.
    pub async fn erase_person(&self, by: By, account: &str, person: &str) -> Result<ErasureReport, EngineError> {
        // Before, so that nothing is written down of them any more; and after, whatever came of it.
        self.house.shield.forget(account, person);
        let erased = self.house.store.erase_person(by, account, person).await;
        self.house.shield.forget(account, person);
        self.house.pictures.forget(person_mark(account, person));
        let report = erased?;
        self.house.shield.learn(&self.house).await?;
        Ok(report)
    }
}

/// Whoever may moderate may say so; the platform is asked for our own right alone.
async fn said_over_api(
    house: &Arc<House>,
    by: By,
    number: i64,
    word: CaseWord,
) -> Result<(Cased, Option<CaseDecided>), EngineError> {
    let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok((Cased::NoSuchCase, None)) };
    decide(house, Voice { by, person: None }, kept, word).await
}

/// Whoever holds the role may; else whoever may take messages down where it stands, by the platform's own word. Else, what
/// to say to them.
async fn voice(house: &House, inbound: &Inbound, case: &Case) -> Result<Result<Voice, Cased>, EngineError> {
    let Some((platform, _)) = inbound.account.as_str().split_once(':') else { return Ok(Err(Cased::NotAllowed)) };
    let id = inbound.person.id.as_str();
    if inbound.person.bot {
        return Ok(Err(Cased::NotAllowed));
    }
    let known = house.store.person_of(&house.workspace, platform, id).await?;
    let by = By {
        workspace: house.workspace.clone(),
        actor: known
            .as_ref()
            .map_or_else(|| format!("platform:{platform}:{id}"), |member| format!("person:{}", member.id)),
        method: format!("chat:{platform}:{id}"),
        now_ms: house.clock.now_ms(),
    };
    if known.is_some_and(|member| may(&member.roles, Permission::Moderate)) {
        return Ok(Ok(Voice { by, person: None }));
    }
    let rules = house.door.rules(&case.account);
    let by_platform = house.places.who(&case.account, case.place.as_str(), rules) == PlaceWho::Platform;
    if inbound.account != case.account || !by_platform {
        return Ok(Err(Cased::NotAllowed));
    }
    Ok(match moderate::lets_remove(house, case, inbound).await? {
        Some(true) => Ok(Voice { by, person: Some(id.to_owned()) }),
        Some(false) => Err(Cased::NotAllowed),
        None => Err(Cased::Failed),
    })
}

/// What was said about cases, and who is of the team.
async fn learn(house: &House) {
    if let Err(error) = house.shield.learn(house).await {
        tracing::warn!(%error, "what was said about a case is learnt a moment later");
    }
}

async fn decide(
    house: &Arc<House>,
    voice: Voice,
    kept: KeptCase,
    word: CaseWord,
) -> Result<(Cased, Option<CaseDecided>), EngineError> {
    let number = kept.case.number;
    let Some((state, steps)) = cases::decide(kept.case.state, word) else {
        // Said before; but a death may have come between the word and its acts. Under the same keys they are done once.
        let (_, steps) = cases::meaning(word);
        if word != CaseWord::Undo {
            let copies = copies(house, &kept).await?;
            carry_out(house, &voice.by, &kept, steps, voice.person.as_deref(), &copies).await?;
        }
        return Ok((Cased::Same, None));
    };
    let copies = if steps.contains(&Step::Sweep) {
        // Whoever of the team quoted it is left alone, however new they are.
        learn(house).await;
        copies(house, &kept).await?
    } else {
        Vec::new()
    };
    let debt = Debt { node: house.node.id.clone(), person: voice.person.clone(), copies: copies.clone() };
    let decide = DecideCase {
        by: voice.by.clone(),
        number,
        said: kept.said,
        wording: kept.wording,
        to: state,
        debt: (!steps.is_empty()).then_some(debt),
        takes_back: steps.contains(&Step::TakeBack),
    };
    match house.store.decide_case(decide).await {
        Ok(()) => {}
        Err(StoreError::Denied(Denied::Moved)) => return Ok((Cased::Faster, None)),
        Err(error) => return Err(error.into()),
    }
    house.cases_kick.notify_one();
    fault!("case.said");
    metrics::counter!("townkeeper_case_words_total", "word" => word.as_str()).increment(1);
    learn(house).await;
    // Under keys of their own: taken back and said again, it is done again.
    let kept = KeptCase { said: kept.said + 1, ..kept };
    let done = carry_out(house, &voice.by, &kept, steps, voice.person.as_deref(), &copies).await?;
    if let Err(error) = house.store.paid(&house.workspace, number, kept.said).await {
        tracing::warn!(%error, case = number, "its acts are ordered, and looked for once more");
    }
    let told = CaseDecided { number, state, acts: done.acts.clone(), undone: done.undone.clone() };
    let decided = Decided { number, state, acts: done.acts.len(), swept: done.swept, undone: done.undone };
    Ok((Cased::Decided(decided), Some(told)))
}

/// Orders what words lead to that a death, or a failure, kept from being ordered. What was ordered stands under the same
/// keys.
pub(super) async fn make_up(house: &Arc<House>) -> Result<(), EngineError> {
    let now_ms = house.clock.now_ms();
    let owed = house.store.owed(&house.workspace, &house.node.id, now_ms - AT_IT_MS, now_ms).await?;
    for Owed { by, kept, debt } in owed {
        let number = kept.case.number;
        house.store.at_it(&house.workspace, &house.node.id, (number, kept.said), house.clock.now_ms()).await?;
        tracing::info!(case = number, "what was said about a case is done now");
        carry_out(house, &by, &kept, cases::since(kept.case.state), debt.person.as_deref(), &debt.copies).await?;
        house.store.paid(&house.workspace, number, kept.said).await?;
    }
    Ok(())
}
