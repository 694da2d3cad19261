//! What a moderator says of somebody's account holds for the accounts that the person has linked to it, where they were
//! seen; for nobody else's, however much they are called alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_core::cases::Step;
use townkeeper_core::decide::moderate::{Moderated, said};
use townkeeper_core::say;
use townkeeper_store::{By, KeptCase};

use super::acts::{Done, act_of, at};
use crate::moderate::{self, ForCase, Rights};
use crate::{EngineError, House};

/// Orders the same for the linked accounts. `person`: who speaks moderates by their platform's word alone, which counts there.
pub(super) async fn linked(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    step: Step,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let (case, Some(act)) = (&kept.case, act_of(kept, step)) else { return Ok(()) };
    let platform = case.account.as_str().split_once(':').map_or("", |(platform, _)| platform);
    let known = house.store.person_of(&house.workspace, platform, case.person.as_str()).await?;
    let identities = known.map(|member| member.identities).unwrap_or_default();
    let theirs = identities.into_iter().filter(|known| known.platform != platform || known.id != case.person.as_str());
    let mut ordered = BTreeSet::new();
    for (n, identity) in theirs.enumerate() {
        for (account, place) in house.store.seen_at(&house.workspace, &identity.platform, &identity.id).await? {
            let Some(address) = house.store.address_of(&house.workspace, &account, &place).await? else { continue };
            let account = AccountId(account);
            let realm = house.door.realm(&account, &address, &place);
            // Once in a server, however many of its channels they were seen in.
            if !house.door.leads_to(&account) || !ordered.insert((n, account.clone(), realm.clone())) {
                continue;
            }
            if person.is_some() {
                done.undone.push(say::cases::linked_elsewhere().to_owned());
                return Ok(());
            }
            let act = ForCase {
                at: at(kept),
                // Not by their number, which goes with them when they are erased.
                name: format!("linked/{}/{n}/{account}/{realm}", act.verb),
                verb: act.verb,
                account: &account,
                place: &place,
                address: &address.0,
                message: None,
                person: Some(PersonId(identity.id.clone())),
                for_ms: act.for_ms,
                reason: format!("case {}: a linked account", case.number),
                by_person: None,
            };
            match moderate::for_case(house, by.clone(), act, &mut Rights::new()).await? {
                Moderated::Ordered { number, .. } => done.acts.push(number),
                other => done.undone.push(said(other).body.to_plain()),
            }
        }
    }
    Ok(())
}
