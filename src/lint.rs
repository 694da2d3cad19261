//! `townkeeper knowledge lint`: the rules of `knowledge::lint` for a folder, and with `--online` the one that asks the
//! network whether links still lead somewhere (L5).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use serde_json::json;
use townkeeper_contract::text::RichText;
use townkeeper_engine::clock::Clock;
use townkeeper_fetch::{FetchError, Fetcher, Rules, Url};
use townkeeper_knowledge::Written;
use townkeeper_knowledge::lint::{Finding, Policy, Rule, Severity, lint, sorted};

use crate::cli::Place;
use crate::knowledge::{self, KnowledgeSection};
use crate::out;
use crate::settings::Settings;

/// What is asked of a linked page, which is thrown away.
const PAGE: usize = 4 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Folder of entries [default: the one that is configured]
    folder: Option<PathBuf>,
    /// A language that every entry should speak, like `de`; may be given again
    #[arg(long = "language", value_name = "TAG")]
    languages: Vec<String>,
    /// Ask the linked pages whether they are still there
    #[arg(long)]
    online: bool,
    /// Print JSON: a finding a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(place: &Place, args: LintArgs) -> anyhow::Result<ExitCode> {
    let section = match &args.folder {
        Some(folder) => KnowledgeSection::of(folder)?,
        None => Settings::load(place, None)?.knowledge,
    };
    let today = DateTime::from_timestamp_millis(Clock::system().now_ms()).unwrap_or_default().date_naive();
    let policy = Policy { today, languages: args.languages };
    let (entries, findings) = match knowledge::written(&section)? {
        Ok(written) => {
            let mut findings = lint(&written, &policy);
            if args.online {
                findings.extend(dead_links(&written).await?);
            }
            (written.entries.len(), sorted(findings))
        }
        Err(errors) => (0, sorted(errors.into_iter().map(Finding::from).collect())),
    };
    report(entries, &findings, args.json)?;
    let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn report(entries: usize, findings: &[Finding], as_json: bool) -> anyhow::Result<()> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    for finding in findings {
        if as_json {
            out::json(finding)?;
        } else {
            out::line(out::words(&finding.to_string()));
        }
    }
    if as_json {
        return out::json(&json!({ "entries": entries, "errors": errors, "warnings": warnings }));
    }
    out::line(format!("{entries} entries: {errors} error(s), {warnings} warning(s)"));
    Ok(())
}

/// Every link of the base, asked for once, each on its own host only.
async fn dead_links(written: &Written) -> anyhow::Result<Vec<Finding>> {
    let mut links: BTreeMap<&str, &str> = BTreeMap::new();
    for (file, entry) in &written.entries {
        let bodies = std::iter::once(&entry.body).chain(entry.translations.iter().map(|block| &block.body));
        let shown = bodies.flat_map(RichText::runs).filter_map(|run| run.link.as_deref());
        for link in shown.chain([entry.canonical_url.as_str()]) {
            // One page, however many of its places are linked.
            links.entry(link.split('#').next().unwrap_or(link)).or_insert(file);
        }
    }
    let mut findings = Vec::new();
    let all = links.len();
    for (n, (link, file)) in links.into_iter().enumerate() {
        out::hint(format!("{} of {all}: {link}", n + 1));
        if let Some((severity, reason, remedy)) = ask(link).await? {
            let (file, line) = named(written, file, link);
            findings.push(Finding { rule: Rule::L5, severity, file, line, reason, remedy: remedy.to_owned() });
        }
    }
    Ok(findings)
}

/// Where a link stands: in the facts table, if it is one of its facts.
fn named(written: &Written, file: &str, link: &str) -> (String, usize) {
    let facts = written.facts.iter().find(|(_, fact)| fact.link().is_some_and(|url| url.starts_with(link)));
    let table = written.texts.keys().find(|name| name.ends_with(townkeeper_knowledge::facts::FILE));
    match (facts, table) {
        (Some((_, fact)), Some(table)) => (table.clone(), fact.line),
        _ => (file.to_owned(), written.line(file, link, 1)),
    }
}

async fn ask(link: &str) -> anyhow::Result<Option<(Severity, String, &'static str)>> {
    let Ok(url) = Url::parse(link) else {
        return Ok(Some((Severity::Error, format!("`{link}` is no address"), "correct it")));
    };
    let hosts = url.host_str().map(str::to_owned).into_iter().collect();
    let fetcher = Fetcher::new(Rules {
        hosts,
        types: &["text/html", "application/xhtml+xml"],
        bytes: PAGE,
        within: townkeeper_fetch::TOTAL,
    })?;
    Ok(match fetcher.get(&url).await {
        // It is there; what it is does not matter.
        Ok(_) | Err(FetchError::Type { .. } | FetchError::Size { .. }) => None,
        Err(FetchError::Host { host }) => Some((
            Severity::Error,
            format!("{link} sends people on to {host}"),
            "find out who has that page now; link to its new address if it is yours",
        )),
        Err(error @ FetchError::Status { status: 404 | 410, .. }) => {
            Some((Severity::Error, error.to_string(), "link to where the page is now, or take the link out"))
        }
        Err(error) => Some((Severity::Warning, error.to_string(), "look at the page; try again later if it is there")),
    })
}
