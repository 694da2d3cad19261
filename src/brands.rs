//! What a community is called, where `[shield] brands` does not say: its agent's name and the label of the site that its
//! canonical pages stand on. What is anybody's, or might be somebody else's, is left out: a brand makes others suspect.

use std::collections::BTreeMap;

use townkeeper_core::Agent;
use townkeeper_knowledge::Base;
use townkeeper_shield::lists::{is_shared, registrable};

/// A shorter name is in too many others.
const LETTERS: usize = 4;

/// So many canonical pages on one site say that it is ours, if they are more than half of all.
const PAGES: usize = 3;

/// Words that name no community: offices, things that everybody has, and places where anybody may have a page.
const GENERIC: &str = "about admin agent airdrop answer answers app ask assistant atlassian binance bitcoin blog bot bridge chain chat \
    claim coin coinbase community concierge confluence crypto defi desk discord docs documentation ethereum \
    etherscan example exchange faq finance forum foundation freshdesk gitbook github gitlab google guard guardian \
    guide hackmd help helpdesk helper home host info intercom invalid keeper labs ledger localhost mail mainnet \
    medium metamask migration mirror moderator netlify network news notion official our page pages portal project \
    protocol readthedocs reddit safety service shield site staff status substack support swap team telegram test \
    testnet the token town townkeeper trezor twitter vercel wallet webflow website welcome wiki wordpress www your \
    zendesk";

/// The names that the community declared already, the agent's first.
pub(crate) fn declared(agent: &str, base: &Base) -> Vec<String> {
    let pages = base.entries().map(|entry| entry.canonical_url.as_str());
    let mut brands: Vec<String> = name(agent).into_iter().collect();
    if let Some(label) = site(pages).filter(|label| !brands.iter().any(|brand| brand.eq_ignore_ascii_case(label))) {
        brands.push(label);
    }
    brands
}

/// An agent's name without what says that it is one.
fn name(agent: &str) -> Option<String> {
    if agent == Agent::default().name {
        return None;
    }
    let words = agent.split(|c: char| !c.is_alphanumeric());
    let own: Vec<&str> = words.filter(|word| word.chars().nth(1).is_some() && !is_generic(word)).collect();
    distinct(&own.join(" "))
}

/// The label of the site that most pages stand on; no site that everybody uses.
fn site<'p>(pages: impl Iterator<Item = &'p str>) -> Option<String> {
    let (mut all, mut sites) = (0_usize, BTreeMap::<String, usize>::new());
    for page in pages {
        all += 1;
        let host = page.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#', ':']).next());
        let host = host.unwrap_or_default().to_lowercase();
        if let Some(site) = registrable(&host).filter(|site| !is_shared(&host) && !is_shared(site)) {
            *sites.entry(site.to_owned()).or_default() += 1;
        }
    }
    let (site, _) = sites.into_iter().find(|(_, pages)| *pages >= PAGES && 2 * pages > all)?;
    let label = site.split('.').next().filter(|label| !label.starts_with("xn--") && !is_generic(label))?;
    distinct(label)
}

fn is_generic(word: &str) -> bool {
    let word = word.to_lowercase();
    GENERIC.split(' ').any(|generic| generic == word)
}

fn distinct(name: &str) -> Option<String> {
    (name.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_name_is_one_unless_it_is_everybodys() {
        for (agent, brand) in [
            ("Lumen Keeper", Some("Lumen")),
            ("The Blue Harbour Support Bot", Some("Blue Harbour")),
            ("Townkeeper", None),
            ("Community Helper", None),
            ("Owl Keeper", None),
            ("", None),
        ] {
            assert_eq!(name(agent).as_deref(), brand, "{agent}");
        }
    }

    #[test]
    fn a_site_is_ours_only_where_most_canonical_pages_stand_on_it() {
        let label = |pages: &[&str]| site(pages.iter().copied());
        let ours = ["https://docs.lumen.example/a", "https://lumen.example/b", "https://lumen.example/c"];
        assert_eq!(label(&ours).as_deref(), Some("lumen"));
        let explorer = "https://explorer.example/tx";
        assert_eq!(label(&[ours[0], ours[1], ours[2], explorer, explorer]).as_deref(), Some("lumen"));
        assert_eq!(label(&[ours[0], ours[1], ours[2], explorer, explorer, explorer]), None, "nobody knows whose");
        assert_eq!(label(&ours[..2]), None, "two pages are no site");
        for page in [
            "https://github.com/lumen/docs",
            "https://docs.google.com/lumen",
            "https://docs.lumen.example.org/a",
            "https://lum.example/a",
            "https://127.0.0.1/lumen",
            "lumen",
        ] {
            assert_eq!(label(&[page; 4]), None, "{page}");
        }
        assert_eq!(label(&["https://lumen.gitbook.io/a"; 4]).as_deref(), Some("lumen"));
    }
}
