//! What stands in an answer instead of being shown by id (L3), and what contradicts something else (L2).

use std::collections::{BTreeMap, BTreeSet};

use townkeeper_contract::text::{Finding as Found, FindingKind, Origin, RichText, Run, extract};

use super::{Place, Report, Rule, Severity};
use crate::entry::{Class, Entry, Said};
use crate::facts::address::{self, Chain};
use crate::facts::{FactTable, Value};

/// What the facts hold, in canonical form, and by which id.
pub(super) type Known = BTreeMap<(FindingKind, String), String>;

/// Looks at an entry's words, in every language.
pub(super) fn look(place: Place<'_>, known: &Known, report: &mut Report<'_>) {
    for said in blocks(place.entry) {
        for found in literal(place.entry, said.body, &report.written.facts) {
            written_out(place, &found, known, report);
        }
    }
    contradictions(place, report);
}

/// What an entry says, language by language.
fn blocks(entry: &Entry) -> impl Iterator<Item = Said<'_>> {
    std::iter::once(entry.said()).chain(entry.translations.iter().filter_map(|block| entry.said_in(&block.lang)))
}

fn is_own(entry: &Entry, run: &Run) -> bool {
    matches!(&run.origin, Origin::Canonical(id) if id == entry.id.as_str())
}

/// What the entry's own words hold and where its own links lead, facts left out.
fn literal(entry: &Entry, body: &RichText, facts: &FactTable) -> Vec<Found> {
    let by_id = |link: &&str| facts.iter().any(|(_, fact)| fact.link() == Some(link));
    let mut all = Vec::new();
    for block in &body.blocks {
        let text: String = block.runs.iter().map(|run| if is_own(entry, run) { &run.text } else { " " }).collect();
        all.extend(extract(&text));
        let links = block.runs.iter().filter(|run| is_own(entry, run)).filter_map(|run| run.link.as_deref());
        let links = links.filter(|link| !by_id(link));
        all.extend(links.flat_map(extract));
    }
    all
}

/// Whether money may follow it. Of numbers only those that relate two things: "12 or 24 words" is no fact.
fn matters(found: &Found) -> bool {
    match found.kind {
        FindingKind::Url
        | FindingKind::Host
        | FindingKind::Address
        | FindingKind::Date
        | FindingKind::Handle
        | FindingKind::Invite
        | FindingKind::Encoded => true,
        FindingKind::Amount => found.value.contains([':', '%', '$', '€', '£']) || found.value.ends_with('x'),
    }
}

pub(super) fn known(facts: &FactTable) -> Known {
    let mut known = BTreeMap::new();
    for (id, fact) in facts.iter() {
        let parts = std::iter::once(None).chain(fact.value.parts().iter().copied().map(Some));
        for part in parts {
            let Some(shown) = fact.value.shown(part, "en") else { continue };
            for found in extract(&shown) {
                let id = part.map_or_else(|| id.to_owned(), |part| format!("{id}.{part}"));
                if let (FindingKind::Url, Some(host)) = (found.kind, found.host()) {
                    known.entry((FindingKind::Host, host.to_owned())).or_insert_with(|| id.clone());
                }
                known.entry((found.kind, found.value)).or_insert(id);
            }
        }
    }
    known
}

fn written_out(place: Place<'_>, found: &Found, known: &Known, report: &mut Report<'_>) {
    // Where money may follow it, even its own page is a fact: one line to change, and two people who answer for it.
    let own_page = place.entry.class == Class::Routine
        && found.kind == FindingKind::Url
        && found.value == place.entry.canonical_url.trim_end_matches('/');
    if !matters(found) || own_page {
        return;
    }
    let value = &found.value;
    let at = (place.file, value.as_str());
    if found.kind == FindingKind::Address
        && value.starts_with("0x")
        && value.len() == 42
        && let Some(fault) = address::fault(Chain::Evm, value)
    {
        let reason = format!("`{value}` is no address: {fault}");
        return report.add(Rule::L8, Severity::Error, at, reason, "copy it again from where it was published");
    }
    match known.get(&(found.kind, value.clone())) {
        // The name of a host alone, in a sentence about it, is no link.
        Some(_) if found.kind == FindingKind::Host => {}
        Some(id) => {
            let reason = format!("`{value}` is written out, and is the fact `{id}`");
            report.add(Rule::L3, Severity::Warning, at, reason, &format!("write `{{{id}}}` instead"));
        }
        None => {
            let reason = format!("`{value}` stands in the answer and in no facts table");
            let remedy = "add it to facts.toml and show it by its id, as in `{link.portal}`";
            report.add(Rule::L3, place.severity(), at, reason, remedy);
        }
    }
}

/// Whether two languages say the same numbers and show the same facts.
fn contradictions(place: Place<'_>, report: &mut Report<'_>) {
    let Place { file, entry } = place;
    let table = &report.written.facts;
    let own = numbers(entry, &entry.body, table);
    let facts = shown(entry, &entry.body);
    for block in &entry.translations {
        let at = (file, block.title.as_str());
        let other = numbers(entry, &block.body, table);
        if let Some(number) = own.symmetric_difference(&other).next() {
            let reason = format!("`{number}` stands in `{}` or in `{}`, but not in both", entry.lang, block.lang);
            report.add(Rule::L2, place.severity(), at, reason, "say the same in every language, best by a fact's id");
        }
        if let Some(id) = facts.symmetric_difference(&shown(entry, &block.body)).next() {
            let reason =
                format!("the fact `{id}` is shown in `{}` or in `{}`, but not in both", entry.lang, block.lang);
            report.add(Rule::L2, Severity::Warning, at, reason, "show the same facts in every language");
        }
    }
}

/// Dates are left out: months have other names in every language.
fn numbers(entry: &Entry, body: &RichText, facts: &FactTable) -> BTreeSet<String> {
    let counts = |found: &Found| {
        matches!(found.kind, FindingKind::Amount | FindingKind::Url | FindingKind::Address)
            && found.value.chars().any(|c| c.is_ascii_digit())
    };
    literal(entry, body, facts).into_iter().filter(counts).map(|found| found.value).collect()
}

fn shown<'e>(entry: &'e Entry, body: &'e RichText) -> BTreeSet<&'e str> {
    let of_fact = |run: &'e Run| match &run.origin {
        Origin::Canonical(id) if id != entry.id.as_str() => Some(id.as_str()),
        _ => None,
    };
    body.runs().filter_map(of_fact).collect()
}

/// Facts that cannot both be true, or that are one fact under two names.
pub(super) fn table(report: &mut Report<'_>) {
    let Some((file, _)) = report.written.texts.iter().find(|(file, _)| crate::facts::is_table(file)) else {
        return;
    };
    let facts: Vec<_> = report.written.facts.iter().collect();
    for (n, (id, fact)) in facts.iter().enumerate() {
        for (other_id, other) in facts.iter().skip(n + 1) {
            let conflict = match (&fact.value, &other.value) {
                (Value::Ratio { from, to }, Value::Ratio { from: other_from, to: other_to }) => {
                    (unit(from), unit(to)) == (unit(other_from), unit(other_to)) && fact.value != other.value
                }
                _ => false,
            };
            let same = fact.value == other.value && matches!(fact.value, Value::Address { .. } | Value::Link { .. });
            let found = if conflict {
                let reason = format!("`{id}` and `{other_id}` give the same two units different ratios");
                Some((Severity::Error, reason, "one of the two is wrong: keep the true one"))
            } else if same {
                let reason = format!("`{id}` and `{other_id}` are the same");
                Some((Severity::Warning, reason, "keep one id, so that a change reaches every answer"))
            } else {
                None
            };
            if let Some((severity, reason, remedy)) = found {
                let (line, remedy) = (fact.line.max(other.line), remedy.to_owned());
                report.findings.push(super::Finding {
                    rule: Rule::L2,
                    severity,
                    file: file.clone(),
                    line,
                    reason,
                    remedy,
                });
            }
        }
    }
}

fn unit(side: &str) -> &str {
    side.split_once(' ').map_or("", |(_, unit)| unit)
}
