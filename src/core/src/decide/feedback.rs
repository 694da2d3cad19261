//! What people think of an answer: "This helped", "Not quite". Counted by entry; a "Not quite" is asked further.

use townkeeper_contract::id::{EntryId, TurnId};
use townkeeper_contract::stream::{Reply, ReplyKind};

use super::{Ask, Decision, Snapshot, near};
use crate::say;

/// An opinion that was kept, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The turn that answered.
    pub turn: TurnId,
    pub helped: bool,
    pub question: String,
    /// The entry that answered, if one did.
    pub cited: Option<EntryId>,
}

/// An answer with what people may say to it below. Nothing else is asked about.
pub fn below(reply: &Reply, turn: &TurnId) -> Reply {
    let mut reply = reply.clone();
    if matches!(reply.kind, ReplyKind::Canonical | ReplyKind::Model) {
        let ticket = say::ticket_offer(turn);
        reply.offers.retain(|offer| *offer != ticket);
        reply.offers.extend(say::feedback_offers(turn));
        reply.offers.push(ticket);
    }
    reply
}

/// The choice that a button belongs to: pressing one uses up the others. One cannot be helped and not.
pub fn choice(action: &str) -> Option<String> {
    read(action).map(|(turn, _)| format!("feedback:{turn}"))
}

/// The turn, and whether it helped.
fn read(action: &str) -> Option<(&str, bool)> {
    let helped = action.strip_prefix("helped:").map(|turn| (turn, true));
    helped.or_else(|| action.strip_prefix("not_quite:").map(|turn| (turn, false)))
}

/// Whether this stands where a question stands, and is none.
pub(super) fn is(action: &str) -> bool {
    read(action).is_some()
}

pub(super) fn pressed(action: &str) -> Option<Decision> {
    let (turn, helped) = read(action)?;
    Some(Decision::ask(Ask::Rate { turn: TurnId::from(turn), helped }))
}

/// What to say about it. `None`: there is no such answer.
pub(super) fn said(snapshot: &Snapshot<'_>, rated: Option<&Rated>) -> Reply {
    let Some(rated) = rated else { return say::button_expired() };
    if rated.helped {
        return say::thanks();
    }
    let found = snapshot.base.look_up(&rated.question);
    let mut near = near(snapshot, &found);
    near.retain(|entry| Some(&entry.id) != rated.cited.as_ref());
    say::not_quite(&rated.turn, &near)
}
