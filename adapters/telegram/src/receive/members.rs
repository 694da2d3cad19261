//! Who comes and goes, and what becomes of ourselves: from updates that administrators get, and from the messages that
//! a group shows about it.

use townkeeper_contract::id::{EventKey, PlaceId};
use townkeeper_contract::inbound::{Body, Inbound, PresenceChange, RosterChange};

use super::normalise::{Me, inbound, person, place};
use super::update::{MemberUpdate, Message, User};
use crate::deliver::Target;

/// What a message of the group itself says; `None`: it is somebody's message.
pub(super) fn in_service(message: &Message, me: &Me) -> Option<Vec<Inbound>> {
    if message.migrate_to_chat_id.is_some() || message.migrate_from_chat_id.is_some() {
        return Some(moved(message, me).into_iter().collect());
    }
    let told = |user: &User, change| roster(message.chat.id, user, message.date, change, |event, body| {
        inbound(event, message, user, body, false, me)
    });
    let others = |user: &&User| user.id != me.id;
    if let Some(left) = &message.left_chat_member {
        return Some(Some(left).filter(others).map(|user| told(user, RosterChange::Left)).into_iter().collect());
    }
    let came = message.new_chat_members.iter().filter(others);
    (!message.new_chat_members.is_empty()).then(|| came.map(|user| told(user, RosterChange::Joined)).collect())
}

/// `chat_member`: somebody is there who was not, or the other way round. A new right is neither.
pub(super) fn of_others(update: &MemberUpdate, me: &Me) -> Option<Inbound> {
    let change = match (update.old.is_there(), update.new.is_there()) {
        (false, true) => RosterChange::Joined,
        (true, false) => RosterChange::Left,
        _ => return None,
    };
    let user = &update.new.user;
    let told = |event, body| bare(event, update, user, body, me);
    (user.id != me.id).then(|| roster(update.chat.id, user, update.date, change, told))
}

/// `my_chat_member`: we were added, thrown out, blocked. A new right of ours is nothing: rights are asked for when needed.
pub(super) fn of_ourselves(update: &MemberUpdate, me: &Me) -> Option<Inbound> {
    let (change, word) = match (update.old.is_there(), update.new.is_there()) {
        (false, true) => (PresenceChange::Added, "added"),
        (true, false) => (PresenceChange::Removed, "removed"),
        _ => return None,
    };
    let event = EventKey(format!("p{}/{}/{word}", update.chat.id, update.date));
    Some(bare(event, update, &update.from, Body::Presence { change }, me))
}

/// One event for one change, whichever way it was told.
fn roster(
    chat: i64,
    user: &User,
    date: i64,
    change: RosterChange,
    told: impl Fn(EventKey, Body) -> Inbound,
) -> Inbound {
    let word = if change == RosterChange::Joined { "joined" } else { "left" };
    let event = EventKey(format!("r{chat}/{}/{date}/{word}", user.id));
    Inbound { message: None, replies_to: None, ..told(event, Body::Roster { change }) }
}

/// The group has another id now. Said in the old one and in the new one, and the same both times.
fn moved(message: &Message, me: &Me) -> Option<Inbound> {
    let (old, new) = match (message.migrate_to_chat_id, message.migrate_from_chat_id) {
        (Some(new), _) => (message.chat.id, new),
        (None, Some(old)) => (old, message.chat.id),
        (None, None) => return None,
    };
    let address = |chat: i64| Target { chat, thread: None, message_id: None }.to_reply();
    let change = PresenceChange::Moved { to: PlaceId(new.to_string()), address: address(new) };
    let event = EventKey(format!("v{old}/{new}"));
    let nobody = User::default();
    let by = message.from.as_ref().unwrap_or(&nobody);
    let mut told = inbound(event, message, by, Body::Presence { change }, false, me);
    told.place.id = PlaceId(old.to_string());
    told.place.address = Some(address(old));
    Some(Inbound { message: None, replies_to: None, reply_to: address(old), ..told })
}

/// An event in a chat that stands in no message.
fn bare(event: EventKey, update: &MemberUpdate, user: &User, body: Body, me: &Me) -> Inbound {
    let chat = &update.chat;
    Inbound {
        event,
        account: me.account.clone(),
        place: place(chat, None),
        thread: None,
        person: person(user),
        at_ms: update.date.saturating_mul(1000),
        addressed: false,
        message: None,
        replies_to: None,
        reply_to: Target { chat: chat.id, thread: None, message_id: None }.to_reply(),
        body,
    }
}
