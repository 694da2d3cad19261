//! What people with a role may ask in a chat: prove their account, sign in, freeze, thaw. Here it is only understood and
//! answered; whether it is allowed is decided by the numeric id of who asks, never by a name.

use townkeeper_contract::inbound::{Body, Inbound, PlaceKind};
use townkeeper_contract::stream::Reply;

use super::{Ask, Decision};
use crate::{commands, say};

/// The longest reason that is kept, in characters.
pub(super) const REASON: usize = 200;

/// Something that needs to be looked up, allowed and done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessAsk {
    /// The code as it was said.
    Link {
        code: String,
    },
    Login,
    Freeze {
        reason: String,
    },
    Thaw,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accessed {
    /// This account is now known as this person's.
    Linked {
        name: String,
    },
    WrongCode,
    TooManyCodes,
    /// The account is known as somebody else's.
    Taken,
    /// Who asked may not.
    NotAllowed,
    /// Where to open a session.
    Login {
        url: String,
    },
    /// There is no address that a browser elsewhere could open.
    NoAddress,
    Frozen {
        /// Not all that was under way is known to have ended.
        unconfirmed: bool,
    },
    /// One of two has agreed to go on.
    Agreed,
    Thawed,
    /// Whose voice does not count.
    NoVoice,
    /// The file on the host is still there.
    FileRemains,
    /// It could not be done just now.
    Failed,
}

/// Whether a command is one of these.
pub(super) fn is(name: &str) -> bool {
    matches!(name, commands::LINK | commands::LOGIN | commands::FREEZE | commands::THAW)
}

/// What a command of these leads to.
pub(super) fn asked(inbound: &Inbound) -> Decision {
    let Body::Command { name, args } = &inbound.body else { return Decision::end(say::not_allowed()) };
    // A bot, or somebody's own hook, may show any name.
    if inbound.person.bot {
        return Decision::end(say::not_allowed());
    }
    // What signs people in is not for a whole group to read.
    let private = inbound.place.kind == PlaceKind::Private;
    let ask = match name.as_str() {
        commands::LINK | commands::LOGIN if !private => return Decision::end(say::privately()),
        commands::LINK if args.trim().is_empty() => return Decision::end(say::link_how()),
        commands::LINK => AccessAsk::Link { code: args.clone() },
        commands::LOGIN => AccessAsk::Login,
        commands::FREEZE => AccessAsk::Freeze { reason: args.trim().chars().take(REASON).collect() },
        _ => AccessAsk::Thaw,
    };
    Decision::ask(Ask::Access(ask))
}

/// What to say about it.
pub(super) fn said(accessed: &Accessed) -> Reply {
    match accessed {
        Accessed::Linked { name } => say::linked(name),
        Accessed::WrongCode => say::wrong_code(),
        Accessed::TooManyCodes => say::too_many_codes(),
        Accessed::Taken => say::account_taken(),
        Accessed::NotAllowed => say::not_allowed(),
        Accessed::Login { url } => say::login(url),
        Accessed::NoAddress => say::no_address(),
        Accessed::Frozen { unconfirmed } => say::frozen_now(*unconfirmed),
        Accessed::Agreed => say::thaw_agreed(),
        Accessed::Thawed => say::thawed(),
        Accessed::NoVoice => say::no_voice(),
        Accessed::FileRemains => say::freeze_file(),
        Accessed::Failed => say::not_now(),
    }
}
