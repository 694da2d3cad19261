//! What moderators read about a place and its settings, and the one notice where we are not switched on.

use chrono::DateTime;
use townkeeper_contract::api::{Ticket, TicketState};
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::place::{PlaceSetting, SettingOrigin, ShownSetting};
use townkeeper_contract::platform::Right;
use townkeeper_contract::stream::Reply;
use townkeeper_contract::text::{Block, Origin, RichText, Run};

use super::{notice, system};
use crate::decide::keeper::{Health, Kept};
use crate::decide::moderate::reverse;

/// Said once in a place.
pub fn not_switched_on() -> Reply {
    notice("I am not switched on here yet; a moderator can do so with /keeper link")
}

pub fn where_it_is() -> Reply {
    notice("/keeper sets me up in a group or a channel: write it there.")
}

pub fn not_a_moderator() -> Reply {
    notice("This is for those who moderate this place.")
}

/// A server is switched on and off as a whole.
pub fn not_a_manager() -> Reply {
    notice("Switching me on or off here is for those who manage this server.")
}

/// What `/keeper` takes.
pub fn verbs() -> Reply {
    notice(
        "/keeper takes: link, unlink, mode answer|support|off, notices here|off, safety here|off, shield off|shadow|flag|guard, \
         channel open|support|announcements|reports|staff, language de (or another code, or auto), who platform|roles, health, show, freeze, thaw; in reply to a message: remove, restrict 1h, release, ban, \
         unban, pin, unpin; undo with the number of what was done; and case with the number of a case.",
    )
}

/// What was done for a moderator.
/// `in_part`: of a bigger place.
pub(crate) fn kept(kept: &Kept, in_part: bool) -> Reply {
    match kept {
        Kept::Set { setting, value, on } => {
            let mut reply = set(*setting, value, *on);
            if *setting == PlaceSetting::Shield && in_part {
                let names = "This is set for this channel. Names are watched for the whole server: as strictly as in its \
                             strictest channel, unless something is set for the server itself.";
                reply.body.push(Block::paragraph(vec![Run::plain(names, Origin::System)]));
            }
            reply
        }
        Kept::Stands { here, linked, pins } => notice(super::safety::stands(*here, *linked, *pins)),
        Kept::Health(health) => self::health(health),
        Kept::Shown(settings) => shown(settings),
        Kept::Failed => super::not_now(),
    }
}

fn set(setting: PlaceSetting, value: &str, on: bool) -> Reply {
    let text = match (setting, value) {
        (PlaceSetting::Link, "yes") if on => "Linked: I answer here when I am asked. /keeper show tells what is set.",
        (PlaceSetting::Link, "yes") => "Linked; but the mode here is off. /keeper mode answer switches me on.",
        (PlaceSetting::Link, _) => "Unlinked: I take no notice of this place any more.",
        (PlaceSetting::Mode, "support") => {
            "From now on I also answer questions here that nobody put to me, where I am sure."
        }
        (PlaceSetting::Mode, "off") => "From now on I say nothing here.",
        (PlaceSetting::Mode, _) => "From now on I answer here when I am asked.",
        (PlaceSetting::Notices, "here") => "Notices for moderators come here from now on.",
        (PlaceSetting::Notices, _) => "No notices for moderators come here.",
        (PlaceSetting::Shield, "off") => "From now on I look for no scams here.",
        (PlaceSetting::Shield, "shadow") => {
            "From now on I note what looks like a scam here, and do nothing: townkeeper shield cases shows it."
        }
        (PlaceSetting::Shield, "flag") => {
            "From now on I show moderators what looks like a scam here, where /keeper notices here was said."
        }
        (PlaceSetting::Shield, _) => {
            "From now on I show moderators what looks like a scam here, and take down what I know to be one."
        }
        (PlaceSetting::Channel, "reports" | "staff") => {
            "From now on I take it that scams are talked about here: to name one is to warn of it."
        }
        (PlaceSetting::Channel, _) => "Noted: the shield goes by that. townkeeper shield policy shows what it means.",
        (PlaceSetting::Language, "auto") => "I answer in the language of the question.",
        (PlaceSetting::Language, _) => "Noted. What the team has published stays in its own words.",
        (PlaceSetting::Who, "roles") => {
            "Only people of the team may set me up here, and moderate with me, from now on."
        }
        (PlaceSetting::Safety, value) => super::safety::stands(value == "here", on, true),
        (PlaceSetting::Who, _) => "Whoever moderates this place may set me up here, and moderate with me.",
    };
    let mut reply = notice(text);
    if !on && !matches!(setting, PlaceSetting::Link) && (setting, value) != (PlaceSetting::Mode, "off") {
        reply.body.push(Block::paragraph(vec![Run::plain(
            "I am not switched on here: /keeper link, /keeper mode answer.",
            Origin::System,
        )]));
    }
    reply
}

/// Each setting with where it comes from, who made it and when.
fn shown(settings: &[ShownSetting]) -> Reply {
    let mut body = system("This place:");
    for setting in settings {
        let origin = match setting.origin {
            SettingOrigin::Default => "default",
            SettingOrigin::File => "configuration file",
            SettingOrigin::Chat => "chat",
            SettingOrigin::Api => "API",
        };
        let mut runs = vec![
            Run::plain(format!("{}: ", setting.setting), Origin::System),
            Run::plain(setting.value.clone(), Origin::Data).bold(),
            Run::plain(format!(" ({origin}"), Origin::System),
        ];
        if let Some(by) = &setting.by {
            runs.push(Run::plain(format!(", {by}"), Origin::Data));
        }
        if let Some(at_ms) = setting.at_ms {
            runs.push(Run::plain(format!(", {}", day(at_ms)), Origin::Data));
        }
        runs.push(Run::plain(")", Origin::System));
        body.push(Block::paragraph(runs));
    }
    Reply { body, ..notice("") }
}

fn health(health: &Health) -> Reply {
    let mut body = match &health.trouble {
        None => system("This account receives."),
        Some(trouble) => system(&format!("This account does not receive: {trouble}")),
    };
    let standing = match &health.standing {
        None => "What I may do here could not be asked just now.".to_owned(),
        Some(standing) if !standing.member => "I am not a member here.".to_owned(),
        Some(standing) => {
            let rights: Vec<&str> = standing.rights.iter().map(|right| named(*right)).collect();
            format!("Here I may: {}.", rights.join(", "))
        }
    };
    let deliveries = format!(
        "{} message(s) wait to be sent; of {} nobody knows whether they arrived.",
        health.waiting, health.unknown
    );
    for line in [standing, deliveries] {
        body.push(Block::paragraph(vec![Run::plain(line, Origin::System)]));
    }
    Reply { body, ..notice("") }
}

fn named(right: Right) -> &'static str {
    match right {
        Right::Speak => "write",
        Right::Manage => "change the place",
        Right::Remove => "delete messages",
        Right::Restrict => "restrict people",
        Right::Ban => "ban people",
        Right::Pin => "pin messages",
    }
}

/// What moderators read of an act in a place of their own: who did what to whom, why, and how it is taken back.
pub fn act_done(number: i64, verb: Verb, who: &str, whom: Option<&str>, reason: &str) -> RichText {
    let what = match verb {
        Verb::Remove => " removed a message",
        Verb::Restrict => " restricted ",
        Verb::Release => " let write again: ",
        Verb::Ban => " banned ",
        Verb::Unban => " unbanned ",
        Verb::Pin => " pinned a message",
        Verb::Unpin => " unpinned a message",
        Verb::Notice => " gave notice",
    };
    let mut runs = vec![Run::plain(legible(who), Origin::Person), Run::plain(what, Origin::System)];
    runs.extend(whom.map(|whom| Run::plain(whom, Origin::Data)));
    if !reason.is_empty() {
        runs.extend([Run::plain(": ", Origin::System), Run::plain(reason, Origin::Quote)]);
    }
    let end = if reverse(verb).is_some() {
        format!(" · number {number}; to take it back: /keeper undo {number}")
    } else {
        format!(" · number {number}")
    };
    runs.push(Run::plain(end, Origin::System));
    let mut body = RichText::default();
    body.push(Block::paragraph(runs));
    body
}

/// A name that leaves the line it stands in as it is: short, and without signs that turn or hide what follows.
pub(super) fn legible(name: &str) -> String {
    let hides = |c: &char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    name.chars().filter(|c| !hides(c)).take(NAME).collect()
}

/// The longest name in a notice, in characters.
const NAME: usize = 80;

/// How somebody's own ticket is.
pub fn ticket(ticket: &Ticket) -> Reply {
    let state = match ticket.state {
        TicketState::Open => " is open since ",
        TicketState::Closed => " is closed; it was opened on ",
    };
    let mut body = RichText::default();
    body.push(Block::paragraph(vec![
        Run::plain("Your ticket ", Origin::System),
        Run::plain(format!("#{}", ticket.number), Origin::Data).bold(),
        Run::plain(state, Origin::System),
        Run::plain(day(ticket.opened_ms), Origin::Data),
        Run::plain(":", Origin::System),
    ]));
    body.push(Block::paragraph(vec![Run::plain(ticket.question.clone(), Origin::Person)]));
    Reply { body, ..notice("") }
}

pub fn no_such_ticket() -> Reply {
    notice("I know no such ticket of yours.")
}

/// The day, in UTC.
fn day(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%d").to_string()
}
