//! What moderators confirmed, read from the words of their cases: hosts, addresses, ways into rooms, people that victims were
//! sent to, and the words themselves, each with the case it comes from. Made anew from the cases that stand: what is taken back was never there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::iter::successors;
use std::ops::Range;
use std::sync::LazyLock;

use townkeeper_text::Allowed;

use crate::behaviour::letters;
use crate::fold::Folded;
use crate::found::{self, Found, Spot};
use crate::lists::{is_shared, registrable};
use crate::signals::intent::Words;
use crate::signals::intent::class::{ASK, CONTACT, DENOUNCE, DM, HANDLE, INVITE, LINK, TICKET, WARN};
use crate::stance::{is_marked, quotations};

/// Of one case so many of each kind count: nobody fills the lists with one message.
const EACH: usize = 16;

/// A shorter name is somebody else's as well.
const SHORTEST: usize = 5;

/// Wishes that send their reader to somebody.
const REDIRECTS: &[&str] = &["dm_redirect", "ticket_lure", "recovery", "investment", "job_offer"];

/// A text with fewer letters, links and numbers aside, is no scam word for word: seven words or so, which honest people say by
/// themselves as well ("can somebody help me with my wallet", 29). A copy by chance of forty letters is none.
const LETTERS: u32 = 40;

/// From the word for writing to somebody to the name, in bytes.
const REACH: usize = 40;

/// What the words of one case lead to, whoever's it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entities {
    hosts: Vec<String>,
    /// In lower case.
    addresses: Vec<String>,
    invites: Vec<Invite>,
    /// Whom victims are sent to: lower case, without `@`.
    people: Vec<String>,
    /// All whom a reader may be led to, as [`leads_to`] has it.
    leads_to: Vec<String>,
    /// The hash of all of it, as it is read; none of a short text.
    words: Option<u64>,
    /// It neither warns, asks nor quotes: where it is cleared, so is what it names.
    vouches: bool,
}

/// A way into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Invite {
    value: String,
    /// Its code was there letter by letter. Of one in disguise nobody knows which letters were large.
    as_written: bool,
}

impl Entities {
    /// Of the text of a case, as written. A service that everybody uses is none of them: what is bad there is one page, or
    /// one room. Nor is a code without its link, which may be any service's.
    pub fn of(text: &str) -> Self {
        let folded = Folded::new(text);
        let found = Found::new(text, &folded);
        let hosts = found.hosts.iter().filter(|host| !is_mail(text, &host.range) && !is_shared(&host.name));
        let invites = found.invites.iter().filter(|spot| !spot.value.starts_with("code:"));
        let (people, leads_to) = people(text, &folded, &found);
        let invite = |spot: &Spot| Invite { value: spot.value.clone(), as_written: spot.is_as_written(text) };
        Self {
            hosts: few(hosts.map(|host| host.name.clone())),
            addresses: few(found.addresses.iter().map(|spot| spot.value.to_lowercase())),
            invites: few(invites.map(invite)),
            people: few(people),
            leads_to: few(leads_to),
            words: (letters(&folded) >= LETTERS).then(|| hash(&folded)),
            vouches: vouches(text, &folded),
        }
    }
}

/// Who warns of a host is cleared as well, and the host is what it was.
fn vouches(text: &str, folded: &Folded) -> bool {
    let words = Words::new(folded.text());
    !words.has(WARN | DENOUNCE | ASK) && !is_marked(folded.text()) && quotations(text).is_empty()
}

/// The first of them, each once.
fn few<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut few = Vec::new();
    for one in all {
        if few.len() < EACH && !few.contains(&one) {
            few.push(one);
        }
    }
    few
}

/// Drawn anew by each process, so that no hash can be aimed at and nobody has a harmless text taken for a scam. Hashes are kept in
/// memory alone.
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Of the text as it is read.
fn hash(folded: &Folded) -> u64 {
    KEYS.hash_one(folded.text())
}

/// The host of a mail address is its provider's.
fn is_mail(text: &str, range: &Range<usize>) -> bool {
    text.get(range.clone()).is_some_and(|written| written.contains('@') && !written.contains("//"))
}

/// People whose own page is linked, and those that the text sends its reader to; whom it only mentions is most likely the
/// victim. And, behind them, all whom it may be taken to lead to.
fn people(text: &str, folded: &Folded, found: &Found) -> (Vec<String>, Vec<String>) {
    if found.handles.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let words = Words::new(folded.text());
    let kinds = [(found.hosts.is_empty(), LINK), (found.invites.is_empty(), INVITE), (false, HANDLE)];
    let present = kinds.into_iter().filter(|(none, _)| !none).fold(0, |all, (_, kind)| all | kind);
    let redirects = words.wishes(folded.text(), present).iter().any(|wish| REDIRECTS.contains(&wish.id));
    let sent_to = found.handles.iter().filter(|spot| is_sent_to(text, folded, &words, spot));
    let sent_to: Vec<String> = sent_to.map(|spot| spot.value.clone()).collect();
    let linked = found.handles.iter().filter(|spot| is_linked(text, spot)).map(|spot| spot.value.clone());
    let leads_to = linked.chain(sent_to.iter().cloned()).collect();
    let pages = found.hosts.iter().filter_map(found::profile);
    let people = pages.chain(sent_to.into_iter().filter(|_| redirects)).filter(|name| name.len() >= SHORTEST);
    (people.collect(), leads_to)
}

/// Whether a text leads its reader to somebody: by a link, or by a word for writing to them.
pub(crate) fn leads_to(text: &str, folded: &Folded, spot: &Spot) -> bool {
    is_linked(text, spot) || is_sent_to(text, folded, &Words::new(folded.text()), spot)
}

fn is_linked(text: &str, spot: &Spot) -> bool {
    text.get(spot.range.clone()).is_some_and(|written| !written.starts_with('@'))
}

/// `dm @name`, `on telegram: @name`; but neither `@name, dm me` nor `dm me @name`, which call the reader.
fn is_sent_to(text: &str, folded: &Folded, words: &Words, spot: &Spot) -> bool {
    let start = spot.range.start;
    !is_linked(text, spot)
        && words.of(DM | CONTACT | TICKET).any(|word| {
            let said = folded.original(word.start..word.end);
            let between = text.get(said.end.min(start)..start).unwrap_or_default();
            let spoken = text.get(said.start.min(start)..start).unwrap_or_default();
            let oneself = spoken.split_whitespace().any(|word| word.eq_ignore_ascii_case("me"));
            let on = [":", "at", "on", "via"].iter().any(|on| between.trim_end().ends_with(on));
            said.start < start
                && start - said.end.min(start) <= REACH
                && !between.contains(['.', '!', '?', ';', '\n'])
                && (on || !oneself)
        })
}

/// What all standing cases deny: for looking up, with the first case that named each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    hosts: BTreeMap<String, i64>,
    addresses: BTreeMap<String, i64>,
    /// By their letters in lower case: each spelling that was seen, `None` for one in disguise.
    invites: BTreeMap<String, BTreeMap<Option<String>, i64>>,
    people: BTreeMap<String, i64>,
    words: HashMap<u64, i64>,
}

impl Confirmed {
    /// What these cases deny, by their numbers, the oldest first, save what is ours. `cleared`: what moderators called no scam;
    /// whom it leads to is denied to nobody, nor is who says the same, nor, unless it warns, asks or quotes, the hosts and rooms
    /// that it names.
    pub fn of<'e>(
        cases: impl IntoIterator<Item = (i64, &'e Entities)>,
        cleared: impl IntoIterator<Item = &'e Entities>,
        ours: &Allowed,
    ) -> Self {
        let ours = Ours::of(ours);
        let (mut friends, mut honest, mut vouched) = (HashSet::new(), HashSet::new(), Vouched::default());
        for entities in cleared {
            friends.extend(&entities.leads_to);
            honest.extend(entities.words);
            vouched.add(entities);
        }
        let mut all = Self::default();
        for (case, entities) in cases {
            let hosts = entities.hosts.iter().filter(|host| !ours.hosts.contains(host.as_str()));
            put(&mut all.hosts, hosts.filter(|host| !vouched.hosts.contains(host.as_str())), case);
            put(&mut all.addresses, entities.addresses.iter().filter(|spot| !ours.addresses.contains(*spot)), case);
            let strangers = entities.people.iter().filter(|name| !ours.people.contains(*name));
            put(&mut all.people, strangers.filter(|name| !friends.contains(name)), case);
            let rooms = entities.invites.iter().filter(|spot| !ours.invites.contains(&spot.value.to_lowercase()));
            for invite in rooms.filter(|invite| !vouched.has_room(invite)) {
                all.invite_of(invite, case);
            }
            if let Some(words) = entities.words.filter(|words| !honest.contains(words)) {
                all.words.entry(words).or_insert(case);
            }
        }
        all
    }

    /// The link, and its code said alone.
    fn invite_of(&mut self, invite: &Invite, case: i64) {
        let code = found::code(&invite.value).map(|code| format!("code:{code}"));
        for value in std::iter::once(invite.value.clone()).chain(code) {
            let spellings = self.invites.entry(value.to_lowercase()).or_default();
            spellings.entry(invite.as_written.then_some(value)).or_insert(case);
        }
    }

    /// The hosts among it.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(String::as_str)
    }

    /// The case that confirmed exactly this host.
    pub fn host(&self, host: &str) -> Option<i64> {
        self.hosts.get(host).copied()
    }

    /// The case that confirmed an address, in whatever case of its letters.
    pub fn address(&self, address: &str) -> Option<i64> {
        if self.addresses.is_empty() { None } else { self.addresses.get(&address.to_lowercase()).copied() }
    }

    /// The case that confirmed a way into a room, found in this text. Codes that differ in the size of a letter lead to
    /// different rooms; but where either was in disguise, letters alone count.
    pub(crate) fn invite(&self, spot: &Spot, text: &str) -> Option<i64> {
        if self.invites.is_empty() {
            return None;
        }
        let spellings = self.invites.get(&spot.value.to_lowercase())?;
        let disguised = !spot.is_as_written(text);
        let same = |spelling: &Option<String>| disguised || spelling.as_ref().is_none_or(|known| *known == spot.value);
        spellings.iter().find(|(spelling, _)| same(spelling)).map(|(_, case)| *case)
    }

    /// The case that sent its victims to somebody of this name, in lower case without `@`.
    pub fn person(&self, name: &str) -> Option<i64> {
        self.people.get(name).copied()
    }

    /// The case that said the very same.
    pub fn words(&self, folded: &Folded) -> Option<i64> {
        if self.words.is_empty() { None } else { self.words.get(&hash(folded)).copied() }
    }
}

/// The first case keeps what it named.
fn put<'e>(all: &mut BTreeMap<String, i64>, named: impl Iterator<Item = &'e String>, case: i64) {
    for one in named {
        all.entry(one.clone()).or_insert(case);
    }
}

/// What cleared cases name.
#[derive(Default)]
struct Vouched<'e> {
    /// With those that they lie below: who denies a host denies these too.
    hosts: HashSet<&'e str>,
    /// By their letters in lower case: each spelling, `None` for one in disguise.
    rooms: HashMap<String, HashSet<Option<&'e str>>>,
}

impl<'e> Vouched<'e> {
    fn add(&mut self, entities: &'e Entities) {
        let Entities { hosts, invites, vouches: true, .. } = entities else { return };
        for host in hosts {
            let least = registrable(host).map_or(host.len(), str::len);
            let parents = successors(Some(host.as_str()), |host| host.split_once('.').map(|(_, parent)| parent));
            self.hosts.extend(parents.take_while(|host| host.len() >= least));
        }
        for Invite { value, as_written } in invites {
            let spellings = self.rooms.entry(value.to_lowercase()).or_default();
            spellings.insert(as_written.then_some(value.as_str()));
        }
    }

    /// As [`Confirmed::invite`] has it.
    fn has_room(&self, invite: &Invite) -> bool {
        self.rooms.get(&invite.value.to_lowercase()).is_some_and(|spellings| {
            !invite.as_written || spellings.contains(&None) || spellings.contains(&Some(invite.value.as_str()))
        })
    }
}

/// What is ours, as it would be found.
struct Ours<'a> {
    hosts: BTreeSet<&'a str>,
    addresses: HashSet<String>,
    invites: HashSet<String>,
    people: HashSet<String>,
}

impl<'a> Ours<'a> {
    fn of(allowed: &'a Allowed) -> Self {
        let found = Found::of_ours(allowed);
        Self {
            hosts: allowed.hosts().collect(),
            addresses: allowed.addresses().map(str::to_lowercase).collect(),
            invites: found.invites.into_iter().map(|spot| spot.value.to_lowercase()).collect(),
            people: found.handles.into_iter().map(|spot| spot.value).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
