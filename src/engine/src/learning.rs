//! What can be learnt from the turns that are kept: gaps in the base, and whether questions become fewer.

use std::collections::BTreeSet;

use townkeeper_contract::api::FeedbackCount;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{GapList, TrendList};
use townkeeper_core::drift;
use townkeeper_core::gaps::{self, gaps};
use townkeeper_core::trend::{self, MONDAY_MS, WEEK_MS, trends, week};
use townkeeper_store::InVain;

use crate::{Engine, EngineError, accept};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How far back gaps are looked for.
const GAP_DAYS: i64 = 30;

/// How many questions gaps are looked for in.
const QUESTIONS: u32 = 1_000;

/// How far back a trend goes, and how many unanswered questions are looked up for it.
const TREND_WEEKS: i64 = 26;
const LOOKED_UP: u32 = 4_000;

impl Engine {
    /// What people thought of the answers; of the wordings that hold now also whether they fall short.
    pub async fn feedback(&self) -> Result<Vec<FeedbackCount>, EngineError> {
        let house = &self.house;
        let base = house.base();
        let counts = house.store.feedback(&house.workspace).await?;
        let judged = |count: FeedbackCount| {
            let entry = count.entry.as_ref().and_then(|id| base.get(id));
            match entry.filter(|entry| entry.revision == count.revision) {
                Some(entry) => drift::judge(count, entry.class),
                None => count,
            }
        };
        Ok(counts.into_iter().map(judged).collect())
    }

    /// What was asked in vain lately, put together.
    pub async fn gaps(&self) -> Result<GapList, EngineError> {
        let house = &self.house;
        let now_ms = house.clock.now_ms();
        let since_ms = now_ms - GAP_DAYS * DAY_MS;
        let found = house.store.in_vain(&house.workspace, since_ms, true, QUESTIONS + 1).await?;
        let cut = found.len() > QUESTIONS as usize;
        let asked: Vec<gaps::Asked> = found.into_iter().take(QUESTIONS as usize).map(asked).collect();
        let taken: BTreeSet<String> = house.base().entries().map(|entry| entry.id.0.clone()).collect();
        let gaps = work(move || gaps(&asked, &taken, accept::day(now_ms))).await;
        Ok(GapList { since_ms, cut, gaps })
    }

    /// How often each topic, or one, is asked about. What nobody answered counts where today's base would answer it.
    pub async fn trend(&self, entry: Option<&EntryId>) -> Result<TrendList, EngineError> {
        let house = &self.house;
        let now = week(house.clock.now_ms());
        let since_ms = (now - TREND_WEEKS) * WEEK_MS + MONDAY_MS;
        // The week in which counting began was not whole.
        let oldest = house.store.oldest_turn(&house.workspace).await?.map_or(now, |oldest| week(oldest) + 1);
        let answered = house.store.answered(&house.workspace, since_ms, MONDAY_MS, WEEK_MS).await?;
        let mut asked: Vec<trend::Asked> = answered
            .into_iter()
            .map(|row| trend::Asked {
                entry: row.entry,
                revision: Some(row.revision),
                week: row.span,
                count: row.count.unsigned_abs(),
            })
            .collect();
        let in_vain = house.store.in_vain(&house.workspace, since_ms, false, LOOKED_UP).await?;
        let base = house.base();
        asked.extend(work(move || in_vain.iter().filter_map(|row| topic(&base, row)).collect::<Vec<_>>()).await);
        asked.retain(|asked| entry.is_none_or(|entry| entry.as_str() == asked.entry));
        Ok(TrendList { entries: trends(&asked, oldest.max(now - TREND_WEEKS), now) })
    }
}

fn asked(row: InVain) -> gaps::Asked {
    gaps::Asked {
        question: row.question,
        account: row.account,
        person: row.person,
        place: row.place,
        answered_by: row.entry,
    }
}

fn topic(base: &townkeeper_knowledge::Base, row: &InVain) -> Option<trend::Asked> {
    let entry = base.look_up(&row.question).answer?;
    Some(trend::Asked { entry: entry.id.0.clone(), revision: None, week: week(row.ended_ms), count: 1 })
}

/// Computes beside the turns.
async fn work<T: Default + Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(compute).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a computation broke off");
        T::default()
    })
}
