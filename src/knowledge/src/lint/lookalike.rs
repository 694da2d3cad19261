//! Hosts that could be taken for one of ours (L4): one or two letters away, the same to the eye, the same name below
//! another ending, or one of ours as the beginning of another.

use std::collections::BTreeSet;

use strsim::osa_distance;
use townkeeper_contract::text::{RichText, extract, skeleton};

use super::{Report, Rule, Severity};
use crate::facts::Value;

/// How many letters apart two names may be and still be mistaken for each other.
const NEAR: usize = 2;
/// Shorter names are near each other by chance.
const SHORTEST: usize = 6;

pub(super) fn look(report: &mut Report<'_>) {
    let written = report.written;
    let mut ours: Vec<(&str, String)> = Vec::new();
    for (id, fact) in written.facts.iter() {
        let Value::Link { url } = &fact.value else { continue };
        let Some(host) = host(url) else { continue };
        if let Some((other, like)) = ours.iter().find(|(_, known)| is_like(&host, known)) {
            let file = written.texts.keys().find(|file| crate::facts::is_table(file));
            let reason = format!("the host of `{id}`, {host}, looks like {like} of `{other}`");
            let remedy = "make sure that both are yours; two names so alike help whoever imitates you";
            let file = file.map_or("facts.toml", String::as_str);
            report.add(Rule::L4, Severity::Warning, (file, url), reason, remedy);
        }
        if !ours.iter().any(|(_, known)| *known == host) {
            ours.push((id, host));
        }
    }
    let hosts: BTreeSet<String> = ours.into_iter().map(|(_, host)| host).collect();
    for (file, entry) in &written.entries {
        let bodies = std::iter::once(&entry.body).chain(entry.translations.iter().map(|block| &block.body));
        let mut named: BTreeSet<String> = bodies.flat_map(in_words).collect();
        named.extend(host(&entry.canonical_url));
        for strange in named.difference(&hosts) {
            if let Some(like) = hosts.iter().find(|known| is_like(strange, known)) {
                let reason = format!("{strange} looks like {like}, and is not one of ours");
                let remedy = "correct it, or leave it out: what imitates us is never repeated";
                report.add(Rule::L4, Severity::Error, (file, strange), reason, remedy);
            }
        }
    }
}

fn host(url: &str) -> Option<String> {
    extract(url).iter().find_map(|found| found.host().map(str::to_owned))
}

fn in_words(body: &RichText) -> Vec<String> {
    let links = body.runs().filter_map(|run| run.link.as_deref());
    let texts: Vec<String> = links.map(str::to_owned).chain([body.to_plain()]).collect();
    let found = texts.iter().flat_map(|text| extract(text));
    found.filter_map(|found| found.host().map(str::to_owned)).collect()
}

/// Whether `host` could be taken for `ours`. What belongs to the same owner by the list of public endings never is.
fn is_like(host: &str, ours: &str) -> bool {
    let (Some((name, domain)), Some((our_name, our_domain))) = (registered(host), registered(ours)) else {
        return false;
    };
    if domain == our_domain {
        return false;
    }
    // As people see it: other scripts are written in letters of a to z on the wire.
    let (seen, our_seen) = (idna::domain_to_unicode(domain).0, idna::domain_to_unicode(our_domain).0);
    let near = our_domain.len() >= SHORTEST && osa_distance(&seen, &our_seen) <= NEAR;
    let looks = skeleton(&seen) == skeleton(&our_seen);
    let elsewhere = name == our_name;
    let dashed = |host: &str| host.replace('.', "-");
    let begins = dashed(host).starts_with(&format!("{}-", dashed(ours)));
    near || looks || elsewhere || begins
}

/// The name and the domain that somebody registered: `example` and `example.org` of `docs.example.org`.
fn registered(host: &str) -> Option<(&str, &str)> {
    let domain = psl::domain_str(host)?;
    Some((domain.split('.').next().unwrap_or(domain), domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_imitates_is_told_from_what_is_ours_or_nobodys() {
        for (host, like) in [
            ("lumen-town.net", true),
            ("lumen-tovvn.org", true),
            ("lumentown.org", true),
            ("1umen-town.org", true),
            ("lumen-town.org.claims.net", true),
            ("lumen-town-org.net", true),
            ("xn--lmen-town-z9d.org", true),
            ("lumen-town.org", false),
            ("docs.lumen-town.org", false),
            ("harbour.com", false),
            ("org", false),
        ] {
            assert_eq!(is_like(host, "lumen-town.org"), like, "{host}");
        }
    }
}
