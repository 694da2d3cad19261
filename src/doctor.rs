//! `townkeeper doctor`: what is well, what is not, and what to do about it. `townkeeper health`: yes or no.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use townkeeper_client::ClientError;
use townkeeper_contract::api::Ready;

use crate::cli::{Daemon, Place};
use crate::settings::Settings;
use crate::{api, knowledge, out, platforms, serve};

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

/// Looks at everything; exit code 1 if anything is bad.
pub(crate) async fn run(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    match Settings::load(place, None) {
        Err(error) => checks.push(bad("configuration", &error)),
        Ok(settings) => {
            checks.push(good("configuration", "can be read"));
            checks.push(check("canonical base", knowledge::load(&settings.knowledge), |base| {
                format!("{} entries, answers from a score of {:.2} up", base.len(), base.threshold())
            }));
            checks.push(check("model", serve::providers(&settings), |providers| {
                let names: Vec<_> = providers.iter().map(|p| format!("{} ({})", p.model(), p.name())).collect();
                let none = "none: published answers only, which is fine";
                if names.is_empty() { none.to_owned() } else { names.join(", then ") }
            }));
            checks.push(check("accounts", platforms::check(&settings), |n| format!("{n} chat account(s)")));
            checks.push(folder(&settings));
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
    let daemon = Daemon { url: None, json: false };
    let Ok(client) = api::client(place, &daemon) else {
        return vec![note("daemon", "not running; start it with `townkeeper serve`")];
    };
    match client.ready().await {
        Ok(ready) => running(&ready),
        Err(ClientError::NoDaemon { .. }) => vec![note("daemon", "not running; start it with `townkeeper serve`")],
        Err(error) => vec![bad("daemon", &error.into())],
    }
}

fn running(ready: &Ready) -> Vec<Check> {
    let mut checks = vec![good("daemon", format!("running, {} reviewed answers", ready.entries))];
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
