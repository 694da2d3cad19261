//! `person`, `token`, `login`, `audit`, `freeze`, `thaw`, `key`: who may do what, what they did, and stopping everything.

use std::process::ExitCode;

use anyhow::bail;
use chrono::DateTime;
use clap::Subcommand;
use townkeeper_contract::access::{EraseBody, FreezeState, Member, NewMember, NewToken, Permission, Role, TokenInfo};
use townkeeper_core::say;

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// The people of the workspace.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Everyone, their roles and linked accounts
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Add somebody
    Add {
        name: String,
        /// owner, moderator, editor, announcer
        #[arg(long = "role", value_parser = role)]
        roles: Vec<Role>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take somebody away, with everything that lets them in
    Remove {
        person: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// End all of somebody's sessions; their tokens and accounts stay
    SignOut {
        person: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Erase somebody who wants to be forgotten, by their account's own number, like `telegram:main 123456`
    Erase {
        account: String,
        id: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Show a code that proves a chat account, said there as `/link CODE`
    Link {
        person: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Take a linked account away, like `telegram 123456`
    Unlink {
        person: String,
        platform: String,
        id: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Give a role, or take it
    Role {
        person: String,
        #[arg(value_parser = role)]
        role: Role,
        /// Take it
        #[arg(long)]
        take: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// Tokens for the API.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make one; it is shown once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// Whose it is [default: a machine's]
        #[arg(long)]
        person: Option<String>,
        /// What it may do, like read_tickets; several are given one by one
        #[arg(long = "scope", required = true, value_parser = permission)]
        scopes: Vec<Permission>,
        /// How long it is good
        #[arg(long, default_value_t = 90)]
        days: u32,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Every token, without its secret
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// End one
    Revoke {
        token: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// The log of privileged acts.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// The newest acts
    List {
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Check the whole log; exit code 1 where it was changed
    Verify {
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// The signing key.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// The keys that are published
    Show {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Sign with a new key from now on; the old one stays published for 30 days
    Rotate {
        #[command(flatten)]
        daemon: Daemon,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::named(word).ok_or_else(|| "there are: owner, moderator, editor, announcer".to_owned())
}

fn permission(word: &str) -> Result<Permission, String> {
    let known = || Permission::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
    Permission::named(word).ok_or_else(|| format!("there are: {}", known()))
}

pub(crate) async fn person(place: &Place, command: PersonCommand) -> anyhow::Result<ExitCode> {
    match command {
        PersonCommand::List { daemon } => {
            let list = api::client(place, &daemon)?.people().await?;
            show(&daemon, &list, || list.people.iter().for_each(line_of_person))
        }
        PersonCommand::Add { name, roles, daemon } => {
            let member = api::client(place, &daemon)?.add_person(&NewMember { name, roles }).await?;
            show(&daemon, &member, || line_of_person(&member))
        }
        PersonCommand::Remove { person, daemon } => {
            api::client(place, &daemon)?.remove_person(&person).await?;
            show(&daemon, &(), || out::line("Removed."))
        }
        PersonCommand::SignOut { person, daemon } => {
            api::client(place, &daemon)?.sign_out(&person).await?;
            show(&daemon, &(), || out::line("Signed out everywhere."))
        }
        PersonCommand::Erase { account, id, daemon } => {
            let erased = api::client(place, &daemon)?.erase(&EraseBody { account, person: id }).await?;
            show(&daemon, &erased, || {
                for (table, rows) in erased.tables.iter().filter(|(_, rows)| **rows > 0) {
                    out::line(format!("{table:<14} {rows}"));
                }
                out::line("Erased. Backups made before still hold it; `townkeeper backup` makes a new one.");
            })
        }
        PersonCommand::Link { person, daemon } => {
            let link = api::client(place, &daemon)?.link_code(&person).await?;
            show(&daemon, &link, || {
                out::line(format!("Say to the bot, in private, within ten minutes: /link {}", link.code));
            })
        }
        PersonCommand::Unlink { person, platform, id, daemon } => {
            let member = api::client(place, &daemon)?.unlink(&person, &platform, &id).await?;
            show(&daemon, &member, || line_of_person(&member))
        }
        PersonCommand::Role { person, role, take, daemon } => {
            let member = api::client(place, &daemon)?.set_role(&person, role, !take).await?;
            show(&daemon, &member, || line_of_person(&member))
        }
    }
}

pub(crate) async fn token(place: &Place, command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Create { name, person, scopes, days, daemon } => {
            let made = api::client(place, &daemon)?.create_token(&NewToken { name, person, scopes, days }).await?;
            show(&daemon, &made, || {
                out::line(&made.token);
                out::hint(format!(
                    "This is shown once. It ends on {} UTC (id {}).",
                    day(made.info.expires_ms),
                    made.info.id
                ));
            })
        }
        TokenCommand::List { daemon } => {
            let list = api::client(place, &daemon)?.tokens().await?;
            show(&daemon, &list, || list.tokens.iter().for_each(line_of_token))
        }
        TokenCommand::Revoke { token, daemon } => {
            let info = api::client(place, &daemon)?.revoke_token(&token).await?;
            show(&daemon, &info, || line_of_token(&info))
        }
    }
}

/// `townkeeper login`.
pub(crate) async fn login(place: &Place, daemon: &Daemon, person: &str) -> anyhow::Result<ExitCode> {
    let link = api::client(place, daemon)?.login_link(person).await?;
    show(daemon, &link, || {
        out::line(&link.url);
        out::hint("It signs in once, within ten minutes.");
    })
}

pub(crate) async fn audit(place: &Place, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::List { limit, daemon } => {
            let list = api::client(place, &daemon)?.audit(limit).await?;
            show(&daemon, &list, || {
                for record in &list.records {
                    let (at, actor, subject) =
                        (day(record.at_ms), out::words(&record.actor), out::words(&record.subject));
                    out::line(format!("{:<6} {at}  {:<18} {actor}  {subject}", record.n, record.action));
                }
            })
        }
        AuditCommand::Verify { daemon } => {
            let verdict = api::client(place, &daemon)?.verify_audit().await?;
            show(&daemon, &verdict, || match (verdict.first_bad, &verdict.why) {
                (Some(n), why) => out::line(bad(n, why.as_deref().unwrap_or_default(), verdict.records)),
                (None, _) => out::line(whole(verdict.records, &verdict.head.hash)),
            })?;
            Ok(if verdict.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// An audit log that is as it was written.
fn whole(records: i64, head: &str) -> String {
    let noun = if records == 1 { "record" } else { "records" };
    format!("Whole: {records} {noun}, head {head}")
}

/// One that is not; `before`: how many records before the first bad one are.
fn bad(n: i64, why: &str, before: i64) -> String {
    let before = match before {
        0 => String::new(),
        1 => " The one before it is whole.".to_owned(),
        before => format!(" The {before} before it are whole."),
    };
    format!("BAD: record {n}: {why}.{before}")
}

/// `townkeeper freeze`.
pub(crate) async fn freeze(place: &Place, daemon: &Daemon, reason: &str) -> anyhow::Result<ExitCode> {
    let client = api::client(place, daemon);
    let state = match client {
        Ok(client) => client.freeze(reason).await?,
        Err(error) => {
            bail!("{error:#}; a file called `freeze` in the data folder freezes too, now and at the next start")
        }
    };
    show(daemon, &state, || line_of_freeze(&state))
}

/// `townkeeper thaw`.
pub(crate) async fn thaw(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let state = api::client(place, daemon)?.thaw().await?;
    show(daemon, &state, || line_of_freeze(&state))
}

pub(crate) async fn key(place: &Place, command: KeyCommand) -> anyhow::Result<ExitCode> {
    let (daemon, keys) = match command {
        KeyCommand::Show { daemon } => {
            let keys = api::client(place, &daemon)?.well_known().await?.keys;
            (daemon, keys)
        }
        KeyCommand::Rotate { daemon } => {
            let keys = api::client(place, &daemon)?.rotate_key().await?;
            (daemon, keys)
        }
    };
    show(&daemon, &keys, || {
        for key in &keys {
            let until =
                key.valid_until_ms.map_or_else(|| "signs now".to_owned(), |until| format!("until {}", day(until)));
            out::line(format!("{} {}  since {}, {until}", key.algorithm, key.key, day(key.since_ms)));
        }
    })
}

/// JSON where that was asked for, else lines.
fn show(daemon: &Daemon, value: &impl serde::Serialize, lines: impl FnOnce()) -> anyhow::Result<ExitCode> {
    if daemon.json {
        out::json(value)?;
    } else {
        lines();
    }
    Ok(ExitCode::SUCCESS)
}

fn line_of_person(person: &Member) {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
    let accounts: Vec<String> =
        person.identities.iter().map(|known| out::words(&format!("{}:{}", known.platform, known.id))).collect();
    out::line(format!(
        "{}  {:<20} {:<20} {}",
        person.id,
        out::words(&person.name),
        roles.join(","),
        accounts.join(" ")
    ));
}

fn line_of_token(token: &TokenInfo) {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let state =
        if token.revoked_ms.is_some() { "revoked".to_owned() } else { format!("until {}", day(token.expires_ms)) };
    let used = token.last_used_ms.map_or_else(|| "never used".to_owned(), |at| format!("used {}", day(at)));
    out::line(format!("{}  {:<20} {state}, {used}  {}", token.id, out::words(&token.name), scopes.join(",")));
}

fn line_of_freeze(state: &FreezeState) {
    if !state.frozen && !state.file {
        return out::line("Not frozen.");
    }
    let by = out::words(state.by.as_deref().unwrap_or("the file `freeze`"));
    let since = state.since_ms.map(day).unwrap_or_default();
    out::line(format!("FROZEN since {since} by {by}. {}", out::words(&state.reason)));
    if state.unconfirmed {
        out::line(say::frozen_where(true));
    }
    match state.votes.len() {
        0 => out::line("Two people have to agree before anything leaves again: townkeeper thaw, or /thaw in a chat."),
        n => out::line(format!("{n} of 2 agreed to go on: {}", out::words(&state.votes.join(", ")))),
    }
}

fn day(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::{bad, whole};

    #[test]
    fn one_record_is_one_record() {
        assert_eq!(whole(0, "aa"), "Whole: 0 records, head aa");
        assert_eq!(whole(1, "aa"), "Whole: 1 record, head aa");
        assert_eq!(whole(12, "aa"), "Whole: 12 records, head aa");
        assert_eq!(bad(1, "cut", 0), "BAD: record 1: cut.");
        assert_eq!(bad(2, "cut", 1), "BAD: record 2: cut. The one before it is whole.");
        assert_eq!(bad(3, "cut", 2), "BAD: record 3: cut. The 2 before it are whole.");
    }
}
