//! Moderation. Who asks, we ourselves, and whom it is about are looked up at the platform at this moment, by their numbers;
//! then the act, who wants it and why are written in one transaction. What had to wait is looked up once more before it
//! leaves.

mod follows;
mod look;

use std::sync::Arc;

use townkeeper_contract::id::{AccountId, MessageRef, PersonId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::{Held, NewModeration, Verb};
use townkeeper_contract::outbound::{Act, Moderation};
use townkeeper_contract::place::PlaceWho;
use townkeeper_contract::text::Allowed;
use townkeeper_core::decide::moderate::{HOUR_MS, ModerateAsk, Moderated, Wanted, YEAR_MS, reverse};
use townkeeper_core::gate::origin::defanged;
use townkeeper_core::{held, say};
use townkeeper_store::{By, CaseAt, Leaving, NewOrder, Notified, Order, Ordered, OutboxRow, Reading, Sendable};

use crate::door::REPLY_DEADLINE_MS;
use crate::{EngineError, House, ids, outbox};
pub(crate) use follows::{
    ByItself, ForCase, Rights, SHIELD, back_for_case, by_itself, by_shield, for_case, lets_remove,
};
pub(crate) use look::look_again;
use look::{Looked, No, allowed, is_moderator};

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
            carry_out(house, by, Asked { key: turn, who, at: Some(inbound), of_case: None }, order).await
        }
        ModerateAsk::Undo { number, reason } => {
            // Only what was done here: a number of another account is nobody's business.
            let found = house.store.order(&house.workspace, number).await?;
            match found.filter(|order| order.account == inbound.account.as_str()) {
                Some(found) => {
                    let asked = Asked { key: turn, who, at: Some(inbound), of_case: None };
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
    carry_out(house, by, Asked { key: &asked, who, at: None, of_case: None }, order).await
}

/// Takes an act back.
pub(crate) async fn undo(house: &Arc<House>, by: By, asker: &Asker, number: i64) -> Result<Moderated, EngineError> {
    let Some(found) = house.store.order(&house.workspace, number).await? else { return Ok(Moderated::NoSuchAct) };
    let account = AccountId::from(found.account.as_str());
    let Some(person) = number_of(house, asker, &account).await? else { return Ok(Moderated::NotLinked) };
    let back = Back { number, found, asker: person, reason: String::new() };
    let who = by.actor.clone();
    take_back(house, by, Asked { key: &ids::secret(), who, at: None, of_case: None }, back).await
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

/// How an act was asked for.
struct Asked<'a> {
    /// Asked for by the same key again, it is the same act.
    key: &'a str,
    /// Who asked, as moderators read it.
    who: String,
    /// Where, if it was in a chat: there it is known already.
    at: Option<&'a Inbound>,
    /// The case that it follows from, as it was seen. Moderators read of it on the case's card.
    of_case: Option<CaseAt>,
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
    let looked = allowed(house, &order, asked.of_case.is_some()).await;
    place_order(house, by, asked, order, looked).await
}

/// Orders what was looked up.
async fn place_order(
    house: &Arc<House>,
    by: By,
    asked: Asked<'_>,
    order: Order,
    looked: Looked,
) -> Result<Moderated, EngineError> {
    let (look_ms, read) = match looked {
        Ok(read) => (None, read),
        Err(No::Said(moderated)) => return Ok(moderated),
        // What follows from a case is not given up because nobody can be asked just now.
        Err(No::Unasked(error)) if asked.of_case.is_some() => (Some(look::again_ms(&error, 0, by.now_ms)), None),
        Err(No::Unasked(error)) => {
            tracing::warn!(%error, account = order.account, "the platform could not be asked what a moderator may do");
            return Ok(Moderated::Failed);
        }
        Err(No::Engine(error)) => return Err(error),
    };
    let verb = order.verb;
    let Some(new) = new_order(house, by, asked, order, (look_ms, read)) else { return Ok(Moderated::Failed) };
    Ok(ordered(house, house.store.moderate(new).await?, verb))
}

/// `None`: the order names neither message nor person.
fn new_order(
    house: &House,
    by: By,
    asked: Asked<'_>,
    order: Order,
    (look_ms, read): (Option<i64>, Option<Reading>),
) -> Option<NewOrder> {
    let lasts_ms = if asked.of_case.is_some() { follows::DEADLINE_MS } else { REPLY_DEADLINE_MS };
    // A line of its own: it does not wait behind what is said there, nor a moderator behind a sweep.
    let line = if asked.of_case.is_some() { "case" } else { "moderate" };
    let send = Sendable {
        id: ids::ulid(by.now_ms),
        dest: format!("{line}/{}", order.place),
        reply_to: ReplyTo(order.address.clone()),
        act: act_of(&order, house.base().allowed())?,
        // A notice is of use at any time.
        deadline_ms: if order.verb == Verb::Notice { i64::MAX } else { by.now_ms.saturating_add(lasts_ms) },
    };
    let told = if asked.of_case.is_none() { told(house, &order, asked.at, by.now_ms) } else { Vec::new() };
    let (key, who, of_case) = (asked.key.to_owned(), asked.who, asked.of_case);
    let node = house.node.id.clone();
    let realm = house.door.realm(&AccountId::from(order.account.as_str()), &send.reply_to, &order.place);
    Some(NewOrder { by, asked: key, who, order, send, told, node, of_case, look_ms, realm, read })
}

/// An act upon a person as it comes out now. `None`: nothing changes.
fn as_it_leaves(row: &OutboxRow, leaving: &Leaving) -> Option<OutboxRow> {
    let Act::Moderate { action, reason } = row.act.clone() else { return Some(row.clone()) };
    let action = held::change(action, leaving.reverses.is_some(), &leaving.before, &leaving.after)?;
    Some(OutboxRow { act: Act::Moderate { action, reason }, ..row.clone() })
}

/// What became of an order; what may leave now does.
fn ordered(house: &Arc<House>, ordered: Ordered, verb: Verb) -> Moderated {
    match ordered {
        Ordered::Now { number, send } => {
            metrics::counter!("townkeeper_moderation_total", "verb" => verb.as_str()).increment(1);
            if let Some(row) = send {
                outbox::send(house, *row);
            }
            Moderated::Ordered { number, verb }
        }
        Ordered::Before { number } => Moderated::Ordered { number, verb },
        Ordered::Reversed { by } => Moderated::Reversed { by },
        Ordered::Moved => Moderated::Overtaken,
    }
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
        Verb::Release => Moderation::Release { person: person?, held: Held::default() },
        Verb::Ban => Moderation::Ban { person: person? },
        Verb::Unban => Moderation::Unban { person: person?, held: Held::default() },
    };
    Some(Act::Moderate { action, reason: order.reason.clone() })
}

/// The platform whose numbers name people; a web visitor has none.
fn platform(account: &AccountId) -> Option<&str> {
    account.as_str().split_once(':').map(|(platform, _)| platform)
}
