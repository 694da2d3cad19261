//! The moving parts: what turns a delivered event into a settled turn and a sent message.
//!
//! * `accept`: the inbox; committed before acknowledged
//! * `busy`: who is told to come again
//! * `lanes`: one conversation, one turn at a time; controls beside them
//! * `turn`, `model`: load, decide, find out, settle
//! * `vendors`, `purse`, `notes`: who is asked, what it may cost, what is remembered
//! * [`live`]: a turn's events while they happen
//! * [`door`], `outbox`: the only way out, and the ledger behind it
//! * `paint`: an answer shown on its platform while it is written
//! * `press`: buttons on platforms; `moderate`: what moderators have done
//! * `shield`: every event is judged before it is accepted; `cases`, `reports`: what moderators make of it
//! * `pictures`: what hangs on messages, fetched and looked at behind everything else
//! * `lists`: public lists of bad hosts, the same for every workspace
//! * `node`: this daemon among others on one database
//! * `freeze`: the switch before it; `access`: what people with a role ask in a chat
//! * `corrections`, `learning`: answers that were given before their entry changed; what is asked in vain, and how often
//! * `places`: what is set for each place, in memory; `standing`: the safety page that stands in some
//! * `knowledge`: the base that answers, and how it changes
//! * [`meaning`]: questions as vectors, by a table or a server, and the words alone where there are none
//! * `measure`: milestones, lives, retention, the scorecard
//! * [`clock`], [`ids`], [`keys`], [`vault`]: the one clock; random ids; the key that signs; the one that seals

mod accept;
mod access;
mod busy;
mod cases;
pub mod clock;
mod corrections;
pub mod door;
mod freeze;
mod host;
pub mod ids;
pub mod keys;
mod knowledge;
mod lanes;
mod learning;
pub mod lists;
pub mod live;
pub mod meaning;
mod measure;
mod model;
mod moderate;
mod node;
mod notes;
mod outbox;
mod paint;
mod patterns;
mod pictures;
mod places;
mod press;
mod purse;
mod reports;
mod shield;
mod standing;
mod turn;
pub mod vault;
mod vendors;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use townkeeper_contract::Stop;
use townkeeper_contract::api::{PlatformHealth, Ticket};
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::error::Kind;
use townkeeper_contract::id::{AccountId, TurnId};
use townkeeper_contract::inbound::{Inbound, PlaceKind};
use townkeeper_contract::moderation::NewModeration;
use townkeeper_contract::place::PlaceSetting;
use townkeeper_contract::provider::Provider;
use townkeeper_contract::stream::ResumePoint;
use townkeeper_core::Agent;
use townkeeper_core::budget::Prices;
use townkeeper_core::decide::moderate::Moderated;
use townkeeper_core::flood::Flood;
use townkeeper_knowledge::Base;
use townkeeper_shield::patterns::PatternError;
use townkeeper_store::{By, EndedTurn, PastTurn, Store, StoreError};

pub use accept::Admitted;
use busy::Busy;
use clock::Clock;
use door::Door;
use knowledge::Published;
use lanes::Lanes;
pub use learning::{Report, Week};
use live::{Live, Subscription};
use meaning::{Meanings, Source};
use measure::{First, Measures};
pub use moderate::Asker;
pub use node::LEASE;
use node::Node;
use places::Places;
pub use shield::Guarding;
use shield::Watch;
use vault::Vault;
use vendors::Vendors;

/// How many accepted events may be waiting or under way; beyond it `accept` waits, and with it the platforms.
const ROOM: usize = 4096;

/// How long running turns may take to end after the first SIGTERM. The whole drain stays under 10 s.
const DRAIN: Duration = Duration::from_secs(8);

/// How long a reader waits for a turn that another node answers, before being asked to come again.
const ELSEWHERE: Duration = Duration::from_secs(30);

/// What a daemon is made of.
pub struct Parts {
    pub workspace: String,
    pub store: Store,
    pub base: Arc<Base>,
    /// The revision at which the store had it; 0: it is in no store.
    pub revision: i64,
    /// How long a change of two people waits for anybody who objects.
    pub cooling: Duration,
    /// What the shield goes by.
    pub guarding: Guarding,
    pub agent: Agent,
    /// Model vendors and what they take, in the order in which they are asked.
    pub providers: Vec<(Arc<dyn Provider>, Prices)>,
    /// Who makes vectors of texts, if anybody.
    pub meanings: Option<Source>,
    pub door: Door,
    pub clock: Clock,
    /// Seals what adapters keep.
    pub vault: Vault,
    /// How long a node may be silent before the others take over what it had. Only where several share a database.
    pub lease: Duration,
}

/// Everything the moving parts share.
pub(crate) struct House {
    pub(crate) workspace: String,
    pub(crate) store: Store,
    pub(crate) node: Node,
    pub(crate) published: Published,
    pub(crate) agent: Agent,
    pub(crate) vendors: Vendors,
    pub(crate) meanings: Meanings,
    pub(crate) flood: Mutex<Flood>,
    pub(crate) door: Door,
    pub(crate) places: Places,
    pub(crate) clock: Clock,
    pub(crate) vault: Vault,
    pub(crate) live: Live,
    pub(crate) lanes: Lanes,
    /// Places for events that wait or run.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) busy: Busy,
    pub(crate) outbox_kick: Notify,
    pub(crate) shield: Watch,
    pub(crate) pictures: pictures::Pictures,
    /// Something was found that moderators should see.
    pub(crate) cases_kick: Notify,
    pub(crate) tasks: TaskTracker,
    /// Nothing new is accepted.
    pub(crate) draining: Stop,
    /// What still runs is left to the next process.
    pub(crate) abandon: Stop,
    pub(crate) commands: Vec<CommandSpec>,
    /// Where browsers find us, if anywhere.
    pub(crate) url: OnceLock<String>,
    /// The event whose answer is the last before a freeze.
    pub(crate) froze: Mutex<Option<String>>,
    cursors: Mutex<HashMap<AccountId, i64>>,
    troubles: Mutex<HashMap<AccountId, String>>,
    /// Where people begin to talk in private to accounts that cannot write first.
    start_links: Mutex<HashMap<AccountId, String>>,
    pub(crate) measures: Measures,
    pub(crate) report: learning::LastReport,
    /// The name of this life in the store.
    pub(crate) run: String,
}

impl House {
    /// Why an account receives nothing, if so.
    pub(crate) fn trouble(&self, account: &AccountId) -> Option<String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }

    /// Where anybody can read the safety page, if browsers find us anywhere.
    pub(crate) fn safety_page(&self) -> Option<String> {
        self.url.get().map(|url| format!("{url}/safety"))
    }

    /// How whoever wrote this goes on in private, where it is not private already and we cannot write first.
    pub(crate) fn start_link(&self, inbound: &Inbound) -> Option<String> {
        let links = self.start_links.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(&inbound.account).filter(|_| inbound.place.kind != PlaceKind::Private).cloned()
    }

    /// Whether it is time to commit a batch that holds nothing for us: at most once a second an account.
    fn cursor_due(&self, account: &AccountId, now_ms: i64) -> bool {
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let due = cursors.get(account).is_none_or(|last| now_ms - last >= accept::CURSOR_REST_MS);
        if due {
            cursors.insert(account.clone(), now_ms);
        }
        due
    }
}

/// Why the engine could not do something.
#[derive(Debug, Error)]
pub enum EngineError {
    #[error("the daemon is stopping")]
    Stopping,
    #[error("too much to do just now")]
    Overloaded,
    #[error("another node is still answering this turn")]
    Elsewhere,
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    #[error("the file `freeze` is still in the data folder; remove it first")]
    FreezeFile,
    #[error("{}", .0.join("\n"))]
    BadBase(Vec<String>),
    #[error("the base could not be checked")]
    Unchecked,
    #[error("`{setting}` cannot be set to {word:?}")]
    NoSetting { setting: PlaceSetting, word: String },
    /// A pattern of a moderator's that cannot be used.
    #[error("This pattern is not taken: {0}.")]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Stopping => Kind::RetryAfter { ms: 5_000 },
            Self::Overloaded | Self::Elsewhere => Kind::RetryAfter { ms: 1_000 },
            Self::NoRandomness => Kind::Permanent,
            Self::Unchecked => Kind::Bug,
            Self::FreezeFile | Self::BadBase(_) | Self::NoSetting { .. } | Self::Pattern(_) => {
                Kind::Denied { reason: self.to_string() }
            }
            Self::Store(error) => error.kind(),
        }
    }
}

/// What there is to read of a turn.
pub enum Reading {
    /// It is under way.
    Live(Subscription),
    /// It has ended; this is what came of it.
    Ended(Box<EndedTurn>),
    Unknown,
}

/// The running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    house: Arc<House>,
}

impl Engine {
    /// Takes up what an earlier process left, and starts the platforms and the outbox.
    pub async fn start(parts: Parts) -> Result<Self, EngineError> {
        let run = measure::run_id(parts.clock.now_ms());
        let house = Arc::new(House {
            workspace: parts.workspace,
            node: Node::new(parts.clock.now_ms(), parts.store.engine(), parts.lease),
            store: parts.store,
            shield: Watch::new(parts.guarding, Arc::clone(&parts.base)),
            published: Published::new(parts.base, parts.revision, parts.cooling),
            vendors: Vendors::new(parts.providers),
            meanings: Meanings::new(parts.meanings),
            flood: Mutex::new(Flood::new(parts.agent.flood)),
            agent: parts.agent,
            door: parts.door,
            places: Places::default(),
            clock: parts.clock,
            vault: parts.vault,
            live: Live::default(),
            lanes: Lanes::default(),
            room: Arc::new(Semaphore::new(ROOM)),
            busy: Busy::default(),
            outbox_kick: Notify::new(),
            pictures: pictures::Pictures::default(),
            cases_kick: Notify::new(),
            tasks: TaskTracker::new(),
            draining: Stop::new(),
            abandon: Stop::new(),
            commands: townkeeper_core::commands::all(),
            url: OnceLock::new(),
            froze: Mutex::default(),
            cursors: Mutex::default(),
            troubles: Mutex::default(),
            start_links: Mutex::default(),
            measures: Measures::default(),
            report: learning::LastReport::default(),
            run,
        });
        house.shield.public().protect(&house);
        // Patterns are compiled at their first use; nobody's question should wait for that.
        townkeeper_contract::text::extract("(0)");
        // First of all: whoever counts lives, or waits for every node to be quiet, counts on those that show themselves.
        node::show(&house).await?;
        measure::began(&house).await?;
        measure::reach(&house, First::Start);
        freeze::load(&house).await?;
        places::load(&house).await?;
        shield::load(&house).await?;
        let recovered = node::enter(&house).await?;
        if recovered > 0 {
            tracing::info!(turns = recovered, "took up unfinished turns");
        }
        tend(&house);
        host::run_platforms(&house);
        Ok(Self { house })
    }

    /// Commits one event and starts its turn. For callers that are no platform: the web.
    pub async fn accept(&self, inbound: Inbound) -> Result<Option<Admitted>, EngineError> {
        let account = inbound.account.clone();
        let place = self.house.busy.admit(&inbound).await?;
        Ok(accept::accept(&self.house, &account, vec![inbound], None, place).await?.pop())
    }

    /// Reads a turn, from a resume point or from its beginning.
    pub async fn read(&self, turn: &TurnId, after: Option<&ResumePoint>) -> Result<Reading, EngineError> {
        if let Some(feed) = self.house.live.get(turn) {
            return Ok(Reading::Live(feed.subscribe(after)));
        }
        let house = &self.house;
        let patience = tokio::time::sleep(ELSEWHERE);
        tokio::pin!(patience);
        loop {
            // In this order: a turn that ends between the two questions is found by the second.
            let open = !house.node.alone && house.store.open_event(&house.workspace, turn.as_str()).await?.is_some();
            if let Some(ended) = house.store.ended_turn(&house.workspace, turn.as_str()).await? {
                return Ok(Reading::Ended(Box::new(ended)));
            }
            if !open {
                return Ok(Reading::Unknown);
            }
            // Another node answers it: its words are in the store when it has ended, or this node takes it over.
            tokio::select! {
                () = &mut patience => return Err(EngineError::Elsewhere),
                () = house.store.changed() => {}
                () = tokio::time::sleep(house.node.sweep()) => {}
            }
            if let Some(feed) = house.live.get(turn) {
                return Ok(Reading::Live(feed.subscribe(after)));
            }
        }
    }

    /// Asks a turn to stop; `false` where it is not under way.
    pub fn cancel(&self, turn: &TurnId) -> bool {
        let feed = self.house.live.get(turn);
        feed.is_some_and(|feed| {
            feed.cancel();
            true
        })
    }

    /// A conversation's last turns, oldest first; an answer that was replaced since says so, and what holds now.
    pub async fn past(&self, conversation: &str, limit: u32) -> Result<Vec<PastTurn>, EngineError> {
        let past = self.house.store.past_turns(&self.house.workspace, conversation, limit).await?;
        Ok(corrections::as_of_now(&self.house, past))
    }

    pub async fn tickets(&self, limit: u32) -> Result<Vec<Ticket>, EngineError> {
        Ok(self.house.store.tickets(&self.house.workspace, limit).await?)
    }

    /// Does what a moderator asked for elsewhere than in a chat.
    pub async fn moderate(&self, by: By, asker: &Asker, new: NewModeration) -> Result<Moderated, EngineError> {
        moderate::ask(&self.house, by, asker, new).await
    }

    /// Takes an act of moderation back.
    pub async fn undo(&self, by: By, asker: &Asker, number: i64) -> Result<Moderated, EngineError> {
        moderate::undo(&self.house, by, asker, number).await
    }

    /// Deliveries whose outcome nobody knows.
    pub async fn unknown_deliveries(&self) -> Result<i64, EngineError> {
        Ok(self.house.store.outbox_count(&self.house.workspace, "unknown").await?)
    }

    /// Whether the store answers: the watchdog's question.
    pub async fn alive(&self) -> Result<(), EngineError> {
        Ok(self.house.store.ping().await?)
    }

    /// The ledger, for what is read and written as it is.
    pub fn store(&self) -> &Store {
        &self.house.store
    }

    /// The public lists that every workspace of this daemon goes by.
    pub fn lists(&self) -> &lists::Keeper {
        self.house.shield.public()
    }

    /// The workspace that this engine serves.
    pub fn workspace(&self) -> &str {
        &self.house.workspace
    }

    /// Names the address under which browsers elsewhere find us; login links begin with it.
    pub fn reachable_at(&self, url: &str) {
        if self.house.url.set(url.trim_end_matches('/').to_owned()).is_err() {
            tracing::debug!("the address was named before");
        }
    }

    /// The base that answers now.
    pub fn base(&self) -> Arc<Base> {
        self.house.base()
    }

    pub fn agent(&self) -> &Agent {
        &self.house.agent
    }

    pub fn clock(&self) -> &Clock {
        &self.house.clock
    }

    /// The name of the model that is asked first, if one is configured.
    pub fn model(&self) -> Option<String> {
        self.house.vendors.model().map(str::to_owned)
    }

    pub fn platforms(&self) -> Vec<PlatformHealth> {
        let troubles = self.house.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let health = |(account, _): (&AccountId, _)| PlatformHealth {
            account: account.0.clone(),
            receiving: !troubles.contains_key(account),
            trouble: troubles.get(account).cloned(),
        };
        self.house.door.platforms().map(health).collect()
    }

    /// Turns under way.
    pub fn turns(&self) -> usize {
        self.house.live.len()
    }

    /// Stops accepting, lets running turns end, then leaves the rest to the next process. Within ten seconds.
    pub async fn stop(&self) {
        self.drain().await;
        close(&self.house.store).await;
    }

    /// The same without closing the store, which other engines may share.
    pub async fn drain(&self) {
        let house = &self.house;
        house.draining.cancel();
        house.tasks.close();
        townkeeper_store::fault!("shutdown.drain");
        if tokio::time::timeout(DRAIN, house.tasks.wait()).await.is_err() {
            tracing::warn!(turns = self.turns(), "turns are left to the next start");
            house.abandon.cancel();
            tokio::time::timeout(Duration::from_secs(1), house.tasks.wait()).await.ok();
        }
        let ended = house.store.run_ended(&house.workspace, &house.run, house.clock.now_ms());
        if !matches!(tokio::time::timeout(Duration::from_millis(200), ended).await, Ok(Ok(()))) {
            tracing::debug!("this end was not noted, and will count as a crash");
        }
    }
}

/// Sets going what looks after things until the daemon drains.
fn tend(house: &Arc<House>) {
    house.tasks.spawn(outbox::run(Arc::clone(house)));
    house.tasks.spawn(freeze::run(Arc::clone(house)));
    house.tasks.spawn(places::run(Arc::clone(house)));
    house.tasks.spawn(knowledge::run(Arc::clone(house)));
    house.tasks.spawn(shield::run(Arc::clone(house)));
    house.tasks.spawn(cases::run(Arc::clone(house)));
    house.tasks.spawn(cases::make_up(Arc::clone(house)));
    house.tasks.spawn(pictures::run(Arc::clone(house)));
    house.tasks.spawn(meaning::run(Arc::clone(house)));
}

/// Closes a store whose engines have drained.
pub async fn close(store: &Store) {
    if tokio::time::timeout(Duration::from_millis(500), store.close()).await.is_err() {
        tracing::warn!("the store did not close in time; the next start recovers it");
    }
}
