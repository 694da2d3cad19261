//! The section `[shield]`: what we are called, lists of hosts, and the table of what follows where.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use townkeeper_engine::Guarding;
use townkeeper_engine::lists::Keeper;
use townkeeper_knowledge::Base;
use townkeeper_shield::Lists;
use townkeeper_shield::lists::{List, parse};
use townkeeper_shield::policy::{Policy, Row};

use crate::brands;
use crate::platforms::BUILT_IN;
use crate::public_lists::ListSection;

/// The longest list that is read, in bytes.
const CAP: u64 = 64 * 1024 * 1024;

/// What the shield goes by, besides the base and the team.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ShieldSection {
    /// The names that people know us by: the project, its token. Hosts that carry one and are not ours are seen by them.
    /// Not given: what the agent's name and the base say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) brands: Option<Vec<String>>,
    /// What our bots are called: nobody else may be.
    pub(crate) names: Vec<String>,
    /// Files of hosts that are never held against anybody: one a line.
    pub(crate) allow: Vec<String>,
    /// Files of hosts that are known to be bad: one a line, or as hosts files and JSON arrays hold them.
    pub(crate) deny: Vec<String>,
    /// Whether pictures of people who are not trusted yet are fetched and looked at, where the shield watches.
    pub(crate) pictures: bool,
    /// Public lists that are fetched, by the names under which they are known.
    #[serde(rename = "use")]
    pub(crate) public: Vec<String>,
    /// Lists at other addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) list: Vec<ListSection>,
    /// What is done about what, where and to whom; without rows, the defaults.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "rows")]
    pub(crate) policy: Vec<Row>,
}

impl Default for ShieldSection {
    fn default() -> Self {
        Self {
            brands: None,
            names: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            pictures: true,
            public: Vec::new(),
            list: Vec::new(),
            policy: Vec::new(),
        }
    }
}

impl ShieldSection {
    /// The names by which look-alikes are seen.
    pub(crate) fn watched(&self, agent: &str, base: &Base) -> Vec<String> {
        self.brands.clone().unwrap_or_else(|| brands::declared(agent, base))
    }

    /// Reads the lists. One that cannot be used is named. `public`: those that are fetched.
    pub(crate) fn guarding(&self, agent: &str, base: &Base, public: &Arc<Keeper>) -> anyhow::Result<Guarding> {
        let read = |files: &[String]| files.iter().map(|file| list(file)).collect::<anyhow::Result<Vec<_>>>();
        let allowed: Vec<String> = read(&self.allow)?.into_iter().flat_map(|(_, hosts)| hosts).collect();
        let global = read(&self.deny)?.into_iter();
        let lists = Lists {
            allow: List::new(allowed.iter().map(String::as_str), "allowed here"),
            global: global.map(|(name, hosts)| List::new(hosts.iter().map(String::as_str), &name)).collect(),
            ..Lists::default()
        };
        let mut names = self.names.clone();
        names.push(agent.to_owned());
        let policy = Policy::new(self.policy.clone())?;
        let (brands, public, pictures) = (self.watched(agent, base), Arc::clone(public), self.pictures);
        Ok(Guarding { brands, lists, names, public, policy, pictures })
    }
}

/// Rows that can be meant, of platforms that there are.
fn rows<'de, D: Deserializer<'de>>(rows: D) -> Result<Vec<Row>, D::Error> {
    let rows = Vec::<Row>::deserialize(rows)?;
    for (at, row) in rows.iter().enumerate() {
        if let Some(platform) = row.platform.as_deref().filter(|platform| !BUILT_IN.contains(platform)) {
            let known = BUILT_IN.join(", ");
            let fault = format!("row {} of the policy: there is no platform {platform:?}; there are {known}", at + 1);
            return Err(D::Error::custom(fault));
        }
    }
    Policy::new(rows.clone()).map_err(D::Error::custom)?;
    Ok(rows)
}

/// The name of a list, and its hosts.
fn list(file: &str) -> anyhow::Result<(String, Vec<String>)> {
    let path = Path::new(file);
    let unable = || format!("cannot read the list {file} ([shield] allow, deny)");
    if std::fs::metadata(path).with_context(unable)?.len() > CAP {
        return Err(anyhow!("the list {file} is larger than 64 MiB; is it one?"));
    }
    let hosts = parse(&std::fs::read(path).with_context(unable)?);
    let hosts = hosts.map_err(|broken| anyhow!("{file}: {broken}; mend the line, or take the list out of [shield]"))?;
    let name = path.file_name().map_or(file, |name| name.to_str().unwrap_or(file));
    Ok((name.to_owned(), hosts))
}
