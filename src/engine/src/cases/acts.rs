//! What is done about a case: acts of moderation under keys that name it, and what takes them back.

use std::sync::Arc;

use townkeeper_contract::case::CaseState;
use townkeeper_contract::id::AccountId;
use townkeeper_contract::moderation::Verb;
use townkeeper_core::cases::{self, Step};
use townkeeper_core::decide::moderate::{Moderated, said};
use townkeeper_core::say;
use townkeeper_store::{By, KeptCase};

use crate::moderate::{self, ForCase};
use crate::{EngineError, House};

/// What came of the acts that a word about a case leads to.
#[derive(Default)]
pub(super) struct Done {
    pub(super) acts: Vec<i64>,
    pub(super) swept: usize,
    pub(super) undone: Vec<String>,
}

pub(super) async fn carry_out(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    steps: &[Step],
    person: Option<&str>,
) -> Result<Done, EngineError> {
    let mut done = Done::default();
    for step in steps {
        match step {
            Step::Remove if kept.case.message.is_none() => {}
            Step::Remove => order(house, by, kept, Verb::Remove, person, &mut done).await?,
            Step::Restrict => order(house, by, kept, Verb::Restrict, person, &mut done).await?,
            Step::Ban => order(house, by, kept, Verb::Ban, person, &mut done).await?,
            Step::TakeBack => take_back(house, by, kept, person, &mut done).await?,
            Step::Sweep => sweep(house, by, kept, person, &mut done).await?,
        }
    }
    Ok(done)
}

async fn order(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    verb: Verb,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let case = &kept.case;
    let act = ForCase {
        key: format!("case/{}/{}/{verb}", case.number, kept.said),
        verb,
        account: &case.account,
        place: case.place.as_str(),
        address: &kept.address,
        message: case.message.clone(),
        person: Some(case.person.clone()),
        for_ms: cases::QUIET_MS,
        reason: format!("case {}", case.number),
        by_person: person.map(str::to_owned),
    };
    match moderate::for_case(house, by.clone(), act).await? {
        Moderated::Ordered { number, .. } => done.acts.push(number),
        other => done.undone.push(said(other).body.to_plain()),
    }
    Ok(())
}

/// Takes back what was done about a case. What was taken down stays down: no platform brings a message back.
async fn take_back(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let number = kept.case.number;
    let acts = house.store.orders_asked(&house.workspace, &format!("case/{number}/")).await?;
    let removed = acts.iter().filter(|(_, verb)| *verb == Verb::Remove).count();
    for (act, verb) in acts {
        if verb == Verb::Remove {
            continue;
        }
        let key = format!("case/{number}/{}/back/{act}", kept.said);
        match moderate::back_for_case(house, by.clone(), key, act, person.map(str::to_owned)).await? {
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

/// Takes down what is like it, of the last day, wherever it stands; for somebody of whom only a platform says that they
/// moderate, where it says so.
async fn sweep(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    for copy in house.shield.copies(&kept.case, house.clock.now_ms()) {
        let account = AccountId::from(copy.account.as_str());
        if person.is_some() && account != kept.case.account {
            continue;
        }
        let Some(address) = house.store.address_of(&house.workspace, &copy.account, &copy.place).await? else {
            continue;
        };
        let act = ForCase {
            key: format!("case/{}/{}/copy/{}/{}", kept.case.number, kept.said, copy.account, copy.message),
            verb: Verb::Remove,
            account: &account,
            place: &copy.place,
            address: &address.0,
            message: Some(copy.message.as_str().into()),
            person: None,
            for_ms: 0,
            reason: format!("case {}: a copy", kept.case.number),
            by_person: person.map(str::to_owned),
        };
        match moderate::for_case(house, by.clone(), act).await? {
            Moderated::Ordered { .. } => done.swept += 1,
            other => done.undone.push(said(other).body.to_plain()),
        }
    }
    // One sentence for however many places we may not moderate.
    done.undone.dedup();
    Ok(())
}
