//! What a moderator says about a case, in a chat or over the API: whether they may, and what it leads to.

use std::sync::Arc;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::{Case, CaseDecided, CaseWord};
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::place::PlaceWho;
use townkeeper_core::access::may;
use townkeeper_core::cases;
use townkeeper_core::decide::cases::{Cased, Decided};
use townkeeper_store::{By, DecideCase, Denied, ErasureReport, KeptCase, StoreError};

use super::acts::carry_out;
use crate::{Engine, EngineError, House, moderate};

/// Who says something about a case, and in whose right.
struct Voice {
    by: By,
    /// The number of who wants it, where the platform's word counts.
    person: Option<String>,
}

/// Does what a moderator said in a chat, if they may.
pub(crate) async fn said_in_chat(house: &Arc<House>, inbound: &Inbound, number: i64, word: CaseWord) -> Cased {
    let said = async {
        let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(Cased::NoSuchCase) };
        match voice(house, inbound, &kept.case).await? {
            Some(voice) => decide(house, voice, kept, word).await.map(|(cased, _)| cased),
            None => Ok(Cased::NotAllowed),
        }
    };
    said.await.unwrap_or_else(|error: EngineError| {
        tracing::error!(%error, case = number, "what a moderator said about a case could not be done");
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
        self.house.pictures.forget(account, person);
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

/// Whoever holds the role may; else whoever may take messages down where it stands, by the platform's own word.
async fn voice(house: &House, inbound: &Inbound, case: &Case) -> Result<Option<Voice>, EngineError> {
    let Some((platform, _)) = inbound.account.as_str().split_once(':') else { return Ok(None) };
    let id = inbound.person.id.as_str();
    if inbound.person.bot {
        return Ok(None);
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
        return Ok(Some(Voice { by, person: None }));
    }
    let rules = house.door.rules(&case.account);
    let by_platform = house.places.who(&case.account, case.place.as_str(), rules) == PlaceWho::Platform;
    let same = inbound.account == case.account && by_platform;
    let lets = same && moderate::lets_remove(house, case, inbound).await;
    Ok(lets.then(|| Voice { by, person: Some(id.to_owned()) }))
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
            carry_out(house, &voice.by, &kept, steps, voice.person.as_deref()).await?;
        }
        return Ok((Cased::Same, None));
    };
    let decide = DecideCase { by: voice.by.clone(), number, said: kept.said, to: state };
    match house.store.decide_case(decide).await {
        Ok(()) => {}
        Err(StoreError::Denied(Denied::Moved)) => return Ok((Cased::Faster, None)),
        Err(error) => return Err(error.into()),
    }
    metrics::counter!("townkeeper_case_words_total", "word" => word.as_str()).increment(1);
    if let Err(error) = house.shield.learn(house).await {
        tracing::warn!(%error, "what was said about a case is learnt a moment later");
    }
    // Under keys of their own: taken back and said again, it is done again.
    let kept = KeptCase { said: kept.said + 1, ..kept };
    let done = carry_out(house, &voice.by, &kept, steps, voice.person.as_deref()).await?;
    let told = CaseDecided { number, state, acts: done.acts.clone(), undone: done.undone.clone() };
    let decided = Decided { number, state, acts: done.acts.len(), swept: done.swept, undone: done.undone };
    Ok((Cased::Decided(decided), Some(told)))
}
