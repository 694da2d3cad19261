//! The signing key (ed25519): made at the first start, kept in a file that only its owner may read, or handed over by the
//! service manager. After a rotation the old key stays published for a while, so that what it signed can be checked.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ed25519_dalek::{Signer as _, SigningKey};
use thiserror::Error;
use townkeeper_contract::access::PublicKey;
use townkeeper_core::secret;

use crate::ids;

/// Holds the secret: 64 hexadecimal digits.
const SECRET: &str = "signing.key";

/// Holds what is published: keys with their times, the current one first.
const PUBLIC: &str = "signing.keys.json";

/// How long a key stays published after it was replaced.
const OVERLAP_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What is wrong with the key, and what to do about it.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error(
        "{path} may be read by others (mode {mode:03o}); run `chmod 600 {path}`, and rotate the key if they may have"
    )]
    Loose { path: String, mode: u32 },
    #[error(
        "{0} holds no key (64 hexadecimal digits); restore it from your backup, or delete it to begin with a new one"
    )]
    Malformed(String),
    #[error("the key comes from the service manager's credentials; replace it there and restart")]
    Managed,
    #[error("cannot use {path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

/// The key that signs, and those that are published.
#[derive(Debug)]
pub struct Keyring {
    folder: PathBuf,
    /// The secret is the service manager's to keep.
    managed: bool,
    keys: Mutex<Keys>,
}

#[derive(Debug)]
struct Keys {
    signing: SigningKey,
    /// The current one first.
    published: Vec<PublicKey>,
}

/// A key that does not sign yet.
#[derive(Debug)]
pub struct NextKey {
    signing: SigningKey,
}

impl NextKey {
    /// The public half, as it will be published.
    pub fn public(&self) -> String {
        public(&self.signing)
    }
}

impl Keyring {
    /// Reads the key, from `credentials` (the service manager's folder) if it is there, else from `folder`, where it is
    /// made if there is none. One that was replaced meanwhile is published anew, the one before it for a while.
    pub fn open(folder: &Path, credentials: Option<&Path>, now_ms: i64) -> Result<Self, KeyError> {
        let managed = given(SECRET, credentials).is_some();
        let signing = SigningKey::from_bytes(&seed(SECRET, folder, credentials)?);
        let keys = Keys { signing, published: read_published(folder)? };
        let ring = Self { folder: folder.to_owned(), managed, keys: Mutex::new(keys) };
        ring.publish(now_ms)?;
        Ok(ring)
    }

    /// Makes a key, to be put into use by [`Self::adopt`].
    pub fn draft(&self) -> Result<NextKey, KeyError> {
        if self.managed { Err(KeyError::Managed) } else { draft() }
    }

    /// From now on this one signs.
    pub fn adopt(&self, next: NextKey, now_ms: i64) -> Result<(), KeyError> {
        // The secret first: a start that finds it replaced publishes it.
        keep(&self.folder, &next.signing)?;
        self.lock().signing = next.signing;
        self.publish(now_ms)
    }

    /// The keys whose signatures count, the current one first.
    pub fn published(&self, now_ms: i64) -> Vec<PublicKey> {
        let counts = |key: &&PublicKey| key.valid_until_ms.is_none_or(|until| until > now_ms);
        self.lock().published.iter().filter(counts).cloned().collect()
    }

    /// The key that signs now, and its signature.
    pub fn sign(&self, message: &[u8]) -> ([u8; 32], [u8; 64]) {
        let keys = self.lock();
        (keys.signing.verifying_key().to_bytes(), keys.signing.sign(message).to_bytes())
    }

    /// Makes the current key the first of those published.
    fn publish(&self, now_ms: i64) -> Result<(), KeyError> {
        let mut keys = self.lock();
        let key = public(&keys.signing);
        if keys.published.first().is_some_and(|first| first.key == key) {
            return Ok(());
        }
        keys.published.retain(|known| known.key != key && known.valid_until_ms.is_none_or(|until| until > now_ms));
        for old in &mut keys.published {
            old.valid_until_ms.get_or_insert(now_ms + OVERLAP_MS);
        }
        let current = PublicKey { algorithm: "ed25519".to_owned(), key, since_ms: now_ms, valid_until_ms: None };
        keys.published.insert(0, current);
        let text = serde_json::to_string_pretty(&keys.published).unwrap_or_default();
        write(&self.folder.join(PUBLIC), &text, 0o644)
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the secret called `name`, from `credentials` if it is there, else from `folder`, where it is made if there is
/// none.
pub(crate) fn seed(name: &str, folder: &Path, credentials: Option<&Path>) -> Result<[u8; 32], KeyError> {
    let given = given(name, credentials);
    let managed = given.is_some();
    let path = given.unwrap_or_else(|| folder.join(name));
    match fs::read_to_string(&path) {
        Ok(text) => {
            // Credentials are readable for the service's group by systemd's own way of handing them over.
            private(&path, if managed { 0o007 } else { 0o077 })?;
            let seed = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
            seed.ok_or_else(|| KeyError::Malformed(path.display().to_string()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !managed => {
            let seed = random()?;
            write(&path, &secret::hex(&seed), 0o600)?;
            Ok(seed)
        }
        Err(error) => Err(io(&path)(error)),
    }
}

/// Where the service manager put this secret, if it did.
fn given(name: &str, credentials: Option<&Path>) -> Option<PathBuf> {
    credentials.map(|folder| folder.join(name)).filter(|path| path.exists())
}

fn random() -> Result<[u8; 32], KeyError> {
    ids::bytes::<32>().map_err(|_| KeyError::NoRandomness)
}

fn draft() -> Result<NextKey, KeyError> {
    Ok(NextKey { signing: SigningKey::from_bytes(&random()?) })
}

fn public(signing: &SigningKey) -> String {
    secret::hex(signing.verifying_key().as_bytes())
}

/// Bytes from hexadecimal digits, two each.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn keep(folder: &Path, signing: &SigningKey) -> Result<(), KeyError> {
    write(&folder.join(SECRET), &secret::hex(&signing.to_bytes()), 0o600)
}

/// Written beside its place and then put there: a start that is killed half-way leaves no half a file.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), KeyError> {
    let draft = path.with_extension("new");
    // One that is left over, or that somebody put there, would keep its own mode.
    fs::remove_file(&draft).ok();
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&draft).map_err(io(&draft))?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(io(&draft))?;
    fs::rename(&draft, path).map_err(io(path))
}

fn read_published(folder: &Path) -> Result<Vec<PublicKey>, KeyError> {
    let path = folder.join(PUBLIC);
    match fs::read_to_string(&path) {
        // It can be made anew; only the times of earlier keys are lost with it.
        Ok(text) => Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "the published keys cannot be read and are made anew");
            Vec::new()
        })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io(&path)(error)),
    }
}

/// Refuses a secret that others may read.
#[cfg(unix)]
fn private(path: &Path, others: u32) -> Result<(), KeyError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).map_err(io(path))?.permissions()) & 0o777;
    if mode & others == 0 { Ok(()) } else { Err(KeyError::Loose { path: path.display().to_string(), mode }) }
}

#[cfg(not(unix))]
fn private(_: &Path, _: u32) -> Result<(), KeyError> {
    Ok(())
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> KeyError + use<> {
    let path = path.display().to_string();
    move |error| KeyError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

    use super::*;

    fn verifies(key: &PublicKey, message: &[u8], signature: [u8; 64]) -> bool {
        let bytes = parse_public(&key.key);
        VerifyingKey::from_bytes(&bytes).unwrap().verify(message, &Signature::from_bytes(&signature)).is_ok()
    }

    fn parse_public(hex: &str) -> [u8; 32] {
        let bytes: Vec<u8> =
            (0..32).map(|n| u8::from_str_radix(hex.get(2 * n..2 * n + 2).unwrap(), 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    #[test]
    fn a_key_is_made_once_kept_and_rotated_with_an_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::open(folder.path(), None, 1_000).unwrap();
        let first = ring.published(1_000);
        let (_, said) = ring.sign(b"all is well");
        assert!(first.len() == 1 && verifies(&first[0], b"all is well", said));
        assert!(!verifies(&first[0], b"all is lost", said));
        let mode = fs::metadata(folder.path().join(SECRET)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(Keyring::open(folder.path(), None, 2_000).unwrap().published(2_000), first, "it stays");

        let next = ring.draft().unwrap();
        let named = next.public();
        ring.adopt(next, 3_000).unwrap();
        let both = ring.published(3_000);
        assert_eq!((both.len(), &both[0].key, both[0].since_ms), (2, &named, 3_000));
        assert_eq!((&both[1].key, both[1].valid_until_ms), (&first[0].key, Some(3_000 + OVERLAP_MS)));
        assert!(verifies(&both[0], b"x", ring.sign(b"x").1) && verifies(&both[1], b"all is well", said));
        assert_eq!(Keyring::open(folder.path(), None, 4_000).unwrap().published(4_000), both, "after a start too");
        assert_eq!(ring.published(3_000 + OVERLAP_MS).len(), 1, "the old one's time is over");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        Keyring::open(folder.path(), None, 1).unwrap();
        let path = folder.path().join(SECRET);
        for mode in [0o640, 0o604, 0o660, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = Keyring::open(folder.path(), None, 2).unwrap_err().to_string();
            assert!(refused.contains("chmod 600") && refused.contains(&format!("{mode:o}")), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        Keyring::open(folder.path(), None, 3).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "half a ke").unwrap();
        let refused = Keyring::open(folder.path(), None, 4).unwrap_err().to_string();
        assert!(refused.contains("64 hexadecimal digits") && !refused.contains("half"), "{refused}");
    }

    #[test]
    fn the_service_managers_key_is_used_and_left_to_it() {
        let (folder, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&credentials.path().join(SECRET), &"07".repeat(32), 0o440).unwrap();
        let ring = Keyring::open(folder.path(), Some(credentials.path()), 1).unwrap();
        assert!(!folder.path().join(SECRET).exists(), "the secret is kept in one place");
        assert!(matches!(ring.draft(), Err(KeyError::Managed)));
        // Replaced there: the one before stays published for a while.
        write(&credentials.path().join(SECRET), &"08".repeat(32), 0o400).unwrap();
        assert_eq!(Keyring::open(folder.path(), Some(credentials.path()), 2).unwrap().published(3).len(), 2);
    }
}
