//! `townkeeper scorecard`: how this installation does, in the figures that `docs/numbers.md` defines; or how a run of the
//! gates did, by the file that it left.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use townkeeper_contract::api::{BudgetScore, Scorecard};
use townkeeper_contract::money::Money;

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// A daemon knows nothing of how it was built, nor of other machines.
const NOT_MEASURED: &str = "not measured here: `scorecard --ci FILE` shows what tests/all.sh left";

/// The stage that installs on a machine which has nothing else.
const INSTALL: &str = "bare";

/// A run of the gates, as `tests/all.sh` left it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gates {
    /// Empty where the source was in no repository.
    commit: String,
    /// Unix time in seconds.
    began: i64,
    stages: Vec<Stage>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    #[serde(rename = "stage")]
    name: String,
    result: StageResult,
    seconds: u64,
    /// The most memory of all its processes together; none where it was over too soon to look.
    peak_mib: Option<u64>,
    note: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StageResult {
    Ok,
    Failed,
    Skipped,
}

impl Stage {
    fn outcome(&self) -> String {
        let word = match self.result {
            StageResult::Ok => "ok",
            StageResult::Failed => "FAILED",
            StageResult::Skipped => "skipped",
        };
        if self.note.is_empty() { word.to_owned() } else { format!("{word}: {}", out::words(&self.note)) }
    }
}

/// Shows what a run of the gates measured. Needs no daemon.
pub(crate) fn ci(file: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let named = || format!("{}: not a file that tests/all.sh left", file.display());
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let gates: Gates = serde_json::from_str(&text).with_context(named)?;
    if json {
        out::json(&gates)?;
        return Ok(ExitCode::SUCCESS);
    }
    let at = chrono::DateTime::from_timestamp(gates.began, 0).with_context(named)?;
    out::line(format!("The gates at {} ({}).", out::words(&gates.commit), at.format("%Y-%m-%d %H:%M UTC")));
    let memory = |peak: Option<u64>| peak.map_or_else(|| "–".to_owned(), |mib| mib.to_string());
    for stage in &gates.stages {
        let (name, peak) = (out::words(&stage.name), memory(stage.peak_mib));
        out::line(format!("{name:<8} {:>5} s {peak:>6} MiB  {}", stage.seconds, stage.outcome()));
    }
    let seconds: u64 = gates.stages.iter().map(|stage| stage.seconds).sum();
    let peak = memory(gates.stages.iter().filter_map(|stage| stage.peak_mib).max());
    out::line(format!("{:<8} {seconds:>5} s {peak:>6} MiB", "all"));
    let install = gates.stages.iter().find(|stage| stage.name == INSTALL);
    let install = install.map_or_else(|| "not measured in this run".to_owned(), Stage::outcome);
    out::line(format!("install success  {install}"));
    Ok(ExitCode::SUCCESS)
}

/// One figure with what it is made of; no share where there is nothing to divide.
#[derive(Debug, Serialize)]
struct Score {
    what: String,
    /// Between 0 and 1.
    share: Option<f64>,
    of: i64,
    detail: String,
}

/// Asks the daemon and prints.
pub(crate) async fn run(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let card = api::client(place, daemon)?.scorecard().await?;
    let scores = scores(&card);
    if daemon.json {
        #[derive(Serialize)]
        struct All<'a> {
            scores: &'a [Score],
            raw: &'a Scorecard,
        }
        out::json(&All { scores: &scores, raw: &card })?;
        return Ok(ExitCode::SUCCESS);
    }
    out::line(format!("The last {} days; the model since this start.", card.window_days));
    for score in &scores {
        let share = score.share.map_or_else(|| "    –  ".to_owned(), |share| format!("{:5.1} %", share * 100.0));
        out::line(format!("{share}  {:<34} {}", score.what, score.detail));
    }
    let word = |ms: Option<u32>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
    let (p50, p95) = (word(card.model.first_token_p50_ms), word(card.model.first_token_p95_ms));
    out::line(format!("         time to the first token            p50 {p50}, p95 {p95}"));
    out::line(format!("         models today                       {}", spending(&card.budget)));
    out::line(format!("         install success, CI                {NOT_MEASURED}"));
    Ok(ExitCode::SUCCESS)
}

/// What models have cost today and may cost, in words.
pub(crate) fn spending(budget: &BudgetScore) -> String {
    let amount = |micros: i64| Money::from_micros(u64::try_from(micros).unwrap_or(0));
    let limit = budget.money_limit_micros.map_or_else(String::new, |limit| format!(" of {}", amount(limit)));
    let BudgetScore { tokens, tokens_limit, currency, .. } = budget;
    format!("{tokens} of {tokens_limit} tokens; {}{limit} {currency}", amount(budget.money_micros))
}

/// The figures, each by its formula.
fn scores(card: &Scorecard) -> Vec<Score> {
    let starts = &card.starts;
    let mut scores = vec![
        score("starts that became ready", starts.ready, starts.started, "starts"),
        score("lives that ended as told", starts.clean, starts.ended, "ended lives"),
    ];
    for account in &card.deliveries {
        let ended = account.sent + account.refused + account.expired + account.unknown;
        let mut score = score(&format!("posts sent, {}", account.account), account.sent, ended, "posts");
        if account.sent < ended {
            score.detail.push_str(&format_parts(account));
        }
        scores.push(score);
    }
    let receiving = card.accounts.iter().filter(|account| account.receiving).count();
    scores.push(score("accounts that receive now", count(receiving), count(card.accounts.len()), "accounts"));
    let (answered, failed) = (i64::try_from(card.model.answered), i64::try_from(card.model.failed));
    let (answered, failed) = (answered.unwrap_or(i64::MAX), failed.unwrap_or(0));
    scores.push(score("model answers that ended well", answered, answered.saturating_add(failed), "answers"));
    scores
}

fn format_parts(account: &townkeeper_contract::api::DeliveryScore) -> String {
    format!(" ({} refused, {} too late, {} in doubt)", account.refused, account.expired, account.unknown)
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of one installation")]
fn score(what: &str, good: i64, of: i64, unit: &str) -> Score {
    let share = (of > 0).then(|| good as f64 / of as f64);
    Score { what: what.to_owned(), share, of, detail: format!("{good} of {of} {unit}") }
}
