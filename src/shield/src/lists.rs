//! Lists of hosts, public ones and our own: parsed, guarded, compiled into a few bytes a host, and looked up with
//! their parents. What is allowed beats what the workspace denies, and that beats what everybody denies.

mod guard;
mod parse;
mod shared;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::confirmed::Confirmed;

pub use guard::{Guard, Refusal};
pub use parse::{Broken, Format, parse};
pub use shared::is_shared;

/// Hosts, compiled: a look-up takes microseconds, a host about nine bytes. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct List {
    set: Arc<fst::Set<Vec<u8>>>,
    /// Where it came from, for a moderator: `a public list, 2026-02-04`.
    pub source: String,
}

impl List {
    /// Compiles hosts, in any order; a public suffix by itself (`pages.dev`) is left out: it is everybody's.
    pub fn new<'h>(hosts: impl IntoIterator<Item = &'h str>, source: &str) -> Self {
        let mut hosts: Vec<&str> = hosts.into_iter().filter(|host| registrable(host).is_some()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        // Sorted and apart, they cannot be refused.
        Self { set: Arc::new(fst::Set::from_iter(hosts).unwrap_or_default()), source: source.to_owned() }
    }

    /// Takes a compiled list up again, as [`List::compiled`] gave it; `None` where a byte of it is not as it was.
    pub fn of_compiled(bytes: Vec<u8>, source: &str) -> Option<Self> {
        let set = fst::Set::new(bytes).ok()?;
        set.as_fst().verify().ok()?;
        Some(Self { set: Arc::new(set), source: source.to_owned() })
    }

    /// The compiled list, for keeping.
    pub fn compiled(&self) -> &[u8] {
        self.set.as_fst().as_bytes()
    }

    pub fn len(&self) -> usize {
        self.set.len()
    }

    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.set.as_fst().size()
    }

    /// The entry that covers a host: itself, or a parent as far up as its owner's domain, never a public suffix.
    pub fn covers<'h>(&self, host: &'h str) -> Option<&'h str> {
        if self.set.is_empty() {
            return None;
        }
        let least = registrable(host)?.len();
        let parents = std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent));
        parents.take_while(|host| host.len() >= least).find(|host| self.set.contains(host))
    }

    /// Whether exactly this host is an entry.
    pub fn contains(&self, host: &str) -> bool {
        self.set.contains(host)
    }
}

/// The domain somebody registered, above which nobody is to blame; a bare address is its own.
pub fn registrable(host: &str) -> Option<&str> {
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some(host);
    }
    psl::domain_str(host)
}

/// All lists that a workspace goes by.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Never a reason against anybody.
    pub allow: List,
    /// What this community denies.
    pub workspace: List,
    /// What public lists deny.
    pub global: Vec<List>,
    /// Contracts and wallets of thieves; hex in lower case.
    pub addresses: BTreeSet<String>,
    /// What moderators confirmed; its hosts are those of `workspace`.
    pub confirmed: Confirmed,
}

/// What the lists say of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'l> {
    Allowed,
    /// By which entry, of which list.
    Denied {
        entry: String,
        source: &'l str,
        /// Whose words named it, where moderators confirmed it.
        case: Option<i64>,
    },
    Unknown,
}

impl Lists {
    /// With what moderators confirmed, in the place of what they did before.
    #[must_use]
    pub fn with_confirmed(self, confirmed: Confirmed) -> Self {
        let workspace = List::new(confirmed.hosts(), "what moderators confirmed here");
        Self { workspace, confirmed, ..self }
    }

    pub fn standing(&self, host: &str) -> Standing<'_> {
        if self.allow.covers(host).is_some() {
            return Standing::Allowed;
        }
        let denied = std::iter::once(&self.workspace).chain(&self.global);
        let mut denied = denied.filter_map(|list| Some((list.covers(host)?, list)));
        denied.next().map_or(Standing::Unknown, |(entry, list)| Standing::Denied {
            entry: entry.to_owned(),
            source: &list.source,
            case: self.confirmed.host(entry),
        })
    }

    /// Whether a list denies an address; what moderators confirmed is asked by itself.
    pub fn denies_address(&self, address: &str) -> bool {
        !self.addresses.is_empty()
            && (self.addresses.contains(address) || self.addresses.contains(&address.to_lowercase()))
    }

    /// Where each list came from: what a verdict rests on.
    pub fn sources(&self) -> Vec<String> {
        let lists = std::iter::once(&self.workspace).chain(&self.global);
        lists.filter(|list| !list.is_empty()).map(|list| list.source.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Lists {
        Lists {
            allow: List::new(["good.example.com"], "ours"),
            workspace: List::new(["bad.example.net", "theirs.pages.dev", "pages.dev", "com"], "workspace"),
            global: vec![List::new(["good.example.com", "example.com", "192.0.2.7"], "public")],
            addresses: BTreeSet::from(["0xabc0000000000000000000000000000000000001".to_owned()]),
            confirmed: Confirmed::default(),
        }
    }

    fn denied(host: &str) -> Option<String> {
        match lists().standing(host) {
            Standing::Denied { source, .. } => Some(source.to_owned()),
            _ => None,
        }
    }

    #[test]
    fn allow_beats_workspace_beats_global() {
        assert_eq!(lists().standing("good.example.com"), Standing::Allowed);
        assert_eq!(lists().standing("a.good.example.com"), Standing::Allowed);
        assert_eq!(denied("bad.example.net").as_deref(), Some("workspace"));
        assert_eq!(denied("other.example.com").as_deref(), Some("public"));
        assert_eq!(denied("192.0.2.7").as_deref(), Some("public"));
        assert_eq!(denied("example.org"), None);
        let without = Lists { allow: List::default(), ..lists() };
        assert!(matches!(without.standing("good.example.com"), Standing::Denied { .. }), "the red twin");
    }

    #[test]
    fn a_parent_covers_what_is_below_it_but_no_public_suffix_does() {
        assert_eq!(denied("deep.below.bad.example.net").as_deref(), Some("workspace"));
        assert_eq!(denied("example.net"), None, "nor does what is below cover its parent");
        assert_eq!(denied("a.theirs.pages.dev").as_deref(), Some("workspace"));
        for host in ["honest.pages.dev", "pages.dev", "anything.com", "com"] {
            let denied = lists().workspace.covers(host).map(str::to_owned);
            assert_eq!(denied, None, "{host}");
        }
    }

    #[test]
    fn a_compiled_list_is_taken_up_again_and_a_damaged_one_is_not() {
        let list = List::new(["a.example.net", "b.example.net"], "x");
        let again = List::of_compiled(list.compiled().to_vec(), "y").unwrap();
        assert!(again.len() == 2 && again.contains("b.example.net") && again.source == "y");
        for at in 0..list.compiled().len() {
            let mut damaged = list.compiled().to_vec();
            damaged[at] ^= 0x10;
            assert!(List::of_compiled(damaged, "y").is_none(), "byte {at}");
        }
        assert!(List::of_compiled(Vec::new(), "y").is_none());
    }

    #[test]
    fn addresses_are_known_in_any_case_of_hex() {
        assert!(lists().denies_address("0xABC0000000000000000000000000000000000001"));
        assert!(!lists().denies_address("0xabc0000000000000000000000000000000000002"));
    }

    #[test]
    fn hundreds_of_thousands_of_hosts_take_a_few_megabytes() {
        let mut random = 9_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 33
        };
        let words = ["claim", "swap", "bridge", "airdrop", "wallet", "mint", "drop", "token", "portal", "app"];
        let ends = ["com", "net", "xyz", "pages.dev", "web.app", "app", "io", "top"];
        let pick = |list: &[&'static str], n: u64| list[usize::try_from(n).unwrap() % list.len()];
        let hosts: Vec<String> = (0..440_000)
            .map(|_| {
                format!(
                    "{}-{}{:x}.{}",
                    pick(&words, next()),
                    pick(&words, next()),
                    next() % 0x00ff_ffff,
                    pick(&ends, next())
                )
            })
            .collect();
        let list = List::new(hosts.iter().map(String::as_str), "generated");
        assert!(list.len() > 400_000);
        assert!(list.bytes() < 8 << 20, "{} bytes", list.bytes());
        assert!(hosts.iter().step_by(997).all(|host| list.contains(host)));
    }
}
