//! The workspaces of a daemon: one, or with `[features] multi_workspace` several, each with a base, an agent, accounts and
//! an engine of its own. They share the process, the database and the model vendors, and no row.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use townkeeper_contract::provider::Provider;
use townkeeper_core::budget::Prices;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::lists::Keeper;
use townkeeper_engine::vault::Vault;
use townkeeper_engine::{Engine, Parts};
use townkeeper_store::{By, Store};

use crate::agent::AgentSection;
use crate::guarding::ShieldSection;
use crate::knowledge::KnowledgeSection;
use crate::settings::Settings;
use crate::{knowledge, platforms};

/// The workspace that the sections at the top of the configuration describe. It is served at the root.
pub(crate) const MAIN: &str = "main";

/// Freezes everything that leaves, in every workspace, as long as it lies in the data folder.
const FREEZE_FILE: &str = "freeze";

/// `[features]`: what is not for everybody yet.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeaturesSection {
    /// Further `[[workspace]]` beside the main one.
    pub(crate) multi_workspace: bool,
}

/// One `[[workspace]]`. What it does not say is as in the sections at the top.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceSection {
    /// 1 to 32 of a-z, 0-9 and `-`; served at `/w/name/`.
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<AgentSection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) knowledge: Option<KnowledgeSection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shield: Option<ShieldSection>,
    /// Below the title of its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intro: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suggestions: Option<Vec<String>>,
}

/// A workspace that is to be served.
pub(crate) struct Workspace {
    pub(crate) name: String,
    /// The path that its pages and its API begin with: nothing for the main one.
    pub(crate) base: String,
    /// The whole configuration, as it is for this one.
    pub(crate) settings: Settings,
}

/// Every workspace, the main one first.
pub(crate) fn all(settings: &Settings) -> anyhow::Result<Vec<Workspace>> {
    if !settings.workspace.is_empty() && !settings.features.multi_workspace {
        bail!("[[workspace]] needs multi_workspace = true in [features]");
    }
    let mut all = vec![Workspace { name: MAIN.to_owned(), base: String::new(), settings: settings.clone() }];
    for section in &settings.workspace {
        let WorkspaceSection { name, agent, knowledge, shield, intro, suggestions } = section.clone();
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || !(1..=32).contains(&name.len()) {
            bail!("[[workspace]] name = {name:?}: give 1 to 32 of a-z, 0-9 and -");
        }
        if all.iter().any(|other| other.name == name) {
            bail!("two workspaces are called {name}; `{MAIN}` is the one that the sections at the top describe");
        }
        if shield.as_ref().is_some_and(ShieldSection::fetches) {
            bail!("[[workspace]] {name}: lists that are fetched are shared by all; name them in [shield]");
        }
        let mut own = settings.clone();
        own.agent = agent.unwrap_or(own.agent);
        own.knowledge = knowledge.unwrap_or(own.knowledge);
        own.shield = shield.unwrap_or(own.shield);
        own.web.intro = intro.unwrap_or(own.web.intro);
        own.web.suggestions = suggestions.unwrap_or(own.web.suggestions);
        all.push(Workspace { base: format!("/w/{name}"), name, settings: own });
    }
    for account in &settings.account {
        if !all.iter().any(|workspace| workspace.name == account.workspace) {
            bail!("[[account]] {}:{}: there is no workspace `{}`", account.platform, account.name, account.workspace);
        }
    }
    Ok(all)
}

impl Workspace {
    /// Loads its base, opens its accounts, and starts its engine on the common store.
    pub(crate) async fn start(
        &self,
        store: &Store,
        providers: &[(Arc<dyn Provider>, Prices)],
        vault: &Vault,
        lists: &Arc<Keeper>,
    ) -> anyhow::Result<Engine> {
        let (settings, clock) = (&self.settings, Clock::system());
        let mut door = platforms::open(settings, Some(&self.name))?;
        door.freeze_file(self.freeze_file());
        store.open_workspace(&self.name, &settings.agent.name, clock.now_ms()).await?;
        let by = By {
            workspace: self.name.clone(),
            actor: "host".to_owned(),
            method: "file".to_owned(),
            now_ms: clock.now_ms(),
        };
        let opened = knowledge::open(store, &settings.knowledge, by).await;
        let (base, revision) = opened.with_context(|| format!("workspace {}", self.name))?;
        let guarding = settings.shield.guarding(&settings.agent.name, &base, lists)?;
        let vectors = settings.knowledge.vectors.as_ref();
        let meanings = vectors.map(|vectors| vectors.open(&settings.data, &self.name)).transpose()?;
        let parts = Parts {
            workspace: self.name.clone(),
            store: store.clone(),
            base: Arc::new(base),
            revision,
            cooling: settings.knowledge.cooling(),
            guarding,
            agent: settings.agent()?,
            providers: providers.to_vec(),
            meanings,
            door,
            lease: settings.store.lease()?,
            clock,
            vault: vault.clone(),
        };
        Ok(Engine::start(parts).await?)
    }

    fn freeze_file(&self) -> PathBuf {
        self.settings.data.join(FREEZE_FILE)
    }
}
