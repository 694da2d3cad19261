//! URLs, bare hosts, mail addresses and handles.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::{Match, Regex};
use url::Url;

use super::{Hit, pattern};

/// Up to where a link goes: white space, quotes, angle and CJK brackets, and what is hidden end it.
const REST: &str = r#"[^\s<>"`|\x00\u{3001}\u{300A}-\u{3011}]"#;

/// Anything with a scheme and slashes, `hxxp` among them; and the schemes that work without.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i-u:(?P<scheme>[a-z][a-z0-9+.-]{{0,30}}):[/\\]{{1,4}}|(?P<bare>\b(?:mailto|tel|sms|data|javascript|vbscript|file|blob|magnet|intent|tg|matrix|xmpp|skype|signal|whatsapp|sgnl|ethereum|bitcoin|litecoin|dogecoin|bitcoincash|solana|cardano|tron|lightning|wc|ipfs|ipns|ar):)){REST}+"
    ))
});

/// A mail address, `@name`, `@name@host`, `@name:host`, `#room:host`.
static AT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<local>[\w.+%-]*)@[&!]?(?P<name>[\w-][\w.-]*)(?P<server>[:@][\w.-]*\w)?|[#!](?P<room>[\w.+-]+:[\w-]+(?:\.[\w-]+)+)",
    )
});

/// What may be a host: split further by [`host_in`].
static HOST: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{N}\p{M}_.-]+"));

/// What makes a host a link: a port, a path, a query.
static PATH: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"^\.?(?::[0-9]{{1,5}}\b)?(?:[/?#\\]{REST}*)?")));

/// Endings that are names on a chain or hidden services, and not in the public suffix list.
const CHAIN_SUFFIXES: &[&str] =
    &["eth", "sol", "bnb", "onion", "crypto", "nft", "dao", "wallet", "near", "ton", "lens"];

pub(super) fn schemes(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    if !text.contains(':') {
        return hits;
    }
    for found in SCHEME.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        // "portal.https://…" is a sentence without its space, not a scheme.
        let glued = found.name("scheme").map_or(0, |scheme| glued(scheme.as_str()));
        let link = trim(whole.as_str().get(glued..).unwrap_or_default());
        let start = whole.start() + glued;
        hits.push(Hit::new(start..start + link.len(), canonical(link)));
    }
    hits
}

/// How much of a scheme is the word before it.
fn glued(scheme: &str) -> usize {
    let last = scheme.rfind(['.', '+', '-']).map_or(0, |at| at + 1);
    let web = scheme.get(last..).is_some_and(|scheme| web_scheme(&scheme.to_ascii_lowercase()).is_some());
    if web { last } else { 0 }
}

/// The scheme of the web that is meant, disguised or not.
fn web_scheme(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" | "hxxp" | "hxtp" | "htxp" => Some("http"),
        "https" | "hxxps" | "hxtps" | "htxps" => Some("https"),
        _ => None,
    }
}

pub(super) fn paths(text: &str) -> Vec<Hit> {
    scan_hosts(text, |host, tail| (!tail.is_empty()).then(|| canonical(&format!("https://{host}{tail}"))))
}

pub(super) fn hosts(text: &str) -> Vec<Hit> {
    scan_hosts(text, |host, _| Some(canonical_host(host)))
}

/// Every host in `text`, with its port and path if it has any.
fn scan_hosts(text: &str, value: impl Fn(&str, &str) -> Option<String>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut read = 0;
    // A host has a dot with something behind it.
    for (dot, _) in text.match_indices('.') {
        let ends = text.as_bytes().get(dot + 1).is_none_or(|b| b.is_ascii_whitespace() || *b == 0);
        if ends || dot < read {
            continue;
        }
        let Some(token) = token_at(text, read, dot) else { continue };
        read = token.end();
        if hits.last().is_some_and(|last| last.range.end > token.start()) {
            continue;
        }
        let Some((start, host)) = host_in(&token) else { continue };
        let end = start + host.len();
        // A path may follow the root's dot, but not the rest of a sentence.
        let between = text.get(end..token.end()).unwrap_or_default();
        let tail = if matches!(between, "" | ".") { path_at(text, end) } else { "" };
        let Some(value) = value(host, tail.trim_start_matches('.')) else { continue };
        hits.push(Hit::new(start..end + tail.len(), value));
    }
    hits
}

/// The whole stretch of host characters around a dot; `from` is where one may begin.
fn token_at(text: &str, from: usize, dot: usize) -> Option<Match<'_>> {
    let gap = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_');
    let mut start = text.get(from..dot)?.rfind(gap).map_or(from, |gap| from + gap + 1);
    loop {
        let token = HOST.find_at(text, start)?;
        if token.end() > dot {
            return Some(token);
        }
        start = token.end();
    }
}

/// Port and path behind a host; empty if there is nothing but a slash.
fn path_at(text: &str, end: usize) -> &str {
    let rest = text.get(end..).and_then(|rest| rest.split(char::is_whitespace).next()).unwrap_or_default();
    let tail = PATH.find(rest).map_or("", |m| trim(m.as_str()));
    if tail.trim_start_matches('.').trim_end_matches(['/', '\\']).is_empty() { "" } else { tail }
}

/// The host in a stretch of host characters: up to the last label that is a known ending. "example.org.Then" holds
/// `example.org`; "e.g." and "1.2" hold none.
fn host_in<'t>(token: &Match<'t>) -> Option<(usize, &'t str)> {
    let whole = token.as_str();
    let host = whole.trim_start_matches(['.', '-', '_']);
    let start = token.start() + whole.len() - host.len();
    if let Some(address) = ipv4(host.trim_end_matches('.')) {
        return Some((start, address));
    }
    let mut end = host.len();
    while let Some((before, label)) = host.get(..end)?.rsplit_once('.') {
        if !before.is_empty() && is_suffix(label) {
            return Some((start, host.get(..end)?));
        }
        end = before.len();
    }
    None
}

fn ipv4(host: &str) -> Option<&str> {
    let digits = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (digits && host.parse::<Ipv4Addr>().is_ok()).then_some(host)
}

pub(super) fn is_suffix(label: &str) -> bool {
    let label = label.trim_end_matches(['-', '_']).to_lowercase();
    // Below some endings the list only knows "any second level"; a made-up one shows them.
    let known = |name: &str| psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known());
    let letters = label.chars().count() >= 2 && !label.bytes().all(|b| b.is_ascii_digit());
    letters && (CHAIN_SUFFIXES.contains(&label.as_str()) || known(&label) || known(&format!("x.{label}")))
}

pub(super) fn mail(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    if !text.contains('@') {
        return hits;
    }
    for found in AT.captures_iter(text) {
        let (Some(local), Some(name)) = (found.name("local"), found.name("name")) else { continue };
        let local_part = local.as_str().trim_start_matches(['.', '-', '+', '%']);
        let Some((start, host)) = HOST.find(name.as_str()).and_then(|token| host_in(&token)) else { continue };
        if local_part.is_empty() || start != 0 {
            continue;
        }
        let value = format!("mailto:{}@{}", local_part.to_lowercase(), canonical_host(host));
        hits.push(Hit::new(local.end() - local_part.len()..name.start() + host.len(), value));
    }
    hits
}

pub(super) fn handles(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    if !text.contains(['@', '#', '!']) {
        return hits;
    }
    for found in AT.captures_iter(text) {
        if let Some(room) = found.name("room") {
            let start = room.start() - 1;
            hits.push(Hit::new(start..room.end(), text.get(start..room.end()).unwrap_or_default().to_lowercase()));
            continue;
        }
        let (Some(local), Some(name)) = (found.name("local"), found.name("name")) else { continue };
        // Only a server with a dot belongs to the handle; otherwise a sentence goes on.
        let server = found.name("server").filter(|server| server.as_str().contains('.'));
        let short = name.as_str().trim_end_matches(['.', '-']);
        let (end, tail) = match server {
            Some(server) => (server.end(), server.as_str()),
            None => (name.start() + short.len(), ""),
        };
        hits.push(Hit::new(local.end()..end, format!("@{short}{tail}").to_lowercase()));
    }
    hits
}

/// A link without what a sentence puts behind it: closing punctuation, and brackets it did not open itself.
fn trim(link: &str) -> &str {
    let count = |mark: char| link.matches(mark).count();
    let mut surplus =
        [('(', ')'), ('[', ']'), ('{', '}')].map(|(open, close)| (close, count(close).saturating_sub(count(open))));
    let mut link = link;
    while let Some(last) = link.chars().next_back() {
        let bracket = surplus.iter_mut().find(|(close, n)| *close == last && *n > 0);
        let drop = match bracket {
            Some((_, n)) => {
                *n -= 1;
                true
            }
            None => matches!(
                last,
                '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '\u{201D}' | '\u{BB}' | '\u{2026}'
            ),
        };
        if !drop {
            break;
        }
        link = link.get(..link.len() - last.len_utf8()).unwrap_or_default();
    }
    link
}

/// The value of a link: see [`super::FindingKind::Url`].
fn canonical(link: &str) -> String {
    let (scheme, rest) = link.split_once(':').unwrap_or(("", link));
    let scheme = scheme.to_ascii_lowercase();
    let scheme = web_scheme(&scheme).unwrap_or(&scheme);
    let Ok(mut url) = Url::parse(&format!("{scheme}:{rest}")) else {
        return format!("{scheme}:{}", rest.to_lowercase());
    };
    if let Some(host) =
        url.host_str().filter(|host| host.ends_with('.')).map(|host| host.trim_end_matches('.').to_owned())
    {
        // A host that cannot be set keeps its dot, and so matches nothing.
        url.set_host(Some(&host)).ok();
    }
    let value = if scheme == "mailto" { url.as_str().to_lowercase() } else { url.to_string() };
    value.trim_end_matches('/').to_owned()
}

fn canonical_host(host: &str) -> String {
    match url::Host::parse(host.trim_end_matches('.')) {
        Ok(host) => host.to_string(),
        Err(_) => host.to_lowercase(),
    }
}

/// The host in a canonical URL.
pub(super) fn host_of(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    Some(port.map_or(host, |(host, _)| host)).filter(|host| !host.is_empty())
}
