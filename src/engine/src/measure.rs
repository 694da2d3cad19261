//! What an operator should know of this installation: milestones, lives, deliveries, and how soon a model speaks. All of
//! it stays on the machine; `docs/numbers.md` states each formula.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use townkeeper_contract::api::{BudgetScore, DeliveryScore, MilestoneReached, ModelScore, RunScore, Scorecard};
use townkeeper_core::budget;
use townkeeper_store::{Retention, StoreError};

use crate::{Engine, EngineError, House, ids, standing};

/// The window of a scorecard, in days.
const WINDOW_DAYS: i64 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How many first words are remembered.
const SAMPLES: usize = 1024;

/// How often old rows are looked for.
const DAILY: Duration = Duration::from_hours(24);

/// Something that happens for the first time once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum First {
    Start,
    Account,
    Question,
    Answer,
    Ticket,
}

impl First {
    const ALL: [Self; 5] = [Self::Start, Self::Account, Self::Question, Self::Answer, Self::Ticket];

    fn name(self) -> &'static str {
        match self {
            Self::Start => "first_start",
            Self::Account => "first_account",
            Self::Question => "first_question",
            Self::Answer => "first_answer",
            Self::Ticket => "first_ticket",
        }
    }
}

/// What this life has seen.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    /// A bit for each [`First`] that was written, or is being written.
    reached: AtomicU8,
    first_token_ms: Mutex<VecDeque<u32>>,
    model_ok: AtomicU64,
    model_failed: AtomicU64,
}

impl Measures {
    pub(crate) fn first_token(&self, took: Duration) {
        let mut samples = self.first_token_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
    }

    pub(crate) fn model(&self, answered: bool) {
        let counter = if answered { &self.model_ok } else { &self.model_failed };
        counter.fetch_add(1, Ordering::Relaxed);
        let outcome = if answered { "ok" } else { "failed" };
        metrics::counter!("townkeeper_model_answers_total", "outcome" => outcome).increment(1);
    }

    fn model_score(&self) -> ModelScore {
        let mut samples: Vec<u32> =
            self.first_token_ms.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        samples.sort_unstable();
        let at = |percent: usize| samples.get((samples.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        ModelScore {
            answered: self.model_ok.load(Ordering::Relaxed),
            failed: self.model_failed.load(Ordering::Relaxed),
            first_token_p50_ms: at(50),
            first_token_p95_ms: at(95),
        }
    }
}

/// Notes a milestone beside everything else: at most one write for each in a life, and nobody waits for it.
pub(crate) fn reach(house: &Arc<House>, first: First) {
    let bit = 1_u8 << (first as u8);
    if house.measures.reached.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return;
    }
    let house = Arc::clone(house);
    house.tasks.clone().spawn(async move {
        let now_ms = house.clock.now_ms();
        let noted = house.store.reach(&house.workspace, first.name(), now_ms).await;
        if let Err(error) = noted.map(drop).and(show_milestones(&house).await) {
            tracing::debug!(%error, milestone = first.name(), "a milestone was not noted; the next one is");
            house.measures.reached.fetch_and(!bit, Ordering::Relaxed);
        }
    });
}

/// Shows on `/metrics` how far this installation has come, and how long after its first start it came there.
async fn show_milestones(house: &House) -> Result<(), StoreError> {
    let reached = house.store.milestones(&house.workspace).await?;
    let at = |first: First| reached.iter().find(|milestone| milestone.name == first.name()).map(|m| m.at_ms);
    for first in First::ALL {
        let labels = [("workspace", house.workspace.clone()), ("milestone", first.name().to_owned())];
        let is_reached = if at(first).is_some() { 1.0 } else { 0.0 };
        metrics::gauge!("townkeeper_milestone_reached", &labels).set(is_reached);
        if let (Some(start), Some(at)) = (at(First::Start), at(first)) {
            #[expect(clippy::cast_precision_loss, reason = "years fit")]
            metrics::gauge!("townkeeper_milestone_seconds", &labels).set((at - start) as f64 / 1000.0);
        }
    }
    Ok(())
}

/// Begins a life.
pub(crate) async fn began(house: &House) -> Result<(), StoreError> {
    let now_ms = house.clock.now_ms();
    let since = now_ms - WINDOW_DAYS * DAY_MS;
    house.store.run_began(&house.workspace, &house.run, &house.node.id, now_ms).await?;
    let runs = house.store.runs(&house.workspace, since).await?;
    for (outcome, count) in [("clean", runs.clean), ("crashed", runs.ended - runs.clean)] {
        #[expect(clippy::cast_precision_loss, reason = "a count of starts")]
        metrics::gauge!("townkeeper_runs_30d", "outcome" => outcome).set(count as f64);
    }
    Ok(())
}

impl Engine {
    /// This life has come so far that it serves.
    pub async fn ready(&self) -> Result<(), EngineError> {
        let house = &self.house;
        let now_ms = house.clock.now_ms();
        house.store.run_ready(&house.workspace, &house.run, now_ms).await?;
        let runs = house.store.runs(&house.workspace, now_ms - WINDOW_DAYS * DAY_MS).await?;
        for (outcome, count) in [("ready", runs.ready), ("not_ready", runs.started - runs.ready)] {
            let labels = [("workspace", house.workspace.clone()), ("outcome", outcome.to_owned())];
            #[expect(clippy::cast_precision_loss, reason = "a count of starts")]
            metrics::gauge!("townkeeper_starts_30d", &labels).set(count as f64);
        }
        Ok(())
    }

    /// Keeps what stands in places as it should be; and deletes what is old, now and once a day, until the daemon drains.
    /// Once it is known where browsers find us: that is said there.
    pub fn keep(&self, retention: Retention) {
        let house = Arc::clone(&self.house);
        self.house.tasks.spawn(standing::run(Arc::clone(&house)));
        self.house.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = house.draining.cancelled() => return,
                    () = prune(&house, &retention) => {}
                }
                tokio::select! {
                    () = house.draining.cancelled() => return,
                    () = tokio::time::sleep(DAILY) => {}
                }
            }
        });
    }

    /// How this installation does.
    pub async fn scorecard(&self) -> Result<Scorecard, EngineError> {
        let house = &self.house;
        let since = house.clock.now_ms() - WINDOW_DAYS * DAY_MS;
        let milestones = house.store.milestones(&house.workspace).await?;
        let runs = house.store.runs(&house.workspace, since).await?;
        let deliveries = house.store.deliveries(&house.workspace, since).await?;
        Ok(Scorecard {
            window_days: u32::try_from(WINDOW_DAYS).unwrap_or_default(),
            milestones: milestones.into_iter().map(|m| MilestoneReached { name: m.name, at_ms: m.at_ms }).collect(),
            starts: RunScore { started: runs.started, ready: runs.ready, ended: runs.ended, clean: runs.clean },
            deliveries: deliveries
                .into_iter()
                .map(|d| DeliveryScore {
                    account: d.account,
                    sent: d.sent,
                    refused: d.refused,
                    expired: d.expired,
                    unknown: d.unknown,
                })
                .collect(),
            accounts: self.platforms(),
            model: house.measures.model_score(),
            budget: spending(house).await?,
        })
    }
}

/// What models have cost today.
async fn spending(house: &House) -> Result<BudgetScore, StoreError> {
    let limits = &house.agent.budget;
    let today = house.store.spent_on(&house.workspace, "", budget::day(house.clock.now_ms())).await?;
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(BudgetScore {
        tokens: today.spent.tokens + today.held.tokens,
        tokens_limit: signed(limits.workspace_tokens_per_day),
        money_micros: today.spent.micros + today.held.micros,
        money_limit_micros: limits.workspace_money_per_day.map(|money| signed(money.micros())),
        currency: limits.currency.clone(),
    })
}

async fn prune(house: &House, retention: &Retention) {
    match house.store.prune(&house.workspace, retention, house.clock.now_ms()).await {
        Ok(gone) => {
            for (table, rows) in gone {
                metrics::counter!("townkeeper_retention_deleted_total", "table" => table).increment(rows);
                if rows > 0 {
                    tracing::info!(table, rows, "old rows were deleted");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "old rows could not be deleted; tried again tomorrow"),
    }
}

/// The name of this life.
pub(crate) fn run_id(now_ms: i64) -> String {
    ids::ulid(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_are_ranked_and_only_the_newest_are_kept() {
        let measures = Measures::default();
        assert_eq!(measures.model_score().first_token_p50_ms, None);
        for ms in 1..=2_000 {
            measures.first_token(Duration::from_millis(ms));
        }
        let score = measures.model_score();
        // 977 to 2000 are left.
        assert_eq!((score.first_token_p50_ms, score.first_token_p95_ms), (Some(1_488), Some(1_949)));
    }
}
