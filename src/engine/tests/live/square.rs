//! A platform and a model that do as they are told, under a clock that is driven: what was asked of them, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use townkeeper_contract::id::{AccountId, EventKey, MessageRef, PersonId, PlaceId};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Person, Place, PlaceKind, ReplyTo};
use townkeeper_contract::outbound::{Act, LimitHint, LimitScope, Outbound, Receipt};
use townkeeper_contract::platform::{
    DeliverError, Finding, Host, Idempotency, LiveFacts, Platform, PlatformError, PlatformFacts, RateFacts, Standing,
};
use townkeeper_contract::provider::{ChatRequest, Provider, ProviderEvent};
use townkeeper_contract::stream::{Channel, StopReason, StreamError};
use townkeeper_contract::text::Measure;
use townkeeper_contract::{BoxFuture, BoxStream, Stop};
use townkeeper_core::Agent;
use townkeeper_core::budget::Prices;
use townkeeper_engine::clock::Clock;
use townkeeper_engine::door::Door;
use townkeeper_engine::vault::Vault;
use townkeeper_engine::{Engine, Parts};
use townkeeper_knowledge::{Base, parse};
use townkeeper_store::Store;

pub(crate) const W: &str = "main";
pub(crate) const ACCOUNT: &str = "square:main";

/// When these stories begin.
pub(crate) const T0: i64 = 1_790_000_000_000;

/// Answered by the base, in these words.
pub(crate) const KNOWN: &str = "where are the meetups?";
pub(crate) const HARBOUR: &str = "By the harbour.";

/// Answered by the model.
pub(crate) const SMALL_TALK: &str = "please tell me a bedtime story about lanterns";

const ENTRY: &str = "---
id: meetups
title: Where are the meetups?
class: routine
owner: team
reviewed_by: others
reviewed_at: 2026-11-12
review_by: 2029-12-31
status: published
canonical_url: https://lumen.example.org/meetups
variants:
  - do you meet in person
  - next gathering
  - where do people meet
---
By the harbour.
";

/// One request, whatever became of it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at_ms: i64,
    pub(crate) to: String,
    pub(crate) act: Act,
    /// Whether it was done.
    pub(crate) done: bool,
}

impl Call {
    pub(crate) fn text(&self) -> String {
        match &self.act {
            Act::Message { body, .. } | Act::Edit { body, .. } | Act::Draft { body, .. } => body.flatten().text,
            _ => String::new(),
        }
    }
}

/// How the platform is disposed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Everything is refused, for so many milliseconds.
    pub(crate) storm: Option<(u64, Option<LimitScope>)>,
    /// What it says of its limits with every answer.
    pub(crate) hint: Option<LimitHint>,
    /// What is done is not answered.
    pub(crate) silent: bool,
    /// Whether requests take until this is over; they are done then.
    pub(crate) slow: bool,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    weather: Weather,
    messages: usize,
    under_way: usize,
}

/// The platform.
pub(crate) struct Square {
    account: AccountId,
    facts: PlatformFacts,
    clock: Clock,
    state: watch::Sender<State>,
}

impl Square {
    pub(crate) fn weather(&self, weather: Weather) {
        self.state.send_modify(|state| state.weather = weather);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.borrow().calls.clone()
    }

    /// What was asked of it but typing.
    pub(crate) fn said(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.act != Act::Typing).collect()
    }

    /// How many requests are, or were, slow.
    pub(crate) fn slow(&self) -> usize {
        self.state.borrow().under_way
    }

    /// Waits until so many requests are, or were, slow.
    pub(crate) async fn under_way(&self, n: usize) {
        in_time(self.state.subscribe().wait_for(|state| state.under_way == n)).await.map(drop).unwrap();
    }

    /// Waits until something like this was asked of it.
    pub(crate) async fn until(&self, fact: impl Fn(&[Call]) -> bool) {
        let mut state = self.state.subscribe();
        in_time(state.wait_for(|state| fact(&state.calls))).await.map(drop).unwrap();
    }
}

impl Platform for Square {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn facts(&self) -> PlatformFacts {
        self.facts.clone()
    }

    fn run(self: Arc<Self>, _: Arc<dyn Host>, stop: Stop) -> BoxFuture<'static, Result<(), PlatformError>> {
        Box::pin(async move {
            stop.cancelled().await;
            Ok(())
        })
    }

    fn deliver<'a>(&'a self, out: &'a Outbound) -> BoxFuture<'a, Result<Receipt, DeliverError>> {
        Box::pin(async move {
            let mut answer = Ok(Receipt::default());
            let slow = self.state.borrow().weather.slow;
            if slow {
                self.state.send_modify(|state| state.under_way += 1);
                self.state.subscribe().wait_for(|state| !state.weather.slow).await.unwrap();
            }
            self.state.send_modify(|state| {
                let Weather { storm, hint, silent, slow: _ } = state.weather.clone();
                let call = Call {
                    at_ms: self.clock.now_ms(),
                    to: out.to.0.clone(),
                    act: out.act.clone(),
                    done: storm.is_none(),
                };
                state.calls.push(call);
                if let Some((retry_after_ms, scope)) = storm {
                    let scope = scope.unwrap_or(LimitScope::Account);
                    answer = Err(DeliverError::Throttled { retry_after_ms, scope });
                    return;
                }
                let message = matches!(out.act, Act::Message { .. }).then(|| {
                    state.messages += 1;
                    MessageRef(format!("m{}", state.messages))
                });
                answer = Ok(Receipt { message, hint });
                if silent {
                    answer = Err(DeliverError::InDoubt("no answer".to_owned()));
                }
            });
            answer
        })
    }

    fn standing<'a>(
        &'a self,
        _: &'a ReplyTo,
        _: Option<&'a PersonId>,
    ) -> BoxFuture<'a, Result<Standing, DeliverError>> {
        Box::pin(async { Ok(Standing::default()) })
    }

    fn whole(&self, _: &ReplyTo) -> Option<PlaceId> {
        None
    }

    fn aside(&self, _: &ReplyTo) -> Option<ReplyTo> {
        None
    }

    fn examine(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(async { Vec::new() })
    }
}

/// A model that says what it is told, when it is told: one answer.
pub(crate) struct Muse {
    words: Mutex<Option<mpsc::UnboundedReceiver<ProviderEvent>>>,
    say: mpsc::UnboundedSender<ProviderEvent>,
}

impl Muse {
    fn new() -> Self {
        let (say, words) = mpsc::unbounded_channel();
        Self { words: Mutex::new(Some(words)), say }
    }

    pub(crate) fn says(&self, text: &str) {
        let delta = ProviderEvent::Delta { part: 0, channel: Channel::Text, text: text.to_owned() };
        self.say.send(delta).unwrap();
    }

    pub(crate) fn ends(&self) {
        self.say.send(ProviderEvent::PartEnded { part: 0, complete: true }).unwrap();
        self.say.send(ProviderEvent::Stopped { reason: StopReason::EndTurn, raw: None }).unwrap();
    }
}

impl Provider for Muse {
    fn name(&self) -> &'static str {
        "muse"
    }

    fn model(&self) -> &'static str {
        "muse"
    }

    fn stream(&self, _: ChatRequest) -> BoxStream<'static, Result<ProviderEvent, StreamError>> {
        let words = self.words.lock().unwrap().take().expect("it is asked once");
        let next = async |mut words: mpsc::UnboundedReceiver<ProviderEvent>| Some((Ok(words.recv().await?), words));
        futures_util::stream::unfold(words, next).boxed()
    }
}

/// A house on the square.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) square: Arc<Square>,
    pub(crate) muse: Arc<Muse>,
    pub(crate) clock: Clock,
    _folder: TempDir,
}

/// What the square can do, if nothing else is said: live edits, and no limits that matter.
pub(crate) fn facts() -> PlatformFacts {
    PlatformFacts {
        name: "square".to_owned(),
        max_len: 400,
        measure: Measure::Chars,
        edits: true,
        drafts: false,
        buttons: true,
        threads: false,
        moderation: false,
        idempotency: Idempotency::None,
        rate: RateFacts { per_second: 1_000, per_group_minute: 0, per_chat_ms: 0 },
        live: Some(LiveFacts { private_ms: 1_000, group_ms: 5_000 }),
        typing_ms: 5_000,
        promises: false,
    }
}

pub(crate) async fn stage(facts: PlatformFacts) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    clock.set(T0);
    let (account, state) = (AccountId::from(ACCOUNT), watch::Sender::default());
    let square = Arc::new(Square { account, facts, clock: clock.clone(), state });
    let muse = Arc::new(Muse::new());
    let mut door = Door::default();
    door.add(Arc::clone(&square));
    let engine = Engine::start(Parts {
        meanings: None,
        workspace: W.to_owned(),
        store: Store::open(folder.path()).await.unwrap(),
        base: Arc::new(Base::build(vec![("meetups.md".to_owned(), parse("meetups.md", ENTRY).unwrap())]).unwrap()),
        revision: 0,
        cooling: Duration::ZERO,
        guarding: townkeeper_engine::Guarding::default(),
        agent: Agent { first_content: Duration::from_mins(1), ..Agent::default() },
        providers: vec![(Arc::<Muse>::clone(&muse), Prices::default())],
        door,
        clock: clock.clone(),
        vault: Vault::with(&[1; 32]),
        lease: townkeeper_engine::LEASE,
    });
    Stage { engine: engine.await.unwrap(), square, muse, clock, _folder: folder }
}

/// What `person` says in private; `n` makes it an event of its own.
pub(crate) fn says(person: &str, n: u32, body: Body) -> Inbound {
    Inbound {
        event: EventKey::new(format!("{person}/{n}")),
        account: AccountId::from(ACCOUNT),
        place: Place { id: PlaceId::from(person), kind: PlaceKind::Private, address: None, within: None },
        thread: None,
        person: Person { id: PersonId::from(person), name: String::new(), handle: None, bot: false },
        at_ms: 0,
        addressed: true,
        message: Some(MessageRef::from("q1")),
        replies_to: None,
        replies_to_person: None,
        carried: Carried::default(),
        reply_to: ReplyTo(person.to_owned()),
        body,
    }
}

impl Stage {
    /// `person` asks something.
    pub(crate) async fn asks(&self, person: &str, text: &str) {
        let body = Body::Message { text: text.to_owned() };
        self.engine.accept(says(person, 1, body)).await.unwrap().unwrap();
    }

    /// Lets time pass, a second at a time, until this is so.
    pub(crate) async fn time_passes(&self, so: impl AsyncFn() -> bool) {
        let passes = async {
            while !so().await {
                self.clock.set(self.clock.now_ms() + 1_000);
                // Not so fast that what was just said is too late already.
                self.engine.store().outbox_count(W, "sent").await.unwrap();
            }
        };
        in_time(passes).await;
    }

    /// Waits until so many rows of the outbox are in this state.
    pub(crate) async fn rows(&self, state: &str, n: i64) {
        self.rows_in(&[state], n).await;
    }

    /// Waits until so many rows of the outbox are in one of these states.
    pub(crate) async fn rows_in(&self, states: &[&str], n: i64) {
        let store = self.engine.store();
        let becomes = async {
            loop {
                let mut rows = 0;
                for state in states {
                    rows += store.outbox_count(W, state).await.unwrap();
                }
                if rows == n {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        in_time(becomes).await;
        // A write behind theirs: whoever wrote before has heard of it by now.
        store.reach(W, "first_start", T0).await.unwrap();
    }
}

/// A hang guard: nothing here takes this long.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(2), what).await.expect("it hangs")
}
