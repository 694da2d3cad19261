//! The shield itself: what is ours, the lists and the weights, ready for judging. Never changed; a new one takes its place.

use std::borrow::Cow;

use crate::facts::Facts;
use crate::fold::Folded;
use crate::found::{Found, Host};
use crate::known::Known;
use crate::lists::Lists;
use crate::message::{Message, Tier};
use crate::patterns::Patterns;
use crate::policy::{self, Channel, Limits};
use crate::score::{self, Layer, Weights};
use crate::signals::facts::Sight;
use crate::signals::intent::class::{BRAND, Class, HANDLE, INVITE, LINK};
use crate::signals::intent::{Wish, Words};
use crate::signals::{context, deny, evidence, harmless, identity};
use crate::stance::{Own, Stance, blanked, is_marked, quotations, says_something};
use crate::verdict::{Counterfactual, Evidence, Grounds, Signal, Verdict, Versions};

/// Judges messages and names. Shared between threads as it is.
#[derive(Clone, Debug, Default)]
pub struct Shield {
    known: Known,
    lists: Lists,
    weights: Weights,
    patterns: Patterns,
}

/// From this share of tricked letters on, the tricks themselves speak against a text.
const TRICKED: f32 = 0.08;

impl Shield {
    pub fn new(facts: &Facts, lists: Lists, weights: Weights) -> Self {
        Self { known: Known::new(facts), lists, weights, patterns: Patterns::default() }
    }

    /// With what moderators look for.
    #[must_use]
    pub fn with_patterns(self, patterns: Patterns) -> Self {
        Self { patterns, ..self }
    }

    pub fn known(&self) -> &Known {
        &self.known
    }

    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Judges a message. `text_logit` is the text model's: from 0 on the text alone is flagged; `behaviour` is what
    /// was seen of the author across messages. The action is the default policy's.
    pub fn judge(&self, message: &Message<'_>, text_logit: Option<f32>, behaviour: &[Signal]) -> Verdict {
        self.judge_folded(message, &Folded::new(message.text), text_logit, behaviour)
    }

    /// The same, for a caller who has folded the text already.
    pub fn judge_folded(
        &self,
        message: &Message<'_>,
        folded: &Folded,
        text_logit: Option<f32>,
        behaviour: &[Signal],
    ) -> Verdict {
        let text = message.text;
        let found = Found::new(text, folded);
        let (wishes, stance, own) = self.read(message, folded, &found);
        let mut signals = self.facts(message, folded, &found, &stance);
        // Who keeps the place, or shows others' words, may repeat them.
        let copy = || deny::words(text, folded, &self.lists, &self.weights);
        signals.extend((!stance.staff && !stance.quotes).then(copy).flatten());
        signals.extend(self.intents(text, own.as_ref(), &wishes, stance));
        let pattern = self.weights.of("pattern") * stance.leaves();
        signals.extend(self.patterns.judge(text, folded, pattern).filter(|_| message.author.tier < Tier::Staff));
        signals.extend(self.tricks(text, folded, &signals, stance));
        let sight = self.sight(message, "", &found);
        let unknown: Vec<&Host> = found.hosts.iter().filter(|host| sight.is_unknown(host)).collect();
        let lures = wishes.iter().any(|wish| matches!(wish.id, "dm_redirect" | "ticket_lure" | "posing"));
        signals.extend(context::judge(message, &found, &unknown, lures, &self.weights));
        if message.author.tier < Tier::Staff {
            let author = &message.author;
            signals.extend(identity::judge(author.name, author.handle, author.id, &self.known, &self.weights));
        }
        signals.extend(behaviour.iter().cloned().map(|mut signal| {
            signal.weight = score::bounded(signal.weight).clamp(-score::BEHAVIOUR, score::BEHAVIOUR);
            signal
        }));
        signals.extend(text_logit.and_then(|logit| spoken(text, logit, stance)));
        Verdict { marked: is_marked(folded.text()), ..self.conclude(message, signals, stance) }
    }

    /// Judges a name alone: when somebody joins, or renames.
    pub fn judge_name(&self, name: &str, handle: &str, id: Option<&str>) -> Verdict {
        let signals = identity::judge(name, handle, id, &self.known, &self.weights);
        self.conclude(&Message::default(), signals, Stance::default())
    }

    /// What the author's own words want, and how he stands to what the message says.
    fn read<'f>(
        &self,
        message: &Message<'_>,
        folded: &'f Folded,
        found: &Found,
    ) -> (Vec<Wish>, Stance, Cow<'f, Folded>) {
        let links = found.hosts.iter().map(|host| host.range.clone());
        let links: Vec<_> = links.filter(|range| range.len() < message.text.len()).collect();
        let bare = blanked(message.text, links.iter().cloned());
        let text = bare.as_deref().unwrap_or(message.text);
        let quoted: Vec<_> = quotations(text);
        if blanked(text, quoted.iter().cloned()).is_some_and(|own| says_something(&own)) {
            let mut out: Vec<_> = links.iter().cloned().chain(quoted).collect();
            out.sort_by_key(|range| range.start);
            let own = folded.without(&out);
            let (wishes, stance) = self.weigh(message, &own, found, true);
            if stance.quotes {
                return (wishes, stance, Cow::Owned(own));
            }
            // Quoted without saying what for: the quotation speaks for its author.
        }
        let whole = if links.is_empty() { Cow::Borrowed(folded) } else { Cow::Owned(folded.without(&links)) };
        let (wishes, stance) = self.weigh(message, &whole, found, !message.quoted.is_empty());
        (wishes, stance, whole)
    }

    fn weigh(&self, message: &Message<'_>, own: &Folded, found: &Found, quotes: bool) -> (Vec<Wish>, Stance) {
        let words = Words::new(own.text());
        let wishes = words.wishes(own.text(), self.present(message, found));
        let stance = Stance::new(message, &self.own(own.text(), found), &words, &wishes, quotes);
        (wishes, stance)
    }

    /// What a stance is told by, beside words.
    fn own<'t>(&self, text: &'t str, found: &Found) -> Own<'t> {
        let foreign = found.hosts.iter().any(|host| !self.known.owns_host(&host.name));
        Own { text, leads: foreign || !found.invites.is_empty() || !found.handles.is_empty() }
    }

    fn present(&self, message: &Message<'_>, found: &Found) -> Class {
        let sight = self.sight(message, "", found);
        let kinds = [
            (found.hosts.iter().any(|host| sight.is_unknown(host)), LINK),
            (!found.invites.is_empty(), INVITE),
            (!found.handles.is_empty(), HANDLE),
            (false, BRAND),
        ];
        kinds.into_iter().filter(|(is, _)| *is).fold(0, |all, (_, kind)| all | kind)
    }

    fn sight<'a>(&'a self, message: &Message<'a>, lower: &'a str, found: &'a Found) -> Sight<'a> {
        let tier = message.author.tier;
        let (known, lists, weights) = (&self.known, &self.lists, &self.weights);
        Sight { text: message.text, lower, found, known, lists, tier, weights }
    }

    /// L0 and L1.
    fn facts(&self, message: &Message<'_>, folded: &Folded, found: &Found, stance: &Stance) -> Vec<Signal> {
        if *found == Found::default() {
            return Vec::new();
        }
        let lower = message.text.to_ascii_lowercase();
        let mut signals = deny::judge(message.text, found, &self.known, &self.lists, &self.weights);
        if stance.staff && stance.is_innocent() {
            // Whoever keeps the place may name what is bad.
            signals.clear();
        }
        let handle = self.weights.of("denied_handle") * stance.leaves();
        signals.extend(deny::people(message.text, folded, found, (&self.known, &self.lists), handle));
        let live = found.hosts.iter().any(|host| host.live);
        for mut signal in self.sight(message, &lower, found).judge() {
            signal.weight *= match signal.id {
                "foreign_contract" | "foreign_address" | "brand_handle" => stance.leaves(),
                _ => stance.leaves_of_hosts(message, live),
            };
            signals.push(signal);
        }
        // Ten such links are no more certain than one.
        let mut seen: Vec<&str> = Vec::new();
        signals.retain(|signal| {
            let first = !seen.contains(&signal.id);
            seen.push(signal.id);
            first
        });
        signals
    }

    /// L3.
    fn intents(&self, text: &str, own: &Folded, wishes: &[Wish], stance: Stance) -> Vec<Signal> {
        let left = stance.leaves();
        let signal = |wish: &Wish| Signal {
            id: wish.id,
            weight: self.weights.of(wish.id) * wish.strength * left,
            source: "rules".into(),
            evidence: evidence(text, own.original(wish.range.clone())),
            why: wish.why.to_owned(),
        };
        wishes.iter().map(signal).collect()
    }

    /// Letters that only look like letters, in a text that wants something.
    fn tricks(&self, text: &str, folded: &Folded, signals: &[Signal], stance: Stance) -> Option<Signal> {
        (folded.changed() >= TRICKED && !signals.is_empty()).then(|| Signal {
            id: "tricked_letters",
            weight: self.weights.of("tricked_letters") * stance.leaves(),
            source: "rules".into(),
            evidence: evidence(text, 0..text.len()),
            why: format!("{:.0} % of its letters only look like letters.", folded.changed() * 100.0),
        })
    }

    fn conclude(&self, message: &Message<'_>, mut signals: Vec<Signal>, stance: Stance) -> Verdict {
        signals.retain(|signal| signal.weight != 0.0);
        signals.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let limits = Limits::at(Channel::Open, message.author.tier);
        let grounds = grounds(&signals, stance);
        let score = score::probability(&signals);
        let counterfactual = signals.split_first().map(|(first, rest)| {
            let (score, grounds) = (score::probability(rest), self::grounds(rest, stance));
            let action = limits.measures(score, grounds).message;
            Counterfactual { without: first.id, score, grounds, action }
        });
        let lists = if grounds == Grounds::Listed { self.lists.sources() } else { Vec::new() };
        Verdict {
            action: limits.measures(score, grounds).message,
            score,
            grounds,
            threshold: None,
            dampers: if signals.is_empty() { Vec::new() } else { stance.dampers() },
            innocent: stance.is_innocent(),
            marked: false,
            signals,
            counterfactual,
            versions: Versions { weights: score::VERSION, policy: policy::VERSION, table: None, lists },
        }
    }
}

/// L5.
fn spoken(text: &str, logit: f32, stance: Stance) -> Option<Signal> {
    let bounded = score::of_text(logit);
    let weight = if bounded > 0.0 { bounded * stance.leaves() } else { bounded };
    let shown = text.chars().take(80).collect::<String>();
    (weight != 0.0).then(|| Signal {
        id: "text",
        weight,
        source: "model".into(),
        evidence: Evidence { text: harmless(&shown), range: 0..text.len() },
        why: if weight > 0.0 { "Worded like scams." } else { "Worded like honest talk." }.to_owned(),
    })
}

/// How far an action may go for these reasons.
fn grounds(signals: &[Signal], stance: Stance) -> Grounds {
    let passed_on = |signal: &Signal| stance.passes_on && signal.id == "known_scam";
    let listed = |signal: &Signal| score::layer(signal.id) == Layer::Listed && !passed_on(signal);
    if signals.iter().any(listed) {
        return listed_grounds(stance);
    }
    if signals.iter().any(passed_on) {
        return Grounds::Fact;
    }
    let hard = |signal: &&Signal| matches!(signal.id, "brand_host" | "address_twin" | "secret_request");
    let fact = signals.iter().filter(hard).any(|signal| signal.weight >= HARD);
    if fact && !stance.is_innocent() && !stance.technical { Grounds::Fact } else { Grounds::Signs }
}

/// Who warns of a listed host, or asks about it, shall not lose the message; but the link must not stay open either.
fn listed_grounds(stance: Stance) -> Grounds {
    if stance.is_innocent() { Grounds::Fact } else { Grounds::Listed }
}

/// A damped reason is no hard one.
const HARD: f32 = 4.0;

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Shield>();
};
