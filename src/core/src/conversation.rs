//! Conversations: place + thread + person. Turns of one conversation are taken in order; conversations never mix.

use townkeeper_contract::id::ConversationId;
use townkeeper_contract::inbound::Inbound;

/// The conversation an event belongs to. Injective: parts are joined with a length before each, so that no choice of
/// ids can make two conversations one.
pub fn conversation(inbound: &Inbound) -> ConversationId {
    let thread = inbound.thread.as_ref().map_or("", |t| t.as_str());
    let parts = [inbound.account.as_str(), inbound.place.id.as_str(), thread, inbound.person.id.as_str()];
    let mut id = String::new();
    for part in parts {
        id.push_str(&part.len().to_string());
        id.push('.');
        id.push_str(part);
    }
    ConversationId::new(id)
}

/// The line in which a chat's messages leave: one per place and thread of an account.
pub fn destination(inbound: &Inbound) -> String {
    match &inbound.thread {
        Some(thread) => format!("{}/{thread}", inbound.place.id),
        None => inbound.place.id.0.clone(),
    }
}

/// The place in a destination: what a platform's limits are kept for.
pub fn place(destination: &str) -> &str {
    destination.split_once('/').map_or(destination, |(place, _)| place)
}
