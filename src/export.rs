//! `townkeeper knowledge export` and `verify`: what is published, for others, as rows of JSON or as one signed file.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use townkeeper_client::Client;
use townkeeper_knowledge::bundle::{self, Content};
use townkeeper_knowledge::{Written, export};

use crate::cli::{Daemon, Place};
use crate::knowledge::{self, KnowledgeSection};
use crate::{api, out};

/// The largest bundle that is read, in bytes.
const CAP: u64 = 256 * 1024 * 1024;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// An entry a line, facts in their places
    Jsonl,
    /// Everything in one file, drafts too, signed by the daemon
    Bundle,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The entries of this folder instead, without a daemon: they need not be what is published, hence are not signed
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    daemon: Daemon,
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

pub(crate) async fn run(place: &Place, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let (text, entries) = match (&args.folder, args.format) {
        (Some(_), Format::Bundle) => bail!(
            "what is signed is what is published: propose the folder with `townkeeper knowledge draft`, or export it as JSONL"
        ),
        (Some(folder), Format::Jsonl) => rows(&knowledge::readable(&KnowledgeSection::of(folder)?)?),
        (None, format) => published(&api::client(place, &args.daemon)?, format).await?,
    };
    let Some(path) = args.out else {
        out::part(&text);
        return Ok(ExitCode::SUCCESS);
    };
    let unable = || format!("cannot write {}", path.display());
    let mut file = fs::File::options().write(true).create_new(true).open(&path).with_context(unable)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(unable)?;
    if args.daemon.json {
        out::json(&json!({ "file": path, "entries": entries }))?;
    } else {
        out::line(format!("{} holds {entries} entries", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the daemon has published, and how many entries that are.
async fn published(client: &Client, format: Format) -> anyhow::Result<(String, usize)> {
    let text = client.bundle().await?;
    let (content, _) = bundle::open(text.as_bytes())?;
    let files = content.files.into_iter().map(|file| (file.name, file.text.into_bytes())).collect();
    let written = Written::read(files).or_else(|faults| knowledge::refuse(&faults))?;
    Ok(match format {
        Format::Jsonl => rows(&written),
        Format::Bundle => (text, written.entries.len()),
    })
}

fn rows(written: &Written) -> (String, usize) {
    let rows = export::jsonl(written);
    let count = rows.lines().count();
    (rows, count)
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
