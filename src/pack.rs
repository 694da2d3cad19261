//! Making a backup: copy the database beside the daemon, list everything with its hash, write it locked, put it in place.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use anyhow::{Context as _, anyhow, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use townkeeper_engine::clock::Clock;
use townkeeper_store::backup::{copy_sqlite, dump_postgres};

use crate::backup::{DATABASE, DUMP, Engine, FORMAT, Listed, Lock, MANIFEST, Manifest, digest, exposed};
use crate::cli::Place;
use crate::settings::{self, Settings};
use crate::{knowledge, out};

/// Memory-hard work for a passphrase: 2^17 rounds, some tenths of a second and 128 MiB.
const WORK: u8 = 17;

/// A file for the backup: where it stands within, and where it is read.
struct Item {
    path: String,
    from: PathBuf,
}

/// Makes the backup, or leaves nothing behind.
pub(crate) async fn make(
    place: &Place,
    settings: &Settings,
    to: &Path,
    lock: &Lock,
    url: Option<&SecretString>,
) -> anyhow::Result<()> {
    if to.exists() {
        bail!("{} exists already; choose another name", to.display());
    }
    let scratch = Scratch::new(&settings.data)?;
    let engine = if url.is_some() { Engine::Postgres } else { Engine::Sqlite };
    let database = scratch.path.join("copy");
    match url {
        None => copy_sqlite(&settings.data, &database).await?,
        Some(url) => dump_postgres(exposed(url), &database).await?,
    }
    let path = if url.is_some() { DUMP } else { DATABASE };
    let mut items = vec![Item { path: path.to_owned(), from: database }];
    items.extend(configuration(place, &scratch)?);
    items.extend(entries(settings)?);
    let (manifest, files) = (manifest(engine, &items)?, items.len());
    let draft = PathBuf::from(format!("{}.part", to.display()));
    let written = write(&draft, lock, &manifest, &items)
        .and_then(|()| fs::rename(&draft, to).with_context(|| format!("cannot put {} in place", to.display())));
    if written.is_err() {
        fs::remove_file(&draft).ok();
    }
    written?;
    let size = fs::metadata(to).map_or(0, |about| about.len());
    out::line(format!("{}: {files} files, {size} bytes. {}", to.display(), locked(lock)));
    Ok(())
}

fn locked(lock: &Lock) -> &'static str {
    match lock {
        Lock::Recipients(_) => {
            "Encrypted. Keep its key on another machine, and try it: `townkeeper restore FILE --check`."
        }
        Lock::Passphrase(_) => "Encrypted by a passphrase. Try it: `townkeeper restore FILE --check`.",
        Lock::None => "NOT encrypted: whoever has this file can read every conversation.",
    }
}

/// A folder for the copy of the database, within the data folder: no less guarded than the original. Gone with the value.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(data: &Path) -> anyhow::Result<Self> {
        let unable = || format!("cannot make a folder in {}", data.display());
        // What a backup that was killed has left.
        for old in fs::read_dir(data).with_context(unable)?.flatten() {
            let name = old.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix("backup.")?.strip_suffix(".tmp"));
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                fs::remove_dir_all(old.path()).ok();
            }
        }
        let path = data.join(format!("backup.{}.tmp", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).with_context(unable)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// The configuration file, if there is one, with any password of a URL taken out.
fn configuration(place: &Place, scratch: &Scratch) -> anyhow::Result<Option<Item>> {
    let Some(text) = settings::text(place)? else { return Ok(None) };
    let from = scratch.path.join("townkeeper.toml");
    fs::write(&from, without_passwords(&text)).context("cannot copy the configuration")?;
    Ok(Some(Item { path: "config/townkeeper.toml".to_owned(), from }))
}

/// `scheme://user:password@host` with `PASSWORD` in its place: such an address is a secret, and secrets are left out.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(['/', '"', '\'', '?', '#', ' ', '\n']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => out.extend([user, ":PASSWORD@", host]),
            None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The base's entries. A secret that somebody put among them is no entry: files that settings name as secrets stay out.
fn entries(settings: &Settings) -> anyhow::Result<Vec<Item>> {
    let folder = Path::new(&settings.knowledge.folder);
    let secrets: Vec<PathBuf> = settings.secret_files().iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    let mut items = Vec::new();
    for from in knowledge::files(&settings.knowledge)? {
        if fs::canonicalize(&from).is_ok_and(|real| secrets.contains(&real)) {
            continue;
        }
        let name = from.strip_prefix(folder).unwrap_or(&from).display().to_string();
        items.push(Item { path: format!("knowledge/{name}"), from });
    }
    Ok(items)
}

fn manifest(engine: Engine, items: &[Item]) -> anyhow::Result<Manifest> {
    let mut files = Vec::with_capacity(items.len());
    for item in items {
        let (sha256, bytes) = digest(&item.from)?;
        files.push(Listed { path: item.path.clone(), bytes, sha256 });
    }
    let townkeeper = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Manifest { format: FORMAT, townkeeper, made_ms: Clock::system().now_ms(), engine, files })
}

/// Writes the file for its owner alone, and to the disk before anybody hears of it.
fn write(draft: &Path, lock: &Lock, manifest: &Manifest, items: &[Item]) -> anyhow::Result<()> {
    let unable = || format!("cannot write {}", draft.display());
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(draft).with_context(unable)?;
    let sealed = match encryptor(lock)? {
        Some(encryptor) => {
            let writer = encryptor.wrap_output(BufWriter::new(&file)).with_context(unable)?;
            archive(writer, manifest, items)?.finish().with_context(unable)?
        }
        None => archive(BufWriter::new(&file), manifest, items)?,
    };
    sealed.into_inner().map_err(|error| anyhow!("{error}")).with_context(unable)?;
    file.sync_all().with_context(unable)
}

fn encryptor(lock: &Lock) -> anyhow::Result<Option<age::Encryptor>> {
    Ok(match lock {
        Lock::None => None,
        Lock::Recipients(recipients) => {
            let recipients = recipients.iter().map(|recipient| {
                let recipient: &dyn age::Recipient = recipient;
                recipient
            });
            Some(age::Encryptor::with_recipients(recipients).context("nobody could open this backup")?)
        }
        Lock::Passphrase(passphrase) => {
            let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(WORK);
            let recipient: &dyn age::Recipient = &recipient;
            Some(age::Encryptor::with_recipients(std::iter::once(recipient)).context("the passphrase cannot be used")?)
        }
    })
}

/// The archive: the manifest, then what it lists, in its order.
fn archive<W: Write>(into: W, manifest: &Manifest, items: &[Item]) -> anyhow::Result<W> {
    let mut tar = tar::Builder::new(GzEncoder::new(into, Compression::fast()));
    let text = serde_json::to_vec_pretty(manifest)?;
    append(&mut tar, MANIFEST, text.len() as u64, manifest, text.as_slice())?;
    for (item, listed) in items.iter().zip(&manifest.files) {
        let file = File::open(&item.from).with_context(|| format!("cannot read {}", item.from.display()))?;
        append(&mut tar, &item.path, listed.bytes, manifest, file)?;
    }
    let gzip = tar.into_inner().context("the backup cannot be written")?;
    gzip.finish().context("the backup cannot be written")
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    bytes: u64,
    manifest: &Manifest,
    from: impl Read,
) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(manifest.made_ms.unsigned_abs() / 1000);
    // A file that grows while it is read must not spill into the next entry.
    tar.append_data(&mut header, path, from.take(bytes)).with_context(|| format!("cannot add {path} to the backup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_password_and_nothing_else() {
        let toml =
            "url = \"postgres://keeper:hunter2@db.example.org/town\"\nbase_url = \"http://127.0.0.1:1/v1\"\n# a@b:c\n";
        let clean = without_passwords(toml);
        assert_eq!(
            clean,
            "url = \"postgres://keeper:PASSWORD@db.example.org/town\"\nbase_url = \"http://127.0.0.1:1/v1\"\n# a@b:c\n"
        );
        assert_eq!(without_passwords("https://example.org/a@b:c"), "https://example.org/a@b:c");
    }
}
