//! How many turns may be worked on at once. Pure: the clock is an argument, the state is plain data.
//!
//! In calm there are as many places as there may ever be. While more than a tenth of the last second's arrivals were
//! refused, the number follows how long a turn takes, as FAST TCP's window follows the round trip (Jin, Wei, Low: "FAST
//! TCP", 2004; a Vegas for quick changes): so many places that about [`QUEUE`] of the turns wait for the others.
//!
//! Refusals leave at a pace: a refusal costs a fifth of an answer, and callers that come again as soon as they are refused
//! would otherwise take the processor from those who were let in.

use std::collections::VecDeque;
use std::time::Duration;

/// In calm; about what a small machine answers in a fortieth of a second.
pub const MOST: u32 = 128;

/// However slow it is.
pub const FEWEST: u32 = 4;

/// How many turns may wait for others, in overload: enough that the machine is never idle.
const QUEUE: f64 = 2.0;

/// A turn that began among so few had the machine to itself.
const ALONE: u32 = 4;

/// So many turns are no luck any more.
const LUCK: u32 = 8;

/// How often the places are counted anew, and how far back it is looked for refusals.
const WINDOW: Duration = Duration::from_millis(50);
const LOOK_BACK: Duration = Duration::from_secs(1);

/// So far apart refusals leave, once as many as [`SUDDEN`] holds have left at once.
const REFUSAL: Duration = Duration::from_micros(500);
const SUDDEN: Duration = Duration::from_millis(100);

/// Nobody waits longer for a refusal, however many are refused.
pub const LONGEST: Duration = Duration::from_secs(1);

/// The places. All clocks are the time since any one moment.
#[derive(Clone, Debug)]
pub struct Places {
    taken: u32,
    limit: u32,
    overloaded: bool,
    /// How long a turn takes that need not wait for others, in seconds.
    alone_s: Option<f64>,
    window: Window,
    /// The windows of the last second.
    past: VecDeque<Window>,
    /// When the last refusal leaves.
    refusal: Duration,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            taken: 0,
            limit: MOST,
            overloaded: false,
            alone_s: None,
            window: Window::default(),
            past: VecDeque::new(),
            refusal: Duration::ZERO,
        }
    }
}

/// A place that is taken. Given back with [`Places::done`] or [`Places::leave`].
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    since: Duration,
    alone: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Duration,
    arrived: u32,
    refused: u32,
    /// Turns that ended in it, and how long they took together.
    ended: u32,
    took_s: f64,
}

impl Places {
    /// A place; where all are taken, how long the refusal is to be kept back. Counts as an arrival either way.
    pub fn take(&mut self, now: Duration) -> Result<Stay, Duration> {
        self.roll(now);
        self.window.arrived += 1;
        if self.taken >= self.limit {
            self.window.refused += 1;
            return Err(self.keep_back(now));
        }
        self.taken += 1;
        Ok(Stay { since: now, alone: self.taken <= ALONE })
    }

    /// A line of refusals, no longer than [`LONGEST`]: who would wait longer leaves with its last, and adds nothing to it.
    fn keep_back(&mut self, now: Duration) -> Duration {
        let leaves = self.refusal.max(now.saturating_sub(SUDDEN)) + REFUSAL;
        if leaves <= now + LONGEST {
            self.refusal = leaves;
        }
        self.refusal.saturating_sub(now)
    }

    /// Given back by a turn that goes on, but waits for others than us. How long it took tells nothing.
    pub fn leave(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// Given back by a turn that has ended.
    pub fn done(&mut self, stay: Stay, now: Duration) {
        self.leave();
        self.roll(now);
        let took_s = now.saturating_sub(stay.since).as_secs_f64();
        self.window.ended += 1;
        self.window.took_s += took_s;
        // In overload even a turn that is alone among turns shares the machine with the refusals.
        if stay.alone && !self.overloaded {
            let alone_s = self.alone_s.get_or_insert(took_s);
            *alone_s += (took_s - *alone_s) / 32.0;
        }
    }

    /// How many places there are now.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    fn roll(&mut self, now: Duration) {
        if now < self.window.since + WINDOW {
            return;
        }
        let ended = std::mem::replace(&mut self.window, Window { since: now, ..Window::default() });
        self.past.push_back(ended);
        while self.past.front().is_some_and(|window| window.since + LOOK_BACK <= now) {
            self.past.pop_front();
        }
        let sum = |of: fn(&Window) -> u32| self.past.iter().map(|window| u64::from(of(window))).sum::<u64>();
        self.overloaded = sum(|window| window.refused) * 10 > sum(|window| window.arrived);
        if !self.overloaded {
            self.limit = MOST;
        } else if ended.ended > 0 {
            self.adapt(ended.took_s / f64::from(ended.ended), ended.ended);
        }
    }

    /// Turns took this long, on the average of so many.
    fn adapt(&mut self, took_s: f64, turns: u32) {
        let alone_s = self.alone_s.get_or_insert(took_s);
        // One lucky turn is no measure.
        if turns >= LUCK {
            *alone_s = alone_s.min(took_s);
        }
        let share = if took_s > *alone_s { *alone_s / took_s } else { 1.0 };
        let limit = f64::from(self.limit).mul_add(share, QUEUE).clamp(f64::from(FEWEST), f64::from(MOST));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between FEWEST and MOST")]
        let limit = limit as u32;
        self.limit = limit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that needs `ALONE_US` for a turn that is alone and ends one every `EACH_US` when it is busy.
    const ALONE_US: u64 = 1_500;
    const EACH_US: u64 = 250;

    /// The machine, its line, and what came of those who came.
    #[derive(Default)]
    struct Machine {
        places: Places,
        now_us: u64,
        line: VecDeque<Stay>,
        free_us: u64,
        refused: u32,
        took_us: Vec<u128>,
    }

    impl Machine {
        fn now(&self) -> Duration {
            Duration::from_micros(self.now_us)
        }

        /// Ends what is over by now: in line, one every `EACH_US`, none before `ALONE_US`.
        fn work(&mut self) -> u32 {
            let mut ended = 0;
            while let Some(first) = self.line.front() {
                let over = self.free_us.max(u64::try_from(first.since.as_micros()).unwrap() + ALONE_US);
                if over > self.now_us {
                    break;
                }
                let stay = self.line.pop_front().unwrap();
                self.free_us = over + EACH_US;
                self.took_us.push(Duration::from_micros(over).saturating_sub(stay.since).as_micros());
                self.places.done(stay, Duration::from_micros(over));
                ended += 1;
            }
            ended
        }

        fn come(&mut self) -> bool {
            let stay = self.places.take(self.now());
            self.refused += u32::from(stay.is_err());
            self.line.extend(stay.ok());
            stay.is_ok()
        }

        /// So many a millisecond for so long.
        fn flood(&mut self, a_ms: u64, ms: u64) {
            for _ in 0..ms * a_ms {
                self.now_us += 1_000 / a_ms;
                self.work();
                self.come();
            }
        }

        /// Nobody comes.
        fn rest(&mut self, ms: u64) {
            self.now_us += ms * 1_000;
            self.work();
        }
    }

    /// Who asks again as soon as they are answered, and is never more than 64, is never refused, however slow it is.
    #[test]
    fn a_steady_64_are_never_refused() {
        let mut machine = Machine::default();
        let mut waiting = 0;
        for _ in 0..200_000 {
            machine.now_us += 100;
            waiting -= machine.work();
            while waiting < 64 {
                assert!(machine.come(), "refused at {:?}", machine.now());
                waiting += 1;
            }
        }
        assert!(machine.took_us.len() > 50_000 && machine.places.limit() == MOST);
    }

    #[test]
    fn overload_shrinks_the_places_until_a_turn_waits_little_and_calm_brings_them_back() {
        let mut machine = Machine::default();
        machine.flood(1, 500);
        assert_eq!((machine.refused, machine.places.limit()), (0, MOST), "one a millisecond is calm");
        // Four a millisecond are what it can do; here come forty.
        machine.flood(40, 300);
        assert!((FEWEST..=20).contains(&machine.places.limit()), "{}", machine.places.limit());
        machine.took_us.clear();
        machine.flood(40, 3_000);
        machine.took_us.sort_unstable();
        let p99 = machine.took_us[machine.took_us.len() * 99 / 100];
        assert!(p99 < 3 * u128::from(ALONE_US), "{p99}");
        // It does as much as before, and is not idle for want of places.
        assert!(machine.took_us.len() > 11_000, "{}", machine.took_us.len());
        machine.rest(200);
        machine.flood(1, 1_200);
        assert_eq!(machine.places.limit(), MOST);
    }

    /// The red twin: 128 places whatever happens take eight times as long.
    #[test]
    fn red_twin_with_all_places_everybody_waits() {
        let mut machine = Machine::default();
        for _ in 0..3_000 * 40 {
            machine.now_us += 25;
            machine.work();
            machine.places.limit = MOST;
            machine.places.window = Window { since: machine.now(), ..Window::default() };
            machine.come();
        }
        machine.took_us.sort_unstable();
        assert!(machine.took_us[machine.took_us.len() * 99 / 100] > 8 * u128::from(ALONE_US));
    }

    #[test]
    fn places_grow_again_in_overload_when_turns_are_quick_again() {
        let mut places = Places::default();
        let mut now = Duration::ZERO;
        let mut windows = |places: &mut Places, took_ms: u64, n: u32| {
            for _ in 0..n {
                let stays: Vec<Stay> = std::iter::from_fn(|| places.take(now).ok()).collect();
                for _ in 0..100 {
                    assert!(places.take(now).is_err());
                }
                now += Duration::from_millis(took_ms);
                for stay in stays {
                    places.done(stay, now);
                }
                now += WINDOW.saturating_sub(Duration::from_millis(took_ms));
            }
            places.limit()
        };
        assert_eq!(windows(&mut places, 2, 2), MOST, "as quick as can be");
        let slow = windows(&mut places, 40, 3);
        assert!(slow < 16, "{slow}");
        let quick = windows(&mut places, 2, 10);
        assert!(quick > slow + 8, "{slow} to {quick}");
    }

    /// A turn that waits for a model for a minute is no sign that we are slow.
    #[test]
    fn who_leaves_early_frees_a_place_and_tells_nothing() {
        let mut places = Places::default();
        for _ in 0..1_000 {
            assert!(places.take(Duration::ZERO).is_ok());
            places.leave();
        }
        assert_eq!(places.window.ended, 0);
        assert!(places.alone_s.is_none());
    }

    /// A few hundred are refused at once; a flood is refused at a pace, and nobody waits for it longer than a second.
    #[test]
    fn refusals_leave_at_a_pace_and_within_a_second() {
        let mut places = Places::default();
        let mut waits = |at_ms: u64, n: usize| -> Vec<u128> {
            let now = Duration::from_millis(at_ms);
            let refused = std::iter::repeat_with(|| places.take(now).err()).flatten();
            refused.take(n).map(|wait| wait.as_millis()).collect()
        };
        assert!(waits(1_000, 200).iter().all(|wait| *wait == 0), "nobody was refused for a while");
        let flood = waits(1_000, 10_000);
        assert!(flood.is_sorted() && flood.first() == Some(&0));
        assert_eq!((flood.get(1_999), flood.last()), (Some(&1_000), Some(&1_000)));
        let later = waits(1_500, 1);
        assert_eq!(later, [500], "the line moves on");
        assert_eq!(waits(10_000, 1), [0], "and ends");
    }

    /// One burst is forgotten after a second.
    #[test]
    fn a_burst_is_forgotten_after_a_second() {
        let mut machine = Machine::default();
        machine.flood(1, 100);
        for _ in 0..300 {
            machine.come();
        }
        assert!(machine.refused > 150);
        machine.flood(1, 100);
        assert!(machine.places.limit() < MOST);
        machine.flood(1, 1_200);
        assert_eq!(machine.places.limit(), MOST);
    }
}
