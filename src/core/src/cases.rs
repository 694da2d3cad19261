//! Cases: what a moderator's word about one leads to, when one is shown, and what members' reports weigh. Pure.

use townkeeper_contract::case::{CaseAction, CaseExtra, CaseState, CaseWord, ShieldMode};

/// What is done when a moderator has spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the message down.
    Remove,
    /// Let its author read only, for [`QUIET_MS`]: an account that was stolen is given back one day.
    Restrict,
    /// Throw its author out: only where the operator's policy says so.
    Ban,
    /// Take what was done about it back, as far as the platform can.
    TakeBack,
    /// Take down what is like it, of the last day, wherever it stands.
    Sweep,
}

/// For how long whoever's account is in the wrong hands only reads, in milliseconds.
pub const QUIET_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How much a report weighs, in thousandths of what opens a case.
pub mod weight {
    /// Somebody who is new: together, they never open a case that nobody else sees.
    pub const NEW: i64 = 100;
    /// What all new members together weigh at most.
    pub const NEW_AT_MOST: i64 = 500;
    /// Somebody who has been here for a while.
    pub const MEMBER: i64 = 500;
    /// Somebody who is trusted, or of the team.
    pub const TRUSTED: i64 = 1_000;
    /// What opens a case.
    pub const OPENS: i64 = 1_000;
}

/// How many reports of one person count in an hour.
pub const REPORTS_PER_HOUR: i64 = 10;

/// What a word about a case leads to. `None`: it says what is so already.
pub fn decide(state: CaseState, word: CaseWord) -> Option<(CaseState, &'static [Step])> {
    let (to, steps) = meaning(word);
    (to != state).then_some((to, steps))
}

/// How a case stands after a word, and what is done then.
pub fn meaning(word: CaseWord) -> (CaseState, &'static [Step]) {
    use CaseState as S;
    match word {
        CaseWord::Content => (S::Content, &[Step::Remove, Step::Sweep]),
        CaseWord::Account => (S::Account, &[Step::Remove, Step::Restrict]),
        CaseWord::Clear => (S::Clear, &[Step::TakeBack]),
        CaseWord::Unsure => (S::Unsure, &[]),
        CaseWord::Undo => (S::Open, &[Step::TakeBack]),
    }
}

/// What is done about a case that stands so since a word: what [`meaning`] says of that word.
pub fn since(state: CaseState) -> &'static [Step] {
    let word = CaseWord::ALL.iter().find(|word| meaning(**word).0 == state);
    word.map_or(&[], |word| meaning(*word).1)
}

/// What is done by itself when a case opens: only where a moderator let the shield guard, and nothing rests on words alone.
/// `also`: what the policy wants besides.
pub fn by_itself(action: CaseAction, also: &[CaseExtra], mode: ShieldMode) -> &'static [Step] {
    use Step::{Ban, Remove, Restrict};
    if mode != ShieldMode::Guard {
        return &[];
    }
    let goes = action >= CaseAction::Hold;
    match (goes, also.contains(&CaseExtra::Ban), also.contains(&CaseExtra::Restrict)) {
        (true, true, _) => &[Remove, Ban],
        (false, true, _) => &[Ban],
        (true, false, true) => &[Remove, Restrict],
        (false, false, true) => &[Restrict],
        (true, false, false) => &[Remove],
        (false, false, false) => &[],
    }
}

/// Whether moderators are shown a case. In shadow it is only written down.
pub fn is_shown(mode: ShieldMode) -> bool {
    matches!(mode, ShieldMode::Flag | ShieldMode::Guard)
}

/// How many cases a minute have a card of their own; the others of that minute come in one digest.
pub const CARDS_PER_MINUTE: i64 = 10;

/// What a minute is, in milliseconds.
pub const MINUTE_MS: i64 = 60 * 1000;

/// How long a digest gathers before it is sent, in milliseconds: a wave is one message, not its first case and silence.
pub const GATHER_MS: i64 = 3 * 1000;

/// How the next case is shown, so that a wave of scams is no wave of messages to moderators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// In a card of its own.
    Single,
    /// With all others that wait, in one message.
    Digest,
    /// Later, in the next digest.
    Wait,
}

/// How the next case is shown. `singles`: how many had a card of their own in the last minute; `digest`: whether there was
/// a digest in it.
pub fn showing(singles: i64, digest: bool) -> Showing {
    match (singles < CARDS_PER_MINUTE, digest) {
        (true, _) => Showing::Single,
        (false, false) => Showing::Digest,
        (false, true) => Showing::Wait,
    }
}

/// Who wrote a message that was reported, where the platform does not say.
pub const NOBODY: &str = "unknown";

/// Who wrote it, once they were erased.
pub const ERASED: &str = "erased";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_said_can_be_taken_back_and_nothing_is_said_twice() {
        for word in CaseWord::ALL.iter().filter(|word| **word != CaseWord::Undo) {
            let (state, _) = decide(CaseState::Open, *word).unwrap();
            assert_eq!(decide(state, *word), None, "{word}");
            assert_eq!(decide(state, CaseWord::Undo), Some((CaseState::Open, &[Step::TakeBack][..])), "{word}");
        }
        assert_eq!(decide(CaseState::Open, CaseWord::Undo), None);
    }

    #[test]
    fn only_guarding_acts_by_itself_and_never_upon_a_flag() {
        for mode in ShieldMode::ALL {
            for action in CaseAction::ALL {
                let acts = !by_itself(*action, &[CaseExtra::Notify], *mode).is_empty();
                assert_eq!(acts, *mode == ShieldMode::Guard && *action != CaseAction::Flag, "{mode} {action}");
            }
            for extra in [CaseExtra::Restrict, CaseExtra::Ban] {
                let acts = !by_itself(CaseAction::Flag, &[extra], *mode).is_empty();
                assert_eq!(acts, *mode == ShieldMode::Guard, "{mode} {extra}");
            }
        }
        let gone = by_itself(CaseAction::Delete, &[CaseExtra::Ban], ShieldMode::Guard);
        assert_eq!(gone, [Step::Remove, Step::Ban], "not restricted as well");
        assert!(!is_shown(ShieldMode::Shadow));
    }

    #[test]
    fn a_minute_has_ten_cards_and_one_digest() {
        let (mut singles, mut digests) = (0, 0);
        for _ in 0..300 {
            match showing(singles, digests > 0) {
                Showing::Single => singles += 1,
                Showing::Digest => digests += 1,
                Showing::Wait => {}
            }
        }
        assert_eq!((singles, digests), (10, 1));
    }

    #[test]
    fn new_members_alone_open_no_case() {
        const { assert!(weight::NEW_AT_MOST < weight::OPENS) };
        const { assert!(weight::NEW_AT_MOST + weight::MEMBER >= weight::OPENS) };
    }
}
