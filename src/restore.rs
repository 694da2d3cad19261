//! Restoring: open, check every byte against the manifest, park what was on its way, and only then put it in place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use chrono::DateTime;
use flate2::read::GzDecoder;
use townkeeper_engine::clock::Clock;
use townkeeper_store::Store;
use townkeeper_store::backup::{Parked, check_sqlite, load_postgres};

use crate::backup::{
    DATABASE, DUMP, Engine, FORMAT, Hashing, Listed, MANIFEST, Manifest, RestoreArgs, database_url, digest, exposed,
    passphrase,
};
use crate::cli::Place;
use crate::{out, settings};

/// How age's files begin.
const AGE: &[u8] = b"age-encryption.org/";

/// The largest manifest, in bytes: room for a hundred thousand entries.
const MANIFEST_CAP: u64 = 32 * 1024 * 1024;

/// The most work that opening by a passphrase may cost, as 2^n: ours costs 2^17.
const MAX_WORK: u8 = 20;

/// Restores a backup into an empty data folder, or checks it.
pub(crate) async fn restore(place: &Place, args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let folder = settings::data_folder(place)?;
    let target = Some(folder.as_path()).filter(|_| !args.check);
    if let Some(folder) = target {
        empty(folder)?;
    }
    // Beside where it will stand, so that putting it in place is one step; to check only, anywhere.
    let scratch = Scratch::new(target)?;
    let manifest = extract(args, &scratch.path)?;
    if manifest.engine == Engine::Sqlite {
        check_sqlite(&scratch.path.join(DATABASE)).await?;
    }
    out::line(format!("{}: whole, {}.", args.file.display(), about(&manifest)));
    let Some(folder) = target else { return Ok(ExitCode::SUCCESS) };
    let parked = park(args, &manifest, &scratch).await?;
    place_files(&scratch, &manifest, folder)?;
    if args.verify {
        verify(&manifest, folder).await?;
    }
    say_restored(folder, &manifest, parked);
    Ok(ExitCode::SUCCESS)
}

fn about(manifest: &Manifest) -> String {
    let made = DateTime::from_timestamp_millis(manifest.made_ms).unwrap_or_default().format("%Y-%m-%d %H:%M UTC");
    format!("{} files, made {made} by Townkeeper {}", manifest.files.len(), manifest.townkeeper)
}

fn say_restored(folder: &Path, manifest: &Manifest, parked: Parked) {
    out::line(format!("Restored to {}.", folder.display()));
    if parked != Parked::default() {
        out::line(format!(
            "Parked, because they may have been said since: {} message(s), {} question(s). `townkeeper doctor` counts them.",
            parked.sends, parked.events
        ));
    }
    let config = folder.join("restored/config/townkeeper.toml");
    if manifest.files.iter().any(|file| !file.path.starts_with("data/")) {
        out::line(format!("Configuration and base are in {}.", folder.join("restored").display()));
    }
    let config = if config.exists() { format!("--config {} ", config.display()) } else { String::new() };
    out::line("Secrets were not in it: put the files that the configuration names in their places. Then:");
    out::line(format!("  townkeeper {config}--data {} serve", folder.display()));
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    let Ok(mut found) = fs::read_dir(folder) else { return Ok(()) };
    if found.next().is_some() {
        bail!("{} is not empty; restore into a new folder (--data NEW), nothing is overwritten", folder.display());
    }
    Ok(())
}

/// Where files wait until all of them are known to be good. Gone with the value.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(target: Option<&Path>) -> anyhow::Result<Self> {
        let name = format!("townkeeper-restore.{}", std::process::id());
        let path = match target {
            Some(folder) => {
                let mut builder = fs::DirBuilder::new();
                builder.recursive(true).mode(0o700);
                builder.create(folder).with_context(|| format!("cannot make {}", folder.display()))?;
                folder.join(name)
            }
            None => std::env::temp_dir().join(name),
        };
        fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Opens the file with whatever key was given.
fn open(args: &RestoreArgs) -> anyhow::Result<Box<dyn Read>> {
    let named = args.file.display();
    let mut start = [0_u8; AGE.len()];
    let unable = || format!("cannot read {named}");
    let mut file = File::open(&args.file).with_context(unable)?;
    let sealed = file.read_exact(&mut start).is_ok() && start == *AGE;
    let file = BufReader::new(File::open(&args.file).with_context(unable)?);
    if !sealed {
        // Whoever can put a file in its place must not be able to do without the key.
        if args.identity.is_some() || args.passphrase_file.is_some() {
            bail!("{named} is not encrypted, although a key was given; restore it without one only if you made it so");
        }
        return Ok(Box::new(file));
    }
    let decryptor = age::Decryptor::new(file).map_err(|error| anyhow!("{named} is damaged: {error}"))?;
    let opened = match (&args.identity, &args.passphrase_file) {
        (Some(path), _) => {
            let keys = age::IdentityFile::from_file(path.display().to_string())
                .and_then(|keys| keys.into_identities().map_err(std::io::Error::other))
                .with_context(|| format!("cannot read a key from {}", path.display()))?;
            decryptor.decrypt(keys.iter().map(|key| {
                let key: &dyn age::Identity = key.as_ref();
                key
            }))
        }
        (None, Some(path)) => {
            let mut identity = age::scrypt::Identity::new(passphrase(path)?);
            identity.set_max_work_factor(MAX_WORK);
            let identity: &dyn age::Identity = &identity;
            decryptor.decrypt(std::iter::once(identity))
        }
        (None, None) => bail!("{named} is encrypted; give --identity FILE or --passphrase-file FILE"),
    };
    Ok(Box::new(opened.map_err(|error| anyhow!("{named} cannot be opened with this key: {error}"))?))
}

/// Writes everything to `into`, if all of it is as the manifest says.
fn extract(args: &RestoreArgs, into: &Path) -> anyhow::Result<Manifest> {
    let named = args.file.display().to_string();
    let damaged = || format!("{named} is damaged or no backup of ours");
    let mut tar = tar::Archive::new(GzDecoder::new(open(args)?));
    let mut entries = tar.entries().with_context(damaged)?;
    let first = entries.next().with_context(damaged)?.with_context(damaged)?;
    if first.path().with_context(damaged)? != Path::new(MANIFEST) {
        bail!("{}: it does not begin with its manifest", damaged());
    }
    let manifest: Manifest = serde_json::from_reader(first.take(MANIFEST_CAP)).with_context(damaged)?;
    if manifest.format != FORMAT {
        bail!("{named} was made by Townkeeper {}; restore it with that version or a newer one", manifest.townkeeper);
    }
    let mut wanted: BTreeMap<&str, &Listed> = manifest.files.iter().map(|file| (file.path.as_str(), file)).collect();
    for entry in entries {
        let mut entry = entry.with_context(damaged)?;
        let path = entry.path().with_context(damaged)?.display().to_string();
        let listed = wanted.remove(path.as_str()).with_context(|| format!("{}: {path} is not listed", damaged()))?;
        write(&mut entry, into, listed).with_context(damaged)?;
    }
    if let Some(path) = wanted.keys().next() {
        bail!("{}: {path} is missing", damaged());
    }
    Ok(manifest)
}

fn write(from: &mut impl Read, into: &Path, listed: &Listed) -> anyhow::Result<()> {
    let path = Path::new(&listed.path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("{} leads elsewhere", listed.path);
    }
    let path = into.join(path);
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(&path)?;
    let mut hashing = Hashing::new(&file);
    let bytes = std::io::copy(from, &mut hashing)?;
    if bytes != listed.bytes || hashing.hex() != listed.sha256 {
        bail!("{} is not what was backed up", listed.path);
    }
    file.sync_all()?;
    Ok(())
}

/// Opens the restored database, which brings its schema up to date, and parks what was on its way.
async fn park(args: &RestoreArgs, manifest: &Manifest, scratch: &Scratch) -> anyhow::Result<Parked> {
    let store = match (manifest.engine, &args.database_url_file) {
        (Engine::Sqlite, None) => Store::open(&scratch.path.join("data")).await?,
        (Engine::Postgres, Some(file)) => {
            let url = database_url(file)?;
            load_postgres(exposed(&url), &scratch.path.join(DUMP)).await?;
            Store::connect(exposed(&url)).await?
        }
        (Engine::Postgres, None) => {
            bail!("this backup is of a PostgreSQL database; name an empty one by --database-url-file")
        }
        (Engine::Sqlite, Some(_)) => bail!("this backup is of a SQLite database; leave --database-url-file out"),
    };
    let parked = store.park(Clock::system().now_ms()).await;
    store.close().await;
    Ok(parked?)
}

/// Reads everything again. The database is not what it was, because parking wrote to it: there every page is checked.
async fn verify(manifest: &Manifest, folder: &Path) -> anyhow::Result<()> {
    if manifest.engine == Engine::Sqlite {
        check_sqlite(&folder.join("townkeeper.db")).await?;
    }
    for file in manifest.files.iter().filter(|file| !file.path.starts_with("data/")) {
        let path = folder.join("restored").join(&file.path);
        if digest(&path)? != (file.sha256.clone(), file.bytes) {
            bail!("{} is not what was backed up", path.display());
        }
    }
    out::line("Verified: everything was read again, and is whole.");
    Ok(())
}

/// The database last: a folder without one is no installation yet.
fn place_files(scratch: &Scratch, manifest: &Manifest, folder: &Path) -> anyhow::Result<()> {
    let unable = || format!("cannot put the files in place in {}", folder.display());
    let restored = folder.join("restored");
    for part in ["config", "knowledge"] {
        let from = scratch.path.join(part);
        if from.exists() {
            fs::create_dir_all(&restored).with_context(unable)?;
            fs::rename(from, restored.join(part)).with_context(unable)?;
        }
    }
    if manifest.engine == Engine::Sqlite {
        fs::rename(scratch.path.join(DATABASE), folder.join("townkeeper.db")).with_context(unable)?;
    }
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(unable)
}
