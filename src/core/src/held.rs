//! What is held against somebody in a place, of how they stood before and of all that was done about them since. Pure.

use townkeeper_contract::moderation::{Held, Quiet, Term, Verb};
use townkeeper_contract::outbound::Moderation;

/// An act upon a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    pub number: i64,
    pub verb: Verb,
    /// Of a restriction: until then; none: for good.
    pub until_ms: Option<i64>,
    /// The one that it takes back.
    pub reverses: Option<i64>,
}

/// Those that still hold: not taken back, and not over.
pub fn standing(deeds: &[Deed], now_ms: i64) -> impl Iterator<Item = &Deed> {
    let taken_back = |deed: &Deed| deeds.iter().any(|back| back.reverses == Some(deed.number));
    let holds = move |deed: &Deed| match deed.verb {
        Verb::Restrict => is_ahead(Term { until_ms: deed.until_ms }, now_ms),
        Verb::Ban => true,
        _ => false,
    };
    deeds.iter().filter(move |deed| holds(deed) && !taken_back(deed))
}

/// What holds now: the most of how it was before, as far as that would still hold, and of what we did.
pub fn held(former: &Held, deeds: &[Deed], now_ms: i64) -> Held {
    let before = live(former, now_ms);
    let ours = |verb: Verb| standing(deeds, now_ms).filter(move |deed| deed.verb == verb);
    let ban = if ours(Verb::Ban).next().is_some() { Some(Term::default()) } else { before.ban };
    let longest = ours(Verb::Restrict).map(|deed| Term { until_ms: deed.until_ms }).reduce(later);
    let quiet = match longest {
        None => before.quiet,
        // One that allows nothing either goes on for as long as it would have. Where something was allowed, the platform has
        // one end for both: ours.
        Some(term) => {
            let alike = before.quiet.filter(|quiet| quiet.may.is_empty());
            let term = alike.map_or(term, |quiet| later(term, quiet.term));
            Some(Quiet { term, ..Quiet::default() })
        }
    };
    Held { ban, quiet }
}

/// What an act comes to between what holds without it and with it. `None`: nothing changes.
pub fn change(action: Moderation, takes_back: bool, before: &Held, after: &Held) -> Option<Moderation> {
    let stays_banned = after.ban.is_some() && before.ban == after.ban;
    if takes_back && (stays_banned || before == after) {
        return None;
    }
    let held = after.clone();
    match action {
        // It would take the ban's place.
        Moderation::Restrict { .. } if after.ban.is_some() => None,
        Moderation::Restrict { person, until_ms } => {
            let silence = held.quiet.filter(|quiet| quiet.may.is_empty());
            let until_ms = silence.map_or(until_ms, |quiet| quiet.term.until_ms);
            Some(Moderation::Restrict { person, until_ms })
        }
        Moderation::Release { person, .. } if takes_back => Some(Moderation::Release { person, held }),
        Moderation::Unban { person, .. } if takes_back => Some(Moderation::Unban { person, held }),
        other => Some(other),
    }
}

/// Without what is over.
fn live(held: &Held, now_ms: i64) -> Held {
    Held {
        ban: held.ban.filter(|ban| is_ahead(*ban, now_ms)),
        quiet: held.quiet.clone().filter(|quiet| is_ahead(quiet.term, now_ms)),
    }
}

/// Whether a platform's word and ours are of one kind. Where they are not, somebody else acted since.
pub fn is_alike(one: &Held, other: &Held) -> bool {
    let kind = |held: &Held| if held.ban.is_some() { 2 } else { u8::from(held.quiet.is_some()) };
    kind(one) == kind(other)
}

fn is_ahead(term: Term, now_ms: i64) -> bool {
    term.until_ms.is_none_or(|until_ms| until_ms > now_ms)
}

fn later(one: Term, other: Term) -> Term {
    Term { until_ms: one.until_ms.zip(other.until_ms).map(|(one, other)| one.max(other)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restrict(number: i64, until_ms: i64) -> Deed {
        Deed { number, verb: Verb::Restrict, until_ms: Some(until_ms), reverses: None }
    }

    fn quiet(until_ms: Option<i64>, may: &[&str]) -> Held {
        let may = may.iter().map(|word| (*word).to_owned()).collect();
        Held { ban: None, quiet: Some(Quiet { term: Term { until_ms }, may }) }
    }

    #[test]
    fn the_longest_of_several_holds_and_what_was_before_comes_back() {
        let before = quiet(Some(500), &["can_send_messages"]);
        let both = [restrict(1, 100), restrict(2, 200)];
        assert_eq!(held(&before, &both, 50), quiet(Some(200), &[]));
        assert_eq!(held(&before, &both, 150), quiet(Some(200), &[]), "the first is over");
        let back = |of| Deed { number: 3, verb: Verb::Release, until_ms: None, reverses: Some(of) };
        assert_eq!(held(&before, &[both[0], both[1], back(2)], 50), quiet(Some(100), &[]));
        assert_eq!(held(&before, &[both[1], back(2)], 50), before);
        assert_eq!(held(&before, &[both[1], back(2)], 500), Held::default(), "it would be over too");
    }

    #[test]
    fn a_longer_silence_of_an_admin_is_not_shortened_and_a_ban_stays() {
        let silent = quiet(None, &[]);
        assert_eq!(held(&silent, &[restrict(1, 100)], 50), silent);
        let banned = Held { ban: Some(Term { until_ms: Some(300) }), quiet: None };
        let ban = Deed { number: 1, verb: Verb::Ban, until_ms: None, reverses: None };
        assert_eq!(held(&banned, &[ban], 50).ban, Some(Term::default()));
        assert_eq!(held(&banned, &[restrict(1, 100)], 50).ban, banned.ban);
        assert!(!is_alike(&banned, &silent) && is_alike(&silent, &quiet(Some(1), &["x"])));
    }
}
