//! `townkeeper backup` and `townkeeper restore`: the database, the configuration and the base in one encrypted file.
//!
//! The file is age(gzip(tar)): `age -d FILE | tar xz` opens it without us. Secrets are left out: no file that a setting
//! ending in `_file` names is read, and the operator's token is made anew. Restoring parks what was on its way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use age::secrecy::{ExposeSecret as _, SecretString};
use anyhow::{Context as _, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::Place;
use crate::pack;
use crate::settings::{Settings, secret};

/// The section `[backup]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackupSection {
    /// age recipients (`age1…`): who may open a backup. Their keys belong elsewhere than this machine.
    pub(crate) recipients: Vec<String>,
    /// Or the file that holds a passphrase. Without either, backups are refused.
    pub(crate) passphrase_file: String,
}

/// `townkeeper backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; must not exist yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Who may open it, as an age recipient (age1…); may be repeated [default: [backup] recipients]
    #[arg(long, value_name = "AGE1")]
    recipient: Vec<String>,
    /// File that holds a passphrase to open it with [default: [backup] passphrase_file]
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    passphrase_file: Option<String>,
    /// Do not encrypt: whoever has the file can read every conversation
    #[arg(long, conflicts_with_all = ["recipient", "passphrase_file"])]
    plaintext: bool,
    /// File that holds the URL of a PostgreSQL database to back up instead of the data folder's
    #[arg(long, value_name = "FILE")]
    database_url_file: Option<String>,
}

/// `townkeeper restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    pub(crate) file: PathBuf,
    /// Only check that it is whole; restore nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// After restoring, read everything again from where it stands now
    #[arg(long, conflicts_with = "check")]
    pub(crate) verify: bool,
    /// File that holds the age identity (AGE-SECRET-KEY-…) it was made for
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(crate) identity: Option<PathBuf>,
    /// File that holds its passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<String>,
    /// File that holds the URL of the empty PostgreSQL database to restore into
    #[arg(long, value_name = "FILE")]
    pub(crate) database_url_file: Option<String>,
}

/// What a backup holds; its first entry. Everything else in it is listed here.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Of this format.
    pub(crate) format: u32,
    pub(crate) townkeeper: String,
    pub(crate) made_ms: i64,
    pub(crate) engine: Engine,
    pub(crate) files: Vec<Listed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Within the backup: `data/…`, `config/…`, `knowledge/…`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// SHA-256, in hexadecimal.
    pub(crate) sha256: String,
}

pub(crate) const FORMAT: u32 = 1;
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const DATABASE: &str = "data/townkeeper.db";
pub(crate) const DUMP: &str = "data/townkeeper.sql";

/// How a backup is locked.
pub(crate) enum Lock {
    Recipients(Vec<age::x25519::Recipient>),
    Passphrase(SecretString),
    None,
}

/// Makes a backup.
pub(crate) async fn backup(place: &Place, args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(place, None)?;
    let lock = lock(&settings.backup, args)?;
    let url = args.database_url_file.as_deref().map(database_url).transpose()?;
    pack::make(place, &settings, &args.to, &lock, url.as_ref()).await?;
    Ok(ExitCode::SUCCESS)
}

fn lock(section: &BackupSection, args: &BackupArgs) -> anyhow::Result<Lock> {
    if args.plaintext {
        return Ok(Lock::None);
    }
    let setting = Some(section.passphrase_file.as_str()).filter(|file| !file.is_empty());
    let named = if args.recipient.is_empty() { &section.recipients } else { &args.recipient };
    if let Some(file) = args.passphrase_file.as_deref().or(setting.filter(|_| named.is_empty())) {
        return Ok(Lock::Passphrase(passphrase(file)?));
    }
    if named.is_empty() {
        bail!(
            "a backup holds what people wrote, so it is encrypted: name who may open it (--recipient age1…, made by \
             `age-keygen` on another machine; or [backup] recipients), a --passphrase-file, or say --plaintext"
        );
    }
    let recipients = named.iter().map(|text| {
        text.parse::<age::x25519::Recipient>().map_err(|_| anyhow::anyhow!("`{text}` is no age recipient (age1…)"))
    });
    Ok(Lock::Recipients(recipients.collect::<anyhow::Result<_>>()?))
}

pub(crate) fn passphrase(file: &str) -> anyhow::Result<SecretString> {
    let text = secret("passphrase_file", file)?;
    let text = secrecy::ExposeSecret::expose_secret(&text);
    if text.chars().count() < 12 {
        bail!("the passphrase in {file} is too short; take 12 characters or more");
    }
    Ok(SecretString::from(text.to_owned()))
}

pub(crate) fn database_url(file: &str) -> anyhow::Result<SecretString> {
    let text = secret("--database-url-file", file)?;
    Ok(SecretString::from(secrecy::ExposeSecret::expose_secret(&text).to_owned()))
}

/// SHA-256 of a file, and its size.
pub(crate) fn digest(path: &Path) -> anyhow::Result<(String, u64)> {
    let mut hash = Hashing::new(std::io::sink());
    let mut file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = std::io::copy(&mut file, &mut hash).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((hash.hex(), bytes))
}

/// Writes on, and hashes what passes.
pub(crate) struct Hashing<W> {
    into: W,
    hash: sha2::Sha256,
}

impl<W: std::io::Write> Hashing<W> {
    pub(crate) fn new(into: W) -> Self {
        Self { into, hash: sha2::Digest::new() }
    }

    pub(crate) fn hex(self) -> String {
        use std::fmt::Write as _;
        sha2::Digest::finalize(self.hash).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").ok();
            hex
        })
    }
}

impl<W: std::io::Write> std::io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.into.write(bytes)?;
        sha2::Digest::update(&mut self.hash, bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.into.flush()
    }
}

/// The URL as PostgreSQL's programs take it.
pub(crate) fn exposed(url: &SecretString) -> &str {
    url.expose_secret()
}
