//! The seat of the shield. Every event passes here before it is accepted; until the shield moves in, everything that
//! is addressed to us passes and other chatter is let go by.

use townkeeper_contract::inbound::Inbound;

/// What becomes of an event before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It concerns us: accept it.
    Accept,
    /// Chatter, or a bot's: counted, not kept.
    LetGo,
}

/// Judges one event in memory. Bots are never answered: two of them would never stop.
pub fn scan(inbound: &Inbound) -> Verdict {
    if inbound.addressed && !inbound.person.bot { Verdict::Accept } else { Verdict::LetGo }
}
