//! What a turn may spend: tokens and money are reserved before each request, at the prices of the vendor that is asked,
//! and settled after it, however it ends.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::provider::{ChatRequest, ProviderEvent};
use townkeeper_contract::stream::Usage;
use townkeeper_core::budget::{self, Prices};
use townkeeper_store::{Allowance, Cost, InboxRow, Reserve, Reserved, StoreError, budget_scope};

use crate::House;

/// A reservation that nobody settled by then is a dead daemon's. Longer than any request may take.
const EXPIRY: Duration = Duration::from_mins(10);

/// What a day holds no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    Tokens,
    Money,
}

impl Short {
    /// As metrics know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Money => "money",
        }
    }
}

/// The purse of one attempt at a turn.
pub(crate) struct Purse {
    person: String,
    /// Names its reservations.
    turn: String,
    requests: u32,
}

impl Purse {
    pub(crate) fn of(row: &InboxRow) -> Self {
        let person = budget_scope(&row.inbound.account.0, &row.inbound.person.id.0);
        Self { person, turn: format!("{}.{}", row.turn, row.attempt), requests: 0 }
    }

    /// Reserves what a request may cost at most with a vendor of these prices.
    pub(crate) async fn reserve(
        &mut self,
        house: &Arc<House>,
        request: &ChatRequest,
        prices: Prices,
    ) -> Result<Result<Hold, Short>, StoreError> {
        let now_ms = house.clock.now_ms();
        let reserved = budget::reserve(request, prices);
        self.requests += 1;
        let id = format!("{}.{}", self.turn, self.requests);
        let limits = &house.agent.budget;
        let reserve = Reserve {
            id: id.clone(),
            allowance: Allowance {
                workspace: house.workspace.clone(),
                person: self.person.clone(),
                day: budget::day(now_ms),
                workspace_limit: Cost {
                    tokens: signed(limits.workspace_tokens_per_day),
                    micros: limits.workspace_money_per_day.map_or(i64::MAX, |money| signed(money.micros())),
                },
                person_limit: Cost { tokens: signed(limits.person_tokens_per_day), micros: i64::MAX },
            },
            cost: stored(reserved),
            now_ms,
            expires_ms: now_ms + i64::try_from(EXPIRY.as_millis()).unwrap_or(i64::MAX),
        };
        match house.store.reserve_cost(reserve).await? {
            Reserved::NoTokens => return Ok(Err(Short::Tokens)),
            Reserved::NoMoney => return Ok(Err(Short::Money)),
            Reserved::Held => {}
        }
        Ok(Ok(Hold {
            house: Arc::clone(house),
            id,
            reserved,
            prices,
            input: budget::input(request),
            heard: 0,
            usage: None,
            refused: false,
        }))
    }
}

/// One reservation. Dropping it settles it: whatever way a request ends, what it used is counted.
pub(crate) struct Hold {
    house: Arc<House>,
    id: String,
    reserved: budget::Cost,
    prices: Prices,
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
        budget::is_overrun(self.reserved.tokens, self.input, self.heard)
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

    fn used(&self) -> budget::Cost {
        if self.refused {
            return budget::Cost::default();
        }
        budget::settle(self.reserved, self.prices, self.input, self.heard, self.usage.as_ref())
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

async fn settle(house: &House, id: &str, used: budget::Cost) {
    if let Err(error) = house.store.settle_cost(&house.workspace, id, stored(used)).await {
        tracing::warn!(%error, "what a model used could not be settled; the reservation will expire");
    }
    metrics::counter!("townkeeper_tokens_total").increment(used.tokens);
    let currency = house.agent.budget.currency.clone();
    metrics::counter!("townkeeper_cost_micros_total", "currency" => currency).increment(used.money.micros());
}

fn stored(cost: budget::Cost) -> Cost {
    Cost { tokens: signed(cost.tokens), micros: signed(cost.money.micros()) }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
