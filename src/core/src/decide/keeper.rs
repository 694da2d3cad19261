//! `/keeper`: who moderates a place sets us up in it. What was asked is understood here, and who may is decided here:
//! a person whom we know as a moderator, or whom the platform says at this moment to moderate the place. Both go by the
//! platform's number of who asks, never by a name, and never for a bot.

use townkeeper_contract::access::{Permission, Role};
use townkeeper_contract::inbound::{Body, Inbound, PlaceKind, PresenceChange};
use townkeeper_contract::place::{PlaceMode, PlaceSetting, PlaceWho, ShownSetting};
use townkeeper_contract::platform::{Right, Standing};
use townkeeper_contract::stream::Reply;

use super::access::AccessAsk;
use super::{Ask, Decision, Snapshot, moderate};
use crate::flood::Pace;
use crate::{access, places, say};

/// Something about a place that is to be found out or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceAsk {
    /// What became of us there.
    Presence(PresenceChange),
    /// Who asks, and what the platform says they may.
    Asker,
    /// Do it, for this actor (as the audit log writes it).
    Keep { actor: String, wish: Wish },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// What became of us there is written down.
    Noted,
    Asker(Asker),
    Kept(Kept),
}

/// What a moderator may wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Set(PlaceSetting, String),
    /// How the account does.
    Health,
    /// Every setting of this place.
    Show,
}

/// Who asks, as far as it could be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// The account as the audit log writes it: `telegram:42`.
    pub account: String,
    /// The person whose account it is, with their roles, if we know them.
    pub person: Option<(String, Vec<Role>)>,
    /// What they may do in the place, by the platform's word; none where it could not, or need not, be asked.
    pub standing: Option<Standing>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// `on`: whether we answer in this place now.
    Set {
        setting: PlaceSetting,
        value: String,
        on: bool,
    },
    /// The safety page stands here from now on, or does not. `linked`: whether this place is; `pins`: whether we may pin.
    Stands {
        here: bool,
        linked: bool,
        pins: bool,
    },
    Health(Health),
    Shown(Vec<ShownSetting>),
    Failed,
}

/// How an account does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why it receives nothing, if so.
    pub trouble: Option<String>,
    /// What we may do in this place; none where that could not be asked.
    pub standing: Option<Standing>,
    /// Messages that wait to be sent.
    pub waiting: i64,
    /// Messages of which nobody knows whether they arrived.
    pub unknown: i64,
}

pub(super) fn asked(snapshot: &Snapshot<'_>, inbound: &Inbound, args: &str) -> Decision {
    // A bot, or somebody in a channel's name, may be anyone.
    if inbound.person.bot {
        return Decision::end(say::not_allowed()).unless_off(snapshot);
    }
    let (verb, rest) = verb_and_rest(args);
    match verb.to_ascii_lowercase().as_str() {
        "freeze" => {
            let reason = rest.trim().chars().take(super::access::REASON).collect();
            return Decision::ask(Ask::Access(AccessAsk::Freeze { reason }));
        }
        "thaw" => return Decision::ask(Ask::Access(AccessAsk::Thaw)),
        _ if snapshot.frozen => return Decision::frozen(),
        _ => {}
    }
    match snapshot.pace {
        Pace::Free => {}
        Pace::Loop { told } => return Decision::shed(say::looks_like_a_loop(), told).unless_off(snapshot),
        Pace::Slow { told } => return Decision::shed(say::too_fast(snapshot.turn), told).unless_off(snapshot),
    }
    if inbound.place.kind == PlaceKind::Private {
        return Decision::end(say::keeper::where_it_is());
    }
    let understood = moderate::asked(inbound, verb, rest)
        .or_else(|| super::cases::opened(inbound, verb, rest))
        .or_else(|| wished(inbound).is_none().then(|| Decision::end(say::keeper::verbs())));
    match understood {
        // How to word it is for moderators: where we are not switched on it is found out first whether this is one.
        Some(decision) if decision.end.is_none() || snapshot.here.mode != PlaceMode::Off => decision,
        _ => Decision::ask(Ask::Place(PlaceAsk::Asker)),
    }
}

/// How to word what was not understood.
fn hint(inbound: &Inbound) -> Decision {
    let Body::Command { args, .. } = &inbound.body else { return Decision::silent() };
    let (verb, rest) = verb_and_rest(args);
    let of_act = moderate::asked(inbound, verb, rest).filter(|decision| decision.end.is_some());
    of_act.unwrap_or_else(|| Decision::end(say::keeper::verbs()))
}

fn verb_and_rest(args: &str) -> (&str, &str) {
    args.trim().split_once(char::is_whitespace).unwrap_or((args.trim(), ""))
}

/// What the words behind `/keeper` wish for.
fn wished(inbound: &Inbound) -> Option<Wish> {
    let Body::Command { args, .. } = &inbound.body else { return None };
    let (verb, rest) = verb_and_rest(args);
    let set = |setting, word: &str| places::valid(setting, word).map(|value| Wish::Set(setting, value));
    match verb.to_ascii_lowercase().as_str() {
        "link" => set(PlaceSetting::Link, "yes"),
        "unlink" => set(PlaceSetting::Link, "no"),
        "mode" => set(PlaceSetting::Mode, rest.trim()),
        "notices" => set(PlaceSetting::Notices, rest.trim()),
        "safety" => set(PlaceSetting::Safety, rest.trim()),
        "shield" => set(PlaceSetting::Shield, rest.trim()),
        "channel" => set(PlaceSetting::Channel, rest.trim()),
        "language" => set(PlaceSetting::Language, rest.trim()),
        "who" => set(PlaceSetting::Who, rest.trim()),
        "health" => Some(Wish::Health),
        "show" => Some(Wish::Show),
        _ => None,
    }
}

/// What follows from what was found out about a place.
pub(super) fn placed(snapshot: &Snapshot<'_>, inbound: &Inbound, placed: &Placed) -> Decision {
    match placed {
        Placed::Noted => Decision::silent(),
        Placed::Asker(asker) => match (allowed(snapshot.here.who, asker, right_for(inbound)), wished(inbound)) {
            (Ok(actor), Some(wish)) => Decision::ask(Ask::Place(PlaceAsk::Keep { actor, wish })),
            (Ok(_), None) => hint(inbound),
            (Err(refusal), _) if is_stranger(asker) => Decision::end(refusal()).unless_off(snapshot),
            (Err(refusal), _) => Decision::end(refusal()),
        },
        Placed::Kept(kept) => Decision::end(say::keeper::kept(kept, inbound.place.within.is_some())),
    }
}

/// Whether the platform says that somebody moderates nothing there. Where it could not be asked, nobody is a stranger.
fn is_stranger(asker: &Asker) -> bool {
    asker.standing.as_ref().is_some_and(|standing| !standing.may(Right::Remove) && !standing.may(Right::Manage))
}

/// What the platform must let somebody do for this. Who moderates one channel does not switch the whole server on or off.
fn right_for(inbound: &Inbound) -> Right {
    let links = matches!(wished(inbound), Some(Wish::Set(PlaceSetting::Link, _)));
    if links && inbound.place.within.is_some() { Right::Manage } else { Right::Remove }
}

/// Who does it, as the audit log writes it; or what they are told instead.
fn allowed(who: PlaceWho, asker: &Asker, right: Right) -> Result<String, fn() -> Reply> {
    if let Some((person, roles)) = &asker.person
        && access::may(roles, Permission::Moderate)
    {
        return Ok(format!("person:{person}"));
    }
    match (&asker.standing, who) {
        (_, PlaceWho::Roles) => Err(say::not_allowed),
        (Some(standing), _) if standing.may(right) || standing.may(Right::Manage) => {
            Ok(format!("moderator:{}", asker.account))
        }
        (Some(standing), _) if standing.may(Right::Remove) => Err(say::keeper::not_a_manager),
        (Some(_), _) => Err(say::keeper::not_a_moderator),
        (None, _) => Err(say::not_now),
    }
}
