//! What moderators taught: words, hosts and addresses of confirmed scams, and what was none. Made anew from the cases that
//! stand, so that what is taken back is unlearnt to the bit.

use std::collections::{BTreeSet, HashMap};

use townkeeper_contract::access::{Identity, Member};
use townkeeper_contract::case::CaseState;
use townkeeper_contract::pattern::ScamPattern;
use townkeeper_contract::text::{Allowed, FindingKind, extract};
use townkeeper_shield::behaviour;
use townkeeper_shield::delta::Taught;
use townkeeper_shield::facts::Staff;
use townkeeper_shield::lists::{List, is_shared};
use townkeeper_shield::patterns::{Pattern, Patterns};
use townkeeper_shield::{Delta, Folded, Lists, Model};
use townkeeper_store::{KeptCase, ShownName};

/// How many messages that moderators cleared no lesson may make it flag.
const CLEARED: usize = 500;

/// What is learnt from; where it is the same, so is what is learnt.
#[derive(Default, PartialEq)]
pub(super) struct Basis {
    /// How much was said about cases.
    pub(super) said: i64,
    pub(super) people: Vec<Member>,
    /// What linked accounts are called on their platforms.
    pub(super) shown: Vec<ShownName>,
    pub(super) patterns: Vec<ScamPattern>,
    /// Every night it is looked at anew, whatever was said.
    pub(super) day: i64,
}

/// Accounts of the team, by platform and number: what each is called there, and its handle.
pub(super) type Team = HashMap<(String, String), (String, String)>;

/// See above.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) basis: Basis,
    pub(super) delta: Delta,
    /// Cases whose words are not learnt: with them, clean messages would be flagged.
    pub(super) left_out: Vec<i64>,
    hosts: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl Learnt {
    /// `clean`: messages that must not be flagged, besides those that moderators cleared.
    pub(super) fn of(
        basis: Basis,
        lessons: &[KeptCase],
        ours: &Allowed,
        model: Option<&Model>,
        clean: &[Folded],
    ) -> Self {
        let mut learnt = Self { basis, ..Self::default() };
        if let Some(model) = model {
            learnt.study(lessons, model, clean);
        }
        for KeptCase { case, .. } in lessons.iter().filter(|kept| is_scam(kept)) {
            learnt.deny(&case.text, ours);
        }
        learnt
    }

    fn study(&mut self, lessons: &[KeptCase], model: &Model, clean: &[Folded]) {
        let taught = |kept: &KeptCase| Taught {
            id: kept.case.number.to_string(),
            text: Folded::new(&kept.case.text),
            scam: is_scam(kept),
        };
        let taught: Vec<Taught> = lessons.iter().map(taught).collect();
        // The newest: each is looked at with every lesson.
        let cleared = taught.iter().rev().filter(|taught| !taught.scam).take(CLEARED);
        let cleared = cleared.map(|taught| taught.text.clone());
        let clean: Vec<Folded> = clean.iter().cloned().chain(cleared).collect();
        let (delta, left_out) = Delta::of(model, &taught, &clean);
        self.delta = delta;
        self.left_out = left_out.iter().filter_map(|number| number.parse().ok()).collect();
        self.left_out.sort_unstable();
        for case in &self.left_out {
            tracing::warn!(case, "its words are not learnt: with them, messages known to be clean would be flagged");
        }
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
        let (patterns, refused) = Patterns::new(&self.basis.patterns.iter().map(named).collect::<Vec<_>>());
        for (name, error) in refused {
            tracing::warn!(%error, name, "a pattern is not gone by");
        }
        patterns
    }

    /// Whom nobody may pass themselves off as.
    pub(super) fn staff(&self, names: &[String]) -> Vec<Staff> {
        let called = |known: &Identity| {
            let shown = self.shown_of(known);
            shown
                .into_iter()
                .flat_map(|shown| [shown.name.clone(), shown.handle.clone()])
                .filter(|name| !name.is_empty())
        };
        let team = self.team().map(|member| Staff {
            ids: member.identities.iter().map(|known| known.id.clone()).collect(),
            names: vec![member.name.clone()],
            shown: member.identities.iter().flat_map(called).collect(),
        });
        let ourselves = Staff { names: names.to_vec(), ..Staff::default() };
        team.chain((!names.is_empty()).then_some(ourselves)).collect()
    }

    fn team(&self) -> impl Iterator<Item = &Member> {
        self.basis.people.iter().filter(|member| !member.roles.is_empty())
    }

    fn shown_of(&self, known: &Identity) -> Option<&ShownName> {
        self.basis.shown.iter().find(|shown| shown.platform == known.platform && shown.id == known.id)
    }

    /// Everybody in the team.
    pub(super) fn identities(&self) -> Team {
        let each = self.team().flat_map(|member| &member.identities);
        each.map(|known| {
            let shown = self.shown_of(known).map(|shown| (shown.name.clone(), shown.handle.clone()));
            (pair(known), shown.unwrap_or_default())
        })
        .collect()
    }

    /// Who is behind an account, of the team or not.
    pub(super) fn linked(&self) -> HashMap<(String, String), u64> {
        let each = self.basis.people.iter().flat_map(|member| {
            let one = behaviour::key(&member.id);
            member.identities.iter().map(move |known| (pair(known), one))
        });
        each.collect()
    }
}

fn pair(known: &Identity) -> (String, String) {
    (known.platform.clone(), known.id.clone())
}

fn is_scam(kept: &KeptCase) -> bool {
    kept.case.state == CaseState::Content
}
