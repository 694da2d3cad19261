//! How often, when and where the daemon is killed: drawn from a seed that every failure prints.

use std::time::Duration;

use fastrand::Rng;

/// The kills of a run of this file, as everything together does them: 100, or `TOWNKEEPER_KILLS`.
const KILLS: u32 = 100;

/// What to make a fault point's place be reached with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provoke {
    /// The ordinary load passes there again and again.
    Load,
    /// A first SIGTERM, once there is load; passed once in a life.
    Terminate,
    /// Buttons, pressed until it is reached.
    Press,
    /// Answers so slow that they are shown while they are written.
    Live,
    /// The load does not pass there: `keeping.rs`, `wave.rs` and `publish/kept.rs` kill there.
    Elsewhere,
}

/// Where people meet the bot, besides the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Square {
    Telegram,
    Discord,
}

/// Every place at which a build for tests may die, by the name in the code. A test compares this with the code.
pub(crate) const POINTS: &[(&str, Provoke)] = &[
    ("action.pressed", Provoke::Press),
    ("backup.copy", Provoke::Elsewhere),
    ("case.said", Provoke::Elsewhere),
    ("inbox.after_commit_before_ack", Provoke::Load),
    ("inbox.before_commit", Provoke::Load),
    ("knowledge.publish", Provoke::Elsewhere),
    ("knowledge.swap", Provoke::Elsewhere),
    ("live.committed", Provoke::Live),
    ("live.sent", Provoke::Live),
    ("live.settle", Provoke::Live),
    ("memory.write", Provoke::Load),
    ("outbox.claimed", Provoke::Load),
    ("outbox.record", Provoke::Load),
    ("outbox.sent_before_record", Provoke::Load),
    ("shutdown.drain", Provoke::Terminate),
    ("stream.mid_chunk", Provoke::Load),
    ("ticket.create", Provoke::Load),
];

/// When to kill: at a fact counted from the start of this life where there is one, for a length of time is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Visitors have seen this many responses begin.
    Responses(usize),
    /// Visitors have read this many events.
    Events(usize),
    /// Visitors have read this many terminals.
    Turns(usize),
    /// The model was asked this often.
    Asked(usize),
    /// The platforms got this many new messages of the bot.
    Sends(usize),
    /// Anywhere, between all of these.
    After(Duration),
}

/// One life of the daemon and its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// Messages that wait on the platforms when it starts.
    pub(crate) before: u32,
    /// Messages that come while it runs.
    pub(crate) during: u32,
    pub(crate) moment: Moment,
    /// Killed once more before, while it starts.
    pub(crate) while_starting: Option<Duration>,
}

/// `share` percent of all kills.
pub(crate) fn kills(share: u32) -> u32 {
    let all = setting("TOWNKEEPER_KILLS").and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    (all * share).div_ceil(100)
}

/// The seed: `TOWNKEEPER_SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    setting("TOWNKEEPER_SEED").and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(1..1_000_000_000))
}

#[expect(clippy::disallowed_methods, reason = "a switch for this test, not a setting of the daemon")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Round {
    pub(crate) fn draw(rng: &mut Rng, web: bool, platforms: bool) -> Self {
        let messages = |rng: &mut Rng| if platforms { rng.u32(0..4) } else { 0 };
        let (before, during) = (messages(rng), messages(rng) + u32::from(platforms));
        let sends = 1 + rng.usize(0..=during as usize);
        let moment = match rng.u8(0..8) {
            0 => Moment::After(Duration::from_micros(rng.u64(0..60_000))),
            1 | 2 if platforms => Moment::Sends(sends),
            3 if web => Moment::Responses(rng.usize(1..=6)),
            4 if web => Moment::Events(rng.usize(1..=60)),
            5 if web => Moment::Turns(rng.usize(1..=6)),
            6 => Moment::Asked(rng.usize(1..=2)),
            _ if platforms => Moment::Sends(sends),
            _ => Moment::Events(rng.usize(1..=60)),
        };
        let while_starting = (rng.u8(0..8) == 0).then(|| Duration::from_micros(rng.u64(0..120_000)));
        Self { before, during, moment, while_starting }
    }
}
