//! The configuration: defaults, then the file, then the environment (`TOWNKEEPER__WEB__LISTEN`), then flags.
//!
//! Each section is typed where it is used; sections of adapters and providers are handed on as they are. Unknown keys
//! are refused with their line and the nearest name. No secret stands in here: files and variables that hold one are
//! named, and read when they are needed.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use townkeeper_contract::place::PlaceWho;
use townkeeper_core::places::Groups;
use townkeeper_engine::door::Rate;
use townkeeper_providers::ProviderConfig;

use crate::agent::{AgentSection, BudgetSection, FloodSection};
use crate::backup::BackupSection;
use crate::cli::Place;
use crate::database::StoreSection;
use crate::guarding::ShieldSection;
use crate::knowledge::KnowledgeSection;
use crate::retention::RetentionSection;
use crate::workspaces::{FeaturesSection, WorkspaceSection};
use crate::{out, workspaces};

/// What a start without a configuration file uses.
const HELLO: &str = include_str!("../config/hello.toml");

/// The file that is used if there is one and no other is named.
const FILE: &str = "townkeeper.toml";

/// Variables with this prefix set values: `TOWNKEEPER__SECTION__KEY`.
const PREFIX: &str = "TOWNKEEPER__";

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    pub(crate) web: WebSection,
    #[serde(default)]
    pub(crate) agent: AgentSection,
    #[serde(default)]
    pub(crate) budget: BudgetSection,
    #[serde(default)]
    pub(crate) flood: FloodSection,
    #[serde(default)]
    pub(crate) knowledge: KnowledgeSection,
    #[serde(default)]
    pub(crate) shield: ShieldSection,
    #[serde(default)]
    pub(crate) store: StoreSection,
    #[serde(default)]
    pub(crate) log: LogSection,
    #[serde(default)]
    pub(crate) backup: BackupSection,
    #[serde(default)]
    pub(crate) retention: RetentionSection,
    /// Model vendors, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) provider: Vec<ProviderConfig>,
    /// Further workspaces, where `[features] multi_workspace` is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) workspace: Vec<WorkspaceSection>,
    #[serde(default)]
    pub(crate) features: FeaturesSection,
    /// Bot accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) account: Vec<AccountSection>,
    #[serde(skip)]
    pub(crate) data: PathBuf,
    #[serde(skip)]
    origins: Vec<(&'static str, Table)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebSection {
    /// Address and port.
    pub(crate) listen: String,
    /// Where people reach the pages from elsewhere, like `https://keeper.example.org`. Empty: nowhere but here.
    pub(crate) url: String,
    /// Names under which the daemon may be reached, beside that of `url`, `localhost` and addresses.
    pub(crate) hosts: Vec<String>,
    /// Addresses of proxies on other machines whose `X-Forwarded-For` is believed; those on this machine are anyway.
    pub(crate) proxies: Vec<IpAddr>,
    /// Below the title of the page.
    pub(crate) intro: String,
    /// Example questions on an empty page.
    pub(crate) suggestions: Vec<String>,
    /// Whom to tell of a weakness, as `mailto:…` or `https://…`; shown at `/.well-known/security.txt`.
    pub(crate) security_contact: String,
}

impl Default for WebSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7420".to_owned(),
            url: String::new(),
            hosts: Vec::new(),
            proxies: Vec::new(),
            intro: "Answers that the team has reviewed, or an honest “I don't know”.".to_owned(),
            suggestions: Vec::new(),
            security_contact: String::new(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSection {
    /// `error`, `warn`, `info`, `debug`, or a filter like `info,townkeeper_engine=debug`.
    pub(crate) level: String,
    /// One JSON object a line, for collectors.
    pub(crate) json: bool,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

/// One `[[account]]`. Keys beyond these are the adapter's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccountSection {
    pub(crate) platform: String,
    pub(crate) name: String,
    /// File that holds the bot's token.
    pub(crate) token_file: String,
    /// Whose it is.
    #[serde(default = "main_workspace")]
    pub(crate) workspace: String,
    /// Which groups and channels are answered: those that a moderator linked (the default), or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Groups>,
    /// Who may set it up in a place: `platform` (the default: also who moderates the place), or `roles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moderators: Option<PlaceWho>,
    /// Ceilings of its own, where they are others than its platform publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Rate>,
    #[serde(flatten)]
    pub(crate) own: Table,
}

fn main_workspace() -> String {
    workspaces::MAIN.to_owned()
}

impl Settings {
    /// Reads and checks everything. `listen` is the flag of `serve`.
    pub(crate) fn load(place: &Place, listen: Option<String>) -> anyhow::Result<Self> {
        let (name, text) = source(place)?;
        // Once for itself, so that a fault is shown at its line of the file.
        toml::from_str::<Self>(&text).map_err(|error| explain(&name, &text, &error))?;
        let file: Table = toml::from_str(&text).map_err(|error| explain(&name, &text, &error))?;
        let environment = environment()?;
        let mut flags = Table::new();
        if let Some(listen) = listen {
            flags.insert("web".to_owned(), Value::Table(Table::from_iter([("listen".to_owned(), listen.into())])));
        }
        let mut merged = file.clone();
        merge(&mut merged, &environment);
        merge(&mut merged, &flags);
        let mut settings: Self = merged
            .try_into()
            .map_err(|error: toml::de::Error| anyhow!("the environment ({PREFIX}…): {}", advise(error.message())))?;
        let place_of_file = if place.config.is_some() || Path::new(FILE).exists() { "file" } else { "built-in" };
        settings.origins = vec![("flag", flags), ("environment", environment), (place_of_file, file)];
        settings.data = data_folder(place)?;
        Ok(settings)
    }

    /// Every file that holds a secret, by the settings that name them (`…_file`, at any depth).
    pub(crate) fn secret_files(&self) -> Vec<String> {
        let mut rows = Vec::new();
        if let Ok(table) = Table::try_from(self) {
            leaves("", &Value::Table(table), &mut rows);
        }
        let named = rows.into_iter().filter(|(path, _)| path.ends_with("_file"));
        named.filter_map(|(_, value)| value.as_str().map(ToOwned::to_owned)).collect()
    }

    /// The model vendors, with their keys read.
    pub(crate) fn providers(&self) -> anyhow::Result<Vec<(ProviderConfig, Option<SecretString>)>> {
        self.provider.iter().map(|config| Ok((config.clone(), key(config)?))).collect()
    }

    /// Prints every value with its origin. There is no secret among them.
    pub(crate) fn show(&self, json: bool) -> anyhow::Result<()> {
        let effective = Table::try_from(self).context("the configuration cannot be shown")?;
        let mut rows = Vec::new();
        leaves("", &Value::Table(effective), &mut rows);
        if json {
            let rows = rows.iter().map(|(path, value)| (path.clone(), (value.to_string(), self.origin(path))));
            return out::json(&rows.collect::<std::collections::BTreeMap<_, _>>());
        }
        out::line(format!("{:<40} {}", "data", self.data.display()));
        for (path, value) in rows {
            out::line(format!("{path:<40} {value}  # {}", self.origin(&path)));
        }
        Ok(())
    }

    fn origin(&self, path: &str) -> &'static str {
        let set = self.origins.iter().find(|(_, table)| reach(table, path));
        set.map_or("default", |(name, _)| name)
    }
}

/// The file's name and text.
fn source(place: &Place) -> anyhow::Result<(String, String)> {
    let path = match &place.config {
        Some(path) => path.clone(),
        None if Path::new(FILE).exists() => PathBuf::from(FILE),
        None => return Ok(("built-in settings".to_owned(), HELLO.to_owned())),
    };
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read the configuration {}", path.display()))?;
    Ok((path.display().to_string(), text))
}

/// The configuration file as it is written; `None` where the built-in settings are used.
pub(crate) fn text(place: &Place) -> anyhow::Result<Option<String>> {
    let built_in = place.config.is_none() && !Path::new(FILE).exists();
    Ok(if built_in { None } else { Some(source(place)?.1) })
}

/// Where data lies: the flag or `TOWNKEEPER_DATA`, else the platform's place for it.
pub(crate) fn data_folder(place: &Place) -> anyhow::Result<PathBuf> {
    match &place.data {
        Some(folder) => Ok(folder.clone()),
        None => dirs::data_dir()
            .map(|folder| folder.join("townkeeper"))
            .context("there is no home directory for data; name a folder with --data or TOWNKEEPER_DATA"),
    }
}

/// Where the service manager has put secrets for us, if it has.
pub(crate) fn credentials_folder() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

fn environment() -> anyhow::Result<Table> {
    let mut table = Table::new();
    for (name, text) in std::env::vars_os() {
        let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else { continue };
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let value = text.parse::<Value>().unwrap_or_else(|_| Value::String(text.to_owned()));
        let mut keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        let Some(last) = keys.pop().filter(|key| !key.is_empty()) else { bail!("{name} names no setting") };
        let mut at = &mut table;
        for key in keys {
            let next = at.entry(key).or_insert_with(|| Value::Table(Table::new()));
            at = next.as_table_mut().with_context(|| format!("{name} reaches into a setting that is no section"))?;
        }
        at.insert(last, value);
    }
    Ok(table)
}

fn merge(into: &mut Table, over: &Table) {
    for (key, value) in over {
        match (into.get_mut(key), value) {
            (Some(Value::Table(into)), Value::Table(over)) => merge(into, over),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// A secret from a file named in the configuration.
pub(crate) fn secret(setting: &str, file: &str) -> anyhow::Result<SecretString> {
    let text = fs::read_to_string(file).with_context(|| {
        format!("cannot read {file} ({setting}); check that it exists and that this user may read it")
    })?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{file} ({setting}) is empty; write the secret into it");
    }
    Ok(SecretString::from(text.to_owned()))
}

fn key(config: &ProviderConfig) -> anyhow::Result<Option<SecretString>> {
    secret_of("[[provider]] api_key", config.api_key_file.as_deref(), config.api_key_env.as_deref())
}

/// A secret from a file or from a variable, whichever is named; `setting` is the name without `_file` and `_env`.
pub(crate) fn secret_of(
    setting: &str,
    file: Option<&str>,
    variable: Option<&str>,
) -> anyhow::Result<Option<SecretString>> {
    match (file, variable) {
        (Some(file), _) => Ok(Some(secret(&format!("{setting}_file"), file)?)),
        (None, Some(name)) => {
            #[expect(clippy::disallowed_methods, reason = "settings read the environment; this is their module")]
            let value =
                std::env::var(name).with_context(|| format!("the variable {name} ({setting}_env) is not set"))?;
            Ok(Some(SecretString::from(value)))
        }
        (None, None) => Ok(None),
    }
}

/// A fault of the file: its place, what is wrong, and the nearest name.
fn explain(name: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or_else(|| line_of(text, error.message()), |before| before.matches('\n').count() + 1);
    anyhow!("{name}:{line}: {}", advise(error.message()))
}

/// A key found deep inside a list carries no place; then it is looked for by its name.
fn line_of(text: &str, message: &str) -> usize {
    let key = message.split('`').nth(1).unwrap_or_default();
    let at = text.lines().position(|line| line.trim_start().starts_with(key));
    at.filter(|_| !key.is_empty()).map_or(1, |at| at + 1)
}

/// A parser's message, with the nearest of the names it expected.
pub(crate) fn advise(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let given = names.next().unwrap_or_default();
    let nearest = names.map(|name| (strsim::damerau_levenshtein(given, name), name)).min();
    let message = message.trim_end().replace('\n', "; ");
    match nearest.filter(|(distance, _)| *distance <= 3) {
        Some((_, name)) if message.starts_with("unknown field") => {
            format!("unknown key `{given}`; did you mean `{name}`?")
        }
        _ => message.replace("unknown field", "unknown key"),
    }
}

fn leaves(path: &str, value: &Value, rows: &mut Vec<(String, Value)>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| leaves(&join(key), value, rows)),
        Value::Array(items) if items.iter().any(Value::is_table) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(&join(&at.to_string()), item, rows));
        }
        leaf => rows.push((path.to_owned(), leaf.clone())),
    }
}

fn reach(table: &Table, path: &str) -> bool {
    let mut keys = path.split('.');
    let mut at = keys.next().and_then(|key| table.get(key));
    for key in keys {
        at = match at {
            Some(Value::Table(table)) => table.get(key),
            Some(Value::Array(items)) => key.parse().ok().and_then(|n: usize| items.get(n)),
            _ => None,
        };
    }
    at.is_some()
}
