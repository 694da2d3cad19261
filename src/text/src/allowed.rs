//! What may be said: the findings in texts that we published, in canonical forms. The gate holds it against a model's
//! words, the shield against everybody's.
//!
//! Addresses, handles and codes must be byte for byte what is published; links, dates and amounts must have the same
//! canonical form. What is nearly one of them is worse than what is nothing like it: see [`Allowed::near`].

mod near;

use std::collections::BTreeSet;

use crate::extract::{Finding, FindingKind, extract, host_of};

/// Findings that may be said.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    findings: BTreeSet<(FindingKind, String)>,
    /// The hosts among them.
    hosts: BTreeSet<String>,
}

impl Allowed {
    /// Everything that these texts hold.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut allowed = Self::default();
        texts.into_iter().for_each(|text| allowed.add(text));
        allowed
    }

    /// What this text holds is allowed as well, and so are its less precise forms: a date without its year, a link's
    /// host alone, an invitation's code.
    pub fn add(&mut self, text: &str) {
        for finding in extract(text) {
            match finding.kind {
                FindingKind::Date => self.add_date(&finding.value),
                FindingKind::Url => self.insert(FindingKind::Host, finding.host()),
                FindingKind::Invite => {
                    self.insert(FindingKind::Host, finding.host());
                    let code = finding.value.rsplit('/').next().map(|code| code.trim_start_matches(['+', '#']));
                    self.insert(FindingKind::Invite, code.map(|code| format!("code:{code}")).as_deref());
                }
                _ => {}
            }
            self.insert(finding.kind, Some(&finding.value));
        }
    }

    fn add_date(&mut self, value: &str) {
        if let Some((year, rest)) = value.split_once('-').filter(|(year, _)| year.len() == 4) {
            self.insert(FindingKind::Date, Some(year));
            if let Some((month, day)) = rest.split_once('-') {
                self.insert(FindingKind::Date, Some(&format!("--{month}-{day}")));
                self.insert(FindingKind::Date, Some(&format!("{year}-{month}")));
            }
        }
    }

    fn insert(&mut self, kind: FindingKind, value: Option<&str>) {
        let Some(value) = value else { return };
        self.hosts.extend(host_of(kind, value).map(str::to_owned));
        self.findings.insert((kind, value.to_owned()));
    }

    /// Whether this finding is one of ours.
    pub fn holds(&self, finding: &Finding) -> bool {
        self.findings.contains(&(finding.kind, finding.value.clone()))
    }

    /// Which of ours a foreign finding could be taken for, if any. Never to be corrected, always an alarm.
    pub fn near(&self, finding: &Finding) -> Option<&str> {
        if self.holds(finding) {
            return None;
        }
        if let Some(host) = near::host_in(finding) {
            return near::host(&host, &self.hosts);
        }
        let ours = self.findings.iter().filter(|(kind, _)| *kind == finding.kind).map(|(_, value)| value.as_str());
        ours.into_iter().find(|ours| near::values(finding.kind, &finding.value, ours))
    }

    /// All of them, with their kinds.
    pub fn findings(&self) -> impl Iterator<Item = (FindingKind, &str)> {
        self.findings.iter().map(|(kind, value)| (*kind, value.as_str()))
    }

    /// The hosts of everything that may be said.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// The addresses that may be said, byte for byte.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let found = self.findings.iter().filter(|(kind, _)| *kind == FindingKind::Address);
        found.map(|(_, value)| value.as_str())
    }

    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

#[cfg(test)]
mod tests;
