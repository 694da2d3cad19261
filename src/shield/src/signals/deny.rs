//! L0: what is known to be bad. Nobody is too trusted for it: accounts are stolen. And whom earlier victims were sent to.

use std::borrow::Cow;

use super::evidence;
use crate::confirmed::leads_to;
use crate::fold::Folded;
use crate::found::Found;
use crate::known::Known;
use crate::lists::{Lists, Standing};
use crate::score::Weights;
use crate::verdict::Signal;

/// Hosts, addresses and ways into rooms that are denied. No list is about what is ours.
pub(crate) fn judge(text: &str, found: &Found, known: &Known, lists: &Lists, weights: &Weights) -> Vec<Signal> {
    let hosts = found.hosts.iter().filter(|host| !known.owns_host(&host.name)).filter_map(|host| {
        let Standing::Denied { entry, source, case } = lists.standing(&host.name) else { return None };
        let entry = entry.replace('.', "[.]");
        let why = case.map_or_else(|| format!("{entry} is on {source}."), |case| confirmed(&entry, case));
        Some(Signal {
            id: "denied_host",
            weight: weights.of("denied_host"),
            source: case.map_or_else(|| format!("list {source}").into(), of_case),
            evidence: evidence(text, host.range.clone()),
            why,
        })
    });
    let theirs = found.addresses.iter().filter(|spot| !known.owns_address(&spot.value));
    let addresses = theirs.filter_map(|spot| {
        let case = lists.confirmed.address(&spot.value);
        let listed = || lists.denies_address(&spot.value).then(|| "This address is known to be a thief's.".to_owned());
        Some(Signal {
            id: "denied_address",
            weight: weights.of("denied_address"),
            source: case.map_or("list addresses".into(), of_case),
            evidence: evidence(text, spot.range.clone()),
            why: case.map(|case| confirmed("This address", case)).or_else(listed)?,
        })
    });
    let invites = found.invites.iter().filter_map(|spot| {
        let case = lists.confirmed.invite(spot, text)?;
        Some(Signal {
            id: "denied_invite",
            weight: weights.of("denied_invite"),
            source: of_case(case),
            evidence: evidence(text, spot.range.clone()),
            why: confirmed("The room that it invites into", case),
        })
    });
    hosts.chain(addresses).chain(invites).collect()
}

/// Word for word what moderators confirmed.
pub(crate) fn words(text: &str, folded: &Folded, lists: &Lists, weights: &Weights) -> Option<Signal> {
    let case = lists.confirmed.words(folded)?;
    Some(Signal {
        id: "known_scam",
        weight: weights.of("known_scam"),
        source: of_case(case),
        evidence: evidence(text, 0..text.len()),
        why: confirmed("Word for word, this", case),
    })
}

/// Somebody whom the words of a case sent its victims to, and this text its readers. A sign and no hard fact, for a name can
/// be given up and taken by somebody honest; to mention it is nothing at all.
pub(crate) fn people(
    text: &str,
    folded: &Folded,
    found: &Found,
    (known, lists): (&Known, &Lists),
    weight: f32,
) -> Option<Signal> {
    found.handles.iter().find_map(|spot| {
        let case = lists.confirmed.person(&spot.value)?;
        if known.is_staff_handle(&spot.value) || !leads_to(text, folded, spot) {
            return None;
        }
        Some(Signal {
            id: "denied_handle",
            weight,
            source: of_case(case),
            evidence: evidence(text, spot.range.clone()),
            why: format!("Case {case}, a scam, sent people to @{} too.", spot.value),
        })
    })
}

fn confirmed(what: &str, case: i64) -> String {
    format!("{what} was confirmed to be a scam's (case {case}).")
}

fn of_case(case: i64) -> Cow<'static, str> {
    format!("case {case}").into()
}
