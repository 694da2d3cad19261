//! What can be learnt from the turns that are kept: gaps in the base, and whether questions become fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use townkeeper_contract::api::FeedbackCount;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{GapList, Trend, TrendList};
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

/// How many weeks the report shows, the one that is not over among them.
const REPORT_WEEKS: i64 = 9;

/// A report is made anew after so long: whoever asks for it again and again makes nobody work.
const REPORT_MS: i64 = 60_000;

/// How well questions are answered. Counts only: nobody's words, and nobody's name.
#[derive(Debug)]
pub struct Report {
    /// The newest first; the first one is not over.
    pub weeks: Vec<Week>,
    /// Of entries that are published.
    pub trends: Vec<Trend>,
    /// Of entries that are published, and of answers that cite none.
    pub feedback: Vec<FeedbackCount>,
}

/// The questions of one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// Its Monday, as `2027-02-01`.
    pub monday: String,
    /// Answered from an entry.
    pub answered: u64,
    /// For which no answer was found. None: there were more than are looked at.
    pub unanswered: Option<u64>,
}

/// The last report, when it was made and at which revision of the base.
#[derive(Debug, Default)]
pub(crate) struct LastReport(tokio::sync::Mutex<Option<(i64, i64, Arc<Report>)>>);

/// What was asked in the weeks that are looked at.
struct Asked {
    /// By entry.
    topics: Vec<trend::Asked>,
    /// Questions without an answer, by week.
    in_vain: BTreeMap<i64, u64>,
    /// The first whole week that is kept, the first in which all was looked at, and the one that is not over.
    first: i64,
    whole: i64,
    now: i64,
}

impl Engine {
    /// What the public may know of how well questions are answered.
    pub async fn report(&self) -> Result<Arc<Report>, EngineError> {
        let house = &self.house;
        // One at a time makes it; who comes meanwhile waits for it.
        let mut last = house.report.0.lock().await;
        let (now_ms, revision) = (house.clock.now_ms(), house.published.revision());
        if let Some((at_ms, of, report)) = &*last
            && *of == revision
            && (0..REPORT_MS).contains(&(now_ms - at_ms))
        {
            return Ok(Arc::clone(report));
        }
        let base = house.base();
        let asked = self.asked().await?;
        let published = |entry: &EntryId| base.get(entry).is_some();
        let mut trends = trends(&asked.topics, asked.first, asked.now);
        trends.retain(|trend| published(&trend.entry));
        let mut feedback = self.feedback().await?;
        feedback.retain(|count| count.entry.as_ref().is_none_or(published));
        let report = Arc::new(Report { weeks: asked.weeks(), trends, feedback });
        *last = Some((now_ms, revision, Arc::clone(&report)));
        Ok(report)
    }

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
        let mut asked = self.asked().await?;
        asked.topics.retain(|asked| entry.is_none_or(|entry| entry.as_str() == asked.entry));
        Ok(TrendList { entries: trends(&asked.topics, asked.first, asked.now) })
    }

    async fn asked(&self) -> Result<Asked, EngineError> {
        let house = &self.house;
        let now = week(house.clock.now_ms());
        let since_ms = (now - TREND_WEEKS) * WEEK_MS + MONDAY_MS;
        // The week in which counting began was not whole.
        let oldest = house.store.oldest_turn(&house.workspace).await?.map_or(now, |oldest| week(oldest) + 1);
        let answered = house.store.answered(&house.workspace, since_ms, MONDAY_MS, WEEK_MS).await?;
        let mut topics: Vec<trend::Asked> = answered
            .into_iter()
            .map(|row| trend::Asked {
                entry: row.entry,
                revision: Some(row.revision),
                week: row.span,
                count: row.count.unsigned_abs(),
            })
            .collect();
        let rows = house.store.in_vain(&house.workspace, since_ms, false, LOOKED_UP).await?;
        // The newest come first; where there were more, the oldest week is not whole.
        let cut = rows.last().filter(|_| rows.len() >= LOOKED_UP as usize).map(|oldest| week(oldest.ended_ms) + 1);
        let mut in_vain = BTreeMap::new();
        for row in &rows {
            *in_vain.entry(week(row.ended_ms)).or_default() += 1;
        }
        let base = house.base();
        topics.extend(work(move || rows.iter().filter_map(|row| topic(&base, row)).collect::<Vec<_>>()).await);
        let (first, whole) = (oldest.max(now - TREND_WEEKS), cut.unwrap_or(i64::MIN));
        Ok(Asked { topics, in_vain, first, whole, now })
    }
}

impl Asked {
    fn weeks(&self) -> Vec<Week> {
        // The week in which counting began is shown as well: these are numbers, and no comparison.
        let from = (self.first - 1).max(self.now - REPORT_WEEKS + 1).min(self.now);
        let counted = |week: i64| {
            let answered = self.topics.iter().filter(|asked| asked.week == week && asked.revision.is_some());
            let unanswered = self.in_vain.get(&week).copied().unwrap_or_default();
            Week {
                monday: trend::monday(week).to_string(),
                answered: answered.map(|asked| asked.count).sum(),
                unanswered: (week >= self.whole).then_some(unanswered),
            }
        };
        (from..=self.now).rev().map(counted).collect()
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
