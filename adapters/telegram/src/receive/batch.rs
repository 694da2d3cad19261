//! Updates as they came, read one by one.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use townkeeper_contract::inbound::Inbound;
use tracing::debug;

use super::memory::Memory;
use super::normalise::{Me, normalise};
use crate::Telegram;

/// One update, unread but for its number.
pub(super) type Numbered = (i64, Box<RawValue>);

/// The number of an update.
pub(super) fn numbered(raw: Box<RawValue>) -> Option<Numbered> {
    #[derive(Deserialize)]
    struct Head {
        update_id: i64,
    }
    Some((serde_json::from_str::<Head>(raw.get()).ok()?.update_id, raw))
}

/// What one poll, or one delivery, brought.
pub(super) struct Batch {
    pub(super) inbound: Vec<Inbound>,
    skipped: u64,
    unread: u64,
    /// The callback queries in it, to be answered once they are on disk.
    pub(super) pressed: Vec<String>,
    /// The next offset: right behind the last update, even where that is lower than before. Telegram restarts the
    /// numbering after a quiet week, and then answers an offset from the old one with its oldest updates.
    pub(super) next: i64,
}

impl Batch {
    /// `None` if there is nothing. Each update is read by itself: one that cannot be read stops no other.
    pub(super) fn new(updates: &[Numbered], me: &Me, memory: &mut Memory) -> Option<Self> {
        let (last, _) = updates.last()?;
        let next = last.saturating_add(1);
        let mut batch = Self { inbound: Vec::new(), skipped: 0, unread: 0, pressed: Vec::new(), next };
        // A group that moves says so twice, in its old place and in its new one.
        let mut keys = HashSet::new();
        for (number, raw) in updates {
            let update: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            if let Some(id) = update.pointer("/callback_query/id").and_then(Value::as_str) {
                batch.pressed.push(id.to_owned());
            }
            let said = match normalise(&update, me) {
                Ok(said) => said.into_iter().flat_map(|said| memory.look(said)),
                Err(why) => {
                    batch.unread += 1;
                    debug!(account = %me.account, update = number, ?why, "an update that we do not understand");
                    continue;
                }
            };
            let before = batch.inbound.len();
            batch.inbound.extend(said.filter(|said| keys.insert(said.event.clone())));
            if batch.inbound.len() == before {
                batch.skipped += 1;
                debug!(account = %me.account, update = number, "nothing to us in this update");
            }
        }
        Some(batch)
    }

    /// Counts it as taken.
    pub(super) fn count(&self, bot: &Telegram) {
        let accepted = self.inbound.len() as u64;
        let seen = &bot.seen;
        for (what, cell, n) in [
            ("taken", &seen.accepted, accepted),
            ("nothing", &seen.skipped, self.skipped),
            ("unread", &seen.unread, self.unread),
        ] {
            cell.fetch_add(n, Relaxed);
            metrics::counter!("townkeeper_telegram_updates_total", "account" => bot.account.0.clone(), "what" => what)
                .increment(n);
        }
    }
}
