//! What a turn may spend: tokens are reserved before each request and settled after it, however it ends.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::provider::{ChatRequest, ProviderEvent};
use townkeeper_contract::stream::Usage;
use townkeeper_core::budget;
use townkeeper_store::{Allowance, InboxRow, Reserve, StoreError};

use crate::House;

/// A reservation that nobody settled by then is a dead daemon's. Longer than any request may take.
const EXPIRY: Duration = Duration::from_mins(10);

/// The purse of one attempt at a turn.
pub(crate) struct Purse {
    person: String,
    /// Names its reservations.
    turn: String,
    requests: u32,
}

impl Purse {
    pub(crate) fn of(row: &InboxRow) -> Self {
        let (account, person) = (&row.inbound.account.0, &row.inbound.person.id.0);
        // The length tells where the account ends, whatever the ids are.
        let person = format!("{}.{account}.{person}", account.len());
        Self { person, turn: format!("{}.{}", row.turn, row.attempt), requests: 0 }
    }

    /// Reserves what a request may cost at most. `None`: the day holds no more.
    pub(crate) async fn reserve(
        &mut self,
        house: &Arc<House>,
        request: &ChatRequest,
    ) -> Result<Option<Hold>, StoreError> {
        let now_ms = house.clock.now_ms();
        let reserved = budget::reserve(request);
        self.requests += 1;
        let id = format!("{}.{}", self.turn, self.requests);
        let limits = house.agent.budget;
        let reserve = Reserve {
            id: id.clone(),
            allowance: Allowance {
                workspace: house.workspace.clone(),
                person: self.person.clone(),
                day: budget::day(now_ms),
                workspace_limit: signed(limits.workspace_tokens_per_day),
                person_limit: signed(limits.person_tokens_per_day),
            },
            tokens: signed(reserved),
            now_ms,
            expires_ms: now_ms + i64::try_from(EXPIRY.as_millis()).unwrap_or(i64::MAX),
        };
        let granted = house.store.reserve_tokens(reserve).await?;
        let hold = || Hold {
            house: Arc::clone(house),
            id,
            reserved,
            input: budget::input(request),
            heard: 0,
            usage: None,
            refused: false,
        };
        Ok(granted.then(hold))
    }
}

/// One reservation. Dropping it settles it: whatever way a request ends, what it used is counted.
pub(crate) struct Hold {
    house: Arc<House>,
    id: String,
    reserved: u64,
    input: u64,
    /// Bytes of words, thoughts and arguments that came.
    heard: usize,
    usage: Option<Usage>,
    refused: bool,
}

impl Hold {
    /// Counts what a vendor sent.
    pub(crate) fn hear(&mut self, event: &ProviderEvent) {
        match event {
            ProviderEvent::Delta { text, .. } => self.heard += text.len(),
            ProviderEvent::ToolDelta { name, args, .. } => {
                self.heard += name.as_ref().map_or(0, String::len) + args.len();
            }
            ProviderEvent::Usage(usage) => self.usage = Some(*usage),
            _ => {}
        }
    }

    /// Whether it sent more than any honest answer to this request could be.
    pub(crate) fn is_overrun(&self) -> bool {
        budget::is_overrun(self.reserved, self.input, self.heard)
    }

    /// Settles it now, so that the next reservation sees it.
    pub(crate) async fn settle(mut self) {
        let used = self.used();
        settle(&self.house, &std::mem::take(&mut self.id), used).await;
    }

    /// The vendor refused the request before it did anything: it costs nothing.
    pub(crate) fn refused(&mut self) {
        self.refused = self.heard == 0;
    }

    fn used(&self) -> u64 {
        if self.refused {
            return 0;
        }
        budget::settle(self.reserved, self.input, self.heard, self.usage.as_ref())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.id.is_empty() {
            return;
        }
        let (house, id, used) = (Arc::clone(&self.house), std::mem::take(&mut self.id), self.used());
        self.house.tasks.spawn(async move { settle(&house, &id, used).await });
    }
}

async fn settle(house: &House, id: &str, used: u64) {
    if let Err(error) = house.store.settle_tokens(&house.workspace, id, signed(used)).await {
        tracing::warn!(%error, "what a model used could not be settled; the reservation will expire");
    }
    metrics::counter!("townkeeper_tokens_total").increment(used);
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
