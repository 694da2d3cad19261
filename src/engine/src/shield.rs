//! The shield's seat: every event of a place that it watches is judged in memory before it is accepted, by what is ours, by
//! what was seen here lately, and by what moderators said. It writes nothing itself: what it finds is committed with the
//! batch that it was found in.

mod learnt;
mod memory;
mod pictures;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use townkeeper_contract::case::{Case, CaseAction, ShieldMode};
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::inbound::{Body, Inbound, RosterChange};
use townkeeper_core::places::Here;
use townkeeper_core::say;
use townkeeper_knowledge::Base;
use townkeeper_shield::facts::Staff;
use townkeeper_shield::found::Found;
use townkeeper_shield::lists::List;
use townkeeper_shield::policy::Breaker;
use townkeeper_shield::{Action, Author, Facts, Folded, Lists, Message, Model, Shield, Signal, Tier, Verdict, Weights};
use townkeeper_store::{NewCase, StoreError};

use crate::House;
use crate::lists::Keeper;
use learnt::Learnt;
pub(crate) use memory::Copy;
use memory::Memory;
pub(crate) use pictures::Sight;

/// How often it is looked for what other nodes learnt, for who is of the team, and for members to write down.
const LOOK: Duration = Duration::from_secs(5);

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Guarding {
    /// The names we go by; without any, what is like them is not seen.
    pub brands: Vec<String>,
    /// Lists of hosts, as they were read.
    pub lists: Lists,
    /// What we ourselves are called, on any platform.
    pub names: Vec<String>,
    /// Lists that are fetched, the same for every workspace.
    pub public: Arc<Keeper>,
    /// Whether pictures are looked at.
    pub pictures: bool,
}

impl Guarding {
    /// What is ours, by this base and this team.
    pub fn facts(&self, base: &Base, staff: Vec<Staff>) -> Facts {
        Facts {
            hosts: base.allowed().hosts().map(str::to_owned).collect(),
            addresses: base.allowed().addresses().map(str::to_owned).collect(),
            brands: self.brands.clone(),
            staff,
        }
    }
}

/// Everything that judges, and everything that is remembered for it.
pub(crate) struct Watch {
    guarding: Guarding,
    ground: RwLock<Arc<Ground>>,
    memory: Mutex<Memory>,
    breaker: Mutex<Breaker>,
    /// None where it cannot be read: the other layers judge alone.
    model: Option<Model>,
}

/// What the shield may do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    Act,
    /// It did too much: it only shows, and somebody is to be called, now.
    Call,
    /// It only shows until somebody has looked.
    Show,
}

/// How many acts without a moderator within ten minutes are too many.
pub(crate) const ACTS: usize = 20;

/// What is judged by; exchanged whole.
struct Ground {
    /// Of which base this is, and of which fetched lists.
    base: Arc<Base>,
    public: Arc<Vec<List>>,
    learnt: Arc<Learnt>,
    shield: Shield,
    staff: HashSet<(String, String)>,
}

impl Watch {
    pub(crate) fn new(guarding: Guarding, base: Arc<Base>) -> Self {
        let learnt = Arc::new(Learnt::default());
        let ground = Arc::new(Ground::new(&guarding, base, learnt));
        let model = Model::shipped().inspect_err(|error| tracing::error!(%error, "the text model cannot be used")).ok();
        let breaker = Mutex::new(Breaker::new(ACTS));
        Self { guarding, ground: RwLock::new(ground), memory: Mutex::default(), breaker, model }
    }

    /// What is never held against anybody.
    pub(crate) fn allowed(&self) -> &List {
        &self.guarding.lists.allow
    }

    /// Who keeps the lists that are fetched.
    pub(crate) fn public(&self) -> &Arc<Keeper> {
        &self.guarding.public
    }

    /// The ground, of the base that answers now and the lists of now.
    fn ground(&self, base: &Arc<Base>) -> Arc<Ground> {
        let ground = Arc::clone(&self.ground.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&ground.base, base) && Arc::ptr_eq(&ground.public, &self.guarding.public.public()) {
            return ground;
        }
        let fresh = Arc::new(Ground::new(&self.guarding, Arc::clone(base), Arc::clone(&ground.learnt)));
        *self.ground.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        fresh
    }

    /// Judges one event, and remembers it. `Some`: it looks like a scam.
    pub(crate) fn judge(&self, inbound: &Inbound, here: &Here, base: &Arc<Base>, now_ms: i64) -> Option<NewCase> {
        if here.shield == ShieldMode::Off {
            return None;
        }
        let said = said(inbound)?;
        let ground = self.ground(base);
        let staff = ground.is_staff(&inbound.account, &inbound.person.id);
        let folded = Folded::new(&said);
        let met = {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.meet(inbound, &folded, staff, || ground.leads_elsewhere(&said, &folded), now_ms)
        };
        let verdict = ground.verdict(inbound, &said, &folded, &met, self.model.as_ref());
        metrics::counter!("townkeeper_shield_total", "verdict" => word(verdict.action)).increment(1);
        let action = match verdict.action {
            Action::Pass => return None,
            Action::Flag => CaseAction::Flag,
            Action::Hold => CaseAction::Hold,
            Action::Delete => CaseAction::Delete,
        };
        Some(NewCase {
            event: inbound.event.0.clone(),
            place: inbound.place.id.0.clone(),
            address: inbound.place.address.as_ref().unwrap_or(&inbound.reply_to).0.clone(),
            message: inbound.message.as_ref().map(|message| message.0.clone()),
            person: inbound.person.id.0.clone(),
            name: inbound.person.name.clone(),
            text: said.into_owned(),
            why: why(&verdict.signals),
            verdict: serde_json::to_value(&verdict).unwrap_or_default(),
            action,
            mode: here.shield,
        })
    }

    /// How far somebody is trusted.
    pub(crate) fn tier(&self, account: &AccountId, person: &PersonId, now_ms: i64) -> Tier {
        if self.ground.read().unwrap_or_else(PoisonError::into_inner).is_staff(account, person) {
            return Tier::Staff;
        }
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).tier(account, person, now_ms)
    }

    /// Messages of the last day that are like a case's, other than itself. Whoever of the team quoted it is left alone.
    pub(crate) fn copies(&self, case: &Case, now_ms: i64) -> Vec<Copy> {
        let ground = Arc::clone(&self.ground.read().unwrap_or_else(PoisonError::into_inner));
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.copies(case, &ground.staff, now_ms)
    }

    /// Whether one more act may be done without a moderator; counts it.
    pub(crate) fn may_act(&self, now_ms: i64) -> May {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.tripped();
        if breaker.admit(Action::Delete, now_ms.unsigned_abs()) == Action::Delete {
            return May::Act;
        }
        if before.is_some() { May::Show } else { May::Call }
    }

    /// A moderator lets it act again.
    pub(crate) fn reset(&self) {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner).reset();
    }

    /// Forgets a person who was erased.
    pub(crate) fn forget(&self, account: &str, person: &str) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).forget(account, person);
    }

    /// Takes up what moderators said, here or over another node, and who is of the team.
    pub(crate) async fn learn(&self, house: &House) -> Result<(), StoreError> {
        let said = house.store.cases_said(&house.workspace).await?;
        let people = house.store.people(&house.workspace).await?;
        let (base, learnt, known) = {
            let ground = self.ground.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&ground.base), Arc::clone(&ground.learnt), ground.learnt.people == people)
        };
        if learnt.said == said && known {
            return Ok(());
        }
        let lessons = house.store.lessons(&house.workspace).await?;
        let learnt = Arc::new(Learnt::of(said, people, &lessons, base.allowed(), self.model.as_ref()));
        let ground = Arc::new(Ground::new(&self.guarding, base, learnt));
        *self.ground.write().unwrap_or_else(PoisonError::into_inner) = ground;
        Ok(())
    }
}

impl Ground {
    fn new(guarding: &Guarding, base: Arc<Base>, learnt: Arc<Learnt>) -> Self {
        let facts = guarding.facts(&base, learnt.staff(&guarding.names));
        let public = guarding.public.public();
        let mut lists = learnt.denied(&guarding.lists);
        lists.global.extend(public.iter().cloned());
        let staff = learnt.identities();
        Self { shield: Shield::new(&facts, lists, Weights::default()), base, public, learnt, staff }
    }

    fn is_staff(&self, account: &AccountId, person: &PersonId) -> bool {
        let platform = account.as_str().split(':').next().unwrap_or_default();
        self.staff.contains(&(platform.to_owned(), person.0.clone()))
    }

    /// Whether it leads to a host that is not ours.
    fn leads_elsewhere(&self, said: &str, folded: &Folded) -> bool {
        Found::new(said, folded).hosts.iter().any(|host| !self.shield.known().owns_host(&host.name))
    }

    fn verdict(
        &self,
        inbound: &Inbound,
        said: &str,
        folded: &Folded,
        met: &memory::Met,
        model: Option<&Model>,
    ) -> Verdict {
        let message = Message {
            text: said,
            quoted: &inbound.carried.quoted,
            before: None,
            author: Author {
                id: Some(inbound.person.id.as_str()),
                name: &inbound.person.name,
                handle: inbound.person.handle.as_deref().unwrap_or_default(),
                tier: met.tier,
            },
            reply: met.reply,
            in_reports: false,
        };
        let model = model.filter(|_| !said.is_empty());
        let logit = model.map(|model| model.logit(folded) + self.learnt.delta.logit(model, folded));
        self.shield.judge_folded(&message, folded, logit, &met.signals)
    }
}

/// What is to be judged of an event: its words, the links behind them, or the words it forwards. `None`: nothing.
fn said(inbound: &Inbound) -> Option<std::borrow::Cow<'_, str>> {
    let carried = &inbound.carried;
    match &inbound.body {
        Body::Message { text } | Body::Edited { text } if !carried.links.is_empty() => {
            Some(format!("{text}\n{}", carried.links.join("\n")).into())
        }
        Body::Message { text } if text.is_empty() => Some(carried.quoted.as_str().into()),
        Body::Message { text } | Body::Edited { text } => Some(text.as_str().into()),
        // A name alone may be the matter.
        Body::Roster { change: RosterChange::Joined | RosterChange::Renamed { .. } } => Some("".into()),
        _ => None,
    }
}

fn why(signals: &[Signal]) -> String {
    signals.first().map_or_else(|| say::cases::unsaid().to_owned(), |signal| signal.why.clone())
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Pass => "pass",
        Action::Flag => "flag",
        Action::Hold => "hold",
        Action::Delete => "delete",
    }
}

/// Before anything is judged: what moderators said, who is of the team, who is known.
pub(crate) async fn load(house: &House) -> Result<(), StoreError> {
    let members = house.store.members(&house.workspace).await?;
    house.shield.memory.lock().unwrap_or_else(PoisonError::into_inner).import(&members);
    house.shield.learn(house).await
}

/// Looks for what is new, and writes down who said how much, until the daemon drains.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        let draining = tokio::select! {
            () = house.draining.cancelled() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        let members = house.shield.memory.lock().unwrap_or_else(PoisonError::into_inner).changed();
        let kept = async {
            if !members.is_empty() {
                house.store.keep_members(&house.workspace, members).await?;
            }
            house.shield.learn(&house).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "what the shield goes by could not be read or kept; trying again");
        }
        if draining {
            return;
        }
    }
}
