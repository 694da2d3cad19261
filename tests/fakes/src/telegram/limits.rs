//! How fast a bot may be: what Telegram does to one that is faster, and who came back too early.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Refusal;

/// What a bot may send. 0: no bound. Edits and drafts count as messages do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Over all chats, in any second.
    pub per_second: usize,
    /// Into one chat, in any second.
    pub per_chat_second: usize,
    /// Into one group, in any minute.
    pub per_group_minute: usize,
    /// What a refusal says, in seconds.
    pub retry_after: u64,
}

/// What counts against the limits.
const SENDS: [&str; 4] = ["sendMessage", "editMessageText", "sendMessageDraft", "deleteMessage"];

/// The limits and what was sent within them.
#[derive(Debug, Default)]
pub(super) struct Held {
    limits: Limits,
    /// How far ahead of real time it is.
    ahead: Duration,
    /// When something was sent, by chat; `None` is all of them.
    sent: BTreeMap<Option<i64>, VecDeque<Instant>>,
    /// Until when nobody should come back; a method of a chat, or all of a chat.
    waits: BTreeMap<(Option<String>, Option<i64>), Instant>,
    pub(super) too_early: u64,
}

impl Held {
    pub(super) fn set(&mut self, limits: Limits) {
        self.limits = limits;
        self.sent.clear();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.ahead += time;
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    /// A fault told the caller to wait.
    pub(super) fn told(&mut self, method: &str, body: &Value, retry_after: u64) {
        let until = self.now() + Duration::from_secs(retry_after);
        self.waits.insert((Some(method.to_owned()), body["chat_id"].as_i64()), until);
    }

    /// Whether this call may go on.
    pub(super) fn check(&mut self, method: &str, body: &Value) -> Result<(), Refusal> {
        let (now, chat) = (self.now(), body["chat_id"].as_i64());
        let wait = |waits: &BTreeMap<_, Instant>, key: (Option<String>, Option<i64>)| {
            waits.get(&key).and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero())
        };
        // Said for this method alone: it was a fault, which is over; the call is only counted.
        if wait(&self.waits, (Some(method.to_owned()), chat)).is_some() {
            self.too_early += 1;
        }
        if !SENDS.contains(&method) || self.limits.retry_after == 0 {
            return Ok(());
        }
        let standing = [wait(&self.waits, (None, None)), wait(&self.waits, (None, chat))].into_iter().flatten().max();
        if let Some(left) = standing {
            self.too_early += 1;
            return Err(Refusal::too_many(left.as_secs() + 1));
        }
        let Limits { per_second, per_chat_second, per_group_minute, retry_after } = self.limits;
        let group = chat.is_some_and(|chat| chat < 0);
        let bounds = [
            (None, per_second, Duration::from_secs(1)),
            (chat, per_chat_second, Duration::from_secs(1)),
            (chat, if group { per_group_minute } else { 0 }, Duration::from_secs(60)),
        ];
        for (scope, bound, span) in bounds {
            let sent = self.sent.entry(scope).or_default().iter();
            if bound > 0 && sent.rev().take_while(|at| now.duration_since(**at) < span).count() >= bound {
                self.waits.insert((None, scope), now + Duration::from_secs(retry_after));
                return Err(Refusal::too_many(retry_after));
            }
        }
        for scope in [None, chat] {
            let sent = self.sent.entry(scope).or_default();
            sent.push_back(now);
            while sent.front().is_some_and(|at| now.duration_since(*at) > Duration::from_secs(60)) {
                sent.pop_front();
            }
        }
        Ok(())
    }
}
