//! `townkeeper.stream/1`: the events of a turn, from the first to exactly one terminal.
//!
//! The rules are in [`crate::verify`]; the JSON Schema and one golden example of each variant stand in
//! `docs/stream/` and are checked against these types by a test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use townkeeper_text::RichText;

use crate::id::{ActionId, CallId, ConversationId, EntryId, TurnId};
use crate::provider::ToolArgs;

/// The version in every envelope. A changed meaning would be 2; an added variant is not.
pub const VERSION: u8 = 1;

/// The name of the response header that carries [`VERSION`].
pub const HEADER: &str = "townkeeper-stream";

/// One event of one attempt at a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Always [`VERSION`].
    pub v: u8,
    pub turn: TurnId,
    /// Counts from 1; above 1 the turn was taken up again after a restart.
    pub attempt: u32,
    /// Rises by one from 0 within an attempt; written by one writer.
    pub seq: u64,
    /// Milliseconds since the attempt began.
    pub t_ms: u64,
    pub event: Event,
}

impl Envelope {
    /// The resume point of this envelope: `turn.attempt:seq`, as in `Last-Event-ID`.
    pub fn resume_id(&self) -> String {
        format!("{}.{}:{}", self.turn, self.attempt, self.seq)
    }
}

/// A resume point taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    pub turn: TurnId,
    pub attempt: u32,
    pub seq: u64,
}

impl ResumePoint {
    /// Reads `turn.attempt:seq`; `None` where it is not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let (turn, rest) = text.rsplit_once('.')?;
        let (attempt, seq) = rest.split_once(':')?;
        let (attempt, seq) = (attempt.parse().ok()?, seq.parse().ok()?);
        (!turn.is_empty()).then(|| Self { turn: TurnId::from(turn), attempt, seq })
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum Event {
    /// Always first (seq 0).
    TurnStarted {
        conversation: ConversationId,
    },
    /// A model is being asked; `step` counts from 1 (a tool's result leads to another step).
    StepStarted {
        step: u32,
        provider: String,
        model: String,
    },
    /// Append-only text. Consumers concatenate, they never compare.
    StreamChunk {
        part: u32,
        channel: Channel,
        delta: String,
    },
    /// A tool call takes shape. Public subscribers see the name, never the arguments.
    ToolCallDelta {
        part: u32,
        call: CallId,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        args_delta: Option<String>,
    },
    /// The call is whole; only now may the tool run.
    ToolCallReady {
        part: u32,
        call: CallId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        args: Option<ToolArgs>,
    },
    ToolResult {
        call: CallId,
        ok: bool,
        summary: String,
    },
    /// Something is about to be, or was, remembered about a person.
    MemoryWriteEvent {
        write: String,
        key: String,
        phase: MemoryPhase,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    PartEnded {
        part: u32,
        complete: bool,
    },
    /// Replaces what was said of this turn's usage before.
    Usage(Usage),
    /// Everything so far, for one who came late or fell behind. Replaces the consumer's text; never the only carrier.
    Snapshot {
        parts: Vec<PartText>,
        open_parts: Vec<u32>,
    },
    /// Always last, exactly once.
    TurnEnded {
        outcome: Outcome,
        /// The final words, authoritative: they replace whatever was streamed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Reply>>,
    },
}

/// Text of one part so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartText {
    pub part: u32,
    pub channel: Channel,
    pub text: String,
}

/// What a chunk of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Text,
    Reasoning,
    Refusal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryPhase {
    Proposed,
    Committed,
    Rejected,
}

/// Tokens, by the vendor's count or our estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    #[serde(default)]
    pub cached_read: u64,
    #[serde(default)]
    pub cached_write: u64,
    #[serde(default)]
    pub reasoning: u64,
    pub source: UsageSource,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The vendor said so.
    Reported,
    /// Counted by us, because the vendor said nothing.
    #[default]
    Estimated,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    EndTurn,
    ToolUse,
    Length,
    ContentFilter,
    Refusal,
    StopSequence,
    Other,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Outcome {
    Completed,
    Cancelled { by: CancelledBy },
    Failed { error: StreamError },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    Person,
    /// The town is frozen: nothing is said until two people thaw it.
    Freeze,
}

/// The final words of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    pub kind: ReplyKind,
    pub body: RichText,
    /// The entry it was taken from, with its link and date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
    /// What the person may press next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// The published words of an entry; or what somebody showed us, compared with what is published.
    Canonical,
    /// A model's words, through the gate.
    Model,
    /// "I don't know", with the offer of a ticket.
    Abstention,
    /// Our own words: help, a ticket's number, an apology.
    Notice,
}

/// Where an answer was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    pub entry: EntryId,
    pub title: String,
    /// Absolute, canonical.
    pub url: String,
    /// Names this wording of the entry.
    pub revision: String,
    /// The day the entry was last reviewed: `YYYY-MM-DD`.
    pub as_of: String,
}

impl Citation {
    /// As much of the revision as people compare.
    pub fn short_revision(&self) -> &str {
        self.revision.get(..7).unwrap_or(&self.revision)
    }
}

/// A button: what it says and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    pub action: ActionId,
    pub label: String,
}

/// Why a generation or a turn failed. Holds nothing that must not be shown: `message` is capped and scrubbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamError {
    pub class: ErrorClass,
    /// Whether trying again could help and cannot repeat anything a person has seen.
    pub retriable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub message: String,
}

/// The classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    RateLimited,
    Overloaded,
    Transient,
    Truncated,
    Stalled,
    Auth,
    Quota,
    InvalidRequest,
    ContentPolicy,
    Protocol,
    Internal,
}

impl StreamError {
    /// Longest `message`, in bytes.
    pub const MESSAGE_CAP: usize = 500;

    /// An error with `message` capped at [`Self::MESSAGE_CAP`] bytes and its control characters replaced.
    pub fn new(class: ErrorClass, retriable: bool, message: &str) -> Self {
        let mut capped = String::new();
        for c in message.chars() {
            let c = if c.is_control() { ' ' } else { c };
            if capped.len() + c.len_utf8() > Self::MESSAGE_CAP {
                break;
            }
            capped.push(c);
        }
        Self { class, retriable, retry_after_ms: None, status: None, message: capped }
    }
}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.class, self.message)
    }
}

impl std::error::Error for StreamError {}
