//! What a moderator says of somebody's account holds for the accounts that the person has linked to it, where they were
//! seen; for nobody else's, however much they are called alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::moderation::Verb;
use townkeeper_core::{cases, say};
use townkeeper_store::{By, KeptCase, person_mark};

use super::acts::{Done, at};
use crate::moderate::ForCase;
use crate::{EngineError, House};

/// Orders the same for the linked accounts. `by_platform`: who speaks moderates by their platform's word alone, which counts
/// there.
pub(super) async fn linked(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    verb: Verb,
    by_platform: bool,
    done: &mut Done,
) -> Result<(), EngineError> {
    let case = &kept.case;
    let platform = case.account.as_str().split_once(':').map_or("", |(platform, _)| platform);
    let known = house.store.person_of(&house.workspace, platform, case.person.as_str()).await?;
    let identities = known.map(|member| member.identities).unwrap_or_default();
    let theirs = identities.into_iter().filter(|known| known.platform != platform || known.id != case.person.as_str());
    let mut ordered = BTreeSet::new();
    for identity in theirs {
        for (account, place) in house.store.seen_at(&house.workspace, &identity.platform, &identity.id).await? {
            let Some(address) = house.store.address_of(&house.workspace, &account, &place).await? else { continue };
            let account = AccountId(account);
            let realm = house.door.realm(&account, &address, &place);
            let name = name(verb, &account, &realm, &identity.id);
            // Once in a server, however many of its channels they were seen in.
            if !house.door.leads_to(&account) || !ordered.insert(name.clone()) {
                continue;
            }
            if by_platform {
                done.undone.push(say::cases::linked_elsewhere().to_owned());
                return Ok(());
            }
            let act = ForCase {
                at: at(kept),
                name,
                verb,
                account: &account,
                place: &place,
                address: &address.0,
                message: None,
                person: Some(PersonId(identity.id.clone())),
                for_ms: cases::QUIET_MS,
                reason: format!("case {}: a linked account", case.number),
                by_person: None,
            };
            done.order(house, by, act).await?;
        }
    }
    Ok(())
}

/// The same for the same account, whatever else is linked by now. It ends in a mark: their number would stay where they are
/// erased, and the mark is taken out then.
fn name(verb: Verb, account: &AccountId, realm: &str, person: &str) -> String {
    format!("linked/{verb}/{account}/{realm}/{}", person_mark(account.as_str(), person))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_linked_account_has_a_name_of_its_own_that_does_not_say_its_number() {
        let account = AccountId::from("discord:main");
        let of = |person| name(Verb::Ban, &account, "-100", person);
        assert_eq!(of("66600066"), of("66600066"));
        assert_ne!(of("66600066"), of("77700077"), "one is not taken for the other when a third is unlinked");
        assert!(!of("66600066").contains("66600066"));
        // As the store knows it that erases it.
        assert!(of("66600066").starts_with("linked/ban/discord:main/-100/"));
    }
}
