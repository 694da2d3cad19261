//! The circuit breaker of one model vendor. Pure: the clock is an argument, and the state is plain data.
//!
//! A vendor that fails again and again is not asked for a while; then one question tries it. What it says of its own
//! accord (Retry-After) holds as well.

use townkeeper_contract::stream::{ErrorClass, StreamError};

/// So many failures in a row open the breaker.
pub const FAILURES: u32 = 3;

/// How long it stays open the first time, and at most: it doubles.
pub const REST_MS: i64 = 15_000;
pub const LONGEST_REST_MS: i64 = 5 * 60_000;

/// A vendor may ask for silence, but not for ever.
pub const LONGEST_RETRY_AFTER_MS: i64 = 60 * 60_000;

/// Where a breaker stands, for people and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Questions pass.
    Closed,
    /// None passes until then.
    Open,
    /// One may try.
    HalfOpen,
}

/// What is known of one vendor's health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row.
    failures: u32,
    /// Open until then; 0: closed. Unix milliseconds.
    open_until_ms: i64,
    /// The vendor asked not to be asked before then.
    not_before_ms: i64,
    /// A question is trying an open breaker.
    probing: bool,
}

impl Breaker {
    pub fn state(&self, now_ms: i64) -> State {
        match self.open_until_ms {
            0 => State::Closed,
            until if until > now_ms => State::Open,
            _ => State::HalfOpen,
        }
    }

    /// Whether a question may go there now. `true` counts as a try of a half-open breaker: say what came of it with
    /// [`Self::succeeded`], [`Self::failed`] or [`Self::gave_up`].
    pub fn admit(&mut self, now_ms: i64) -> bool {
        if self.not_before_ms > now_ms {
            return false;
        }
        match self.state(now_ms) {
            State::Closed => true,
            State::Open => false,
            State::HalfOpen => !std::mem::replace(&mut self.probing, true),
        }
    }

    /// It answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Nothing was learnt: the person stopped it, or the process is ending.
    pub fn gave_up(&mut self) {
        self.probing = false;
    }

    /// It failed. A failure that is the question's own fault says nothing of the vendor.
    pub fn failed(&mut self, error: &StreamError, now_ms: i64) {
        self.probing = false;
        if !is_vendors(error.class) {
            return;
        }
        if let Some(wait) = error.retry_after_ms {
            let wait = i64::try_from(wait).unwrap_or(i64::MAX).min(LONGEST_RETRY_AFTER_MS);
            self.not_before_ms = self.not_before_ms.max(now_ms.saturating_add(wait));
        }
        self.failures = self.failures.saturating_add(1);
        // A key or a credit that is not good will not be better at the next question.
        let at_once = matches!(error.class, ErrorClass::Auth | ErrorClass::Quota);
        if at_once || self.failures >= FAILURES {
            let doublings = self.failures.saturating_sub(FAILURES).min(10);
            let rest = (REST_MS << doublings).min(LONGEST_REST_MS);
            self.open_until_ms = now_ms.saturating_add(rest);
        }
    }
}

/// Whether a failure is the vendor's, so that another vendor may do better: never one of the question itself, which
/// nobody should shop around with.
pub fn is_vendors(class: ErrorClass) -> bool {
    match class {
        ErrorClass::RateLimited
        | ErrorClass::Overloaded
        | ErrorClass::Transient
        | ErrorClass::Truncated
        | ErrorClass::Stalled
        | ErrorClass::Auth
        | ErrorClass::Quota => true,
        ErrorClass::InvalidRequest | ErrorClass::ContentPolicy | ErrorClass::Protocol | ErrorClass::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: ErrorClass, retry_after_ms: Option<u64>) -> StreamError {
        StreamError { retry_after_ms, ..StreamError::new(class, true, "") }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_lets_one_try_and_closes_again() {
        let mut breaker = Breaker::default();
        let down = error(ErrorClass::Transient, None);
        for _ in 1..FAILURES {
            breaker.failed(&down, 0);
        }
        assert_eq!(breaker.state(0), State::Closed);
        assert!(breaker.admit(0));
        breaker.failed(&down, 0);
        assert_eq!(breaker.state(REST_MS - 1), State::Open);
        assert!(!breaker.admit(REST_MS - 1));
        assert!(breaker.admit(REST_MS), "half open: one tries");
        assert!(!breaker.admit(REST_MS), "and only one");
        breaker.gave_up();
        assert!(breaker.admit(REST_MS), "a try that was given up taught nothing");
        breaker.failed(&down, REST_MS);
        assert!(!breaker.admit(REST_MS + REST_MS), "the second rest is longer");
        assert!(breaker.admit(REST_MS + 2 * REST_MS));
        breaker.succeeded();
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn retry_after_holds_whatever_the_state_and_has_an_end() {
        let mut breaker = Breaker::default();
        breaker.failed(&error(ErrorClass::RateLimited, Some(4_000)), 1_000);
        assert!(!breaker.admit(4_999));
        assert!(breaker.admit(5_000));
        breaker.failed(&error(ErrorClass::RateLimited, Some(u64::MAX)), 1_000);
        assert!(breaker.admit(1_000 + LONGEST_RETRY_AFTER_MS));
    }

    #[test]
    fn a_bad_key_opens_at_once_and_a_bad_question_never() {
        let mut breaker = Breaker::default();
        for class in [ErrorClass::InvalidRequest, ErrorClass::ContentPolicy, ErrorClass::Protocol] {
            (0..10).for_each(|_| breaker.failed(&error(class, Some(1)), 0));
        }
        assert_eq!(breaker, Breaker::default());
        breaker.failed(&error(ErrorClass::Auth, None), 0);
        assert_eq!(breaker.state(1), State::Open);
    }

    #[test]
    fn rests_do_not_grow_without_end() {
        let mut breaker = Breaker::default();
        (0..100).for_each(|_| breaker.failed(&error(ErrorClass::Stalled, None), 0));
        assert!(breaker.admit(LONGEST_REST_MS));
    }
}
