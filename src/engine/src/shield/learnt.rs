//! What moderators taught: words of confirmed scams, and whatever these lead to; and what was none. Made anew from the cases
//! that stand, so that what is taken back is unlearnt to the bit.

use std::collections::HashMap;
use std::sync::Arc;

use townkeeper_contract::access::{Identity, Member};
use townkeeper_contract::case::CaseState;
use townkeeper_contract::pattern::ScamPattern;
use townkeeper_contract::text::Allowed;
use townkeeper_shield::behaviour;
use townkeeper_shield::delta::{LESSONS, Taught};
use townkeeper_shield::facts::Staff;
use townkeeper_shield::patterns::{Pattern, Patterns};
use townkeeper_shield::{Delta, Folded, Lists, Model};
use townkeeper_store::{KeptCase, ShownName, Store, StoreError};

use super::judged::Judged;
use super::memory::DAY_MS;

/// How many messages that moderators cleared no lesson may make it flag.
const CLEARED: usize = 500;

/// What is learnt from; where it is the same, so is what is learnt.
#[derive(Default, PartialEq)]
struct Basis {
    /// How much was said about cases.
    said: i64,
    people: Vec<Member>,
    /// What linked accounts are called on their platforms.
    shown: Vec<ShownName>,
    patterns: Vec<ScamPattern>,
    /// Every night it is looked at anew, whatever was said.
    day: i64,
}

impl Basis {
    /// What somebody is called teaches nothing.
    fn teaches_the_same(&self, other: &Self) -> bool {
        let Self { said, people, shown: _, patterns, day } = self;
        (*said, *day) == (other.said, other.day) && *people == other.people && *patterns == other.patterns
    }
}

/// Accounts of the team, by platform and number: what each is called there, and its handle.
pub(super) type Team = HashMap<(String, String), (String, String)>;

/// See above.
#[derive(Default)]
pub(super) struct Learnt {
    basis: Basis,
    pub(super) delta: Delta,
    /// Cases whose words are not learnt: with them, clean messages would be flagged.
    pub(super) left_out: Vec<i64>,
    /// What cases lead to, many more than those whose words are learnt.
    judged: Judged,
}

impl Learnt {
    /// All of it, as it is now. `None`: as it was before. `clean`: messages that must not be flagged, besides those that
    /// moderators cleared.
    pub(super) async fn read(
        (store, workspace): (&Store, &str),
        now_ms: i64,
        before: &Self,
        model: Option<Arc<Model>>,
        clean: Arc<Vec<Folded>>,
    ) -> Result<Option<Self>, StoreError> {
        let basis = Basis {
            said: store.cases_said(workspace).await?,
            people: store.people(workspace).await?,
            shown: store.shown_names(workspace).await?,
            patterns: store.patterns(workspace).await?,
            day: now_ms.div_euclid(DAY_MS),
        };
        if before.basis == basis {
            return Ok(None);
        }
        if before.basis.teaches_the_same(&basis) {
            let (delta, left_out) = (before.delta.clone(), before.left_out.clone());
            return Ok(Some(Self { basis, delta, left_out, judged: before.judged.clone() }));
        }
        let lessons = store.lessons(workspace, u32::try_from(LESSONS).unwrap_or(u32::MAX)).await?;
        let judged = Judged::read(store, workspace, &before.judged).await?;
        let mut learnt = Self { basis, judged, ..Self::default() };
        // Of many lessons it takes a while.
        let studied = tokio::task::spawn_blocking(move || {
            if let Some(model) = model {
                learnt.study(&lessons, &model, &clean);
            }
            learnt
        });
        Ok(studied.await.inspect_err(|error| tracing::error!(%error, "nothing could be learnt")).ok())
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

    /// The configured lists, and what was learnt, save what is ours.
    pub(super) fn denied(&self, configured: &Lists, ours: &Allowed) -> Lists {
        configured.clone().with_confirmed(self.judged.confirmed(ours))
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

#[cfg(test)]
mod tests;
