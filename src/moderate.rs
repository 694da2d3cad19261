//! Moderation and the outbox from a terminal: `moderate`, `outbox list`.

use std::process::ExitCode;

use chrono::DateTime;
use clap::{Args, Subcommand};
use townkeeper_contract::id::{AccountId, MessageRef, PersonId, PlaceId};
use townkeeper_contract::moderation::{Delivery, DeliveryState, Former, ModerationAct, NewModeration, Verb};
use townkeeper_core::decide::moderate::read_length;

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// Moderation.
#[derive(Debug, Subcommand)]
pub(crate) enum ModerateCommand {
    /// The newest acts, and how they went
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take an act back: a restriction, a ban, a pinned message
    Undo {
        number: i64,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take a message down; it cannot be brought back
    Remove(OfMessage),
    /// Pin a message
    Pin(OfMessage),
    /// Take a message from the pinned ones
    Unpin(OfMessage),
    /// Keep somebody from writing for a time
    Restrict {
        /// How long: 30m, 1h, 7d
        #[arg(long = "for", default_value = "1h", value_parser = length, value_name = "TIME")]
        for_ms: i64,
        #[command(flatten)]
        of: OfPerson,
    },
    /// Let somebody write again
    Release(OfPerson),
    Ban(OfPerson),
    Unban(OfPerson),
    /// Say something in a place, like the moderators' channel
    Notice {
        text: String,
        #[command(flatten)]
        at: At,
    },
}

/// Where.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Account, like telegram:main
    #[arg(long)]
    account: AccountId,
    /// The platform's own number of the chat or channel
    #[arg(long, allow_hyphen_values = true)]
    place: PlaceId,
    #[command(flatten)]
    daemon: Daemon,
}

/// Which message.
#[derive(Debug, Args)]
pub(crate) struct OfMessage {
    /// The message, as the outbox and the log of events name it (Telegram: CHAT/MESSAGE)
    #[arg(allow_hyphen_values = true)]
    message: MessageRef,
    /// For the record
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    at: At,
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct OfPerson {
    /// The platform's own number of the person, never a name
    person: PersonId,
    /// For the record
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    at: At,
}

/// The outbox.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// What waits, was refused, came too late, or may or may not have arrived: the 200 newest
    List {
        /// ready, sending, sent, unknown, refused or expired
        #[arg(long, default_value = "unknown", value_parser = state)]
        state: DeliveryState,
        #[command(flatten)]
        daemon: Daemon,
    },
}

fn state(word: &str) -> Result<DeliveryState, String> {
    let known = || DeliveryState::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
    DeliveryState::named(word).ok_or_else(|| format!("there are: {}", known()))
}

fn length(word: &str) -> Result<i64, String> {
    read_length(word).ok_or_else(|| "a number and m, h, d or w, as 30m".to_owned())
}

pub(crate) async fn moderate(place: &Place, command: ModerateCommand) -> anyhow::Result<ExitCode> {
    let of_message = |verb, of: OfMessage| asked(verb, of.at, Some(of.message), None, None, of.reason);
    let of_person = |verb, of: OfPerson, for_ms| asked(verb, of.at, None, Some(of.person), for_ms, of.reason);
    let (daemon, new) = match command {
        ModerateCommand::List { daemon } => return list(place, &daemon).await,
        ModerateCommand::Undo { number, daemon } => {
            let done = api::client(place, &daemon)?.undo(number).await?;
            return noted(&daemon, done.number);
        }
        ModerateCommand::Remove(of) => of_message(Verb::Remove, of),
        ModerateCommand::Pin(of) => of_message(Verb::Pin, of),
        ModerateCommand::Unpin(of) => of_message(Verb::Unpin, of),
        ModerateCommand::Restrict { for_ms, of } => of_person(Verb::Restrict, of, Some(for_ms)),
        ModerateCommand::Release(of) => of_person(Verb::Release, of, None),
        ModerateCommand::Ban(of) => of_person(Verb::Ban, of, None),
        ModerateCommand::Unban(of) => of_person(Verb::Unban, of, None),
        ModerateCommand::Notice { text, at } => asked(Verb::Notice, at, None, None, None, text),
    };
    let done = api::client(place, &daemon)?.moderate(&new).await?;
    noted(&daemon, done.number)
}

fn asked(
    verb: Verb,
    at: At,
    message: Option<MessageRef>,
    person: Option<PersonId>,
    for_ms: Option<i64>,
    reason: String,
) -> (Daemon, NewModeration) {
    let At { account, place, daemon } = at;
    (daemon, NewModeration { verb, account, place, message, person, for_ms, reason, key: None })
}

fn noted(daemon: &Daemon, number: i64) -> anyhow::Result<ExitCode> {
    if daemon.json {
        out::json(&serde_json::json!({ "number": number }))?;
    } else {
        out::line(format!("Noted as number {number}. How it went: townkeeper moderate list"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let list = api::client(place, daemon)?.moderation().await?;
    if daemon.json {
        out::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.acts.is_empty() {
        out::line("Nothing was moderated yet.");
    }
    list.acts.iter().for_each(line_of_act);
    Ok(ExitCode::SUCCESS)
}

fn line_of_act(act: &ModerationAct) {
    let of = act.message.as_ref().map(|message| format!("message {message}"));
    let of = of.or_else(|| act.person.as_ref().map(|person| format!("person {person}"))).unwrap_or_default();
    let back = act.reversed_by.map(|by| format!(", taken back by {by}"));
    let back = back.or_else(|| act.reverses.map(|of| format!(", takes back {of}"))).unwrap_or_default();
    let state = act.state.map_or("erased", DeliveryState::as_str);
    out::line(format!(
        "{:<5} {} UTC  {:<8} {state:<8} {} {}  {}  by {}{back}  {}",
        act.number,
        day(act.at_ms),
        act.verb,
        act.account,
        out::words(act.place.as_str()),
        out::words(&of),
        out::words(&act.by),
        out::words(&act.reason).replace('\n', " ")
    ));
    if let Some(detail) = &act.detail {
        out::line(format!("      {}", out::words(detail)));
    }
    if act.former == Some(Former::Unknown) {
        out::line("      before: unknown; taken back, it lifts what there is");
    }
}

pub(crate) async fn outbox(place: &Place, command: OutboxCommand) -> anyhow::Result<ExitCode> {
    let OutboxCommand::List { state, daemon } = command;
    let list = api::client(place, &daemon)?.outbox(state).await?;
    if daemon.json {
        out::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.deliveries.is_empty() {
        out::line(format!("Nothing is {state}."));
    }
    list.deliveries.iter().for_each(line_of_delivery);
    if list.more {
        out::line(format!("There are more: these are the {} newest.", list.deliveries.len()));
    }
    Ok(ExitCode::SUCCESS)
}

fn line_of_delivery(row: &Delivery) {
    let text = out::words(&row.text).replace('\n', " ");
    out::line(format!(
        "{}  {} UTC  {} {}  {:<8} {}",
        row.id,
        day(row.created_ms),
        row.account,
        out::words(&row.destination),
        row.act,
        text
    ));
    if let Some(detail) = &row.detail {
        out::line(format!("      {}", out::words(detail)));
    }
}

fn day(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%d %H:%M").to_string()
}
