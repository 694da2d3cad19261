//! A fuse: a mistake of ours, or of a list's keepers, must not empty a community. Time is an argument.

use std::collections::VecDeque;

use crate::verdict::Action;

/// Lets so many automatic actions through in a while; then only flags, until a human resets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    most: usize,
    while_ms: u64,
    /// When the last ones were, oldest first; never more than `most`.
    acted: VecDeque<u64>,
    tripped: Option<u64>,
}

/// Ten minutes.
const WHILE_MS: u64 = 600_000;

impl Breaker {
    /// At most `most` automatic actions in ten minutes.
    pub fn new(most: usize) -> Self {
        Self::restored(most, [], None)
    }

    /// As it was kept somewhere: when it acted, oldest first, and since when it has tripped.
    pub fn restored(most: usize, acted: impl IntoIterator<Item = u64>, tripped: Option<u64>) -> Self {
        Self { most, while_ms: WHILE_MS, acted: acted.into_iter().collect(), tripped }
    }

    /// When it acted lately, oldest first: with [`Self::tripped`] all that there is to keep.
    pub fn acted(&self) -> impl Iterator<Item = u64> {
        self.acted.iter().copied()
    }

    /// What may be done at a time, in milliseconds: the action, or a flag in its place.
    pub fn admit(&mut self, action: Action, now_ms: u64) -> Action {
        if action <= Action::Flag {
            return action;
        }
        if self.tripped.is_some() {
            return Action::Flag;
        }
        // A clock that went back keeps what it has counted.
        while self.acted.front().is_some_and(|at| at.saturating_add(self.while_ms) <= now_ms) {
            self.acted.pop_front();
        }
        if self.acted.len() >= self.most {
            self.tripped = Some(now_ms);
            return Action::Flag;
        }
        self.acted.push_back(now_ms);
        action
    }

    /// Since when it has tripped, if it has: somebody must be called.
    pub fn tripped(&self) -> Option<u64> {
        self.tripped
    }

    /// A human has looked.
    pub fn reset(&mut self) {
        self.tripped = None;
        self.acted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_actions_trip_it_until_a_human_resets_it() {
        let mut breaker = Breaker::new(3);
        for now in 0..3 {
            assert_eq!(breaker.admit(Action::Hold, now), Action::Hold);
        }
        assert_eq!(breaker.admit(Action::Flag, 3), Action::Flag);
        assert_eq!(breaker.tripped(), None, "flags are not counted");
        assert_eq!(breaker.admit(Action::Delete, 4), Action::Flag);
        assert_eq!(breaker.tripped(), Some(4));
        assert_eq!(breaker.admit(Action::Delete, 90 * WHILE_MS), Action::Flag, "time alone mends nothing");
        breaker.reset();
        assert_eq!(breaker.admit(Action::Delete, 90 * WHILE_MS), Action::Delete);
    }

    #[test]
    fn what_was_kept_goes_on_where_it_was() {
        let mut breaker = Breaker::new(3);
        for now in [1, 2, 3, 4, 5] {
            breaker = Breaker::restored(3, breaker.acted(), breaker.tripped());
            assert_eq!(breaker.admit(Action::Hold, now) == Action::Hold, now < 4);
        }
        assert_eq!(breaker.tripped(), Some(4), "the first that was too much");
    }

    #[test]
    fn a_slow_trickle_never_trips_it() {
        let mut breaker = Breaker::new(3);
        let acted = (0..100).filter(|n| breaker.admit(Action::Hold, n * WHILE_MS / 3) == Action::Hold).count();
        assert_eq!(acted, 100);
        let mut wide = Breaker::new(usize::MAX);
        assert!(
            (0..100).all(|n| wide.admit(Action::Hold, n) == Action::Hold),
            "the red twin: without a limit all pass"
        );
    }
}
