//! One turn: load, decide, find out, settle. Its terminal is committed before anybody hears it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use townkeeper_contract::id::TurnId;
use townkeeper_contract::inbound::Body;
use townkeeper_contract::stream::{
    CancelledBy, Channel, ErrorClass, Event as StreamEvent, Outcome, Reply, ReplyKind, StreamError,
};
use townkeeper_core::decide::asked;
use townkeeper_core::decide::cases::CaseAsk;
use townkeeper_core::decide::feedback::Rated;
use townkeeper_core::flood::Pace;
use townkeeper_core::memory::Note;
use townkeeper_core::{Ask, Event, Past, Snapshot, Spoken, commands, decide, say};
use townkeeper_knowledge::Base;
use townkeeper_store::{
    InboxRow, NewAction, NewFeedback, NewTicket, Once, PastTurn, Sendable, Settle, Settled, StoreError,
};

use crate::busy::Place;
use crate::lanes::Job;
use crate::live::{Feed, FeedWriter};
use crate::meaning::Known;
use crate::measure::{First, reach};
use crate::model::Heard;
use crate::paint::Canvas;
use crate::{House, accept, access, cases, door, ids, model, moderate, notes, outbox, places, press, reports};

/// How many earlier turns a decision may look at.
const PAST: u32 = 8;

/// A turn that ended the process this often is ended itself.
const ATTEMPTS: u32 = 10;

/// How a turn came out.
enum End {
    /// To be settled.
    With(Outcome, Box<Reply>),
    /// To be settled, and said if the place has not heard it yet.
    Once(Outcome, Box<Reply>),
    /// To be settled, and not said: the person has heard it once.
    Quiet(Outcome, Box<Reply>),
    /// To be settled, and said to who asked alone.
    Aside(Outcome, Box<Reply>),
    /// Somebody stopped it, and it had said this.
    Stopped(Spoken),
    /// The process is ending first: the next one takes the turn up again.
    Abandoned,
}

impl End {
    fn of((outcome, reply): (Outcome, Reply), quiet: bool, once: bool, aside: bool) -> Self {
        let how = match (quiet, once) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Once,
            (false, false) if aside => Self::Aside,
            (false, false) => Self::With,
        };
        how(outcome, Box::new(reply))
    }
}

/// What a turn ends with, as it will be committed and said.
struct Words {
    outcome: Outcome,
    reply: Reply,
    /// For the platform; empty where subscribers read the reply themselves.
    say: Vec<Sendable>,
    /// What the buttons below it stand for.
    actions: Vec<NewAction>,
    /// Whether something may stand there that nobody knows of.
    forsakes: bool,
    /// Where it is said once; and what is done where it was.
    once: Option<Once>,
    /// What was asked, in words.
    question: String,
}

/// Takes one turn from beginning to end.
pub(crate) async fn run(house: &Arc<House>, job: Job) {
    let Job { mut row, mut writer, permit, mut place } = job;
    let started_ms = house.clock.now_ms();
    let mut canvas = Canvas::blank(started_ms);
    // One look: whatever is published meanwhile is for the next turn.
    let base = house.base();
    let pressed = press::resolve(house, &mut row).await;
    let ours = |canvas: &Canvas, why| worded(house, &row, &base, canvas, failed(&row, why));
    let words = if row.attempt > ATTEMPTS {
        // What an earlier attempt showed must not be left standing as if it went on.
        canvas.recall(house, &row).await;
        ours(&canvas, "it was taken up too often")
    } else {
        // Wording is inside the guard too: it takes a model's text apart.
        let answered = async {
            canvas.recall(house, &row).await;
            canvas.revise(house, &row).await;
            let end = answer(house, &row, &base, &mut writer, &mut place, &mut canvas, pressed).await;
            canvas.close(house, &row.turn).await;
            worded(house, &row, &base, &canvas, end)
        };
        if let Ok(words) = AssertUnwindSafe(answered).catch_unwind().await {
            words
        } else {
            canvas.close(house, &row.turn).await;
            ours(&canvas, "it panicked")
        }
    };
    match words {
        Some(words) => settle(house, row, writer, started_ms, words).await,
        None => writer.suspend(),
    }
    if let Some(place) = place {
        place.done();
    }
    drop(permit);
}

/// The last look at a reply, and the messages it becomes. The first of them replaces what was painted of it.
fn worded(house: &House, row: &InboxRow, base: &Base, canvas: &Canvas, end: End) -> Option<Words> {
    let by_person = Outcome::Cancelled { by: CancelledBy::Person };
    let (is_once, is_aside) = (matches!(end, End::Once(..)), matches!(end, End::Aside(..)));
    let (outcome, reply, told) = match end {
        End::With(outcome, reply) | End::Once(outcome, reply) | End::Aside(outcome, reply) => (outcome, *reply, None),
        End::Quiet(outcome, reply) => (outcome, *reply, Some(None)),
        // Who stopped an answer is told so once, by the command that did it.
        End::Stopped(spoken) => {
            let cited = spoken.cited.as_ref().and_then(|id| base.get(id));
            (by_person, say::stopped(), Some(canvas.message().map(|_| say::stopped_at(&spoken.text, cited))))
        }
        End::Abandoned => return None,
    };
    let turn = TurnId::from(row.turn.as_str());
    let last_look = |reply| house.published.last_look(door::last_look(reply, base, &turn), &turn);
    let reply = last_look(reply);
    // On the platform nothing is said of a freeze, unless half an answer would be left standing there.
    let frozen = || canvas.message().map(|_| say::paused());
    let told = match told {
        None if matches!(outcome, Outcome::Cancelled { .. }) => frozen(),
        None => Some(reply.clone()),
        Some(told) => told.map(last_look),
    };
    let now_ms = house.clock.now_ms();
    let mut say =
        told.map(|told| house.door.messages(&row.inbound, &press::shown(&told, &row.turn), now_ms)).unwrap_or_default();
    if is_aside {
        house.door.aside(&row.inbound.account, &mut say);
    }
    canvas.finish(&mut say, reply.kind);
    let actions = press::mint(row, &mut say, now_ms);
    access::last_words(house, row.inbound.event.as_str(), &mut say);
    let dismiss = house.door.dismissal(&row.inbound, now_ms);
    let once = is_once.then(|| Once { place: places::whole(&row.inbound), otherwise: dismiss.clone() });
    if say.is_empty() {
        say.extend(dismiss);
    }
    Some(Words { outcome, reply, say, actions, once, forsakes: canvas.is_lost(), question: asked(&row.inbound, base) })
}

/// A control: done beside its conversation, so that stopping works while an answer is being written.
pub(crate) async fn control(house: &Arc<House>, job: Job, running: Option<Arc<Feed>>) {
    let stop = matches!(&job.row.inbound.body, Body::Command { name, .. } if name == commands::STOP);
    if !stop {
        return run(house, job).await;
    }
    let Job { row, writer, permit, .. } = job;
    let reply = if let Some(feed) = running {
        feed.cancel();
        say::stopped()
    } else {
        say::nothing_to_stop()
    };
    let end = End::With(Outcome::Completed, Box::new(reply));
    let now_ms = house.clock.now_ms();
    if let Some(words) = worded(house, &row, &house.base(), &Canvas::blank(now_ms), end) {
        settle(house, row, writer, now_ms, words).await;
    }
    drop(permit);
}

fn failed(row: &InboxRow, why: &str) -> End {
    tracing::error!(turn = row.turn, attempt = row.attempt, why, "a turn failed for a reason of ours");
    let error = StreamError::new(ErrorClass::Internal, false, "something went wrong on our side");
    // A button that failed is offered again: what it is about is the question that it was below.
    let about = match &row.inbound.body {
        Body::Action { action } => action.as_str().strip_prefix("ticket:").unwrap_or(&row.turn),
        _ => &row.turn,
    };
    End::With(Outcome::Failed { error }, Box::new(say::broke_off(&TurnId::from(about))))
}

async fn answer(
    house: &Arc<House>,
    row: &InboxRow,
    base: &Base,
    writer: &mut FeedWriter,
    place: &mut Option<Place>,
    canvas: &mut Canvas,
    pressed: Result<Option<Reply>, StoreError>,
) -> End {
    let (turn, boundary, pace) = (TurnId::from(row.turn.as_str()), ids::secret(), pace(house, row));
    let here = house.places.here(&row.inbound, house.door.rules(&row.inbound.account));
    let (start_link, safety_page) = (house.start_link(&row.inbound), house.safety_page());
    if let Some(end) = pressed_in_vain(row, pressed, pace) {
        return end;
    }
    let mut loaded = Loaded { past: None, meaning: Known::before(house, base) };
    let mut event = Event::Came(&row.inbound);
    loop {
        let past: Option<Vec<Past<'_>>> = loaded.past.as_ref().map(|(turns, _)| turns.iter().map(seen).collect());
        let snapshot = Snapshot {
            turn: &turn,
            agent: &house.agent,
            base,
            model: !house.vendors.is_empty(),
            today: accept::day(house.clock.now_ms()),
            boundary: &boundary,
            frozen: house.door.freeze().is_frozen(),
            past: past.as_deref(),
            notes: loaded.past.as_ref().map_or(&[], |(_, notes)| notes),
            meaning: loaded.meaning.seen(),
            pace,
            here: &here,
            start_link: start_link.as_deref(),
            safety_page: safety_page.as_deref(),
        };
        let decision = decide(&snapshot, &event);
        match (decision.end, decision.then) {
            (Some(end), _) => return End::of(end, decision.quiet, decision.once, decision.aside),
            (None, None) => return failed(row, "nothing was decided"),
            (None, Some(ask)) => {
                if matches!(ask, Ask::Model { .. } | Ask::Meaning { .. }) {
                    // From here on it waits for somebody else.
                    *place = None;
                }
                let ask = match loaded.load(house, row, base, ask).await {
                    Ok(None) => continue,
                    Ok(Some(ask)) => ask,
                    Err(end) => return end,
                };
                if matches!(ask, Ask::Model { .. }) {
                    canvas.begin(house, row, writer.feed());
                }
                match find_out(house, row, base, writer, ask).await {
                    Ok(found) => event = found,
                    Err(end) => return end,
                }
            }
        }
    }
}

/// What a decision may depend on and most need not, as far as it was looked up.
struct Loaded {
    past: Option<(Vec<PastTurn>, Vec<Note>)>,
    meaning: Known,
}

impl Loaded {
    /// Looks up what is asked for, so that the same event can be decided again; gives back what is another kind of asking.
    async fn load(&mut self, house: &House, row: &InboxRow, base: &Base, ask: Ask) -> Result<Option<Ask>, End> {
        match ask {
            Ask::Past if self.past.is_some() => Err(failed(row, "the past was asked for twice")),
            Ask::Past => {
                let past = past_turns(house, row).await.map_err(|error| failed(row, &error.to_string()))?;
                self.past = Some(past);
                Ok(None)
            }
            Ask::Meaning { .. } if self.meaning.is_known() => Err(failed(row, "a meaning was asked for twice")),
            Ask::Meaning { question } => {
                self.meaning = Known::of(house, base, &question).await;
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }
}

/// The end of a press that has nothing in it for whoever pressed.
fn pressed_in_vain(row: &InboxRow, pressed: Result<Option<Reply>, StoreError>, pace: Pace) -> Option<End> {
    match pressed {
        Ok(None) => None,
        // Who presses what is not theirs, again and again, is told so now and then.
        Ok(Some(reply)) if pace.told() => Some(End::Quiet(Outcome::Completed, Box::new(reply))),
        Ok(Some(reply)) => Some(End::With(Outcome::Completed, Box::new(reply))),
        Err(error) => Some(failed(row, &error.to_string())),
    }
}

/// How fast this person is, by when the event came.
fn pace(house: &House, row: &InboxRow) -> Pace {
    let mut flood = house.flood.lock().unwrap_or_else(PoisonError::into_inner);
    let pace = flood.judge(&row.inbound, row.received_ms);
    drop(flood);
    if let Some(why) = pace.shed() {
        metrics::counter!("townkeeper_shed_total", "why" => why).increment(1);
    }
    pace
}

fn seen(past: &PastTurn) -> Past<'_> {
    Past { turn: &past.turn, question: &past.question, reply: past.reply.as_ref() }
}

/// Finds out what a decision asks for, as the next event.
async fn find_out<'a>(
    house: &Arc<House>,
    row: &'a InboxRow,
    base: &Base,
    writer: &mut FeedWriter,
    ask: Ask,
) -> Result<Event<'a>, End> {
    match ask {
        Ask::Past | Ask::Meaning { .. } => Err(failed(row, "this is found out elsewhere")),
        Ask::Ticket { turn, question } => {
            let opened = ticket(house, row, turn, question).await;
            opened.map(|number| Event::TicketOpened { number }).map_err(|error| failed(row, &error.to_string()))
        }
        Ask::Forget { number } => {
            let forgotten = house.store.forget(&notes::whose(house, &row.inbound), number).await;
            forgotten.map(|notes| Event::Forgot { notes }).map_err(|error| failed(row, &error.to_string()))
        }
        Ask::Model { request, sources } => match model::speak(house, row, writer, base, request, &sources).await {
            Heard::Spoken(spoken) => {
                house.measures.model(true);
                Ok(Event::Spoke(spoken))
            }
            Heard::Failed(error) => {
                house.measures.model(false);
                Ok(Event::Failed { error, spoke: writer.has_spoken() })
            }
            Heard::Spent => Ok(Event::Spent { spoke: writer.has_spoken() }),
            Heard::Cancelled(spoken) => Err(End::Stopped(spoken)),
            Heard::Frozen => Err(End::With(Outcome::Cancelled { by: CancelledBy::Freeze }, Box::new(say::frozen()))),
            Heard::Abandoned => Err(End::Abandoned),
        },
        Ask::Place(ask) => {
            let (inbound, placed) = (&row.inbound, places::find_out(house, &row.inbound, ask).await);
            placed.map(|placed| Event::Placed { inbound, placed }).map_err(|error| failed(row, &error.to_string()))
        }
        Ask::OwnTicket { number } => {
            let (account, person) = (row.inbound.account.as_str(), row.inbound.person.id.as_str());
            let found = house.store.own_ticket(&house.workspace, account, person, number).await;
            found.map(Event::TicketFound).map_err(|error| failed(row, &error.to_string()))
        }
        Ask::Rate { turn, helped } => rate(house, row, turn, helped).await,
        Ask::Moderate(ask) => Ok(Event::Moderated(moderate::act(house, &row.turn, &row.inbound, ask).await)),
        Ask::Case(CaseAsk::Decide { number, word, wording }) => {
            Ok(Event::Cased(cases::said_in_chat(house, &row.inbound, (number, wording), word).await))
        }
        Ask::Case(CaseAsk::Show { number }) => {
            Ok(Event::Cased(cases::shown_in_chat(house, &row.turn, &row.inbound, number).await))
        }
        Ask::Case(CaseAsk::Report { message, author, text }) => {
            Ok(Event::Cased(reports::pass_on(house, &row.inbound, message, author, text).await))
        }
        Ask::Access(ask) => Ok(Event::Accessed(access::act(house, &row.inbound, ask).await)),
    }
}

async fn past_turns(house: &House, row: &InboxRow) -> Result<(Vec<PastTurn>, Vec<Note>), StoreError> {
    let turns = house.store.past_turns(&house.workspace, &row.conversation, PAST).await?;
    Ok((turns, notes::of(house, &row.inbound).await?))
}

async fn ticket(house: &Arc<House>, row: &InboxRow, turn: TurnId, question: String) -> Result<i64, StoreError> {
    let number = house
        .store
        .open_ticket(NewTicket {
            workspace: house.workspace.clone(),
            turn: turn.0,
            conversation: row.conversation.clone(),
            account: row.inbound.account.0.clone(),
            person: row.inbound.person.id.0.clone(),
            question,
            now_ms: house.clock.now_ms(),
        })
        .await?;
    metrics::counter!("townkeeper_tickets_opened_total").increment(1);
    reach(house, First::Ticket);
    Ok(number)
}

async fn rate<'a>(house: &House, row: &InboxRow, turn: TurnId, helped: bool) -> Result<Event<'a>, End> {
    let feedback = NewFeedback {
        workspace: house.workspace.clone(),
        turn: turn.0.clone(),
        conversation: row.conversation.clone(),
        account: row.inbound.account.0.clone(),
        person: row.inbound.person.id.0.clone(),
        helped,
        now_ms: house.clock.now_ms(),
    };
    let rated = house.store.rate(feedback).await.map_err(|error| failed(row, &error.to_string()))?;
    metrics::counter!("townkeeper_feedback_total", "helped" => if helped { "yes" } else { "no" })
        .increment(u64::from(rated.is_some()));
    Ok(Event::Rated(rated.map(|(question, reply)| {
        let cited = reply.and_then(|reply| reply.citation).map(|citation| citation.entry);
        Rated { turn, helped, question, cited }
    })))
}

/// Commits the end of a turn and everything that must be said, then lets people hear it.
async fn settle(house: &Arc<House>, row: InboxRow, mut writer: FeedWriter, started_ms: i64, words: Words) {
    let turn = TurnId::from(row.turn.as_str());
    let Words { outcome, reply, say, actions, once, forsakes, question } = words;
    let tells = once.is_some();
    writer.close_parts();
    let whole = whole_text(&mut writer, &reply);
    let settle = Settle {
        workspace: house.workspace.clone(),
        turn: row.turn,
        conversation: row.conversation,
        question,
        say,
        actions,
        once,
        forsakes,
        inbound: row.inbound,
        attempt: row.attempt,
        node: house.node.id.clone(),
        last_seq: writer.next_seq() + whole.len() as u64,
        started_ms,
        now_ms: house.clock.now_ms(),
        outcome: outcome.clone(),
        reply: Some(reply.clone()),
    };
    measure(&settle, row.received_ms);
    match commit(house, settle).await {
        Ok(settled) => {
            if matches!(reply.kind, ReplyKind::Canonical | ReplyKind::Model) {
                reach(house, First::Answer);
            }
            if tells && let Err(error) = places::refresh(house).await {
                // It is looked at again in a moment.
                tracing::warn!(%error, "the settings of places could not be read");
            }
            for event in whole {
                writer.emit(event);
            }
            writer.end(outcome, Some(reply));
            settled.send.into_iter().for_each(|row| outbox::send(house, row));
        }
        // Somebody else ended this turn, or nobody can: it is not ours to say so.
        Err(error) => {
            tracing::error!(%error, %turn, "a turn could not be settled; it will be taken up at the next start");
            writer.suspend();
        }
    }
    house.live.close(&turn);
}

/// What is said whole, for consumers that read chunks: a canonical answer is one, sent after its commit. Where a model
/// spoke the reader has the words already.
fn whole_text(writer: &mut FeedWriter, reply: &Reply) -> Vec<StreamEvent> {
    let spoken = reply.kind == ReplyKind::Model;
    let delta = reply.body.to_plain();
    if spoken || delta.is_empty() {
        return Vec::new();
    }
    let part = writer.next_part();
    vec![
        StreamEvent::StreamChunk { part, channel: Channel::Text, delta },
        StreamEvent::PartEnded { part, complete: true },
    ]
}

/// Settles; a store that is busy or full is asked again for as long as the daemon runs.
async fn commit(house: &House, settle: Settle) -> Result<Settled, StoreError> {
    let settle = Arc::new(settle);
    loop {
        match house.store.settle(Arc::clone(&settle)).await {
            Err(error) if error.may_pass() && !house.abandon.is_cancelled() => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            other => return other,
        }
    }
}

fn measure(settle: &Settle, received_ms: i64) {
    let kind = settle.reply.as_ref().map_or("none", |reply| match reply.kind {
        ReplyKind::Canonical => "canonical",
        ReplyKind::Model => "model",
        ReplyKind::Abstention => "abstention",
        ReplyKind::Notice => "notice",
    });
    metrics::counter!("townkeeper_turns_total", "reply" => kind).increment(1);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a turn")]
    let seconds = (settle.now_ms - received_ms).max(0) as f64 / 1000.0;
    metrics::histogram!("townkeeper_turn_seconds", "reply" => kind).record(seconds);
}
