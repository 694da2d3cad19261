//! `townkeeper shield`: train the text model, judge messages from a file, measure verdicts against labels.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use townkeeper_shield::facts::Staff;
use townkeeper_shield::model::train::{Aim, Counts, Example, Measured, Source, train};
use townkeeper_shield::policy::{Policy, Shadows};
use townkeeper_shield::{Action, Folded, Model, Shield, Verdict, Weights};

use crate::cases::{DecideCase, ListCases};
use crate::cli::Place;
use crate::corpus::Row;
use crate::settings::Settings;
use crate::{cases, knowledge, out, patterns, policy, public_lists};

#[derive(Debug, Subcommand)]
pub(crate) enum ShieldCommand {
    /// Train the text model; the same corpus gives the same bytes
    Train(Train),
    /// Judge messages, one a line: {"id", "text"}, and perhaps author, channel, reply, edit, quoted
    Scan(Scan),
    /// Measure verdicts against labels: precision, recall, F1, false positives, by source
    Eval(Eval),
    /// What the running daemon found, newest first
    Cases(ListCases),
    /// Say what a case is, or take that back
    Decide(DecideCase),
    /// What moderators look for, besides what the shield knows: regular expressions
    Patterns(patterns::Patterns),
    /// What is done about what, where and to whom, and what each threshold means now
    Policy(policy::ShowPolicy),
    /// Public lists of bad hosts: which are used, under which licence, how old
    Lists(public_lists::Lists),
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Labelled lines {"id", "text", "label", "source"}: files, or folders of *.jsonl
    #[arg(long, required = true, num_args = 1.., value_name = "DIR")]
    corpus: Vec<PathBuf>,
    /// Where the model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How much a line of a source counts [default: 1]; may be given again
    #[arg(long = "weight", value_name = "SOURCE=WEIGHT", value_parser = weight)]
    weights: Vec<(String, f32)>,
    /// The source whose clean lines the threshold is set by [default: all]
    #[arg(long, value_name = "SOURCE")]
    aim: Option<String>,
    /// The share of them that may be flagged
    #[arg(long, default_value_t = 0.0075, value_name = "SHARE")]
    fpr: f64,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The messages; - is standard input
    #[arg(long, default_value = "-", default_missing_value = "-", num_args = 0..=1, value_name = "FILE")]
    jsonl: PathBuf,
    #[command(flatten)]
    by: By,
}

/// What is judged by: the configured base and `[shield]`, and what is named here.
#[derive(Debug, Args)]
struct By {
    /// A name that we go by, besides those of `[shield]`; may be given again
    #[arg(long = "brand", value_name = "NAME")]
    brands: Vec<String>,
    /// A host of ours, besides those of the base; may be given again
    #[arg(long = "ours", value_name = "HOST")]
    hosts: Vec<String>,
    /// An address of ours, besides those of the base; may be given again
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// What somebody of the team is called; may be given again
    #[arg(long = "staff", value_name = "NAME")]
    staff: Vec<String>,
    /// Another text model than the one that comes with Townkeeper
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Labelled lines: files, or folders of *.jsonl
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    corpus: Vec<PathBuf>,
    #[command(flatten)]
    by: By,
    #[arg(long)]
    json: bool,
}

/// One line of `scan`.
#[derive(Serialize)]
struct Scanned<'a> {
    id: &'a serde_json::Value,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// The figures of `eval`.
#[derive(Serialize)]
struct Evaluated {
    sources: BTreeMap<String, Source>,
    all: Source,
}

pub(crate) async fn run(place: &Place, command: ShieldCommand) -> anyhow::Result<ExitCode> {
    match command {
        ShieldCommand::Train(args) => train_model(&args)?,
        ShieldCommand::Scan(args) => scan(&args, &Judge::new(place, &args.by)?)?,
        ShieldCommand::Eval(args) => eval(&args, &Judge::new(place, &args.by)?)?,
        ShieldCommand::Cases(asked) => return cases::list(place, asked).await,
        ShieldCommand::Decide(asked) => return cases::decide(place, asked).await,
        ShieldCommand::Patterns(asked) => return patterns::run(place, asked).await,
        ShieldCommand::Policy(asked) => return policy::run(place, asked).await,
        ShieldCommand::Lists(asked) => return public_lists::run(place, asked).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that judges one message by itself: what is ours, lists, words, and what the policy makes of it where it stands.
/// What others wrote before is not looked at, nor how a community's own messages score.
struct Judge {
    shield: Shield,
    model: Model,
    policy: Policy,
}

impl Judge {
    fn new(place: &Place, by: &By) -> anyhow::Result<Self> {
        let settings = Settings::load(place, None)?;
        let base = knowledge::load(&settings.knowledge)?;
        let mut guarding = settings.shield.guarding(&settings.agent.name, &base, &std::sync::Arc::default())?;
        guarding.brands.extend(by.brands.iter().cloned());
        let team = guarding.names.iter().chain(&by.staff);
        let staff = team.map(|name| Staff { names: vec![name.clone()], ..Staff::default() }).collect();
        let mut facts = guarding.facts(&base, staff);
        facts.hosts.extend(by.hosts.iter().cloned());
        facts.addresses.extend(by.addresses.iter().cloned());
        let shield = Shield::new(&facts, guarding.lists, Weights::default());
        Ok(Self { shield, model: model(by.model.as_deref())?, policy: guarding.policy })
    }

    fn judge(&self, row: &Row) -> Verdict {
        let message = row.message();
        let folded = Folded::new(message.text);
        let logit = (!message.text.is_empty()).then(|| self.model.logit(&folded));
        let verdict = self.shield.judge_folded(&message, &folded, logit, &[]);
        let (verdict, _) = self.policy.decide(&row.place(), &Shadows::default(), verdict);
        Verdict { threshold: None, ..verdict }
    }
}

fn train_model(args: &Train) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for file in files(&args.corpus)? {
        rows.extend(labelled(&file)?);
    }
    let examples: Vec<Example<'_>> = rows
        .iter()
        .map(|(source, scam, row)| {
            let weight = args.weights.iter().find(|(of, _)| of == source).map_or(1.0, |(_, weight)| *weight);
            Example { text: &row.text, scam: *scam, source, weight }
        })
        .collect();
    if let Some(source) = args.aim.as_deref().filter(|aim| !examples.iter().any(|example| example.source == *aim)) {
        bail!("no line of the corpus comes from {source:?}, by which the threshold is to be set");
    }
    out::hint(format!("{} lines; each of the rounds takes some seconds", examples.len()));
    let aim = Aim { false_positives: args.fpr, source: args.aim.as_deref() };
    let trained = train(&examples, &aim, |done, of| out::hint(format!("round {done} of {of}")));
    let Some(trained) = trained else { bail!("the corpus needs scams (label 1) and clean messages (label 0)") };
    fs::write(&args.out, trained.model.write()).with_context(|| format!("cannot write {}", args.out.display()))?;
    if args.json {
        return out::json(&trained.measured);
    }
    say_training(&trained.measured);
    out::line(format!("Written to {}.", args.out.display()));
    Ok(())
}

fn say_training(measured: &Measured) {
    out::line("Held out, five parts, each judged by a model that did not see it:");
    measured.sources.iter().for_each(|(name, source)| say(name, source));
    for (part, source) in measured.spread.iter().enumerate() {
        say(&format!("aim, part {}", part + 1), source);
    }
}

fn say(name: &str, of: &Source) {
    let Counts { caught, missed, false_alarms, let_pass } = of.counts;
    out::line(format!(
        "{name:<18} precision {:.3}  recall {:.3}  F1 {:.3}  FPR {:.3} %  (caught {caught}, missed {missed}, \
         false alarms {false_alarms}, let pass {let_pass})",
        of.precision,
        of.recall,
        of.f1,
        100.0 * of.fpr,
    ));
}

fn scan(args: &Scan, judge: &Judge) -> anyhow::Result<()> {
    let lines: Box<dyn BufRead> = if args.jsonl == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(open(&args.jsonl)?))
    };
    rows(lines, &args.jsonl, |_, row| {
        let verdict = judge.judge(&row);
        out::json(&Scanned { id: &row.id, verdict: &verdict })
    })
}

fn eval(args: &Eval, judge: &Judge) -> anyhow::Result<()> {
    let (mut sources, mut all) = (BTreeMap::<String, Counts>::new(), Counts::default());
    for file in files(&args.corpus)? {
        for (source, scam, row) in labelled(&file)? {
            let flagged = judge.judge(&row).action > Action::Pass;
            sources.entry(source).or_default().add(scam, flagged);
            all.add(scam, flagged);
        }
    }
    let sources = sources.into_iter().map(|(name, counts)| (name, counts.into())).collect();
    let evaluated = Evaluated { sources, all: all.into() };
    if args.json {
        return out::json(&evaluated);
    }
    evaluated.sources.iter().for_each(|(name, source)| say(name, source));
    say("all", &evaluated.all);
    Ok(())
}

fn model(file: Option<&Path>) -> anyhow::Result<Model> {
    let Some(file) = file else { return Ok(Model::shipped()?) };
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Model::read(&bytes).with_context(|| format!("cannot use {}", file.display()))
}

/// The files that are named, and those of named folders by name.
fn files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut found = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        found.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
        found.sort();
        if found.is_empty() {
            bail!("{} holds no *.jsonl", path.display());
        }
        files.extend(found);
    }
    Ok(files)
}

/// The lines of a file with their source, which is the file's name where they do not say, and their label.
fn labelled(file: &Path) -> anyhow::Result<Vec<(String, bool, Row)>> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    rows(BufReader::new(open(file)?), file, |line, row| {
        let scam = match row.label {
            Some(0) => false,
            Some(1) => true,
            _ => bail!("{}:{line}: label must be 1 (a scam) or 0", file.display()),
        };
        found.push((row.source.clone().unwrap_or_else(|| name.clone()), scam, row));
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` for every line that is not empty; a broken one is named, and nothing after it is read.
fn rows(
    lines: impl BufRead,
    file: &Path,
    mut each: impl FnMut(usize, Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (at, line) in lines.lines().enumerate() {
        let place = || format!("{}:{}", file.display(), at + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            each(at + 1, Row::read(&line).with_context(place)?)?;
        }
    }
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("cannot read {}", file.display()))
}

fn weight(given: &str) -> Result<(String, f32), String> {
    let (source, weight) = given.split_once('=').ok_or("write it as SOURCE=WEIGHT")?;
    let weight: f32 = weight.parse().map_err(|_| format!("{weight} is no number"))?;
    if weight > 0.0 && weight <= 100.0 { Ok((source.to_owned(), weight)) } else { Err("between 0 and 100".to_owned()) }
}
