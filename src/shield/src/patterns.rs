//! Patterns: regular expressions that moderators wrote down. A match is shown to moderators; it never acts by itself. The
//! engine takes time in proportion to the text, whatever the pattern, and a pattern that needs much room is refused.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use thiserror::Error;

use crate::fold::Folded;
use crate::signals::evidence;
use crate::verdict::Signal;

/// How many patterns a workspace has at most.
pub const MOST: usize = 50;

/// How long a pattern is at most, in bytes.
pub const LONGEST: usize = 500;

/// How long a name is at most, in bytes.
pub const NAME: usize = 40;

/// How much room one compiled pattern takes at most, in bytes: `(a{100}){100}` does not fit, forty alternatives do.
const ROOM: usize = 256 * 1024;

/// What everybody writes: what matches it would show everything.
const COMMON: [&str; 4] = ["", "hello", "thank you very much", "when does it start?"];

/// A regular expression by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Small letters, digits and hyphens.
    pub name: String,
    /// Matched against the folded text, and against what was really written, whatever the case of its letters.
    pub regex: String,
}

/// Why a pattern is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    #[error("a pattern's name has 1 to {NAME} small letters, digits and hyphens")]
    Name,
    #[error("it has more than {LONGEST} bytes: split it into several patterns")]
    Long,
    #[error("it is no regular expression: {0}")]
    Syntax(String),
    #[error("it would take more than {ROOM} bytes of memory: use smaller repetitions")]
    Room,
    #[error("it matches {0:?}, which everybody writes")]
    Everything(&'static str),
    #[error("there are {MOST} patterns already: remove one first")]
    Many,
}

/// All patterns of a workspace, ready for matching.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// Whether any matches, in one pass.
    all: RegexSet,
    each: Vec<(String, Regex)>,
}

impl Pattern {
    /// Whether it would be taken.
    pub fn check(&self) -> Result<(), PatternError> {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if self.name.is_empty() || self.name.len() > NAME || !self.name.bytes().all(fits) {
            return Err(PatternError::Name);
        }
        let regex = self.compile()?;
        COMMON.iter().find(|text| regex.is_match(text)).map_or(Ok(()), |text| Err(PatternError::Everything(text)))
    }

    fn compile(&self) -> Result<Regex, PatternError> {
        if self.regex.len() > LONGEST {
            return Err(PatternError::Long);
        }
        let built = RegexBuilder::new(&self.regex).case_insensitive(true).size_limit(ROOM).dfa_size_limit(ROOM).build();
        built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::Room,
            error => PatternError::Syntax(reason(&error.to_string())),
        })
    }
}

/// The last line of what the parser says, after a drawing of the place.
fn reason(error: &str) -> String {
    let last = error.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl Patterns {
    /// Those that can be used; and the names of those that cannot, with the reason.
    pub fn new(patterns: &[Pattern]) -> (Self, Vec<(String, PatternError)>) {
        let mut refused = Vec::new();
        let mut each = Vec::new();
        for pattern in patterns {
            match pattern.compile() {
                Ok(_) if each.len() == MOST => refused.push((pattern.name.clone(), PatternError::Many)),
                Ok(regex) => each.push((pattern.name.clone(), regex)),
                Err(error) => refused.push((pattern.name.clone(), error)),
            }
        }
        let set = RegexSetBuilder::new(each.iter().map(|(_, regex)| regex.as_str()))
            .case_insensitive(true)
            .size_limit(ROOM * MOST)
            .build();
        (Self { all: set.unwrap_or_default(), each }, refused)
    }

    /// The first pattern that matches, as it is written or as it is read.
    pub(crate) fn judge(&self, text: &str, folded: &Folded, weight: f32) -> Option<Signal> {
        if self.each.is_empty() {
            return None;
        }
        let first = |text: &str| {
            let at = self.all.matches(text).iter().next()?;
            let (name, regex) = self.each.get(at)?;
            Some((name, regex.find(text)?.range()))
        };
        let written = || first(text);
        let (name, range) =
            first(folded.text()).map(|(name, range)| (name, folded.original(range))).or_else(written)?;
        Some(Signal {
            id: "pattern",
            weight,
            source: format!("pattern {name}").into(),
            evidence: evidence(text, range),
            why: format!("It matches the moderators' pattern {name}."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(regex: &str) -> Pattern {
        Pattern { name: "lure".to_owned(), regex: regex.to_owned() }
    }

    fn found(regex: &str, text: &str) -> Option<String> {
        let (patterns, refused) = Patterns::new(&[pattern(regex)]);
        assert_eq!(refused, []);
        patterns.judge(text, &Folded::new(text), 5.5).map(|signal| signal.evidence.text)
    }

    #[test]
    fn what_would_explode_or_match_everything_is_refused_with_the_reason() {
        let refusals = [
            ("(a{100}){100}{100}", PatternError::Room),
            ("x*", PatternError::Everything("")),
            (".", PatternError::Everything("hello")),
        ];
        for (regex, why) in refusals {
            assert_eq!(pattern(regex).check(), Err(why), "{regex}");
        }
        assert_eq!(pattern(&"x".repeat(LONGEST + 1)).check(), Err(PatternError::Long));
        let backtracking = pattern(r"(claim)\1").check();
        assert!(
            matches!(&backtracking, Err(PatternError::Syntax(why)) if why.contains("backreference")),
            "{backtracking:?}"
        );
        assert!(matches!(pattern("(unclosed").check(), Err(PatternError::Syntax(_))));
        let named = |name: &str| Pattern { name: name.to_owned(), regex: "claim".to_owned() }.check();
        assert_eq!(
            (named(""), named("Two Words"), named("two-2")),
            (Err(PatternError::Name), Err(PatternError::Name), Ok(()))
        );
    }

    #[test]
    fn the_pattern_that_hangs_other_engines_is_quick() {
        let text = format!("{}!", "a".repeat(4_000));
        assert_eq!(found("(a+)+$", &text), None);
        assert!(found("(a+)+!", &text).is_some(), "and its twin is found");
    }

    #[test]
    fn disguises_are_seen_through_and_the_evidence_is_as_it_was_written() {
        assert_eq!(found("lucky lantern", "join the Luсky L4ntern now").as_deref(), Some("Luсky L4ntern"));
        assert_eq!(found("LUCKY-[0-9]{3}", "code lucky-777").as_deref(), Some("lucky-777"));
        assert_eq!(found("lucky lantern", "a lucky day"), None);
    }

    #[test]
    fn of_too_many_the_first_are_used() {
        let many: Vec<Pattern> = (0..=MOST).map(|n| pattern(&format!("word{n}"))).collect();
        let (patterns, refused) = Patterns::new(&many);
        assert_eq!((patterns.each.len(), refused.len()), (MOST, 1));
    }
}
