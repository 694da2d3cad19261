//! The list of adapters, one line each.

use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use townkeeper_contract::id::AccountId;
use townkeeper_core::places::Rules;
use townkeeper_engine::door::Door;

use crate::settings::{self, AccountSection, Settings};

/// Opens the door to every configured account; to those of one workspace, if one is named.
pub(crate) fn open(settings: &Settings, workspace: Option<&str>) -> anyhow::Result<Door> {
    let mut door = Door::default();
    let mut names = Vec::new();
    for account in &settings.account {
        let id = AccountId::new(format!("{}:{}", account.platform, account.name));
        if names.contains(&id) {
            bail!("two [[account]] sections are called {id}; rename one");
        }
        if workspace.is_none_or(|workspace| workspace == account.workspace) {
            add(&mut door, account, &id)?;
            door.rule(id.clone(), Rules { groups: account.groups, moderators: account.moderators });
            door.limit(&id, account.rate.unwrap_or_default());
        }
        names.push(id);
    }
    Ok(door)
}

fn add(door: &mut Door, account: &AccountSection, id: &AccountId) -> anyhow::Result<()> {
    let token = settings::secret(&format!("[[account]] {id} token_file"), &account.token_file)?;
    match account.platform.as_str() {
        #[cfg(feature = "telegram")]
        "telegram" => door.add(Arc::new(
            telegram::Telegram::new(id.clone(), own(account, id)?, token)
                .with_context(|| format!("[[account]] {id}"))?,
        )),
        #[cfg(feature = "discord")]
        "discord" => door.add(Arc::new(
            discord::Discord::new(id.clone(), own(account, id)?, token).with_context(|| format!("[[account]] {id}"))?,
        )),
        other => bail!("[[account]] {id}: this build has no platform `{other}`; it has: {}", BUILT_IN.join(", ")),
    }
    Ok(())
}

/// The platforms that this build has.
pub(crate) const BUILT_IN: &[&str] = &[
    #[cfg(feature = "telegram")]
    "telegram",
    #[cfg(feature = "discord")]
    "discord",
];

/// The adapter's own part of a section.
fn own<T: serde::de::DeserializeOwned>(account: &AccountSection, id: &AccountId) -> anyhow::Result<T> {
    let own = account.own.clone().try_into();
    own.map_err(|error: toml::de::Error| anyhow!("[[account]] {id}: {}", settings::advise(error.message())))
}

/// Checks every account without using it. How many there are.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<usize> {
    open(settings, None)?;
    Ok(settings.account.len())
}
