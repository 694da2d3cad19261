//! `GET /report`: how well questions are answered, in counts. Nobody's words and nobody's name are on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use townkeeper_contract::api::FeedbackCount;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{Trend, WeekCount};
use townkeeper_core::{drift, say};
use townkeeper_engine::{Report, Week};
use townkeeper_knowledge::{Base, Entry};

use crate::Web;
use crate::faces::{Frame, page};
use crate::refusal::Refusal;

/// So many topics are shown, those that are asked about most.
const TOPICS: usize = 60;

/// So many weeks are drawn.
const DRAWN: usize = 12;

/// The tallest bar, the width of one and the room between two.
const TALLEST: u64 = 36;
const WIDE: usize = 14;
const APART: usize = 4;

#[derive(Template)]
#[template(path = "report.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    /// For which questions, and what is promised of them.
    promises: [(&'static str, String); 3],
    /// Whether any answer has fallen below its aim, and what is said of that.
    fell: bool,
    fallen: String,
    weeks: &'a [Week],
    topics: Vec<Topic<'a>>,
    /// How many more topics there are.
    more: usize,
    /// What people said to answers that cite no entry.
    uncited: Option<String>,
}

/// One entry.
struct Topic<'a> {
    entry: &'a Entry,
    questions: u64,
    weeks: &'a [WeekCount],
    bars: Vec<Bar>,
    changes: Vec<String>,
    opinions: Vec<String>,
    fell: Option<String>,
}

/// A week's questions, drawn.
struct Bar {
    x: usize,
    y: u64,
    height: u64,
}

impl Topic<'_> {
    fn width(&self) -> usize {
        self.bars.len() * (WIDE + APART)
    }
}

pub(crate) async fn show(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let (report, base) = (web.engine.report().await?, web.engine.base());
    let (mut topics, certainty) = (topics(&report, &base), base.calibration());
    let fallen = topics.iter().filter(|topic| topic.fell.is_some()).count();
    let more = topics.len().saturating_sub(TOPICS);
    // What has fallen is shown, however seldom it is asked about.
    topics.sort_by_key(|topic| std::cmp::Reverse((topic.fell.is_some(), topic.questions)));
    topics.truncate(TOPICS);
    page(&Shown {
        frame: Frame::of(&web),
        promises: [
            ("All", say::promise(&certainty.all)),
            ("Links, dates and your money", say::promise(&certainty.safety)),
            ("Everything else", say::promise(&certainty.routine)),
        ],
        fell: fallen > 0,
        fallen: say::report::fallen(fallen),
        weeks: &report.weeks,
        topics,
        more,
        uncited: report.feedback.iter().find(|count| count.entry.is_none()).map(|of| say::report::opinions(of, false)),
    })
}

fn topics<'a>(report: &'a Report, base: &'a Base) -> Vec<Topic<'a>> {
    let asked = report.trends.iter().map(|trend| &trend.entry);
    let rated = report.feedback.iter().filter_map(|count| count.entry.as_ref());
    let all: BTreeSet<&EntryId> = asked.chain(rated).collect();
    all.into_iter().filter_map(|id| Some(topic(base.get(id)?, report))).collect()
}

fn topic<'a>(entry: &'a Entry, report: &'a Report) -> Topic<'a> {
    let trend = report.trends.iter().find(|trend| trend.entry == entry.id);
    let weeks = trend.map_or(&[][..], |trend| &trend.weeks);
    let counts: Vec<&FeedbackCount> =
        report.feedback.iter().filter(|count| count.entry.as_ref() == Some(&entry.id)).collect();
    let fell = counts.iter().find(|count| count.below_target).and_then(|count| count.at_most_percent);
    Topic {
        entry,
        questions: weeks.iter().map(asked).sum(),
        weeks,
        bars: bars(weeks),
        changes: trend.into_iter().flat_map(changes).collect(),
        opinions: counts.iter().map(|of| say::report::opinions(of, of.revision == entry.revision)).collect(),
        fell: fell.map(|at_most| say::report::fell(at_most, drift::target(entry.class))),
    }
}

fn changes(trend: &Trend) -> impl Iterator<Item = String> {
    trend.changes.iter().rev().map(say::report::before_and_after)
}

fn asked(week: &WeekCount) -> u64 {
    week.answered + week.unanswered
}

/// The last weeks up to the newest in which anybody asked, one after the other.
fn bars(weeks: &[WeekCount]) -> Vec<Bar> {
    let Some(last) = weeks.last().and_then(|week| week.week.parse::<NaiveDate>().ok()) else { return Vec::new() };
    let back = (0..DRAWN as u64).rev().filter_map(|weeks| last.checked_sub_days(Days::new(7 * weeks)));
    let of = |monday: NaiveDate| {
        let week = weeks.iter().find(|week| week.week == monday.to_string());
        week.map(asked).unwrap_or_default()
    };
    let counts: Vec<u64> = back.map(of).collect();
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |(n, count): (usize, u64)| {
        // Nothing is drawn as a line, so that one sees that the week was looked at.
        let height = (count * TALLEST / most).max(1);
        Bar { x: n * (WIDE + APART), y: TALLEST - height, height }
    };
    counts.into_iter().enumerate().map(bar).collect()
}
