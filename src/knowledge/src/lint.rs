//! What a reader would stumble over before the town does. Ten rules, each finding with its place, its reason and what to
//! do. Errors end the command with 1, and those that a change brings in keep it from being published.
//!
//! | rule | finds |
//! |---|---|
//! | L0 | what cannot be read |
//! | L1 | questions that two entries ask |
//! | L2 | facts that contradict each other; numbers that differ between languages |
//! | L3 | links, addresses, dates and ratios written out instead of shown by id |
//! | L4 | hosts that look like one of ours |
//! | L5 | links that lead nowhere, or elsewhere (asks the network, hence outside this crate) |
//! | L6 | what is stale, or was said of a day that passes |
//! | L7 | a language the workspace speaks and the entry does not |
//! | L8 | addresses whose checksum or length is wrong |
//! | L9 | links to what is superseded |
//! | L10 | entries that none of their own variants reaches |

mod lookalike;
mod reach;
mod stale;
mod words;

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::base::Base;
use crate::entry::{Class, Entry, EntryError, Status};
use crate::facts::table::NO_ADDRESS;
use crate::written::{Document, Written};

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    pub file: String,
    /// Counts from 1; 0 where no line is to blame.
    pub line: usize,
    pub reason: String,
    pub remedy: String,
}

/// See the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Rule {
    L0,
    L1,
    L2,
    L3,
    L4,
    L5,
    L6,
    L7,
    L8,
    L9,
    L10,
}

/// What a finding leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A change that brings it in is not published.
    Error,
    Warning,
}

/// What the base is held against.
#[derive(Clone, Debug)]
pub struct Policy {
    pub today: NaiveDate,
    /// The languages that the workspace speaks, as BCP 47 tags. Empty: no entry is asked for another.
    pub languages: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.line == 0 { self.file.clone() } else { format!("{}:{}", self.file, self.line) };
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{place}: {severity} {:?}: {}; {}", self.rule, self.reason, self.remedy)
    }
}

impl From<EntryError> for Finding {
    fn from(error: EntryError) -> Self {
        let EntryError { file, line, reason, remedy } = error;
        let rule = if reason.contains(NO_ADDRESS) { Rule::L8 } else { Rule::L0 };
        Self { rule, severity: Severity::Error, file, line, reason, remedy }
    }
}

/// Looks at a base; errors first, then by file and line.
pub fn lint(written: &Written, policy: &Policy) -> Vec<Finding> {
    let base = Base::build(written.entries.clone()).ok();
    lint_with(written, base.as_ref(), policy)
}

/// The same where the base is built already. `base`: of these entries; none where nothing of them is published.
pub fn lint_with(written: &Written, base: Option<&Base>, policy: &Policy) -> Vec<Finding> {
    let mut report = Report { written, findings: Vec::new() };
    let known = words::known(&written.facts);
    for (file, entry) in &written.entries {
        let place = Place { file, entry };
        words::look(place, &known, &mut report);
        stale::look(place, policy, &mut report);
        languages(place, policy, &mut report);
    }
    words::table(&mut report);
    lookalike::look(&mut report);
    stale::superseded(&mut report);
    reach::look(base, &mut report);
    sorted(report.findings)
}

/// The same of files that may not even be readable.
pub fn lint_documents(documents: Vec<Document>, policy: &Policy) -> Vec<Finding> {
    match Written::read(documents) {
        Ok(written) => lint(&written, policy),
        Err(errors) => sorted(errors.into_iter().map(Finding::from).collect()),
    }
}

/// Errors first, then by file and line.
pub fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (a.severity, &a.file, a.line, a.rule).cmp(&(b.severity, &b.file, b.line, b.rule)));
    findings.dedup();
    findings
}

/// An entry and the file it came from.
#[derive(Clone, Copy)]
struct Place<'w> {
    file: &'w str,
    entry: &'w Entry,
}

impl Place<'_> {
    /// How bad something is that money may follow.
    fn severity(&self) -> Severity {
        if self.entry.class == Class::Safety { Severity::Error } else { Severity::Warning }
    }

    fn published(&self) -> bool {
        self.entry.status == Status::Published
    }
}

/// What was found, and in what.
struct Report<'w> {
    written: &'w Written,
    findings: Vec<Finding>,
}

impl Report<'_> {
    /// `at` is a text on the line to blame.
    fn add(&mut self, rule: Rule, severity: Severity, (file, at): (&str, &str), reason: String, remedy: &str) {
        let line = self.written.line(file, at, 1);
        self.findings.push(Finding { rule, severity, file: file.to_owned(), line, reason, remedy: remedy.to_owned() });
    }
}

fn languages(place: Place<'_>, policy: &Policy, report: &mut Report<'_>) {
    for lang in policy.languages.iter().filter(|lang| place.published() && place.entry.said_in(lang).is_none()) {
        let reason = format!("no block in `{lang}`, which this workspace speaks");
        let remedy = "add one that opens with a line such as `--- lang: de`; until then the original is said";
        report.add(Rule::L7, Severity::Warning, (place.file, "lang:"), reason, remedy);
    }
}
