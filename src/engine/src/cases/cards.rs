//! What moderators read of cases: a card each, a digest of many, a call where the shield did too much.

use std::sync::Arc;

use townkeeper_contract::case::Case;
use townkeeper_contract::id::{AccountId, ActionId, PlaceId};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::{Act, Button};
use townkeeper_core::gate::origin::defanged;
use townkeeper_core::say;
use townkeeper_store::{Card, NewAction, Sendable, ShowCase};

use crate::shield::ACTS;
use crate::{EngineError, House, ids, outbox};

/// How long moderators may press a button below a case.
const LIFE_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// The card in every place where moderators of the workspace read.
pub(super) fn cards_of(house: &House, case: &Case, done: &str) -> Vec<Card> {
    let now_ms = house.clock.now_ms();
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let reply = say::cases::card(case, done);
        let mut actions = Vec::with_capacity(reply.offers.len());
        let buttons = reply.offers.into_iter().map(|offer| {
            let id = ids::secret();
            actions.push(NewAction {
                id: id.clone(),
                choice: townkeeper_core::decide::cases::choice(&offer.action.0),
                meaning: offer.action.0,
                person: None,
                expires_ms: now_ms.saturating_add(LIFE_MS),
            });
            Button { action: ActionId::new(id), label: offer.label }
        });
        let act = Act::Message { buttons: buttons.collect(), body: defanged(reply.body, house.base().allowed()) };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions, about: vec![case.number] }
    };
    moderators(house, case).into_iter().map(card).collect()
}

/// Tells moderators that nothing is done by itself any more.
pub(super) fn calls(house: &House, case: &Case) -> Vec<Card> {
    tracing::warn!("the shield did too much by itself: it only shows what it finds until a moderator has looked");
    let now_ms = house.clock.now_ms();
    let call = |(account, place, reply_to): (AccountId, PlaceId, ReplyTo)| {
        let act = Act::Message { body: say::cases::breaker(ACTS), buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new(), about: Vec::new() }
    };
    moderators(house, case).into_iter().map(call).collect()
}

fn moderators(house: &House, case: &Case) -> Vec<(AccountId, PlaceId, ReplyTo)> {
    house.places.all_notices(&case.account, case.place.as_str(), |account| house.door.rules(account))
}

fn notice(place: &PlaceId, reply_to: ReplyTo, act: Act, now_ms: i64) -> Sendable {
    // A line of its own, which no answer waits in. Of use at any time.
    Sendable { id: ids::ulid(now_ms), dest: format!("cases/{place}"), reply_to, act, deadline_ms: i64::MAX }
}

pub(super) async fn show(house: &Arc<House>, case: &Case, cards: Vec<Card>) -> Result<(), EngineError> {
    let show = ShowCase {
        workspace: house.workspace.clone(),
        number: case.number,
        cards,
        node: house.node.id.clone(),
        now_ms: house.clock.now_ms(),
    };
    for row in house.store.show_case(show).await?.into_iter().flatten() {
        outbox::send(house, row);
    }
    metrics::counter!("townkeeper_cases_total", "action" => case.action.as_str(), "mode" => case.mode.as_str())
        .increment(1);
    Ok(())
}

/// One message about all that come too fast for a card each.
pub(super) async fn digest(house: &Arc<House>, late: &[Case]) -> Result<(), EngineError> {
    let Some((first, rest)) = late.split_first() else { return Ok(()) };
    let all: Vec<&Case> = late.iter().collect();
    let about: Vec<i64> = late.iter().map(|case| case.number).collect();
    let now_ms = house.clock.now_ms();
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let body = defanged(say::cases::digest(&all), house.base().allowed());
        let act = Act::Message { body, buttons: Vec::new() };
        Card {
            say: notice(&place, reply_to, act, now_ms),
            account: account.0,
            actions: Vec::new(),
            about: about.clone(),
        }
    };
    show(house, first, moderators(house, first).into_iter().map(card).collect()).await?;
    for case in rest {
        show(house, case, Vec::new()).await?;
    }
    Ok(())
}
