//! The only way out. Whatever a person may see on a platform passes here: the gate's last look, the cut to the
//! platform's length, the limits, and the verdict on what became of it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use townkeeper_contract::id::{AccountId, OutboxId, PersonId, TurnId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::outbound::{Act, Button, Outbound};
use townkeeper_contract::platform::{DeliverError, Idempotency, Platform, PlatformFacts, Standing};
use townkeeper_contract::stream::Reply;
use townkeeper_contract::text::cut;
use townkeeper_core::{conversation, gate, say};
use townkeeper_knowledge::Base;
use townkeeper_store::{OutboxRow, Sendable, Verdict};

use crate::clock::Clock;
use crate::freeze::Freeze;
use crate::ids;

/// An account's adapter.
pub(crate) type Adapter = Arc<dyn Platform>;

/// A reply later than this is of no use, and expires where people can see it.
pub(crate) const REPLY_DEADLINE_MS: i64 = 30 * 60 * 1000;

/// Longest wait between two tries of something that was certainly not sent.
const BACKOFF_CAP_MS: u64 = 5 * 60 * 1000;

/// The platforms, by account.
#[derive(Default)]
pub struct Door {
    accounts: HashMap<AccountId, Account>,
    freeze: Freeze,
}

struct Account {
    platform: Adapter,
    facts: PlatformFacts,
    limit: DefaultDirectRateLimiter,
    /// The platform asked for silence until then: for the account, not for one message.
    not_before_ms: AtomicI64,
}

impl Account {
    /// When the next request may leave; `None`: now, and it counts.
    fn next_ms(&self, now_ms: i64) -> Option<i64> {
        let not_before = self.not_before_ms.load(Ordering::Relaxed);
        if not_before > now_ms {
            return Some(not_before);
        }
        let wait = self.limit.check().err()?.wait_time_from(DefaultClock::default().now());
        Some(now_ms + 1 + i64::try_from(wait.as_millis()).unwrap_or(BACKOFF_CAP_MS.cast_signed()))
    }

    fn rest(&self, error: &DeliverError, now_ms: i64) {
        if let DeliverError::Throttled { retry_after_ms, .. } = error {
            let until = now_ms.saturating_add(i64::try_from(*retry_after_ms).unwrap_or(i64::MAX));
            self.not_before_ms.fetch_max(until, Ordering::Relaxed);
        }
    }
}

impl Door {
    /// Adds a bot account.
    pub fn add(&mut self, platform: Arc<impl Platform>) {
        let facts = platform.facts();
        let per_second = NonZeroU32::new(facts.rate.per_second).unwrap_or(NonZeroU32::MIN);
        let limit = RateLimiter::direct(Quota::per_second(per_second));
        self.accounts
            .insert(platform.account().clone(), Account { platform, facts, limit, not_before_ms: AtomicI64::new(0) });
    }

    /// Names the file that freezes everything as long as it is there.
    pub fn freeze_file(&mut self, file: PathBuf) {
        self.freeze = Freeze::watching(file);
    }

    /// The switch before everything that leaves.
    pub(crate) fn freeze(&self) -> &Freeze {
        &self.freeze
    }

    pub(crate) fn platforms(&self) -> impl Iterator<Item = (&AccountId, &Adapter)> {
        self.accounts.iter().map(|(id, account)| (id, &account.platform))
    }

    /// Whether an account's answers leave by this door; the web's are read where they are made.
    pub(crate) fn leads_to(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account)
    }

    /// Accounts whose platform makes a repeat harmless.
    pub(crate) fn keyed(&self) -> Vec<String> {
        let keyed = self.accounts.iter().filter(|(_, account)| account.facts.idempotency == Idempotency::Key);
        keyed.map(|(id, _)| id.0.clone()).collect()
    }

    /// A reply as messages for the outbox, cut to the platform's length. None for accounts whose subscribers read the
    /// reply themselves (the web).
    pub(crate) fn messages(&self, inbound: &Inbound, reply: &Reply, now_ms: i64) -> Vec<Sendable> {
        let Some(account) = self.accounts.get(&inbound.account) else { return Vec::new() };
        let pieces = cut(&say::message(reply), account.facts.max_len, account.facts.measure);
        let last = pieces.len().saturating_sub(1);
        let buttons = |at: usize| {
            let offers = if at == last && account.facts.buttons { reply.offers.as_slice() } else { &[] };
            offers.iter().map(|o| Button { action: o.action.clone(), label: o.label.clone() }).collect()
        };
        let message = |(at, body)| Sendable {
            id: ids::ulid(now_ms),
            dest: conversation::destination(inbound),
            reply_to: inbound.reply_to.clone(),
            act: Act::Message { body, buttons: buttons(at) },
            deadline_ms: now_ms + REPLY_DEADLINE_MS,
        };
        pieces.into_iter().enumerate().map(message).collect()
    }

    /// Delivers a claimed row, once, and says what became of it.
    pub(crate) async fn deliver(&self, row: &OutboxRow, clock: &Clock) -> Verdict {
        let account = AccountId::from(row.account.as_str());
        let Some(account) = self.accounts.get(&account) else {
            return Verdict::Refused { detail: format!("the account {account} is not configured any more") };
        };
        let Some(pass) = self.freeze.pass_for(&row.id) else {
            return Verdict::Again {
                next_ms: clock.now_ms(),
                class: "frozen",
                detail: "the town is frozen".to_owned(),
            };
        };
        // Whoever would have to wait waits in the ledger, where a crash finds it unsent, not here, where it is in doubt.
        if let Some(next_ms) = account.next_ms(clock.now_ms()) {
            return Verdict::Again { next_ms, class: "pre_send", detail: "our own limit".to_owned() };
        }
        let out = Outbound { id: OutboxId::from(row.id.as_str()), to: row.reply_to.clone(), act: row.act.clone() };
        let delivered = tokio::select! {
            delivered = account.platform.deliver(&out) => delivered,
            () = pass.cut() => Err(DeliverError::InDoubt("cut off by a freeze".to_owned())),
        };
        match delivered {
            Ok(receipt) => Verdict::Sent { message: receipt.message.map(|m| m.0) },
            // Waits are counted from the answer: our own limit, or the platform, may have taken a while.
            Err(error) => {
                account.rest(&error, clock.now_ms());
                judge(&error, account.facts.idempotency, row.attempt, clock.now_ms())
            }
        }
    }

    /// What a person may do where `at` leads, by the platform's own word at this moment; `None` asks about ourselves.
    pub(crate) async fn standing(
        &self,
        account: &AccountId,
        at: &ReplyTo,
        person: Option<&PersonId>,
    ) -> Result<Standing, DeliverError> {
        let Some(account) = self.accounts.get(account) else {
            return Err(DeliverError::Refused(format!("the account {account} is not configured")));
        };
        let _pass = self.freeze.pass();
        // Not even a question leaves a frozen town.
        let Some(_pass) = self.freeze.pass() else {
            return Err(DeliverError::PreSend("the town is frozen".to_owned()));
        };
        account.platform.standing(at, person).await
    }

    /// "… is typing". Best effort: not in the outbox, and dropped where the limit is reached.
    pub(crate) async fn typing(&self, account: &AccountId, to: &ReplyTo) {
        let Some(pass) = self.freeze.pass() else { return };
        let Some(account) = self.accounts.get(account).filter(|a| a.limit.check().is_ok()) else { return };
        let out = Outbound { id: OutboxId::from("typing"), to: to.clone(), act: Act::Typing };
        tokio::select! {
            delivered = account.platform.deliver(&out) => if let Err(error) = delivered {
                tracing::debug!(%error, platform = account.facts.name, "typing was not shown");
            },
            () = pass.cut() => {}
        }
    }
}

/// What a failed delivery means for its row.
fn judge(error: &DeliverError, idempotency: Idempotency, attempt: i64, now_ms: i64) -> Verdict {
    let again = |wait: Duration, class| Verdict::Again {
        next_ms: now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        class,
        detail: error.to_string(),
    };
    match error {
        DeliverError::PreSend(_) => again(backoff(attempt), "pre_send"),
        DeliverError::Throttled { retry_after_ms, .. } => again(Duration::from_millis(*retry_after_ms), "throttled"),
        DeliverError::Moved { to } => Verdict::Moved { to: to.clone(), next_ms: now_ms },
        DeliverError::Refused(_) | DeliverError::Gone => Verdict::Refused { detail: error.to_string() },
        DeliverError::InDoubt(_) if idempotency == Idempotency::Key => again(backoff(attempt), "in_doubt"),
        DeliverError::InDoubt(_) => Verdict::Unknown { detail: error.to_string() },
    }
}

/// Full jitter, doubling from a second.
fn backoff(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(0, 20)).unwrap_or(20);
    let ceiling = 1_000_u64.saturating_mul(1_u64 << doublings).min(BACKOFF_CAP_MS);
    Duration::from_millis(fastrand::u64(100..=ceiling))
}

/// The last look at a reply before it is settled: a model's words that the gate would not let through become the
/// entry they cite, or the abstention.
pub(crate) fn last_look(reply: Reply, base: &Base, turn: &TurnId) -> Reply {
    if gate::may_leave(&reply, base) {
        return reply;
    }
    metrics::counter!("townkeeper_gate_blocked_total").increment(1);
    let cited = reply.citation.as_ref().and_then(|citation| base.get(&citation.entry));
    cited.map_or_else(|| say::abstention(turn, &[]), say::canonical)
}
