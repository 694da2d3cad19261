//! An answer shown on its platform while it is written: typing, then one message that grows. What is painted has passed
//! the gate; how often is `core::pace`; the last words are the turn's own, and do not depend on any of this.
//!
//! The first words are a row of the outbox, committed before they leave. Later ones go through the door without one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use townkeeper_contract::Stop;
use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::{Body, PlaceKind};
use townkeeper_contract::outbound::Act;
use townkeeper_contract::platform::PlatformFacts;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_contract::text::{Origin, cut, from_markdown};
use townkeeper_core::pace::{Cadence, Stroke};
use townkeeper_core::{conversation, say};
use townkeeper_store::{Given, InboxRow, Live, Sendable, Verdict, fault};

use crate::door::{REPLY_DEADLINE_MS, Spot};
use crate::live::Feed;
use crate::{House, ids, outbox};

/// How long the end of a turn waits for a paint that is under way, in milliseconds: longer than a request may take as the
/// adapters are set by default. Where one takes longer still the answer is said anew, and what was painted is taken down
/// behind it.
const PATIENCE_MS: i64 = 40_000;

/// How often a live message that an earlier process left is looked at, until it is known what became of it.
const LOOK: Duration = Duration::from_millis(250);

/// For how long an edited question has its answer replaced; later it is answered anew.
const REVISION_MS: i64 = 15 * 60 * 1000;

/// Room for the mark of an answer that is not whole, in whatever a platform measures.
const MARK: usize = 8;

/// What people see of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Shown {
    #[default]
    Nothing,
    /// This message of ours, for certain; and its words, where they are known.
    Message(MessageRef, String),
    /// Nothing of this answer, but one message with the answer that it may replace.
    Earlier(MessageRef),
    /// This message of ours, which an edit that is still under way may change: it is no place for the last words.
    Stale(MessageRef),
    /// A message that nobody can name, or that cannot be changed any more.
    Lost,
}

/// Where the answer of one turn is painted.
#[derive(Debug)]
pub(crate) struct Canvas {
    began_ms: i64,
    shown: Shown,
    brush: Option<(Stop, JoinHandle<Shown>, Known)>,
}

/// The live message, as soon as it is known.
type Known = Arc<OnceLock<MessageRef>>;

impl Canvas {
    /// Nothing is painted yet.
    pub(crate) fn blank(began_ms: i64) -> Self {
        Self { began_ms, shown: Shown::Nothing, brush: None }
    }

    /// Looks for what an earlier attempt at the turn left on its platform.
    pub(crate) async fn recall(&mut self, house: &House, row: &InboxRow) {
        if row.attempt > 1 && house.door.facts(&row.inbound.account).is_some() {
            self.shown = left(house, &row.turn).await;
        }
    }

    /// Looks for the answer that this one replaces, where a question was edited. It is not painted over: only the whole
    /// answer takes its place.
    pub(crate) async fn revise(&mut self, house: &House, row: &InboxRow) {
        let (Body::Edited { .. }, Some(asked)) = (&row.inbound.body, &row.inbound.message) else { return };
        if self.shown == Shown::Nothing
            && let Some(message) = earlier(house, row, asked).await
        {
            self.shown = Shown::Earlier(message);
        }
    }

    /// Begins to paint what the feed says; once a turn.
    pub(crate) fn begin(&mut self, house: &Arc<House>, row: &InboxRow, feed: &Arc<Feed>) {
        let Some(facts) = house.door.facts(&row.inbound.account) else { return };
        if self.brush.is_some() {
            return;
        }
        let stop = Stop::new();
        let brush = Brush::new(house, row, feed, facts, self, stop.clone());
        let known = Arc::clone(&brush.known);
        self.brush = Some((stop, house.tasks.spawn(brush.paint()), known));
    }

    /// Ends painting. What is under way is waited for: what people see afterwards is known, or counts as lost.
    pub(crate) async fn close(&mut self, house: &House, turn: &str) {
        let Some((stop, brush, known)) = self.brush.take() else { return };
        stop.cancel();
        self.shown = match patiently(house, brush).await {
            // It may have to be sent again before it is known.
            Some(Ok(Shown::Lost)) => left(house, turn).await,
            Some(Ok(shown)) => shown,
            Some(Err(_)) => Shown::Lost,
            None => known.get().map_or(Shown::Lost, |message| Shown::Stale(message.clone())),
        };
        fault!("live.settle");
    }

    /// The message that shows some of the answer, if there is one that can be changed.
    pub(crate) fn message(&self) -> Option<&MessageRef> {
        if let Shown::Message(message, _) | Shown::Stale(message) = &self.shown { Some(message) } else { None }
    }

    /// Whether something may stand there of which nobody knows.
    pub(crate) fn is_lost(&self) -> bool {
        self.shown == Shown::Lost
    }

    /// Makes the first of these messages replace what was painted, or the only one the answer that it revises. A mere
    /// notice replaces no answer. What must not be painted over is taken down behind them.
    pub(crate) fn finish(&self, say: &mut Vec<Sendable>, kind: ReplyKind) {
        let message = match &self.shown {
            Shown::Stale(message) => {
                let behind = say.last().map(|last| Sendable {
                    id: format!("{}-", last.id),
                    act: Act::Delete { message: message.clone() },
                    ..last.clone()
                });
                return say.extend(behind);
            }
            Shown::Message(message, _) => message,
            Shown::Earlier(message) if say.len() == 1 && kind != ReplyKind::Notice => message,
            _ => return,
        };
        if let Some(Sendable { act, .. }) = say.first_mut()
            && let Act::Message { body, buttons } = act
        {
            let (body, buttons) = (std::mem::take(body), std::mem::take(buttons));
            *act = Act::Edit { message: message.clone(), body, buttons };
        }
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        if let Some((stop, ..)) = &self.brush {
            stop.cancel();
        }
    }
}

/// What became of the live message that an earlier attempt wrote. One that is still to be sent (its platform makes that
/// harmless) is waited for.
async fn left(house: &House, turn: &str) -> Shown {
    let wait = async {
        loop {
            match house.store.live_message(&house.workspace, turn).await {
                Ok(None) => return Shown::Nothing,
                Ok(Some(row)) => match (row.state.as_str(), row.message) {
                    ("ready" | "sending", _) => {}
                    ("sent", Some(message)) => return Shown::Message(message.into(), words(&row.act)),
                    _ => return Shown::Lost,
                },
                Err(error) => tracing::warn!(%error, turn, "a live message cannot be looked up; trying again"),
            }
            tokio::select! {
                () = house.abandon.cancelled() => return Shown::Lost,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    };
    patiently(house, wait).await.unwrap_or(Shown::Lost)
}

/// The message with the answer to the question that was edited. One that is on its way is waited for: it leaves before
/// this turn's in any case, and nobody is to be answered twice for having been quick.
async fn earlier(house: &House, row: &InboxRow, asked: &MessageRef) -> Option<MessageRef> {
    let since_ms = row.received_ms - REVISION_MS;
    let wait = async {
        loop {
            match house.store.answer_to(&house.workspace, &row.conversation, asked, since_ms).await {
                Ok(Given::In(message)) => return Some(message),
                Ok(Given::OnItsWay) => {}
                Ok(Given::Elsewhere) => return None,
                Err(error) => {
                    tracing::warn!(%error, turn = row.turn, "an earlier answer cannot be looked up");
                    return None;
                }
            }
            tokio::select! {
                () = house.abandon.cancelled() => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    };
    patiently(house, wait).await.flatten()
}

/// What comes of it in time, by the clock that tests drive; `None`: nothing did.
async fn patiently<T>(house: &House, what: impl Future<Output = T>) -> Option<T> {
    let until_ms = house.clock.now_ms().saturating_add(PATIENCE_MS);
    let enough = async {
        while house.clock.now_ms() < until_ms {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        biased;
        came = what => Some(came),
        () = enough => None,
    }
}

/// The words of a message.
fn words(act: &Act) -> String {
    match act {
        Act::Message { body, .. } | Act::Edit { body, .. } | Act::Draft { body, .. } => body.flatten().text,
        _ => String::new(),
    }
}

/// How a platform shows an answer that is being written.
enum Way {
    Edits,
    /// As a draft of this number.
    Draft(i32),
    /// Only that we are typing.
    Typing,
}

/// One answer being painted.
struct Brush {
    house: Arc<House>,
    row: InboxRow,
    spot: Spot,
    feed: Arc<Feed>,
    facts: PlatformFacts,
    way: Way,
    base_ms: i64,
    cadence: Cadence,
    shown: Shown,
    known: Known,
    /// When to show again that we are typing.
    typing_ms: i64,
    stop: Stop,
}

impl Brush {
    fn new(
        house: &Arc<House>,
        row: &InboxRow,
        feed: &Arc<Feed>,
        facts: &PlatformFacts,
        canvas: &Canvas,
        stop: Stop,
    ) -> Self {
        let private = row.inbound.place.kind == PlaceKind::Private;
        let live = facts.live.map(|live| if private { live.private_ms } else { live.group_ms });
        let way = match canvas.shown {
            Shown::Lost | Shown::Stale(_) | Shown::Earlier(_) => Way::Typing,
            _ if facts.drafts && private => Way::Draft(fastrand::i32(1..)),
            _ if live.is_some() && facts.edits => Way::Edits,
            _ => Way::Typing,
        };
        let base_ms = live.unwrap_or(1_000);
        let mut cadence = Cadence::new(base_ms, canvas.began_ms);
        if matches!(way, Way::Draft(_)) {
            cadence = cadence.of_draft();
        } else if let Shown::Message(_, words) = &canvas.shown {
            cadence = cadence.showing(words.clone());
        }
        let spot = Spot::of(&row.inbound);
        house.door.enter(&spot, row.inbound.place.kind, house.clock.now_ms());
        Self {
            house: Arc::clone(house),
            row: row.clone(),
            spot,
            feed: Arc::clone(feed),
            facts: facts.clone(),
            way,
            base_ms: i64::from(base_ms),
            cadence,
            shown: canvas.shown.clone(),
            known: canvas.message().map_or_else(Known::default, |message| Arc::new(message.clone().into())),
            typing_ms: i64::MIN,
            stop,
        }
    }

    /// Paints until it is told to stop.
    async fn paint(mut self) -> Shown {
        let mut news = self.feed.news();
        while !self.stop.is_cancelled() {
            news.borrow_and_update();
            self.type_on();
            let until_ms = self.step().await;
            let now_ms = self.house.clock.now_ms();
            let wake_ms = until_ms.unwrap_or(i64::MAX).min(self.typing_due().unwrap_or(i64::MAX));
            let wait = Duration::from_millis(wake_ms.saturating_sub(now_ms).max(1).unsigned_abs());
            tokio::select! {
                () = self.stop.cancelled() => {}
                // Once it is known when to look again, words that come until then change nothing.
                changed = news.changed(), if until_ms.is_none() => if changed.is_err() { break },
                () = tokio::time::sleep(wait) => {}
            }
        }
        std::mem::take(&mut self.shown)
    }

    /// When to show again that we are typing: until there is something to read.
    fn typing_due(&self) -> Option<i64> {
        (self.facts.typing_ms > 0 && !self.cadence.has_begun()).then_some(self.typing_ms)
    }

    /// Beside everything else: nobody's answer waits for it.
    fn type_on(&mut self) {
        let now_ms = self.house.clock.now_ms();
        if self.typing_due().is_some_and(|due| due <= now_ms) && self.house.node.is_trusted() {
            self.typing_ms = now_ms + i64::from(self.facts.typing_ms) * 8 / 10;
            let (house, spot) = (Arc::clone(&self.house), self.spot.clone());
            self.house.tasks.spawn(async move { house.door.typing(&spot, &house.clock).await });
        }
    }

    /// Paints once, if it is time and there is something new. When to look again; `None`: when there is more to read.
    async fn step(&mut self) -> Option<i64> {
        if self.cadence.is_over() || matches!(self.way, Way::Typing) {
            return Some(i64::MAX);
        }
        let (house, now_ms) = (Arc::clone(&self.house), self.house.clock.now_ms());
        let due_ms = self.cadence.due_ms(house.door.crowd(&self.spot, self.base_ms));
        if due_ms > now_ms {
            return Some(due_ms);
        }
        let text = from_markdown(&self.feed.text(), &Origin::Model);
        let piece = cut(&text, self.facts.max_len.saturating_sub(MARK), self.facts.measure).into_iter().next();
        let body = piece.map(say::unfinished)?;
        let words = body.flatten().text;
        if !self.cadence.wants(&words, now_ms) {
            return self.cadence.refresh_ms();
        }
        let buttons = Vec::new();
        let stroke = match (&self.way, &self.shown) {
            (Way::Draft(_), _) | (_, Shown::Message(..)) if !house.node.is_trusted() => Stroke::Missed,
            (Way::Draft(_), _) | (_, Shown::Message(..)) if !self.is_ours().await => Stroke::Over,
            (Way::Draft(draft), _) => {
                house.door.paint(&self.spot, Act::Draft { draft: *draft, body }, &house.clock).await
            }
            (_, Shown::Message(message, _)) => {
                let act = Act::Edit { message: message.clone(), body, buttons };
                house.door.paint(&self.spot, act, &house.clock).await
            }
            _ => self.first(Act::Message { body, buttons }).await,
        };
        self.cadence.painted(&words, stroke, house.clock.now_ms());
        Some(i64::MIN)
    }

    /// Whether the turn is still this attempt's. A node that stood still and came back may have lost it meanwhile: then
    /// another one's end stands in the message, and must not be painted over.
    async fn is_ours(&self) -> bool {
        let house = &self.house;
        if house.node.alone {
            return true;
        }
        let open = house.store.open_event(&house.workspace, &self.row.turn).await;
        matches!(open, Ok(Some(row)) if row.attempt == self.row.attempt)
    }

    /// The first words: committed, then sent.
    async fn first(&mut self, act: Act) -> Stroke {
        let house = Arc::clone(&self.house);
        let now_ms = house.clock.now_ms();
        if let Some(next_ms) = house.door.first_words_ms(&self.spot, now_ms) {
            return Stroke::NotYet { next_ms };
        }
        let live = Live {
            workspace: house.workspace.clone(),
            account: self.spot.account.0.clone(),
            turn: self.row.turn.clone(),
            attempt: self.row.attempt,
            node: house.node.id.clone(),
            say: Sendable {
                id: ids::ulid(now_ms),
                dest: conversation::destination(&self.row.inbound),
                reply_to: self.spot.to.clone(),
                act,
                deadline_ms: now_ms + REPLY_DEADLINE_MS,
            },
            now_ms,
        };
        let row = match house.store.say_live(live).await {
            Ok(Some(row)) => row,
            // Others are spoken to just now: this answer comes whole.
            Ok(None) => return Stroke::Over,
            Err(error) => {
                tracing::warn!(%error, "the first words of an answer could not be written down");
                return Stroke::Over;
            }
        };
        fault!("live.committed");
        let verdict = outbox::attempt(&house, &row).await;
        fault!("live.sent");
        let (shown, verdict, stroke) = first_came_to(verdict, &row.act, house.clock.now_ms());
        // Until it is recorded nobody could take it up after us.
        self.shown = if outbox::conclude(&house, &row, verdict).await { shown } else { Shown::Lost };
        if let Shown::Message(message, _) = &self.shown {
            self.known.get_or_init(|| message.clone());
        }
        if self.shown == Shown::Lost { Stroke::Over } else { stroke }
    }
}

impl Drop for Brush {
    fn drop(&mut self) {
        self.house.door.leave(&self.spot, self.house.clock.now_ms());
    }
}

/// What a first paint came to: what people see, what the ledger keeps, how to go on. What certainly did not leave is taken
/// back, and tried again with more words.
fn first_came_to(verdict: Verdict, act: &Act, now_ms: i64) -> (Shown, Verdict, Stroke) {
    match verdict {
        Verdict::Sent { message: Some(message) } => {
            (Shown::Message(message.clone().into(), words(act)), Verdict::Sent { message: Some(message) }, Stroke::Done)
        }
        Verdict::Again { class: "in_doubt", .. } | Verdict::Moved { .. } => (Shown::Lost, verdict, Stroke::Over),
        Verdict::Again { next_ms, class, .. } => {
            let stroke = match class {
                "throttled" => {
                    let retry_after_ms = next_ms.saturating_sub(now_ms).max(0).unsigned_abs();
                    Stroke::Throttled { retry_after_ms }
                }
                "frozen" => Stroke::Over,
                _ => Stroke::NotYet { next_ms },
            };
            (Shown::Nothing, Verdict::Withdrawn, stroke)
        }
        other => (Shown::Lost, other, Stroke::Over),
    }
}
