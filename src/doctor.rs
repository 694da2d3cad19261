//! `townkeeper doctor`: what is well, what is not, and what to do about it. `townkeeper health`: yes or no.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde::Serialize;
use townkeeper_client::ClientError;
use townkeeper_contract::api::{FeedbackCount, Ready, Scorecard, VectorHealth};
use townkeeper_contract::knowledge::ChangeList;
use townkeeper_contract::lists::PublicList;
use townkeeper_contract::provider::{ChatMessage, ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::ErrorClass;
use townkeeper_core::say;
use townkeeper_knowledge::Base;
use townkeeper_providers::ProviderConfig;

use crate::cli::{Daemon, Place};
use crate::settings::Settings;
use crate::vectors::{self, VectorsSection};
use crate::{api, knowledge, out, platforms, public_lists, publish, scorecard, serve};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    state: State,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Note,
    Bad,
}

/// How long a model may take to say its first word to `doctor`.
const FIRST_WORD: Duration = Duration::from_secs(20);

/// Looks at everything; exit code 1 if anything is bad. `offline`: asks no model and no platform.
pub(crate) async fn run(place: &Place, json: bool, offline: bool) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    match Settings::load(place, None) {
        Err(error) => checks.push(bad("configuration", &error)),
        Ok(settings) => {
            checks.push(good("configuration", "can be read"));
            let base = knowledge::load(&settings.knowledge);
            let look_alikes = base.as_ref().ok().and_then(|base| look_alikes(&settings, base));
            checks.push(check("canonical base", base, |base| {
                format!("{} entries; {}", base.len(), say::promise(&base.calibration().all))
            }));
            checks.extend(look_alikes);
            if let Some(section) = &settings.knowledge.vectors {
                checks.push(examined(section, offline).await);
            }
            checks.push(check("model", serve::providers(&settings), |providers| {
                let names: Vec<_> = providers.iter().map(|(p, _)| format!("{} ({})", p.model(), p.name())).collect();
                let none = "none: published answers only, which is fine";
                if names.is_empty() { none.to_owned() } else { names.join(", then ") }
            }));
            if let (false, Some((provider, _))) =
                (offline, serve::providers(&settings).ok().and_then(|all| all.into_iter().next()))
            {
                checks.push(model(&settings, provider).await);
            }
            checks.push(check("accounts", platforms::check(&settings), |n| format!("{n} chat account(s)")));
            if !offline {
                checks.extend(accounts(&settings).await);
            }
            checks.push(folder(&settings));
            checks.extend(open_secrets(&settings));
        }
    }
    checks.extend(daemon(place).await);
    report(&checks, json)?;
    let bad = checks.iter().any(|check| check.state == State::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Exit code 0 if the daemon is ready.
pub(crate) async fn health(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let ready = api::client(place, daemon)?.ready().await?;
    if daemon.json {
        out::json(&ready)?;
    } else {
        out::line(if ready.ready { "ready" } else { "not ready" });
    }
    Ok(if ready.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn daemon(place: &Place) -> Vec<Check> {
    let daemon = Daemon { url: None, token_file: None, json: false };
    let Ok(client) = api::client(place, &daemon) else {
        return vec![note("daemon", "not running; start it with `townkeeper serve`")];
    };
    match client.ready().await {
        Ok(ready) => {
            let mut checks = running(&ready);
            checks.extend(client.changes().await.iter().flat_map(base));
            if let Ok(card) = client.scorecard().await {
                checks.extend(activation(&card));
                checks.push(good("models today", scorecard::spending(&card.budget)));
            }
            checks.extend(client.public_lists().await.iter().flat_map(|all| &all.lists).map(list));
            checks.extend(short(client.feedback().await.map(|list| list.entries).unwrap_or_default()));
            checks
        }
        Err(ClientError::NoDaemon { .. }) => vec![note("daemon", "not running; start it with `townkeeper serve`")],
        Err(error) => vec![bad("daemon", &error.into())],
    }
}

/// What of the base waits for somebody.
fn base(list: &ChangeList) -> Vec<Check> {
    let mut checks = vec![good("published base", format!("revision {}", list.revision))];
    let open = list.changes.iter().filter(|change| publish::is_open(change.state));
    let open: Vec<String> = open.map(|change| change.number.to_string()).collect();
    if list.files_differ > 0 {
        let detail = format!("{} differ(s) from what is published; files are only proposals", list.files_differ);
        checks.push(note("files of base", detail));
    }
    if !open.is_empty() {
        let detail = format!("open: {}; look with `townkeeper knowledge diff NUMBER`", open.join(", "));
        checks.push(note("changes", detail));
    }
    checks
}

fn running(ready: &Ready) -> Vec<Check> {
    let mut checks = vec![good("daemon", format!("running, {} reviewed answers", ready.entries))];
    if ready.frozen {
        checks.push(note("freeze", "FROZEN: nothing leaves until two people thaw it (townkeeper thaw)"));
    }
    checks.extend(ready.vectors.as_ref().map(look_up));
    for platform in &ready.platforms {
        let state = if platform.receiving { State::Good } else { State::Bad };
        let detail = platform.trouble.as_ref().map_or_else(|| "receiving".to_owned(), ToString::to_string);
        checks.push(Check { what: "account", state, detail: format!("{}: {detail}", platform.account) });
    }
    if ready.unknown_deliveries > 0 {
        let detail = format!(
            "{} message(s) may or may not have arrived; they are not sent again by themselves",
            ready.unknown_deliveries
        );
        checks.push(note("deliveries", detail));
    }
    checks
}

/// Older than this, and nobody else keeps it: thieves take new names every day.
const STALE_DAYS: i64 = 7;

/// A public list: how large, how old, and why it is not newer.
fn list(list: &PublicList) -> Check {
    let detail = format!("{}: {}", list.name, public_lists::state(list));
    match &list.failed {
        Some(why) => note("public list", format!("{detail}; not taken: {}", out::words(why))),
        None if list.age_days.is_none_or(|days| days >= STALE_DAYS) => note("public list", detail),
        None => good("public list", detail),
    }
}

/// Entries whose answers help less often than is promised.
fn short(counts: Vec<FeedbackCount>) -> Option<Check> {
    let short = counts.into_iter().filter(|count| count.below_target).filter_map(|count| count.entry);
    let short: Vec<String> = short.map(|entry| entry.0).collect();
    let detail = format!("{} helped less often than promised: townkeeper knowledge feedback", short.join(", "));
    (!short.is_empty()).then(|| note("answers", detail))
}

/// How questions are looked up.
fn look_up(health: &VectorHealth) -> Check {
    let since = health.hybrid_since_ms.and_then(chrono::DateTime::from_timestamp_millis);
    match (since, &health.trouble) {
        (Some(since), _) => good("look-up", format!("hybrid since {}", since.format("%Y-%m-%d %H:%M UTC"))),
        (None, trouble) => note("look-up", format!("lexical: {}", trouble.as_deref().unwrap_or("no vectors"))),
    }
}

/// The names by which look-alikes of ours are seen.
fn look_alikes(settings: &Settings, base: &Base) -> Option<Check> {
    let watched = settings.shield.watched(&settings.agent.name, base).join(", ");
    let given = settings.shield.brands.is_some();
    let from = if given { "" } else { " (by the agent's name and the base; better say it: [shield] brands)" };
    if !watched.is_empty() {
        return Some(good("look-alikes", format!("of {watched} are seen{from}")));
    }
    let detail = "none is seen: write the names that people know you by into [shield] brands";
    (!settings.account.is_empty()).then(|| note("look-alikes", detail))
}

/// Reads the table that is configured, or asks the server for one vector.
async fn examined(section: &VectorsSection, offline: bool) -> Check {
    if let Some(file) = &section.table {
        return check("vectors", vectors::table(Path::new(file)), |table| {
            format!("{} words of {} numbers", table.len(), table.dims())
        });
    }
    let client = match section.client() {
        Ok(client) => client,
        Err(error) => return bad("vectors", &error),
    };
    if offline {
        return good("vectors", client.peer());
    }
    let began = Instant::now();
    match client.embed(&["ready?"], FIRST_WORD).await {
        Ok(made) => {
            let numbers = made.first().map_or(0, Vec::len);
            good("vectors", format!("{}: {numbers} numbers in {} ms", client.peer(), began.elapsed().as_millis()))
        }
        // Words answer meanwhile.
        Err(error) => note("vectors", format!("{}; words alone answer meanwhile", error.message)),
    }
}

/// One tiny request to the model that is configured.
async fn model(settings: &Settings, provider: Arc<dyn Provider>) -> Check {
    let request = ChatRequest {
        messages: vec![ChatMessage::User { text: "Say: ready".to_owned() }],
        max_output_tokens: 16,
        ..ChatRequest::default()
    };
    let (began, mut events) = (Instant::now(), provider.stream(request));
    let heard = tokio::time::timeout(FIRST_WORD, async {
        loop {
            match events.next().await {
                Some(Ok(ProviderEvent::Delta { .. } | ProviderEvent::Stopped { .. })) => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.class),
                None => return Err(ErrorClass::Truncated),
            }
        }
    });
    let heard = heard.await.unwrap_or(Err(ErrorClass::Stalled));
    let host = settings.provider.first().map(host).unwrap_or_default();
    let named = format!("{} ({}) at {host}", provider.model(), provider.name());
    match heard {
        Ok(()) => good("model answers", format!("{named}, in {} ms", began.elapsed().as_millis())),
        Err(class) => Check { what: "model answers", state: State::Bad, detail: format!("{named}: {}", remedy(class)) },
    }
}

/// What each platform says of its account. Needs no daemon.
async fn accounts(settings: &Settings) -> Vec<Check> {
    // That they cannot be opened was said already.
    let Ok(door) = platforms::open(settings, None) else { return Vec::new() };
    let mut checks = Vec::new();
    for (account, findings) in door.examine().await {
        checks.extend(findings.into_iter().map(|finding| Check {
            what: "account",
            state: match (finding.ok, &finding.remedy) {
                (true, None) => State::Good,
                (true, Some(_)) => State::Note,
                (false, _) => State::Bad,
            },
            detail: finding.remedy.map_or_else(
                || format!("{account}: {}", finding.what),
                |remedy| format!("{account}: {}; {remedy}", finding.what),
            ),
        }));
    }
    checks
}

/// The host (and port) that a provider is asked at; no more of an address that may hold a password.
fn host(config: &ProviderConfig) -> String {
    let url = config.address().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// What is wrong with a model, and what to do.
fn remedy(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Auth => "it refuses the key; put the right one into api_key_file (or api_key_env)",
        ErrorClass::Quota => "the account has nothing left; look at the vendor's billing page",
        ErrorClass::RateLimited | ErrorClass::Overloaded => "it is busy; try again in a minute",
        ErrorClass::InvalidRequest => "it does not take this request; check `model` and `base_url`",
        ErrorClass::Stalled => "it says nothing; is it still loading the model, or is the address right?",
        ErrorClass::Transient | ErrorClass::Truncated => {
            "it cannot be reached or broke off; check that it runs, `base_url`, and the way there (proxy, firewall)"
        }
        _ => "its answer cannot be read; check that `kind` and `base_url` belong together",
    }
}

/// How far this installation has come: how long after its first start it first answered.
fn activation(card: &Scorecard) -> Option<Check> {
    let at = |name: &str| card.milestones.iter().find(|reached| reached.name == name).map(|reached| reached.at_ms);
    let start = at("first_start")?;
    let named = [("account", "first_account"), ("question", "first_question"), ("answer", "first_answer")];
    let named = named.into_iter().chain([("ticket", "first_ticket")]);
    let told: Vec<String> =
        named.filter_map(|(what, name)| Some(format!("first {what} {}", after(at(name)? - start)))).collect();
    let detail = if told.is_empty() { "nobody has asked anything yet".to_owned() } else { told.join(", ") };
    Some(good("since install", detail))
}

/// A length of time as people say it.
fn after(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..=89 => format!("after {seconds} s"),
        90..=5_399 => format!("after {} min", (seconds + 30) / 60),
        5_400..=172_799 => format!("after {} h", (seconds + 1_800) / 3_600),
        _ => format!("after {} days", seconds / 86_400),
    }
}

fn folder(settings: &Settings) -> Check {
    let folder = &settings.data;
    match can_write(folder) {
        Ok(()) => good("data folder", folder.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            note("data folder", format!("{} will be made at the first start", folder.display()))
        }
        Err(error) => Check {
            what: "data folder",
            state: State::Bad,
            detail: format!("{} cannot be written ({error}); change its permissions or use --data", folder.display()),
        },
    }
}

/// Secrets that others on this machine may read. No more than a note: a container may hand them over with modes of its own.
#[cfg(unix)]
fn open_secrets(settings: &Settings) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = |file: &String| std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    let open: Vec<String> = settings.secret_files().into_iter().filter(is_open).collect();
    let detail = format!("others on this machine may read {}; `chmod 600` keeps them to this user", open.join(", "));
    (!open.is_empty()).then(|| note("secrets", detail))
}

#[cfg(not(unix))]
fn open_secrets(_: &Settings) -> Option<Check> {
    None
}

/// By trying: mode bits say nothing of owners, read-only file systems or full disks.
fn can_write(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!("doctor.{}.tmp", std::process::id()));
    std::fs::write(&file, "x")?;
    std::fs::remove_file(file)
}

fn report(checks: &[Check], json: bool) -> anyhow::Result<()> {
    if json {
        return out::json(&checks);
    }
    for check in checks {
        let mark = match check.state {
            State::Good => "ok  ",
            State::Note => "note",
            State::Bad => "BAD ",
        };
        out::line(format!("{mark}  {:<15} {}", check.what, check.detail));
    }
    Ok(())
}

fn check<T>(what: &'static str, result: anyhow::Result<T>, detail: impl FnOnce(T) -> String) -> Check {
    match result {
        Ok(value) => good(what, detail(value)),
        Err(error) => bad(what, &error),
    }
}

fn good(what: &'static str, detail: impl Into<String>) -> Check {
    Check { what, state: State::Good, detail: detail.into() }
}

fn note(what: &'static str, detail: impl Into<String>) -> Check {
    Check { what, state: State::Note, detail: detail.into() }
}

fn bad(what: &'static str, error: &anyhow::Error) -> Check {
    Check { what, state: State::Bad, detail: format!("{error:#}") }
}
