//! Moderation. Who asks, we ourselves, and whom it is about are looked up at the platform at this moment, by their numbers;
//! then the act, who wants it and why are written in one transaction. What had to wait is looked up once more before it
//! leaves.

use std::sync::Arc;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::Case;
use townkeeper_contract::id::{AccountId, MessageRef, PersonId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::{NewModeration, Verb};
use townkeeper_contract::outbound::{Act, Moderation};
use townkeeper_contract::place::PlaceWho;
use townkeeper_contract::platform::{DeliverError, Right};
use townkeeper_contract::text::Allowed;
use townkeeper_core::access::may;
use townkeeper_core::decide::moderate::{
    HOUR_MS, ModerateAsk, Moderated, Wanted, YEAR_MS, is_of_message, is_protected, reverse, right, said, silences,
};
use townkeeper_core::gate::origin::defanged;
use townkeeper_core::say;
use townkeeper_store::{By, NewOrder, Notified, Order, Ordered, OutboxRow, Sendable, Verdict};

use crate::door::REPLY_DEADLINE_MS;
use crate::{EngineError, House, ids, outbox};

/// For so long what was looked up is believed.
const FRESH_MS: i64 = 5_000;

/// How long an act waits whose right could not be looked up.
const RETRY_MS: i64 = 1_000;

/// The shortest time that somebody is restricted; platforms read less as "for good".
const SHORTEST_MS: i64 = 60 * 1000;

/// Who asks over the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A person of ours: their linked account must be allowed to do it in the place.
    Person(String),
    /// The operator, or a machine's token: the permission is all.
    Office,
}

/// Does what a moderator asked for in a chat, if they and we may.
pub(crate) async fn act(house: &Arc<House>, turn: &str, inbound: &Inbound, ask: ModerateAsk) -> Moderated {
    in_chat(house, turn, inbound, ask).await.unwrap_or_else(|error| {
        tracing::error!(%error, "what a moderator asked for could not be done");
        Moderated::Failed
    })
}

async fn in_chat(
    house: &Arc<House>,
    turn: &str,
    inbound: &Inbound,
    ask: ModerateAsk,
) -> Result<Moderated, EngineError> {
    let Some(platform) = platform(&inbound.account) else { return Ok(Moderated::NotAllowed) };
    let id = inbound.person.id.as_str();
    let known = house.store.person_of(&house.workspace, platform, id).await?;
    let by = By {
        workspace: house.workspace.clone(),
        // Most moderators of a place are nobody to us but a number of their platform.
        actor: known.map_or_else(|| format!("platform:{platform}:{id}"), |member| format!("person:{}", member.id)),
        method: format!("chat:{platform}:{id}"),
        now_ms: house.clock.now_ms(),
    };
    // The place that is asked in may go by roles as a part of a bigger one, which an order does not name.
    let here = house.places.here(inbound, house.door.rules(&inbound.account));
    if here.who == PlaceWho::Roles && !is_moderator(house, &inbound.account, id).await? {
        return Ok(Moderated::NotOurs);
    }
    let asker = Some(inbound.person.id.0.clone());
    let who = format!("{} ({platform} {id})", inbound.person.name);
    match ask {
        ModerateAsk::Act(wanted) => {
            let address = inbound.place.address.as_ref().unwrap_or(&inbound.reply_to);
            let place = inbound.place.id.as_str();
            let order = order(&wanted, (&inbound.account, place, address), asker, by.now_ms);
            carry_out(house, by, Asked { key: turn, who, at: Some(inbound), told: true }, order).await
        }
        ModerateAsk::Undo { number, reason } => {
            // Only what was done here: a number of another account is nobody's business.
            let found = house.store.order(&house.workspace, number).await?;
            match found.filter(|order| order.account == inbound.account.as_str()) {
                Some(found) => {
                    let asked = Asked { key: turn, who, at: Some(inbound), told: true };
                    take_back(house, by, asked, Back { number, found, asker, reason }).await
                }
                None => Ok(Moderated::NoSuchAct),
            }
        }
    }
}

/// Does what was asked for over the API.
pub(crate) async fn ask(
    house: &Arc<House>,
    by: By,
    asker: &Asker,
    new: NewModeration,
) -> Result<Moderated, EngineError> {
    let known = house.store.address_of(&house.workspace, new.account.as_str(), new.place.as_str()).await?;
    let Some(address) = known.filter(|_| house.door.leads_to(&new.account)) else {
        return Ok(Moderated::NoSuchPlace);
    };
    let Some(person) = number_of(house, asker, &new.account).await? else { return Ok(Moderated::NotLinked) };
    let asked = new.key.map_or_else(ids::secret, |key| format!("{}/{key}", by.actor));
    let wanted =
        Wanted { verb: new.verb, message: new.message, person: new.person, for_ms: new.for_ms, reason: new.reason };
    let order = order(&wanted, (&new.account, new.place.as_str(), &address), person, by.now_ms);
    let who = by.actor.clone();
    carry_out(house, by, Asked { key: &asked, who, at: None, told: true }, order).await
}

/// Takes an act back.
pub(crate) async fn undo(house: &Arc<House>, by: By, asker: &Asker, number: i64) -> Result<Moderated, EngineError> {
    let Some(found) = house.store.order(&house.workspace, number).await? else { return Ok(Moderated::NoSuchAct) };
    let account = AccountId::from(found.account.as_str());
    let Some(person) = number_of(house, asker, &account).await? else { return Ok(Moderated::NotLinked) };
    let back = Back { number, found, asker: person, reason: String::new() };
    let who = by.actor.clone();
    take_back(house, by, Asked { key: &ids::secret(), who, at: None, told: true }, back).await
}

/// Whose right is to be looked up: outer `None` where that is not known.
async fn number_of(house: &House, asker: &Asker, account: &AccountId) -> Result<Option<Option<String>>, EngineError> {
    let Asker::Person(id) = asker else { return Ok(Some(None)) };
    let member = house.store.person(&house.workspace, id).await?;
    let identities = member.map(|member| member.identities).unwrap_or_default();
    let theirs = identities.into_iter().find(|known| platform(account) == Some(known.platform.as_str()));
    Ok(theirs.map(|known| Some(known.id)))
}

fn order(wanted: &Wanted, at: (&AccountId, &str, &ReplyTo), by_person: Option<String>, now_ms: i64) -> Order {
    let (account, place, address) = at;
    let lasts = wanted.for_ms.unwrap_or(HOUR_MS).clamp(SHORTEST_MS, YEAR_MS);
    Order {
        verb: wanted.verb,
        account: account.0.clone(),
        place: place.to_owned(),
        address: address.0.clone(),
        message: wanted.message.as_ref().map(|message| message.0.clone()),
        person: wanted.person.as_ref().map(|person| person.0.clone()),
        until_ms: (wanted.verb == Verb::Restrict).then(|| now_ms.saturating_add(lasts)),
        reason: wanted.reason.clone(),
        by_person,
        reverses: None,
    }
}

/// An act that a case leads to.
pub(crate) struct ForCase<'a> {
    /// Names the case: ordered again, it is the same act.
    pub(crate) key: String,
    pub(crate) verb: Verb,
    pub(crate) account: &'a AccountId,
    pub(crate) place: &'a str,
    pub(crate) address: &'a str,
    pub(crate) message: Option<MessageRef>,
    pub(crate) person: Option<PersonId>,
    pub(crate) for_ms: i64,
    pub(crate) reason: String,
    /// Whose right the platform is asked for besides ours.
    pub(crate) by_person: Option<String>,
}

/// Does what a case leads to. Moderators read of it on the case's card.
pub(crate) async fn for_case(house: &Arc<House>, by: By, act: ForCase<'_>) -> Result<Moderated, EngineError> {
    let of_message = is_of_message(act.verb);
    let wanted = Wanted {
        verb: act.verb,
        message: act.message.filter(|_| of_message),
        person: act.person.filter(|_| !of_message),
        for_ms: Some(act.for_ms),
        reason: act.reason,
    };
    let address = ReplyTo(act.address.to_owned());
    let order = order(&wanted, (act.account, act.place, &address), act.by_person, by.now_ms);
    let who = by.actor.clone();
    carry_out(house, by, Asked { key: &act.key, who, at: None, told: false }, order).await
}

/// Takes back an act that a case led to.
pub(crate) async fn back_for_case(
    house: &Arc<House>,
    by: By,
    key: String,
    number: i64,
    asker: Option<String>,
) -> Result<Moderated, EngineError> {
    let Some(found) = house.store.order(&house.workspace, number).await? else { return Ok(Moderated::NoSuchAct) };
    let who = by.actor.clone();
    let back = Back { number, found, asker, reason: String::new() };
    take_back(house, by, Asked { key: &key, who, at: None, told: false }, back).await
}

/// Whether the platform lets somebody take messages down where a case is.
pub(crate) async fn lets_remove(house: &House, case: &Case, inbound: &Inbound) -> bool {
    let address = house.store.address_of(&house.workspace, case.account.as_str(), case.place.as_str()).await;
    let Ok(Some(at)) = address else { return false };
    let standing = house.door.standing(&case.account, &at, Some(&inbound.person.id), &house.clock).await;
    standing.is_ok_and(|standing| standing.may(Right::Remove))
}

/// Whether a case's author is of the team, or moderates where it is: nothing is done about them by itself.
pub(crate) async fn is_spared(house: &House, case: &Case, address: &str) -> Result<bool, EngineError> {
    if is_team(house, &case.account, case.person.as_str()).await? {
        return Ok(true);
    }
    let at = ReplyTo(address.to_owned());
    let standing = house.door.standing(&case.account, &at, Some(&case.person), &house.clock).await;
    Ok(standing.is_ok_and(|standing| is_protected(&standing)))
}

/// How an act was asked for.
struct Asked<'a> {
    /// Asked for by the same key again, it is the same act.
    key: &'a str,
    /// Who asked, as moderators read it.
    who: String,
    /// Where, if it was in a chat: there it is known already.
    at: Option<&'a Inbound>,
    /// Whether moderators elsewhere read of it.
    told: bool,
}

/// An act that is to be taken back.
struct Back {
    number: i64,
    found: Order,
    asker: Option<String>,
    reason: String,
}

async fn take_back(house: &Arc<House>, by: By, asked: Asked<'_>, back: Back) -> Result<Moderated, EngineError> {
    let Some(verb) = reverse(back.found.verb) else {
        return Ok(Moderated::Final { removed: back.found.verb == Verb::Remove });
    };
    let order = Order {
        verb,
        until_ms: None,
        reason: back.reason,
        by_person: back.asker,
        reverses: Some(back.number),
        ..back.found
    };
    carry_out(house, by, asked, order).await
}

async fn carry_out(house: &Arc<House>, by: By, asked: Asked<'_>, order: Order) -> Result<Moderated, EngineError> {
    match allowed(house, &order).await {
        Ok(()) => {}
        Err(No::Said(moderated)) => return Ok(moderated),
        Err(No::Unasked(error)) => {
            tracing::warn!(%error, account = order.account, "the platform could not be asked what a moderator may do");
            return Ok(Moderated::Failed);
        }
        Err(No::Engine(error)) => return Err(error),
    }
    let Some(act) = act_of(&order, house.base().allowed()) else { return Ok(Moderated::Failed) };
    let verb = order.verb;
    let send = Sendable {
        id: ids::ulid(by.now_ms),
        // A line of its own: it does not wait behind what is said there.
        dest: format!("moderate/{}", order.place),
        reply_to: ReplyTo(order.address.clone()),
        act,
        // A notice is of use at any time.
        deadline_ms: if verb == Verb::Notice { i64::MAX } else { by.now_ms.saturating_add(REPLY_DEADLINE_MS) },
    };
    let told = if asked.told { told(house, &order, asked.at, by.now_ms) } else { Vec::new() };
    let (asked, who) = (asked.key.to_owned(), asked.who);
    let new = NewOrder { by, asked, who, order, send, told, node: house.node.id.clone() };
    Ok(match house.store.moderate(new).await? {
        Ordered::Now { number, send } => {
            metrics::counter!("townkeeper_moderation_total", "verb" => verb.as_str()).increment(1);
            if let Some(row) = send {
                outbox::send(house, *row);
            }
            Moderated::Ordered { number, verb }
        }
        Ordered::Before { number } => Moderated::Ordered { number, verb },
        Ordered::Reversed { by } => Moderated::Reversed { by },
    })
}

/// Where moderators read of it: in places of the same account, and of the same server where it is in one. Once it is done,
/// and while that is news.
fn told(house: &House, order: &Order, at: Option<&Inbound>, now_ms: i64) -> Vec<Notified> {
    if order.verb == Verb::Notice {
        return Vec::new();
    }
    let account = AccountId::from(order.account.as_str());
    let there = house.places.of_notices(&account, &order.place, house.door.rules(&account));
    let elsewhere = there.into_iter().filter(|(place, _)| at.is_none_or(|at| at.place.id != *place));
    let told = elsewhere.map(|(place, reply_to)| Notified {
        id: ids::ulid(now_ms),
        dest: format!("moderate/{place}"),
        reply_to,
        deadline_ms: now_ms.saturating_add(REPLY_DEADLINE_MS),
    });
    told.collect()
}

/// What the platform is told; in a notice, links that are not ours open nothing. `None`: the order names neither
/// message nor person.
fn act_of(order: &Order, ours: &Allowed) -> Option<Act> {
    let message = order.message.clone().map(MessageRef);
    let person = order.person.clone().map(PersonId);
    let action = match order.verb {
        Verb::Pin => return Some(Act::Pin { message: message? }),
        Verb::Unpin => return Some(Act::Unpin { message: message? }),
        Verb::Notice => {
            let body = defanged(say::moderators_notice(&order.reason), ours);
            return Some(Act::Message { body, buttons: Vec::new() });
        }
        Verb::Remove => Moderation::Remove { message: message? },
        Verb::Restrict => Moderation::Restrict { person: person?, until_ms: order.until_ms },
        Verb::Release => Moderation::Release { person: person? },
        Verb::Ban => Moderation::Ban { person: person? },
        Verb::Unban => Moderation::Unban { person: person? },
    };
    Some(Act::Moderate { action, reason: order.reason.clone() })
}

/// Why an order is not carried out.
enum No {
    Said(Moderated),
    /// The platform could not be asked just now.
    Unasked(DeliverError),
    Engine(EngineError),
}

/// Whether who asks and we may do this there, and whether it may be done to them: by the platform's own word, now.
async fn allowed(house: &House, order: &Order) -> Result<(), No> {
    let account = AccountId::from(order.account.as_str());
    let at = ReplyTo(order.address.clone());
    let lets = async |person: Option<&PersonId>| match house.door.standing(&account, &at, person, &house.clock).await {
        Ok(standing) => Ok(standing.may(right(order.verb))),
        // Whom the platform does not know there may nothing there.
        Err(DeliverError::Refused(_) | DeliverError::Gone) => Ok(false),
        Err(error) => Err(No::Unasked(error)),
    };
    if let Some(asker) = &order.by_person {
        let who = house.places.who(&account, &order.place, house.door.rules(&account));
        if who == PlaceWho::Roles && !is_moderator(house, &account, asker).await.map_err(No::Engine)? {
            return Err(No::Said(Moderated::NotOurs));
        }
        if !lets(Some(&PersonId::from(asker.as_str()))).await? {
            return Err(No::Said(Moderated::NotAllowed));
        }
    }
    if !lets(None).await? {
        return Err(No::Said(Moderated::WeMayNot));
    }
    let Some(person) = order.person.as_deref().filter(|_| silences(order.verb)) else { return Ok(()) };
    if is_team(house, &account, person).await.map_err(No::Engine)? {
        return Err(No::Said(Moderated::Protected));
    }
    match house.door.standing(&account, &at, Some(&PersonId::from(person)), &house.clock).await {
        Ok(standing) if is_protected(&standing) => Err(No::Said(Moderated::Protected)),
        // Somebody who left may still be banned.
        Ok(_) | Err(DeliverError::Refused(_) | DeliverError::Gone) => Ok(()),
        Err(error) => Err(No::Unasked(error)),
    }
}

/// Whether somebody of that number may moderate by a role with us.
async fn is_moderator(house: &House, account: &AccountId, person: &str) -> Result<bool, EngineError> {
    let Some(platform) = platform(account) else { return Ok(false) };
    let known = house.store.person_of(&house.workspace, platform, person).await?;
    Ok(known.is_some_and(|member| may(&member.roles, Permission::Moderate)))
}

/// Whether a person of that number has a role with us.
async fn is_team(house: &House, account: &AccountId, person: &str) -> Result<bool, EngineError> {
    let Some(platform) = platform(account) else { return Ok(false) };
    let known = house.store.person_of(&house.workspace, platform, person).await?;
    Ok(known.is_some_and(|member| !member.roles.is_empty()))
}

/// Looks once more at an act that had to wait. `Some`: it does not leave now, or ever.
pub(crate) async fn look_again(house: &House, row: &OutboxRow) -> Option<Verdict> {
    if !matches!(row.act, Act::Moderate { .. } | Act::Pin { .. } | Act::Unpin { .. }) {
        return None;
    }
    let now_ms = house.clock.now_ms();
    let later = |next_ms: i64, detail: String| Some(Verdict::Again { next_ms, class: "pre_send", detail });
    let (order, at_ms) = match house.store.order_of(&house.workspace, &row.id).await {
        Ok(found) => found?,
        Err(error) => return later(now_ms + RETRY_MS, error.to_string()),
    };
    if row.attempt == 1 && now_ms - at_ms < FRESH_MS {
        return None;
    }
    match allowed(house, &order).await {
        Ok(()) => None,
        Err(No::Said(moderated)) => {
            Some(Verdict::Refused { detail: format!("when it was to be done: {}", said(moderated).body.to_plain()) })
        }
        Err(No::Unasked(DeliverError::Throttled { retry_after_ms, .. })) => {
            let wait = i64::try_from(retry_after_ms).unwrap_or(RETRY_MS);
            later(now_ms.saturating_add(wait), "the platform asks to wait".to_owned())
        }
        Err(No::Unasked(error)) => later(now_ms + RETRY_MS, error.to_string()),
        Err(No::Engine(error)) => later(now_ms + RETRY_MS, error.to_string()),
    }
}

/// The platform whose numbers name people; a web visitor has none.
fn platform(account: &AccountId) -> Option<&str> {
    account.as_str().split_once(':').map(|(platform, _)| platform)
}
