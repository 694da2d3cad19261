//! `townkeeper knowledge import`: drafts of entries from what others wrote. It fills a folder and publishes nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::DateTime;
use clap::Args;
use serde_json::json;
use townkeeper_engine::clock::Clock;
use townkeeper_fetch::{FetchError, Fetcher, Page, Rules, Url};
use townkeeper_knowledge::EntryError;
use townkeeper_knowledge::import::{self, DraftFile, Import};

use crate::out;

/// The largest file that is read, in bytes.
const CAP: u64 = 64 * 1024 * 1024;
/// The largest page, in bytes.
const PAGE: usize = 4 * 1024 * 1024;
/// So many pages of a site are read, and so many maps.
const PAGES: usize = 2_000;
const MAPS: usize = 20;
/// How deep folders are followed.
const DEPTH: usize = 16;
/// How often it says how far it is.
const EACH: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file (.jsonl, .csv, .md), a folder of Markdown files, or the https address of a page or a sitemap.xml
    #[arg(value_name = "FILE|FOLDER|URL")]
    source: String,
    /// Folder for the drafts; existing files are never replaced
    #[arg(long, default_value = "drafts", value_name = "FOLDER")]
    out: PathBuf,
    /// A further host that pages may come from; the address's own is allowed
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Print JSON: what became of it
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let import = match Url::parse(&args.source) {
        Ok(url) if args.source.contains("://") => site(&url, &args.hosts).await?,
        _ => local(Path::new(&args.source))?,
    };
    let today = DateTime::from_timestamp_millis(Clock::system().now_ms()).unwrap_or_default().date_naive();
    let files = import::files(&import.drafts, today);
    write(&args.out, &files)?;
    report(&args, &files, &import.faults)?;
    Ok(if import.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(args: &ImportArgs, files: &[DraftFile], faults: &[EntryError]) -> anyhow::Result<()> {
    let unfinished = files.iter().filter(|file| !file.complete).count();
    if args.json {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        return out::json(&json!({ "drafts": names, "need_variants": unfinished, "faults": faults, "out": args.out }));
    }
    for fault in faults {
        out::hint(out::words(&fault.to_string()));
    }
    out::line(format!("{} draft(s) in {}; {} could not be read", files.len(), args.out.display(), faults.len()));
    if unfinished > 0 {
        out::line(format!("{unfinished} of them need more ways to ask before they can be used (three at least)"));
    }
    if !files.is_empty() {
        out::line("Nothing is published. Read each draft, complete it, and move it into the base's folder.");
    }
    Ok(())
}

fn write(folder: &Path, files: &[DraftFile]) -> anyhow::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for DraftFile { name, text, .. } in files {
        let path = folder.join(name);
        let unable = || format!("cannot write {}; name an empty folder with --out", path.display());
        let mut file = fs::File::options().write(true).create_new(true).open(&path).with_context(unable)?;
        file.write_all(text.as_bytes()).with_context(unable)?;
    }
    Ok(())
}

fn local(path: &Path) -> anyhow::Result<Import> {
    let found = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if found.is_file() {
        return read(path);
    }
    let mut paths = Vec::new();
    walk(path, DEPTH, &mut paths)?;
    paths.sort();
    let mut import = Import::default();
    for path in paths {
        import.extend(read(&path)?);
    }
    Ok(import)
}

/// Every Markdown file below a folder; links to elsewhere are not followed.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let unable = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unable)? {
        let entry = entry.with_context(unable)?;
        let (path, kind) = (entry.path(), entry.file_type().with_context(unable)?);
        if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Import> {
    let name = path.display().to_string();
    let unable = || format!("cannot read {name}");
    let bytes = fs::metadata(path).with_context(unable)?.len();
    if bytes > CAP {
        bail!("{name} has {bytes} bytes, at most {CAP} are read; split it");
    }
    let bytes = fs::read(path).with_context(unable)?;
    Ok(match path.extension().and_then(|end| end.to_str()) {
        Some("jsonl" | "ndjson") => import::jsonl(&name, &bytes),
        Some("csv") => import::csv(&name, &bytes),
        Some("md" | "markdown") => import::markdown(&name, &bytes),
        _ => bail!("{name} is none of .jsonl, .csv and .md; name its form by its ending"),
    })
}

/// A page, or all pages that a map lists.
async fn site(url: &Url, more: &[String]) -> anyhow::Result<Import> {
    let mut hosts: Vec<String> = url.host_str().map(str::to_owned).into_iter().collect();
    hosts.extend(more.iter().map(|host| host.to_lowercase()));
    let types = &["text/html", "application/xhtml+xml", "application/xml", "text/xml"];
    let fetcher = Fetcher::new(Rules { hosts, types, bytes: PAGE, within: townkeeper_fetch::TOTAL })?;
    let first = fetcher.get(url).await?;
    if first.media.ends_with("html") || first.media.ends_with("xhtml+xml") {
        return Ok(import::page(first.url.as_str(), &first.body));
    }
    let mut import = Import::default();
    let pages = pages(&fetcher, first, &mut import).await;
    for (n, place) in pages.iter().take(PAGES).enumerate() {
        if n % EACH == 0 {
            out::hint(format!("page {} of {}", n + 1, pages.len().min(PAGES)));
        }
        match fetch(&fetcher, place).await {
            Ok(page) => import.extend(import::page(page.url.as_str(), &page.body)),
            Err(fault) => import.faults.push(fault),
        }
    }
    if pages.len() > PAGES {
        let (reason, remedy) =
            (format!("the site has {} pages, {PAGES} were read", pages.len()), "import its parts".to_owned());
        import.faults.push(EntryError { file: url.to_string(), line: 0, reason, remedy });
    }
    Ok(import)
}

/// The pages that a map lists, and the maps that it lists.
async fn pages(fetcher: &Fetcher, first: Page, import: &mut Import) -> Vec<String> {
    let mut pages = Vec::new();
    let mut maps = Vec::new();
    let mut read = |page: &Page, import: &mut Import| match import::sitemap(page.url.as_str(), &page.body) {
        Ok(map) => {
            pages.extend(map.pages);
            map.maps
        }
        Err(fault) => {
            import.faults.push(fault);
            Vec::new()
        }
    };
    maps.extend(read(&first, import));
    // A map of maps lists pages below it, not further maps.
    for place in maps.iter().take(MAPS) {
        match fetch(fetcher, place).await {
            Ok(page) => drop(read(&page, import)),
            Err(fault) => import.faults.push(fault),
        }
    }
    pages
}

async fn fetch(fetcher: &Fetcher, place: &str) -> Result<Page, EntryError> {
    let fault = |reason: String, remedy: &str| EntryError {
        file: place.to_owned(),
        line: 0,
        reason,
        remedy: remedy.to_owned(),
    };
    let url = Url::parse(place).map_err(|error| fault(format!("no address ({error})"), "correct the map"))?;
    fetcher.get(&url).await.map_err(|error| {
        let remedy = match &error {
            FetchError::Host { .. } => "allow it with --allow-host if it is yours",
            _ => "look at the page, and import it by itself",
        };
        fault(error.to_string(), remedy)
    })
}
