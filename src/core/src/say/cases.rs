//! What moderators read about a case, and members about their report. Names, words and links of strangers stand there as
//! quotations: nobody opens them by accident.

use townkeeper_contract::case::{Case, CaseState, CaseWord};
use townkeeper_contract::id::{AccountId, ActionId, PlaceId};
use townkeeper_contract::stream::{Offer, Reply};
use townkeeper_contract::text::{Block, BlockKind, Origin, RichText, Run};

use super::keeper::legible;
use super::{notice, system};
use crate::cases::{ERASED, Step};
use crate::decide::cases::{Cased, Decided};

/// How much of a message a card shows, in characters.
const SHOWN: usize = 280;

/// A case as moderators see it: why, who, and what was written; with what they may say about it. `done`: what was done by
/// itself; `by`: who decided it, once it is; `wording`: how often an edit changed it, for its buttons judge what is read here.
pub fn card(case: &Case, wording: i64, done: &str, by: &str) -> Reply {
    let mut body = RichText::default();
    let mut head = vec![
        Run::plain(format!("Case {} · {}", case.number, case.account), Origin::Data).bold(),
        Run::plain(" · ", Origin::System),
        Run::plain(case.why.clone(), Origin::Quote),
    ];
    if !done.is_empty() {
        head.push(Run::plain(format!(" {done}"), Origin::System));
    }
    body.push(Block::paragraph(head));
    body.push(Block::paragraph(author(case)));
    if !case.text.is_empty() {
        let text = shortened(&case.text);
        body.push(Block { kind: BlockKind::Quote { depth: 0 }, runs: vec![Run::plain(text, Origin::Quote)] });
    }
    if let Some(other) = case.edits.last() {
        body.push(Block::paragraph(vec![Run::plain("It was edited. It also said:", Origin::System)]));
        let text = shortened(&other.text);
        body.push(Block { kind: BlockKind::Quote { depth: 0 }, runs: vec![Run::plain(text, Origin::Quote)] });
    }
    if case.state != CaseState::Open {
        let mut decided = vec![Run::plain(format!("Decided: {}", state(case.state)), Origin::System).bold()];
        if !by.is_empty() {
            decided.push(Run::plain(" · ", Origin::System));
            decided.push(Run::plain(legible(by), Origin::Quote));
        }
        body.push(Block::paragraph(decided));
    }
    let offer = |(word, label): &(CaseWord, &str)| Offer {
        action: ActionId::new(match wording {
            0 => format!("case:{}:{word}", case.number),
            _ => format!("case:{}:{word}:{wording}", case.number),
        }),
        label: (*label).to_owned(),
    };
    let words: &[(CaseWord, &str)] = if case.state == CaseState::Open { WORDS } else { &[(CaseWord::Undo, UNDO)] };
    // Nothing can be done to an account that nobody knows any more.
    let may = words.iter().filter(|(word, _)| *word != CaseWord::Account || case.person.as_str() != ERASED);
    Reply { body, offers: may.map(offer).collect(), ..notice("") }
}

/// Who wrote what a case is about.
fn author(case: &Case) -> Vec<Run> {
    if case.person.as_str() == ERASED {
        return vec![Run::plain("This person was erased.", Origin::System)];
    }
    let written = match (&case.message, case.text.is_empty()) {
        (Some(_), true) => " wrote no words: look at what hangs on it.",
        (Some(_), false) => " wrote:",
        (None, _) => " is called so.",
    };
    vec![
        Run::plain(legible(&case.name), Origin::Quote),
        Run::plain(format!(" ({})", case.person), Origin::Data),
        Run::plain(written, Origin::System),
    ]
}

/// What may be said about an open case.
const WORDS: &[(CaseWord, &str)] = &[
    (CaseWord::Content, "Scam: content"),
    (CaseWord::Account, "Scam: account"),
    (CaseWord::Clear, "Not a scam"),
    (CaseWord::Unsure, "Unsure"),
];

/// What may be said about a decided one.
const UNDO: &str = "Undo";

fn state(state: CaseState) -> &'static str {
    match state {
        CaseState::Content => "scam, by its words",
        CaseState::Account => "scam, by its account",
        CaseState::Clear => "no scam",
        CaseState::Unsure => "unsure",
        CaseState::Open => "open again",
    }
}

/// Why nobody is restricted.
pub fn nobody() -> &'static str {
    "The platform did not say who wrote it, so nobody is restricted."
}

/// Why nobody is restricted who was erased.
pub fn erased() -> &'static str {
    "This person was erased, so nobody is restricted."
}

/// Why nothing is done to what somebody has linked.
pub fn linked_elsewhere() -> &'static str {
    "Accounts that this person has linked are left alone: about those somebody decides who moderates by a role with us."
}

/// Why there is a case that members led to.
pub fn reported() -> &'static str {
    "members reported it"
}

/// Why there is a case that no single reason speaks for.
pub fn unsaid() -> &'static str {
    "it reads like one"
}

/// Why there is a case where it is a picture's code that says something.
pub fn in_a_code(why: &str) -> String {
    format!("on a picture is a QR code: {why}")
}

/// Why there is a case of a picture that was seen before.
pub fn known_picture(case: i64) -> String {
    format!("a picture like the one of case {case}")
}

/// What was done by itself.
pub fn did(steps: &[Step]) -> &'static str {
    let did = |step| steps.contains(&step);
    match (did(Step::Remove), did(Step::Restrict), did(Step::Ban)) {
        (true, _, true) => "I took it down and banned its author.",
        (true, true, _) => "I took it down, and its author only reads for now.",
        (true, ..) => "I took it down.",
        (_, _, true) => "I banned its author.",
        (_, true, _) => "Its author only reads for now.",
        _ => "",
    }
}

/// What is done by itself once the platform can be asked whether it may be.
pub fn takes_down() -> &'static str {
    "I take it down as soon as the platform lets me ask."
}

/// Why nothing was done by itself.
pub fn spared() -> &'static str {
    "Its author moderates there, so I left it."
}

/// Many cases in one message.
pub fn digest(cases: &[&Case]) -> RichText {
    let mut body = match cases.len() {
        1 => system("One more case within a minute:"),
        many => system(&format!("{many} more cases within a minute:")),
    };
    for case in cases.iter().take(DIGEST) {
        body.push(Block::paragraph(vec![
            Run::plain(format!("{} · {} · ", case.number, case.account), Origin::Data),
            Run::plain(case.why.clone(), Origin::Quote),
        ]));
    }
    let rest = "They wait. /keeper case and a number, said here, shows one with its buttons; townkeeper shield cases shows \
                them all, townkeeper shield decide takes your word.";
    body.push(Block::paragraph(vec![Run::plain(rest, Origin::System)]));
    body
}

/// How many lines a digest has.
const DIGEST: usize = 10;

/// The breaker tripped: nothing is taken down by itself any more.
pub fn breaker(acts: usize) -> RichText {
    system(&format!(
        "I took {acts} messages down by myself within ten minutes. That is more than I should do without you: from now on \
         I only show what I find. /keeper shield guard lets me act again."
    ))
}

/// Many more people join a place than is usual there. `usual`: how many do in a minute.
pub fn joining(account: &AccountId, place: &PlaceId, joined: u32, usual: f32) -> RichText {
    let usual = if usual < 1.0 { "hardly anybody".to_owned() } else { format!("about {usual:.0}") };
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain(format!("{account} · {place}"), Origin::Data).bold(),
        Run::plain(
            format!(
                " · Many more people join than usual: {joined} within about a minute, where {usual} would be usual. It may be \
                 good news that gets around, or a raid. I look more closely at what they write; nothing is done to anybody \
                 for having joined. A look from you would help."
            ),
            Origin::System,
        ),
    ]));
    body
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What came of what somebody said about a case.
pub(crate) fn cased(cased: &Cased) -> Reply {
    match cased {
        Cased::Decided(decided) => self::decided(decided),
        Cased::Same => notice("That is how it stands already."),
        Cased::NoSuchCase => notice("There is no such case."),
        Cased::NotAllowed | Cased::NotShown => super::moderator_unknown(),
        Cased::Shown => notice("Its card comes right away."),
        Cased::NotHere => notice("Cases are shown where moderators read them: /keeper notices here makes a place one."),
        Cased::Faster => overtaken(),
        Cased::Edited => notice("The message was edited since. Its card says so in a moment; please look again."),
        Cased::Reported => notice("Thank you. The moderators see it when enough speaks for it."),
        Cased::Failed => super::not_now(),
    }
}

/// Of two words at once, the second.
pub fn overtaken() -> Reply {
    notice("Somebody else just said something about this case; look at it again.")
}

/// What was taken down and is called no scam afterwards.
pub fn gone(messages: usize) -> String {
    if messages == 1 {
        "The message itself cannot be brought back; the case keeps its words.".to_owned()
    } else {
        format!("{messages} messages cannot be brought back; the case keeps the words.")
    }
}

/// How to report.
pub fn report_how() -> Reply {
    notice(
        "Reply to the message with /report, and I pass it on to the moderators. On Discord choose \"Report to moderators\" \
         among the apps in its menu, or reply with a mention of me and the word report.",
    )
}

fn decided(decided: &Decided) -> Reply {
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain(format!("Case {}: ", decided.number), Origin::Data).bold(),
        Run::plain(format!("{}.", state(decided.state)), Origin::System),
    ]));
    if decided.acts > 0 {
        let acts = if decided.acts == 1 { "One act is on its way." } else { "Acts on their way: " };
        let count = if decided.acts == 1 { String::new() } else { format!("{}.", decided.acts) };
        body.push(Block::paragraph(vec![Run::plain(format!("{acts}{count}"), Origin::System)]));
    }
    if decided.swept > 0 {
        let text = format!("Copies of it taken down elsewhere: {}.", decided.swept);
        body.push(Block::paragraph(vec![Run::plain(text, Origin::System)]));
    }
    for undone in &decided.undone {
        body.push(Block::paragraph(vec![Run::plain(undone.clone(), Origin::System)]));
    }
    let mut reply = Reply { body, ..notice("") };
    if decided.state != CaseState::Open {
        let action = ActionId::new(format!("case:{}:undo", decided.number));
        reply.offers.push(Offer { action, label: UNDO.to_owned() });
    }
    reply
}
