//! "Is this real?": what somebody shows us is compared with what is ours, by code, before any look-up. What is not ours is
//! only that; nothing is called a scam because nobody here knows it.

mod words;

use townkeeper_contract::inbound::{Inbound, PlaceKind};
use townkeeper_contract::text::extract::masks;
use townkeeper_contract::text::{Allowed, Finding, FindingKind, extract};
use townkeeper_knowledge::facts::{Chain, Value, address};
use townkeeper_knowledge::{Class, Entry};

use super::{Decision, Snapshot, may_answer};
use crate::safety::{Ours, host, ours};
use crate::say;
use words::{Asks, SHORT, asks};

/// How many things are judged in one reply.
const MOST: usize = 3;

/// What something shown to us is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'b> {
    Ours,
    /// On a site of ours, where no answer leads to.
    OnOurSite,
    /// An answer holds it, and does not say that it is ours.
    Mentioned(&'b Entry),
    /// Only an answer that holds no more has it.
    Past,
    /// The beginning and the end of an address of ours.
    Part,
    NotOurs,
    /// As above, and could be taken for one of ours.
    LookAlike,
    /// There is nothing of ours to compare it with.
    Unknown,
}

/// What kind of thing it is: what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Link,
    /// Of that chain, where its form says so.
    Address(Option<Chain>),
    Handle,
}

/// Something shown to us, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'b> {
    pub finding: Finding,
    pub kind: Kind,
    pub verdict: Verdict<'b>,
}

/// What is ours, to compare with.
pub struct Canon<'b> {
    pub ours: Ours<'b>,
    /// The accounts of ours in the facts table: id and value.
    pub handles: Vec<(&'b str, &'b str)>,
    /// All of it.
    allowed: Allowed,
    /// Every answer of today, those that money follows first.
    today: Vec<&'b Entry>,
    /// Where they lead.
    linked: Allowed,
}

/// The comparison, where somebody asks for one. `question`: their own words.
pub(super) fn answer(snapshot: &Snapshot<'_>, inbound: &Inbound, question: &str) -> Option<Decision> {
    let own: Vec<Finding> = extract(question);
    let asked = asks(question, &own);
    if asked == Asks::Nothing {
        return None;
    }
    let alone = inbound.place.kind == PlaceKind::Private;
    let names = matches!(asked, Asks::Real { words } if alone || words > 0);
    let shown = shown(inbound, &own, names);
    if shown.is_empty() {
        return None;
    }
    let canon = Canon::of(snapshot);
    let mut judged: Vec<Judged<'_>> = shown.into_iter().map(|finding| canon.judge(snapshot, finding)).collect();
    // What is not ours is read first.
    judged.sort_by_key(|one| one.verdict == Verdict::Ours);
    let foreign = |one: &Judged<'_>| !matches!(one.verdict, Verdict::Ours | Verdict::Mentioned(_));
    let known = !judged.iter().any(foreign);
    let behind = inbound.carried.links.iter().flat_map(|link| extract(link));
    let masked = masks(question) || behind.into_iter().any(|finding| foreign(&canon.judge(snapshot, finding)));
    let found = snapshot.base.look_up(question);
    let sure = found.answer.filter(|entry| may_answer(entry, snapshot.today));
    let exact = sure.is_some() && found.hits.first().is_some_and(|hit| hit.score >= 1.0);
    let links = judged.iter().any(|one| one.kind == Kind::Link && foreign(one));
    match asked {
        // A question about what is ours, that an answer was written for.
        Asks::Real { .. } if exact && known => return None,
        Asks::Something { .. } if known => return None,
        // It is about something else as well: the answer to that, with a word about the link before it.
        Asks::Something { .. } if sure.is_some() => {
            let reply = |entry| say::real::before(&judged, super::answer(snapshot, entry, question));
            return sure.filter(|_| links).map(|entry| Decision::end(reply(entry)));
        }
        // People's own wallets stand in many a question.
        Asks::Something { words } if !links && words > SHORT => return None,
        _ => {}
    }
    let told = say::real::Told {
        judged: &judged,
        masked,
        among_words: own.is_empty() || matches!(asked, Asks::Real { words } if words > SHORT),
        canon: &canon,
        source: judged.first().and_then(|one| canon.source(one)),
        near: sure,
        page: snapshot.safety_page,
    };
    Some(Decision::end(say::real::compared(snapshot.turn, &told)))
}

/// What is shown, each once: in the words, behind them, or else in those that are quoted. Names only where they may be
/// meant.
fn shown(inbound: &Inbound, own: &[Finding], names: bool) -> Vec<Finding> {
    let behind = inbound.carried.links.iter().flat_map(|link| extract(link));
    let mut all: Vec<Finding> = own.iter().cloned().chain(behind).filter(is_asked_about).collect();
    if all.iter().all(|finding| finding.kind == FindingKind::Handle) {
        all.extend(extract(&inbound.carried.quoted).into_iter().filter(is_asked_about));
    }
    // People name each other all the time, and say where to write to them.
    let only_names = all.iter().all(|finding| finding.kind == FindingKind::Handle);
    all.retain(|finding| match finding.kind {
        FindingKind::Handle => names && only_names,
        _ => names || !finding.value.starts_with("mailto:"),
    });
    let mut each: Vec<Finding> = Vec::new();
    for finding in all {
        if !each.iter().any(|known| (known.kind, &known.value) == (finding.kind, &finding.value)) {
            each.push(finding);
        }
    }
    each.truncate(MOST);
    each
}

fn is_asked_about(finding: &Finding) -> bool {
    match finding.kind {
        FindingKind::Url | FindingKind::Host | FindingKind::Invite | FindingKind::Encoded | FindingKind::Handle => true,
        // A transaction is nobody's.
        FindingKind::Address => match finding.value.strip_prefix("0x") {
            Some(digits) => digits.len() <= 40,
            None => finding.value.len() <= 64,
        },
        FindingKind::Date | FindingKind::Amount => false,
    }
}

fn kind(finding: &Finding) -> Kind {
    match finding.kind {
        FindingKind::Address if finding.value.starts_with("0x") => Kind::Address(Some(Chain::Evm)),
        FindingKind::Address => {
            let solana = address::fault(Chain::Solana, &finding.value).is_none();
            Kind::Address(solana.then_some(Chain::Solana))
        }
        FindingKind::Handle => Kind::Handle,
        _ => Kind::Link,
    }
}

impl<'b> Canon<'b> {
    /// What is ours today.
    fn of(snapshot: &Snapshot<'b>) -> Self {
        let ours = ours(snapshot.base, snapshot.today);
        let facts = |id| snapshot.base.facts().get(id).map(|fact| &fact.value);
        let mut handles: Vec<(&str, &str)> = Vec::new();
        for id in ours.entries.iter().flat_map(|entry| &entry.facts) {
            if let Some(Value::Handle { value }) = facts(id).filter(|_| !handles.iter().any(|(known, _)| known == id)) {
                handles.push((id, value));
            }
        }
        let mut allowed = Allowed::of(ours.entries.iter().flat_map(|entry| leads_to(entry)));
        let links = ours.links.iter().map(|link| link.url);
        let addresses = ours.addresses.iter().map(|address| address.value);
        for value in links.chain(addresses).chain(handles.iter().map(|(_, value)| *value)) {
            allowed.add(value);
        }
        let mut today: Vec<&Entry> =
            snapshot.base.entries().filter(|entry| may_answer(entry, snapshot.today)).collect();
        today.sort_by_key(|entry| entry.class != Class::Safety);
        let linked = Allowed::of(today.iter().flat_map(|entry| leads_to(entry)));
        Self { ours, handles, allowed, today, linked }
    }

    fn judge(&self, snapshot: &Snapshot<'_>, finding: Finding) -> Judged<'b> {
        Judged { kind: kind(&finding), verdict: self.verdict(snapshot, &finding), finding }
    }

    fn verdict(&self, snapshot: &Snapshot<'_>, finding: &Finding) -> Verdict<'b> {
        let on_our_site = finding.host().is_some_and(|name| self.ours.hosts.iter().any(|ours| ours == name));
        if self.holds(finding) || on_our_site && self.linked.holds(finding) {
            return Verdict::Ours;
        }
        if snapshot.base.allowed().holds(finding) {
            let holds = |entry: &&Entry| Allowed::of(entry.published().iter().map(String::as_str)).holds(finding);
            return self.today.iter().copied().find(holds).map_or(Verdict::Past, Verdict::Mentioned);
        }
        match kind(finding) {
            Kind::Link if on_our_site => Verdict::OnOurSite,
            kind if !self.has(kind) => Verdict::Unknown,
            _ if self.allowed.near(finding).is_none() => Verdict::NotOurs,
            Kind::Address(_) if finding.value.contains("...") => Verdict::Part,
            _ => Verdict::LookAlike,
        }
    }

    /// Whether it is ours by its own form: a site alone, or an address whose letters are of one case, is the same thing.
    fn holds(&self, finding: &Finding) -> bool {
        let bare = || {
            let name = host(&finding.value).filter(|name| finding.value == format!("https://{name}"))?;
            Some(self.ours.hosts.iter().any(|ours| ours == name))
        };
        let same = |ours: &str| finding.value.len() == 42 && ours.eq_ignore_ascii_case(&finding.value);
        match finding.kind {
            FindingKind::Url => self.allowed.holds(finding) || bare().unwrap_or(false),
            FindingKind::Address => self.allowed.holds(finding) || self.allowed.addresses().any(same),
            _ => self.allowed.holds(finding),
        }
    }

    /// Whether there is anything of ours of that kind.
    fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Link => !self.ours.hosts.is_empty(),
            Kind::Address(chain) => {
                self.ours.addresses.iter().any(|address| chain.is_none_or(|chain| chain == address.chain))
            }
            Kind::Handle => !self.handles.is_empty(),
        }
    }

    /// The answer that says so: of what is ours, else of the first that there is of its kind.
    fn source(&self, judged: &Judged<'b>) -> Option<&'b Entry> {
        if let Verdict::Mentioned(entry) = judged.verdict {
            return Some(entry);
        }
        let (finding, ours) = (&judged.finding, judged.verdict == Verdict::Ours);
        let exact =
            ours && finding.kind != FindingKind::Host && self.today.iter().any(|entry| shows(entry, &finding.value));
        let first = match judged.kind {
            Kind::Link => {
                let there = |url: &str| !ours || extract(url).iter().any(|link| link.host() == finding.host());
                self.ours.links.iter().map(|link| link.url).find(|url| there(url))
            }
            Kind::Address(_) => self.ours.addresses.first().map(|address| address.value),
            Kind::Handle => self.handles.first().map(|(_, value)| *value),
        };
        let main = first.filter(|_| !exact).unwrap_or(&finding.value);
        let entries = || self.today.iter().copied();
        let page = entries().filter(|entry| entry.canonical_url == main).min_by_key(|entry| besides(entry));
        page.or_else(|| entries().filter(|entry| shows(entry, main)).min_by_key(|entry| besides(entry)))
            .or_else(|| self.ours.entries.first().copied())
    }
}

/// How much an answer says besides what is ours: days, ratios, amounts.
fn besides(entry: &Entry) -> usize {
    let ours = ["link.", "address.", "handle."];
    entry.facts.iter().filter(|id| !ours.iter().any(|kind| id.starts_with(kind))).count()
}

/// Whether an answer leads there, or has it in its words.
fn shows(entry: &Entry, value: &str) -> bool {
    leads_to(entry).any(|link| link == value) || entry.body.runs().any(|run| run.text.contains(value))
}

/// Where an answer leads: its own page, and its links.
fn leads_to(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.body.runs().filter_map(|run| run.link.as_deref()).chain(std::iter::once(entry.canonical_url.as_str()))
}

#[cfg(test)]
mod tests;
