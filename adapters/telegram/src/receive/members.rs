//! Who comes and goes, and what becomes of ourselves: from updates that administrators get, and from the messages that
//! a group shows about it.

use townkeeper_contract::id::{EventKey, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, PresenceChange, RosterChange};

use super::normalise::{Me, inbound, person, place};
use super::update::{MemberUpdate, Message, User};
use crate::deliver::Target;

/// What a message of the group itself says; `None`: it is somebody's message.
pub(super) fn in_service(message: &Message, me: &Me) -> Option<Vec<Inbound>> {
    if message.migrate_to_chat_id.is_some() || message.migrate_from_chat_id.is_some() {
        return Some(moved(message, me).into_iter().collect());
    }
    let told = |user: &User, change| {
        let event = EventKey(format!("r{}/{}/{}", message.chat.id, message.id, user.id));
        let told = inbound(event, message, user, Body::Roster { change }, false, me);
        Inbound { message: None, replies_to: None, replies_to_person: None, carried: Carried::default(), ..told }
    };
    let others = |user: &&User| user.id != me.id;
    if let Some(left) = &message.left_chat_member {
        return Some(Some(left).filter(others).map(|user| told(user, RosterChange::Left)).into_iter().collect());
    }
    let came = message.new_chat_members.iter().filter(others);
    (!message.new_chat_members.is_empty()).then(|| came.map(|user| told(user, RosterChange::Joined)).collect())
}

/// `chat_member`: somebody is there who was not, or the other way round. A new right is neither.
pub(super) fn of_others(update: &MemberUpdate, number: i64, me: &Me) -> Option<Inbound> {
    let change = match (update.old.is_there(), update.new.is_there()) {
        (false, true) => RosterChange::Joined,
        (true, false) => RosterChange::Left,
        _ => return None,
    };
    let user = &update.new.user;
    // Somebody may come, go and come within one second.
    let event = EventKey(format!("r{}/{}/{}/{number}", update.chat.id, user.id, update.date));
    (user.id != me.id).then(|| bare(event, update, user, Body::Roster { change }, me))
}

/// `my_chat_member`: we were added, thrown out, blocked. A new right of ours is nothing: rights are asked for when needed.
pub(super) fn of_ourselves(update: &MemberUpdate, number: i64, me: &Me) -> Option<Inbound> {
    let change = match (update.old.is_there(), update.new.is_there()) {
        (false, true) => PresenceChange::Added,
        (true, false) => PresenceChange::Removed,
        _ => return None,
    };
    let event = EventKey(format!("p{}/{}/{number}", update.chat.id, update.date));
    Some(bare(event, update, &update.from, Body::Presence { change }, me))
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
    Some(Inbound {
        message: None,
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: address(old),
        ..told
    })
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
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: Target { chat: chat.id, thread: None, message_id: None }.to_reply(),
        body,
    }
}
