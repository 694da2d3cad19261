//! Whether a new list may take the place of the old one. A public list is other people's work: one bad day of theirs
//! must not delete our own announcements.

use super::parse::parse_as;
use super::shared::is_shared;
use super::{Broken, Format, List};
use crate::known::Known;

/// Why a new list is refused; the last good one stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line of it, or all of it, is no list of hosts.
    Broken(Broken),
    /// It denies nothing.
    Empty,
    /// It lost more than half of its hosts.
    Shrank { old: usize, new: usize },
    /// It has more than three times as many.
    Grew { old: usize, new: usize },
    /// It denies one of our own hosts, or one that covers it.
    Ours { line: usize, host: String },
    /// It denies what is allowed.
    Allowed { line: usize, host: String },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(f),
            Self::Empty => f.write_str("no host in it: check the address of the list"),
            Self::Shrank { old, new } => write!(
                f,
                "{new} hosts where there were {old}: check its source, or remove the list and add it again to accept"
            ),
            Self::Grew { old, new } => write!(
                f,
                "{new} hosts where there were {old}: check its source, or remove the list and add it again to accept"
            ),
            Self::Ours { line, host } => write!(f, "line {line}: `{host}` is ours: tell the list's keepers"),
            Self::Allowed { line, host } => {
                write!(f, "line {line}: `{host}` is on the allow list: tell the list's keepers, or allow it no more")
            }
        }
    }
}

/// From how many hosts on growth is looked at: a small list may triple in a day.
const FLOOR: usize = 1000;

/// What a new list is measured by.
#[derive(Debug)]
pub struct Guard<'g> {
    /// The last good list; an empty one where there is none.
    pub old: &'g List,
    /// What is ours.
    pub known: &'g Known,
    /// What must never be denied.
    pub allow: &'g [List],
}

impl Guard<'_> {
    /// Parses, checks and compiles a new list. Hosts that everybody uses (a shortener, a chat) are left out, as public
    /// suffixes are.
    pub fn admit(&self, new: &[u8], format: Format, source: &str) -> Result<List, Refusal> {
        let mut hosts = parse_as(new, format).map_err(Refusal::Broken)?;
        hosts.retain(|host| !is_shared(host));
        let line = |host: &str| line_of(new, host);
        if let Some(host) = hosts.iter().find(|host| is_ours(host, self.known)) {
            return Err(Refusal::Ours { line: line(host), host: host.clone() });
        }
        if let Some(host) = hosts.iter().find(|host| self.allow.iter().any(|allow| allow.contains(host))) {
            return Err(Refusal::Allowed { line: line(host), host: host.clone() });
        }
        let list = List::new(hosts.iter().map(String::as_str), source);
        let (before, after) = (self.old.len(), list.len());
        if after * 2 < before {
            return Err(Refusal::Shrank { old: before, new: after });
        }
        if before > 0 && after > FLOOR && after > before * 3 {
            return Err(Refusal::Grew { old: before, new: after });
        }
        if after == 0 {
            return Err(Refusal::Empty);
        }
        Ok(list)
    }
}

/// Ours, below ours, or above ours and so covering it.
fn is_ours(host: &str, known: &Known) -> bool {
    let above = |ours: &str| ours.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'));
    known.owns_host(host) || known.hosts().any(above)
}

/// The first line that names a host, from 1.
fn line_of(bytes: &[u8], host: &str) -> usize {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let line = text.lines().position(|line| line.contains(host));
    line.map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;

    fn list(count: usize) -> List {
        let hosts: Vec<String> = (0..count).map(|n| format!("scam{n}.example.net")).collect();
        List::new(hosts.iter().map(String::as_str), "old")
    }

    fn lines(count: usize) -> String {
        let hosts: Vec<String> = (0..count).map(|n| format!("scam{n}.example.net")).collect();
        hosts.join("\n")
    }

    fn judge(old: &List, new: &[u8]) -> Result<List, Refusal> {
        let known = Known::new(&Facts { hosts: vec!["lumen.example.org".into()], ..Facts::default() });
        let allow = [List::default(), List::new(["code.example.com"], "allowed")];
        Guard { old, known: &known, allow: &allow }.admit(new, Format::Auto, "new")
    }

    #[test]
    fn a_list_that_grows_a_little_takes_over() {
        assert_eq!(judge(&list(100), lines(120).as_bytes()).unwrap().len(), 120);
        assert_eq!(judge(&list(10), lines(900).as_bytes()).unwrap().len(), 900, "small lists may grow");
        assert_eq!(judge(&List::default(), lines(5000).as_bytes()).unwrap().len(), 5000, "the first may be any size");
    }

    #[test]
    fn what_shrank_or_exploded_is_refused() {
        assert_eq!(judge(&list(100), lines(49).as_bytes()).unwrap_err(), Refusal::Shrank { old: 100, new: 49 });
        assert_eq!(judge(&list(100), b"").unwrap_err(), Refusal::Shrank { old: 100, new: 0 });
        let grew = judge(&list(1000), lines(3001).as_bytes()).unwrap_err();
        assert_eq!(grew, Refusal::Grew { old: 1000, new: 3001 });
        assert!(judge(&list(1000), lines(3000).as_bytes()).is_ok());
    }

    #[test]
    fn what_names_us_or_what_is_allowed_is_refused_with_its_line() {
        for host in ["lumen.example.org", "docs.lumen.example.org", "example.org"] {
            let refused = judge(&list(1), format!("scam0.example.net\n{host}\n").as_bytes()).unwrap_err();
            assert_eq!(refused, Refusal::Ours { line: 2, host: host.to_owned() });
        }
        let refused = judge(&list(1), b"scam0.example.net\nx.example.net\ncode.example.com").unwrap_err();
        assert!(refused.to_string().starts_with("line 3: `code.example.com` is on the allow list"), "{refused}");
        assert!(judge(&list(1), b"notlumen.example.org").is_ok(), "a neighbour is not ours");
    }

    /// One line of a list, without its path, would deny every link into a chat or a form.
    #[test]
    fn what_everybody_uses_is_left_out() {
        let list = judge(&List::default(), b"https://t.me/thief\nwww.youtube.com\nscam.example.net\nbit.ly").unwrap();
        assert_eq!((list.len(), list.covers("t.me"), list.covers("bit.ly")), (1, None, None));
        assert!(list.contains("scam.example.net"));
        // The red twin: compiled as it stands, it would deny them.
        assert!(List::new(["t.me"], "").contains("t.me"));
        assert_eq!(judge(&List::default(), b"t.me\nbit.ly").unwrap_err(), Refusal::Empty);
    }

    #[test]
    fn a_web_page_and_a_broken_line_are_refused() {
        for (new, says) in [(&b"<html>"[..], "web page"), (b"a.example.net\n? ?", "line 2"), (b"\xff", "UTF-8")] {
            assert!(judge(&list(1), new).unwrap_err().to_string().contains(says));
        }
    }
}
