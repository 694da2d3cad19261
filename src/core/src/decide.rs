//! What an event leads to. `decide` sees one [`Snapshot`], returns what to write and at most one thing to ask (a
//! model, a ticket's number); the answer comes back as another event.

use chrono::NaiveDate;
use townkeeper_contract::api::Ticket;
use townkeeper_contract::id::{EntryId, TurnId};
use townkeeper_contract::inbound::{Body, Inbound, PlaceKind};
use townkeeper_contract::place::PlaceMode;
use townkeeper_contract::provider::ChatRequest;
use townkeeper_contract::stream::{CancelledBy, Outcome, Reply, ReplyKind, StreamError};
use townkeeper_contract::text::{FindingKind, Origin, extract, from_markdown, normalise};
use townkeeper_knowledge::{Base, Class, Entry, Lookup, Status, Vector};

use crate::flood::Pace;
use crate::memory::{Note, is_seed};
use crate::places::Here;
use crate::{Agent, commands, prompt, say};

mod follow_up;
mod language;

pub mod access;
pub mod cases;
pub mod feedback;
pub mod keeper;
pub mod moderate;
pub mod real;
pub mod volunteer;

use access::{AccessAsk, Accessed};
use cases::{CaseAsk, Cased};
use feedback::Rated;
use keeper::{PlaceAsk, Placed};
use language::{abstain, answer, said_in};
use moderate::{ModerateAsk, Moderated};

/// Everything a decision may depend on, loaded once a turn.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    pub turn: &'a TurnId,
    pub agent: &'a Agent,
    pub base: &'a Base,
    /// Whether a model is configured.
    pub model: bool,
    /// The day, for what an entry says of its own validity (UTC).
    pub today: NaiveDate,
    /// Fences data in a prompt; random, made for this turn.
    pub boundary: &'a str,
    /// Nothing is answered until two people thaw the town.
    pub frozen: bool,
    /// This conversation's last turns, oldest first. `None`: not loaded, because most decisions need none.
    pub past: Option<&'a [Past<'a>]>,
    /// What is remembered about this person here; loaded with the past.
    pub notes: &'a [Note],
    /// What the question means, for a base with vectors.
    pub meaning: Meaning<'a>,
    /// Whether this person, or this conversation, is too fast.
    pub pace: Pace,
    /// How the place is set.
    pub here: &'a Here,
    /// Where the person goes on in private, with what is put behind it; where this is private, or we can write first,
    /// there is none.
    pub start_link: Option<&'a str>,
    /// Where anybody can read the safety page, if anywhere.
    pub safety_page: Option<&'a str>,
}

/// What a question means, as a vector.
#[derive(Clone, Copy, Debug)]
pub enum Meaning<'a> {
    /// Nobody was asked yet.
    Unasked,
    /// `None`: nobody says, or not in time. Then words alone decide.
    Known(Option<&'a Vector>),
}

/// An earlier turn of the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    pub turn: &'a str,
    pub question: &'a str,
    pub reply: Option<&'a Reply>,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A person said something.
    Came(&'a Inbound),
    /// A model finished; its words passed the gate, or were stopped by it.
    Spoke(Spoken),
    /// A model failed, for good; `spoke`: after people had heard something of it.
    Failed {
        error: StreamError,
        spoke: bool,
    },
    /// The budget of the day holds no more; `spoke` as above.
    Spent {
        spoke: bool,
    },
    TicketOpened {
        number: i64,
    },
    /// What came of an [`Ask::Access`].
    Accessed(Accessed),
    /// So many notes were erased.
    Forgot {
        notes: u64,
    },
    /// What came of an [`Ask::Place`] upon this event.
    Placed {
        inbound: &'a Inbound,
        placed: Placed,
    },
    /// The ticket that was asked for, if it is this person's.
    TicketFound(Option<Ticket>),
    /// An opinion was kept; none: there is no such answer.
    Rated(Option<Rated>),
    /// What came of an [`Ask::Moderate`].
    Moderated(Moderated),
    /// What came of an [`Ask::Case`].
    Cased(Cased),
}

/// A model's finished answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// The words that were let through.
    pub text: String,
    /// The entry it said it used.
    pub cited: Option<EntryId>,
    /// Whether the gate stopped it.
    pub blocked: bool,
    /// Whether it offers a ticket.
    pub ticket: bool,
}

/// What follows from an event.
#[derive(Debug, Default)]
pub struct Decision {
    /// The turn's end, if this is it.
    pub end: Option<(Outcome, Reply)>,
    /// What to find out first.
    pub then: Option<Ask>,
    /// Whether the end is kept from the platform: it was said once already. Who reads the turn's events reads it.
    pub quiet: bool,
    /// Whether the end is said only where its place has not heard it yet. Of two that come to it at once, one is said.
    pub once: bool,
    /// Whether the end is for who asked alone, where the platform has a way for that.
    pub aside: bool,
}

/// Something to find out. Its answer comes back as an [`Event`].
#[derive(Debug)]
pub enum Ask {
    /// Load the conversation's last turns and the person's notes, and decide the same event again.
    Past,
    /// Find out what this question means, and decide the same event again.
    Meaning { question: String },
    /// Let a model answer. It may cite these entries.
    Model { request: ChatRequest, sources: Vec<EntryId> },
    /// Open a ticket for that turn's question.
    Ticket { turn: TurnId, question: String },
    /// Do what a person with a role asked, if they may.
    Access(AccessAsk),
    /// Erase one of the person's notes here, or all.
    Forget { number: Option<i64> },
    /// Find out or do something about the place.
    Place(PlaceAsk),
    /// Look a ticket of this person's up.
    OwnTicket { number: i64 },
    /// Keep what the person thinks of that turn's answer.
    Rate { turn: TurnId, helped: bool },
    /// Do what a moderator asked for, if they and we may.
    Moderate(ModerateAsk),
    /// Do what is asked about a case, if they may.
    Case(CaseAsk),
}

impl Decision {
    fn end(reply: Reply) -> Self {
        Self { end: Some((Outcome::Completed, reply)), ..Self::default() }
    }

    /// Something that is said once, and then only to those who read along.
    fn shed(reply: Reply, told: bool) -> Self {
        Self { quiet: told, ..Self::end(reply) }
    }

    /// Nothing is said to anybody.
    fn silent() -> Self {
        Self::shed(say::nothing(), true)
    }

    fn ask(ask: Ask) -> Self {
        Self { then: Some(ask), ..Self::default() }
    }

    /// Where we are not switched on nothing is said to somebody who may be a stranger.
    fn unless_off(self, snapshot: &Snapshot<'_>) -> Self {
        Self { quiet: self.quiet || snapshot.here.mode == PlaceMode::Off, ..self }
    }

    fn frozen() -> Self {
        Self { end: Some((Outcome::Cancelled { by: CancelledBy::Freeze }, say::frozen())), ..Self::default() }
    }
}

/// Decides. Pure.
pub fn decide(snapshot: &Snapshot<'_>, event: &Event<'_>) -> Decision {
    match event {
        Event::Came(inbound) => came(snapshot, inbound),
        Event::Spoke(spoken) => Decision::end(spoke(snapshot, spoken)),
        Event::Failed { error, spoke } => {
            // Where it never began there is nothing to finish: it is as if there were no model.
            let reply = if *spoke { say::broke_off(snapshot.turn) } else { say::abstention(snapshot.turn, &[]) };
            Decision { end: Some((Outcome::Failed { error: error.clone() }, reply)), ..Decision::default() }
        }
        Event::Spent { spoke: true } => Decision::end(say::broke_off(snapshot.turn)),
        Event::Spent { spoke: false } => Decision::end(say::abstention(snapshot.turn, &[])),
        Event::Forgot { notes } => Decision::end(say::forgotten(*notes)),
        Event::TicketOpened { number } => {
            let go_on = snapshot.start_link.map(|base| format!("{base}{}{number}", commands::TICKET_LINK));
            Decision::end(say::ticket_opened(*number, go_on))
        }
        Event::Accessed(Accessed::NotAllowed) => Decision::end(say::not_allowed()).unless_off(snapshot),
        Event::Accessed(accessed) => Decision::end(access::said(accessed)),
        Event::Placed { inbound, placed } => keeper::placed(snapshot, inbound, placed),
        Event::TicketFound(found) => {
            Decision::end(found.as_ref().map_or_else(say::keeper::no_such_ticket, say::keeper::ticket))
        }
        Event::Moderated(moderated) if moderate::is_to_a_stranger(*moderated) => {
            Decision::end(moderate::said(*moderated)).unless_off(snapshot)
        }
        Event::Moderated(moderated) => Decision::end(moderate::said(*moderated)),
        Event::Cased(cased) => cases::said(snapshot, cased),
        Event::Rated(rated) => Decision::end(feedback::said(snapshot, rated.as_ref())),
    }
}

fn came(snapshot: &Snapshot<'_>, inbound: &Inbound) -> Decision {
    match &inbound.body {
        Body::Presence { change } => Decision::ask(Ask::Place(PlaceAsk::Presence(change.clone()))),
        Body::Command { name, args } if name == commands::KEEPER => keeper::asked(snapshot, inbound, args),
        Body::Command { name, .. } if name == commands::REPORT && inbound.place.kind != PlaceKind::Private => {
            cases::reported(inbound)
        }
        Body::Command { name, .. } if access::is(name) => access::asked(inbound).unless_off(snapshot),
        _ if snapshot.here.mode == PlaceMode::Off && snapshot.here.untold => {
            Decision { once: true, ..Decision::end(say::keeper::not_switched_on()) }
        }
        _ if snapshot.here.mode == PlaceMode::Off => Decision::silent(),
        Body::Message { .. } if !inbound.addressed => volunteer::heard(snapshot, inbound),
        body if snapshot.frozen && is_answered(body) => Decision::frozen(),
        Body::Message { text } | Body::Edited { text } => question(snapshot, inbound, text),
        Body::Command { name, args } => command(snapshot, inbound, name, args),
        Body::Action { action } => pressed(snapshot, action.as_str()),
        _ => Decision::end(say::help(&snapshot.agent.name)),
    }
}

/// Whether this gets an answer of ours, rather than something done: a ticket may be opened while the town is frozen.
fn is_answered(body: &Body) -> bool {
    match body {
        // What is remembered can be seen and erased at any time.
        Body::Command { name, .. } => {
            ![commands::TICKET, commands::STOP, commands::MEMORY, commands::FORGET].contains(&name.as_str())
        }
        Body::Action { action } => !["ticket:", "forget:"].iter().any(|ours| action.as_str().starts_with(ours)),
        _ => true,
    }
}

/// The words an event asks about: what a ticket would hold.
pub fn asked(inbound: &Inbound, base: &Base) -> String {
    match &inbound.body {
        Body::Message { text } | Body::Edited { text } => text.clone(),
        Body::Command { name, args } if args.is_empty() => format!("/{name}"),
        Body::Command { args, .. } => args.clone(),
        Body::Action { action } => {
            let meant = language::meant(action.as_str());
            let said = meant.and_then(|(id, lang)| Some(base.get(&id)?.said_or_first(lang)));
            said.map_or_else(|| action.0.clone(), |said| said.title.to_owned())
        }
        _ => String::new(),
    }
}

/// `/keeper <verb> …`.
fn command(snapshot: &Snapshot<'_>, inbound: &Inbound, name: &str, args: &str) -> Decision {
    match name {
        commands::ASK => question(snapshot, inbound, args),
        commands::TICKET if args.trim().is_empty() => {
            let Some(past) = snapshot.past else { return Decision::ask(Ask::Past) };
            let last = past.iter().rev().find(|past| is_question(past));
            last.map_or_else(|| Decision::end(say::ticket_about_what()), |past| ticket(past.turn, past.question))
        }
        commands::TICKET => ticket(snapshot.turn.as_str(), args),
        commands::CHECKLIST => Decision::end(checklist(snapshot)),
        commands::MEMORY if snapshot.past.is_none() => Decision::ask(Ask::Past),
        commands::MEMORY => Decision::end(say::memory(snapshot.notes)),
        commands::FORGET => forget(snapshot, args),
        // A stop that reached its turn found nothing to stop: the control lane takes the others.
        commands::STOP => Decision::end(say::nothing_to_stop()),
        commands::START => args.strip_prefix(commands::TICKET_LINK).and_then(|number| number.parse().ok()).map_or_else(
            || Decision::end(say::help(&snapshot.agent.name)),
            |number| Decision::ask(Ask::OwnTicket { number }),
        ),
        _ => Decision::end(say::help(&snapshot.agent.name)),
    }
}

/// The first checklist that may be said, and the others to choose from.
fn checklist(snapshot: &Snapshot<'_>) -> Reply {
    let lists: Vec<&Entry> = snapshot.base.checklists().filter(|entry| may_answer(entry, snapshot.today)).collect();
    let Some((first, others)) = lists.split_first() else { return say::no_checklist() };
    say::checklist(
        first,
        snapshot.here.language.as_deref(),
        others.get(..CHOICES.min(others.len())).unwrap_or_default(),
    )
}

/// Asks back before anything is erased. The number is one that `/memory` shows.
fn forget(snapshot: &Snapshot<'_>, args: &str) -> Decision {
    if snapshot.past.is_none() {
        return Decision::ask(Ask::Past);
    }
    let args = args.trim().trim_start_matches('#');
    if args.is_empty() || args.eq_ignore_ascii_case("all") {
        let reply = if snapshot.notes.is_empty() { say::memory(&[]) } else { say::forget_which(None) };
        return Decision::end(reply);
    }
    let number = args.parse().ok().filter(|number| snapshot.notes.iter().any(|note| note.number == *number));
    Decision::end(number.map_or_else(say::no_such_note, |number| say::forget_which(Some(number))))
}

/// A turn in which something was asked, rather than a button pressed or a command given.
fn is_question(past: &Past<'_>) -> bool {
    let answered = past.reply.is_some_and(|reply| reply.kind != ReplyKind::Notice || !reply.offers.is_empty());
    answered && !feedback::is(past.question)
}

fn pressed(snapshot: &Snapshot<'_>, action: &str) -> Decision {
    if let Some((id, lang)) = language::meant(action) {
        let entry = snapshot.base.get(&id).filter(|entry| may_answer(entry, snapshot.today));
        return Decision::end(entry.map_or_else(say::button_expired, |entry| said_in(snapshot, entry, lang)));
    }
    if let Some(which) = action.strip_prefix("forget:") {
        return match which.parse() {
            _ if which == "all" => Decision::ask(Ask::Forget { number: None }),
            Ok(number) => Decision::ask(Ask::Forget { number: Some(number) }),
            Err(_) => Decision::end(say::button_expired()),
        };
    }
    if let Some(cased) = cases::pressed(action) {
        return cased;
    }
    if let Some(rated) = feedback::pressed(action) {
        return rated;
    }
    let Some(past) = snapshot.past else { return Decision::ask(Ask::Past) };
    let asked = action.strip_prefix("ticket:").and_then(|turn| past.iter().find(|past| past.turn == turn));
    asked.map_or_else(|| Decision::end(say::button_expired()), |past| ticket(past.turn, past.question))
}

fn ticket(turn: &str, question: &str) -> Decision {
    Decision::ask(Ask::Ticket { turn: TurnId::from(turn), question: question.to_owned() })
}

/// What people say when they ask nothing yet.
const GREETINGS: &[&str] = &[
    "good morning",
    "gm",
    "hello",
    "hello there",
    "help",
    "hey",
    "hi",
    "hi there",
    "what are you",
    "what can you do",
    "what is this",
    "who are you",
];

/// Whether a text asks nothing: a greeting, a number, a row of signs.
fn asks_nothing(text: &str) -> bool {
    let normal = normalise(text);
    let words = normal.trim_matches(|c: char| !c.is_alphanumeric());
    !words.chars().any(char::is_alphabetic) || GREETINGS.contains(&words)
}

fn question(snapshot: &Snapshot<'_>, inbound: &Inbound, text: &str) -> Decision {
    if let Pace::Loop { told } = snapshot.pace {
        return Decision::shed(say::looks_like_a_loop(), told);
    }
    if let Some(compared) = real::answer(snapshot, inbound, text) {
        return compared;
    }
    if asks_nothing(text) {
        return Decision::end(say::help(&snapshot.agent.name));
    }
    let by_words = snapshot.base.look_up(text);
    let vector = match snapshot.meaning {
        // What stands there word for word needs nobody's help; who is too fast gets none; what may be a wallet's words is
        // told to nobody.
        _ if by_words.is_word_for_word() || matches!(snapshot.pace, Pace::Slow { .. }) || is_seed(text) => None,
        Meaning::Unasked => return Decision::ask(Ask::Meaning { question: text.to_owned() }),
        Meaning::Known(vector) => vector,
    };
    let with_vector = vector.map(|vector| snapshot.base.look_up_with(text, Some(vector)));
    let found = with_vector.as_ref().unwrap_or(&by_words);
    match found.answer {
        Some(entry) if may_answer(entry, snapshot.today) => return Decision::end(answer(snapshot, entry, text)),
        // What was published is not to be relied on any more: a person must look, and no model may fill the gap.
        Some(_) => return Decision::end(abstain(snapshot, text, &[])),
        None => {}
    }
    if let Pace::Slow { told } = snapshot.pace {
        return Decision::shed(say::too_fast(snapshot.turn), told);
    }
    if follow_up::may_be(text) {
        let Some(past) = snapshot.past else { return Decision::ask(Ask::Past) };
        if let Some(entry) = follow_up::answer(snapshot, past, text) {
            return Decision::end(answer(snapshot, entry, text));
        }
    }
    if !snapshot.model || is_safety(text, &by_words) || is_safety(text, found) {
        return Decision::end(abstain(snapshot, text, &near(snapshot, found)));
    }
    let Some(past) = snapshot.past else { return Decision::ask(Ask::Past) };
    let nearest: Vec<_> = found.hits.iter().copied().filter(|hit| hit.entry.class == Class::Routine).take(3).collect();
    let sources = nearest.iter().map(|hit| hit.entry.id.clone()).collect();
    Decision::ask(Ask::Model { request: prompt::request(snapshot, past, text, &nearest), sources })
}

/// How many entries are offered as "did you mean".
const CHOICES: usize = 3;

/// What may be meant by a question that no entry answers for certain.
fn near<'a>(snapshot: &Snapshot<'a>, found: &Lookup<'a>) -> Vec<&'a Entry> {
    let meant = found.hits.iter().filter(|hit| hit.near && may_answer(hit.entry, snapshot.today));
    meant.take(CHOICES).map(|hit| hit.entry).collect()
}

/// Whether an entry may still be said: published, within its days, and, where money follows it, reviewed in time.
pub fn may_answer(entry: &Entry, today: NaiveDate) -> bool {
    let begun = entry.valid_from.is_none_or(|from| from <= today);
    let ended = entry.valid_until.is_some_and(|until| until < today);
    let stale = entry.class == Class::Safety && entry.review_by < today;
    entry.status == Status::Published && begun && !ended && !stale
}

fn spoke(snapshot: &Snapshot<'_>, spoken: &Spoken) -> Reply {
    let cited = spoken.cited.as_ref().and_then(|id| snapshot.base.get(id));
    if spoken.blocked || spoken.text.trim().is_empty() {
        return cited.map_or_else(|| say::abstention(snapshot.turn, &[]), |entry| said_in(snapshot, entry, None));
    }
    Reply {
        kind: ReplyKind::Model,
        body: from_markdown(&spoken.text, &Origin::Model),
        citation: cited.map(say::citation),
        offers: spoken.ticket.then(|| say::ticket_offer(snapshot.turn)).into_iter().collect(),
    }
}

/// Words that make a question one that money follows: no model answers it.
const SAFETY_WORDS: &str = "address airdrop burn burned claim contract date dates deadline exchange expire fake fee key ledger legit \
    link mnemonic official passphrase phishing private ratio real recover recovery refund refunded safe scam \
    scammed seed site stolen support swap trezor url validate verify wallet website when";

/// The lowest score of a safety entry that keeps a question from every model.
const NEAR_SAFETY: f32 = 0.12;

/// Whether a question is about links, addresses, dates, ratios, exchanges, what is official, wallets or keys.
fn is_safety(text: &str, found: &Lookup<'_>) -> bool {
    let near =
        found.hits.first().is_some_and(|hit| hit.entry.class == Class::Safety && hit.near && hit.score >= NEAR_SAFETY);
    let holds = extract(text).iter().any(|finding| {
        matches!(
            finding.kind,
            FindingKind::Url | FindingKind::Host | FindingKind::Address | FindingKind::Invite | FindingKind::Encoded
        )
    });
    let normal = normalise(text);
    let mut words = normal.split(|c: char| !c.is_alphanumeric());
    near || holds || words.any(is_safety_word)
}

fn is_safety_word(word: &str) -> bool {
    let is = |word: &str| SAFETY_WORDS.split(' ').any(|known| known == word);
    is(word) || ["s", "es"].iter().filter_map(|end| word.strip_suffix(end)).any(is)
}

#[cfg(test)]
mod tests;
