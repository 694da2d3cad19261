//! `townkeeper knowledge export` and `verify`: the base for others, as rows of JSON or as one signed file.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, SecondsFormat};
use clap::{Args, ValueEnum};
use serde_json::json;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::keys::{Keyring, unhex};
use townkeeper_knowledge::bundle::{self, Content};
use townkeeper_knowledge::{Written, export};

use crate::cli::Place;
use crate::knowledge;
use crate::out;
use crate::settings::{self, Settings};

/// The largest bundle that is read, in bytes.
const CAP: u64 = 256 * 1024 * 1024;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// An entry a line, facts in their places
    Jsonl,
    /// Everything in one file, signed with the daemon's key
    Bundle,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A bundle, as `export --format bundle` writes it
    file: PathBuf,
    /// The key that must have signed it: 64 hexadecimal digits, or a file with what /.well-known/townkeeper.json says
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(place: &Place, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(place, None)?;
    let written = knowledge::readable(&settings.knowledge)?;
    let text = match args.format {
        Format::Jsonl => export::jsonl(&written),
        Format::Bundle => signed(&settings, &written, place.workspace.as_deref().unwrap_or("main"))?,
    };
    let Some(path) = args.out else {
        out::part(&text);
        return Ok(ExitCode::SUCCESS);
    };
    let unable = || format!("cannot write {}", path.display());
    let mut file = fs::File::options().write(true).create_new(true).open(&path).with_context(unable)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(unable)?;
    out::line(format!("{} holds {} entries", path.display(), written.entries.len()));
    Ok(ExitCode::SUCCESS)
}

fn signed(settings: &Settings, written: &Written, workspace: &str) -> anyhow::Result<String> {
    let now_ms = Clock::system().now_ms();
    let credentials = settings::credentials_folder();
    let here = settings.data.join("signing.key").exists() || credentials.is_some();
    if !here {
        bail!("there is no signing key in {}; start the daemon once, it makes one", settings.data.display());
    }
    let ring = Keyring::open(&settings.data, credentials.as_deref(), now_ms)?;
    let current = ring.published(now_ms).into_iter().next().ok_or_else(|| anyhow!("no key is published"))?;
    let key: Option<[u8; 32]> = unhex(&current.key).and_then(|key| key.try_into().ok());
    let key = key.context("the published key cannot be read")?;
    let made_at = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    let content = Content::new(written, workspace, &made_at.to_rfc3339_opts(SecondsFormat::Secs, true));
    Ok(bundle::seal(&content, &key, |bytes| ring.sign(bytes)))
}

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let unable = || format!("cannot read {}", args.file.display());
    let mut bytes = Vec::new();
    fs::File::open(&args.file).with_context(unable)?.take(CAP).read_to_end(&mut bytes).with_context(unable)?;
    let wanted = args.key.as_deref().map(keys).transpose()?;
    let named = |key: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(key));
    let checked = bundle::open(&bytes).map_err(|error| error.to_string()).and_then(|(content, key)| {
        let stranger = || format!("it was signed by {key}, which is not the key you named");
        if named(&key) { Ok((content, key)) } else { Err(stranger()) }
    });
    match checked {
        Ok((content, key)) => good(args, &content, &key),
        Err(why) if args.json => {
            out::json(&json!({ "valid": false, "why": why }))?;
            Ok(ExitCode::FAILURE)
        }
        Err(why) => bail!("{} is not valid: {why}", args.file.display()),
    }
}

fn good(args: &VerifyArgs, content: &Content, key: &str) -> anyhow::Result<ExitCode> {
    let Content { workspace, revision, made_at, files, .. } = content;
    if args.json {
        let files = files.len();
        out::json(&json!({
            "valid": true, "key": key, "workspace": workspace, "revision": revision, "made_at": made_at, "files": files,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (workspace, made_at) = (out::words(workspace), out::words(made_at));
    out::line(format!("Valid: revision {revision} of {workspace}, {} files, made {made_at}", files.len()));
    out::line(format!("Signed by {key}"));
    if args.key.is_none() {
        out::line(
            "Whose key that is, the file cannot say: compare it with the town's /.well-known/townkeeper.json, or use --key.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The keys that may have signed: one in digits, or those of a file.
fn keys(given: &str) -> anyhow::Result<Vec<String>> {
    let is_key = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_key(given) {
        return Ok(vec![given.to_owned()]);
    }
    let text = fs::read_to_string(Path::new(given)).with_context(|| {
        format!("{given} is neither a key (64 hexadecimal digits in lower case) nor a file with keys")
    })?;
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let keys: Vec<String> = words.filter(|word| is_key(word)).map(str::to_owned).collect();
    if keys.is_empty() {
        bail!("{given} holds no key (64 hexadecimal digits in lower case)");
    }
    Ok(keys)
}
