//! The facts made ready for comparing: once per change of the facts, not once per message.

use std::collections::HashSet;

use crate::facts::Facts;
use crate::shape::{Digits, joined, shape};
use crate::signals::identity;

/// What is ours, shaped.
#[derive(Clone, Debug, Default)]
pub struct Known {
    hosts: HashSet<String>,
    addresses: HashSet<String>,
    pub(crate) brands: Vec<Brand>,
    pub(crate) staff: Vec<Person>,
}

/// A name we go by.
#[derive(Clone, Debug)]
pub(crate) struct Brand {
    /// As given.
    pub(crate) name: String,
    /// Lower case, for texts.
    pub(crate) word: String,
    /// Shaped, without gaps.
    pub(crate) shape: String,
    /// How many letters it has; digits make no name unmistakable.
    pub(crate) letters: usize,
}

/// One of us.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) ids: Vec<String>,
    pub(crate) names: Vec<Name>,
}

#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) shown: String,
    pub(crate) counts: Counts,
    /// Shaped, with its gaps.
    pub(crate) shape: String,
}

/// What is taken for a copy of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// What is like it, decorated or not.
    Given,
    /// The very same, or with an office.
    Unmistakable,
    /// Nothing: it may be anybody's.
    Common,
}

/// A shorter brand is in every other word.
const SHORTEST_BRAND: usize = 3;

impl Known {
    pub fn new(facts: &Facts) -> Self {
        let brands = facts.brands.iter().map(|name| Brand {
            name: name.clone(),
            word: name.to_lowercase(),
            shape: joined(&shape(name, Digits::Letters)),
            letters: name.chars().filter(|c| c.is_alphabetic()).count(),
        });
        let mut brands: Vec<Brand> = brands.filter(|brand| brand.shape.chars().count() >= SHORTEST_BRAND).collect();
        // The longest first: what names us most exactly is what a moderator is told.
        brands.sort_by_key(|brand| std::cmp::Reverse(brand.shape.len()));
        let staff = facts.staff.iter().map(|one| Person {
            ids: one.ids.clone(),
            names: {
                let given = one.names.iter().map(|shown| named(shown, Counts::Given));
                given.chain(one.shown.iter().map(|shown| named(shown, identity::of_shown(shown)))).collect()
            },
        });
        Self {
            hosts: facts.hosts.iter().map(|host| host.trim_end_matches('.').to_lowercase()).collect(),
            addresses: facts.addresses.iter().map(|address| canonical(address)).collect(),
            brands,
            staff: staff.collect(),
        }
    }

    /// Whether a host is one of ours, or lies below one.
    pub fn owns_host(&self, host: &str) -> bool {
        std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent))
            .any(|host| self.hosts.contains(host))
    }

    /// Whether an address is one of ours: byte for byte, but hex in any case.
    pub fn owns_address(&self, address: &str) -> bool {
        self.addresses.contains(&canonical(address))
    }

    /// Our address whose ends this one has, without being it: a copy meant to be taken for ours.
    pub(crate) fn twin_of(&self, address: &str) -> Option<&str> {
        let theirs = canonical(address);
        let ends = |address: &str| {
            let body = address.strip_prefix("0x").unwrap_or(address);
            let tail = body.len().checked_sub(4)?;
            Some((body.get(..4)?.to_owned(), body.get(tail..)?.to_owned()))
        };
        let wanted = ends(&theirs)?;
        let twin = |ours: &&String| **ours != theirs && ends(ours).is_some_and(|ends| ends == wanted);
        self.addresses.iter().find(twin).map(String::as_str)
    }

    /// The hosts that are ours.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// Whether somebody of us goes by this handle.
    pub(crate) fn is_staff_handle(&self, handle: &str) -> bool {
        let names = self.staff.iter().flat_map(|one| &one.names);
        names.into_iter().any(|name| name.shown.trim_start_matches('@').eq_ignore_ascii_case(handle))
    }

    /// Whether this platform id belongs to one of us.
    pub fn is_staff(&self, id: &str) -> bool {
        self.staff.iter().any(|one| one.ids.iter().any(|known| known == id))
    }
}

fn named(shown: &str, counts: Counts) -> Name {
    Name { shown: shown.to_owned(), counts, shape: shape(shown, Digits::Letters) }
}

fn canonical(address: &str) -> String {
    let address = address.trim();
    if address.starts_with("0x") || address.starts_with("0X") { address.to_lowercase() } else { address.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_ours_is_ours_and_what_ends_alike_is_not() {
        let facts = Facts { hosts: vec!["lumen.example.org".into()], ..Facts::default() };
        let known = Known::new(&facts);
        assert!(known.owns_host("lumen.example.org") && known.owns_host("docs.lumen.example.org"));
        assert!(!known.owns_host("example.org") && !known.owns_host("notlumen.example.org"));
    }

    #[test]
    fn an_address_with_our_ends_is_a_twin_and_ours_is_none() {
        let ours = "0x52908400098527886E0F7030069857D2E4169EE7";
        let facts = Facts { addresses: vec![ours.into()], ..Facts::default() };
        let known = Known::new(&facts);
        assert!(known.owns_address(&ours.to_lowercase()));
        assert_eq!(known.twin_of(ours), None);
        assert!(known.twin_of("0x5290000000000000000000000000000000009EE7").is_some());
    }
}
