//! Which database the daemon keeps its ledger in, and the move from the one to the other.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use townkeeper_engine::LEASE;
use townkeeper_store::{Opening, Store};

use crate::cli::Place;
use crate::out;
use crate::settings::{self, Settings};

/// `[store]`. Without a URL: SQLite in the data folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// File that holds `postgres://user:password@host/database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<String>,
    /// Name of the variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_env: Option<String>,
    /// Largest size of the SQLite database in millions of bytes; 0 is no bound but the disk's.
    pub(crate) max_mb: u32,
    /// Seconds that a daemon may be silent before another takes over what it had; only with several on one database.
    pub(crate) lease_s: f64,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { url_file: None, url_env: None, max_mb: 0, lease_s: LEASE.as_secs_f64() }
    }
}

impl StoreSection {
    pub(crate) fn lease(&self) -> anyhow::Result<Duration> {
        let allowed = (1.0..=300.0).contains(&self.lease_s);
        anyhow::ensure!(allowed, "[store] lease_s = {}: give 1 to 300 seconds", self.lease_s);
        Ok(Duration::from_secs_f64(self.lease_s))
    }

    /// Whether the ledger may be kept apart from the data folder.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.url_file.is_some() || self.url_env.is_some()
    }

    /// The URL, if one is configured: it may hold a password.
    fn url(&self) -> anyhow::Result<Option<SecretString>> {
        if self.url_file.is_some() && self.url_env.is_some() {
            bail!("[store]: both `url_file` and `url_env` are set; keep one");
        }
        settings::secret_of("[store] url", self.url_file.as_deref(), self.url_env.as_deref())
    }
}

/// Opens the configured database.
pub(crate) async fn open(section: &StoreSection, data: &Path) -> anyhow::Result<Store> {
    if let Some(url) = section.url()? {
        return Store::connect(url.expose_secret()).await.context("[store]");
    }
    let max_mb = Some(section.max_mb).filter(|max_mb| *max_mb > 0);
    Ok(Store::open_as(data, Opening { max_mb, known: None }).await?)
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The empty PostgreSQL database to move to, like postgres://user@host/database
    #[arg(long, value_name = "URL", required_unless_present = "to_file")]
    to: Option<String>,
    /// File that holds that URL, where it has a password
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Moves this data folder's SQLite database to PostgreSQL. The SQLite file stays as it is.
pub(crate) async fn migrate(place: &Place, migrate: Migrate) -> anyhow::Result<ExitCode> {
    let data = settings::data_folder(place)?;
    if !data.join("townkeeper.db").exists() {
        bail!("there is no townkeeper.db in {}; name the data folder with --data", data.display());
    }
    if Settings::load(place, None)?.store.url()?.is_some() {
        bail!("[store] names a PostgreSQL database already; this command moves away from SQLite");
    }
    let url = match (migrate.to, migrate.to_file) {
        (Some(url), _) => SecretString::from(url),
        (None, Some(file)) => settings::secret("--to-file", &file.display().to_string())?,
        (None, None) => bail!("name the database with --to or --to-file"),
    };
    let from = Store::open(&data).await.context("stop the daemon first, so that nothing is written meanwhile")?;
    let to = Store::connect(url.expose_secret()).await.context("--to")?;
    let moved = from.transfer(&to, |table, rows| out::hint(format!("{table}: {rows}"))).await;
    from.close().await;
    to.close().await;
    let moved = moved?;
    if migrate.json {
        out::json(&moved)?;
    } else {
        let rows: u64 = moved.tables.values().sum();
        out::line(format!("{rows} rows in {} tables moved; both sides hash to {}.", moved.tables.len(), moved.hash));
        out::line("Now write the URL into a file that only the daemon may read, and set in townkeeper.toml:");
        out::line("[store]\nurl_file = \"/path/to/that/file\"");
    }
    Ok(ExitCode::SUCCESS)
}
