//! Public lists of bad hosts: fetched when they are due, checked, kept in the data folder, and exchanged whole. One
//! keeper serves every workspace of a daemon. Whatever goes wrong, the last good list stays, over a restart too.

mod kept;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use std::{fs, io};

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use townkeeper_contract::lists::PublicList;
use townkeeper_fetch::{FetchError, Fetcher, Page, Rules, Url};
use townkeeper_shield::behaviour;
use townkeeper_shield::facts::Facts;
use townkeeper_shield::known::Known;
use townkeeper_shield::lists::{Format, Guard, List, Refusal};
use townkeeper_store::guard;

use crate::House;
use crate::clock::Clock;
use kept::{Head, Kept, called};

/// The largest list, in bytes, after decompression.
const BYTES: usize = 64 << 20;
/// How long a list may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long after a failure it is tried again.
const RETRY_MS: i64 = 30 * 60 * 1000;
/// The longest sleep: a clock may be set meanwhile.
const NAP: Duration = Duration::from_mins(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// What servers of files call lists.
const TYPES: &[&str] = &[
    "text/plain",
    "application/json",
    "application/octet-stream",
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "",
];

/// A list that somebody publishes.
#[derive(Clone, Debug)]
pub struct Source {
    /// 1 to 32 of a-z, 0-9 and `-`: its file is called by it.
    pub name: String,
    pub url: Url,
    /// Its keepers' terms, or that they state none.
    pub licence: String,
    /// What it is, in a line.
    pub what: String,
    pub every: Duration,
    pub format: Format,
}

/// Why a list was not taken.
#[derive(Debug, Error)]
enum Failure {
    #[error("{0}")]
    Fetch(FetchError),
    #[error("it leads to {0}; write the address that it leads to")]
    Elsewhere(String),
    #[error("refused: {0}")]
    Refused(Refusal),
    #[error("it cannot be kept in the data folder: {0}")]
    Disk(#[from] io::Error),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Host { host } => Self::Elsewhere(host),
            error => Self::Fetch(error),
        }
    }
}

/// All public lists of a daemon. The default has none.
#[derive(Debug, Default)]
pub struct Keeper {
    folder: PathBuf,
    clock: Clock,
    lists: Vec<Fetched>,
    /// What is gone by; exchanged whole.
    public: RwLock<Arc<Vec<List>>>,
    /// Whose own hosts no list may deny.
    wards: Mutex<Vec<Weak<House>>>,
}

#[derive(Debug)]
struct Fetched {
    source: Source,
    state: Mutex<State>,
    /// Held while it is fetched.
    alone: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct State {
    kept: Option<Kept>,
    failed: Option<String>,
    tried_ms: i64,
}

impl Keeper {
    /// Reads the last good lists from the data folder, and asks nobody. What is no longer configured is thrown away.
    pub fn open(data: &Path, sources: Vec<Source>, clock: Clock) -> Self {
        let folder = data.join("lists");
        sweep(&folder, &sources);
        let lists = sources.into_iter().map(|source| Fetched::open(&folder, source)).collect();
        let keeper = Self { folder, clock, lists, ..Self::default() };
        keeper.exchange();
        keeper
    }

    /// What is denied now. Cheap; the same `Arc` until it changes.
    pub(crate) fn public(&self) -> Arc<Vec<List>> {
        Arc::clone(&self.public.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on no list is taken that denies what is this house's own.
    pub(crate) fn protect(&self, house: &Arc<House>) {
        self.wards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(house));
    }

    /// How each list is.
    pub fn shown(&self) -> Vec<PublicList> {
        let now_ms = self.clock.now_ms();
        self.lists.iter().map(|list| list.shown(now_ms)).collect()
    }

    /// Fetches one now, or waits for whoever does so; `None`: there is none of that name.
    pub async fn fetch(&self, name: &str) -> Option<PublicList> {
        let list = self.lists.iter().find(|list| list.source.name == name)?;
        self.renew(list).await;
        Some(list.shown(self.clock.now_ms()))
    }

    /// Fetches what is due, for ever.
    pub async fn run(&self) {
        loop {
            for list in &self.lists {
                if list.due_ms(self.clock.now_ms()) <= self.clock.now_ms() {
                    self.renew(list).await;
                }
            }
            tokio::time::sleep(NAP).await;
        }
    }

    async fn renew(&self, list: &Fetched) {
        let _alone = list.alone.lock().await;
        let now_ms = self.clock.now_ms();
        let name = list.source.name.as_str();
        let outcome = self.newest(list, now_ms).await;
        let word = match &outcome {
            Ok((_, true)) => "taken",
            Ok((_, false)) => "same",
            Err(Failure::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("townkeeper_shield_list_fetches_total", "list" => name.to_owned(), "outcome" => word)
            .increment(1);
        {
            let mut state = list.state();
            state.tried_ms = now_ms;
            match outcome {
                Ok((kept, _)) => {
                    tracing::info!(list = name, hosts = kept.list.len(), outcome = word, "a public list was fetched");
                    (state.kept, state.failed) = (Some(kept), None);
                }
                Err(failure) => {
                    let why = Some(failure.to_string());
                    if state.failed != why {
                        tracing::warn!(list = name, %failure, "a public list was not taken; the last good one stays");
                    }
                    state.failed = why;
                }
            }
        }
        if word == "taken" {
            self.exchange();
        }
    }

    /// What the source has, checked and on disk, and whether it is new.
    async fn newest(&self, list: &Fetched, now_ms: i64) -> Result<(Kept, bool), Failure> {
        let source = list.source.clone();
        let old = list.state().kept.clone().filter(|kept| kept.head.url == source.url.as_str());
        let since = old.as_ref().map(|kept| kept.head.validators()).unwrap_or_default();
        let page = fetcher(&source)?.get_if_changed(&source.url, &since).await?;
        let (known, allow) = self.ours();
        let file = file(&self.folder, &source.name);
        let checked = tokio::task::spawn_blocking(move || {
            let is_new = page.is_some();
            let kept = match (page, old) {
                (None, Some(old)) => Kept { head: Head { checked_ms: now_ms, ..old.head }, list: old.list },
                (page, old) => {
                    let old = old.map(|kept| kept.list).unwrap_or_default();
                    let guard = Guard { old: &old, known: &known, allow: &allow };
                    admitted(page.as_ref(), &source, &guard, now_ms)?
                }
            };
            kept.save(&file)?;
            Ok((kept, is_new))
        });
        checked.await.map_err(|error| Failure::Disk(io::Error::other(error)))?
    }

    /// What is ours in any workspace, and what is allowed in any.
    fn ours(&self) -> (Known, Vec<List>) {
        let houses: Vec<Arc<House>> =
            self.wards.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        let allow = houses.iter().map(|house| house.shield.allowed().clone()).collect();
        if !guard!("lists.ours") {
            return (Known::default(), allow);
        }
        let hosts = houses.iter().flat_map(|house| {
            let base = house.base();
            base.allowed().hosts().map(str::to_owned).collect::<Vec<_>>()
        });
        (Known::new(&Facts { hosts: hosts.collect(), ..Facts::default() }), allow)
    }

    /// Puts what is kept now in the place of what was gone by.
    fn exchange(&self) {
        let mut public = Vec::new();
        for list in &self.lists {
            let kept = list.state().kept.as_ref().map(|kept| kept.list.clone());
            let hosts = u32::try_from(kept.as_ref().map_or(0, List::len)).unwrap_or(u32::MAX);
            metrics::gauge!("townkeeper_shield_list_hosts", "list" => list.source.name.clone()).set(hosts);
            public.extend(kept);
        }
        *self.public.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(public);
    }
}

impl Fetched {
    fn open(folder: &Path, source: Source) -> Self {
        let loaded = Kept::load(&file(folder, &source.name), &source.name);
        let (kept, failed) = match loaded {
            Ok(kept) => (kept, None),
            Err(error) => {
                tracing::warn!(list = source.name, %error, "a kept list cannot be used");
                (None, Some(error.to_string()))
            }
        };
        let state = State { kept, failed, tried_ms: 0 };
        Self { source, state: Mutex::new(state), alone: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it is to be fetched. Apart by their names, so that not all of the world's daemons come at once.
    fn due_ms(&self, now_ms: i64) -> i64 {
        let state = self.state();
        let apart = |span: i64| i64::try_from(behaviour::key(&self.source.name) % 1024).unwrap_or(0) * span / 8192;
        let every = i64::try_from(self.source.every.as_millis()).unwrap_or(i64::MAX / 2);
        match &state.kept {
            _ if state.failed.is_some() && state.tried_ms > 0 => {
                state.tried_ms.min(now_ms) + RETRY_MS + apart(RETRY_MS)
            }
            Some(kept) if kept.head.url == self.source.url.as_str() => {
                kept.head.checked_ms.min(now_ms) + every + apart(every)
            }
            _ => 0,
        }
    }

    fn shown(&self, now_ms: i64) -> PublicList {
        let (state, source) = (self.state().clone(), self.source.clone());
        let kept = state.kept.as_ref();
        let size = |size: fn(&List) -> usize| kept.map_or(0, |kept| size(&kept.list) as u64);
        PublicList {
            name: source.name,
            url: source.url.to_string(),
            licence: source.licence,
            what: source.what,
            hosts: size(List::len),
            bytes: size(List::bytes),
            sha256: kept.map(|kept| kept.head.sha256.clone()),
            fetched_ms: kept.map(|kept| kept.head.fetched_ms),
            checked_ms: kept.map(|kept| kept.head.checked_ms),
            age_days: kept.map(|kept| (now_ms - kept.head.checked_ms).max(0) / DAY_MS),
            failed: state.failed,
        }
    }
}

/// A page that is a good list.
fn admitted(page: Option<&Page>, source: &Source, guard: &Guard<'_>, now_ms: i64) -> Result<Kept, Failure> {
    let (body, said) = page.map(|page| (page.body.as_slice(), page.validators.clone())).unwrap_or_default();
    let list = guard.admit(body, source.format, &called(&source.name, now_ms)).map_err(Failure::Refused)?;
    let head = Head {
        url: source.url.to_string(),
        etag: said.etag,
        last_modified: said.last_modified,
        sha256: format!("{:x}", Sha256::digest(body)),
        fetched_ms: now_ms,
        checked_ms: now_ms,
    };
    Ok(Kept { head, list })
}

/// One that asks this source's host alone.
fn fetcher(source: &Source) -> Result<Fetcher, FetchError> {
    let hosts = source.url.host_str().map(str::to_owned).into_iter().collect();
    let rules = Rules { hosts, types: TYPES, bytes: BYTES, within: WITHIN };
    #[cfg(feature = "faults")]
    if !guard!("fetch.gates") {
        return Fetcher::near(rules);
    }
    Fetcher::new(rules)
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.list"))
}

/// Throws away what belongs to no list that is configured: to take one out and in again is to begin anew.
fn sweep(folder: &Path, sources: &[Source]) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if sources.iter().any(|source| file(folder, &source.name) == path) {
            continue;
        }
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "an old list could not be thrown away");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_770_163_200_000;
    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn fetched(name: &str, every_hours: u64) -> Fetched {
        let source = Source {
            name: name.to_owned(),
            url: Url::parse("https://lists.example.org/a").unwrap(),
            licence: "MIT".to_owned(),
            what: String::new(),
            every: Duration::from_hours(every_hours),
            format: Format::Auto,
        };
        Fetched::open(Path::new("/nowhere"), source)
    }

    fn keep(list: &Fetched, url: &str, checked_ms: i64) {
        let head = Head {
            url: url.to_owned(),
            etag: None,
            last_modified: None,
            sha256: String::new(),
            fetched_ms: checked_ms,
            checked_ms,
        };
        list.state().kept = Some(Kept { head, list: List::new(["scam.example.net"], "") });
    }

    #[test]
    fn a_list_is_due_by_its_age_apart_by_its_name_and_after_a_failure_soon() {
        let list = fetched("a", 24);
        assert_eq!(list.due_ms(NOW_MS), 0, "never fetched");
        keep(&list, "https://lists.example.org/a", NOW_MS);
        let due = list.due_ms(NOW_MS) - NOW_MS;
        assert!((24 * HOUR_MS..27 * HOUR_MS).contains(&due), "{due}");
        let other = fetched("b", 24);
        keep(&other, "https://lists.example.org/a", NOW_MS);
        assert_ne!(other.due_ms(NOW_MS) - NOW_MS, due);
        // A clock that went wrong for a while stops nothing for longer than that.
        assert_eq!(list.due_ms(NOW_MS - 1000 * HOUR_MS), NOW_MS - 1000 * HOUR_MS + due);
        {
            let mut state = list.state();
            (state.failed, state.tried_ms) = (Some("it is away".to_owned()), NOW_MS);
        }
        let retry = list.due_ms(NOW_MS) - NOW_MS;
        assert!((RETRY_MS..RETRY_MS * 9 / 8).contains(&retry), "{retry}");
        list.state().failed = None;
        keep(&list, "https://lists.example.org/before", NOW_MS);
        assert_eq!(list.due_ms(NOW_MS), 0, "another address is another list");
    }

    #[test]
    fn age_is_shown_in_days_since_its_source_confirmed_it() {
        let list = fetched("a", 24);
        assert_eq!(list.shown(NOW_MS).age_days, None);
        keep(&list, "https://lists.example.org/a", NOW_MS - 73 * HOUR_MS);
        let shown = list.shown(NOW_MS);
        assert_eq!((shown.age_days, shown.hosts, shown.failed), (Some(3), 1, None));
    }
}
