//! The section `[retention]`: how long what is kept.

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use townkeeper_store::Retention;

/// Days. 0: for ever.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "in the file each stands alone, and should say its unit")]
pub(crate) struct RetentionSection {
    /// Accepted events with what people wrote, once answered; at least 3, because repeats are known by them.
    inbox_days: u32,
    /// Questions and answers; not less than `inbox_days`.
    turn_days: u32,
    /// What was said on platforms.
    outbox_days: u32,
    /// How each delivery went.
    attempt_days: u32,
    /// Closed tickets.
    ticket_days: u32,
}

impl Default for RetentionSection {
    fn default() -> Self {
        let Retention { inbox_days, turn_days, outbox_days, attempt_days, ticket_days } = Retention::default();
        Self { inbox_days, turn_days, outbox_days, attempt_days, ticket_days }
    }
}

impl RetentionSection {
    /// As the store wants it, if it can work.
    pub(crate) fn retention(&self) -> anyhow::Result<Retention> {
        let Self { inbox_days, turn_days, outbox_days, attempt_days, ticket_days } = *self;
        let retention = Retention { inbox_days, turn_days, outbox_days, attempt_days, ticket_days };
        retention.check().map_err(|fault| anyhow!("[retention] {fault}"))?;
        Ok(retention)
    }
}
