//! When a quiet socket is asked whether its peer is there, when it is left, and when it is given up.

use std::time::{Duration, Instant};

/// How often a peer is asked. As with event streams, so that proxies keep the connection.
pub(crate) const BEAT: Duration = Duration::from_secs(15);

/// A peer that was not heard for so long is gone: it left two questions unanswered.
const DEAD: Duration = Duration::from_secs(45);

/// A socket that nobody used for so long, and on which nothing is read, is closed.
const IDLE: Duration = Duration::from_mins(5);

/// What to do at a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Ask,
    Leave,
    GiveUp,
}

/// What was heard of a peer, and when.
#[derive(Debug)]
pub(crate) struct Pulse {
    heard: Instant,
    used: Instant,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, used: now }
    }

    /// Anything came, if only the answer to a ping.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The socket served its purpose: a request came, or an event went.
    pub(crate) fn used(&mut self, now: Instant) {
        self.used = now;
    }

    /// `reading`: turns are being read.
    pub(crate) fn beat(&self, now: Instant, reading: bool) -> Beat {
        if now.duration_since(self.heard) >= DEAD {
            Beat::GiveUp
        } else if !reading && now.duration_since(self.used) >= IDLE {
            Beat::Leave
        } else {
            Beat::Ask
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BEAT, Beat, DEAD, IDLE, Pulse};

    const MOMENT: Duration = Duration::from_millis(1);
    const NEARLY_DEAD: Duration = DEAD.saturating_sub(MOMENT);

    #[test]
    fn a_peer_that_answers_is_asked_again_until_nobody_needs_it() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        let mut now = begin;
        while now + BEAT < begin + IDLE {
            now += BEAT;
            assert_eq!(pulse.beat(now, false), Beat::Ask);
            pulse.heard(now);
        }
        assert_eq!(pulse.beat(begin + IDLE, false), Beat::Leave);
        // While a turn is read, however quiet it is, nobody leaves.
        assert_eq!(pulse.beat(begin + IDLE, true), Beat::Ask);
        // And a question or an answer begins the wait anew.
        pulse.used(now);
        assert_eq!(pulse.beat(begin + IDLE, false), Beat::Ask);
    }

    #[test]
    fn a_peer_that_answers_nothing_is_given_up_whatever_is_read() {
        let begin = Instant::now();
        let mut pulse = Pulse::new(begin);
        for reading in [false, true] {
            assert_eq!(pulse.beat(begin + NEARLY_DEAD, reading), Beat::Ask);
            assert_eq!(pulse.beat(begin + DEAD, reading), Beat::GiveUp);
        }
        // The red twin: what we send proves nothing; only what is heard does.
        pulse.used(begin + DEAD);
        assert_eq!(pulse.beat(begin + DEAD, true), Beat::GiveUp);
        pulse.heard(begin + MOMENT);
        assert_eq!(pulse.beat(begin + DEAD, true), Beat::Ask);
    }
}
