//! What is done about a case: acts of moderation under keys that name it, and what takes them back.

use std::sync::Arc;

use townkeeper_contract::case::CaseState;
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::moderation::{DeliveryState, Verb};
use townkeeper_core::cases::{self, Step};
use townkeeper_core::decide::moderate::{Moderated, said};
use townkeeper_core::say;
use townkeeper_store::{By, CaseAt, CaseCopy, KeptCase};

use super::linked::linked;
use crate::moderate::{self, ForCase, Rights};
use crate::shield::Copy;
use crate::{EngineError, House};

/// How often it is noted that this node is still at a sweep.
const AT_IT_MS: i64 = 5_000;

/// What came of the acts that a word about a case leads to.
#[derive(Default)]
pub(super) struct Done {
    pub(super) acts: Vec<i64>,
    pub(super) swept: usize,
    pub(super) undone: Vec<String>,
}

impl Done {
    /// Orders an act, and keeps what came of it.
    pub(super) async fn order(&mut self, house: &Arc<House>, by: &By, act: ForCase<'_>) -> Result<(), EngineError> {
        match moderate::for_case(house, by.clone(), act, &mut Rights::new()).await? {
            Moderated::Ordered { number, .. } => self.acts.push(number),
            other => self.undone.push(said(other).body.to_plain()),
        }
        Ok(())
    }
}

pub(super) async fn carry_out(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    steps: &[Step],
    person: Option<&str>,
    copies: &[CaseCopy],
) -> Result<Done, EngineError> {
    let mut done = Done::default();
    for step in steps {
        match step {
            Step::Restrict | Step::Ban if kept.case.person.as_str() == cases::NOBODY => {
                done.undone.push(say::cases::nobody().to_owned());
            }
            Step::Restrict | Step::Ban if kept.case.person.as_str() == cases::ERASED => {
                done.undone.push(say::cases::erased().to_owned());
            }
            Step::Remove | Step::Restrict | Step::Ban => {
                let Some(act) = act_of(kept, *step) else { continue };
                let verb = act.verb;
                done.order(house, by, ForCase { by_person: person.map(str::to_owned), ..act }).await?;
                if verb != Verb::Remove {
                    linked(house, by, kept, verb, person.is_some(), &mut done).await?;
                }
            }
            Step::TakeBack => take_back(house, by, kept, person, &mut done).await?,
            Step::Sweep => sweep(house, by, (kept, copies), person, &mut done).await?,
        }
    }
    Ok(done)
}

/// The act that a step is, upon the case's own message or author. `None`: there is none of that.
pub(super) fn act_of(kept: &KeptCase, step: Step) -> Option<ForCase<'_>> {
    let case = &kept.case;
    let verb = match step {
        Step::Remove => case.message.as_ref().map(|_| Verb::Remove)?,
        Step::Restrict | Step::Ban if case.person.as_str() == cases::ERASED => return None,
        Step::Restrict => Verb::Restrict,
        Step::Ban => Verb::Ban,
        Step::TakeBack | Step::Sweep => return None,
    };
    Some(ForCase {
        at: at(kept),
        name: verb.to_string(),
        verb,
        account: &case.account,
        place: case.place.as_str(),
        address: &kept.address,
        message: case.message.clone(),
        person: (verb != Verb::Remove).then(|| case.person.clone()),
        for_ms: cases::QUIET_MS,
        reason: format!("case {}", case.number),
        by_person: None,
    })
}

pub(super) fn at(kept: &KeptCase) -> CaseAt {
    CaseAt { number: kept.case.number, said: kept.said }
}

/// Takes back what was done about a case. What was taken down stays down: no platform brings a message back.
async fn take_back(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let acts = house.store.orders_of_case(&house.workspace, kept.case.number).await?;
    let removed = acts.iter().filter(|act| act.verb == Verb::Remove && act.state == Some(DeliveryState::Sent)).count();
    for act in acts {
        // What came to nothing, or was withdrawn with the word, there is nothing of to take back.
        let nothing = matches!(act.state, Some(DeliveryState::Refused | DeliveryState::Expired));
        if nothing || act.verb == Verb::Remove {
            continue;
        }
        // Who moderates by one platform's word has no number on another: what was done there follows the word.
        let asker = person.filter(|_| act.account == kept.case.account.as_str()).map(str::to_owned);
        match moderate::back_for_case(house, by.clone(), at(kept), act.number, asker).await? {
            Moderated::Ordered { number, .. } => done.acts.push(number),
            Moderated::Reversed { .. } => {}
            other => done.undone.push(said(other).body.to_plain()),
        }
    }
    if removed > 0 && kept.case.state != CaseState::Open {
        done.undone.push(say::cases::gone(removed));
    }
    Ok(())
}

/// What is like a case, of the last day.
pub(super) async fn copies(house: &House, kept: &KeptCase) -> Result<Vec<CaseCopy>, EngineError> {
    let found = house.shield.copies(house, &kept.case).await?;
    Ok(found.into_iter().map(|Copy { account, place, message }| CaseCopy { account, place, message }).collect())
}

/// Takes down what is like it, of the last day, wherever it stands; for somebody of whom only a platform says that they
/// moderate, where it says so.
async fn sweep(
    house: &Arc<House>,
    by: &By,
    (kept, copies): (&KeptCase, &[CaseCopy]),
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let mut rights = Rights::new();
    let mut noted_ms = house.clock.now_ms();
    for copy in copies {
        let now_ms = house.clock.now_ms();
        if now_ms - noted_ms >= AT_IT_MS {
            // Else it would be taken for failed, and done once more beside this.
            house.store.at_it(&house.workspace, &house.node.id, (kept.case.number, kept.said), now_ms).await?;
            noted_ms = now_ms;
        }
        let account = AccountId::from(copy.account.as_str());
        if person.is_some() && account != kept.case.account {
            continue;
        }
        let Some(address) = house.store.address_of(&house.workspace, &copy.account, &copy.place).await? else {
            continue;
        };
        let author = house.store.author_of(&house.workspace, &copy.account, &copy.message).await?;
        let act = ForCase {
            at: at(kept),
            name: format!("copy/{}/{}", copy.account, copy.message),
            verb: Verb::Remove,
            account: &account,
            place: &copy.place,
            address: &address.0,
            message: Some(copy.message.as_str().into()),
            person: author.map(PersonId),
            for_ms: 0,
            reason: format!("case {}: a copy", kept.case.number),
            by_person: person.map(str::to_owned),
        };
        match moderate::for_case(house, by.clone(), act, &mut rights).await? {
            Moderated::Ordered { .. } => done.swept += 1,
            // Whoever moderates there has shown it to others.
            Moderated::Protected => {}
            // Who was faster says what becomes of the rest.
            other @ Moderated::Overtaken => {
                done.undone.push(said(other).body.to_plain());
                break;
            }
            other => done.undone.push(said(other).body.to_plain()),
        }
    }
    // One sentence for however many places we may not moderate.
    done.undone.dedup();
    Ok(())
}
