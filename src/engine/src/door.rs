//! The only way out. Whatever a person may see on a platform passes here: the gate's last look, the cut to the
//! platform's length, the limits, and the verdict on what became of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use townkeeper_contract::id::{AccountId, OutboxId, PersonId, TurnId};
use townkeeper_contract::inbound::{Body, Inbound, PictureRef, PlaceKind, ReplyTo};
use townkeeper_contract::outbound::{Act, Button, LimitScope, Outbound, Receipt};
use townkeeper_contract::platform::{
    DeliverError, Finding, Idempotency, Platform, PlatformFacts, RateFacts, Right, Standing,
};
use townkeeper_contract::stream::Reply;
use townkeeper_contract::text::cut;
use townkeeper_core::limit::{Ceilings, Class};
use townkeeper_core::pace::Stroke;
use townkeeper_core::places::Rules;
use townkeeper_core::{conversation, gate, say};
use townkeeper_knowledge::Base;
use townkeeper_store::{OutboxRow, Sendable, Verdict};

use crate::clock::Clock;
use crate::freeze::{Freeze, Pass};
use crate::ids;

/// An account's adapter.
pub(crate) type Adapter = Arc<dyn Platform>;

/// A reply later than this is of no use, and expires where people can see it.
pub(crate) const REPLY_DEADLINE_MS: i64 = 30 * 60 * 1000;

/// For so long what was looked up is believed.
pub(crate) const FRESH_MS: i64 = 5_000;

/// For so long a question waits for its answer; who asked may ask again.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest wait between two tries of something that was certainly not sent.
const BACKOFF_CAP_MS: u64 = 5 * 60 * 1000;

/// The platforms, by account.
#[derive(Default)]
pub struct Door {
    accounts: HashMap<AccountId, Account>,
    rules: HashMap<AccountId, Rules>,
    freeze: Freeze,
}

struct Account {
    platform: Adapter,
    facts: PlatformFacts,
    ceilings: Mutex<Ceilings>,
    /// What we ourselves may do, by address, and when the platform said so.
    ours: Mutex<HashMap<String, (i64, Standing)>>,
}

/// An account's own ceilings, where they are others than its platform publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// Requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Messages a minute into one group; 0: no ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_group_minute: Option<u32>,
    /// Shortest time between two messages into one chat, in milliseconds; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_chat_ms: Option<u32>,
}

/// Where something is said: the address, and the place that limits are kept for.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) account: AccountId,
    pub(crate) place: String,
    pub(crate) to: ReplyTo,
}

impl Spot {
    /// Where an event is answered.
    pub(crate) fn of(inbound: &Inbound) -> Self {
        let place = conversation::place(&conversation::destination(inbound)).to_owned();
        Self { account: inbound.account.clone(), place, to: inbound.reply_to.clone() }
    }
}

impl Account {
    fn ceilings(&self) -> MutexGuard<'_, Ceilings> {
        self.ceilings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one thing, or is cut off by a freeze; and learns what the platform says of its limits.
    async fn ask(&self, out: &Outbound, place: &str, pass: &Pass<'_>, clock: &Clock) -> Result<Receipt, DeliverError> {
        let delivered = tokio::select! {
            delivered = self.platform.deliver(out) => delivered,
            () = pass.cut() => Err(DeliverError::InDoubt("cut off by a freeze".to_owned())),
        };
        let hint = match &delivered {
            Ok(receipt) => receipt.hint.map(|hint| (hint.scope, hint.wait_ms)),
            Err(DeliverError::Throttled { retry_after_ms, scope }) => Some((*scope, *retry_after_ms)),
            Err(_) => None,
        };
        if let Some((scope, wait_ms)) = hint {
            self.rest(scope, place, wait_ms, clock);
        }
        delivered
    }

    /// Keeps still for so long. Waits are counted from the answer: the platform may have taken a while.
    fn rest(&self, scope: LimitScope, place: &str, wait_ms: u64, clock: &Clock) {
        let now_ms = clock.now_ms();
        let until = now_ms.saturating_add(i64::try_from(wait_ms).unwrap_or(i64::MAX));
        self.ceilings().rest(scope, place, until, now_ms);
    }
}

impl Door {
    /// Adds a bot account.
    pub fn add(&mut self, platform: Arc<impl Platform>) {
        let facts = platform.facts();
        let ceilings = Mutex::new(Ceilings::new(facts.rate));
        self.accounts.insert(platform.account().clone(), Account { platform, facts, ceilings, ours: Mutex::default() });
    }

    /// Gives an account ceilings of its own.
    pub fn limit(&mut self, account: &AccountId, rate: Rate) {
        if let Some(account) = self.accounts.get_mut(account) {
            let published = account.facts.rate;
            account.facts.rate = RateFacts {
                per_second: rate.per_second.unwrap_or(published.per_second),
                per_group_minute: rate.per_group_minute.unwrap_or(published.per_group_minute),
                per_chat_ms: rate.per_chat_ms.unwrap_or(published.per_chat_ms),
            };
            account.ceilings = Mutex::new(Ceilings::new(account.facts.rate));
        }
    }

    /// What an account's platform can do; `None`: its subscribers read for themselves (the web).
    pub(crate) fn facts(&self, account: &AccountId) -> Option<&PlatformFacts> {
        self.accounts.get(account).map(|account| &account.facts)
    }

    /// What the configuration says of an account's places.
    pub fn rule(&mut self, account: AccountId, rules: Rules) {
        self.rules.insert(account, rules);
    }

    pub(crate) fn rules(&self, account: &AccountId) -> Rules {
        self.rules.get(account).copied().unwrap_or_default()
    }

    /// Asks each platform what its account lacks.
    pub async fn examine(&self) -> Vec<(AccountId, Vec<Finding>)> {
        let mut accounts: Vec<_> = self.accounts.iter().collect();
        accounts.sort_by_key(|(id, _)| *id);
        join_all(accounts.into_iter().map(async |(id, account)| (id.clone(), account.platform.examine().await))).await
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

    /// Where an act upon a person holds that is done in a place: there, or in the bigger place that it is a part of.
    pub(crate) fn realm(&self, account: &AccountId, at: &ReplyTo, place: &str) -> String {
        let whole = self.accounts.get(account).and_then(|account| account.platform.whole(at));
        whole.map_or_else(|| place.to_owned(), |whole| whole.0)
    }

    /// Whether an account's answers leave by this door; the web's are read where they are made.
    pub(crate) fn leads_to(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account)
    }

    /// Accounts whose platform makes a repeat harmless.
    pub(crate) fn keyed(&self) -> Vec<String> {
        self.key_windows().into_iter().map(|(account, _)| account).collect()
    }

    /// And for how many milliseconds it does.
    pub(crate) fn key_windows(&self) -> Vec<(String, i64)> {
        let window = |(id, account): (&AccountId, &Account)| match account.facts.idempotency {
            Idempotency::Key { window_ms } => Some((id.0.clone(), i64::from(window_ms))),
            Idempotency::None => None,
        };
        self.accounts.iter().filter_map(window).collect()
    }

    /// A reply as messages for the outbox, cut to the platform's length. None for accounts whose subscribers read the
    /// reply themselves (the web).
    pub(crate) fn messages(&self, inbound: &Inbound, reply: &Reply, now_ms: i64) -> Vec<Sendable> {
        let Some(account) = self.accounts.get(&inbound.account) else { return Vec::new() };
        account.ceilings().meet(&Spot::of(inbound).place, inbound.place.kind, now_ms);
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

    /// Where only who asked reads, if the platform has such a way.
    pub(crate) fn aside(&self, account: &AccountId, say: &mut [Sendable]) {
        let Some(account) = self.accounts.get(account) else { return };
        for say in say {
            if let Some(aside) = account.platform.aside(&say.reply_to) {
                say.reply_to = aside;
            }
        }
    }

    /// What ends a promise that is not kept, where the platform shows one. None is made to words that only look like a
    /// command: there it does nothing.
    pub(crate) fn dismissal(&self, inbound: &Inbound, now_ms: i64) -> Option<Sendable> {
        let promised = self.facts(&inbound.account)?.promises && matches!(inbound.body, Body::Command { .. });
        promised.then(|| Sendable {
            id: ids::ulid(now_ms),
            dest: conversation::destination(inbound),
            reply_to: inbound.reply_to.clone(),
            act: Act::Dismiss,
            deadline_ms: now_ms + REPLY_DEADLINE_MS,
        })
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
        let place = conversation::place(&row.dest);
        let taken = match row.act {
            Act::Moderate { .. } | Act::Pin { .. } | Act::Unpin { .. } => account.ceilings().ask(place, clock.now_ms()),
            _ => account.ceilings().take(place, Class::Owed, clock.now_ms()),
        };
        if let Err(next_ms) = taken {
            return Verdict::Again { next_ms, class: "pre_send", detail: "our own limit".to_owned() };
        }
        let out = Outbound {
            id: OutboxId::from(row.id.as_str()),
            to: row.reply_to.clone(),
            act: row.act.clone(),
            repeated: row.repeated,
        };
        match account.ask(&out, place, &pass, clock).await {
            Ok(receipt) => {
                let message = receipt.message.or_else(|| row.act.message().cloned());
                Verdict::Sent { message: message.map(|m| m.0) }
            }
            Err(error) => judge(&error, &row.act, account.facts.idempotency, row.attempt, clock.now_ms()),
        }
    }

    /// Paints: a live edit or a draft. Best effort and not in the outbox; never what is left for more important things.
    pub(crate) async fn paint(&self, spot: &Spot, act: Act, clock: &Clock) -> Stroke {
        let Some(account) = self.accounts.get(&spot.account) else { return Stroke::Over };
        let Some(pass) = self.freeze.pass() else { return Stroke::Over };
        let taken = account.ceilings().take(&spot.place, Class::Edit, clock.now_ms());
        if let Err(next_ms) = taken {
            return Stroke::NotYet { next_ms };
        }
        let out = Outbound { id: OutboxId::from("live"), to: spot.to.clone(), act, repeated: false };
        match account.ask(&out, &spot.place, &pass, clock).await {
            Ok(_) => Stroke::Done,
            Err(DeliverError::Throttled { retry_after_ms, .. }) => Stroke::Throttled { retry_after_ms },
            Err(error @ (DeliverError::PreSend(_) | DeliverError::InDoubt(_))) => {
                tracing::debug!(%error, platform = account.facts.name, "an answer was not painted");
                Stroke::Missed
            }
            Err(DeliverError::Refused(_) | DeliverError::Gone | DeliverError::Moved { .. }) => Stroke::Over,
        }
    }

    /// When the first words of an answer may leave; `None`: now.
    pub(crate) fn first_words_ms(&self, spot: &Spot, now_ms: i64) -> Option<i64> {
        self.accounts.get(&spot.account)?.ceilings().next_ms(&spot.place, Class::First, now_ms)
    }

    /// An answer begins to be written at `spot`.
    pub(crate) fn enter(&self, spot: &Spot, kind: PlaceKind, now_ms: i64) {
        if let Some(account) = self.accounts.get(&spot.account) {
            let mut ceilings = account.ceilings();
            ceilings.meet(&spot.place, kind, now_ms);
            ceilings.enter(&spot.place, now_ms);
        }
    }

    /// It is written.
    pub(crate) fn leave(&self, spot: &Spot, now_ms: i64) {
        if let Some(account) = self.accounts.get(&spot.account) {
            account.ceilings().leave(&spot.place, now_ms);
        }
    }

    /// By how much an answer at `spot` has to slow down for the others.
    pub(crate) fn crowd(&self, spot: &Spot, base_ms: i64) -> i64 {
        self.accounts.get(&spot.account).map_or(1, |account| account.ceilings().crowd(&spot.place, base_ms))
    }

    /// What a person may do where `at` leads, by the platform's own word at this moment; `None` asks about ourselves.
    pub(crate) async fn standing(
        &self,
        account: &AccountId,
        at: &ReplyTo,
        person: Option<&PersonId>,
        clock: &Clock,
    ) -> Result<Standing, DeliverError> {
        let Some(account) = self.accounts.get(account) else {
            return Err(DeliverError::Refused(format!("the account {account} is not configured")));
        };
        // Not even a question leaves a frozen town.
        let Some(pass) = self.freeze.pass() else {
            return Err(DeliverError::PreSend("the town is frozen".to_owned()));
        };
        let now_ms = clock.now_ms();
        if let Err(next_ms) = account.ceilings().ask(&at.0, now_ms) {
            let retry_after_ms = u64::try_from(next_ms - now_ms).unwrap_or_default();
            return Err(DeliverError::Throttled { retry_after_ms, scope: LimitScope::Place });
        }
        let standing = tokio::select! {
            standing = account.platform.standing(at, person) => standing,
            () = pass.cut() => Err(DeliverError::InDoubt("cut off by a freeze".to_owned())),
            () = tokio::time::sleep(ANSWER) => Err(DeliverError::InDoubt("no answer in time".to_owned())),
        };
        if let Err(DeliverError::Throttled { retry_after_ms, scope }) = &standing {
            account.rest(*scope, &at.0, *retry_after_ms, clock);
        }
        standing
    }

    /// Whether we ourselves may do this where `at` leads. A yes is believed for a moment: of a wave of acts not each asks.
    pub(crate) async fn we_may(
        &self,
        account: &AccountId,
        at: &ReplyTo,
        right: Right,
        clock: &Clock,
    ) -> Result<bool, DeliverError> {
        let now_ms = clock.now_ms();
        let ours = self.accounts.get(account).map(|account| &account.ours);
        let known = ours.and_then(|ours| ours.lock().unwrap_or_else(PoisonError::into_inner).get(&at.0).cloned());
        let lets =
            |(at_ms, standing): &(i64, Standing)| (0..FRESH_MS).contains(&(now_ms - at_ms)) && standing.may(right);
        if known.as_ref().is_some_and(lets) && !self.freeze.is_frozen() {
            return Ok(true);
        }
        let standing = self.standing(account, at, None, clock).await?;
        let may = standing.may(right);
        if let Some(ours) = ours {
            let mut ours = ours.lock().unwrap_or_else(PoisonError::into_inner);
            ours.retain(|_, (at_ms, _)| now_ms - *at_ms < FRESH_MS);
            ours.insert(at.0.clone(), (now_ms, standing));
        }
        Ok(may)
    }

    /// Fetches a picture of at most `most` bytes from an account's own platform. It leaves most of the account's room to
    /// others, and takes none of any place's.
    pub(crate) async fn picture(
        &self,
        account: &AccountId,
        at: &PictureRef,
        most: usize,
        clock: &Clock,
    ) -> Result<Vec<u8>, DeliverError> {
        let Some(account) = self.accounts.get(account) else {
            return Err(DeliverError::Refused(format!("the account {account} is not configured")));
        };
        let Some(pass) = self.freeze.pass() else {
            return Err(DeliverError::PreSend("the town is frozen".to_owned()));
        };
        let now_ms = clock.now_ms();
        if let Err(next_ms) = account.ceilings().take_alone(Class::Look, now_ms) {
            let retry_after_ms = u64::try_from(next_ms - now_ms).unwrap_or_default();
            return Err(DeliverError::Throttled { retry_after_ms, scope: LimitScope::Account });
        }
        let fetched = tokio::select! {
            fetched = account.platform.picture(at, most) => fetched,
            () = pass.cut() => Err(DeliverError::InDoubt("cut off by a freeze".to_owned())),
        };
        if let Err(DeliverError::Throttled { retry_after_ms, scope: LimitScope::Account }) = &fetched {
            account.rest(LimitScope::Account, "", *retry_after_ms, clock);
        }
        fetched
    }

    /// "… is typing". Best effort: not in the outbox, and left out where the room is scarce.
    pub(crate) async fn typing(&self, spot: &Spot, clock: &Clock) {
        let Some(account) = self.accounts.get(&spot.account) else { return };
        let Some(pass) = self.freeze.pass() else { return };
        if account.ceilings().take(&spot.place, Class::Typing, clock.now_ms()).is_err() {
            return;
        }
        let out = Outbound { id: OutboxId::from("typing"), to: spot.to.clone(), act: Act::Typing, repeated: false };
        if let Err(error) = account.ask(&out, &spot.place, &pass, clock).await {
            tracing::debug!(%error, platform = account.facts.name, "typing was not shown");
        }
    }
}

/// What a failed delivery means for its row.
fn judge(error: &DeliverError, act: &Act, idempotency: Idempotency, attempt: i64, now_ms: i64) -> Verdict {
    let again = |wait: Duration, class| Verdict::Again {
        next_ms: now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        class,
        detail: error.to_string(),
    };
    match error {
        DeliverError::PreSend(_) => again(backoff(attempt), "pre_send"),
        DeliverError::Throttled { retry_after_ms, .. } => again(Duration::from_millis(*retry_after_ms), "throttled"),
        DeliverError::Moved { to } => Verdict::Moved { to: to.clone(), next_ms: now_ms },
        DeliverError::Refused(_) | DeliverError::Gone => match act.clone() {
            // What it would have said is owed, in whatever message.
            Act::Edit { body, buttons, .. } => {
                let act = Act::Message { body, buttons };
                Verdict::Anew { act, next_ms: now_ms, detail: error.to_string() }
            }
            _ => Verdict::Refused { detail: error.to_string() },
        },
        DeliverError::InDoubt(_) if matches!(idempotency, Idempotency::Key { .. }) || act.is_repeatable() => {
            again(backoff(attempt), "in_doubt")
        }
        DeliverError::InDoubt(_) => Verdict::Unknown { detail: error.to_string() },
    }
}

/// Full jitter, doubling from a second.
pub(crate) fn backoff(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(0, 20)).unwrap_or(20);
    let ceiling = 1_000_u64.saturating_mul(1_u64 << doublings).min(BACKOFF_CAP_MS);
    Duration::from_millis(fastrand::u64(100..=ceiling))
}

/// The last look at a reply before it is settled: a model's words that the gate would not let through become the
/// entry they cite, or the abstention.
pub(crate) fn last_look(reply: Reply, base: &Base, turn: &TurnId) -> Reply {
    let cited = reply.citation.as_ref().and_then(|citation| base.get(&citation.entry));
    let look_alike = match gate::leaving(reply, base) {
        Ok(reply) => return reply,
        Err(look_alike) => look_alike,
    };
    metrics::counter!("townkeeper_gate_blocked_total").increment(1);
    alarm(look_alike.as_ref());
    cited.map_or_else(|| say::abstention(turn, &[]), say::canonical)
}

/// Something was stopped that could be taken for one of ours: for the log, and for whoever watches the numbers. Only
/// what we published ourselves is named.
pub(crate) fn alarm(look_alike: Option<&gate::LookAlike>) {
    let Some(gate::LookAlike { kind, ours }) = look_alike else { return };
    metrics::counter!("townkeeper_gate_look_alikes_total", "kind" => kind.name()).increment(1);
    tracing::warn!(kind = kind.name(), ours, "a model nearly said one of our own links, addresses, dates or amounts");
}
