//! Whether an act may be done: the platform is asked when it is ordered; and once more before it leaves, where it had to wait
//! or could not be asked about.

use std::borrow::Cow;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::CaseState;
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::{Former, Held, Verb};
use townkeeper_contract::outbound::Act;
use townkeeper_contract::place::PlaceWho;
use townkeeper_contract::platform::DeliverError;
use townkeeper_core::access::may;
use townkeeper_core::decide::moderate::{Moderated, is_protected, right, said, silences};
use townkeeper_store::{Order, OutboxRow, Reading, StoreError, Verdict, Waiting, guard};

use super::as_it_leaves;
use super::follows::{SHIELD, at_of};
use super::platform;
use crate::door::{FRESH_MS, backoff};
use crate::{EngineError, House};

/// Why an order is not carried out.
pub(super) enum No {
    Said(Moderated),
    /// The platform could not be asked just now.
    Unasked(DeliverError),
    Engine(EngineError),
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// What the platform said of whom it is about, where it was asked.
pub(super) type Looked = Result<Option<Reading>, No>;

/// Whether who asks and we may do this there, and whether it may be done to them: by the platform's own word, now.
pub(super) async fn allowed(house: &House, order: &Order, of_case: bool) -> Looked {
    if let Some(asker) = &order.by_person {
        asker_may(house, order, asker).await?;
    }
    allowed_to_us(house, order, of_case).await
}

/// The same, where who asks was looked up already.
pub(super) async fn allowed_to_us(house: &House, order: &Order, of_case: bool) -> Looked {
    we_may(house, order).await?;
    // Of a case's own message no author is named: a moderator has read that one. Copies nobody has read.
    let is_copy = of_case && order.verb == Verb::Remove;
    let asked_ms = house.clock.now_ms();
    let Some(person) = order.person.as_deref().map(PersonId::from) else { return Ok(None) };
    if silences(order.verb) || is_copy {
        let held = spare(house, &order.account, &order.address, &person).await?;
        return Ok(Some(Reading { held, asked_ms }));
    }
    if order.reverses.is_none() {
        return Ok(None);
    }
    // What takes back is done all the same where the platform cannot say.
    let (account, at) = (AccountId::from(order.account.as_str()), ReplyTo(order.address.clone()));
    let known = house.door.standing(&account, &at, Some(&person), &house.clock).await;
    Ok(Some(Reading { held: known.ok().and_then(|standing| standing.held), asked_ms }))
}

pub(super) async fn asker_may(house: &House, order: &Order, asker: &str) -> Result<(), No> {
    let account = AccountId::from(order.account.as_str());
    let who = house.places.who(&account, &order.place, house.door.rules(&account));
    if who == PlaceWho::Roles && !is_moderator(house, &account, asker).await? {
        return Err(No::Said(Moderated::NotOurs));
    }
    let (at, asker) = (ReplyTo(order.address.clone()), PersonId::from(asker));
    let lets = house.door.standing(&account, &at, Some(&asker), &house.clock).await;
    known(lets.map(|standing| standing.may(right(order.verb))), Moderated::NotAllowed)
}

/// Whether the platform lets us.
pub(super) async fn we_may(house: &House, order: &Order) -> Result<(), No> {
    let (account, at) = (AccountId::from(order.account.as_str()), ReplyTo(order.address.clone()));
    known(house.door.we_may(&account, &at, right(order.verb), &house.clock).await, Moderated::WeMayNot)
}

/// Whom the platform does not know there may nothing there.
fn known(lets: Result<bool, DeliverError>, no: Moderated) -> Result<(), No> {
    match lets {
        Ok(true) => Ok(()),
        Ok(false) | Err(DeliverError::Refused(_) | DeliverError::Gone) => Err(No::Said(no)),
        Err(error) => Err(No::Unasked(error)),
    }
}

/// Nothing is done about the team, nor about who moderates there. Of the others, what is held against them there.
pub(super) async fn spare(house: &House, account: &str, address: &str, person: &PersonId) -> Result<Option<Held>, No> {
    let (account, at) = (AccountId::from(account), ReplyTo(address.to_owned()));
    if let Some(platform) = platform(&account) {
        let known = house.store.person_of(&house.workspace, platform, person.as_str()).await?;
        if known.is_some_and(|member| !member.roles.is_empty()) {
            return Err(No::Said(Moderated::Protected));
        }
    }
    match house.door.standing(&account, &at, Some(person), &house.clock).await {
        Ok(standing) if is_protected(&standing) => Err(No::Said(Moderated::Protected)),
        Ok(standing) => Ok(standing.held),
        // Somebody who left may still be banned.
        Err(DeliverError::Refused(_) | DeliverError::Gone) => Ok(None),
        Err(error) => Err(No::Unasked(error)),
    }
}

/// Whether somebody of that number may moderate by a role with us.
pub(super) async fn is_moderator(house: &House, account: &AccountId, person: &str) -> Result<bool, StoreError> {
    let Some(platform) = platform(account) else { return Ok(false) };
    let known = house.store.person_of(&house.workspace, platform, person).await?;
    Ok(known.is_some_and(|member| may(&member.roles, Permission::Moderate)))
}

/// When it is worth asking again, after so many attempts.
pub(super) fn again_ms(error: &DeliverError, attempt: i64, now_ms: i64) -> i64 {
    match error {
        DeliverError::Throttled { retry_after_ms, .. } => {
            now_ms.saturating_add(i64::try_from(*retry_after_ms).unwrap_or(i64::MAX))
        }
        _ => later_ms(attempt, now_ms),
    }
}

fn later_ms(attempt: i64, now_ms: i64) -> i64 {
    now_ms.saturating_add(i64::try_from(backoff(attempt).as_millis()).unwrap_or(i64::MAX))
}

/// Looks at an act that is to leave: once more whether it may, where it had to wait or nobody could be asked; and what it
/// does to whom it is about. `Err`: it does not leave now, or ever, or there is nothing to do.
pub(crate) async fn look_again<'a>(house: &House, row: &'a OutboxRow) -> Result<Cow<'a, OutboxRow>, Verdict> {
    if !matches!(row.act, Act::Moderate { .. } | Act::Pin { .. } | Act::Unpin { .. }) {
        return Ok(Cow::Borrowed(row));
    }
    let now_ms = house.clock.now_ms();
    let failed = |error: StoreError| later(later_ms(row.attempt, now_ms), error.to_string());
    let Some(waiting) = house.store.order_of(&house.workspace, &row.id).await.map_err(failed)? else {
        return Ok(Cow::Borrowed(row));
    };
    let mut leaving = house.store.leaving(&house.workspace, &row.id, now_ms).await.map_err(failed)?;
    let unread = leaving.as_ref().is_some_and(|leaving| leaving.former.is_none());
    let fresh = waiting.looked && row.attempt == 1 && now_ms - waiting.at_ms < FRESH_MS;
    if !fresh || unread {
        let read = match still(house, &waiting).await {
            Ok(read) => read,
            Err(No::Said(moderated)) => {
                let words = said(moderated).body.to_plain();
                return Err(Verdict::Refused { detail: format!("when it was to be done: {words}") });
            }
            Err(No::Unasked(error)) => return Err(later(again_ms(&error, row.attempt, now_ms), error.to_string())),
            Err(No::Engine(error)) => return Err(later(later_ms(row.attempt, now_ms), error.to_string())),
        };
        if let Some(first) = leaving.as_ref().filter(|_| unread) {
            let former = read.and_then(|read| read.held).map_or(Former::Unknown, Former::Held);
            house.store.keep_former(&house.workspace, first.head, former).await.map_err(failed)?;
            leaving = house.store.leaving(&house.workspace, &row.id, now_ms).await.map_err(failed)?;
        }
    }
    match leaving.filter(|_| guard!("rights.former")) {
        Some(leaving) => as_it_leaves(row, &leaving).map(Cow::Owned).ok_or(Verdict::Sent { message: None }),
        None => Ok(Cow::Borrowed(row)),
    }
}

fn later(next_ms: i64, detail: String) -> Verdict {
    Verdict::Again { next_ms, class: "pre_send", detail }
}

/// Whether it is still wanted, and may be done now.
async fn still(house: &House, waiting: &Waiting) -> Looked {
    let order = &waiting.order;
    let of_case = at_of(&waiting.asked);
    if let Some(at) = of_case.filter(|_| order.reverses.is_none())
        && let Some(kept) = house.store.case(&house.workspace, at.number).await?
    {
        // A word that takes back withdraws what waits; what was under way at that moment finds it here.
        let taken_back = kept.said > at.said && matches!(kept.case.state, CaseState::Clear | CaseState::Open);
        if taken_back && guard!("case.withdrawn") {
            return Err(No::Said(Moderated::Overtaken));
        }
        // Whom it silences is looked at below.
        if waiting.by == SHIELD && !silences(order.verb) {
            spare(house, &order.account, &order.address, &kept.case.person).await?;
        }
    }
    allowed(house, order, of_case.is_some()).await
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::outbound::LimitScope;

    use super::*;

    #[test]
    fn the_longer_nobody_can_be_asked_the_longer_it_waits_up_to_five_minutes() {
        let outage = DeliverError::PreSend("no network".to_owned());
        let longest = |attempt| (0..200).map(|_| again_ms(&outage, attempt, 0)).max().unwrap();
        assert!(longest(0) <= 1_000, "soon at first");
        assert!((10_000..=300_000).contains(&longest(100)), "not a row a second for a day");
        let told = DeliverError::Throttled { retry_after_ms: 7, scope: LimitScope::Place };
        assert_eq!(again_ms(&told, 100, 1), 8, "who says when is believed");
    }
}
