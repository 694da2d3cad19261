//! L1: what pretends to be ours and is not: a host with our name, a contract said to be ours, somebody named like our
//! help; and, weakly, a link nobody knows from somebody nobody knows.

use std::ops::Range;

use super::brand::{self, Likeness};
use super::{evidence, floor, harmless};
use crate::found::{Found, Host, Spot};
use crate::known::Known;
use crate::lists::{Lists, Standing};
use crate::message::Tier;
use crate::score::Weights;
use crate::verdict::Signal;

/// Hosts that anybody may link without being looked at twice. What anybody may publish below (forms, sites, short links)
/// is not among them.
const FAMILIAR: &[&str] = &[
    "apple.com",
    "arxiv.org",
    "bbc.co.uk",
    "binance.com",
    "bitbucket.org",
    "coinbase.com",
    "coingecko.com",
    "coinmarketcap.com",
    "crates.io",
    "debian.org",
    "dexscreener.com",
    "discord.com",
    "discordapp.com",
    "docs.rs",
    "ethereum.org",
    "etherscan.io",
    "facebook.com",
    "giphy.com",
    "github.com",
    "gitlab.com",
    "google.com",
    "huggingface.co",
    "imgur.com",
    "instagram.com",
    "kernel.org",
    "kraken.com",
    "linkedin.com",
    "microsoft.com",
    "mozilla.org",
    "npmjs.com",
    "nytimes.com",
    "openai.com",
    "phantom.app",
    "pypi.org",
    "python.org",
    "reddit.com",
    "rust-lang.org",
    "solana.com",
    "solscan.io",
    "spotify.com",
    "stackexchange.com",
    "stackoverflow.com",
    "steamcommunity.com",
    "t.me",
    "tenor.com",
    "twitch.tv",
    "twitter.com",
    "ubuntu.com",
    "uniswap.org",
    "wikipedia.org",
    "x.com",
    "youtu.be",
    "youtube.com",
];

/// Where anybody publishes below one host, the path is the name.
const BUILDERS: &[&str] =
    &["sites.google.com", "telegra.ph", "linktr.ee", "bio.link", "medium.com", "gitbook.io", "docs.google.com"];

/// Words by which an address is no contract of ours.
const OTHERWISE: &[&str] = &["tx", "hash", "signature", "transaction", "my wallet", "my address", "error", "revert"];

/// Words by which an address is said to be the one.
const CLAIMS: &[&str] = &[
    "official",
    "contract",
    "mint",
    "token address",
    "real token",
    "контракт",
    "contrato",
    "vertrag",
    "合约",
    "合約",
    "컨트랙트",
];

/// Words by which a host is said to be ours.
const OFFICE: &[&str] = &["official", "официальн", "oficial", "offiziell", "官方", "공식"];

/// What L1 looks at.
pub(crate) struct Sight<'a> {
    pub(crate) text: &'a str,
    /// In lower case, with offsets of the original.
    pub(crate) lower: &'a str,
    pub(crate) found: &'a Found,
    pub(crate) known: &'a Known,
    pub(crate) lists: &'a Lists,
    pub(crate) tier: Tier,
    pub(crate) weights: &'a Weights,
}

impl Sight<'_> {
    pub(crate) fn judge(&self) -> Vec<Signal> {
        let mut signals = Vec::new();
        for host in &self.found.hosts {
            if self.is_foreign(&host.name) {
                signals.extend(self.host(host));
            }
        }
        signals.extend(self.found.addresses.iter().filter_map(|spot| self.address(spot)));
        signals.extend(self.found.handles.iter().filter_map(|spot| self.handle(spot)));
        if self.tier <= Tier::Member && !self.found.invites.is_empty() {
            signals.extend(
                self.found
                    .invites
                    .first()
                    .map(|spot| self.signal("invite", &spot.range, "It invites into a room elsewhere.".to_owned())),
            );
        }
        signals
    }

    /// Neither ours nor allowed. What a list denies is told by L0, but looks like ours all the same.
    fn is_foreign(&self, host: &str) -> bool {
        !self.known.owns_host(host) && self.lists.standing(host) != Standing::Allowed
    }

    /// Whether a link leads where nobody knows.
    pub(crate) fn is_unknown(&self, host: &Host) -> bool {
        self.is_foreign(&host.name) && !is_familiar(&host.name)
    }

    fn host(&self, host: &Host) -> Vec<Signal> {
        if is_familiar(&host.name) {
            return Vec::new();
        }
        let shown = host.name.replace('.', "[.]");
        let mut signals = Vec::new();
        let named = brand::judge(&host.name, self.known).map(|(_, likeness)| likeness);
        let below = || BUILDERS.contains(&host.name.as_str()).then(|| brand::names(&host.path, self.known)).flatten();
        if let Some(likeness) = named.or_else(|| below().map(|_| Likeness::FreeHosting)) {
            signals.push(self.signal(
                "brand_host",
                &host.range,
                format!("{shown} {}, and is not ours.", likeness.says()),
            ));
        } else if self.claims_office(&host.range) {
            signals.push(self.signal(
                "official_host",
                &host.range,
                format!("{shown} is called official, and is not ours."),
            ));
        }
        if self.tier <= Tier::Member {
            signals.push(self.signal("unknown_link", &host.range, format!("Nobody here knows {shown}.")));
        }
        signals
    }

    /// "Official", and our name, near a stretch.
    fn claims_office(&self, range: &Range<usize>) -> bool {
        let near = self.near(range, 120);
        OFFICE.iter().any(|word| near.contains(word)) && self.names_us(near)
    }

    fn names_us(&self, text: &str) -> bool {
        self.known.brands.iter().any(|brand| text.contains(&brand.word))
    }

    /// A contract or wallet that is said to be ours, or made to look like ours.
    fn address(&self, spot: &Spot) -> Option<Signal> {
        if self.known.owns_address(&spot.value) || !is_account(&spot.value) {
            return None;
        }
        let shown = evidence(self.text, spot.range.clone()).text;
        if let Some(ours) = self.known.twin_of(&spot.value) {
            let ours = harmless(ours);
            let why = format!("{shown} has the ends of our {ours}, and is another address.");
            return Some(self.signal("address_twin", &spot.range, why));
        }
        let near = self.near(&spot.range, 60);
        if OTHERWISE.iter().any(|word| near.contains(word)) {
            return None;
        }
        let contract = CLAIMS.iter().any(|word| near.contains(word)) || has_word(near, "ca");
        let why = format!("{shown} is said to be ours, and is not.");
        match (contract, self.names_us(self.lower)) {
            (true, _) => Some(self.signal("foreign_contract", &spot.range, why)),
            (false, true) => Some(self.signal(
                "foreign_address",
                &spot.range,
                format!("{shown} stands beside our name, and is not ours."),
            )),
            _ => None,
        }
    }

    /// Somebody named like us and like help: `@lumen_support`.
    fn handle(&self, spot: &Spot) -> Option<Signal> {
        if self.known.is_staff_handle(&spot.value) || !super::identity::poses(&spot.value, self.known) {
            return None;
        }
        Some(self.signal(
            "brand_handle",
            &spot.range,
            format!("@{} is named like our help, and is not of us.", spot.value),
        ))
    }

    fn near(&self, range: &Range<usize>, reach: usize) -> &str {
        let start = floor(self.lower, range.start.saturating_sub(reach));
        let end = floor(self.lower, (range.end + reach).min(self.lower.len()));
        self.lower.get(start..end).unwrap_or_default()
    }

    fn signal(&self, id: &'static str, range: &Range<usize>, why: String) -> Signal {
        let source = if matches!(id, "unknown_link" | "invite") { "rules" } else { "base" };
        let evidence = evidence(self.text, range.clone());
        Signal { id, weight: self.weights.of(id), source: source.into(), evidence, why }
    }
}

/// Whether this is one of the hosts anybody may link.
fn is_familiar(host: &str) -> bool {
    if BUILDERS.contains(&host) {
        return false;
    }
    let parents = std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent));
    parents.into_iter().any(|host| FAMILIAR.binary_search(&host).is_ok())
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|part| part == word)
}

/// An account or a contract, and no transaction: those are longer.
fn is_account(value: &str) -> bool {
    match value.strip_prefix("0x") {
        Some(hex) => hex.len() == 40 || value.contains("..."),
        None => (26..=62).contains(&value.len()) || value.contains("..."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_familiar_are_in_order_for_the_search() {
        assert!(FAMILIAR.is_sorted());
        assert!(is_familiar("en.wikipedia.org") && is_familiar("x.com"));
        assert!(!is_familiar("sites.google.com") && !is_familiar("notx.com"));
    }
}
