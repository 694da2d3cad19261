//! Sealing what adapters keep: nothing of it can be read in the database or in a backup of it, nor be put in another
//! place there and be taken for what belongs to it. XChaCha20-Poly1305; the key lies beside the signing key.

use std::path::Path;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use townkeeper_core::secret;

use crate::EngineError;
use crate::ids;
use crate::keys::{self, KeyError};

/// Holds the key: 64 hexadecimal digits. Nodes that share a database share it too.
const FILE: &str = "state.key";

const NONCE: usize = 24;

/// The key. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Reads the key, from `credentials` (the service manager's folder) if it is there, else from `folder`, where it is
    /// made if there is none.
    pub fn open(folder: &Path, credentials: Option<&Path>) -> Result<Self, KeyError> {
        Ok(Self::with(&keys::seed(FILE, folder, credentials)?))
    }

    /// With a key of one's own.
    pub fn with(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Seals `text` for this place alone.
    pub(crate) fn seal(&self, place: &str, text: &str) -> Result<String, EngineError> {
        let nonce = ids::bytes::<NONCE>()?;
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt((&nonce).into(), payload).map_err(|_| EngineError::NoRandomness)?;
        Ok(secret::hex(&[nonce.as_slice(), &sealed].concat()))
    }

    /// What was sealed for this place; `None` for anything else, and for what another key sealed.
    pub(crate) fn open_sealed(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = keys::unhex(sealed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        String::from_utf8(self.cipher.decrypt(nonce.into(), payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_with_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path(), None).unwrap();
        let sealed = vault.seal("main/discord:a/session", "a session").unwrap();
        assert!(!sealed.contains("session") && sealed != vault.seal("main/discord:a/session", "a session").unwrap());
        let again = Vault::open(folder.path(), None).unwrap();
        assert_eq!(again.open_sealed("main/discord:a/session", &sealed).as_deref(), Some("a session"));
        assert_eq!(again.open_sealed("main/discord:b/session", &sealed), None, "moved to another account");
        assert_eq!(Vault::with(&[7; 32]).open_sealed("main/discord:a/session", &sealed), None, "another key");
        for broken in ["", "zz", "00", sealed.get(..sealed.len() - 2).unwrap()] {
            assert_eq!(again.open_sealed("main/discord:a/session", broken), None);
        }
    }
}
