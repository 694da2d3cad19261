//! L0: what is known to be bad. Nobody is too trusted for it: accounts are stolen.

use super::evidence;
use crate::found::Found;
use crate::known::Known;
use crate::lists::{Lists, Standing};
use crate::score::Weights;
use crate::verdict::Signal;

/// Hosts and addresses that a list denies. No list is about what is ours.
pub(crate) fn judge(text: &str, found: &Found, known: &Known, lists: &Lists, weights: &Weights) -> Vec<Signal> {
    let hosts = found.hosts.iter().filter(|host| !known.owns_host(&host.name)).filter_map(|host| {
        match lists.standing(&host.name) {
            Standing::Denied { entry, source } => Some(Signal {
                id: "denied_host",
                weight: weights.of("denied_host"),
                evidence: evidence(text, host.range.clone()),
                why: format!("{} is on {source}.", entry.replace('.', "[.]")),
            }),
            _ => None,
        }
    });
    let theirs = found.addresses.iter().filter(|spot| !known.owns_address(&spot.value));
    let addresses = theirs.filter(|spot| lists.denies_address(&spot.value)).map(|spot| Signal {
        id: "denied_address",
        weight: weights.of("denied_address"),
        evidence: evidence(text, spot.range.clone()),
        why: "This address is known to be a thief's.".to_owned(),
    });
    hosts.chain(addresses).collect()
}
