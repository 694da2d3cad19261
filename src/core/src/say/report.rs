//! What the report page says of its numbers.

use townkeeper_contract::api::FeedbackCount;
use townkeeper_contract::learning::{Change, Side};

/// As much of a revision as people compare.
fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How often an entry was asked about before and after a wording of it came.
pub fn before_and_after(change: &Change) -> String {
    let side = |side: &Side| {
        let weeks = count(u64::from(side.weeks), "whole week", "whole weeks");
        format!("{} in {weeks}", count(side.questions, "question", "questions"))
    };
    let came = format!("Revision {} came in the week of {}", short(&change.revision), change.week);
    if change.before.weeks.min(change.after.weeks) == 0 {
        return format!("{came}; there is nothing to compare it with.");
    }
    let verdict = match change.percent {
        None => "too few to compare".to_owned(),
        Some(0) => "as many a week".to_owned(),
        Some(percent) => format!("{} % {} a week", percent.abs(), if percent < 0 { "fewer" } else { "more" }),
    };
    format!("{came}: {} before, {} after; {verdict}.", side(&change.before), side(&change.after))
}

/// What people said to the answers of one wording. `now`: it is the one that is published.
pub fn opinions(of: &FeedbackCount, now: bool) -> String {
    let tickets = count(of.tickets.unsigned_abs(), "ticket", "tickets");
    let said = format!("{} helped, {} not quite, {tickets} afterwards", of.helped, of.not_quite);
    let now = if now { " (published now)" } else { "" };
    if of.entry.is_some() { format!("Revision {}{now}: {said}.", short(&of.revision)) } else { format!("{said}.") }
}

/// That an answer is less often right than is promised. Both in percent.
pub fn fell(at_most: u32, target: u32) -> String {
    format!("By what people said to it, this answer is right at most {at_most} % of the time; the aim is {target} %.")
}

/// How many answers are, on top of the page.
pub fn fallen(answers: usize) -> String {
    match answers {
        0 => "By what people said to the answers, none is known to have fallen below its aim.".to_owned(),
        1 => "By what people said to the answers, 1 has fallen below its aim; it is marked below.".to_owned(),
        many => {
            format!("By what people said to the answers, {many} have fallen below their aim; they are marked below.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_what_came_of_it() {
        let side = |questions| Side { weeks: 4, questions };
        let change = |percent| Change {
            revision: "0123456789ab".to_owned(),
            week: "2027-02-01".to_owned(),
            before: side(44),
            after: Side { weeks: 1, questions: 1 },
            percent,
        };
        let begins = "Revision 0123456 came in the week of 2027-02-01: 44 questions in 4 whole weeks before, 1 question in 1 \
                      whole week after; ";
        for (percent, ends) in
            [(None, "too few to compare"), (Some(-55), "55 % fewer a week"), (Some(7), "7 % more a week")]
        {
            assert_eq!(before_and_after(&change(percent)), format!("{begins}{ends}."));
        }
        let first = Change { before: Side::default(), ..change(None) };
        assert!(before_and_after(&first).ends_with("2027-02-01; there is nothing to compare it with."));
    }
}
