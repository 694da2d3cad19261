//! Every sentence a person reads. Short, kind, and the same on every platform.

use townkeeper_contract::id::{ActionId, TurnId};
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::stream::{Citation, ErrorClass, Offer, Reply, ReplyKind};
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run, from_markdown};
use townkeeper_knowledge::{Certainty, Entry, Promise};

use crate::memory::Note;

pub mod cases;
pub mod correction;
pub mod keeper;
mod languages;
pub(crate) mod real;
pub mod report;
pub mod safety;

/// The published words of an entry, with where and when they were published.
pub fn canonical(entry: &Entry) -> Reply {
    Reply { kind: ReplyKind::Canonical, body: entry.body.clone(), citation: Some(citation(entry)), offers: Vec::new() }
}

/// The same in a language, if one is asked for: the entry's own block in it, else the block it was first written in,
/// whole and word for word, below a line that says so.
pub fn canonical_in(entry: &Entry, lang: Option<&str>) -> Reply {
    let Some(lang) = lang else { return canonical(entry) };
    if let Some(said) = entry.said_in(lang) {
        let as_of = said.reviewed_at.to_string();
        let citation = Citation { title: said.title.to_owned(), as_of, ..citation(entry) };
        return Reply { body: said.body.clone(), citation: Some(citation), ..canonical(entry) };
    }
    let mut body = system(languages::untranslated(lang));
    body.extend(entry.body.clone());
    Reply { body, ..canonical(entry) }
}

/// A checklist, and the others that there are.
pub fn checklist(entry: &Entry, lang: Option<&str>, others: &[&Entry]) -> Reply {
    Reply { offers: others.iter().map(|entry| meant(entry, lang)).collect(), ..canonical_in(entry, lang) }
}

pub fn no_checklist() -> Reply {
    notice("There is no checklist at the moment. Ask me what you would like to do, and I will look it up.")
}

/// What a base promises, in a sentence.
pub fn promise(certainty: &Certainty) -> String {
    let target = 100.0 * townkeeper_knowledge::calibrate::TARGET;
    match certainty.promise {
        Promise::Kept => {
            format!("at {target:.0} % precision we answer {:.0} % of known questions", 100.0 * certainty.coverage)
        }
        Promise::OutOfReach => format!(
            "{target:.0} % precision cannot be promised, entries are too alike: only their own questions are \
             answered, what else may be meant is offered"
        ),
        Promise::Unproven => "nothing is proven: answers come from a fixed, careful certainty".to_owned(),
    }
}

/// Where an entry was published, and when it was last reviewed.
pub fn citation(entry: &Entry) -> Citation {
    Citation {
        entry: entry.id.clone(),
        title: entry.title.clone(),
        url: entry.canonical_url.clone(),
        revision: entry.revision.clone(),
        as_of: entry.reviewed_at.to_string(),
    }
}

/// "I don't know", with what may be meant instead, and the offer of a ticket for this turn's question.
pub fn abstention(turn: &TurnId, near: &[&Entry]) -> Reply {
    abstention_in(turn, near, None)
}

/// The same in a language, as far as we and the entries speak it.
pub fn abstention_in(turn: &TurnId, near: &[&Entry], lang: Option<&str>) -> Reply {
    let words = languages::unanswered(lang);
    let text = if near.is_empty() { words.alone } else { words.near };
    let mut offers: Vec<Offer> = near.iter().map(|entry| meant(entry, lang)).collect();
    offers.push(Offer { label: words.ticket.to_owned(), ..ticket_offer(turn) });
    Reply { kind: ReplyKind::Abstention, body: system(text), citation: None, offers }
}

/// An answer that broke off for reasons of ours.
pub fn broke_off(turn: &TurnId) -> Reply {
    Reply {
        kind: ReplyKind::Notice,
        body: system("Sorry, I could not finish that answer. Please ask again in a moment, or let me open a ticket."),
        citation: None,
        offers: vec![ticket_offer(turn)],
    }
}

/// Why a model's answer failed, for those who read the events.
pub fn model_failed(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::RateLimited | ErrorClass::Overloaded => "the model is busy",
        ErrorClass::Transient | ErrorClass::Truncated => "the model's answer broke off",
        ErrorClass::Stalled => "the model fell silent",
        ErrorClass::ContentPolicy => "the model's vendor filtered the answer",
        _ => "the model could not answer",
    }
}

pub fn stopped() -> Reply {
    notice("Stopped.")
}

/// An answer that is still being written, marked so that nobody takes it for a whole one.
pub fn unfinished(mut body: RichText) -> RichText {
    let mark = |text: &str| Run::plain(text, Origin::System);
    match body.blocks.last_mut() {
        Some(Block { kind: BlockKind::Code { .. }, .. }) | None => body.push(Block::paragraph(vec![mark("…")])),
        Some(block) => block.runs.push(mark(" …")),
    }
    body
}

/// An answer that was stopped where people had read some of it.
pub fn stopped_at(text: &str, cited: Option<&Entry>) -> Reply {
    let mut body = from_markdown(text, &Origin::Model);
    body.extend(stopped().body);
    Reply { kind: ReplyKind::Model, body, citation: cited.map(citation), offers: Vec::new() }
}

/// An answer that a freeze broke off where people had read some of it. They read this when the town goes on.
pub fn paused() -> Reply {
    notice("I was paused before this answer was whole, so I took it back. Please ask again.")
}

pub fn nothing_to_stop() -> Reply {
    notice("There is nothing to stop right now.")
}

/// What a visitor reads while the town is frozen.
pub fn frozen() -> Reply {
    notice(
        "The team has paused me while it looks into something. Please come back later; do not trust answers from elsewhere.",
    )
}

/// The last thing said before everything stops.
pub fn frozen_now(unconfirmed: bool) -> Reply {
    notice(&format!("Frozen. {} Two people have to agree before I go on: /thaw", frozen_where(unconfirmed)))
}

/// How far a freeze that is acknowledged holds.
pub fn frozen_where(unconfirmed: bool) -> &'static str {
    if unconfirmed {
        "From here nothing leaves any more, but not all that was under way, here or on other nodes, is confirmed to have \
         ended; something may still leave."
    } else {
        "Nothing leaves any more."
    }
}

pub fn thaw_agreed() -> Reply {
    notice("Noted. One more person has to agree.")
}

pub fn thawed() -> Reply {
    notice("Two people agreed: I go on.")
}

pub fn no_voice() -> Reply {
    notice("It takes two people who could thaw before the freeze began; this voice does not count.")
}

pub fn freeze_file() -> Reply {
    notice("The file `freeze` is still in the data folder. Whoever put it there has to remove it first.")
}

pub fn linked(name: &str) -> Reply {
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain("Linked. I know this account as ", Origin::System),
        Run::plain(name, Origin::Data).bold(),
        Run::plain(" now.", Origin::System),
    ]));
    Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() }
}

pub fn link_how() -> Reply {
    notice("Write the code that you were shown behind the command: /link ABCD-EFGH")
}

pub fn wrong_code() -> Reply {
    notice("This code is not valid, or not any more. Please ask for a new one.")
}

pub fn too_many_codes() -> Reply {
    notice("That were too many wrong codes. Please wait ten minutes.")
}

pub fn account_taken() -> Reply {
    notice("This account is linked to somebody else already. An owner can undo that.")
}

pub fn not_allowed() -> Reply {
    notice("This is for the team, and I do not know this account as one of theirs.")
}

pub fn privately() -> Reply {
    notice("Please write this to me in private.")
}

/// The address is a secret for ten minutes.
pub fn login(url: &str) -> Reply {
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain("This signs you in, once, within ten minutes. Give it to nobody: ", Origin::System),
        Run::plain(url, Origin::System).linked(url),
    ]));
    Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() }
}

pub fn no_address() -> Reply {
    notice("I have no address that a browser could open. The operator can make a link: townkeeper login")
}

pub fn not_now() -> Reply {
    notice("This did not work just now. Please try again in a moment.")
}

/// With the address at which the person goes on with it in private, where there is one.
pub fn ticket_opened(number: i64, go_on: Option<String>) -> Reply {
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain("Ticket ", Origin::System),
        Run::plain(format!("#{number}"), Origin::Data).bold(),
        Run::plain(" is open. Somebody from the team will look at it. ", Origin::System),
        Run::plain("They will never ask for your seed phrase or keys.", Origin::System),
    ]));
    if let Some(address) = go_on {
        body.push(Block::paragraph(vec![Run::plain("Go on in private", Origin::System).linked(address)]));
    }
    Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() }
}

pub fn ticket_about_what() -> Reply {
    notice("What is it about? Ask your question first, or write it behind the command: /ticket my question")
}

pub fn button_expired() -> Reply {
    notice("That button is no longer valid. Please ask your question again.")
}

/// Somebody pressed what stood below an answer to somebody else.
pub fn button_of_another() -> Reply {
    notice("This button is for the person who asked. Please ask me yourself.")
}

/// An answer helped.
pub fn thanks() -> Reply {
    notice("Thank you, that is good to know.")
}

/// An answer did not help: what may be meant instead, and a ticket for that turn's question.
pub fn not_quite(turn: &TurnId, near: &[&Entry]) -> Reply {
    let text = if near.is_empty() {
        "Thank you for telling me. Shall I hand your question to the team?"
    } else {
        "Thank you for telling me. Did you mean one of these? If not, I can hand your question to the team."
    };
    let mut offers: Vec<Offer> = near.iter().map(|entry| meant(entry, None)).collect();
    offers.push(ticket_offer(turn));
    Reply { offers, ..notice(text) }
}

/// What may be said to an answer.
pub(crate) fn feedback_offers(turn: &TurnId) -> [Offer; 2] {
    let offer = |action: String, label: &str| Offer { action: ActionId::new(action), label: label.to_owned() };
    [offer(format!("helped:{turn}"), "This helped"), offer(format!("not_quite:{turn}"), "Not quite")]
}

/// Too many messages in a minute.
pub fn too_fast(turn: &TurnId) -> Reply {
    let text = "That was a lot in one minute. What the team has reviewed I still answer at once; for the rest, please \
                wait a moment, or let me open a ticket.";
    Reply { offers: vec![ticket_offer(turn)], ..notice(text) }
}

/// Two machines seem to be talking.
pub fn looks_like_a_loop() -> Reply {
    notice("This looks like two programs talking to each other, so I stop here. Commands still work.")
}

/// What is remembered about the one who asks.
pub fn memory(notes: &[Note]) -> Reply {
    if notes.is_empty() {
        return notice("I remember nothing about you here.");
    }
    let mut body = system("This is what I remember about you here:");
    for note in notes {
        body.push(Block::paragraph(vec![
            Run::plain(format!("{}. ", note.number), Origin::Data),
            Run::plain(note.text.clone(), Origin::Person),
        ]));
    }
    body.push(Block::paragraph(vec![Run::plain(
        "/forget erases all of it, /forget with a number erases one line.",
        Origin::System,
    )]));
    Reply { body, ..notice("") }
}

/// Asks whether to erase; the button says what.
pub fn forget_which(number: Option<i64>) -> Reply {
    let (action, label) = match number {
        None => ("forget:all".to_owned(), "Erase everything".to_owned()),
        Some(number) => (format!("forget:{number}"), format!("Erase number {number}")),
    };
    let text = "Shall I erase that? It cannot be brought back.";
    Reply { offers: vec![Offer { action: ActionId::new(action), label }], ..notice(text) }
}

pub fn forgotten(notes: u64) -> Reply {
    notice(if notes == 0 { "There was nothing to erase." } else { "Erased." })
}

pub fn no_such_note() -> Reply {
    notice("There is no such number. /memory shows what I remember about you here.")
}

/// What moderators had done, and how to take it back.
pub fn moderated(number: i64, verb: Verb, reversible: bool) -> Reply {
    let what = match verb {
        Verb::Remove => "The message goes. It cannot be brought back.",
        Verb::Restrict => "They may read, and not write, until it is over.",
        Verb::Release => "They may write again, unless somebody else forbids it.",
        Verb::Ban => "They have to leave, and cannot come back.",
        Verb::Unban => "They may come back, unless somebody else banned them.",
        Verb::Pin => "The message is pinned.",
        Verb::Unpin => "The message is not pinned any more.",
        Verb::Notice => "It is said.",
    };
    let mut body = RichText::default();
    let mut runs = vec![
        Run::plain("Noted as number ", Origin::System),
        Run::plain(number.to_string(), Origin::Data).bold(),
        Run::plain(format!(". {what}"), Origin::System),
    ];
    if reversible {
        runs.push(Run::plain(format!(" To take it back: /keeper undo {number}"), Origin::System));
    }
    body.push(Block::paragraph(runs));
    Reply { body, ..notice("") }
}

/// Who asked may not do that by the platform's own word.
pub fn moderator_unknown() -> Reply {
    notice("By this place's own settings you may not do that here, so I do not do it for you.")
}

pub fn we_may_not_moderate() -> Reply {
    notice("I am not allowed to do that here. Somebody who manages this place has to give me the right first.")
}

pub fn protected() -> Reply {
    notice("That is somebody of the team or a moderator here. I restrict and ban none of them.")
}

pub fn moderate_how() -> Reply {
    notice(
        "Reply to the message that it is about: /keeper remove, restrict 1h, release, ban, unban, pin or unpin, and why. \
         Where a command cannot be a reply, add the message's link, or mention the person.",
    )
}

pub fn author_unknown() -> Reply {
    notice(
        "I cannot see who wrote that message: it was written in the name of a chat, is too old, or I was given only its link. \
         Mention them instead.",
    )
}

pub fn undo_how() -> Reply {
    notice("Which one? /keeper undo and the number that I noted it under.")
}

pub fn no_such_act() -> Reply {
    notice("There is nothing of this number here.")
}

pub fn removed_for_good() -> Reply {
    notice("A deleted message cannot be brought back.")
}

pub fn nothing_to_take_back() -> Reply {
    notice("That was no restriction, ban or pinned message: there is nothing to take back.")
}

pub fn taken_back_before(number: i64) -> Reply {
    notice(&format!("That was taken back already, by number {number}."))
}

pub fn moderator_not_linked() -> Reply {
    notice("I ask the platform what you may do there, and do not know your account on it: link it first.")
}

pub fn no_way_there() -> Reply {
    notice("Nobody has spoken to me in that place with that account, so I know no way to it.")
}

/// What moderators are to read.
pub fn moderators_notice(text: &str) -> RichText {
    RichText::plain(text, &Origin::Person)
}

pub fn help(name: &str) -> Reply {
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain("I am ", Origin::System),
        Run::plain(name, Origin::Data).bold(),
        Run::plain(
            ". Ask me anything about this community: I answer in words that the team has reviewed, or I say that I \
             don't know and open a ticket.",
            Origin::System,
        ),
    ]));
    body.push(Block::paragraph(vec![Run::plain(
        "I never write to you first, and I never ask for your seed phrase or keys.",
        Origin::System,
    )]));
    Reply { kind: ReplyKind::Notice, body, citation: None, offers: Vec::new() }
}

/// A reply as one message for platforms that have no place of their own for a source.
pub fn message(reply: &Reply) -> RichText {
    let mut body = reply.body.clone();
    if let Some(citation) = &reply.citation {
        body.push(Block::paragraph(vec![
            Run::plain("Source: ", Origin::System),
            Run::plain(citation.url.clone(), Origin::Canonical(citation.entry.0.clone())).linked(citation.url.clone()),
            Run::plain(format!(" · as of {} · rev {}", citation.as_of, citation.short_revision()), Origin::Data),
        ]));
    }
    body
}

/// An entry that may be meant, by its title in the language asked in where it has one; pressed, it answers in that.
fn meant(entry: &Entry, lang: Option<&str>) -> Offer {
    let said = lang.and_then(|lang| entry.said_in(lang)).filter(|said| said.lang != entry.lang);
    let lang = said.map_or_else(String::new, |said| format!(":{}", said.lang));
    let label = said.map_or(entry.title.as_str(), |said| said.title).to_owned();
    Offer { action: ActionId::new(format!("entry:{}{lang}", entry.id)), label }
}

pub(crate) fn ticket_offer(turn: &TurnId) -> Offer {
    Offer { action: ActionId::new(format!("ticket:{turn}")), label: languages::unanswered(None).ticket.to_owned() }
}

/// What a turn ends with that nobody is told of.
pub(crate) fn nothing() -> Reply {
    Reply { body: RichText::default(), ..notice("") }
}

fn notice(text: &str) -> Reply {
    Reply { kind: ReplyKind::Notice, body: system(text), citation: None, offers: Vec::new() }
}

fn system(text: &str) -> RichText {
    RichText::plain(text, &Origin::System)
}
