//! This node among others: the lease that shows it lives, what it takes over from the dead, and which accounts are its.
//!
//! On SQLite a node is alone (the data folder is locked): then there are no leases, and everything is its.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use townkeeper_contract::id::AccountId;
use townkeeper_store::{Engine as Database, Lease, Store, StoreError, account_lease, node_lease};

use crate::{House, accept, freeze, ids};

/// How long a lease lasts where nothing else is said: a dead node's work is taken over after at most this and a sweep.
pub const LEASE: Duration = Duration::from_secs(10);

/// How often it is looked, while draining, whether the last turn has ended.
const DRAIN_CHECK: Duration = Duration::from_millis(100);

/// This node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) alone: bool,
    /// How long its leases last.
    pub(crate) lease: Duration,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    own: Option<Lease>,
    /// Until when others certainly take this node for alive.
    until: Option<Instant>,
    accounts: HashMap<AccountId, Lease>,
}

impl Node {
    pub(crate) fn new(now_ms: i64, database: Database, lease: Duration) -> Self {
        Self { id: ids::ulid(now_ms), alone: database == Database::Sqlite, lease, held: Mutex::default() }
    }

    /// How often the work of dead nodes and free accounts are looked for.
    pub(crate) fn sweep(&self) -> Duration {
        self.lease / 10
    }

    /// How often a lease is renewed: three tries before it ends.
    fn renewal(&self) -> Duration {
        self.lease * 3 / 10
    }

    /// For how long after it was asked for a lease is trusted: a little less than it lasts.
    fn trust(&self) -> Duration {
        self.lease * 9 / 10
    }

    fn ttl_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether the others still take this node for alive, so that what it has claimed is its. A node that stood still (a
    /// paused machine) finds out here before it does anything outward.
    pub(crate) fn is_trusted(&self) -> bool {
        self.alone || self.held().until.is_some_and(|until| Instant::now() < until)
    }

    /// The lease under which an account is read; none where this node is alone.
    pub(crate) fn lease_of(&self, account: &AccountId) -> Option<Lease> {
        self.held().accounts.get(account).cloned()
    }

    /// Shows the others that this node lives. `false`: it had been given up in between, and is not trusted yet.
    async fn renew(&self, store: &Store, workspace: &str) -> Result<bool, StoreError> {
        let own = self.held().own.clone();
        let renewed = match own {
            Some(lease) => store.renew(&lease, self.ttl_ms()).await?,
            None => false,
        };
        if !renewed {
            self.held().until = None;
            let lease = store.acquire(workspace, &node_lease(&self.id), &self.id, self.ttl_ms()).await?;
            self.held().own = lease;
        }
        Ok(renewed)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters the house among its nodes, takes up what the dead left, and goes on doing so. How many turns were taken up.
pub(crate) async fn enter(house: &Arc<House>) -> Result<usize, StoreError> {
    if !house.node.alone {
        house.tasks.spawn(keep(Arc::clone(house)));
        house.tasks.spawn(sweep(Arc::clone(house)));
    }
    accept::take_over(house).await
}

/// Shows that this node lives, until its last turn has ended; then says that it does not.
async fn keep(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => break,
            () = tokio::time::sleep(house.node.renewal()) => show_again(&house).await,
        }
    }
    // The drain is shorter than the lease.
    show_again(&house).await;
    while (house.live.len() > 0 || house.door.freeze().is_busy()) && !house.abandon.is_cancelled() {
        tokio::select! {
            () = house.abandon.cancelled() => {}
            () = tokio::time::sleep(DRAIN_CHECK) => {}
        }
    }
    let held = std::mem::take(&mut *house.node.held());
    // The accounts last: who takes one finds that this node is gone, and takes over what it left first.
    for lease in held.own.into_iter().chain(held.accounts.into_values()) {
        if let Err(error) = house.store.release(&lease).await {
            tracing::debug!(%error, "the lease runs out by itself");
        }
    }
}

/// Shows the others that this node lives. `false`: it did not before.
pub(crate) async fn show(house: &House) -> Result<bool, StoreError> {
    if house.node.alone {
        return Ok(true);
    }
    let asked = Instant::now();
    let renewed = house.node.renew(&house.store, &house.workspace).await?;
    if !renewed {
        // While nobody counted on it, the town may have been frozen, and that acknowledged without this node.
        freeze::look(house).await?;
    }
    let mut held = house.node.held();
    held.until = held.own.as_ref().map(|_| asked + house.node.trust());
    Ok(renewed)
}

async fn show_again(house: &House) {
    match show(house).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(node = house.node.id, "the other nodes had given this one up; it is back"),
        Err(error) => tracing::warn!(%error, "this node could not show that it lives"),
    }
}

async fn sweep(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(house.node.sweep()) => {}
        }
        match accept::take_over(&house).await {
            Ok(0) => {}
            Ok(turns) => tracing::warn!(turns, "took over what a dead node had left"),
            Err(error) => tracing::warn!(%error, "could not look for what dead nodes left"),
        }
    }
}

/// Takes an account for this node, if no other has it, and first of all what its former node left of it: nothing newer may
/// be read, and answered, before that.
pub(crate) async fn take(house: &Arc<House>, account: &AccountId) -> Result<bool, StoreError> {
    let name = account_lease(account.as_str());
    let Some(lease) = house.store.acquire(&house.workspace, &name, &house.node.id, house.node.ttl_ms()).await? else {
        return Ok(false);
    };
    house.node.held().accounts.insert(account.clone(), lease);
    match accept::take_over(house).await {
        Ok(_) => Ok(true),
        Err(error) => {
            give_back(house, account).await;
            Err(error)
        }
    }
}

/// Holds an account until it is lost: until its lease could not be renewed in time, whoever is to blame.
pub(crate) async fn hold(house: &House, account: &AccountId) {
    let mut until = Instant::now() + house.node.trust();
    while let Some(lease) = house.node.lease_of(account) {
        tokio::time::sleep(house.node.renewal()).await;
        let asked = Instant::now();
        match tokio::time::timeout_at(until, house.store.renew(&lease, house.node.ttl_ms())).await {
            Ok(Ok(true)) => until = asked + house.node.trust(),
            Ok(Err(error)) if Instant::now() < until => {
                tracing::warn!(%error, %account, "an account's lease could not be renewed yet");
            }
            Ok(Ok(false) | Err(_)) | Err(_) => return,
        }
    }
}

/// Gives an account back, if it is still held.
pub(crate) async fn give_back(house: &House, account: &AccountId) {
    let lease = house.node.held().accounts.remove(account);
    if let Some(lease) = lease
        && let Err(error) = house.store.release(&lease).await
    {
        tracing::debug!(%error, %account, "the lease runs out by itself");
    }
}
