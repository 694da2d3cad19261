//! How near a foreign finding is to one of ours: what a hurried reader, or a copied address, could be deceived by.

use std::collections::BTreeSet;

use strsim::{levenshtein, osa_distance};

use crate::extract::{Finding, FindingKind};
use crate::normalise::skeleton;

/// Labels that name no community.
const GENERIC: &[&str] = &[
    "account", "blog", "chat", "discord", "docs", "forum", "github", "help", "info", "mail", "news", "official",
    "page", "portal", "status", "support", "telegram", "wiki",
];

/// A shorter label or name is in too many others.
const SHORTEST: usize = 4;

/// So many characters at both ends of an address are what people compare.
const ENDS: usize = 4;

/// The host of a link, a bare host or a mail address: what such findings are compared by.
pub(super) fn host_in(finding: &Finding) -> Option<String> {
    if !matches!(finding.kind, FindingKind::Url | FindingKind::Host) {
        return None;
    }
    let mail = || finding.value.strip_prefix("mailto:")?.rsplit('@').next();
    finding.host().or_else(mail).map(str::to_owned)
}

/// Which of our hosts `host` could be taken for. One of ours is never taken for another.
pub(super) fn host<'a>(host: &str, ours: &'a BTreeSet<String>) -> Option<&'a str> {
    if ours.contains(host) {
        return None;
    }
    let theirs = bare(host);
    ours.iter().find(|our| alike(&theirs, &bare(our), our)).map(String::as_str)
}

/// A host as it is read, not as it is sent, and then as a hurried reader sees it.
fn bare(host: &str) -> String {
    let host = host.strip_prefix("www.").unwrap_or(host);
    // What is no good name in punycode stands there as it was written.
    if host.contains("xn--") { skeleton(&idna::domain_to_unicode(host).0) } else { skeleton(host) }
}

fn alike(theirs: &str, ours: &str, our: &str) -> bool {
    // A longer name bears more mistakes.
    let typos = match ours.chars().count() {
        0..=5 => 0,
        6..=9 => 1,
        _ => 2,
    };
    theirs.contains(ours)
        || osa_distance(theirs, ours) <= typos
        || brand(our).is_some_and(|brand| theirs.contains(&brand))
}

/// The first label of a host that names somebody, as a skeleton.
fn brand(host: &str) -> Option<String> {
    let suffix = psl::suffix_str(host).map_or(0, str::len);
    let name = host.get(..host.len().saturating_sub(suffix))?;
    let label = name.split('.').find(|label| label.len() >= SHORTEST && !GENERIC.contains(label))?;
    Some(skeleton(label))
}

/// Whether two values of a kind without a host are near each other.
pub(super) fn values(kind: FindingKind, theirs: &str, ours: &str) -> bool {
    match kind {
        FindingKind::Address => addresses(theirs, ours),
        FindingKind::Date => dates(theirs, ours),
        FindingKind::Amount => amounts(theirs, ours),
        FindingKind::Handle => handles(theirs, ours),
        FindingKind::Invite => levenshtein(theirs, ours) <= 2,
        FindingKind::Encoded | FindingKind::Url | FindingKind::Host => false,
    }
}

/// The same ends, whole or abbreviated; the same letters in another case; hardly a difference.
fn addresses(theirs: &str, ours: &str) -> bool {
    let bare = |address: &str| address.strip_prefix("0x").unwrap_or(address).to_lowercase();
    let (theirs, ours) = (bare(theirs), bare(ours));
    let ends = |address: &str| {
        let tail = address.len().checked_sub(ENDS)?;
        Some((address.get(..ENDS)?.to_owned(), address.get(tail..)?.to_owned()))
    };
    match theirs.split_once("...") {
        Some((head, tail)) => head.len() >= 3 && tail.len() >= 3 && ours.starts_with(head) && ours.ends_with(tail),
        None => ends(&theirs).is_some_and(|theirs| Some(theirs) == ends(&ours)) || levenshtein(&theirs, &ours) <= 3,
    }
}

/// Day, month or year is another, and the rest is the same.
fn dates(theirs: &str, ours: &str) -> bool {
    let parts = |date: &str| date.split(['-', '/']).map(str::to_owned).collect::<Vec<_>>();
    let (theirs, ours) = (parts(theirs), parts(ours));
    let known = ours.iter().filter(|part| !part.is_empty()).count();
    let differ = theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours).count();
    theirs.len() == ours.len() && known > 1 && differ == 1
}

/// A ratio with a side of ours, or turned round; a large number with another digit.
fn amounts(theirs: &str, ours: &str) -> bool {
    match (theirs.split_once([':', '/']), ours.split_once([':', '/'])) {
        (Some((a, b)), Some((x, y))) => a == x || b == y || (a, b) == (y, x),
        (None, None) => ours.len() >= SHORTEST && levenshtein(theirs, ours) == 1,
        _ => false,
    }
}

fn handles(theirs: &str, ours: &str) -> bool {
    let bare = |handle: &str| skeleton(handle.trim_start_matches(['@', '#'])).replace(['_', '-', '.'], "");
    let (theirs, ours) = (bare(theirs), bare(ours));
    ours.len() >= SHORTEST && (theirs.contains(&ours) || osa_distance(&theirs, &ours) <= 1)
}
