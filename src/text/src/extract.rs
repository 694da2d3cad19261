//! What money follows: links, hosts, addresses, dates, amounts and handles in any text.
//!
//! The outgoing gate stands on this, so it errs towards finding: what is missed may leave unseen, what is found too
//! much is only held back. It reads a view of the text in which look-alike spellings are plain, and reports where
//! in the original each finding stands. Each pass hides what it found from the passes after it.
//!
//! Not found: relative dates ("tomorrow"), and months in languages that `months` does not know (their numbers are).

mod addresses;
mod amounts;
mod dates;
mod encoded;
mod invites;
mod links;
mod masked;
mod months;
mod sought;
mod view;

use std::ops::Range;

pub use encoded::is_odd;
pub use masked::{deceives, masks};
pub use months::is_month;
use view::View;

/// One thing found in a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    pub kind: FindingKind,
    /// Canonical: equal things have equal values (see [`FindingKind`]).
    pub value: String,
    /// Bytes in the original text, on character boundaries.
    pub range: Range<usize>,
}

/// What a finding is, and how its value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Scheme, lower-case punycode host, path, query and fragment, without a trailing slash. Without a scheme
    /// (`example.org/x`) `https` is assumed; a mail address is `mailto:…`.
    Url,
    /// A bare domain or IPv4 address: lower-case punycode, `example.org`.
    Host,
    /// Anything like an account, contract or transaction: as written, case and all, but `0x` for `0X`.
    Address,
    /// `2026-02-04`, `--02-04` without a year, `2026-02`, `--02`, `2026`, `2026-Q1`; numeric forms that may be read
    /// two ways keep their order: `04/02/2026`.
    Date,
    /// A plain decimal number without thousands separators: `47316`, `1.5`; `13%`, `$99.5`, `6x`, `1:6`, `1/2`.
    Amount,
    /// `@name`, lower case; `@name:example.org` and `@name@example.org` whole.
    Handle,
    /// The way into a room elsewhere: `https://discord.gg/AbC`, `https://t.me/+AbC`, or `code:AbC` without a link.
    Invite,
    /// Base64 that hides a link or an address: as written, without white space.
    Encoded,
}

impl FindingKind {
    /// One word, for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Host => "host",
            Self::Address => "address",
            Self::Date => "date",
            Self::Amount => "amount",
            Self::Handle => "handle",
            Self::Invite => "invite",
            Self::Encoded => "encoded",
        }
    }
}

impl Finding {
    /// The host of a [`FindingKind::Host`], or of a link or an invitation that has one.
    pub fn host(&self) -> Option<&str> {
        host_of(self.kind, &self.value)
    }
}

/// The host in a finding's value.
pub(crate) fn host_of(kind: FindingKind, value: &str) -> Option<&str> {
    match kind {
        FindingKind::Host => Some(value),
        FindingKind::Url | FindingKind::Invite => links::host_of(value),
        _ => None,
    }
}

/// Everything money follows in `text`, by where it stands; findings never overlap in the view, the most specific
/// reading wins. Takes time linear in the text.
pub fn extract(text: &str) -> Vec<Finding> {
    by(PASSES, text)
}

/// Only where a text leads: what [`extract`] finds but for dates and amounts, for whoever does not ask for numbers.
pub fn destinations(text: &str) -> Vec<Finding> {
    by(PASSES.split_at_checked(LEADING).map_or(PASSES, |(leading, _)| leading), text)
}

fn by(passes: &[(FindingKind, Pass)], text: &str) -> Vec<Finding> {
    let mut view = View::new(text);
    let mut found = Vec::new();
    for (kind, pass) in passes {
        let hits = pass(view.text());
        if !hits.is_empty() {
            view.hide(hits.iter().map(|hit| hit.range.clone()));
        }
        found.extend(hits.into_iter().filter_map(|hit| {
            let value = hit.value?;
            let range = view.original(&hit.range);
            Some(match (*kind == FindingKind::Url).then(|| invites::of_url(&value)).flatten() {
                Some(invite) => Finding { kind: FindingKind::Invite, value: invite, range },
                None => Finding { kind: *kind, value, range },
            })
        }));
    }
    found.sort_by_key(|finding| (finding.range.start, finding.range.end));
    found
}

type Pass = fn(&str) -> Vec<Hit>;

/// The most specific first.
const PASSES: &[(FindingKind, Pass)] = &[
    (FindingKind::Url, links::schemes),
    (FindingKind::Url, links::paths),
    (FindingKind::Url, links::mail),
    (FindingKind::Handle, links::handles),
    (FindingKind::Host, links::hosts),
    (FindingKind::Invite, invites::codes),
    (FindingKind::Encoded, encoded::encoded),
    (FindingKind::Address, addresses::addresses),
    (FindingKind::Amount, amounts::names),
    (FindingKind::Date, dates::dates),
    (FindingKind::Amount, amounts::amounts),
];

/// So many of them find what leads somewhere.
const LEADING: usize = 8;

/// What a pass found, in bytes of the view.
struct Hit {
    range: Range<usize>,
    /// `None` hides the stretch from later passes without reporting it.
    value: Option<String>,
}

impl Hit {
    fn new(range: Range<usize>, value: String) -> Self {
        Self { range, value: Some(value) }
    }
}

/// Compiles a pattern of ours. A space in it stands for any white space, of which the view has one at a time. Every
/// pattern is used by a test, so an error cannot reach a release.
#[expect(clippy::expect_used, reason = "the patterns are literals, and the tests compile each of them")]
fn pattern(source: &str) -> regex::Regex {
    regex::Regex::new(&source.replace(' ', r"\s")).expect("a valid pattern")
}

#[cfg(test)]
mod tests;
