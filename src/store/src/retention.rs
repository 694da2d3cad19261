//! Retention: what is settled and old enough is deleted, a few rows at a time.
//!
//! Never what is open: an event without an answer, a message that waits or is `unknown`, an open ticket and the turn it
//! is about. Never an event whose repeat may still come: [`Retention::check`] keeps that window.

use townkeeper_contract::BoxFuture;

use crate::db::{Conn, per_engine, sql};
use crate::writer::Write;
use crate::{Store, StoreError};

/// How long what is kept, in days. 0: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Accepted events with what people wrote, once answered.
    pub inbox_days: u32,
    /// Questions and answers, the conversations they stood in, and what models cost on a day.
    pub turn_days: u32,
    /// What was said on platforms.
    pub outbox_days: u32,
    /// How each delivery went.
    pub attempt_days: u32,
    /// Closed tickets.
    pub ticket_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbox_days: 30, turn_days: 90, outbox_days: 30, attempt_days: 30, ticket_days: 730 }
    }
}

/// A repeat of an event must be recognised for this long: Telegram keeps updates for a day, browsers retry for minutes,
/// and clocks and weekends want some room.
pub const DEDUPE_DAYS: u32 = 3;

impl Retention {
    /// What cannot work, in words for the one who configured it.
    pub fn check(&self) -> Result<(), String> {
        if (1..DEDUPE_DAYS).contains(&self.inbox_days) {
            return Err(format!("inbox_days must be {DEDUPE_DAYS} or more: repeats of an event are known by it"));
        }
        let outlives = |days: u32| days != 0 && (self.inbox_days == 0 || days < self.inbox_days);
        if outlives(self.turn_days) {
            return Err(
                "turn_days must not be less than inbox_days: a repeated question is answered from its turn".to_owned()
            );
        }
        Ok(())
    }
}

/// One table's rule. `$1` is the workspace, `$2` the time before which rows may go, `$3` keys as a JSON array.
struct Rule {
    table: &'static str,
    days: fn(&Retention) -> u32,
    find: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! rule {
    ($table:literal, $days:ident, $key:literal, $when:expr) => {
        Rule {
            table: $table,
            days: |retention| retention.$days,
            find: concat!(
                "SELECT r.",
                $key,
                " AS key FROM ",
                $table,
                " AS r WHERE r.workspace = $1 AND ",
                $when,
                " LIMIT 5000"
            ),
            sqlite: concat!(
                "DELETE FROM ",
                $table,
                " AS r WHERE r.workspace = $1 AND ",
                $when,
                " AND r.",
                $key,
                " IN (SELECT value FROM json_each($3))"
            ),
            postgres: concat!(
                "DELETE FROM ",
                $table,
                " AS r WHERE r.workspace = $1 AND ",
                $when,
                " AND r.",
                $key,
                " IN (SELECT jsonb_array_elements_text(CAST($3 AS jsonb)))"
            ),
        }
    };
}

/// In this order: what others are looked up by goes last.
const RULES: &[Rule] = &[
    rule!(
        "attempt",
        attempt_days,
        "outbox",
        "r.ended_ms < $2 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = r.workspace AND o.id = r.outbox \
         AND o.state IN ('ready', 'sending', 'unknown'))"
    ),
    // A part that waits needs to know how the earlier ones went.
    rule!(
        "outbox",
        outbox_days,
        "id",
        "r.created_ms < $2 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = r.workspace AND o.turn = r.turn \
         AND o.state IN ('ready', 'sending', 'unknown')) \
         AND NOT EXISTS (SELECT 1 FROM moderation m WHERE m.workspace = r.workspace AND m.outbox = r.id)"
    ),
    rule!("action", outbox_days, "id", "r.expires_ms < $2"),
    rule!("feedback", turn_days, "turn", "r.at_ms < $2"),
    // Younger than the turn that it is of.
    rule!("correction", turn_days, "turn", "r.at_ms < $2"),
    // How they went stands in the outbox, which keeps their rows.
    rule!(
        "moderation",
        ticket_days,
        "outbox",
        "r.at_ms < $2 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = r.workspace AND o.id = r.outbox \
         AND o.state IN ('ready', 'sending', 'unknown'))"
    ),
    rule!("inbox", inbox_days, "turn", "r.state = 'done' AND r.received_ms < $2"),
    rule!("ticket", ticket_days, "turn", "r.state = 'closed' AND r.opened_ms < $2"),
    rule!(
        "turn",
        turn_days,
        "id",
        "r.ended_ms < $2 AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.turn = r.id) \
         AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = r.workspace AND o.turn = r.id) \
         AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.workspace = r.workspace AND t.turn = r.id AND t.state = 'open')"
    ),
    rule!(
        "conversation",
        turn_days,
        "id",
        "r.last_ms < $2 AND NOT EXISTS (SELECT 1 FROM turn t WHERE t.workspace = r.workspace AND t.conversation = r.id) \
         AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.workspace = r.workspace AND t.conversation = r.id)"
    ),
    rule!("scam_case", ticket_days, "event", "r.at_ms < $2"),
    rule!(
        "scam_card",
        outbox_days,
        "card",
        "r.shown_ms < $2 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.workspace = r.workspace AND o.id = r.card)"
    ),
    rule!("scam_picture", ticket_days, "event", "r.at_ms < $2"),
    rule!("join_wave", turn_days, "place", "r.seen_ms < $2"),
    rule!("scam_report", inbox_days, "message", "r.at_ms < $2"),
    // Fingerprints and erasures go after a day: the shield's own loop sees to it, whatever is configured.
    // Who has not been seen for so long is new again.
    rule!("member", turn_days, "person", "r.seen_ms < $2"),
    rule!("budget", turn_days, "scope", "r.day < $2 / 86400000"),
];

/// How many rows one write deletes: nobody's answer waits long for it.
const BATCH: usize = 200;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Store {
    /// Deletes what is older than `retention` says, as of `now_ms`. How many rows of each table went.
    ///
    /// Looks for them on a reading connection, deletes them in small writes that check once more, and lets every other
    /// write in between.
    pub async fn prune(
        &self,
        workspace: &str,
        retention: &Retention,
        now_ms: i64,
    ) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let mut gone = Vec::with_capacity(RULES.len());
        for rule in RULES {
            let days = (rule.days)(retention);
            let before_ms = now_ms - i64::from(days) * DAY_MS;
            let rows = if days == 0 { 0 } else { self.prune_table(workspace, rule, before_ms).await? };
            gone.push((rule.table, rows));
        }
        Ok(gone)
    }

    async fn prune_table(&self, workspace: &str, rule: &'static Rule, before_ms: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let found = sql(rule.find).bind(workspace).bind(before_ms).all(&self.reads).await?;
            let keys = found.iter().map(|row| row.text("key")).collect::<Result<Vec<_>, _>>()?;
            let mut round = 0;
            for keys in keys.chunks(BATCH) {
                let workspace = workspace.to_owned();
                round += self.write(Prune { workspace, rule, before_ms, keys: serde_json::to_string(keys)? }).await?;
            }
            gone += round;
            // Nothing more, or only what has become open meanwhile.
            if round == 0 {
                return Ok(gone);
            }
        }
    }
}

struct Prune {
    workspace: String,
    rule: &'static Rule,
    before_ms: i64,
    keys: String,
}

impl Write for Prune {
    type Out = u64;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            per_engine(self.rule.sqlite, self.rule.postgres)
                .bind(&self.workspace)
                .bind(self.before_ms)
                .bind(&self.keys)
                .execute(tx)
                .await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_promise_is_refused() {
        assert_eq!(Retention::default().check(), Ok(()));
        let short = Retention { inbox_days: 1, ..Retention::default() };
        assert!(short.check().unwrap_err().contains("inbox_days"));
        let gone = Retention { turn_days: 5, ..Retention::default() };
        assert!(gone.check().unwrap_err().contains("turn_days"));
        let kept = Retention { inbox_days: 0, turn_days: 0, ..Retention::default() };
        assert_eq!(kept.check(), Ok(()));
    }
}
