//! Whether an entry still answers what it is found for, by what people say to its answers. It only says so: it never makes
//! anything be answered that was not answered before.

use townkeeper_contract::api::FeedbackCount;
use townkeeper_knowledge::Class;

/// With fewer opinions nothing is concluded.
const ENOUGH: i64 = 10;

/// The share of answers that must be right, in percent.
pub const fn target(class: Class) -> u32 {
    match class {
        Class::Safety => 99,
        Class::Routine => 95,
    }
}

/// Says of one wording whether its answers are certainly less often right than they must be.
pub fn judge(count: FeedbackCount, class: Class) -> FeedbackCount {
    let (helped, all) = (count.helped, count.helped + count.not_quite);
    let (Ok(good), Ok(of)) = (u32::try_from(helped), u32::try_from(all)) else { return count };
    if all < ENOUGH {
        return count;
    }
    let at_most = upper(f64::from(good), f64::from(of));
    let percent = (0..100).find(|percent| f64::from(*percent) >= at_most * 100.0).unwrap_or(100);
    FeedbackCount { at_most_percent: Some(percent), below_target: percent < target(class), ..count }
}

/// Upper end of Wilson's interval for `good` of `all`, at 95 %.
fn upper(good: f64, all: f64) -> f64 {
    const Z: f64 = 1.96;
    let (share, square) = (good / all, Z * Z);
    let spread = Z * (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
    (share + square / (2.0 * all) + spread) / (1.0 + square / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(helped: i64, not_quite: i64) -> FeedbackCount {
        FeedbackCount {
            entry: None,
            revision: "a".to_owned(),
            helped,
            not_quite,
            tickets: 0,
            at_most_percent: None,
            below_target: false,
            last_ms: 0,
        }
    }

    #[test]
    fn only_what_is_certain_is_said() {
        for (helped, not_quite, class, expected) in [
            (0, 9, Class::Routine, (None, false)),
            (10, 0, Class::Safety, (Some(100), false)),
            (5, 5, Class::Routine, (Some(77), true)),
            (95, 5, Class::Routine, (Some(98), false)),
            (95, 5, Class::Safety, (Some(98), true)),
            (80, 20, Class::Routine, (Some(87), true)),
        ] {
            let judged = judge(count(helped, not_quite), class);
            assert_eq!((judged.at_most_percent, judged.below_target), expected, "{helped}, {not_quite}, {class:?}");
        }
    }
}
