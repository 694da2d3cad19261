//! L0: what is known to be bad. Nobody is too trusted for it: accounts are stolen.

use super::evidence;
use crate::found::Found;
use crate::lists::{Lists, Standing};
use crate::score::Weights;
use crate::verdict::Signal;

/// Hosts and addresses that a list denies; `theirs` tells whether a stretch is in others' words.
pub(crate) fn judge(text: &str, found: &Found, lists: &Lists, weights: &Weights) -> Vec<Signal> {
    let hosts = found.hosts.iter().filter_map(|host| match lists.standing(&host.name) {
        Standing::Denied { entry, source } => Some(Signal {
            id: "denied_host",
            weight: weights.of("denied_host"),
            evidence: evidence(text, host.range.clone()),
            why: format!("{} is on {source}.", entry.replace('.', "[.]")),
        }),
        _ => None,
    });
    let addresses = found.addresses.iter().filter(|spot| lists.denies_address(&spot.value)).map(|spot| Signal {
        id: "denied_address",
        weight: weights.of("denied_address"),
        evidence: evidence(text, spot.range.clone()),
        why: "This address is known to be a thief's.".to_owned(),
    });
    hosts.chain(addresses).collect()
}
