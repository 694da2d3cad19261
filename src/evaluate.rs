//! What the canonical base is worth: `knowledge eval` measures one with labelled questions, `knowledge report` says what
//! it promises and which entries are taken for each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use townkeeper_core::say;
use townkeeper_knowledge::eval::{Found, Query, Row, Summary, rows};
use townkeeper_knowledge::{Base, Entry, Evidence, Report};

use crate::cli::Place;
use crate::settings::Settings;
use crate::{knowledge, out, vectors};

/// `townkeeper knowledge eval`.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Entries, one a line: {"id", "question", "variants": […], "answer"}
    #[arg(long, value_name = "FILE")]
    base: PathBuf,
    /// Questions, one a line: {"q", "entry"}; an entry of null is none of ours, "oos" says how far ("near", "far")
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Word vectors as text, summed with the words: "word 0.1 -0.2 …" a line
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// One line for each question, and the summary last
    #[arg(long)]
    json: bool,
}

/// `townkeeper knowledge report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Entries, one a line [default: the configured base]
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Word vectors as text [default: those of [knowledge.vectors] table, for the configured base]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

/// The last line of `eval --json`.
#[derive(Serialize)]
struct Measured {
    #[serde(flatten)]
    summary: Summary,
    lookup_p50_us: f64,
    lookup_p99_us: f64,
    build_s: f64,
    /// The most memory this process ever had; none where the system does not say.
    peak_mb: Option<f64>,
    /// Whether vectors were summed in: a table that proves less than the words alone is left aside.
    hybrid: bool,
}

#[derive(Serialize)]
struct Last<'a> {
    summary: &'a Measured,
}

pub(crate) fn eval(args: &Eval) -> anyhow::Result<ExitCode> {
    let queries: Vec<Query> = read(&args.queries)?;
    let table = args.table.as_deref().map(vectors::table).transpose()?;
    let started = Instant::now();
    let base = load(&args.base)?;
    table.as_ref().map(|table| vectors::sum_in(&base, table)).transpose()?;
    let build_s = started.elapsed().as_secs_f64();
    let (mut found, mut micros) = (Vec::with_capacity(queries.len()), Vec::with_capacity(queries.len()));
    for query in &queries {
        let started = Instant::now();
        let vector = table.as_ref().and_then(|table| base.mean_of(table, &query.q));
        let lookup = base.look_up_with(&query.q, vector.as_ref());
        micros.push(started.elapsed().as_secs_f64() * 1e6);
        found.push(Found::new(query, &lookup));
    }
    micros.sort_by(f64::total_cmp);
    let at = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
    let measured = Measured {
        summary: Summary::new(&base, &queries, &found),
        lookup_p50_us: at(50),
        lookup_p99_us: at(99),
        build_s,
        peak_mb: peak_mb(),
        hybrid: base.is_hybrid(),
    };
    if args.json {
        found.iter().try_for_each(out::json)?;
        out::json(&Last { summary: &measured })?;
    } else {
        say(&measured, &base);
    }
    Ok(ExitCode::SUCCESS)
}

fn say(measured: &Measured, base: &Base) {
    let Measured { summary: of, lookup_p50_us, lookup_p99_us, build_s, peak_mb, hybrid } = measured;
    out::line(format!("look-up       by {}", if *hybrid { "words and vectors" } else { "words" }));
    out::line(format!("entries       {}; {}", of.entries, say::promise(&base.calibration().all)));
    out::line(format!("in scope      {}: first {:.3}, among three {:.3}", of.in_scope, of.top1, of.top3));
    for (far, auroc) in &of.auroc {
        out::line(format!("out of scope  {far}: AUROC {auroc:.3}"));
    }
    let precision = of.achieved_precision.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
    out::line(format!(
        "answered      {}: precision {precision}, coverage {:.3}; suggested {}, abstained {}",
        of.answered, of.coverage, of.suggested, of.abstained
    ));
    let peak = peak_mb.map_or_else(String::new, |peak| format!("; peak memory {peak:.0} MB"));
    out::line(format!(
        "look-up       p50 {lookup_p50_us:.1} us, p99 {lookup_p99_us:.1} us; built in {build_s:.2} s{peak}"
    ));
}

pub(crate) fn report(place: &Place, args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let (base, configured) = if let Some(file) = &args.base {
        (load(file)?, None)
    } else {
        let section = Settings::load(place, None)?.knowledge;
        (knowledge::load(&section)?, section.vectors)
    };
    let configured_table = configured.as_ref().and_then(|vectors| vectors.table.as_ref().map(PathBuf::from));
    if let Some(file) = args.table.as_ref().or(configured_table.as_ref()) {
        vectors::sum_in(&base, &vectors::table(file)?)?;
    }
    let report = Report::new(&base);
    if args.json {
        out::json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    out::line(format!(
        "{} entries, {} questions: held out, {:.1} % find their entry, {:.1} % among the first three.",
        report.entries,
        report.questions,
        100.0 * report.first,
        100.0 * report.among_three
    ));
    out::line(match (base.is_hybrid(), base.dims(), configured.is_some_and(|vectors| vectors.table.is_none())) {
        (true, ..) => "Looked up by words and vectors.",
        (false, Some(_), _) => "Looked up by words: with these vectors less is proven.",
        (false, None, true) => {
            "Looked up by words; a server's vectors are the daemon's: `townkeeper doctor` says if it has them."
        }
        (false, None, false) => "Looked up by words.",
    });
    for (name, certainty) in [("All", &report.all), ("Safety", &report.safety), ("Routine", &report.routine)] {
        out::line(format!("{name:<8} {}", say::promise(certainty)));
    }
    for confusion in &report.confusions {
        let (entry, by, count) = (&confusion.entry, &confusion.taken_by, confusion.questions.len());
        let example = confusion.questions.first().map(String::as_str).unwrap_or_default();
        out::line(format!(
            "{by} takes {count} of {entry} ({} answered), as \"{}\"",
            confusion.answered,
            out::words(example)
        ));
    }
    for entry in &report.unreachable {
        out::line(format!("{entry}: none of its own questions finds it; give it more variants"));
    }
    Ok(ExitCode::SUCCESS)
}

fn load(file: &Path) -> anyhow::Result<Base> {
    let name = file.display().to_string();
    let entries = read::<Row>(file)?.into_iter().map(|row| (name.clone(), Entry::from(row))).collect();
    knowledge::build(entries, Evidence::Own)
}

fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Ok(rows(&name, &text)?)
}

fn peak_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
