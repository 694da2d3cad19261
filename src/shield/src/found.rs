//! What money follows in a message, for judging: hosts, addresses, invitations, handles. A cheap look at the bytes
//! decides whether [`destinations`] are asked for at all: ordinary chat never pays for it.

mod hints;

use std::ops::Range;

use townkeeper_text::extract::destinations;
use townkeeper_text::{Allowed, Finding, FindingKind};

use crate::fold::Folded;

/// A host that is named, in a link or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Lower-case punycode.
    pub name: String,
    /// What follows it in its link, with the slash; often nothing.
    pub path: String,
    /// Bytes in the original.
    pub range: Range<usize>,
    /// Written so that a tap opens it.
    pub live: bool,
}

/// Anything else that is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub value: String,
    /// Bytes in the original.
    pub range: Range<usize>,
}

impl Spot {
    /// Whether an invitation's code is there letter by letter. What was read out of a disguise may have lost its large ones.
    pub(crate) fn is_as_written(&self, text: &str) -> bool {
        let code = self.value.rsplit(['/', ':', '+', '#']).next().unwrap_or_default();
        text.get(self.range.clone()).is_some_and(|written| written.contains(code))
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub hosts: Vec<Host>,
    /// As written.
    pub addresses: Vec<Spot>,
    /// Ways into rooms elsewhere.
    pub invites: Vec<Spot>,
    /// Lower case, without `@`; also people named by a link to them.
    pub handles: Vec<Spot>,
}

impl Found {
    /// Everything in a text. What only appears once tricks are folded away is found as well.
    pub fn new(text: &str, folded: &Folded) -> Self {
        let mut found = Self::default();
        for window in hints::windows(text) {
            for finding in destinations(&hints::thinned(text.get(window.clone()).unwrap_or_default())) {
                let range = finding.range.start + window.start..finding.range.end + window.start;
                found.add(&finding, range, text);
            }
        }
        if folded.changed() > 0.0 || hints::is_styled(text) {
            found.unfolded(folded);
        }
        found.name_people(text);
        found.assemble(text);
        found
    }

    /// What is ours, as it would be found in a text; nothing of it stands anywhere.
    pub(crate) fn of_ours(ours: &Allowed) -> Self {
        let mut found = Self::default();
        for (kind, value) in ours.findings() {
            if let Some(name) = value.strip_prefix('@').filter(|_| kind == FindingKind::Handle) {
                found.handles.push(Spot { value: name.to_owned(), range: 0..0 });
            }
            found.add(&Finding { kind, value: value.to_owned(), range: 0..0 }, 0..0, "");
        }
        found
    }

    fn add(&mut self, finding: &Finding, range: Range<usize>, text: &str) {
        match finding.kind {
            FindingKind::Url | FindingKind::Host => self.add_host(finding, range, text),
            FindingKind::Invite => {
                self.invites.push(Spot { value: finding.value.clone(), range });
            }
            FindingKind::Address => self.addresses.push(Spot { value: finding.value.clone(), range }),
            FindingKind::Handle => self.invites.extend(room(&finding.value).map(|value| Spot { value, range })),
            FindingKind::Encoded | FindingKind::Date | FindingKind::Amount => {}
        }
    }

    fn add_host(&mut self, finding: &Finding, range: Range<usize>, text: &str) {
        let mail = || finding.value.strip_prefix("mailto:")?.rsplit('@').next();
        let Some(name) = finding.host().or_else(mail) else { return };
        let (range, name) = spelled_out(text, range, name.trim_end_matches('.').to_ascii_lowercase());
        let written = text.get(range.clone()).unwrap_or_default();
        let live = finding.host().is_some() && !written.contains(['[', '(', ' ', '\n']) && !written.contains("hxxp");
        let path = finding.value.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        let path = path.map(|(_, path)| format!("/{path}")).unwrap_or_default();
        if let Some(value) = path.strip_prefix("/#/").filter(|_| name == "matrix.to").and_then(room) {
            self.invites.push(Spot { value, range });
            return;
        }
        if let Some(person) = person_at(&name, &path) {
            self.handles.push(Spot { value: person, range: range.clone() });
        }
        self.hosts.push(Host { name, path, range, live });
    }

    /// Hosts and invitations that only the folded text shows: in mathematical letters, spelled out.
    fn unfolded(&mut self, folded: &Folded) {
        let text = folded.text();
        for window in hints::windows(text) {
            for finding in destinations(&hints::thinned(text.get(window.clone()).unwrap_or_default())) {
                let value = &finding.value;
                let seen = self.hosts.iter().any(|host| finding.host() == Some(&host.name))
                    || self.invites.iter().any(|invite| invite.value.eq_ignore_ascii_case(value));
                // An address is nothing in lower case.
                if seen || finding.kind == FindingKind::Address {
                    continue;
                }
                let range = finding.range.start + window.start..finding.range.end + window.start;
                self.add(&finding, folded.original(range), "");
            }
        }
    }

    /// `@name`, but no mail address.
    fn name_people(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        for (at, _) in text.match_indices('@') {
            if at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(is_part) {
                continue;
            }
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let length = rest.iter().take_while(|b| is_part(b)).count();
            let name = text.get(at + 1..at + 1 + length).unwrap_or_default().trim_end_matches(['.', '-']);
            if name.len() >= 3 && !matches!(name, "everyone" | "here") {
                self.handles.push(Spot { value: name.to_ascii_lowercase(), range: at..at + 1 + name.len() });
            }
        }
    }

    /// `di sco rd . gg / abc`: an invitation in pieces.
    fn assemble(&mut self, text: &str) {
        if !self.invites.is_empty() || !text.contains('/') || !has_door(text.as_bytes()) {
            return;
        }
        let whole: String = text.split_whitespace().collect();
        let door = "discord.gg/";
        let at = whole.to_ascii_lowercase().find(door);
        if let Some(code) = at.and_then(|at| whole.get(at + door.len()..)) {
            let code: String = code.chars().take_while(char::is_ascii_alphanumeric).collect();
            self.invites.push(Spot { value: format!("https://discord.gg/{code}"), range: 0..text.len() });
        }
    }
}

/// `claim dot example dot net`: what stands before a host and another dot in words belongs to it.
fn spelled_out(text: &str, range: Range<usize>, name: String) -> (Range<usize>, String) {
    let (mut start, mut name) = (range.start, name);
    for _ in 0..4 {
        let before = text.get(..start).unwrap_or_default();
        let Some(space) = before.strip_suffix([' ', '\n']) else { break };
        let cut = |word: &str| {
            let at = space.len().checked_sub(word.len())?;
            space.get(at..).filter(|end| end.eq_ignore_ascii_case(word)).and(space.get(..at))
        };
        let Some(before) = cut(" dot").or_else(|| cut(" .")) else { break };
        let label = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
        if label.is_empty() {
            break;
        }
        start = before.len() - label.len();
        name = format!("{}.{name}", label.to_ascii_lowercase());
    }
    (start..range.end, name)
}

/// `gg`, also in letters apart.
fn has_door(text: &[u8]) -> bool {
    let is_g = |at: usize| matches!(text.get(at), Some(b'g' | b'G'));
    (0..text.len()).any(|at| is_g(at) && (is_g(at + 1) || text.get(at + 1) == Some(&b' ') && is_g(at + 2)))
}

/// The one spelling of a Matrix room, from its name: `#room:example.org`, however it is encoded in a link.
fn room(name: &str) -> Option<String> {
    if !name.starts_with(['#', '!', '%']) {
        return None;
    }
    let name = name.split(['?', '/']).next().unwrap_or_default().to_ascii_lowercase();
    let name = name.replace("%23", "#").replace("%21", "!").replace("%3a", ":");
    (name.starts_with(['#', '!']) && name.contains(':')).then(|| format!("https://matrix.to/#/{name}"))
}

/// An invitation's code, where its link is a service's own.
pub(crate) fn code(invite: &str) -> Option<&str> {
    let (_, rest) = invite.split_once("://")?;
    let (host, code) = rest.split_once('/')?;
    (host != "matrix.to").then(|| code.trim_start_matches(['+', '#']))
}

/// The person whose own page a link leads to, and nothing below it.
pub(crate) fn profile(host: &Host) -> Option<String> {
    let name = person_at(&host.name, &host.path)?;
    let below = host.path.split(['?', '#']).next().unwrap_or_default().trim_matches('/').contains('/');
    (!below).then_some(name)
}

/// What stands where a name would, and is a service's own.
const NOBODY: &[&str] = &[
    "addlist",
    "addstickers",
    "explore",
    "hashtag",
    "home",
    "intent",
    "joinchat",
    "login",
    "messages",
    "proxy",
    "reel",
    "search",
    "settings",
    "share",
    "socks",
    "stories",
];

/// The person that a link leads to.
fn person_at(host: &str, path: &str) -> Option<String> {
    let host = host.strip_prefix("www.").unwrap_or(host);
    let people =
        matches!(host, "t.me" | "telegram.me" | "telegram.dog" | "wa.me" | "instagram.com" | "x.com" | "twitter.com");
    let name = path.trim_start_matches('/').split(['/', '?', '#']).next()?;
    let name = name.to_ascii_lowercase();
    (people && name.len() >= 3 && !name.starts_with('+') && !NOBODY.contains(&name.as_str())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Found {
        Found::new(text, &Folded::new(text))
    }

    fn hosts(text: &str) -> Vec<String> {
        found(text).hosts.into_iter().map(|host| host.name).collect()
    }

    #[test]
    fn hosts_are_found_however_they_are_written() {
        let claim = "claim-lumen.example.net";
        for text in [
            "go to https://claim-lumen.example.net/x now",
            "claim-lumen.example.net",
            "claim-lumen[.]example[.]net",
            "hxxps://claim-lumen.example.net",
            "claim-lumen dot example dot net",
            "claim-lumen . example . net",
            "CLAIM-LUMEN.EXAMPLE.NET",
            "claim\u{200B}-lumen.example.net",
            "𝗰𝗹𝗮𝗶𝗺-𝗹𝘂𝗺𝗲𝗻.𝗲𝘅𝗮𝗺𝗽𝗹𝗲.𝗻𝗲𝘁",
            "ｃｌａｉｍ－ｌｕｍｅｎ．ｅｘａｍｐｌｅ．ｎｅｔ",
            "help@claim-lumen.example.net",
        ] {
            assert!(hosts(text).iter().any(|host| host == claim), "{text}: {:?}", hosts(text));
        }
        assert_eq!(hosts("𝗹𝘂𝗺𝗲𝗻-𝗰𝗹𝗮𝗶𝗺 𝗱𝗼𝘁 𝗰𝗼𝗺"), ["lumen-claim.com"]);
    }

    #[test]
    fn what_opens_with_a_tap_is_live_and_the_rest_is_not() {
        assert!(found("see https://a.example.net/x").hosts.iter().all(|host| host.live));
        for text in ["a[.]example[.]net", "hxxps://a.example.net", "a . example.net"] {
            assert!(found(text).hosts.iter().all(|host| !host.live), "{text}");
        }
    }

    #[test]
    fn ranges_stand_in_the_original_even_far_inside() {
        let text = format!("{} look at claim-lumen.example.net, friends {}", "é long ".repeat(90), "tail ".repeat(90));
        let found = found(&text);
        let host = &found.hosts[0];
        assert_eq!(text.get(host.range.clone()), Some("claim-lumen.example.net"));
    }

    #[test]
    fn people_invitations_and_addresses_are_found() {
        let text = "ask @Lumen_HelpDesk or https://t.me/lumen_support, join discord.gg/AbC, mail a@example.org, \
                    pay 0x52908400098527886E0F7030069857D2E4169EE7";
        let all = found(text);
        let handles: Vec<&str> = all.handles.iter().map(|spot| spot.value.as_str()).collect();
        assert_eq!(handles, ["lumen_support", "lumen_helpdesk"]);
        assert_eq!(all.invites[0].value, "https://discord.gg/AbC");
        assert_eq!(all.addresses[0].value, "0x52908400098527886E0F7030069857D2E4169EE7");
        assert_eq!(found("di sco rd . gg / abc123").invites[0].value, "https://discord.gg/abc123");
    }

    #[test]
    fn ordinary_chat_is_never_scanned() {
        for text in [
            "how do I limit my connection to 100 KB/s?",
            "it's 2.6.32, e.g. on the old box... wait...what",
            "see README.txt; thanks. Really.Thanks",
            "Привет.Как дела? Всё хорошо.",
            "你好。我想问一下。",
            "gg everyone, that was fun (really)",
        ] {
            assert!(hints::windows(text).is_empty(), "{text}");
        }
    }
}
