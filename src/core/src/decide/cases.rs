//! What moderators say about cases, and members report: here it is only understood; whether they may is asked when it is
//! done.

use townkeeper_contract::case::{CaseState, CaseWord};
use townkeeper_contract::id::{MessageRef, PersonId};
use townkeeper_contract::inbound::Inbound;

use super::{Ask, Decision, Snapshot};
use crate::say;

/// Something to be done about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseAsk {
    Decide {
        number: i64,
        word: CaseWord,
        /// The wording that was read: how often an edit had changed what the case goes by.
        wording: i64,
    },
    /// Show its card here.
    Show { number: i64 },
    /// Pass a message on to the moderators.
    Report {
        message: MessageRef,
        /// Who wrote it, as far as the platform says.
        author: Option<PersonId>,
        /// What it says, as far as the platform says.
        text: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cased {
    Decided(Decided),
    /// It was said before.
    Same,
    NoSuchCase,
    NotAllowed,
    /// Its card is on its way.
    Shown,
    /// It is not shown to who asks.
    NotShown,
    /// It is not shown where anybody reads.
    NotHere,
    /// Somebody else said something meanwhile.
    Faster,
    /// Its message was edited since it was read.
    Edited,
    Reported,
    Failed,
}

/// A case of which something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub number: i64,
    pub state: CaseState,
    /// How many acts of moderation are on their way, copies not counted.
    pub acts: usize,
    /// How many copies are taken down.
    pub swept: usize,
    /// What could not be done, a sentence each.
    pub undone: Vec<String>,
}

/// What a button below a case means: `case:7:content`, and where its message was edited, `case:7:content:2`.
pub(super) fn pressed(action: &str) -> Option<Decision> {
    let (number, word, wording) = parts(action)?;
    let wording = wording.map_or(Some(0), |wording| wording.parse().ok())?;
    let ask = CaseAsk::Decide { number: number.parse().ok()?, word: CaseWord::named(word)?, wording };
    Some(Decision::ask(Ask::Case(ask)))
}

/// `/keeper case 7`.
pub(super) fn opened(inbound: &Inbound, verb: &str, rest: &str) -> Option<Decision> {
    let number = rest.trim().trim_start_matches('#').parse().ok().filter(|_| verb.eq_ignore_ascii_case("case"))?;
    // A bot, or who writes in the name of a chat, is nobody whose rights could be asked for.
    if inbound.person.bot {
        return Some(Decision::end(say::moderator_unknown()));
    }
    Some(Decision::ask(Ask::Case(CaseAsk::Show { number })))
}

/// What to say of what came of it: to strangers nothing where we are not switched on, a refusal to who asked alone.
pub(super) fn said(snapshot: &Snapshot<'_>, cased: &Cased) -> Decision {
    let said = Decision::end(say::cases::cased(cased));
    match cased {
        Cased::NotShown | Cased::NoSuchCase => said.unless_off(snapshot),
        Cased::NotAllowed => Decision { aside: true, ..said },
        _ => said,
    }
}

/// The number, the word, and the wording that was read.
fn parts(action: &str) -> Option<(&str, &str, Option<&str>)> {
    let (number, word) = action.strip_prefix("case:")?.split_once(':')?;
    Some(word.split_once(':').map_or((number, word, None), |(word, wording)| (number, word, Some(wording))))
}

/// Whether a button is about a case.
pub fn is(action: &str) -> bool {
    action.starts_with("case:")
}

/// The choice that a button below a case belongs to: what is said about a case is said by one press, of all its cards.
pub fn choice(action: &str) -> Option<String> {
    let (number, word, _) = parts(action)?;
    (word != CaseWord::Undo.as_str()).then(|| format!("case:{number}"))
}

/// `/report`, in reply to a message.
pub(super) fn reported(inbound: &Inbound) -> Decision {
    let Some(message) = inbound.replies_to.clone() else { return Decision::end(say::cases::report_how()) };
    let (author, text) = (inbound.replies_to_person.clone(), inbound.carried.quoted.clone());
    Decision::ask(Ask::Case(CaseAsk::Report { message, author, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_read_and_nothing_else() {
        let ask = |action: &str| pressed(action).and_then(|decision| decision.then);
        assert!(matches!(
            ask("case:7:clear"),
            Some(Ask::Case(CaseAsk::Decide { number: 7, word: CaseWord::Clear, wording: 0 }))
        ));
        let edited = CaseAsk::Decide { number: 7, word: CaseWord::Clear, wording: 2 };
        assert!(matches!(ask("case:7:clear:2"), Some(Ask::Case(asked)) if asked == edited));
        for nonsense in ["case:7", "case:x:clear", "case:7:burn", "cases:7:clear", "case:7:clear:x", "case::clear"] {
            assert!(pressed(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn of_all_cards_of_a_case_one_press_counts_and_undo_is_its_own() {
        assert_eq!(choice("case:7:clear"), choice("case:7:content"));
        assert_ne!(choice("case:7:clear"), choice("case:8:clear"));
        assert_eq!(choice("case:7:clear"), choice("case:7:clear:2"));
        assert_eq!(choice("case:7:undo"), None);
        assert_eq!(choice("case:7:undo:2"), None);
    }
}
