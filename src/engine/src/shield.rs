//! The shield's seat: every event of a place that it watches is judged in memory before it is accepted, by what is ours, by
//! what was seen here lately, and by what moderators said. It writes nothing itself: what it finds and remembers is committed
//! with the batch that it was found in.

mod clean;
mod counts;
mod judged;
mod kept;
mod learnt;
mod memory;
mod pictures;
mod table;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use townkeeper_contract::case::ShieldMode;
use townkeeper_contract::id::{AccountId, PersonId};
use townkeeper_contract::inbound::{Body, Inbound, RosterChange};
use townkeeper_core::places::Here;
use townkeeper_core::{commands, say};
use townkeeper_knowledge::Base;
use townkeeper_shield::facts::Staff;
use townkeeper_shield::found::Found;
use townkeeper_shield::lists::List;
use townkeeper_shield::policy::{self, Breaker, Policy};
use townkeeper_shield::{
    Action, Author, Facts, Folded, Grounds, Lists, Message, Model, Shield, Signal, Tier, Verdict, Weights,
};
use townkeeper_store::{Fuse, NewCase, ShownName, StoreError, person_mark};

use crate::House;
use crate::lists::Keeper;
use counts::Counts;
use kept::Followed;
pub(crate) use kept::{load, run};
use learnt::{Learnt, Team};
pub(crate) use memory::{Copy, Joining};
use memory::{Memory, Who};
pub(crate) use pictures::Sight;

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
    /// What follows from a verdict.
    pub policy: Policy,
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

/// How much of a name is kept, in characters.
const NAME: usize = 256;

/// Everything that judges, and everything that is remembered for it.
pub(crate) struct Watch {
    guarding: Guarding,
    ground: RwLock<Arc<Ground>>,
    memory: Mutex<Memory>,
    followed: tokio::sync::Mutex<Followed>,
    /// None where it cannot be read: the other layers judge alone.
    model: Option<Arc<Model>>,
    /// What no lesson may make it flag.
    clean: Arc<Vec<Folded>>,
    /// One learns at a time, so that nobody puts what is older in the place of what is newer.
    learning: tokio::sync::Mutex<()>,
    counts: Counts,
}

/// How many acts without a moderator within ten minutes are too many.
pub(crate) const ACTS: usize = 20;

/// Whether one more act may be done without a moderator, after those that the store holds; notes it.
pub(crate) fn admit(fuse: &mut Fuse, now_ms: i64) -> bool {
    let (of, to) = (|at: &i64| at.unsigned_abs(), |at: u64| i64::try_from(at).unwrap_or(i64::MAX));
    let mut breaker = Breaker::restored(ACTS, fuse.acted.iter().map(of), fuse.tripped_ms.as_ref().map(of));
    let admitted = breaker.admit(Action::Delete, of(&now_ms)) == Action::Delete;
    *fuse = Fuse { acted: breaker.acted().map(to).collect(), tripped_ms: breaker.tripped().map(to) };
    admitted
}

/// What is judged by; exchanged whole.
struct Ground {
    /// Of which base this is, and of which fetched lists.
    base: Arc<Base>,
    public: Arc<Vec<List>>,
    learnt: Arc<Learnt>,
    shield: Shield,
    staff: Team,
    /// Who is behind accounts, where it is proven.
    linked: HashMap<(String, String), u64>,
}

impl Watch {
    pub(crate) fn new(guarding: Guarding, base: Arc<Base>) -> Self {
        let learnt = Arc::new(Learnt::default());
        let ground = Arc::new(Ground::new(&guarding, base, learnt));
        let model = Model::shipped().inspect_err(|error| tracing::error!(%error, "the text model cannot be used")).ok();
        Self {
            guarding,
            ground: RwLock::new(ground),
            memory: Mutex::default(),
            followed: <_>::default(),
            model: model.map(Arc::new),
            clean: Arc::new(clean::frozen()),
            learning: <_>::default(),
            counts: Counts::default(),
        }
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
        let mut now = self.ground.write().unwrap_or_else(PoisonError::into_inner);
        // What was learnt meanwhile stays.
        if Arc::ptr_eq(&now.learnt, &fresh.learnt) {
            *now = Arc::clone(&fresh);
        }
        fresh
    }

    /// Judges one event, and remembers it. `Some`: it looks like a scam.
    pub(crate) fn judge(&self, inbound: &Inbound, here: &Here, base: &Arc<Base>, now_ms: i64) -> Option<NewCase> {
        let ground = self.ground(base);
        let who = ground.who(&inbound.account, &inbound.person.id);
        if who.staff {
            self.note_name(&ground, inbound, now_ms);
        }
        if here.shield == ShieldMode::Off {
            return None;
        }
        let said = said(inbound)?;
        let folded = Folded::new(&said);
        let (met, first) = self.memory().meet(inbound, &folded, who, || ground.elsewhere(&said, &folded), now_ms);
        if first && matches!(inbound.body, Body::Roster { change: RosterChange::Joined }) {
            self.memory().join(inbound, who, here.shield, now_ms);
        }
        let place = table::place(&inbound.account, here.channel, met.tier);
        let verdict = ground.verdict(inbound, &said, &folded, &met, place.channel, self.model.as_deref());
        let counted = counted(inbound, &verdict);
        let (verdict, measures) = self.guarding.policy.decide(&place, &self.counts.shadows(), verdict);
        metrics::counter!("townkeeper_shield_total", "verdict" => word(verdict.action)).increment(1);
        let found = table::case(measures);
        // Who warns of a lure in its own words is no copy of it. Of whom is known here and only marked it, a human decides, who
        // is shown it; what nobody is shown goes with what it is like.
        let left_to_a_human = verdict.marked && met.tier >= Tier::Member && found.is_some();
        if !verdict.innocent && !left_to_a_human {
            self.memory().keep(inbound, now_ms);
        }
        let Some((action, also)) = found else {
            // Handed in again, it was counted before.
            if let Some(bin) = counted.filter(|_| first) {
                self.counts.note(place.platform, bin);
            }
            return None;
        };
        Some(NewCase {
            event: inbound.event.0.clone(),
            place: inbound.place.id.0.clone(),
            address: inbound.place.address.as_ref().unwrap_or(&inbound.reply_to).0.clone(),
            message: inbound.message.as_ref().map(|message| message.0.clone()),
            edit: matches!(inbound.body, Body::Edited { .. }),
            person: inbound.person.id.0.clone(),
            name: inbound.person.name.clone(),
            text: said.into_owned(),
            why: why(&verdict.signals),
            verdict: serde_json::to_value(&verdict).unwrap_or_default(),
            action,
            also,
            mode: here.shield,
            counted,
        })
    }

    /// Notes what somebody of the team is called on a platform now: nobody else shall look like it.
    fn note_name(&self, ground: &Ground, inbound: &Inbound, now_ms: i64) {
        let identity = identity(&inbound.account, &inbound.person.id);
        let (shown, handle) = (&inbound.person.name, inbound.person.handle.as_deref());
        let Some((name_before, handle_before)) = ground.staff.get(&identity).filter(|_| !shown.is_empty()) else {
            return;
        };
        let name: String = shown.chars().take(NAME).collect();
        let handle = handle.map_or_else(|| handle_before.clone(), |handle| handle.chars().take(NAME).collect());
        if (&name, &handle) != (name_before, handle_before) {
            let (platform, id) = identity;
            self.memory().show(&inbound.account, ShownName { platform, id, name, handle }, now_ms);
        }
    }

    /// How far somebody is trusted.
    pub(crate) fn tier(&self, account: &AccountId, person: &PersonId, now_ms: i64) -> Tier {
        if self.ground.read().unwrap_or_else(PoisonError::into_inner).is_staff(account, person) {
            return Tier::Staff;
        }
        self.memory().tier(account, person, now_ms)
    }

    /// Cases whose words are not learnt.
    fn not_learnt(&self) -> Vec<i64> {
        self.ground.read().unwrap_or_else(PoisonError::into_inner).learnt.left_out.clone()
    }

    /// Waves of people who join of which something is to be written down.
    pub(crate) fn waves(&self, now_ms: i64) -> Vec<(u64, Joining)> {
        self.memory().waves(now_ms)
    }

    /// It was written down.
    pub(crate) fn wave_noted(&self, wave: u64, now_ms: i64) {
        self.memory().noted(wave, now_ms);
    }

    /// Forgets a person who was erased.
    pub(crate) fn forget(&self, account: &str, person: &str) {
        self.memory().forget(person_mark(account, person));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what moderators said, here or over another node, and who is of the team.
    pub(crate) async fn learn(&self, house: &House) -> Result<(), StoreError> {
        let _alone = self.learning.lock().await;
        let (base, before) = {
            let ground = self.ground.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&ground.base), Arc::clone(&ground.learnt))
        };
        let (of, now_ms) = ((&house.store, house.workspace.as_str()), house.clock.now_ms());
        let learnt = Learnt::read(of, now_ms, &before, self.model.clone(), Arc::clone(&self.clean)).await?;
        let Some(learnt) = learnt else { return Ok(()) };
        let learnt = Arc::new(learnt);
        let ground = Arc::new(Ground::new(&self.guarding, base, learnt));
        *self.ground.write().unwrap_or_else(PoisonError::into_inner) = ground;
        Ok(())
    }
}

impl Ground {
    fn new(guarding: &Guarding, base: Arc<Base>, learnt: Arc<Learnt>) -> Self {
        let facts = guarding.facts(&base, learnt.staff(&guarding.names));
        let public = guarding.public.public();
        let mut lists = learnt.denied(&guarding.lists, base.allowed());
        lists.global.extend(public.iter().cloned());
        let (staff, linked) = (learnt.identities(), learnt.linked());
        let shield = Shield::new(&facts, lists, Weights::default()).with_patterns(learnt.compiled());
        Self { base, public, learnt, shield, staff, linked }
    }

    fn is_staff(&self, account: &AccountId, person: &PersonId) -> bool {
        self.staff.contains_key(&identity(account, person))
    }

    fn who(&self, account: &AccountId, person: &PersonId) -> Who {
        // Most people are nobody to us but a number.
        if self.linked.is_empty() {
            return Who::default();
        }
        let identity = identity(account, person);
        Who { staff: self.staff.contains_key(&identity), one: self.linked.get(&identity).copied() }
    }

    /// The hosts that it leads to and that are not ours.
    fn elsewhere(&self, said: &str, folded: &Folded) -> String {
        let found = Found::new(said, folded).hosts;
        let foreign = found.iter().map(|host| host.name.as_str()).filter(|host| !self.shield.known().owns_host(host));
        foreign.collect::<Vec<_>>().join(" ")
    }

    fn verdict(
        &self,
        inbound: &Inbound,
        said: &str,
        folded: &Folded,
        met: &memory::Met,
        channel: policy::Channel,
        model: Option<&Model>,
    ) -> Verdict {
        let message = Message {
            text: said,
            quoted: &inbound.carried.quoted,
            forwarded: is_forward(inbound),
            before: met.before.as_deref(),
            author: Author {
                id: Some(inbound.person.id.as_str()),
                name: &inbound.person.name,
                handle: inbound.person.handle.as_deref().unwrap_or_default(),
                tier: met.tier,
            },
            reply: met.reply,
            in_reports: channel.is_about_scams() || is_report(inbound),
        };
        let model = model.filter(|_| !said.is_empty());
        let logit = model.map(|model| self.learnt.delta.logit(model, folded));
        self.shield.judge_folded(&message, folded, logit, &met.signals)
    }
}

/// The platform and the number on it.
fn identity(account: &AccountId, person: &PersonId) -> (String, String) {
    let platform = account.as_str().split(':').next().unwrap_or_default();
    (platform.to_owned(), person.0.clone())
}

/// What is to be judged of an event: its words, the links behind them, or the words it forwards. `None`: nothing.
fn said(inbound: &Inbound) -> Option<Cow<'_, str>> {
    let carried = &inbound.carried;
    let words: Cow<'_, str> = match &inbound.body {
        Body::Message { .. } if is_forward(inbound) => carried.quoted.as_str().into(),
        Body::Message { text } | Body::Edited { text } => text.as_str().into(),
        // Written for all to read: a slash hides nothing. What only a platform's own command says stands nowhere.
        Body::Command { name, args } if inbound.message.is_some() => {
            format!("/{name} {args}").trim_end().to_owned().into()
        }
        // A name alone may be the matter.
        Body::Roster { change: RosterChange::Joined | RosterChange::Renamed { .. } } => return Some("".into()),
        _ => return None,
    };
    let links = || format!("{words}\n{}", carried.links.join("\n"));
    Some(if carried.links.is_empty() { words } else { links().into() })
}

/// Others' words alone.
fn is_forward(inbound: &Inbound) -> bool {
    matches!(&inbound.body, Body::Message { text } if text.is_empty()) && inbound.carried.links.is_empty()
}

/// Who reports may name what they report, as in a channel for it.
fn is_report(inbound: &Inbound) -> bool {
    matches!(&inbound.body, Body::Command { name, .. } if name == commands::REPORT)
}

/// The bin in which a message counts among the clean ones; `None` of names, edits, and what a hard fact speaks against.
fn counted(inbound: &Inbound, verdict: &Verdict) -> Option<i64> {
    let counts =
        matches!(inbound.body, Body::Message { .. } | Body::Command { .. }) && verdict.grounds == Grounds::Signs;
    policy::bin(verdict.score).filter(|_| counts).and_then(|bin| i64::try_from(bin).ok())
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
