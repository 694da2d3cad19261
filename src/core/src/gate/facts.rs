//! What the gate knows of the base, and why it stops an answer.

use std::collections::BTreeSet;

use townkeeper_contract::text::extract::masks;
use townkeeper_contract::text::{Allowed, Finding, FindingKind, extract};
use townkeeper_knowledge::{Base, Entry};

use super::words;

/// What an entry holds, in canonical forms.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    allowed: Allowed,
    /// Numbers in words.
    numbers: BTreeSet<String>,
}

/// Why an answer was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Something that money follows, and that the cited entry does not hold.
    Fact(FindingKind),
    /// A number in words that it does not hold.
    Number,
    /// Anything about seeds, keys and passwords, whatever the entry holds.
    Key,
    /// Letters that pretend to be others.
    Disguise,
    /// A link that shows one host and opens another.
    Masked,
    /// A stretch without an end that might be any of these.
    Endless,
}

/// A near miss: what stopped an answer could be taken for something of ours. Somebody tries, or a model slips where it
/// hurts: an alarm either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAlike {
    pub kind: FindingKind,
    /// Which of ours it looks like; published, so it may be logged.
    pub ours: String,
}

/// What must not leave.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    pub(super) why: Stopped,
    pub(super) finding: Option<Finding>,
}

impl From<Stopped> for Foreign {
    fn from(why: Stopped) -> Self {
        Self { why, finding: None }
    }
}

impl Foreign {
    /// Whether it is nearly one of ours, whichever entry holds that.
    pub(super) fn look_alike(&self, base: &Base) -> Option<LookAlike> {
        let finding = self.finding.as_ref()?;
        let ours = base.allowed().near(finding)?.to_owned();
        Some(LookAlike { kind: finding.kind, ours })
    }
}

impl Facts {
    /// The facts in an entry's published words and its link.
    pub fn of(entry: &Entry) -> Self {
        let texts = entry.published();
        let strict = texts.iter().flat_map(|text| words::strict(text));
        let numbers = strict.filter(|(kind, _)| *kind == words::Kind::Number).map(|(_, number)| number).collect();
        Self { allowed: Allowed::of(texts.iter().map(String::as_str)), numbers }
    }

    /// Why `text` must not leave: the first finding in it that is not among these facts.
    pub fn first_foreign(&self, text: &str) -> Option<Stopped> {
        self.foreign("", text).map(|foreign| foreign.why)
    }

    /// What must not leave in text that goes on where `before` ended: what a finding is depends on what stands before
    /// it.
    pub(super) fn foreign(&self, before: &str, text: &str) -> Option<Foreign> {
        let (line, whole_line) = last_line(before);
        let joined = format!("{line}{text}");
        let foreign = |finding: &Finding| {
            finding.range.end > line.len()
                && !self.allowed.holds(finding)
                && !(is_ordinal(&joined, finding) && (whole_line || finding.range.start >= line.len()))
        };
        if let Some(finding) = extract(&joined).into_iter().find(foreign) {
            return Some(Foreign { why: Stopped::Fact(finding.kind), finding: Some(finding) });
        }
        if masks(&joined) {
            return Some(Stopped::Masked.into());
        }
        self.first_word(words::strict(line).len(), &joined).map(Foreign::from)
    }

    /// The first word that must not leave, beyond the first so many of them.
    fn first_word(&self, known: usize, text: &str) -> Option<Stopped> {
        words::strict(text).into_iter().skip(known).find_map(|(kind, word)| match kind {
            words::Kind::Number => (!self.numbers.contains(&word)).then_some(Stopped::Number),
            words::Kind::Key => Some(Stopped::Key),
            words::Kind::Disguise => Some(Stopped::Disguise),
        })
    }
}

/// How far back the beginning of a finding is looked for, in bytes.
const CONTEXT: usize = 160;

/// The end of the last line of `text`, and whether it reaches back to the line's beginning.
fn last_line(text: &str) -> (&str, bool) {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let mut from = line.len().saturating_sub(CONTEXT);
    while !line.is_char_boundary(from) {
        from += 1;
    }
    (line.get(from..).unwrap_or_default(), from == 0)
}

/// Whether a finding is the number of a list's item: one or two digits at the beginning of a line, then `.` or `)` and
/// white space.
fn is_ordinal(text: &str, finding: &Finding) -> bool {
    let (before, rest) = (text.get(..finding.range.start), text.get(finding.range.clone()));
    let first = before.is_some_and(|before| before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()));
    let digits = rest.is_some_and(|number| number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit()));
    let mut after = text.get(finding.range.end..).unwrap_or_default().chars();
    let marked = matches!(after.next(), Some('.' | ')')) && after.next().is_none_or(char::is_whitespace);
    finding.kind == FindingKind::Amount && first && digits && marked
}
