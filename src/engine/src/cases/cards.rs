//! What moderators read of cases: a card each, a digest of many, a call where the shield did too much.

use std::sync::Arc;

use townkeeper_contract::case::Case;
use townkeeper_contract::id::{AccountId, ActionId, PlaceId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::{DeliveryState, Verb};
use townkeeper_contract::outbound::{Act, Button};
use townkeeper_contract::stream::Offer;
use townkeeper_contract::text::RichText;
use townkeeper_core::cases::Step;
use townkeeper_core::decide::cases::Cased;
use townkeeper_core::gate::origin::defanged;
use townkeeper_core::say;
use townkeeper_store::{
    Card, Denied, Followed, KeptCase, NewAction, Redraw, Sendable, ShowAgain, ShowCases, StaleCard, StoreError,
};

use crate::moderate::SHIELD;
use crate::shield::{ACTS, Joining};
use crate::{EngineError, House, ids, outbox};

/// How long moderators may press a button below a case.
const LIFE_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// How many cards are drawn anew at a time.
const BATCH: u32 = 50;

/// The card in every place where moderators of the workspace read.
pub(super) fn cards_of(house: &House, kept: &KeptCase, done: &str) -> Vec<Card> {
    let (case, now_ms) = (&kept.case, house.clock.now_ms());
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let (body, buttons, actions) = drawn(house, (case, kept.wording), done, "");
        Card { say: notice(&place, reply_to, Act::Message { body, buttons }, now_ms), account: account.0, actions }
    };
    moderators(house, case).into_iter().map(card).collect()
}

/// What a card says, and its buttons; of the case and its wording.
fn drawn(
    house: &House,
    (case, wording): (&Case, i64),
    done: &str,
    by: &str,
) -> (RichText, Vec<Button>, Vec<NewAction>) {
    let expires_ms = house.clock.now_ms().saturating_add(LIFE_MS);
    let reply = say::cases::card(case, wording, done, by);
    let mut actions = Vec::with_capacity(reply.offers.len());
    let button = |offer: Offer| {
        let id = ids::secret();
        let choice = townkeeper_core::decide::cases::choice(&offer.action.0);
        actions.push(NewAction { id: id.clone(), choice, meaning: offer.action.0, person: None, expires_ms });
        Button { action: ActionId::new(id), label: offer.label }
    };
    let buttons = reply.offers.into_iter().map(button).collect();
    (defanged(reply.body, house.base().allowed()), buttons, actions)
}

/// Draws what was said about cases into the cards that stand there.
pub(super) async fn redraw(house: &Arc<House>) -> Result<(), EngineError> {
    for stale in house.store.stale_cards(&house.workspace, BATCH).await? {
        let StaleCard { kept, card, account, dest, reply_to, message } = stale;
        let now_ms = house.clock.now_ms();
        let by = speaker(house, kept.case.by.as_deref()).await?;
        let done = done_about(house, &kept).await?;
        let (body, buttons, actions) = drawn(house, (&kept.case, kept.wording), &done, &by);
        let act = Act::Edit { message, body, buttons };
        let say = Sendable { id: ids::ulid(now_ms), dest, reply_to, act, deadline_ms: i64::MAX };
        let redraw = Redraw {
            workspace: house.workspace.clone(),
            seen: (&kept).into(),
            card,
            with: Card { account, say, actions },
            now_ms,
        };
        if house.store.redraw_card(redraw).await? {
            house.outbox_kick.notify_one();
        }
    }
    Ok(())
}

/// Puts the card of a case up once more, where moderators read and one of them asked in a turn. It is a card like any other:
/// it is drawn anew, and erased, as they are.
pub(super) async fn show_again(
    house: &Arc<House>,
    kept: &KeptCase,
    turn: &str,
    at: &Inbound,
) -> Result<Cased, EngineError> {
    let asked = (&at.account, &at.place.id);
    let reader = moderators(house, &kept.case).into_iter().find(|(account, place, _)| (account, place) == asked);
    let Some((account, place, reply_to)) = reader else { return Ok(Cased::NotHere) };
    let (by, done) = (speaker(house, kept.case.by.as_deref()).await?, done_about(house, kept).await?);
    let (body, buttons, actions) = drawn(house, (&kept.case, kept.wording), &done, &by);
    let now_ms = house.clock.now_ms();
    let say = notice(&place, reply_to, Act::Message { body, buttons }, now_ms);
    let show = ShowAgain {
        workspace: house.workspace.clone(),
        seen: kept.into(),
        person: kept.case.person.0.clone(),
        card: Card { account: account.0, say: Sendable { id: format!("card-{turn}"), ..say }, actions },
        node: house.node.id.clone(),
        now_ms,
    };
    match house.store.show_again(show).await {
        Ok(row) => row.into_iter().for_each(|row| outbox::send(house, row)),
        Err(StoreError::Denied(Denied::Moved)) => return Ok(Cased::Edited),
        Err(error) => return Err(error.into()),
    }
    Ok(Cased::Shown)
}

/// What the shield did about a case by itself and was not taken back, in words.
pub(super) async fn done_about(house: &House, kept: &KeptCase) -> Result<String, EngineError> {
    let mut acts = house.store.orders_of_case(&house.workspace, kept.case.number).await?;
    acts.retain(|act| act.by == SHIELD);
    let stands = |act: &&Followed| !matches!(act.state, Some(DeliveryState::Refused | DeliveryState::Expired));
    if acts.iter().any(|act| act.state == Some(DeliveryState::Ready)) {
        return Ok(say::cases::takes_down().to_owned());
    }
    let step = |act: &Followed| match act.verb {
        Verb::Remove => Some(Step::Remove),
        Verb::Restrict => Some(Step::Restrict),
        Verb::Ban => Some(Step::Ban),
        _ => None,
    };
    let steps: Vec<Step> = acts.iter().filter(stands).filter_map(step).collect();
    Ok(say::cases::did(&steps).to_owned())
}

/// Whose word it was, as moderators read it.
async fn speaker(house: &House, by: Option<&str>) -> Result<String, EngineError> {
    let Some(actor) = by else { return Ok(String::new()) };
    let Some(id) = actor.strip_prefix("person:") else { return Ok(actor.replace(':', " ")) };
    let member = house.store.person(&house.workspace, id).await?;
    Ok(member.map_or_else(|| id.to_owned(), |member| member.name))
}

/// Tells moderators that nothing is done by itself any more.
pub(super) fn calls(house: &House, case: &Case) -> Vec<Card> {
    let now_ms = house.clock.now_ms();
    let call = |(account, place, reply_to): (AccountId, PlaceId, ReplyTo)| {
        let act = Act::Message { body: say::cases::breaker(ACTS), buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new() }
    };
    moderators(house, case).into_iter().map(call).collect()
}

/// Tells moderators of a wave of people who join.
pub(super) fn joining(house: &House, wave: &Joining) -> Vec<Card> {
    let now_ms = house.clock.now_ms();
    let body = say::cases::joining(&wave.account, &wave.place, wave.joined, wave.usual);
    let note = |(account, place, reply_to): (AccountId, PlaceId, ReplyTo)| {
        let act = Act::Message { body: body.clone(), buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new() }
    };
    let readers = house.places.all_notices(&wave.account, wave.place.as_str(), |account| house.door.rules(account));
    readers.into_iter().map(note).collect()
}

/// In which places a case is read.
pub(super) fn readers(house: &House, case: &Case) -> Vec<(AccountId, PlaceId)> {
    moderators(house, case).into_iter().map(|(account, place, _)| (account, place)).collect()
}

fn moderators(house: &House, case: &Case) -> Vec<(AccountId, PlaceId, ReplyTo)> {
    house.places.all_notices(&case.account, case.place.as_str(), |account| house.door.rules(account))
}

fn notice(place: &PlaceId, reply_to: ReplyTo, act: Act, now_ms: i64) -> Sendable {
    // A line of its own, which no answer waits in. Of use at any time.
    Sendable { id: ids::ulid(now_ms), dest: format!("cases/{place}"), reply_to, act, deadline_ms: i64::MAX }
}

/// What shows cases to moderators.
pub(super) enum Shown {
    /// A card of its own, in each place where it is read.
    Single(Vec<Card>),
    Digest(Vec<Card>),
}

/// Shows cases. `false`: one of them is not as it was read any more, and none was shown.
pub(super) async fn show(house: &Arc<House>, cases: &[&KeptCase], shown: Shown) -> Result<bool, EngineError> {
    let (digest, cards) = match shown {
        Shown::Single(cards) => (false, cards),
        Shown::Digest(cards) => (true, cards),
    };
    let show = ShowCases {
        workspace: house.workspace.clone(),
        cases: cases.iter().map(|kept| (*kept).into()).collect(),
        digest,
        cards,
        node: house.node.id.clone(),
        now_ms: house.clock.now_ms(),
    };
    let rows = match house.store.show_cases(show).await {
        Ok(rows) => rows,
        Err(StoreError::Denied(Denied::Moved)) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    for row in rows {
        outbox::send(house, row);
    }
    for KeptCase { case, .. } in cases {
        metrics::counter!("townkeeper_cases_total", "action" => case.action.as_str(), "mode" => case.mode.as_str())
            .increment(1);
    }
    Ok(true)
}

/// One message about all that came too fast for a card each, where the same moderators read of them.
pub(super) fn digest(house: &House, cases: &[&KeptCase]) -> Vec<Card> {
    let cases: Vec<&Case> = cases.iter().map(|kept| &kept.case).collect();
    let Some(first) = cases.first() else { return Vec::new() };
    let now_ms = house.clock.now_ms();
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let body = defanged(say::cases::digest(&cases), house.base().allowed());
        let act = Act::Message { body, buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new() }
    };
    moderators(house, first).into_iter().map(card).collect()
}
