//! When an answer that is being written is shown again. Level-triggered: there is no queue of edits, only what stands
//! there and what should; whoever paints asks before each paint. Pure: times are arguments.

/// Nobody's first word is shown before this: most answers are whole by then, and leave as one message.
const FIRST_MS: i64 = 700;

/// The first words are shown when they are this many characters, or a sentence.
const FIRST: usize = 20;

/// What was shown is worth replacing when it has grown by this many characters, or by a line.
const GROWTH: usize = 24;

/// The longest time between two paints that a throttle or a crowd leads to; and who is told to wait longer paints no more.
const LONGEST_MS: i64 = 10_000;

/// After this many failures an answer is painted no more; its end still comes.
const STRIKES: u32 = 3;

/// A draft vanishes after thirty seconds.
const REFRESH_MS: i64 = 20_000;

/// What became of one paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    Done,
    /// Our own limits: not before then.
    NotYet {
        next_ms: i64,
    },
    /// The platform's: not before so many milliseconds have passed.
    Throttled {
        retry_after_ms: u64,
    },
    /// Nobody knows, or nothing left.
    Missed,
    /// It cannot be painted any more: the message is gone, or the platform refuses.
    Over,
}

/// The cadence of one answer.
#[derive(Clone, Debug)]
pub struct Cadence {
    base_ms: i64,
    /// How much slower than that, in thousandths.
    slow: i64,
    due_ms: i64,
    /// When it was painted last.
    last_ms: Option<i64>,
    /// What stands there.
    shown: Option<String>,
    strikes: u32,
    over: bool,
    draft: bool,
}

impl Cadence {
    /// An answer that may be painted every `base_ms`, and was begun at `began_ms`.
    pub fn new(base_ms: u32, began_ms: i64) -> Self {
        Self {
            base_ms: i64::from(base_ms).clamp(1, LONGEST_MS),
            slow: 1000,
            due_ms: began_ms.saturating_add(FIRST_MS),
            last_ms: None,
            shown: None,
            strikes: 0,
            over: false,
            draft: false,
        }
    }

    /// The same for a draft, which must be shown again and again.
    #[must_use]
    pub fn of_draft(mut self) -> Self {
        self.draft = true;
        self
    }

    /// The same where this stands there already.
    #[must_use]
    pub fn showing(mut self, text: String) -> Self {
        self.shown = Some(text);
        self
    }

    /// No more paints in this turn.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether people see something of it.
    pub fn has_begun(&self) -> bool {
        self.shown.is_some()
    }

    /// The earliest time of the next paint, where `crowd` answers share the room.
    pub fn due_ms(&self, crowd: i64) -> i64 {
        let paced = self.last_ms.map_or(i64::MIN, |last| last.saturating_add(self.interval_ms(crowd)));
        self.due_ms.max(paced)
    }

    /// When what stands there has to be shown again although it has not changed.
    pub fn refresh_ms(&self) -> Option<i64> {
        self.last_ms.filter(|_| self.draft).map(|last| last.saturating_add(REFRESH_MS))
    }

    /// Whether `text`, as it would be shown, is worth a paint.
    pub fn wants(&self, text: &str, now_ms: i64) -> bool {
        let Some(shown) = &self.shown else { return is_beginning(text) };
        let grown = text.chars().count() >= shown.chars().count() + GROWTH;
        let lines = |text: &str| text.matches('\n').count();
        let line = text.len() > shown.len() && lines(text) > lines(shown);
        grown || line || self.refresh_ms().is_some_and(|refresh| refresh <= now_ms)
    }

    /// What became of painting `text`; `now_ms` is when that was known.
    pub fn painted(&mut self, text: &str, stroke: Stroke, now_ms: i64) {
        match stroke {
            Stroke::Done => {
                self.slow = (self.slow * 9 / 10).max(1000);
                (self.shown, self.last_ms) = (Some(text.to_owned()), Some(now_ms));
            }
            Stroke::NotYet { next_ms } => self.due_ms = self.due_ms.max(next_ms),
            Stroke::Throttled { retry_after_ms } => {
                let wait = i64::try_from(retry_after_ms).unwrap_or(i64::MAX);
                self.due_ms = self.due_ms.max(now_ms.saturating_add(wait));
                self.over |= wait > LONGEST_MS;
                self.strike(now_ms);
            }
            Stroke::Missed => self.strike(now_ms),
            Stroke::Over => self.over = true,
        }
    }

    fn strike(&mut self, now_ms: i64) {
        self.strikes += 1;
        self.slow = (self.slow * 2).min(LONGEST_MS * 1000);
        self.over |= self.strikes >= STRIKES;
        self.due_ms = self.due_ms.max(now_ms.saturating_add(self.interval_ms(1)));
    }

    fn interval_ms(&self, crowd: i64) -> i64 {
        let interval = self.base_ms.saturating_mul(crowd.max(1)).saturating_mul(self.slow) / 1000;
        interval.clamp(self.base_ms, LONGEST_MS)
    }
}

/// Enough to begin with: nobody wants to be called for an "I".
fn is_beginning(text: &str) -> bool {
    let text = text.trim();
    let sentence = text.contains('\n') || text.ends_with(['.', '!', '?', '。', '！', '？']);
    text.chars().count() >= FIRST || (sentence && !text.is_empty())
}

#[cfg(test)]
mod tests;
