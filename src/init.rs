//! `townkeeper init`: a new installation by a few questions (agent, model, answers, account, where it runs), each with a
//! default and each answerable by a flag. Overwrites nothing; secrets go into files of their own, readable by their owner.

use std::fs::{self, File};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use toml::Value;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::keys::Keyring;

use crate::cli::{Place, check};
use crate::{knowledge, out, serve, settings};

/// `townkeeper init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to set it up; made if it is not there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// The name people see
    #[arg(long)]
    name: Option<String>,
    /// The vendor of a model
    #[arg(long)]
    provider: Option<Vendor>,
    /// The vendor's name of the model
    #[arg(long)]
    model: Option<String>,
    /// Where a `compatible` API begins
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// File that holds the model's key; it is copied
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// What to answer from
    #[arg(long)]
    answers: Option<Answers>,
    /// File that holds a Telegram bot's token; it is copied
    #[arg(long, value_name = "FILE")]
    telegram_token_file: Option<String>,
    /// File that holds a Discord bot's token; it is copied
    #[arg(long, value_name = "FILE")]
    discord_token_file: Option<String>,
    /// Where it will run
    #[arg(long)]
    deploy: Option<Deploy>,
    /// Ask nothing: the default for whatever no flag says
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Vendor {
    None,
    Ollama,
    #[value(name = "openai")]
    OpenAi,
    #[value(name = "openrouter")]
    OpenRouter,
    Anthropic,
    Compatible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answers {
    /// The sample community's, to be changed one by one
    Sample,
    /// A single one, as a pattern for yours
    One,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deploy {
    Here,
    Systemd,
    Docker,
}

/// What was answered.
struct Plan {
    name: String,
    model: Option<Model>,
    answers: Answers,
    telegram: Option<String>,
    discord: Option<String>,
    deploy: Deploy,
}

struct Model {
    vendor: Vendor,
    name: String,
    base_url: Option<String>,
    key: Option<String>,
}

/// Asks, writes, checks, and says how to go on.
pub(crate) fn init(place: &Place, args: InitArgs) -> anyhow::Result<ExitCode> {
    let dir = args.dir.clone();
    vacant(&dir)?;
    let plan = plan(args)?;
    write(&dir, &plan)?;
    out::line("");
    let files = if dir == Path::new(".") { String::new() } else { format!(" in {}", dir.display()) };
    out::line(format!(
        "Written{files}: townkeeper.toml, answers/{}",
        if plan.has_secrets() { ", secrets/" } else { "" }
    ));
    // Paths in the file are as from its folder.
    std::env::set_current_dir(&dir).with_context(|| format!("cannot enter {}", dir.display()))?;
    check(&Place { config: Some(PathBuf::from(FILE)), data: place.data.clone(), workspace: None })?;
    if plan.deploy == Deploy::Here {
        signing_key(place)?;
    }
    go_on(&dir, plan.deploy);
    Ok(ExitCode::SUCCESS)
}

/// The key that signs for this community, in the data folder, unless there is one. Elsewhere the first start makes it.
fn signing_key(place: &Place) -> anyhow::Result<()> {
    let data = settings::data_folder(place)?;
    serve::make_folder(&data)?;
    let now_ms = Clock::system().now_ms();
    let keys = Keyring::open(&data, settings::credentials_folder().as_deref(), now_ms)?;
    if let Some(key) = keys.published(now_ms).first() {
        out::line(format!("Your community signs with {} (its secret is in {}).", key.key, data.display()));
    }
    Ok(())
}

const FILE: &str = "townkeeper.toml";

/// Nothing that would be written may be there.
fn vacant(dir: &Path) -> anyhow::Result<()> {
    for name in [FILE, "answers", "secrets"] {
        let path = dir.join(name);
        if path.exists() {
            bail!("{} is there already, and nothing is overwritten; choose another --dir", path.display());
        }
    }
    Ok(())
}

fn go_on(dir: &Path, deploy: Deploy) {
    let enter = if dir == Path::new(".") { String::new() } else { format!("cd {} && ", dir.display()) };
    out::line("Next:");
    match deploy {
        Deploy::Here => {
            out::line(format!("  {enter}townkeeper serve"));
            out::line(format!("  {enter}townkeeper doctor   # in a second terminal"));
        }
        Deploy::Systemd => {
            out::line(format!("  {enter}townkeeper doctor"));
            out::line("  less deploy/townkeeper.service   # its first lines install it");
        }
        Deploy::Docker => {
            out::line(format!("  {enter}townkeeper doctor"));
            out::line("  docker compose -f deploy/compose.yaml up -d --build");
        }
    }
}

fn plan(args: InitArgs) -> anyhow::Result<Plan> {
    let ask = Ask { silent: args.yes };
    if !args.yes {
        out::line("A few questions; Enter takes what stands in brackets.");
    }
    let name = ask.text("What should people call your keeper?", args.name, "Townkeeper")?;
    let vendor = ask.choice("Which model, for what your answers do not hold?", args.provider, Vendor::None)?;
    let model = model(&ask, vendor, args.model, args.base_url, args.key_file)?;
    let answers = ask.choice("Which answers to begin with?", args.answers, Answers::Sample)?;
    let telegram = match args.telegram_token_file {
        Some(file) => Some(copied("--telegram-token-file", &file)?),
        None => ask.secret("A Telegram bot's token, from @BotFather?")?,
    };
    let discord = match args.discord_token_file {
        Some(file) => Some(copied("--discord-token-file", &file)?),
        None => ask.secret("A Discord bot's token, from discord.com/developers/applications?")?,
    };
    let deploy = ask.choice("Where will it run?", args.deploy, Deploy::Here)?;
    Ok(Plan { name, model, answers, telegram, discord, deploy })
}

fn model(
    ask: &Ask,
    vendor: Vendor,
    model: Option<String>,
    base_url: Option<String>,
    key_file: Option<String>,
) -> anyhow::Result<Option<Model>> {
    let usual = match vendor {
        Vendor::None => return Ok(None),
        Vendor::Ollama => "llama3.2",
        Vendor::OpenAi => "gpt-4o-mini",
        Vendor::OpenRouter => "openai/gpt-4o-mini",
        Vendor::Anthropic => "claude-haiku-4-5",
        Vendor::Compatible => "default",
    };
    let model = ask.text("Its name at the vendor?", model, usual)?;
    let base_url = match vendor {
        Vendor::Compatible => Some(ask.text("Where does its API begin?", base_url, "http://127.0.0.1:8080/v1")?),
        _ => base_url,
    };
    let key = match key_file {
        Some(file) => Some(copied("--key-file", &file)?),
        None if vendor == Vendor::Ollama => None,
        None => ask.secret("Its key?")?,
    };
    if key.is_none() && matches!(vendor, Vendor::OpenAi | Vendor::OpenRouter | Vendor::Anthropic) {
        bail!("{} needs a key: --key-file FILE, or answer the question", name_of(&vendor));
    }
    Ok(Some(Model { vendor, name: model, base_url, key }))
}

fn copied(flag: &str, file: &str) -> anyhow::Result<String> {
    Ok(secrecy::ExposeSecret::expose_secret(&settings::secret(flag, file)?).to_owned())
}

/// A choice as it is typed.
fn name_of<T: ValueEnum>(choice: &T) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Asks at the terminal, or takes defaults.
struct Ask {
    silent: bool,
}

impl Ask {
    fn text(&self, question: &str, given: Option<String>, default: &str) -> anyhow::Result<String> {
        if let Some(given) = given {
            return Ok(given);
        }
        if self.silent {
            return Ok(default.to_owned());
        }
        let said = line(&format!("{question} [{default}] "))?;
        Ok(if said.is_empty() { default.to_owned() } else { said })
    }

    fn choice<T: ValueEnum + Copy>(&self, question: &str, given: Option<T>, default: T) -> anyhow::Result<T> {
        if let Some(given) = given {
            return Ok(given);
        }
        let names: Vec<String> = T::value_variants().iter().map(name_of).collect();
        let names = names.join(", ");
        loop {
            let said = self.text(&format!("{question} {names}"), None, &name_of(&default))?;
            match T::from_str(&said, true) {
                Ok(choice) => return Ok(choice),
                Err(_) => out::line(format!("  Please one of: {names}")),
            }
        }
    }

    /// A secret, or nothing. Not shown while it is typed.
    fn secret(&self, question: &str) -> anyhow::Result<Option<String>> {
        if self.silent {
            return Ok(None);
        }
        let terminal = std::io::stdin().is_terminal();
        if terminal {
            echo(false);
        }
        let said = line(&format!("{question} [none] "));
        if terminal {
            echo(true);
            out::line("");
        }
        Ok(Some(said?).filter(|said| !said.is_empty()))
    }
}

/// Whether the terminal shows what is typed. Where that cannot be set, it is shown.
fn echo(on: bool) {
    Command::new("stty").arg(if on { "echo" } else { "-echo" }).stderr(Stdio::null()).status().ok();
}

fn line(question: &str) -> anyhow::Result<String> {
    out::part(question);
    let mut said = String::new();
    if std::io::stdin().lock().read_line(&mut said).context("cannot read your answer")? == 0 {
        bail!("nobody answers; use flags and --yes (see `townkeeper init --help`)");
    }
    Ok(said.trim().to_owned())
}

impl Plan {
    fn has_secrets(&self) -> bool {
        self.telegram.is_some()
            || self.discord.is_some()
            || self.model.as_ref().is_some_and(|model| model.key.is_some())
    }

    fn toml(&self) -> String {
        let text = |text: &str| Value::String(text.to_owned()).to_string();
        let mut toml = format!(
            "# Made by `townkeeper init`. Every other setting: config/townkeeper.example.toml in the sources, or\n\
             # `townkeeper config show`.\n\n[agent]\nname = {}\n\n[knowledge]\nfolder = \"answers\"\n",
            text(&self.name)
        );
        if matches!(self.answers, Answers::Sample) {
            toml.push_str(
                "# The sample answers were measured; delete this line when yours take their place:\nmeasured = true\n",
            );
        }
        if let Some(model) = &self.model {
            let (kind, name) = (name_of(&model.vendor), text(&model.name));
            toml.extend(["\n[[provider]]\nkind = \"", &kind, "\"\nmodel = ", &name, "\n"]);
            if let Some(url) = &model.base_url {
                toml.extend(["base_url = ", &text(url), "\n"]);
            }
            if model.key.is_some() {
                toml.push_str("api_key_file = \"secrets/model.key\"\n");
            }
        }
        toml.push_str(
            "\n[shield]\n# The names that people know you by, the project and its token: by them the shield sees look-alikes.\n\
             # Without this line: what the agent's name and the base say.\n# brands = [\"Lumen\", \"LUM\"]\n",
        );
        for (platform, token, places) in
            [("telegram", &self.telegram, "Groups wait"), ("discord", &self.discord, "Servers wait")]
        {
            if token.is_some() {
                let file = format!("\ntoken_file = \"secrets/{platform}.token\"\n# {places}");
                toml.extend(["\n[[account]]\nplatform = \"", platform, "\"\nname = \"main\"", &file]);
                toml.push_str(" for a moderator's /keeper link; this answers in all of them:\n# groups = \"any\"\n");
            }
        }
        toml
    }
}

/// Everything, each file only where there is none.
fn write(dir: &Path, plan: &Plan) -> anyhow::Result<()> {
    let folder = |path: &Path, mode: u32| {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(mode);
        builder.create(path).with_context(|| format!("cannot make {}", path.display()))
    };
    folder(&dir.join("answers"), 0o755)?;
    let answers = match plan.answers {
        Answers::Sample => knowledge::sample_files(),
        Answers::One => vec![("first-answer.md".to_owned(), include_str!("../config/first-answer.md"))],
    };
    for (name, text) in answers {
        new_file(&dir.join("answers").join(name), text, 0o644)?;
    }
    let key = plan.model.as_ref().and_then(|model| model.key.as_ref());
    let secrets =
        [("model.key", key), ("telegram.token", plan.telegram.as_ref()), ("discord.token", plan.discord.as_ref())];
    if plan.has_secrets() {
        folder(&dir.join("secrets"), 0o700)?;
    }
    for (name, secret) in secrets {
        if let Some(secret) = secret {
            new_file(&dir.join("secrets").join(name), &format!("{secret}\n"), 0o600)?;
        }
    }
    // Last: a folder with this file in it is complete.
    new_file(&dir.join(FILE), &plan.toml(), 0o644)
}

fn new_file(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let unable = || format!("cannot write {}", path.display());
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path).with_context(unable)?;
    file.write_all(text.as_bytes()).with_context(unable)
}
