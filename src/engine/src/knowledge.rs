//! The base that answers, and how another takes its place while answers go on. The truth is in the store; here is its
//! image. A base is read, calibrated and tried beside the answers, then committed, then exchanged in one step; a death in
//! between leaves the one or the other, and the next look at the store takes up what was committed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use townkeeper_contract::id::{EntryId, TurnId};
use townkeeper_contract::knowledge::{
    ChangeDetail, ChangeInfo, ChangeList, ChangeState, Check, ItemHistory, NewChange, NewText,
};
use townkeeper_contract::stream::Reply;
use townkeeper_core::publish::{self, Checked, Edit, Terms};
use townkeeper_core::say;
use townkeeper_knowledge::facts::is_table;
use townkeeper_knowledge::{Base, FactTable, Status, parse_with};
use townkeeper_store::{By, Denied, PublishedBase, PutChange, StoreError, fault};

use crate::{Engine, EngineError, House, accept};

/// How often the store is looked at: another node may have published, or a cooling time be over.
const LOOK: Duration = Duration::from_secs(1);

/// How often a change is tried again that another one overtook.
const TRIES: usize = 3;

/// The most items of a change, and the longest note in bytes.
const ITEMS: usize = 1_000;
const NOTE: usize = 500;

/// What is published, as this node knows it.
#[derive(Debug)]
pub(crate) struct Published {
    live: RwLock<(i64, Arc<Base>)>,
    /// Withdrawn at a revision, while the base without them is still being built.
    gone: Mutex<HashMap<EntryId, i64>>,
    /// One at a time is tried and published.
    turn: tokio::sync::Mutex<()>,
    cooling_ms: i64,
    /// Rings when another base answers.
    pub(crate) changed: Notify,
}

impl Published {
    pub(crate) fn new(base: Arc<Base>, revision: i64, cooling: Duration) -> Self {
        let cooling_ms = i64::try_from(cooling.as_millis()).unwrap_or(i64::MAX);
        Self {
            live: RwLock::new((revision, base)),
            gone: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            cooling_ms,
            changed: Notify::new(),
        }
    }

    /// The base that answers now, and its revision; 0: it is in no store.
    pub(crate) fn live(&self) -> (i64, Arc<Base>) {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        (live.0, Arc::clone(&live.1))
    }

    fn base(&self) -> Arc<Base> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    pub(crate) fn revision(&self) -> i64 {
        self.live.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// This base answers from now on, unless a later one does already.
    fn adopt(&self, revision: i64, base: Base) {
        let entries = base.len();
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if revision > live.0 {
            *live = (revision, Arc::new(base));
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, since| *since > revision);
            drop(live);
            self.changed.notify_one();
            tracing::info!(revision, entries, "the base is published");
        }
    }

    /// An entry says nothing more, whatever base is live before this revision.
    fn mask(&self, entry: EntryId, revision: i64) {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        if revision > live.0 {
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(entry, revision);
        }
    }

    /// What an entry says that was withdrawn since its turn began is not said any more.
    pub(crate) fn last_look(&self, reply: Reply, turn: &TurnId) -> Reply {
        let Some(citation) = &reply.citation else { return reply };
        let masked = self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&citation.entry);
        if masked || self.base().get(&citation.entry).is_none() { say::abstention(turn, &[]) } else { reply }
    }
}

impl House {
    /// The base that answers now. A turn looks once, at its beginning.
    pub(crate) fn base(&self) -> Arc<Base> {
        self.published.base()
    }

    async fn change(&self, number: i64) -> Result<(ChangeInfo, Vec<Edit>), EngineError> {
        let (cooling_ms, now_ms) = (self.published.cooling_ms, self.clock.now_ms());
        let found = self.store.base_change(&self.workspace, number, cooling_ms, now_ms).await?;
        found.ok_or_else(|| StoreError::from(Denied::NotThere("change")).into())
    }

    /// What these edits are held against now.
    async fn terms(&self, edits: &[Edit]) -> Result<Terms, StoreError> {
        let mut back = BTreeSet::new();
        for edit in edits {
            let Some(text) = &edit.after else { continue };
            if self.store.has_said(&self.workspace, &edit.item, text).await? {
                back.insert(edit.item.clone());
            }
        }
        Ok(Terms { evidence: self.base().evidence(), today: accept::day(self.clock.now_ms()), back })
    }

    /// Tries a change that has its voices, and publishes it if its time has come. What came of it.
    async fn carry(&self, by: &By, number: i64) -> Result<ChangeInfo, EngineError> {
        let _turn = self.published.turn.lock().await;
        for _ in 0..TRIES {
            let (info, edits) = self.change(number).await?;
            if !matches!(info.state, ChangeState::Ready | ChangeState::Cooling) {
                return Ok(info);
            }
            let published = self.store.published_base(&self.workspace).await?;
            let revision = published.revision;
            let terms = self.terms(&edits).await?;
            let checked = match beside(move || publish::check(&published.documents, &edits, &terms)).await? {
                Ok(Checked { base, .. }) => base,
                Err(faults) => {
                    tracing::warn!(change = number, ?faults, "a change was refused; what is published stays");
                    let refused = self.store.end_change(by.clone(), number, Some(faults.join("\n"))).await;
                    return self.ended(number, refused).await;
                }
            };
            if info.state == ChangeState::Cooling {
                return Ok(info);
            }
            let by = By { now_ms: self.clock.now_ms(), ..by.clone() };
            match self.store.publish_change(by, number, revision, self.published.cooling_ms).await {
                Ok(revision) => {
                    fault!("knowledge.swap");
                    self.published.adopt(revision, checked);
                    return Ok(self.change(number).await?.0);
                }
                Err(StoreError::Denied(Denied::Moved)) => {}
                Err(error) => return self.ended(number, Err(error)).await,
            }
        }
        Ok(self.change(number).await?.0)
    }

    /// What became of a change; another node may have been faster.
    async fn ended(&self, number: i64, ended: Result<(), StoreError>) -> Result<ChangeInfo, EngineError> {
        match ended {
            Ok(()) | Err(StoreError::Denied(Denied::Ended)) => Ok(self.change(number).await?.0),
            Err(error) => Err(error.into()),
        }
    }
}

/// Works off what takes long, beside the answers.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| EngineError::Unchecked)
}

/// Takes up what other nodes published, and publishes what has cooled.
pub(crate) async fn run(house: Arc<House>) {
    let mut failed = None;
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = look(&house, &mut failed).await {
            // Whatever was published stays so.
            tracing::warn!(%error, "the base could not be looked at in the store; trying again");
        }
    }
}

/// `failed`: the revision that cannot be read here; it is said once.
async fn look(house: &House, failed: &mut Option<i64>) -> Result<(), EngineError> {
    let (revision, approved) = house.store.base_pulse(&house.workspace).await?;
    if revision > house.published.revision() && *failed != Some(revision) {
        let PublishedBase { revision, documents } = house.store.published_base(&house.workspace).await?;
        let evidence = house.base().evidence();
        match beside(move || publish::read(&documents, evidence)).await? {
            Ok(base) => house.published.adopt(revision, base),
            Err(faults) => {
                *failed = Some(revision);
                tracing::error!(
                    revision,
                    ?faults,
                    "what another node published cannot be read here; the earlier base stays"
                );
            }
        }
    }
    for number in approved {
        if house.change(number).await?.0.state == ChangeState::Ready {
            let (actor, method) = ("host".to_owned(), "cooled".to_owned());
            let by = By { workspace: house.workspace.clone(), actor, method, now_ms: house.clock.now_ms() };
            house.carry(&by, number).await?;
        }
    }
    Ok(())
}

impl Engine {
    /// Puts a change, or an open one anew, after its documents were read. [`EngineError::BadBase`] names what is wrong.
    pub async fn put_change(&self, by: By, new: NewChange) -> Result<ChangeInfo, EngineError> {
        let NewChange { change, note, items } = new;
        let mut faults: Vec<String> = Vec::new();
        if items.is_empty() || items.len() > ITEMS || note.len() > NOTE {
            faults.push(format!("a change has 1 to {ITEMS} items and a note of at most {NOTE} bytes"));
        }
        let facts = self.facts_with(&items).await?;
        let mut names = BTreeSet::new();
        for new in &items {
            if !names.insert(new.item.as_str()) {
                faults.push(format!("{}: it stands there twice; keep one", new.item));
            }
            let read = new.text.as_ref().map_or(Ok(()), |text| publish::document(&new.item, text, &facts));
            faults.extend(read.err().into_iter().flatten().map(|fault| fault.to_string()));
        }
        if !faults.is_empty() {
            return Err(EngineError::BadBase(faults));
        }
        let items = items.into_iter().map(|new| (new.item, new.text)).collect();
        let number = self.house.store.put_change(PutChange { by, change, note, items }).await?;
        Ok(self.house.change(number).await?.0)
    }

    /// The facts that there would be with these items.
    async fn facts_with(&self, items: &[NewText]) -> Result<FactTable, EngineError> {
        let mut documents = self.house.store.published_base(&self.house.workspace).await?.documents;
        documents.retain(|(name, _)| !items.iter().any(|new| new.item == *name));
        documents.extend(items.iter().filter_map(|new| Some((new.item.clone(), new.text.clone()?))));
        Ok(publish::facts(&documents))
    }

    /// Every document that is published, with its name; drafts too.
    pub async fn documents(&self) -> Result<Vec<publish::Document>, EngineError> {
        Ok(self.house.store.published_base(&self.house.workspace).await?.documents)
    }

    /// Open changes, and the newest that have ended.
    pub async fn changes(&self) -> Result<ChangeList, EngineError> {
        let house = &self.house;
        let (cooling_ms, now_ms) = (house.published.cooling_ms, house.clock.now_ms());
        let list = house.store.base_changes(&house.workspace, cooling_ms, now_ms).await?;
        Ok(ChangeList { files_differ: house.store.differing_files(&house.workspace).await?, ..list })
    }

    /// A change, its diff, and what the base would be with it.
    pub async fn change(&self, number: i64) -> Result<ChangeDetail, EngineError> {
        let (change, edits) = self.house.change(number).await?;
        let diff = publish::diff(&edits);
        let ended = matches!(change.state, ChangeState::Published | ChangeState::Refused | ChangeState::Withdrawn);
        let check = if ended { None } else { Some(self.try_out(edits).await?) };
        Ok(ChangeDetail { change, diff, check })
    }

    async fn try_out(&self, edits: Vec<Edit>) -> Result<Check, EngineError> {
        let published = self.house.store.published_base(&self.house.workspace).await?;
        let terms = self.house.terms(&edits).await?;
        Ok(match beside(move || publish::check(&published.documents, &edits, &terms)).await? {
            Ok(Checked { base, warnings }) => Check {
                good: true,
                faults: Vec::new(),
                warnings,
                entries: base.len(),
                promise: Some(say::promise(&base.calibration().all)),
            },
            Err(faults) => {
                Check { good: false, faults, warnings: Vec::new(), entries: self.base().len(), promise: None }
            }
        })
    }

    /// Approves what was looked at. With the last voice it is tried, and published as soon as it may be.
    pub async fn approve_change(&self, by: By, number: i64, hash: &str) -> Result<ChangeInfo, EngineError> {
        self.house.store.approve_change(by.clone(), number, hash).await?;
        self.house.carry(&by, number).await
    }

    /// Takes back a change that is not published.
    pub async fn withdraw_change(&self, by: By, number: i64) -> Result<ChangeInfo, EngineError> {
        self.house.store.end_change(by, number, None).await?;
        Ok(self.house.change(number).await?.0)
    }

    /// Takes an item out of the base. It answers nothing any more when this returns; one is enough.
    pub async fn withdraw_item(&self, by: By, item: &str) -> Result<ChangeInfo, EngineError> {
        let house = &self.house;
        let mut published = house.store.published_base(&house.workspace).await?.documents;
        let Some(at) = published.iter().position(|(name, _)| name == item) else {
            return Err(StoreError::from(Denied::NotThere("item")).into());
        };
        let facts = publish::facts(&published);
        let (_, text) = published.remove(at);
        let read = |name: &str, text: &str| parse_with(name, text, &facts).ok();
        if is_table(item) {
            let remedy = "entries show what it holds; withdraw those, or change it";
            return Err(EngineError::BadBase(vec![format!("{item} cannot be withdrawn: {remedy}")]));
        }
        let is_shown =
            |(name, text): &(String, String)| read(name, text).is_some_and(|entry| entry.status != Status::Draft);
        if !published.iter().any(is_shown) {
            let remedy = "a base has at least one entry; to stop every answer, freeze: `townkeeper freeze`";
            return Err(EngineError::BadBase(vec![format!("{item} is the last: {remedy}")]));
        }
        // It waits for nobody who is trying a change: that one finds the base moved, and tries again.
        let number = house.store.withdraw_item(by, item).await?;
        let change = house.change(number).await?.0;
        if let (Some(entry), Some(revision)) = (read(item, &text), change.revision) {
            house.published.mask(entry.id, revision);
        }
        look(house, &mut None).await?;
        Ok(change)
    }

    /// Puts an earlier revision of an item as a change; where it was withdrawn then, withdraws it.
    pub async fn roll_back(&self, by: By, item: &str, to: i64) -> Result<ChangeInfo, EngineError> {
        let house = &self.house;
        let Some(text) = house.store.item_at(&house.workspace, item, to).await? else {
            return self.withdraw_item(by, item).await;
        };
        let (note, items) = (format!("back to revision {to}"), vec![(item.to_owned(), Some(text))]);
        let number = house.store.put_change(PutChange { by, change: None, note, items }).await?;
        Ok(house.change(number).await?.0)
    }

    /// What an item said, newest first.
    pub async fn item_history(&self, item: &str) -> Result<ItemHistory, EngineError> {
        let history = self.house.store.item_history(&self.house.workspace, item).await?;
        if history.revisions.is_empty() { Err(StoreError::from(Denied::NotThere("item")).into()) } else { Ok(history) }
    }
}
