//! What follows from cases: acts under keys that name one, written only while it stands as it was seen. Nobody waits for
//! the platform here: what cannot be looked up now is looked up before it leaves.

use std::collections::HashMap;
use std::sync::Arc;

use townkeeper_contract::case::Case;
use townkeeper_contract::id::{AccountId, MessageRef, PersonId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::platform::{DeliverError, Right};
use townkeeper_core::decide::moderate::{Moderated, Wanted, is_of_message};
use townkeeper_store::{self as store, Acted, By, Card, CaseAt, Order, Reading};

use super::look::{self, No};
use super::{Asked, Back, new_order, order, ordered, place_order, take_back};
use crate::{EngineError, House, outbox, shield};

/// How we sign what we do by ourselves.
pub(crate) const SHIELD: &str = "shield";

/// How long something is tried that follows from a case: a freeze may last.
pub(super) const DEADLINE_MS: i64 = 24 * 60 * 60 * 1000;

/// An act that a case leads to.
pub(crate) struct ForCase<'a> {
    /// The case as it was seen.
    pub(crate) at: CaseAt,
    /// Names it among all that the case leads to: ordered again, it is the same act.
    pub(crate) name: String,
    pub(crate) verb: Verb,
    pub(crate) account: &'a AccountId,
    pub(crate) place: &'a str,
    pub(crate) address: &'a str,
    pub(crate) message: Option<MessageRef>,
    /// Whom it is about; of the case's own message nobody, of a copy its author, who may be one to be spared.
    pub(crate) person: Option<PersonId>,
    pub(crate) for_ms: i64,
    pub(crate) reason: String,
    /// Whose right the platform is asked for besides ours.
    pub(crate) by_person: Option<String>,
}

impl ForCase<'_> {
    fn order(self, now_ms: i64) -> Order {
        let of_message = is_of_message(self.verb);
        let wanted = Wanted {
            verb: self.verb,
            message: self.message.filter(|_| of_message),
            person: self.person,
            for_ms: Some(self.for_ms),
            reason: self.reason,
        };
        let address = ReplyTo(self.address.to_owned());
        order(&wanted, (self.account, self.place, &address), self.by_person, now_ms)
    }
}

/// The key of something that follows from a case.
fn key(at: CaseAt, name: &str) -> String {
    format!("case/{}/{}/{name}", at.number, at.said)
}

/// The case that a key names, as it was seen.
pub(crate) fn at_of(key: &str) -> Option<CaseAt> {
    let (number, rest) = key.strip_prefix("case/")?.split_once('/')?;
    let (said, _) = rest.split_once('/')?;
    Some(CaseAt { number: number.parse().ok()?, said: said.parse().ok()? })
}

/// What the platform said of who asks: where, and why not, if they may not. It is asked once about each place.
pub(crate) type Rights = HashMap<(String, String), Option<Moderated>>;

/// Does what a word about a case leads to.
pub(crate) async fn for_case(
    house: &Arc<House>,
    by: By,
    act: ForCase<'_>,
    rights: &mut Rights,
) -> Result<Moderated, EngineError> {
    let (key, at) = (key(act.at, &act.name), act.at);
    let order = act.order(by.now_ms);
    let who = by.actor.clone();
    let looked = match asker_may(house, &order, rights).await {
        Ok(()) => look::allowed_to_us(house, &order, true).await,
        Err(no) => Err(no),
    };
    place_order(house, by, Asked { key: &key, who, at: None, of_case: Some(at) }, order, looked).await
}

async fn asker_may(house: &House, order: &Order, rights: &mut Rights) -> Result<(), No> {
    let Some(asker) = &order.by_person else { return Ok(()) };
    let place = (order.account.clone(), order.place.clone());
    if let Some(known) = rights.get(&place) {
        return known.map_or(Ok(()), |no| Err(No::Said(no)));
    }
    let said = look::asker_may(house, order, asker).await;
    match &said {
        Ok(()) => drop(rights.insert(place, None)),
        Err(No::Said(no)) => drop(rights.insert(place, Some(*no))),
        // Not known: the next is asked about anew.
        Err(_) => {}
    }
    said
}

/// Takes back an act that a case led to.
pub(crate) async fn back_for_case(
    house: &Arc<House>,
    by: By,
    at: CaseAt,
    number: i64,
    asker: Option<String>,
) -> Result<Moderated, EngineError> {
    let Some(found) = house.store.order(&house.workspace, number).await? else { return Ok(Moderated::NoSuchAct) };
    let (key, who) = (key(at, &format!("back/{number}")), by.actor.clone());
    let back = Back { number, found, asker, reason: String::new() };
    take_back(house, by, Asked { key: &key, who, at: None, of_case: Some(at) }, back).await
}

/// What came of what the shield does by itself.
pub(crate) enum ByItself {
    Ordered {
        /// It is looked up before it is done.
        waits: bool,
        /// What could not be ordered.
        undone: Vec<Moderated>,
    },
    /// The author is of the team, or moderates there.
    Spared,
    /// It did too much lately, or somebody was faster: it is only shown.
    Shown,
}

/// As the log writes what the shield does without anybody's word.
pub(crate) fn by_shield(house: &House) -> By {
    By {
        workspace: house.workspace.clone(),
        actor: SHIELD.to_owned(),
        method: SHIELD.to_owned(),
        now_ms: house.clock.now_ms(),
    }
}

/// Does what the shield does by itself about a case, if it may do one act more; else it calls a human, once.
pub(crate) async fn by_itself(
    house: &Arc<House>,
    case: &Case,
    acts: Vec<ForCase<'_>>,
    call: Vec<Card>,
) -> Result<ByItself, EngineError> {
    let by = by_shield(house);
    let Some(first) = acts.first() else { return Ok(ByItself::Shown) };
    // Nobody is asked about what would not be done anyway.
    if house.store.is_tripped(&house.workspace).await? {
        return Ok(ByItself::Shown);
    }
    let (mut look_ms, mut read) = (None, None);
    match look::spare(house, case.account.as_str(), first.address, &case.person).await {
        Ok(held) => read = Some(Reading { held, asked_ms: by.now_ms }),
        Err(No::Said(_)) => return Ok(ByItself::Spared),
        Err(No::Unasked(error)) => look_ms = Some(look::again_ms(&error, 0, by.now_ms)),
        Err(No::Engine(error)) => return Err(error),
    }
    let (mut orders, mut undone) = (Vec::new(), Vec::new());
    for act in acts {
        let (key, at) = (key(act.at, &act.name), act.at);
        let order = act.order(by.now_ms);
        match look::we_may(house, &order).await {
            Ok(()) => {}
            Err(No::Said(moderated)) => {
                undone.push(moderated);
                continue;
            }
            Err(No::Unasked(error)) => look_ms = look_ms.max(Some(look::again_ms(&error, 0, by.now_ms))),
            Err(No::Engine(error)) => return Err(error),
        }
        let asked = Asked { key: &key, who: SHIELD.to_owned(), at: None, of_case: Some(at) };
        orders.extend(new_order(house, by.clone(), asked, order, (look_ms, read.clone())));
    }
    if orders.is_empty() {
        return Ok(ByItself::Ordered { waits: false, undone });
    }
    let verbs: Vec<Verb> = orders.iter().map(|new| new.order.verb).collect();
    let act = store::ByItself { by, orders, admit: shield::admit, call, node: house.node.id.clone() };
    let is_done = acted(house, house.store.act_by_itself(act).await?, &verbs);
    Ok(if is_done { ByItself::Ordered { waits: look_ms.is_some(), undone } } else { ByItself::Shown })
}

/// Lets what may leave now leave. `false`: nothing was ordered.
fn acted(house: &Arc<House>, acted: Acted, verbs: &[Verb]) -> bool {
    match acted {
        Acted::Ordered(came) => {
            // Each of them, before one says that somebody was faster.
            let came = came.into_iter().zip(verbs).map(|(came, verb)| ordered(house, came, *verb));
            !came.collect::<Vec<_>>().contains(&Moderated::Overtaken)
        }
        Acted::Tripped(call) => {
            tracing::warn!(
                "the shield did too much by itself: it only shows what it finds until a moderator has looked"
            );
            for row in call {
                outbox::send(house, row);
            }
            false
        }
        Acted::Shown => false,
    }
}

/// Whether the platform lets somebody take messages down where a case is. `None`: it could not be asked just now.
pub(crate) async fn lets_remove(house: &House, case: &Case, inbound: &Inbound) -> Result<Option<bool>, EngineError> {
    let address = house.store.address_of(&house.workspace, case.account.as_str(), case.place.as_str()).await?;
    let Some(at) = address else { return Ok(Some(false)) };
    let standing = house.door.standing(&case.account, &at, Some(&inbound.person.id), &house.clock).await;
    Ok(match standing {
        Ok(standing) => Some(standing.may(Right::Remove)),
        Err(DeliverError::Refused(_) | DeliverError::Gone) => Some(false),
        Err(error) => {
            tracing::warn!(%error, account = %case.account, "the platform could not be asked what a moderator may do");
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_case_and_other_keys_name_none() {
        let at = CaseAt { number: 17, said: 3 };
        assert_eq!(at_of(&key(at, "copy/telegram:main/-100/5")), Some(at));
        for other in ["", "case/17", "case/17/3", "case/x/3/remove", "person:1/case/17/3/remove", "01J8ZT"] {
            assert_eq!(at_of(other), None, "{other}");
        }
    }
}
