//! Waves of people who join: more in a minute than this community is used to. What it is used to is learned as it goes,
//! from quiet minutes fully and from a wave's only up to where a wave begins.

/// So few joins a minute are never a wave.
const FEWEST: f32 = 10.0;

/// A wave is so many times what is usual.
const TIMES: f32 = 4.0;

/// What is usual follows the last hour.
const LEARNS_FROM_MINUTES: f32 = 60.0;

/// A wave is over after so many minutes with less than half of what made it one.
const QUIET_MINUTES: i64 = 5;

const MINUTE_MS: i64 = 60_000;

/// What happened to the wave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tide {
    /// More people join than is usual.
    Begins { per_minute: f32, usual: f32 },
    /// They ceased to.
    Ends { joined: u32, lasted_ms: i64 },
}

/// A wave, going on or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wave {
    pub began_ms: i64,
    /// `None` while it goes on.
    pub ended_ms: Option<i64>,
    pub joined: u32,
}

/// The joins of a place.
#[derive(Clone, Debug, Default)]
pub struct Joins {
    /// Since the epoch.
    minute: i64,
    now: u16,
    before: u16,
    usual: f32,
    learned_minutes: f32,
    quiet: i64,
    wave: Option<Wave>,
}

impl Joins {
    /// Counts a join.
    pub fn join(&mut self, at_ms: i64) -> Option<Tide> {
        let ended = self.pass(at_ms);
        self.now = self.now.saturating_add(1);
        let per_minute = self.per_minute(at_ms);
        if let Some(wave) = self.wave.as_mut().filter(|wave| wave.ended_ms.is_none()) {
            wave.joined = wave.joined.saturating_add(1);
            return ended;
        }
        if per_minute < self.limit() {
            return ended;
        }
        self.quiet = 0;
        let joined = u32::from(self.now) + u32::from(self.before);
        self.wave = Some(Wave { began_ms: at_ms, ended_ms: None, joined });
        Some(Tide::Begins { per_minute, usual: self.usual })
    }

    /// Lets time pass: a wave ends when nobody comes.
    pub fn pass(&mut self, now_ms: i64) -> Option<Tide> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        if self.learned_minutes == 0.0 && self.minute == 0 {
            self.minute = minute;
        }
        let passed = minute - self.minute;
        if passed <= 0 {
            return None;
        }
        let (was, limit) = (f32::from(self.now), self.limit());
        self.learn(was.min(limit), 1.0);
        // Minutes in which nobody came.
        self.learn(0.0, small((passed - 1).min(10_000)));
        let quiet = passed - 1 + if was < limit / 2.0 { self.quiet + 1 } else { 0 };
        self.quiet = quiet.min(QUIET_MINUTES);
        self.before = if passed == 1 { self.now } else { 0 };
        (self.minute, self.now) = (minute, 0);
        let wave = self.wave.as_mut().filter(|wave| wave.ended_ms.is_none() && quiet >= QUIET_MINUTES)?;
        wave.ended_ms = Some(now_ms);
        Some(Tide::Ends { joined: wave.joined, lasted_ms: now_ms.saturating_sub(wave.began_ms) })
    }

    /// The last wave, or the present one.
    pub fn wave(&self) -> Option<Wave> {
        self.wave
    }

    /// Joins in the last sixty seconds: this minute's, and the last one's as far as it is within them.
    fn per_minute(&self, at_ms: i64) -> f32 {
        let gone = small(at_ms.rem_euclid(MINUTE_MS)) / small(MINUTE_MS);
        f32::from(self.now) + f32::from(self.before) * (1.0 - gone)
    }

    fn limit(&self) -> f32 {
        (self.usual * TIMES).max(FEWEST)
    }

    /// So many minutes, each with so many joins.
    fn learn(&mut self, joins: f32, minutes: f32) {
        if minutes > 0.0 {
            self.learned_minutes = (self.learned_minutes + minutes).min(LEARNS_FROM_MINUTES);
            let keeps = (1.0 - 1.0 / self.learned_minutes.max(2.0)).powf(minutes);
            self.usual = self.usual * keeps + joins * (1.0 - keeps);
        }
    }
}

/// Of what is known to be small.
fn small(number: i64) -> f32 {
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_040_000;

    /// `per_minute` joins in each of so many minutes; what was said of them.
    fn minutes(joins: &mut Joins, from: i64, minutes: i64, per_minute: i64) -> Vec<Tide> {
        let each = (0..minutes).flat_map(|minute| (0..per_minute).map(move |at| (minute, at)));
        each.filter_map(|(minute, at)| joins.join(from + minute * MINUTE_MS + at * MINUTE_MS / per_minute)).collect()
    }

    #[test]
    fn a_wave_begins_and_ends_once() {
        let mut joins = Joins::default();
        assert_eq!(minutes(&mut joins, START, 30, 2), []);
        let told = minutes(&mut joins, START + 30 * MINUTE_MS, 3, 50);
        assert!(matches!(told.as_slice(), [Tide::Begins { usual, .. }] if *usual < 3.0), "{told:?}");
        assert_eq!(joins.pass(START + 34 * MINUTE_MS), None);
        let end = joins.pass(START + 60 * MINUTE_MS);
        assert!(matches!(end, Some(Tide::Ends { joined: 150..=152, .. })), "{end:?}");
        assert_eq!(joins.pass(START + 90 * MINUTE_MS), None);
        assert!(joins.wave().is_some_and(|wave| wave.ended_ms.is_some()));
    }

    #[test]
    fn who_is_used_to_many_sees_no_wave_in_them() {
        let (mut used, mut unused) = (Joins::default(), Joins::default());
        // Growing slowly, as communities do.
        for step in 0..20 {
            assert_eq!(minutes(&mut used, START + step * 10 * MINUTE_MS, 10, 5 + step), []);
        }
        assert_eq!(minutes(&mut used, START + 200 * MINUTE_MS, 5, 40), []);
        assert_eq!(minutes(&mut unused, START + 200 * MINUTE_MS, 5, 40).len(), 1, "the twin: others do");
    }

    #[test]
    fn a_level_that_stays_becomes_usual() {
        let mut joins = Joins::default();
        minutes(&mut joins, START, 60, 1);
        let told = minutes(&mut joins, START + 60 * MINUTE_MS, 300, 30);
        assert!(matches!(told.as_slice(), [Tide::Begins { .. }, Tide::Ends { .. }]), "{told:?}");
    }
}
