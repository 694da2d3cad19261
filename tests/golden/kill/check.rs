//! What the world outside knows, what the store says, and every way in which the two may not disagree. Pure: the red
//! twins feed it ledgers that lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use townkeeper_contract::outbound::Act;
use townkeeper_contract::stream::{Outcome, Reply};
use townkeeper_store::{EndedTurn, Ledger, LedgerEvent, LedgerSend};

use super::words;

/// The web's account, and those of the harness.
pub(crate) const WEB: &str = "web";
pub(crate) const TELEGRAM: &str = "telegram:main";
pub(crate) const DISCORD: &str = "discord:main";

/// How many rows `outbox list` shows at most: the newest.
const LISTED: usize = 200;

/// What clients and platforms know: nothing of it comes from the daemon's store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) asked: Vec<Asked>,
    pub(crate) pushed: Vec<Pushed>,
    /// The offset with which the platform was told to forget what is below it.
    pub(crate) confirmed: i64,
    pub(crate) shown: Vec<Shown>,
}

/// One web request under one idempotency key, with everything that came back over all of its tries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The inbox key it must have: `conversation:key`.
    pub(crate) event: String,
    /// Whether a response began, with the status that says it was accepted.
    pub(crate) begun: bool,
    /// Every turn that a response to it named.
    pub(crate) turns: BTreeSet<String>,
    /// Every terminal that was heard.
    pub(crate) ends: Vec<Heard>,
    /// Rules of the stream or the API that a response broke.
    pub(crate) trouble: Vec<String>,
}

/// A terminal as a client heard it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) turn: String,
    pub(crate) end: EndedTurn,
}

/// One event of a platform.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) account: &'static str,
    /// Its number, where the platform is told up to which it was read.
    pub(crate) update: Option<i64>,
    /// The inbox key it must have: what it is, whatever its number.
    pub(crate) event: String,
    /// Whether it is for the bot, so that it must be answered.
    pub(crate) addressed: bool,
    pub(crate) chat: i64,
    pub(crate) person: i64,
    /// The message that an answer in a group replies to; none in private.
    pub(crate) target: Option<i64>,
}

/// One message of the bot that people see.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) account: &'static str,
    pub(crate) chat: i64,
    pub(crate) message: i64,
    pub(crate) reply_to: Option<i64>,
    pub(crate) text: String,
}

/// What the store says after the last end of the daemon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) ledger: Ledger,
    pub(crate) ended: BTreeMap<String, EndedTurn>,
    /// The rows that `townkeeper outbox list --state unknown` names, where it was asked.
    pub(crate) listed: Option<BTreeSet<String>>,
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// Somebody was told that it was accepted, and it is not there.
    Lost(String),
    /// It happened twice.
    Doubled(String),
    /// A turn without exactly one terminal, or whose terminal was told differently.
    Terminal(String),
    /// A send that did not happen as its row says, where nobody would look.
    Silent(String),
    /// A later answer before an earlier one.
    Disorder(String),
    /// A stream that broke the rules.
    Stream(String),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, what) = match self {
            Self::Lost(what) => ("lost", what),
            Self::Doubled(what) => ("doubled", what),
            Self::Terminal(what) => ("terminal", what),
            Self::Silent(what) => ("silent", what),
            Self::Disorder(what) => ("disorder", what),
            Self::Stream(what) => ("stream", what),
        };
        write!(f, "{kind}: {what}")
    }
}

/// Every promise that was broken.
pub(crate) fn check(truth: &Truth, stored: &Stored) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let events: BTreeMap<_, _> =
        stored.ledger.events.iter().map(|event| ((event.account.as_str(), event.event.as_str()), event)).collect();
    check_turns(stored, &mut breaches);
    for asked in &truth.asked {
        check_asked(asked, events.get(&(WEB, asked.event.as_str())).copied(), stored, &mut breaches);
    }
    for pushed in &truth.pushed {
        let event = events.get(&(pushed.account, pushed.event.as_str())).copied();
        check_pushed(truth, pushed, event, stored, &mut breaches);
    }
    check_eyes(truth, &mut breaches);
    check_sends(truth, stored, &mut breaches);
    check_doubts(stored, &mut breaches);
    check_order(truth, &events, stored, &mut breaches);
    check_tickets(truth, stored, &mut breaches);
    breaches
}

/// Every accepted event has one turn, with one terminal; there is no turn besides.
fn check_turns(stored: &Stored, breaches: &mut Vec<Breach>) {
    for event in stored.ledger.events.iter().filter(|event| event.open || event.terminals != 1) {
        breaches.push(Breach::Terminal(format!("accepted, and settled {} times: {event:?}", event.terminals)));
    }
    let events = stored.ledger.events.len();
    if usize::try_from(stored.ledger.turns) != Ok(events) {
        breaches.push(Breach::Terminal(format!("{} turns for {events} events", stored.ledger.turns)));
    }
}

fn check_asked(asked: &Asked, event: Option<&LedgerEvent>, stored: &Stored, breaches: &mut Vec<Breach>) {
    let named = &asked.event;
    breaches.extend(asked.trouble.iter().map(|trouble| Breach::Stream(format!("{named}: {trouble}"))));
    let Some(event) = event else {
        if asked.begun {
            breaches.push(Breach::Lost(format!("the web request {named} was accepted and is not in the store")));
        }
        return;
    };
    if let Some(other) = asked.turns.iter().find(|turn| **turn != event.turn) {
        breaches.push(Breach::Doubled(format!("{named} is turn {}, and was answered as {other} too", event.turn)));
    }
    for heard in &asked.ends {
        if stored.ended.get(&heard.turn) != Some(&heard.end) {
            let kept = stored.ended.get(&heard.turn);
            breaches.push(Breach::Terminal(format!("{named} heard {:?}, the store has {kept:?}", heard.end)));
        }
    }
}

fn check_pushed(
    truth: &Truth,
    pushed: &Pushed,
    event: Option<&LedgerEvent>,
    stored: &Stored,
    breaches: &mut Vec<Breach>,
) {
    if pushed.update.is_some_and(|update| update >= truth.confirmed) {
        breaches.push(Breach::Lost(format!("never read: {pushed:?}")));
    }
    match event {
        None if pushed.addressed => breaches.push(Breach::Lost(format!("confirmed, not in the store: {pushed:?}"))),
        Some(_) if !pushed.addressed => breaches.push(Breach::Silent(format!("not for us, yet kept: {pushed:?}"))),
        Some(event) => {
            let sends = stored.ledger.sends.iter().filter(|send| send.turn == event.turn && !is_live(send)).count();
            if sends != 1 {
                breaches.push(Breach::Silent(format!("{sends} messages were written for {pushed:?}")));
            }
        }
        None => {}
    }
}

/// The first words of an answer that was shown while it was written.
fn is_live(send: &LedgerSend) -> bool {
    send.part < 0
}

/// With people's eyes alone: never more answers than questions, in a chat or below one message of a group. On Telegram
/// what says of itself that it is not whole is no answer: its first words may have been in doubt. On Discord, where
/// nothing is in doubt, every message counts.
fn check_eyes(truth: &Truth, breaches: &mut Vec<Breach>) {
    let mut questions: BTreeMap<(i64, Option<i64>), usize> = BTreeMap::new();
    for pushed in truth.pushed.iter().filter(|pushed| pushed.addressed) {
        *questions.entry((pushed.chat, pushed.target)).or_default() += 1;
    }
    let mut answers: BTreeMap<(i64, Option<i64>), usize> = BTreeMap::new();
    for shown in truth.shown.iter().filter(|shown| shown.account == DISCORD || !shown.text.ends_with('…')) {
        *answers.entry((shown.chat, shown.reply_to)).or_default() += 1;
    }
    for (place, shown) in answers {
        let asked = questions.get(&place).copied().unwrap_or(0);
        if shown > asked {
            breaches.push(Breach::Doubled(format!("{shown} answers to {asked} questions at {place:?}")));
        }
    }
}

/// A message as both sides can name it: the chat, what it replies to, its words.
type Said = (i64, Option<i64>, String);

/// A row that is `sent` has exactly one message, of its own; a row that is `unknown` has one or none; there is no
/// other message, and no other end for a row. The first words of an answer are replaced by its row of the whole, in the
/// same message; where they are certain, they never stay beside it.
fn check_sends(truth: &Truth, stored: &Stored, breaches: &mut Vec<Breach>) {
    let by_name: BTreeMap<String, &Shown> =
        truth.shown.iter().map(|shown| (format!("{}/{}", shown.chat, shown.message), shown)).collect();
    let mut claimed = BTreeSet::new();
    let mut doubtful: BTreeMap<Said, usize> = BTreeMap::new();
    let replaced = |live: &LedgerSend| {
        let same = |send: &&LedgerSend| send.turn == live.turn && !is_live(send) && send.message == live.message;
        stored.ledger.sends.iter().find(same).is_some_and(|send| send.state == "sent")
    };
    for send in stored.ledger.sends.iter().filter(|send| !(is_live(send) && send.state == "sent" && replaced(send))) {
        let said = said(send);
        if is_live(send) && send.state == "sent" {
            breaches.push(Breach::Doubled(format!("its first words stand beside the whole: {send:?}")));
        }
        match send.state.as_str() {
            "sent" => {
                let name = send.message.clone().unwrap_or_default();
                let shown = by_name.get(&name).filter(|shown| seen(shown) == said);
                if shown.is_none() {
                    breaches.push(Breach::Silent(format!("`sent`, and nobody sees it: {send:?}")));
                } else if !claimed.insert(name) {
                    breaches.push(Breach::Silent(format!("`sent` as another row's message: {send:?}")));
                }
            }
            "unknown" => *doubtful.entry(said).or_default() += 1,
            _ => breaches.push(Breach::Silent(format!("neither sent nor in doubt: {send:?}"))),
        }
    }
    for (name, shown) in by_name.iter().filter(|(name, _)| !claimed.contains(*name)) {
        match doubtful.get_mut(&seen(shown)).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => breaches.push(Breach::Doubled(format!("no row accounts for {name}: {shown:?}"))),
        }
    }
}

/// Nothing is in doubt where a repeat is harmless, and the operator's list names what is: no more and no less.
fn check_doubts(stored: &Stored, breaches: &mut Vec<Breach>) {
    let doubtful: Vec<_> = stored.ledger.sends.iter().filter(|send| send.state == "unknown").collect();
    for send in doubtful.iter().filter(|send| send.account == DISCORD) {
        breaches.push(Breach::Silent(format!("in doubt, and could have been repeated: {send:?}")));
    }
    let Some(listed) = &stored.listed else { return };
    let known: BTreeSet<_> = doubtful.iter().map(|send| send.id.clone()).collect();
    if !listed.is_subset(&known) || listed.len() < known.len().min(LISTED) {
        let (listed, known) = (listed.len(), known.len());
        breaches.push(Breach::Silent(format!("`outbox list` names {listed} rows, and {known} are in doubt")));
    }
}

fn seen(shown: &Shown) -> Said {
    (shown.chat, shown.reply_to, words_of(shown.account, &shown.text))
}

/// The words of a message, without the marks of Discord's Markdown.
fn words_of(account: &str, text: &str) -> String {
    if account == DISCORD {
        return text.chars().filter(|c| c.is_alphanumeric() || *c == '…').collect();
    }
    text.to_owned()
}

/// A row as people would see it. The address is the adapter's own JSON.
fn said(send: &LedgerSend) -> Said {
    let address: serde_json::Value = serde_json::from_str(&send.reply_to.0).unwrap_or_default();
    let id = |name: &str| address[name].as_i64().or_else(|| address[name].as_str()?.parse().ok());
    let (chat, target) = if send.account == DISCORD {
        (id("channel"), id("message").filter(|_| id("guild").is_some()))
    } else {
        (id("chat"), id("message_id").filter(|_| id("chat") < Some(0)))
    };
    let text = match &send.act {
        Act::Message { body, .. } | Act::Edit { body, .. } => body.flatten().text,
        other => format!("{other:?}"),
    };
    (chat.unwrap_or(0), target, words_of(&send.account, &text))
}

/// One person's questions in one chat are answered in the order in which they were asked, and a chat's messages leave
/// in the order of their line.
fn check_order(
    truth: &Truth,
    events: &BTreeMap<(&str, &str), &LedgerEvent>,
    stored: &Stored,
    breaches: &mut Vec<Breach>,
) {
    let places: BTreeMap<_, _> = stored.ledger.sends.iter().map(|send| (send.turn.as_str(), send.seq)).collect();
    let mut last: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for pushed in &truth.pushed {
        let event = events.get(&(pushed.account, pushed.event.as_str()));
        let Some(seq) = event.and_then(|event| places.get(event.turn.as_str())) else { continue };
        let before = last.insert((pushed.chat, pushed.person), *seq);
        if before.is_some_and(|before| before > *seq) {
            breaches.push(Breach::Disorder(format!("answered before an earlier question: {pushed:?}")));
        }
    }
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    // An edit changes a message that is as old as its first words.
    let new = |send: &&LedgerSend| send.state == "sent" && matches!(send.act, Act::Message { .. });
    for send in stored.ledger.sends.iter().filter(new) {
        let message = send.message.as_ref().and_then(|name| name.rsplit_once('/')?.1.parse().ok()).unwrap_or(0);
        if newest.insert(&send.dest, message).is_some_and(|before| before > message) {
            breaches.push(Breach::Disorder(format!("left before an earlier row: {send:?}")));
        }
    }
}

/// A question has one ticket at most, and a ticket that a person was told of is there.
fn check_tickets(truth: &Truth, stored: &Stored, breaches: &mut Vec<Breach>) {
    let mut turns = BTreeSet::new();
    let mut questions = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for ticket in &stored.ledger.tickets {
        numbers.insert(ticket.number);
        let again = words::is_unique(&ticket.question) && !questions.insert(&ticket.question);
        if again || !turns.insert(&ticket.turn) {
            breaches.push(Breach::Doubled(format!("a second ticket for one question: {ticket:?}")));
        }
    }
    let heard = truth.asked.iter().flat_map(|asked| &asked.ends).filter_map(|heard| heard.end.reply.as_ref());
    let told = heard.map(|reply| reply.body.to_plain()).chain(truth.shown.iter().map(|shown| shown.text.clone()));
    for number in told.filter_map(|text| ticket_number(&text)) {
        if !numbers.contains(&number) {
            breaches.push(Breach::Lost(format!("a person was told of ticket #{number}; there is none")));
        }
    }
}

/// The number in "Ticket #7 is open."
pub(crate) fn ticket_number(text: &str) -> Option<i64> {
    text.strip_prefix("Ticket #")?.split_whitespace().next()?.parse().ok()
}

impl Heard {
    /// A terminal from the wire.
    pub(crate) fn new(turn: &str, attempt: u32, seq: u64, outcome: Outcome, reply: Option<Reply>) -> Self {
        Self { turn: turn.to_owned(), end: EndedTurn { attempt, last_seq: seq, outcome, reply } }
    }
}

/// What a run comes to, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) other: usize,
    pub(crate) unknown: usize,
    /// Rows `unknown` whose message people do see.
    pub(crate) unknown_shown: usize,
}

pub(crate) fn tally(truth: &Truth, stored: &Stored, breaches: &[Breach]) -> Tally {
    let sends = &stored.ledger.sends;
    let sent = sends.iter().filter(|send| send.state == "sent" && matches!(send.act, Act::Message { .. })).count();
    let lost = breaches.iter().filter(|breach| matches!(breach, Breach::Lost(_))).count();
    let doubled = breaches.iter().filter(|breach| matches!(breach, Breach::Doubled(_))).count();
    Tally {
        accepted: stored.ledger.events.len(),
        lost,
        doubled,
        other: breaches.len() - lost - doubled,
        unknown: sends.iter().filter(|send| send.state == "unknown").count(),
        unknown_shown: truth.shown.len().saturating_sub(sent),
    }
}
