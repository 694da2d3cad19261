//! A model's part of a turn: its events, through the gate, into the turn's feed. Raw provider events go no further.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use townkeeper_contract::id::{CallId, EntryId};
use townkeeper_contract::provider::{ChatMessage, ChatRequest, Provider, ProviderEvent, ToolArgs, ToolCall};
use townkeeper_contract::stream::{Channel, ErrorClass, Event, StopReason, StreamError};
use townkeeper_core::gate::{Gate, Passed};
use townkeeper_core::{Spoken, agent, say};

use crate::live::FeedWriter;
use crate::{House, ids};

/// A tool's result leads to another step; this many at most.
const STEPS: u32 = 4;

/// The longest that a model may take over an answer, whatever it does meanwhile.
const WHOLE_TURN: Duration = Duration::from_mins(5);

/// The longest answer, in bytes: a model that goes on and on must not fill our memory.
const ANSWER: usize = 64 * 1024;

/// What came of asking a model.
pub(crate) enum Heard {
    Spoken(Spoken),
    Failed(StreamError),
    Cancelled,
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
    Frozen,
    Failed(StreamError),
}

/// Asks the model, lets it use tools, and lets people hear what the gate lets through.
pub(crate) async fn speak(house: &House, writer: &mut FeedWriter, request: ChatRequest, sources: &[EntryId]) -> Heard {
    let Some(provider) = house.provider.clone() else {
        return Heard::Failed(StreamError::new(ErrorClass::Internal, false, "no model is configured"));
    };
    let cancelled = writer.feed().cancelled().clone();
    let mut speech = Speech {
        house,
        gate: Gate::new(&house.base, sources),
        writer,
        parts: HashMap::new(),
        calls: HashMap::new(),
        began: Instant::now(),
        first: true,
    };
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Heard::Cancelled,
        () = house.abandon.cancelled() => Heard::Abandoned,
        () = house.door.freeze().frozen() => Heard::Frozen,
        heard = tokio::time::timeout(WHOLE_TURN, speech.run(&provider, request)) => heard.unwrap_or_else(|_| {
            Heard::Failed(StreamError::new(ErrorClass::Stalled, false, "the answer took too long"))
        }),
    }
}

struct Speech<'a> {
    house: &'a House,
    gate: Gate,
    writer: &'a mut FeedWriter,
    /// (step, the provider's part) to the turn's part.
    parts: HashMap<(u32, u32), u32>,
    /// Ours, by the turn's part.
    calls: HashMap<u32, CallId>,
    began: Instant,
    first: bool,
}

impl Speech<'_> {
    async fn run(&mut self, provider: &Arc<dyn Provider>, mut request: ChatRequest) -> Heard {
        for step in 1..=STEPS {
            let (name, model) = (provider.name().to_owned(), provider.model().to_owned());
            self.gate.again();
            self.writer.emit(Event::StepStarted { step, provider: name, model });
            let said = self.gate.passed().len();
            match self.step(step, provider, &request).await {
                Step::Failed(error) => return Heard::Failed(error),
                Step::Frozen => return Heard::Frozen,
                Step::Done | Step::Blocked => return Heard::Spoken(self.spoken()),
                Step::Tools(calls) => {
                    let text = self.gate.passed().get(said..).unwrap_or_default().to_owned();
                    self.tools(&mut request, text, calls);
                }
            }
        }
        Heard::Failed(StreamError::new(ErrorClass::Protocol, false, "the model asked for tools again and again"))
    }

    fn spoken(&self) -> Spoken {
        Spoken {
            text: self.gate.passed().to_owned(),
            cited: self.gate.cited().cloned(),
            blocked: self.gate.is_blocked(),
        }
    }

    async fn step(&mut self, step: u32, provider: &Arc<dyn Provider>, request: &ChatRequest) -> Step {
        // Held while the model speaks.
        let Some(_pass) = self.house.door.freeze().pass() else { return Step::Frozen };
        let mut events = provider.stream(request.clone());
        let mut calls = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                Err(error) => return Step::Failed(in_our_words(error)),
                Ok(ProviderEvent::Stopped { reason, .. }) => {
                    // Read to its end, the connection serves the next request; nobody waits for it.
                    self.house.tasks.spawn(async move { while events.next().await.is_some() {} });
                    return self.stopped(reason, calls);
                }
                Ok(ProviderEvent::Delta { text, .. }) if self.gate.len() + text.len() > ANSWER => {
                    return Step::Failed(in_our_words(StreamError::new(
                        ErrorClass::Protocol,
                        false,
                        "the answer is too long",
                    )));
                }
                Ok(event) => {
                    if !self.hear(step, event, &mut calls) {
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
    fn hear(&mut self, step: u32, event: ProviderEvent, calls: &mut Calls) -> bool {
        match event {
            // What a model thinks is nobody's business; and it is not judged, so it does not leave.
            ProviderEvent::Delta { channel: Channel::Reasoning, .. } => true,
            ProviderEvent::Delta { part, channel, text } => {
                let passed = self.gate.push(&text);
                let part = self.part(step, part);
                self.show(part, channel, passed)
            }
            ProviderEvent::PartEnded { part, complete } => self.part_ended(step, part, complete),
            ProviderEvent::ToolDelta { part, name, .. } => {
                let part = self.part(step, part);
                let call = self.call(part);
                if let Some(name) = name {
                    let name = Some(agent::tool_name(&name).to_owned());
                    self.writer.emit(Event::ToolCallDelta { part, call, name, args_delta: None });
                }
                true
            }
            ProviderEvent::ToolReady { part, provider_id, name, args } => {
                let part = self.part(step, part);
                let call = self.call(part);
                let shown = agent::tool_name(&name).to_owned();
                self.writer.emit(Event::ToolCallReady { part, call: call.clone(), name: shown, args: None });
                calls.push((call, ToolCall { provider_id, name, arguments: arguments(&args) }));
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

    fn part_ended(&mut self, step: u32, part: u32, complete: bool) -> bool {
        let Some(part) = self.parts.get(&(step, part)).copied() else { return true };
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
            Passed::Blocked(kind) => {
                tracing::warn!(?kind, "the gate stopped a model's answer");
                false
            }
            Passed::Text(delta) => {
                if !delta.is_empty() {
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
    fn part(&mut self, step: u32, part: u32) -> u32 {
        let writer = &mut *self.writer;
        *self.parts.entry((step, part)).or_insert_with(|| writer.next_part())
    }

    fn call(&mut self, part: u32) -> CallId {
        let now_ms = self.house.clock.now_ms();
        self.calls.entry(part).or_insert_with(|| CallId::new(ids::ulid(now_ms))).clone()
    }

    /// Runs the tools and adds what they gave to the request.
    fn tools(&mut self, request: &mut ChatRequest, text: String, calls: Calls) {
        let made = calls.iter().map(|(_, call)| call.clone()).collect();
        request.messages.push(ChatMessage::Assistant { text, calls: made });
        for (id, call) in calls {
            let args = serde_json::from_str(&call.arguments)
                .map_or_else(|_| ToolArgs::Unparseable { raw: call.arguments.clone() }, ToolArgs::Json);
            let outcome = agent::call(&self.house.base, &call.name, &args);
            let sources: Vec<EntryId> = outcome.sources.iter().map(|id| EntryId::from(id.as_str())).collect();
            self.gate.allow(&self.house.base, sources.iter());
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
