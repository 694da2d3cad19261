//! A list of hosts as its keepers publish it: one host a line, a hosts file, or a JSON array; comments and blank lines.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// By how it begins.
    #[default]
    Auto,
    /// A host, or a line of a hosts file, on each line.
    Lines,
    Json,
}

/// What is wrong with a list, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// From 1; 0 where no single line is to blame.
    pub line: usize,
    pub what: String,
    pub remedy: &'static str,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.what, self.remedy),
            line => write!(f, "line {line}: {}: {}", self.what, self.remedy),
        }
    }
}

const ONE_A_LINE: &str = "write one host a line, such as scam.example.net";
const ANOTHER: &str = "check the address of the list; the last good one stays";

/// More is no list of hosts.
const LONGEST: usize = 64 << 20;

/// Hosts in lower-case punycode, in the order of the list. One broken line refuses the list: half a list is worse than
/// yesterday's.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, Broken> {
    parse_as(bytes, Format::Auto)
}

/// The same of a list whose form is known.
pub(super) fn parse_as(bytes: &[u8], format: Format) -> Result<Vec<String>, Broken> {
    let whole = |what: &str, remedy| Broken { line: 0, what: what.to_owned(), remedy };
    if bytes.len() > LONGEST {
        return Err(whole("more than 64 MiB", ANOTHER));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Broken {
        line: 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count(),
        what: "not UTF-8".to_owned(),
        remedy: "save the list as UTF-8",
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    let begins = |tag: &str| start.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag));
    if ["<!doctype", "<html", "<head", "<?xml"].into_iter().any(begins) {
        return Err(whole("a web page, not a list", ANOTHER));
    }
    match format {
        Format::Auto if start.starts_with(['[', '{']) => from_json(text),
        Format::Json => from_json(text),
        Format::Auto | Format::Lines => from_lines(text),
    }
}

fn from_lines(text: &str) -> Result<Vec<String>, Broken> {
    let mut hosts = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        let content = line.split(['#', '!']).next().unwrap_or_default();
        let content = content.split(" //").next().unwrap_or_default().trim();
        if content.is_empty() || content.starts_with("//") {
            continue;
        }
        // A list in YAML, each host under `url`.
        let content = content.strip_prefix("- ").map_or(content, |item| item.trim_start_matches("url:").trim_start());
        let mut words = content.split_whitespace();
        let first = words.next().unwrap_or_default();
        // A hosts file sends names nowhere; a tab-separated list says more behind the host.
        let named: Vec<&str> = if first.parse::<std::net::IpAddr>().is_ok() && content != first {
            words.filter(|name| !is_local(name)).collect()
        } else if content == first || content.contains('\t') {
            vec![first]
        } else {
            return Err(broken(line_number, content));
        };
        for name in named {
            hosts.push(host(name).ok_or_else(|| broken(line_number, name))?);
        }
    }
    Ok(hosts)
}

/// An array of hosts, or an object with one under `deny`, `blacklist`, `blocklist` or `domains`.
fn from_json(text: &str) -> Result<Vec<String>, Broken> {
    let value: Value = serde_json::from_str(text).map_err(|error| Broken {
        line: error.line(),
        what: format!("no valid JSON ({error})"),
        remedy: ANOTHER,
    })?;
    let list = match &value {
        Value::Array(list) => Some(list),
        Value::Object(fields) => {
            ["deny", "blacklist", "blocklist", "domains"].iter().find_map(|key| fields.get(*key)?.as_array())
        }
        _ => None,
    };
    let list = list.ok_or_else(|| Broken {
        line: 1,
        what: "JSON without an array of hosts".to_owned(),
        remedy: "give an array, or an object with one under `deny`, `blacklist`, `blocklist` or `domains`",
    })?;
    let entry = |(at, entry): (usize, &Value)| {
        let name = entry.as_str().unwrap_or_default();
        host(name).ok_or_else(|| broken(line_of(text, at, name), &entry.to_string()))
    };
    list.iter().enumerate().map(entry).collect()
}

/// The line on which an entry stands; without line breaks it is the first.
fn line_of(text: &str, at: usize, name: &str) -> usize {
    let quoted = format!("\"{name}\"");
    let before = text.find(&quoted).and_then(|end| text.get(..end));
    before.map_or(at + 1, |before| 1 + before.matches('\n').count())
}

fn broken(line: usize, found: &str) -> Broken {
    let shown: String = found.chars().take(60).collect();
    Broken { line, what: format!("`{shown}` is no host"), remedy: ONE_A_LINE }
}

fn is_local(name: &str) -> bool {
    matches!(name, "localhost" | "localhost.localdomain" | "local" | "broadcasthost" | "0.0.0.0")
        || name.starts_with("ip6-")
}

/// A host in lower-case punycode; a link's host is taken, wildcards at the front are dropped.
fn host(entry: &str) -> Option<String> {
    let entry = entry.trim().trim_matches(['"', '\'', ',']);
    let entry = entry.strip_prefix("||").map_or(entry, |rule| rule.trim_end_matches('^'));
    let entry = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let entry = entry.split(['/', '?', ':']).next()?;
    let entry = entry.strip_prefix("*.").unwrap_or(entry).trim_matches('.');
    let name = if entry.is_ascii() { entry.to_ascii_lowercase() } else { idna::domain_to_ascii(entry).ok()? };
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    (name.contains('.') && name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_same_hosts() {
        let expected = ["a.example.net", "b.example.net"];
        for text in [
            "a.example.net\nb.example.net\n",
            "# why\r\nA.Example.NET\r\n\r\nb.example.net # theirs",
            "0.0.0.0 a.example.net\n127.0.0.1\tb.example.net\n127.0.0.1 localhost",
            "[\"a.example.net\", \"b.example.net\"]",
            "{\"version\": 2, \"blacklist\": [\"a.example.net\",\n\"b.example.net\"]}",
            "https://a.example.net/x\n*.b.example.net",
            "- url: a.example.net\n- b.example.net\n",
            "||a.example.net^\n! comment\n||b.example.net^",
            "a.example.net\t2026-02-04\tsource\nb.example.net\t2026-02-04\tsource",
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert_eq!(parse("bücher.example".as_bytes()).unwrap(), ["xn--bcher-kva.example"]);
        assert_eq!(parse(b"").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_remedy() {
        let cases: &[(&[u8], usize, &str)] = &[
            (b"a.example.net\nnot a host\n", 2, "`not a host` is no host"),
            (b"a.example.net\nb.example.net\n\nscam\n", 4, "`scam` is no host"),
            (b"<!DOCTYPE html><html>", 0, "a web page"),
            (b"a.example.net\n\xff\xfe", 2, "not UTF-8"),
            (b"[\"a.example.net\",", 1, "no valid JSON"),
            (b"{\"hosts\": 1}", 1, "without an array"),
            (b"[\"a.example.net\",\n\"no host\"]", 2, "is no host"),
        ];
        for (bytes, line, what) in cases {
            let broken = parse(bytes).unwrap_err();
            assert_eq!(broken.line, *line, "{broken}");
            assert!(broken.to_string().contains(what) && !broken.remedy.is_empty(), "{broken}");
        }
    }

    #[test]
    fn a_form_that_is_named_is_the_only_one() {
        assert_eq!(parse_as(b"[\"a.example.net\"]", Format::Json).unwrap(), ["a.example.net"]);
        assert_eq!(parse_as(b"a.example.net", Format::Lines).unwrap(), ["a.example.net"]);
        assert!(parse_as(b"a.example.net", Format::Json).is_err());
        assert!(parse_as(b"[\"a.example.net\",\n\"b.example.net\"]", Format::Lines).is_err());
    }
}
