//! The seat of the shield. Every event passes here before it is accepted; until the shield moves in, it is asked whether
//! it concerns us where it was said. Other chatter is let go by.

use chrono::NaiveDate;
use townkeeper_contract::inbound::{Body, Inbound, PresenceChange};
use townkeeper_contract::place::PlaceMode;
use townkeeper_knowledge::Base;

use crate::commands;
use crate::decide::volunteer;
use crate::places::Here;

/// What becomes of an event before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It concerns us: accept it.
    Accept,
    /// Chatter, or a bot's: counted, not kept.
    LetGo,
}

/// What an event is judged by.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub here: &'a Here,
    pub base: &'a Base,
    pub today: NaiveDate,
}

/// Judges one event in memory. Bots are never answered: two of them would never stop.
pub fn scan(inbound: &Inbound, ground: &Ground<'_>) -> Verdict {
    if concerns_us(inbound, ground) { Verdict::Accept } else { Verdict::LetGo }
}

fn concerns_us(inbound: &Inbound, ground: &Ground<'_>) -> bool {
    let here = ground.here;
    match &inbound.body {
        // Whoever did it, it happened to us. Being added changes nothing.
        Body::Presence { change } => matches!(change, PresenceChange::Removed | PresenceChange::Moved { .. }),
        _ if inbound.person.bot => false,
        Body::Command { name, .. } if commands::is_for_moderators(name) => inbound.addressed,
        body if here.mode == PlaceMode::Off => {
            here.untold && inbound.addressed && matches!(body, Body::Message { .. } | Body::Command { .. })
        }
        _ if inbound.addressed => true,
        _ => here.mode == PlaceMode::Support && volunteer::answer(ground.base, ground.today, inbound).is_some(),
    }
}
