//! What moderators taught: words, hosts and addresses of confirmed scams, and what was none. Made anew from the cases that
//! stand, so that what is taken back is unlearnt to the bit.

use std::collections::{BTreeSet, HashSet};

use townkeeper_contract::access::Member;
use townkeeper_contract::case::CaseState;
use townkeeper_contract::pattern::ScamPattern;
use townkeeper_contract::text::{Allowed, FindingKind, extract};
use townkeeper_shield::delta::LESSONS;
use townkeeper_shield::facts::Staff;
use townkeeper_shield::lists::{List, is_shared};
use townkeeper_shield::patterns::{Pattern, Patterns};
use townkeeper_shield::{Delta, Folded, Lists, Model};
use townkeeper_store::KeptCase;

/// See above.
#[derive(Default)]
pub(super) struct Learnt {
    /// How much had been said about cases.
    pub(super) said: i64,
    pub(super) people: Vec<Member>,
    pub(super) patterns: Vec<ScamPattern>,
    pub(super) delta: Delta,
    hosts: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl Learnt {
    pub(super) fn of(
        said: i64,
        people: Vec<Member>,
        patterns: Vec<ScamPattern>,
        lessons: &[KeptCase],
        ours: &Allowed,
        model: Option<&Model>,
    ) -> Self {
        let mut learnt = Self { said, people, patterns, ..Self::default() };
        // More than it can hold, and the latest count.
        let skipped = lessons.len().saturating_sub(LESSONS);
        for KeptCase { case, .. } in lessons.iter().skip(skipped) {
            let scam = case.state == CaseState::Content;
            if let Some(model) = model {
                let learning = learnt.delta.learn(model, &Folded::new(&case.text), scam, &case.number.to_string());
                if let Err(error) = learning {
                    tracing::warn!(%error, case = case.number, "a case teaches nothing");
                }
            }
            if scam {
                learnt.deny(&case.text, ours);
            }
        }
        learnt
    }

    /// Hosts and addresses of a scam, save what is ours.
    fn deny(&mut self, text: &str, ours: &Allowed) {
        for finding in extract(text) {
            if ours.holds(&finding) {
                continue;
            }
            match finding.kind {
                FindingKind::Address => drop(self.addresses.insert(finding.value.to_lowercase())),
                FindingKind::Url | FindingKind::Host | FindingKind::Invite => {
                    // A scam in a room or on a page of a service that everybody uses says nothing of the service.
                    let host =
                        finding.host().filter(|host| !is_shared(host) && !ours.hosts().any(|known| known == *host));
                    self.hosts.extend(host.map(str::to_owned));
                }
                _ => {}
            }
        }
    }

    /// The configured lists, and what was learnt.
    pub(super) fn denied(&self, configured: &Lists) -> Lists {
        let mut lists = configured.clone();
        if !self.hosts.is_empty() {
            lists.workspace = List::new(self.hosts.iter().map(String::as_str), "confirmed here");
        }
        lists.addresses.extend(self.addresses.iter().cloned());
        lists
    }

    /// What moderators look for.
    pub(super) fn compiled(&self) -> Patterns {
        let named = |known: &ScamPattern| Pattern { name: known.name.clone(), regex: known.regex.clone() };
        let (patterns, refused) = Patterns::new(&self.patterns.iter().map(named).collect::<Vec<_>>());
        for (name, error) in refused {
            tracing::warn!(%error, name, "a pattern is not gone by");
        }
        patterns
    }

    /// Whom nobody may pass themselves off as.
    pub(super) fn staff(&self, names: &[String]) -> Vec<Staff> {
        let team = self.people.iter().filter(|member| !member.roles.is_empty()).map(|member| Staff {
            ids: member.identities.iter().map(|known| known.id.clone()).collect(),
            names: vec![member.name.clone()],
        });
        let ourselves = Staff { ids: Vec::new(), names: names.to_vec() };
        team.chain((!names.is_empty()).then_some(ourselves)).collect()
    }

    /// (platform, number) of everybody in the team.
    pub(super) fn identities(&self) -> HashSet<(String, String)> {
        let team = self.people.iter().filter(|member| !member.roles.is_empty());
        team.flat_map(|member| &member.identities).map(|known| (known.platform.clone(), known.id.clone())).collect()
    }
}
