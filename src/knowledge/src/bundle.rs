//! The base as one signed file, which anyone can check without us and without a network.
//!
//! Two lines. The first is the content as JSON; the second says who signed those very bytes. There is one way to write
//! either: what reads back but is written otherwise is refused, so that no byte can change unseen.

use std::fmt::Write as _;

use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// What a bundle of this form calls itself. It goes before the bytes that are signed: a signature over anything else is
/// none over a bundle.
pub const FORMAT: &str = "townkeeper.knowledge/1";

/// What is in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    pub format: String,
    pub workspace: String,
    /// The first 12 hexadecimal digits of the SHA-256 of the names and texts of all files.
    pub revision: String,
    /// When it was made, as RFC 3339 in UTC.
    pub made_at: String,
    /// By name: the facts table and the entries.
    pub files: Vec<File>,
}

/// One file of the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: String,
    pub text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    algorithm: String,
    /// 64 hexadecimal digits in lower case.
    key: String,
    /// 128 hexadecimal digits in lower case.
    signature: String,
}

/// Why a file is no bundle to rely on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    #[error("this is no bundle of a base ({0}); it may be cut off or altered")]
    Form(String),
    #[error("the signature does not fit: the file was altered, or was not signed by the key it names")]
    Signature,
    #[error("the files are not those of revision {0}")]
    Revision(String),
}

impl Content {
    /// The files of a base, each with its name and its text, as a bundle will hold them.
    pub fn new<'d>(files: impl IntoIterator<Item = (&'d String, &'d String)>, workspace: &str, made_at: &str) -> Self {
        let name = |file: &str| file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
        let mut files: Vec<File> =
            files.into_iter().map(|(file, text)| File { name: name(file), text: text.clone() }).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let (format, workspace, made_at) = (FORMAT.to_owned(), workspace.to_owned(), made_at.to_owned());
        Self { format, workspace, revision: revision(&files), made_at, files }
    }
}

/// Puts a bundle together; `sign` gives a key and the signature that its secret half made.
pub fn seal(content: &Content, sign: impl FnOnce(&[u8]) -> ([u8; 32], [u8; 64])) -> String {
    let content = serde_json::to_string(content).unwrap_or_default();
    let (key, signature) = sign(&signed(&content));
    let seal = Seal { algorithm: "ed25519".to_owned(), key: hex(&key), signature: hex(&signature) };
    format!("{content}\n{}\n", serde_json::to_string(&seal).unwrap_or_default())
}

/// What is in a bundle, and the key that signed it. Whose key that is, the file cannot say.
///
/// # Errors
/// It is not as it was signed.
pub fn open(bundle: &[u8]) -> Result<(Content, String), BundleError> {
    let form = |why: &str| BundleError::Form(why.to_owned());
    let text = std::str::from_utf8(bundle).map_err(|_| form("it is not UTF-8 text"))?;
    let (first, rest) = text.split_once('\n').ok_or_else(|| form("it has one line"))?;
    let second =
        rest.strip_suffix('\n').filter(|line| !line.contains('\n')).ok_or_else(|| form("it has not two lines"))?;
    let seal: Seal = serde_json::from_str(second).map_err(|_| form("its second line is no seal"))?;
    if serde_json::to_string(&seal).ok().as_deref() != Some(second) || seal.algorithm != "ed25519" {
        return Err(form("its second line is no seal"));
    }
    let key = unhex::<32>(&seal.key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let key = key.ok_or_else(|| form("it names no key"))?;
    let signature = unhex::<64>(&seal.signature).ok_or_else(|| form("it holds no signature"))?;
    key.verify_strict(&signed(first), &Signature::from_bytes(&signature)).map_err(|_| BundleError::Signature)?;
    let content: Content = serde_json::from_str(first).map_err(|_| form("its first line is no base"))?;
    if content.format != FORMAT {
        return Err(form("it is of another form"));
    }
    if content.revision != revision(&content.files) {
        return Err(BundleError::Revision(content.revision));
    }
    Ok((content, seal.key))
}

fn signed(content: &str) -> Vec<u8> {
    [FORMAT, "\n", content].concat().into_bytes()
}

fn revision(files: &[File]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        for text in [&file.name, &file.text] {
            // Its length first: no two bases are one row of bytes.
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
    }
    format!("{:x}", digest.finalize()).chars().take(12).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Bytes from exactly as many hexadecimal digits, in lower case.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f').then(|| char::from(c).to_digit(16)).flatten();
    let digits: Vec<u32> = text.bytes().map(digit).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    let bytes: Vec<u8> = pairs.map(u8::try_from).collect::<Result<_, _>>().ok()?;
    (text.len() == 2 * N).then(|| bytes.try_into().ok()).flatten()
}
