//! What moderators ask for in a chat: `/keeper remove`, `restrict 1h`, `ban` and so on, as a reply to a message. Here it is
//! only understood and answered; whether they may is asked of the platform, by number, when it is done.

use townkeeper_contract::id::{MessageRef, PersonId};
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::platform::{Right, Standing};
use townkeeper_contract::stream::Reply;

use super::{Ask, Decision};
use crate::say;

/// How long somebody is restricted where nothing is said.
pub const HOUR_MS: i64 = 60 * 60 * 1000;

/// The longest time.
pub const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

/// The longest reason, in characters.
const REASON: usize = 300;

/// Something to find out, and to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModerateAsk {
    Act(Wanted),
    /// Take back the act of that number.
    Undo {
        number: i64,
        reason: String,
    },
}

/// What is wanted, of what or whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub verb: Verb,
    pub message: Option<MessageRef>,
    pub person: Option<PersonId>,
    /// For how long, in milliseconds.
    pub for_ms: Option<i64>,
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moderated {
    /// It is on its way, under this number.
    Ordered { number: i64, verb: Verb },
    /// The platform does not let who asked do that.
    NotAllowed,
    /// Roles alone count in this place, and who asked has none.
    NotOurs,
    /// The platform does not let us do that.
    WeMayNot,
    /// Somebody of the team, or a moderator of the place.
    Protected,
    /// There is no act of this number.
    NoSuchAct,
    /// It cannot be taken back; `removed`: because the message is gone.
    Final { removed: bool },
    /// It was taken back before, by that one.
    Reversed { by: i64 },
    /// Who asked elsewhere than in the place has not proven an account on that platform.
    NotLinked,
    /// Nobody has spoken to us there, so there is no way to it.
    NoSuchPlace,
    /// The case that it follows from was decided otherwise meanwhile.
    Overtaken,
    /// It could not be found out just now.
    Failed,
}

/// What `/keeper <verb> <rest>` leads to, if it is one of these.
pub fn asked(inbound: &Inbound, verb: &str, rest: &str) -> Option<Decision> {
    let verb = match verb.to_lowercase().as_str() {
        "undo" => return Some(undo(inbound, rest)),
        "timeout" => Verb::Restrict,
        word => Verb::named(word).filter(|verb| *verb != Verb::Notice)?,
    };
    // A bot, or who writes in the name of a chat, is nobody whose rights could be asked for.
    if inbound.person.bot {
        return Some(Decision::end(say::moderator_unknown()));
    }
    let (for_ms, reason) = if verb == Verb::Restrict { length(rest) } else { (None, rest) };
    let of_message = is_of_message(verb);
    let wanted = Wanted {
        verb,
        message: inbound.replies_to.clone().filter(|_| of_message),
        person: inbound.replies_to_person.clone().filter(|_| !of_message),
        for_ms,
        reason: shortened(reason),
    };
    if wanted.message.is_none() && wanted.person.is_none() {
        let reply = if inbound.replies_to.is_some() { say::author_unknown() } else { say::moderate_how() };
        return Some(Decision::end(reply));
    }
    Some(Decision::ask(Ask::Moderate(ModerateAsk::Act(wanted))))
}

fn undo(inbound: &Inbound, rest: &str) -> Decision {
    if inbound.person.bot {
        return Decision::end(say::moderator_unknown());
    }
    let (number, reason) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    match number.trim_start_matches('#').parse() {
        Ok(number) => Decision::ask(Ask::Moderate(ModerateAsk::Undo { number, reason: shortened(reason) })),
        Err(_) => Decision::end(say::undo_how()),
    }
}

/// Whether it is about a message, rather than who wrote it.
pub fn is_of_message(verb: Verb) -> bool {
    matches!(verb, Verb::Remove | Verb::Pin | Verb::Unpin)
}

/// Whether it is about a person.
pub fn is_of_person(verb: Verb) -> bool {
    matches!(verb, Verb::Restrict | Verb::Release | Verb::Ban | Verb::Unban)
}

/// How long, and the words behind it: `30m`, `1h`, `7d`; else an hour.
fn length(rest: &str) -> (Option<i64>, &str) {
    let rest = rest.trim();
    let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match read_length(word) {
        Some(ms) => (Some(ms), behind),
        None => (Some(HOUR_MS), rest),
    }
}

/// A length of time as people write it: a number and `m`, `h`, `d` or `w`. At most a year.
pub fn read_length(word: &str) -> Option<i64> {
    let (unit_at, unit) = word.char_indices().next_back()?;
    let unit_ms = match unit.to_ascii_lowercase() {
        'm' => HOUR_MS / 60,
        'h' => HOUR_MS,
        'd' => 24 * HOUR_MS,
        'w' => 7 * 24 * HOUR_MS,
        _ => return None,
    };
    let count: i64 = word.get(..unit_at)?.parse().ok().filter(|count| *count > 0)?;
    Some(count.saturating_mul(unit_ms).min(YEAR_MS))
}

fn shortened(reason: &str) -> String {
    reason.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON).collect()
}

/// What one must be allowed to do in the place, be it who asks or we.
pub fn right(verb: Verb) -> Right {
    match verb {
        Verb::Remove => Right::Remove,
        Verb::Restrict | Verb::Release => Right::Restrict,
        Verb::Ban | Verb::Unban => Right::Ban,
        Verb::Pin | Verb::Unpin => Right::Pin,
        Verb::Notice => Right::Speak,
    }
}

/// Whether somebody who may that much in a place cannot be silenced there. We are among them: we could not do it else.
pub fn is_protected(standing: &Standing) -> bool {
    [Right::Manage, Right::Remove, Right::Restrict, Right::Ban].into_iter().any(|right| standing.may(right))
}

/// Whether it silences a person.
pub fn silences(verb: Verb) -> bool {
    matches!(verb, Verb::Restrict | Verb::Ban)
}

/// What takes it back. `None`: nothing does.
pub fn reverse(verb: Verb) -> Option<Verb> {
    match verb {
        Verb::Restrict => Some(Verb::Release),
        Verb::Ban => Some(Verb::Unban),
        Verb::Pin => Some(Verb::Unpin),
        _ => None,
    }
}

/// Whether it is said to somebody of whom we do not know that they moderate the place.
pub(super) fn is_to_a_stranger(moderated: Moderated) -> bool {
    use Moderated::{Final, NoSuchAct, NotAllowed, NotOurs};
    matches!(moderated, NotAllowed | NotOurs | NoSuchAct | Final { .. })
}

/// What to say about it.
pub fn said(moderated: Moderated) -> Reply {
    match moderated {
        Moderated::Ordered { number, verb } => say::moderated(number, verb, reverse(verb).is_some()),
        Moderated::NotAllowed => say::moderator_unknown(),
        Moderated::NotOurs => say::not_allowed(),
        Moderated::WeMayNot => say::we_may_not_moderate(),
        Moderated::Protected => say::protected(),
        Moderated::NoSuchAct => say::no_such_act(),
        Moderated::Final { removed: true } => say::removed_for_good(),
        Moderated::Final { removed: false } => say::nothing_to_take_back(),
        Moderated::Reversed { by } => say::taken_back_before(by),
        Moderated::NotLinked => say::moderator_not_linked(),
        Moderated::NoSuchPlace => say::no_way_there(),
        Moderated::Overtaken => say::cases::overtaken(),
        Moderated::Failed => say::not_now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        assert_eq!(read_length("30m"), Some(30 * 60 * 1000));
        assert_eq!(read_length("1H"), Some(HOUR_MS));
        assert_eq!((read_length("7d"), read_length("1w")), (Some(7 * 24 * HOUR_MS), Some(7 * 24 * HOUR_MS)));
        assert_eq!(read_length("9999999999999999999w"), None);
        assert_eq!(read_length("99999999999999999w"), Some(YEAR_MS));
        for word in ["", "h", "-1h", "0h", "1", "1y", "1.5h", "ⅷ", "1日"] {
            assert_eq!(read_length(word), None, "{word}");
        }
        assert_eq!(length("2h sells lanterns"), (Some(2 * HOUR_MS), "sells lanterns"));
        assert_eq!(length("sells lanterns"), (Some(HOUR_MS), "sells lanterns"), "an hour, if nothing is said");
        assert_eq!(length(""), (Some(HOUR_MS), ""));
    }

    #[test]
    fn whoever_could_silence_others_is_protected() {
        let with = |rights: &[Right]| Standing { member: true, rights: rights.iter().copied().collect(), held: None };
        assert!(!is_protected(&with(&[Right::Speak, Right::Pin])));
        for right in [Right::Manage, Right::Remove, Right::Restrict, Right::Ban] {
            assert!(is_protected(&with(&[Right::Speak, right])), "{right:?}");
        }
        assert!(!is_protected(&Standing::default()), "who is not there has no rights there");
    }

    #[test]
    fn what_takes_an_act_back_needs_the_same_right() {
        for verb in Verb::ALL {
            assert!(reverse(*verb).is_none_or(|back| right(back) == right(*verb)), "{verb}");
        }
    }
}
