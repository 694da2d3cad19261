//! A model's part of a turn: its events, through the gate, into the turn's feed. Raw provider events go no further.
//! Which vendor is asked is in `vendors`, what it may cost in `purse`, what it would remember in `notes`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use townkeeper_contract::id::{CallId, EntryId};
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ProviderEvent, ToolArgs, ToolCall};
use townkeeper_contract::stream::{Channel, ErrorClass, Event, StopReason, StreamError};
use townkeeper_core::gate::{Gate, Passed};
use townkeeper_core::tools::Effect;
use townkeeper_core::{Spoken, breaker, say, tools};
use townkeeper_knowledge::Base;
use townkeeper_store::{InboxRow, guard};

use crate::door::alarm;
use crate::live::FeedWriter;
use crate::notes::Proposed;
use crate::purse::{Hold, Purse, Short};
use crate::vendors::Try;
use crate::{House, ids};

/// A tool's result leads to another step; this many at most.
const STEPS: u32 = 4;

/// A step runs this many tools at most; further calls are answered with an error.
const CALLS: usize = 8;

/// The longest that a model may take over an answer, whatever it does meanwhile.
const WHOLE_TURN: Duration = Duration::from_mins(5);

/// The longest answer, in bytes: a model that goes on and on must not fill our memory.
const ANSWER: usize = 64 * 1024;

/// What came of asking a model.
pub(crate) enum Heard {
    Spoken(Spoken),
    Failed(StreamError),
    /// The day's budget holds no more.
    Spent,
    /// Somebody stopped it; what it had said by then.
    Cancelled(Spoken),
    /// The town was frozen.
    Frozen,
    /// The process is ending.
    Abandoned,
}

/// The calls of a step, each with our own id.
type Calls = Vec<(CallId, ToolCall)>;

/// How one step ended.
enum Step {
    /// The model is done.
    Done,
    /// It wants these tools run.
    Tools(Calls),
    Blocked,
    Spent,
    Frozen,
    Failed(StreamError),
}

/// Asks the model, lets it use tools, and lets people hear what the gate lets through.
pub(crate) async fn speak(
    house: &Arc<House>,
    row: &InboxRow,
    writer: &mut FeedWriter,
    base: &Base,
    request: ChatRequest,
    sources: &[EntryId],
) -> Heard {
    let cancelled = writer.feed().cancelled().clone();
    let began = Instant::now();
    let mut speech = Speech {
        house,
        base,
        gate: Gate::new(base, sources),
        purse: Purse::of(row),
        proposed: Proposed::default(),
        ticket: false,
        writer,
        vendor: 0,
        requests: 0,
        shown: false,
        parts: HashMap::new(),
        calls: HashMap::new(),
        began,
        until: began + house.agent.first_content,
        first: true,
    };
    let heard = tokio::select! {
        biased;
        () = cancelled.cancelled() => Heard::Cancelled(Spoken::default()),
        () = house.abandon.cancelled() => Heard::Abandoned,
        () = house.door.freeze().frozen() => Heard::Frozen,
        heard = tokio::time::timeout(WHOLE_TURN, speech.run(request)) => heard.unwrap_or_else(|_| {
            Heard::Failed(stalled("the answer took too long"))
        }),
    };
    // Only now may what it had said be looked at.
    let heard = if matches!(heard, Heard::Cancelled(_)) { Heard::Cancelled(speech.spoken()) } else { heard };
    let Speech { proposed, writer, .. } = speech;
    match &heard {
        Heard::Spoken(spoken) if !spoken.blocked => proposed.commit(house, row, writer).await,
        // The next attempt will propose them again.
        Heard::Abandoned => {}
        _ => proposed.roll_back(writer),
    }
    heard
}

fn stalled(why: &str) -> StreamError {
    StreamError::new(ErrorClass::Stalled, false, why)
}

struct Speech<'a> {
    house: &'a Arc<House>,
    base: &'a Base,
    gate: Gate,
    purse: Purse,
    proposed: Proposed,
    /// Whether a ticket is offered.
    ticket: bool,
    writer: &'a mut FeedWriter,
    /// The vendor that is asked, by its place: an answer never goes back to one that failed it.
    vendor: usize,
    /// Requests so far, whichever vendor they went to.
    requests: u32,
    /// Whether readers saw anything of the request under way.
    shown: bool,
    /// (request, the provider's part) to the turn's part.
    parts: HashMap<(u32, u32), u32>,
    /// Ours, by the turn's part.
    calls: HashMap<u32, CallId>,
    began: Instant,
    /// When people have waited long enough for a first word.
    until: Instant,
    first: bool,
}

impl Speech<'_> {
    async fn run(&mut self, mut request: ChatRequest) -> Heard {
        for step in 1..=STEPS {
            self.gate.again();
            let said = self.gate.passed().len();
            match self.ask(step, &request).await {
                Step::Failed(error) => return Heard::Failed(in_our_words(error)),
                Step::Spent => return Heard::Spent,
                Step::Frozen => return Heard::Frozen,
                Step::Done | Step::Blocked => return Heard::Spoken(self.spoken()),
                Step::Tools(calls) => {
                    let text = self.gate.passed().get(said..).unwrap_or_default().to_owned();
                    self.tools(&mut request, text, calls);
                }
            }
        }
        let again = StreamError::new(ErrorClass::Protocol, false, "the model asked for tools again and again");
        Heard::Failed(in_our_words(again))
    }

    fn spoken(&self) -> Spoken {
        Spoken {
            text: self.gate.passed().to_owned(),
            cited: self.gate.cited().cloned(),
            blocked: self.gate.is_blocked(),
            ticket: self.ticket,
        }
    }

    /// Asks one vendor after the other, until one begins: from its first word on the answer is its own.
    async fn ask(&mut self, step: u32, request: &ChatRequest) -> Step {
        let house = self.house;
        let (mut failed, mut spent): (Option<StreamError>, bool) = (None, false);
        while let Some(asked) = house.vendors.next(self.vendor, house.clock.now_ms()) {
            let mut hold = match self.purse.reserve(house, request, asked.prices()).await {
                Ok(Ok(hold)) => hold,
                Ok(Err(short)) => {
                    metrics::counter!("townkeeper_budget_refused_total", "of" => short.name()).increment(1);
                    if short == Short::Tokens {
                        return Step::Spent;
                    }
                    // The next vendor may cost less, or nothing.
                    (self.vendor, spent) = (asked.at() + 1, true);
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "no budget could be reserved, so no model is asked");
                    return Step::Spent;
                }
            };
            if failed.is_some() {
                metrics::counter!("townkeeper_provider_failovers_total").increment(1);
            }
            self.vendor = asked.at();
            (self.requests, self.shown) = (self.requests + 1, false);
            let (provider, model) = (asked.provider().name().to_owned(), asked.provider().model().to_owned());
            self.writer.emit(Event::StepStarted { step, provider, model });
            let done = self.step(&asked, request, &mut hold).await;
            // Nothing was asked, or nothing was answered.
            if matches!(&done, Step::Frozen) || matches!(&done, Step::Failed(error) if error.status.is_some()) {
                hold.refused();
            }
            hold.settle().await;
            if matches!(done, Step::Frozen) {
                return done;
            }
            let Step::Failed(error) = done else {
                asked.succeeded();
                return done;
            };
            let over = self.shown || self.writer.has_spoken() || Instant::now() >= self.until;
            if over || !breaker::is_vendors(error.class) {
                asked.failed(&error, house.clock.now_ms());
                return Step::Failed(error);
            }
            tracing::warn!(class = ?error.class, order = self.vendor + 1, said = error.message, "a vendor failed without a word");
            asked.failed(&error, house.clock.now_ms());
            self.gate.restart();
            self.vendor += 1;
            failed = Some(error);
        }
        let nobody = || StreamError::new(ErrorClass::Overloaded, true, "no vendor may be asked now");
        if spent && failed.is_none() { Step::Spent } else { Step::Failed(failed.unwrap_or_else(nobody)) }
    }

    /// One request. `asked` is told what came of it by the caller.
    async fn step(&mut self, asked: &Try<'_>, request: &ChatRequest, hold: &mut Hold) -> Step {
        // Held while the model speaks.
        let Some(_pass) = self.house.door.freeze().pass() else { return Step::Frozen };
        if !self.house.node.is_trusted() {
            let unsure = "this node was not sure to be alive";
            return Step::Failed(StreamError::new(ErrorClass::Internal, false, unsure));
        }
        // Where others are left, each has its share of people's patience.
        let left = self.until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(self.house.vendors.from(asked.at())).unwrap_or(1).max(1);
        let until = Instant::now() + share;
        let mut events = asked.provider().stream(request.clone());
        let mut calls = Vec::new();
        loop {
            let next = if self.writer.has_spoken() {
                events.next().await
            } else {
                let Ok(next) = tokio::time::timeout_at(until, events.next()).await else {
                    return Step::Failed(stalled("no word came in time"));
                };
                next
            };
            let Some(event) = next else { break };
            if let Ok(event) = &event {
                hold.hear(event);
            }
            match event {
                Err(error) => return Step::Failed(error),
                Ok(ProviderEvent::Stopped { reason, .. }) => {
                    // Read to its end, the connection serves the next request; nobody waits for it.
                    self.house.tasks.spawn(async move { while events.next().await.is_some() {} });
                    return self.stopped(reason, calls);
                }
                Ok(ProviderEvent::Delta { channel: Channel::Text | Channel::Refusal, text, .. })
                    if self.gate.len() + text.len() > ANSWER =>
                {
                    return Step::Failed(StreamError::new(ErrorClass::Protocol, false, "the answer is too long"));
                }
                Ok(_) if hold.is_overrun() => {
                    return Step::Failed(StreamError::new(ErrorClass::Protocol, false, "the vendor sends too much"));
                }
                Ok(event) => {
                    if !self.hear(event, &mut calls) {
                        metrics::counter!("townkeeper_gate_blocked_total").increment(1);
                        return Step::Blocked;
                    }
                }
            }
        }
        Step::Failed(StreamError::new(ErrorClass::Truncated, false, "the model's answer broke off"))
    }

    fn stopped(&mut self, reason: StopReason, calls: Calls) -> Step {
        let silent = self.gate.passed().trim().is_empty() && calls.is_empty();
        match reason {
            StopReason::ContentFilter if silent => Step::Failed(StreamError::new(
                ErrorClass::ContentPolicy,
                false,
                "the model's vendor filtered the answer",
            )),
            _ if calls.is_empty() => Step::Done,
            _ => Step::Tools(calls),
        }
    }

    /// Passes one event on. `false`: the gate stopped it.
    fn hear(&mut self, event: ProviderEvent, calls: &mut Calls) -> bool {
        match event {
            // What a model thinks is nobody's business; and it is not judged, so it does not leave.
            ProviderEvent::Delta { channel: Channel::Reasoning, .. } => true,
            ProviderEvent::Delta { part, channel, text } => {
                let passed = if guard!("gate.judges") { self.gate.push(&text) } else { Passed::Text(text) };
                let part = self.part(part);
                self.show(part, channel, passed)
            }
            ProviderEvent::PartEnded { part, complete } => self.part_ended(part, complete),
            ProviderEvent::ToolDelta { part, name, .. } => {
                let part = self.part(part);
                let call = self.call(part);
                if name.is_some() {
                    self.shown = true;
                    self.writer.emit(Event::ToolCallDelta { part, call, name, args_delta: None });
                }
                true
            }
            ProviderEvent::ToolReady { part, provider_id, name, args } => {
                let part = self.part(part);
                let call = self.call(part);
                self.shown = true;
                let arguments = arguments(&args);
                self.writer.emit(Event::ToolCallReady {
                    part,
                    call: call.clone(),
                    name: name.clone(),
                    args: Some(args),
                });
                calls.push((call, ToolCall { provider_id, name, arguments }));
                true
            }
            ProviderEvent::Usage(usage) => {
                self.writer.emit(Event::Usage(usage));
                true
            }
            ProviderEvent::Warning { message } => {
                tracing::warn!(message, "the model's stream was odd");
                true
            }
            _ => true,
        }
    }

    fn part_ended(&mut self, part: u32, complete: bool) -> bool {
        let Some(part) = self.parts.get(&(self.requests, part)).copied() else { return true };
        if !complete && !self.shown {
            // Nobody has heard of it: what it held is no answer, and another vendor may give one.
            return true;
        }
        let whole = if self.calls.contains_key(&part) {
            true
        } else {
            let passed = self.gate.finish();
            self.show(part, Channel::Text, passed)
        };
        if whole {
            self.writer.emit(Event::PartEnded { part, complete });
        }
        whole
    }

    fn show(&mut self, part: u32, channel: Channel, passed: Passed) -> bool {
        match passed {
            Passed::Blocked(why) => {
                tracing::warn!(?why, "the gate stopped a model's answer");
                alarm(self.gate.look_alike(&self.house.base()).as_ref());
                false
            }
            Passed::Text(delta) => {
                if !delta.is_empty() {
                    self.shown = true;
                    self.writer.emit(Event::StreamChunk { part, channel, delta });
                    townkeeper_store::fault!("stream.mid_chunk");
                    self.measure();
                }
                true
            }
        }
    }

    fn measure(&mut self) {
        if std::mem::take(&mut self.first) {
            let took = self.began.elapsed();
            metrics::histogram!("townkeeper_first_token_seconds").record(took.as_secs_f64());
            self.house.measures.first_token(took);
        }
    }

    /// The turn's own number of a provider's part: positions in the whole answer, never used twice.
    fn part(&mut self, part: u32) -> u32 {
        let writer = &mut *self.writer;
        *self.parts.entry((self.requests, part)).or_insert_with(|| writer.next_part())
    }

    fn call(&mut self, part: u32) -> CallId {
        let now_ms = self.house.clock.now_ms();
        self.calls.entry(part).or_insert_with(|| CallId::new(ids::ulid(now_ms))).clone()
    }

    /// Runs the tools and adds what they gave to the request.
    fn tools(&mut self, request: &mut ChatRequest, text: String, calls: Calls) {
        let made = calls.iter().map(|(_, call)| call.clone()).collect();
        request.messages.push(ChatMessage::Assistant { text, calls: made });
        for (at, (id, call)) in calls.into_iter().enumerate() {
            let args = serde_json::from_str(&call.arguments)
                .map_or_else(|_| ToolArgs::Unparseable { raw: call.arguments.clone() }, ToolArgs::Json);
            let mut outcome = if at < CALLS {
                tools::call(self.base, &call.name, &args)
            } else {
                tools::ToolOutcome { content: "too many calls at once".to_owned(), ..Default::default() }
            };
            match outcome.effect.take() {
                Some(Effect::OfferTicket) => self.ticket = true,
                Some(Effect::Remember(note)) => {
                    if let Err(why) = self.proposed.propose(self.writer, id.0.clone(), &note) {
                        (outcome.ok, outcome.content) = (false, format!("not remembered: {why}"));
                    }
                }
                None => {}
            }
            let sources: Vec<EntryId> = outcome.sources.iter().map(|id| EntryId::from(id.as_str())).collect();
            self.gate.allow(self.base, sources.iter());
            self.writer.emit(Event::ToolResult { call: id, ok: outcome.ok, summary: outcome.summary });
            request.messages.push(ChatMessage::ToolResult {
                provider_id: call.provider_id,
                name: call.name,
                content: outcome.content,
            });
        }
    }
}

/// A vendor's own words about its failure are for the log: they could say anything, and people would read them.
fn in_our_words(mut error: StreamError) -> StreamError {
    tracing::warn!(class = ?error.class, status = error.status, said = error.message, "the model failed");
    say::model_failed(error.class).clone_into(&mut error.message);
    error
}

fn arguments(args: &ToolArgs) -> String {
    match args {
        ToolArgs::Json(value) => value.to_string(),
        ToolArgs::Unparseable { raw } => raw.clone(),
    }
}
