//! What is ours, for the safety page and for the message that says so in a place. Both show what entries of class `safety`
//! hold today: what is withdrawn, or not reviewed in time, is on neither.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use townkeeper_contract::text::{Block, BlockKind, Origin};
use townkeeper_knowledge::facts::{Chain, Value};
use townkeeper_knowledge::{Base, Class, Entry};

use crate::decide::may_answer;

/// What is ours on one day.
#[derive(Clone, Debug)]
pub struct Ours<'b> {
    /// The entries that say so.
    pub entries: Vec<&'b Entry>,
    /// The hosts that they lead to, sorted: what an address must begin with to be ours.
    pub hosts: Vec<String>,
    /// Their links in the facts table; what most of them show comes first.
    pub links: Vec<OurLink<'b>>,
    /// Their contracts' addresses in the facts table, by id.
    pub addresses: Vec<OurAddress<'b>>,
}

/// The entry that says which scams are going round; the items of its list stand on the safety page.
pub const GOING_ROUND: &str = "current-scams";

impl<'b> Ours<'b> {
    /// Which scams are going round, where an entry says so: the entry, and the items of its list.
    pub fn going_round(&self) -> Option<(&'b Entry, Vec<&'b Block>)> {
        let entry = self.entries.iter().copied().find(|entry| entry.id.as_str() == GOING_ROUND)?;
        let items = entry.body.blocks.iter().filter(|block| matches!(block.kind, BlockKind::Item { .. }));
        Some((entry, items.collect())).filter(|(_, items): &(_, Vec<_>)| !items.is_empty())
    }
}

/// A link of the facts table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OurLink<'b> {
    /// `link.portal`
    pub id: &'b str,
    pub url: &'b str,
}

/// An address of the facts table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OurAddress<'b> {
    /// `address.token`
    pub id: &'b str,
    pub chain: Chain,
    pub value: &'b str,
}

/// What is ours today.
pub fn ours(base: &Base, today: NaiveDate) -> Ours<'_> {
    let entries = base.entries().filter(|entry| entry.class == Class::Safety && may_answer(entry, today));
    let entries: Vec<&Entry> = entries.collect();
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for id in entries.iter().flat_map(|entry| &entry.facts) {
        *shown.entry(id).or_default() += 1;
    }
    let (mut links, mut addresses) = (Vec::new(), Vec::new());
    for &id in shown.keys() {
        match base.facts().get(id).map(|fact| &fact.value) {
            Some(Value::Link { url }) => links.push(OurLink { id, url }),
            Some(Value::Address { chain, value }) => addresses.push(OurAddress { id, chain: *chain, value }),
            _ => {}
        }
    }
    links.sort_by_key(|link| Reverse(shown.get(link.id).copied()));
    Ours { hosts: hosts(&entries), links, addresses, entries }
}

/// A fact as people call it: the name in its id, in words.
pub fn name(id: &str) -> String {
    id.split_once('.').map_or(id, |(_, name)| name).replace('-', " ")
}

fn hosts(entries: &[&Entry]) -> Vec<String> {
    let links = entries.iter().flat_map(|entry| {
        let own = entry.body.runs().filter(|run| matches!(run.origin, Origin::Canonical(_)));
        own.filter_map(|run| run.link.as_deref()).chain(std::iter::once(entry.canonical_url.as_str()))
    });
    let hosts: BTreeSet<String> = links.filter_map(host).map(str::to_lowercase).collect();
    hosts.into_iter().collect()
}

/// The host (and port) of an address of the one form that becomes a link: https, plain ASCII, no user part, no
/// backslash, no space.
pub fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_at_checked("https://".len())?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (name, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let plain = scheme.eq_ignore_ascii_case("https://")
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && (1..=5).contains(&port.len())
        && port.bytes().all(|b| b.is_ascii_digit())
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    plain.then_some(authority)
}
