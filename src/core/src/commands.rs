//! The one list of commands. Platforms offer them natively; [`crate::decide()`] gives them their meaning.

use townkeeper_contract::command::{ArgumentSpec, Audience, CommandSpec};
use townkeeper_knowledge::Base;

/// Ask a question.
pub const ASK: &str = "ask";
/// Open a ticket.
pub const TICKET: &str = "ticket";
/// Stop the answer that is being written. A control: taken out of turn.
pub const STOP: &str = "stop";
/// What is remembered about the one who asks.
pub const MEMORY: &str = "memory";
/// Erase it, or one note of it.
pub const FORGET: &str = "forget";
/// What to do, step by step.
pub const CHECKLIST: &str = "checklist";
/// What the keeper can do.
pub const HELP: &str = "help";
/// Prove that an account is a person's.
pub const LINK: &str = "link";
/// Open a session in a browser.
pub const LOGIN: &str = "login";
/// Stop everything that leaves. A control.
pub const FREEZE: &str = "freeze";
/// Agree to go on.
pub const THAW: &str = "thaw";
/// What moderators say to the keeper itself: set us up in a place, take a message down.
pub const KEEPER: &str = "keeper";
/// Pass a message on to the moderators.
pub const REPORT: &str = "report";
/// What Telegram sends when a chat begins.
pub const START: &str = "start";
/// What follows `start` where a link leads to a ticket; its number comes behind.
pub const TICKET_LINK: &str = "t_";

/// Commands that are heard wherever we are: who may is asked when they are given.
pub fn is_for_moderators(name: &str) -> bool {
    [KEEPER, FREEZE, THAW].contains(&name)
}

/// Every command, in the order in which it is offered.
pub fn all() -> Vec<CommandSpec> {
    let argument = |name: &str, summary: &str, required| {
        Some(ArgumentSpec {
            name: name.to_owned(),
            summary: summary.to_owned(),
            required,
            suggests: ["question", "setting"].contains(&name),
        })
    };
    let spec = |name: &str, summary: &str, argument| CommandSpec {
        name: name.to_owned(),
        summary: summary.to_owned(),
        argument,
        audience: if is_for_moderators(name) { Audience::Moderators } else { Audience::Everyone },
        menu: (name == REPORT).then(|| "Report to moderators".to_owned()),
        private: [MEMORY, FORGET, LINK, LOGIN, KEEPER].contains(&name),
    };
    vec![
        spec(ASK, "Ask a question", argument("question", "What you would like to know", true)),
        spec(TICKET, "Hand a question to the team", argument("question", "If empty: your last question", false)),
        spec(CHECKLIST, "What to do, step by step", None),
        spec(STOP, "Stop the answer that is being written", None),
        spec(MEMORY, "What I remember about you here", None),
        spec(FORGET, "Erase what I remember about you", argument("number", "If empty: all of it", false)),
        spec(REPORT, "Show the moderators the message that you reply to", None),
        spec(HELP, "What I can do", None),
        spec(LINK, "For the team: prove that this account is yours", argument("code", "The code you were shown", true)),
        spec(LOGIN, "For the team: get a link that signs you in", None),
        spec(
            KEEPER,
            "For moderators: set me up in this place",
            argument("setting", "link, mode, notices, safety, shield, channel, language, who, health, show", false),
        ),
        spec(FREEZE, "For moderators: stop everything I say", argument("reason", "For the record", false)),
        spec(THAW, "For moderators: agree to go on; it takes two", None),
    ]
}

/// How many suggestions a platform shows (Discord's limit).
const SUGGESTIONS: usize = 25;

/// The longest suggestion, in characters (Discord's limit).
const SUGGESTION: usize = 100;

/// What `/keeper` takes, whole.
const VERBS: &[&str] = &[
    "link",
    "unlink",
    "mode answer",
    "mode support",
    "mode off",
    "notices here",
    "notices off",
    "safety here",
    "safety off",
    "shield shadow",
    "shield flag",
    "shield guard",
    "shield off",
    "channel open",
    "channel support",
    "channel announcements",
    "channel reports",
    "channel staff",
    "language auto",
    "who platform",
    "who roles",
    "health",
    "show",
    "remove",
    "restrict 1h",
    "release",
    "ban",
    "unban",
    "pin",
    "unpin",
    "undo",
    "freeze",
    "thaw",
];

/// What may be meant by what was typed so far: the titles of entries, or what `/keeper` takes.
pub fn suggest(base: &Base, command: &str, typed: &str) -> Vec<String> {
    if command == KEEPER {
        let typed = typed.trim_start().to_lowercase();
        return VERBS.iter().filter(|setting| setting.starts_with(&typed)).map(ToString::to_string).collect();
    }
    if ![ASK, TICKET].contains(&command) || typed.trim().is_empty() {
        return Vec::new();
    }
    let hits = base.look_up(typed).hits;
    let titles = hits.into_iter().filter(|hit| hit.score > 0.0).map(|hit| &hit.entry.title);
    titles.filter(|title| title.chars().count() <= SUGGESTION).take(SUGGESTIONS).cloned().collect()
}
