//! The commands. Without one, the daemon is started.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::backup::{self, BackupArgs, RestoreArgs};
use crate::init::{self, InitArgs};
use crate::settings::Settings;
use crate::{
    access, ask, database, doctor, evaluate, export, import, learning, lint, moderate, out, places, publish, restore,
    scorecard, serve, shield,
};

/// One keeper for every square a community meets in.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the configuration and the data are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Configuration file [default: ./townkeeper.toml if there is one, else built-in settings]
    #[arg(long, global = true, env = "TOWNKEEPER_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Workspace to talk to, where the daemon has several [default: main]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) workspace: Option<String>,
    /// Data folder [default: the platform's data directory]
    #[arg(long, global = true, env = "TOWNKEEPER_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the daemon (the default)
    Serve {
        /// Address to listen on, like 127.0.0.1:7420
        #[arg(long)]
        listen: Option<String>,
    },
    /// Ask one question
    Ask {
        #[arg(required = true)]
        question: Vec<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Talk
    Chat {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// What could not be answered
    Ticket {
        #[command(subcommand)]
        command: TicketCommand,
    },
    /// The reviewed answers: what they are worth, and how they change
    Knowledge {
        #[command(subcommand)]
        command: KnowledgeCommand,
    },
    /// The people of the workspace, their roles and accounts
    Person {
        #[command(subcommand)]
        command: access::PersonCommand,
    },
    /// Tokens for the API
    Token {
        #[command(subcommand)]
        command: access::TokenCommand,
    },
    /// Make a link that signs a person in, once
    Login {
        person: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// What was done with special rights
    Audit {
        #[command(subcommand)]
        command: access::AuditCommand,
    },
    /// Take messages down, restrict, ban, pin; and take it back
    Moderate {
        #[command(subcommand)]
        command: moderate::ModerateCommand,
    },
    /// What we send, and what became of it
    Outbox {
        #[command(subcommand)]
        command: moderate::OutboxCommand,
    },
    /// Stop everything that leaves; one is enough
    Freeze {
        /// For the record
        #[arg(default_value = "")]
        reason: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Agree to go on; it takes two people
    Thaw {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// The key that signs for the workspace
    Key {
        #[command(subcommand)]
        command: access::KeyCommand,
    },
    /// The groups and channels it is in, and what is set for each
    Place {
        #[command(subcommand)]
        command: places::PlaceCommand,
    },
    /// Check configuration, base, data folder and daemon, and say what to do
    Doctor {
        #[arg(long)]
        json: bool,
        /// Ask neither the model nor the platforms
        #[arg(long)]
        offline: bool,
    },
    /// Set up a new installation: a few questions, each with a default
    Init(InitArgs),
    /// How this installation does: starts, deliveries, answers (formulas: docs/numbers.md)
    Scorecard {
        #[command(flatten)]
        daemon: Daemon,
        /// Instead, what a run of tests/all.sh measured: install success, and time and memory of each stage
        #[arg(long, value_name = "FILE")]
        ci: Option<PathBuf>,
    },
    /// Is the daemon ready? For health checks: exit code 0 if so
    Health {
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Make a backup, also while the daemon runs
    Backup(BackupArgs),
    /// Restore a backup into an empty data folder (--data NEW), or check one (--check)
    Restore(RestoreArgs),
    /// The configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Scams: train the text model, judge messages from a file, measure verdicts
    Shield {
        #[command(subcommand)]
        command: shield::ShieldCommand,
    },
    /// Move from SQLite to PostgreSQL (stop the daemon first)
    Migrate(database::Migrate),
    /// Measure this machine (see docs/numbers.md)
    #[cfg(feature = "bench")]
    Bench(crate::bench::Bench),
    /// Measure this machine (only in a build with `--features bench`)
    #[cfg(not(feature = "bench"))]
    Bench,
}

#[derive(Debug, Subcommand)]
enum TicketCommand {
    /// The newest tickets
    List {
        #[command(flatten)]
        daemon: Daemon,
    },
}

#[derive(Debug, Subcommand)]
enum KnowledgeCommand {
    /// Measure a base with labelled questions
    Eval(evaluate::Eval),
    /// What the base promises, and which of its entries are taken for each other
    Report(evaluate::ReportArgs),
    /// Look for faults and weaknesses, without a daemon; exit code 1 on an error
    Lint(lint::LintArgs),
    /// Make drafts of entries from JSONL, CSV, a folder of Markdown or a site's sitemap.xml; publishes nothing
    Import(import::ImportArgs),
    /// Write what is published as JSONL, or as one signed file
    Export(export::ExportArgs),
    /// Check a signed base, without a daemon or a network; exit code 1 if it is not as it was signed
    Verify(export::VerifyArgs),
    /// Put answers right that came from older wordings of an entry; a dry run without --send
    Correct(learning::Correct),
    /// What was asked in vain in the last 30 days, put together, with drafts of entries
    Gaps(learning::Gaps),
    /// How often each topic is asked about, before and after a wording came
    Trend(learning::Topic),
    /// What people thought of the answers, by entry and wording
    Feedback {
        #[command(flatten)]
        daemon: Daemon,
    },
    #[command(flatten)]
    Change(publish::ChangeCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check it without starting anything
    Check,
    /// Show every value and where it comes from
    Show {
        #[arg(long)]
        json: bool,
    },
}

/// The daemon to talk to.
#[derive(Clone, Debug, Args)]
pub(crate) struct Daemon {
    /// Address of the daemon [default: the one that runs on this data folder]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// File with the token to show [default: the operator's, in the data folder, where the daemon is on this machine]
    #[arg(long, env = "TOWNKEEPER_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print JSON: the events as they come, or the result
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs a command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    serve::arm_faults();
    let place = cli.place;
    match cli.command {
        None => serve(&place, None),
        Some(Command::Serve { listen }) => serve(&place, listen),
        Some(Command::Ask { question, daemon }) => wait(ask::ask(&place, &daemon, &question.join(" "))),
        Some(Command::Chat { daemon }) => wait(ask::chat(&place, &daemon)),
        Some(Command::Ticket { command: TicketCommand::List { daemon } }) => wait(ask::tickets(&place, &daemon)),
        Some(Command::Knowledge { command: KnowledgeCommand::Feedback { daemon } }) => {
            wait(ask::feedback(&place, &daemon))
        }
        Some(Command::Knowledge { command: KnowledgeCommand::Eval(eval) }) => evaluate::eval(&eval),
        Some(Command::Knowledge { command: KnowledgeCommand::Report(args) }) => evaluate::report(&place, &args),
        Some(Command::Knowledge { command: KnowledgeCommand::Lint(args) }) => wait(lint::run(&place, args)),
        Some(Command::Knowledge { command: KnowledgeCommand::Import(args) }) => wait(import::run(args)),
        Some(Command::Knowledge { command: KnowledgeCommand::Export(args) }) => wait(export::run(&place, args)),
        Some(Command::Knowledge { command: KnowledgeCommand::Verify(args) }) => export::verify(&args),
        Some(Command::Knowledge { command: KnowledgeCommand::Change(change) }) => wait(publish::run(&place, change)),
        Some(Command::Knowledge { command: KnowledgeCommand::Correct(asked) }) => {
            wait(learning::correct(&place, asked))
        }
        Some(Command::Knowledge { command: KnowledgeCommand::Gaps(asked) }) => wait(learning::gaps(&place, asked)),
        Some(Command::Knowledge { command: KnowledgeCommand::Trend(asked) }) => wait(learning::trend(&place, asked)),
        Some(Command::Doctor { json, offline }) => wait(doctor::run(&place, json, offline)),
        Some(Command::Init(args)) => init::init(&place, args),
        Some(Command::Scorecard { daemon, ci: Some(file) }) => scorecard::ci(&file, daemon.json),
        Some(Command::Scorecard { daemon, ci: None }) => wait(scorecard::run(&place, &daemon)),
        Some(Command::Person { command }) => wait(access::person(&place, command)),
        Some(Command::Token { command }) => wait(access::token(&place, command)),
        Some(Command::Login { person, daemon }) => wait(access::login(&place, &daemon, &person)),
        Some(Command::Audit { command }) => wait(access::audit(&place, command)),
        Some(Command::Moderate { command }) => wait(moderate::moderate(&place, command)),
        Some(Command::Outbox { command }) => wait(moderate::outbox(&place, command)),
        Some(Command::Freeze { reason, daemon }) => wait(access::freeze(&place, &daemon, &reason)),
        Some(Command::Thaw { daemon }) => wait(access::thaw(&place, &daemon)),
        Some(Command::Key { command }) => wait(access::key(&place, command)),
        Some(Command::Place { command }) => wait(places::run(&place, command)),
        Some(Command::Health { daemon }) => wait(doctor::health(&place, &daemon)),
        Some(Command::Backup(args)) => wait(backup::backup(&place, &args)),
        Some(Command::Restore(args)) => wait(restore::restore(&place, &args)),
        Some(Command::Config { command: ConfigCommand::Check }) => check(&place),
        Some(Command::Config { command: ConfigCommand::Show { json } }) => {
            Settings::load(&place, None)?.show(json)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Shield { command }) => wait(shield::run(&place, command)),
        Some(Command::Migrate(migrate)) => wait(database::migrate(&place, migrate)),
        #[cfg(feature = "bench")]
        Some(Command::Bench(bench)) => wait(crate::bench::run(bench)),
        #[cfg(not(feature = "bench"))]
        Some(Command::Bench) => {
            anyhow::bail!(
                "this build has no wire fakes to measure with; use `cargo run --release --features bench -- bench`"
            )
        }
    }
}

fn serve(place: &Place, listen: Option<String>) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(place, listen)?;
    runtime(true)?.block_on(serve::run(settings))?;
    Ok(ExitCode::SUCCESS)
}

/// Tries a configuration without starting anything.
pub(crate) fn check(place: &Place) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(place, None)?;
    let base = crate::knowledge::load(&settings.knowledge)?;
    let accounts = crate::platforms::check(&settings)?;
    settings.retention.retention()?;
    settings.shield.sources()?;
    serve::providers(&settings)?;
    settings.agent()?;
    out::line(format!("The configuration is good: {} reviewed answers, {accounts} chat account(s).", base.len()));
    Ok(ExitCode::SUCCESS)
}

fn wait(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    runtime(false)?.block_on(command)
}

/// So many tasks are run before the network is asked for more.
const WORKED_OFF: u32 = 64;

fn runtime(many: bool) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder =
        if many { tokio::runtime::Builder::new_multi_thread() } else { tokio::runtime::Builder::new_current_thread() };
    if many {
        // What the database's thread wakes goes before what the network brings, and the network brings no more at a time
        // than is worked off before it is asked again: else a turn waits, at each of its steps, for a flood to be refused.
        builder.global_queue_interval(1).event_interval(WORKED_OFF).max_io_events_per_tick(WORKED_OFF as usize);
    }
    builder.enable_all().build().context("cannot start the runtime")
}
