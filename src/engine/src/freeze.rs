//! The freeze: one switch before everything that leaves. Each request outward holds a [`Pass`]; while the town is frozen
//! there are none to have. A freeze is acknowledged when nothing is under way any more.
//!
//! The truth is in the store (one freezes, two thaw); here is its image, so that asking costs nothing and a freeze holds
//! while the store is away. A file `freeze` on the host freezes too, with no API, store or chat to be asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use townkeeper_contract::Stop;
use townkeeper_contract::access::FreezeState;
use townkeeper_store::{By, StoreError, guard};

use crate::{Engine, EngineError, House};

/// How often the file and the store are looked at: another daemon on the same database may have frozen.
const LOOK: Duration = Duration::from_secs(1);

/// How long requests that are under way may take to be answered; then they are cut off, and are in doubt.
const PATIENCE: Duration = Duration::from_secs(3);

/// What left just before is still on the wire, where nobody can take it back; it has landed when this is over.
const LANDING: Duration = Duration::from_millis(300);

/// How often it is asked whether the other daemons on the same database are quiet.
const ASK: Duration = Duration::from_millis(50);

/// The switch. Everything about it is in one cell, so that passing and freezing cannot miss each other.
#[derive(Debug)]
pub(crate) struct Freeze {
    cell: watch::Sender<Cell>,
    file: Option<PathBuf>,
}

#[derive(Debug)]
struct Cell {
    state: FreezeState,
    /// Counts what was done here; what was read from the store before is older.
    changes: u64,
    /// Frozen here and not written yet.
    unwritten: Option<(By, String)>,
    /// Requests under way.
    out: usize,
    /// When the last of them began.
    began: Option<Instant>,
    /// Cuts them off.
    cut: Stop,
    /// The one message that may still leave: the acknowledgement, where it was a chat that froze.
    last_words: Option<String>,
}

impl Cell {
    fn is_frozen(&self) -> bool {
        self.state.frozen || self.state.file
    }

    fn pass(&mut self) -> Stop {
        self.out += 1;
        self.began = Some(Instant::now());
        self.cut.clone()
    }
}

impl Default for Freeze {
    fn default() -> Self {
        let cell = Cell {
            state: FreezeState::default(),
            changes: 0,
            unwritten: None,
            out: 0,
            began: None,
            cut: Stop::new(),
            last_words: None,
        };
        Self { cell: watch::Sender::new(cell), file: None }
    }
}

/// Leave for one request. Held until it was answered.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    freeze: &'a Freeze,
    cut: Stop,
}

impl Pass<'_> {
    /// Returns when a freeze waits for this request no longer.
    pub(crate) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Only a freeze waits for requests to end.
        self.freeze.cell.send_if_modified(|cell| {
            cell.out -= 1;
            cell.is_frozen()
        });
    }
}

impl Freeze {
    /// With a file that freezes as long as it is there.
    pub(crate) fn watching(file: PathBuf) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    pub(crate) fn state(&self) -> FreezeState {
        self.cell.borrow().state.clone()
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.cell.borrow().is_frozen()
    }

    /// Leave for a request; `None` while frozen.
    pub(crate) fn pass(&self) -> Option<Pass<'_>> {
        self.pass_if(|_| false)
    }

    /// The same for a message of the outbox; the last words may pass.
    pub(crate) fn pass_for(&self, row: &str) -> Option<Pass<'_>> {
        self.pass_if(|cell| cell.last_words.take_if(|last| last == row).is_some())
    }

    fn pass_if(&self, exempt: impl FnOnce(&mut Cell) -> bool) -> Option<Pass<'_>> {
        let mut cut = None;
        // Nobody waits for a request to begin.
        self.cell.send_if_modified(|cell| {
            if !cell.is_frozen() || exempt(cell) {
                cut = Some(cell.pass());
            }
            false
        });
        cut.map(|cut| Pass { freeze: self, cut })
    }

    /// Returns when the town is frozen.
    pub(crate) async fn frozen(&self) {
        // The sender is ours: this ends only when it is so.
        self.cell.subscribe().wait_for(Cell::is_frozen).await.map(drop).ok();
    }

    /// Lets one message leave although the town is frozen.
    pub(crate) fn last_words(&self, row: &str) {
        self.cell.send_modify(|cell| cell.last_words = Some(row.to_owned()));
    }

    /// From now on nothing begins to leave. `false`: it was frozen already.
    fn shut(&self, by: &By, reason: &str, file: bool) -> bool {
        let mut first = false;
        self.cell.send_modify(|cell| {
            first = !cell.is_frozen();
            cell.changes += 1;
            cell.state.file |= file;
            cell.unwritten = Some((by.clone(), reason.to_owned()));
            cell.state.votes.clear();
            if !cell.state.frozen {
                cell.state.frozen = true;
                cell.state.since_ms = Some(by.now_ms);
                cell.state.by = Some(by.actor.clone());
                reason.clone_into(&mut cell.state.reason);
            }
        });
        if first {
            tracing::warn!(by = by.actor, reason, "FROZEN: nothing leaves until two people thaw it");
            metrics::gauge!("townkeeper_frozen").set(1.0);
        }
        first
    }

    /// Returns when nothing is under way any more. Within four seconds; `false`: something could not even be cut off.
    async fn quiet(&self) -> bool {
        let mut cell = self.cell.subscribe();
        if tokio::time::timeout(PATIENCE, cell.wait_for(|cell| cell.out == 0)).await.is_err() {
            self.cell.send_modify(|cell| std::mem::take(&mut cell.cut).cancel());
            tokio::time::timeout(LANDING, cell.wait_for(|cell| cell.out == 0)).await.map(drop).ok();
        }
        let began = self.cell.borrow().began;
        if let Some(began) = began {
            tokio::time::sleep(LANDING.saturating_sub(began.elapsed())).await;
        }
        self.cell.borrow().out == 0
    }

    /// Whether a request is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.cell.borrow().out > 0
    }

    /// When the freeze began that the store knows and that holds here.
    fn known_since(&self) -> Option<i64> {
        let cell = self.cell.borrow();
        cell.state.since_ms.filter(|_| cell.state.frozen && cell.unwritten.is_none())
    }

    fn changes(&self) -> u64 {
        self.cell.borrow().changes
    }

    /// Takes over what the store said, unless something was done here since `changes`. `true`: that thawed the town.
    fn adopt(&self, stored: FreezeState, file: bool, changes: u64) -> bool {
        let mut thawed = false;
        self.cell.send_if_modified(|cell| {
            let state = FreezeState { file, ..stored };
            if cell.changes != changes || cell.unwritten.is_some() || cell.state == state {
                return false;
            }
            let before = cell.is_frozen();
            cell.state = state;
            thawed = before && !cell.is_frozen();
            metrics::gauge!("townkeeper_frozen").set(if cell.is_frozen() { 1.0 } else { 0.0 });
            true
        });
        if thawed {
            tracing::warn!("thawed: what waits may leave again");
        }
        thawed
    }

    /// What was frozen here is in the store now.
    fn written(&self, stored: FreezeState) {
        self.cell.send_modify(|cell| {
            cell.changes += 1;
            cell.unwritten = None;
            cell.state = FreezeState { file: cell.state.file, ..stored };
        });
    }

    /// A voice was heard, and this came of it; unless somebody froze since `changes`: then that holds. `true`: thawed.
    fn voted(&self, stored: FreezeState, changes: u64) -> bool {
        let mut thawed = false;
        self.cell.send_modify(|cell| {
            if cell.changes == changes && cell.unwritten.is_none() {
                cell.changes += 1;
                cell.state = FreezeState { file: cell.state.file, ..stored };
                thawed = !cell.is_frozen();
            }
        });
        thawed
    }

    fn file_is_there(&self) -> bool {
        self.file.as_deref().is_some_and(Path::exists)
    }
}

/// Before anything may leave: what the store and the file say.
pub(crate) async fn load(house: &House) -> Result<(), StoreError> {
    let freeze = house.door.freeze();
    let stored = house.store.frozen(&house.workspace).await?;
    freeze.adopt(stored, freeze.file_is_there(), freeze.changes());
    if freeze.is_frozen() {
        tracing::warn!("the town is FROZEN: nothing leaves until two people thaw it");
    }
    Ok(())
}

/// Looks at the file and the store, again and again.
pub(crate) async fn run(house: Arc<House>) {
    let mut noted = None;
    loop {
        let looked = async {
            look(&house).await?;
            note_quiet(&house, &mut noted).await
        };
        if guard!("freeze.look")
            && let Err(error) = looked.await
        {
            // Whatever was so stays so.
            tracing::warn!(%error, "the freeze could not be read from the store; trying again");
        }
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Tells whoever froze the town from another node that nothing of this one is under way any more. `noted`: the freeze of
/// which that was said already.
async fn note_quiet(house: &House, noted: &mut Option<i64>) -> Result<(), StoreError> {
    let (freeze, alone) = (house.door.freeze(), house.node.alone);
    let since = freeze.known_since().filter(|_| !alone);
    if let Some(since_ms) = since.filter(|_| *noted != since)
        && freeze.quiet().await
    {
        house.store.note_quiet(&house.node.id, since_ms).await?;
        *noted = since;
    }
    Ok(())
}

/// What the file and the store say holds from now on.
pub(crate) async fn look(house: &House) -> Result<(), StoreError> {
    let freeze = house.door.freeze();
    let file = freeze.file_is_there();
    if file && !freeze.state().frozen {
        let (actor, method) = ("host".to_owned(), "file".to_owned());
        let by = By { workspace: house.workspace.clone(), actor, method, now_ms: house.clock.now_ms() };
        freeze.shut(&by, "the file `freeze` in the data folder", true);
    }
    let unwritten = freeze.cell.borrow().unwritten.clone();
    if let Some((by, reason)) = unwritten {
        freeze.written(house.store.freeze(by, &reason).await?);
    }
    let changes = freeze.changes();
    let stored = house.store.frozen(&house.workspace).await?;
    if freeze.adopt(stored, file, changes) {
        house.outbox_kick.notify_one();
    }
    Ok(())
}

impl House {
    /// Freezes, and returns when nothing is under way any more, here and on the other nodes; `true` where this is what
    /// froze it. It holds here even where the store cannot be written: then that is made up for.
    pub(crate) async fn freeze(&self, by: By, reason: &str) -> (FreezeState, bool) {
        let freeze = self.door.freeze();
        let first = freeze.shut(&by, reason, false);
        let (quiet, written) = tokio::join!(freeze.quiet(), self.store.freeze(by, reason));
        let others = match written {
            Ok(stored) => {
                let since_ms = stored.since_ms;
                freeze.written(stored);
                self.others_are_quiet(since_ms).await
            }
            Err(error) => {
                tracing::error!(%error, "frozen, but the store could not be told yet");
                self.node.alone
            }
        };
        (FreezeState { unconfirmed: !(quiet && others), ..freeze.state() }, first)
    }

    /// Returns when every other node has noted that nothing of it is under way, or has lost its lease: then it does
    /// nothing until it has looked (`node::show`). `false`: one that lives has not noted it in time.
    async fn others_are_quiet(&self, since_ms: Option<i64>) -> bool {
        let Some(since_ms) = since_ms.filter(|_| !self.node.alone && guard!("freeze.confirmed")) else { return true };
        let asked = async {
            loop {
                match self.store.not_quiet(&self.workspace, &self.node.id, since_ms).await {
                    Ok(nodes) if nodes.is_empty() => return,
                    Ok(nodes) => tracing::debug!(?nodes, "not quiet yet"),
                    Err(error) => tracing::warn!(%error, "who is quiet could not be read from the store"),
                }
                tokio::time::sleep(ASK).await;
            }
        };
        let quiet = tokio::time::timeout(self.node.lease + PATIENCE, asked).await.is_ok();
        if !quiet {
            tracing::error!("frozen, but not every other node has confirmed that nothing of it is under way");
        }
        quiet
    }

    /// Agrees to go on.
    pub(crate) async fn thaw(&self, by: By) -> Result<FreezeState, EngineError> {
        let freeze = self.door.freeze();
        if freeze.file_is_there() {
            return Err(EngineError::FreezeFile);
        }
        let changes = freeze.changes();
        let stored = self.store.thaw(by).await?;
        if freeze.voted(stored, changes) {
            tracing::warn!("thawed: what waits may leave again");
            metrics::gauge!("townkeeper_frozen").set(0.0);
            self.outbox_kick.notify_one();
        }
        Ok(freeze.state())
    }
}

impl Engine {
    /// Whether the town is frozen, since when, by whom, and who agreed to go on.
    pub fn frozen(&self) -> FreezeState {
        self.house.door.freeze().state()
    }

    pub fn is_frozen(&self) -> bool {
        self.house.door.freeze().is_frozen()
    }

    /// Stops everything that leaves. When this returns, nothing is under way any more.
    pub async fn freeze(&self, by: By, reason: &str) -> FreezeState {
        self.house.freeze(by, reason).await.0
    }

    /// Agrees to go on; with the second voice it does.
    pub async fn thaw(&self, by: By) -> Result<FreezeState, EngineError> {
        self.house.thaw(by).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by() -> By {
        By { workspace: "main".to_owned(), actor: "operator".to_owned(), method: "operator".to_owned(), now_ms: 5 }
    }

    #[tokio::test]
    async fn a_freeze_waits_for_what_is_under_way_and_lets_nothing_begin() {
        let freeze = Freeze::default();
        let under_way = freeze.pass().unwrap();
        assert!(freeze.shut(&by(), "", false) && !freeze.shut(&by(), "", false));
        freeze.frozen().await;
        assert!(freeze.pass().is_none() && freeze.pass_for("row").is_none());
        let mut quiet = Box::pin(freeze.quiet());
        assert!(futures_util::poll!(&mut quiet).is_pending(), "a request is under way");
        drop(under_way);
        assert!(quiet.await);
        freeze.last_words("row");
        assert!(freeze.pass_for("other").is_none() && freeze.pass_for("row").is_some());
        assert!(freeze.pass_for("row").is_none(), "once");
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut_off() {
        let freeze = Freeze::default();
        let stuck = freeze.pass().unwrap();
        freeze.shut(&by(), "", false);
        let waits = async {
            stuck.cut().await;
            drop(stuck);
        };
        assert!(tokio::join!(freeze.quiet(), waits).0 && !freeze.is_busy());
    }

    /// Nothing is said to be quiet that is not.
    #[tokio::test]
    async fn what_cannot_even_be_cut_off_is_not_quiet() {
        let freeze = Freeze::default();
        let _stuck = freeze.pass().unwrap();
        freeze.shut(&by(), "", false);
        assert!(!freeze.quiet().await && freeze.is_busy());
    }

    #[test]
    fn a_thaw_does_not_undo_the_freeze_that_came_between() {
        let freeze = Freeze::default();
        freeze.written(FreezeState { frozen: true, ..FreezeState::default() });
        let changes = freeze.changes();
        // The store has thawed; before that is known here, somebody freezes.
        freeze.shut(&by(), "", false);
        assert!(!freeze.voted(FreezeState::default(), changes) && freeze.is_frozen() && freeze.pass().is_none());
        // The twin: nobody did.
        freeze.written(FreezeState { frozen: true, ..FreezeState::default() });
        assert!(freeze.voted(FreezeState::default(), freeze.changes()) && freeze.pass().is_some());
    }

    #[test]
    fn what_was_read_before_a_freeze_does_not_undo_it() {
        let freeze = Freeze::default();
        let before = freeze.changes();
        freeze.shut(&by(), "", false);
        let nothing = FreezeState::default;
        assert!(!freeze.adopt(nothing(), false, before) && freeze.is_frozen());
        assert!(!freeze.adopt(nothing(), false, freeze.changes()) && freeze.is_frozen(), "it is not written yet");
        let between = freeze.changes();
        freeze.written(FreezeState { frozen: true, ..nothing() });
        assert!(!freeze.adopt(nothing(), false, between) && freeze.is_frozen());
        assert!(!freeze.adopt(nothing(), true, freeze.changes()) && freeze.is_frozen(), "the file is there");
        assert!(freeze.adopt(nothing(), false, freeze.changes()) && !freeze.is_frozen());
        assert!(freeze.pass().is_some());
    }
}
