//! The safety page as a message that stands in places, pinned. Again and again it is compared what should stand with what
//! does, and the next step goes to the outbox: so a new revision, a freeze that ended, a crash and another node are all the
//! same. Only the node that reads an account looks after what stands in its places.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::id::{AccountId, MessageRef};
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::stream::{Reply, ReplyKind};
use townkeeper_contract::text::{RichText, cut};
use townkeeper_core::places::Place;
use townkeeper_core::safety::ours;
use townkeeper_core::say::safety::{Edition, page};
use townkeeper_core::standing::{Step, Wanted, step};
use townkeeper_core::{gate, secret};
use townkeeper_knowledge::Base;
use townkeeper_store::{Change, Sendable, Stand, Standing, StoreError};

use crate::{House, accept, ids};

/// How often it is compared.
const LOOK: Duration = Duration::from_millis(500);

/// Compares until the daemon drains.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = look(&house).await {
            tracing::warn!(%error, "what stands in places could not be looked after; trying again");
        }
    }
}

async fn look(house: &House) -> Result<(), StoreError> {
    let decided = house.places.of_safety(|account| house.door.rules(account));
    if decided.is_empty() || house.door.freeze().is_frozen() {
        return Ok(());
    }
    let (revision, base) = house.published.live();
    let Some(published_ms) = house.store.revised_ms(&house.workspace, revision).await? else { return Ok(()) };
    let edition = Edition { page: None, revision, day: accept::day(published_ms) };
    let known = house.store.standings(&house.workspace).await?;
    for (place, wanted) in decided.iter().filter(|(place, _)| is_ours(house, &place.account)) {
        let stands = known.iter().find(|s| s.account == place.account.0 && s.place == place.id.0);
        let body = wanted.then(|| said(house, &base, edition, &place.account));
        // What cannot be said is no reason to take down what stands.
        let Some(body) = body.map_or(Some(None), |said| said.map(Some)) else { continue };
        next(house, place, body, revision, stands).await?;
    }
    Ok(())
}

/// Whether this node looks after an account.
fn is_ours(house: &House, account: &AccountId) -> bool {
    house.door.leads_to(account) && (house.node.alone || house.node.lease_of(account).is_some())
}

/// What should stand in an account's places.
fn said(house: &House, base: &Base, edition: Edition<'_>, account: &AccountId) -> Option<RichText> {
    let facts = house.door.facts(account)?;
    let pieces = |body: &RichText| cut(body, facts.max_len, facts.measure);
    let whole = house.safety_page();
    let edition = Edition { page: whole.as_deref(), ..edition };
    let body = page(&ours(base, accept::day(house.clock.now_ms())), &edition, |body| pieces(body).len() == 1);
    let body = pieces(&body).into_iter().next()?;
    let reply = Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() };
    let leaving = gate::leaving(reply, base).ok();
    if leaving.is_none() {
        tracing::error!("the safety page did not pass the gate");
    }
    leaving.map(|reply| reply.body)
}

/// Does what is to be done next in a place.
async fn next(
    house: &House,
    place: &Place,
    body: Option<RichText>,
    revision: i64,
    stands: Option<&Standing>,
) -> Result<(), StoreError> {
    let words = |body: &RichText| secret::hash(&serde_json::to_string(body).unwrap_or_default());
    let wanted = body.as_ref().map(|body| Wanted { words: words(body), revision });
    let Some(step) = step(wanted.as_ref(), stands.map(|standing| &standing.stands)) else { return Ok(()) };
    let address = place.address.clone().or_else(|| stands.map(|standing| standing.reply_to.clone()));
    let Some(at) = address else { return Ok(()) };
    let line = Line { place, now_ms: house.clock.now_ms(), at };
    let Some((change, send)) = line.carry_out(step, wanted.zip(body), stands) else { return Ok(()) };
    let stand = Stand {
        workspace: house.workspace.clone(),
        account: place.account.0.clone(),
        place: place.id.0.clone(),
        seen: stands.map(|standing| standing.said.clone()),
        change,
        send,
        now_ms: line.now_ms,
    };
    if house.store.stand(stand).await? {
        house.outbox_kick.notify_one();
    }
    Ok(())
}

/// Where it is said.
struct Line<'a> {
    place: &'a Place,
    now_ms: i64,
    at: ReplyTo,
}

impl Line<'_> {
    fn send(&self, act: Act) -> Sendable {
        Sendable {
            id: ids::ulid(self.now_ms),
            // A line of its own in the place: it does not wait behind what is said there, and goes where the place goes.
            dest: format!("{}/safety", self.place.id),
            reply_to: self.at.clone(),
            act,
            // It is of use at any time.
            deadline_ms: i64::MAX,
        }
    }

    /// What a step changes, and what carries it out.
    fn carry_out(
        &self,
        step: Step,
        wanted: Option<(Wanted, RichText)>,
        stands: Option<&Standing>,
    ) -> Option<(Change, Vec<Sendable>)> {
        let message = MessageRef;
        Some(match step {
            Step::Post => {
                let (wanted, body) = wanted?;
                self.words(wanted, Act::Message { body, buttons: Vec::new() })
            }
            Step::Edit(old) => {
                let (wanted, body) = wanted?;
                self.words(wanted, Act::Edit { message: message(old), body, buttons: Vec::new() })
            }
            Step::Became { new, old } => {
                let pin = self.send(Act::Pin { message: message(new.clone()) });
                let change = Change::Became { message: new, pin: pin.id.clone() };
                let unpin = old.map(|old| self.send(Act::Unpin { message: message(old) }));
                (change, unpin.into_iter().chain([pin]).collect())
            }
            Step::Pin(known) => {
                let pin = self.send(Act::Pin { message: message(known) });
                (Change::Pinned { pin: pin.id.clone() }, vec![pin])
            }
            Step::Down(known) => {
                // Where it stands, wherever the place is by now.
                let there = Line { at: stands?.reply_to.clone(), ..*self };
                let down = |known: String| {
                    let unpin = there.send(Act::Unpin { message: message(known.clone()) });
                    vec![unpin, there.send(Act::Delete { message: message(known) })]
                };
                (Change::Gone, known.map(down).unwrap_or_default())
            }
        })
    }

    fn words(&self, wanted: Wanted, act: Act) -> (Change, Vec<Sendable>) {
        let say = self.send(act);
        let Wanted { words, revision } = wanted;
        let change = Change::Words { said: say.id.clone(), reply_to: self.at.clone(), words, revision };
        (change, vec![say])
    }
}
