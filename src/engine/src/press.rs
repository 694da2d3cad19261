//! Buttons on platforms: a random id for each, bound to who may press it, and used once. The web keeps its own, which mean
//! something by themselves and are bound to their conversation.

use townkeeper_contract::id::TurnId;
use townkeeper_contract::inbound::Body;
use townkeeper_contract::outbound::{Act, Button};
use townkeeper_contract::stream::Reply;
use townkeeper_core::decide::{cases, feedback};
use townkeeper_core::say;
use townkeeper_store::{InboxRow, NewAction, Press, Pressed, Sendable, StoreError, fault};

use crate::{House, ids};

/// How long a button is good.
const LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// Gives each button of a turn's messages an id that says nothing, and says what they stand for. They are for whoever
/// the turn answers.
pub(crate) fn mint(row: &InboxRow, say: &mut [Sendable], now_ms: i64) -> Vec<NewAction> {
    let person = &row.inbound.person.id;
    let minted = |button: &mut Button| {
        let meaning = std::mem::replace(&mut button.action.0, ids::secret());
        NewAction {
            id: button.action.0.clone(),
            choice: feedback::choice(&meaning).or_else(|| cases::choice(&meaning)),
            // A case is every moderator's; who presses is asked for their right.
            person: (!cases::is(&meaning)).then(|| person.0.clone()),
            meaning,
            expires_ms: now_ms.saturating_add(LIFE_MS),
        }
    };
    say.iter_mut().flat_map(|say| buttons(&mut say.act)).map(minted).collect()
}

fn buttons(act: &mut Act) -> &mut [Button] {
    match act {
        Act::Message { buttons, .. } | Act::Edit { buttons, .. } => buttons,
        _ => &mut [],
    }
}

/// Puts what a pressed button stands for into its event. `Some`: there is nothing in it for whoever pressed it, and this
/// is what to say.
pub(crate) async fn resolve(house: &House, row: &mut InboxRow) -> Result<Option<Reply>, StoreError> {
    let Body::Action { action } = &mut row.inbound.body else { return Ok(None) };
    if !house.door.leads_to(&row.inbound.account) {
        return Ok(None);
    }
    let press = Press {
        workspace: house.workspace.clone(),
        account: row.inbound.account.0.clone(),
        action: action.0.clone(),
        person: row.inbound.person.id.0.clone(),
        turn: row.turn.clone(),
        // Nothing is answered in a frozen town; the button is good again after the thaw.
        look: house.door.freeze().is_frozen(),
        now_ms: house.clock.now_ms(),
    };
    let pressed = house.store.press(press).await?;
    fault!("action.pressed");
    Ok(match pressed {
        Pressed::Meaning(meaning) => {
            action.0 = meaning;
            None
        }
        Pressed::Theirs => Some(say::button_of_another()),
        Pressed::Gone => Some(say::button_expired()),
    })
}

/// A reply as a platform shows it: with what may be said to it.
pub(crate) fn shown(reply: &Reply, turn: &str) -> Reply {
    feedback::below(reply, &TurnId::from(turn))
}
