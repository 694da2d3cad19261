//! Whether a question is asked less often since an entry, or a wording of it, came. Counts only; where there are few, it
//! says so rather than a percentage.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{Change, Side, Trend, WeekCount};

/// So many whole weeks are compared on each side, at most.
const WEEKS: i64 = 4;

/// With fewer whole weeks on a side, or fewer questions on both together, nothing is concluded.
const ENOUGH_WEEKS: i64 = 2;
const ENOUGH_QUESTIONS: u64 = 20;

/// A week, in milliseconds.
pub const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// The first Monday, 1970-01-05.
pub const MONDAY_MS: i64 = 4 * 24 * 60 * 60 * 1000;

/// The week that a time is in, counted from the first Monday.
pub fn week(ms: i64) -> i64 {
    (ms - MONDAY_MS).div_euclid(WEEK_MS)
}

/// The Monday of a week.
pub fn monday(week: i64) -> NaiveDate {
    DateTime::from_timestamp_millis(week * WEEK_MS + MONDAY_MS).unwrap_or_default().date_naive()
}

/// Questions of one week on one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub entry: String,
    /// The wording that answered; `None`: they were not answered, and would be today.
    pub revision: Option<String>,
    pub week: i64,
    pub count: u64,
}

/// Every entry's weeks and changes. `first`: the first whole week that is kept; `now`: the week that is not over yet.
pub fn trends(asked: &[Asked], first: i64, now: i64) -> Vec<Trend> {
    let entries: BTreeSet<&str> = asked.iter().map(|asked| asked.entry.as_str()).collect();
    entries.into_iter().map(|entry| trend(entry, asked, first, now)).collect()
}

fn trend(entry: &str, asked: &[Asked], first: i64, now: i64) -> Trend {
    let mut weeks: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    let mut came: BTreeMap<&str, i64> = BTreeMap::new();
    for asked in asked.iter().filter(|asked| asked.entry == entry) {
        let (answered, unanswered) = weeks.entry(asked.week).or_default();
        match &asked.revision {
            Some(revision) => {
                *answered += asked.count;
                let week = came.entry(revision).or_insert(asked.week);
                *week = asked.week.min(*week);
            }
            None => *unanswered += asked.count,
        }
    }
    let changes = came.iter().map(|(revision, came)| change(revision, *came, &weeks, first, now));
    let mut changes: Vec<Change> = changes.collect();
    changes.sort_by(|a, b| a.week.cmp(&b.week).then(a.revision.cmp(&b.revision)));
    let shown = |(week, (answered, unanswered)): (&i64, &(u64, u64))| WeekCount {
        week: monday(*week).to_string(),
        answered: *answered,
        unanswered: *unanswered,
    };
    Trend { entry: EntryId::from(entry), weeks: weeks.iter().map(shown).collect(), changes }
}

/// The weeks before and after the one in which a wording came; that one is on neither side.
fn change(revision: &str, came: i64, weeks: &BTreeMap<i64, (u64, u64)>, first: i64, now: i64) -> Change {
    let side = |from: i64, to: i64| {
        let questions = weeks.range(from..to.max(from)).map(|(_, (answered, unanswered))| answered + unanswered).sum();
        Side { weeks: u32::try_from((to - from).max(0)).unwrap_or(0), questions }
    };
    let before = side((came - WEEKS).max(first), came);
    let after = side(came + 1, (came + 1 + WEEKS).min(now));
    let few = i64::from(before.weeks.min(after.weeks)) < ENOUGH_WEEKS
        || before.questions + after.questions < ENOUGH_QUESTIONS
        || before.questions == 0;
    let (was, is) = (before.questions * u64::from(after.weeks), after.questions * u64::from(before.weeks));
    let percent = |is: u64, was: u64| i64::try_from(is * 100 / was).unwrap_or(i64::MAX) - 100;
    Change {
        revision: revision.to_owned(),
        week: monday(came).to_string(),
        percent: (!few).then(|| percent(is, was)),
        before,
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(revision: Option<&str>, week: i64, count: u64) -> Asked {
        Asked { entry: "portal".to_owned(), revision: revision.map(str::to_owned), week, count }
    }

    #[test]
    fn a_week_begins_on_monday() {
        assert_eq!((week(MONDAY_MS - 1), week(MONDAY_MS)), (-1, 0));
        assert_eq!(monday(week(1_790_000_000_000)).format("%a").to_string(), "Mon");
    }

    #[test]
    fn fewer_questions_after_a_wording_are_a_change_in_percent() {
        let mut all: Vec<Asked> = (10..14).map(|week| asked(Some("a"), week, 10)).collect();
        all.push(asked(None, 13, 4));
        all.extend([asked(Some("a"), 14, 3), asked(Some("b"), 14, 50)]);
        all.extend((15..19).map(|week| asked(Some("b"), week, 5)));
        let found = trends(&all, 10, 19);
        let b = &found[0].changes[1];
        assert_eq!(
            (b.revision.as_str(), &b.before, &b.after),
            ("b", &Side { weeks: 4, questions: 44 }, &Side { weeks: 4, questions: 20 })
        );
        assert_eq!(b.percent, Some(-55), "the week in which it came counts on neither side");
        assert_eq!(found[0].changes[0].percent, None, "of the time before the first nothing is known");
        assert_eq!(found[0].weeks[3], WeekCount { week: monday(13).to_string(), answered: 10, unanswered: 4 });
    }

    #[test]
    fn few_questions_are_no_percentage() {
        let all = [
            asked(None, 10, 3),
            asked(None, 11, 3),
            asked(Some("a"), 12, 2),
            asked(Some("a"), 13, 1),
            asked(Some("a"), 14, 1),
        ];
        let change = &trends(&all, 10, 15)[0].changes[0];
        assert_eq!((change.before.questions, change.after.questions, change.percent), (6, 2, None));
        let young = [asked(None, 11, 90), asked(Some("a"), 12, 30), asked(Some("a"), 13, 90)];
        assert_eq!(trends(&young, 10, 14)[0].changes[0].percent, None, "one week is no trend");
        assert_eq!(trends(&[], 0, 5), Vec::new());
    }
}
