//! Bodies of the HTTP API, shared by `web` and `client`. Version 1; fields may be added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ActionId, ConversationId, EntryId, TurnId};
use crate::text::RichText;

/// `POST /v1/chat`: say something, or press a button. The answer is an event stream (`townkeeper.stream/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatBody {
    /// What is asked; at most [`MAX_TEXT`] bytes. Exactly one of `text` and `action` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A button of an earlier reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The conversation to go on with, as `TurnStarted` named it, or one of the caller's own making (26 characters of
    /// 0-9 and A-Z, from a random source); without it a new one begins. Whoever holds it may read and continue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// The caller's own key for this request: the same key in the same conversation is the same turn, so a request
    /// may be repeated without being answered twice. Needs `conversation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The longest question, in bytes of UTF-8.
pub const MAX_TEXT: usize = 16 * 1024;

/// `GET /v1/knowledge`: what is published, for others to build on. Quote it whole, and say from when it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedList {
    /// In the order of their ids.
    pub entries: Vec<PublishedEntry>,
}

/// One published answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedEntry {
    pub id: EntryId,
    /// The question.
    pub title: String,
    /// `safety` (links, addresses, dates, money: to be quoted word for word) or `routine`.
    pub class: String,
    /// BCP 47.
    pub lang: String,
    /// Where the community publishes the same answer.
    pub canonical_url: String,
    /// This daemon's own page of it, below its address.
    pub page: String,
    /// Days, as `2027-01-31`.
    pub reviewed_at: String,
    pub review_by: String,
    pub revision: String,
    /// Whether it may be answered with today; if not, it is being reviewed, out of its days, or superseded.
    pub in_force: bool,
    /// The answer in plain words.
    pub text: String,
    /// The answer with its links and lists.
    pub body: RichText,
}

/// Every refusal: what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Stable, in snake_case.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

/// `POST /v1/turns/{turn}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAnswer {
    /// False where the turn had ended already.
    pub cancelled: bool,
}

/// One ticket of `GET /v1/tickets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Counts from 1 within a workspace.
    pub number: i64,
    pub platform: String,
    pub person: String,
    pub question: String,
    pub state: TicketState,
    /// Unix time in milliseconds.
    pub opened_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    Open,
    Closed,
}

/// `GET /v1/tickets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketList {
    pub tickets: Vec<Ticket>,
}

/// What people thought of one wording of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackCount {
    /// None: a model's answers that cited nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// Names the wording, as `Citation::revision`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    pub helped: i64,
    pub not_quite: i64,
    /// Tickets that were opened after such an answer.
    #[serde(default)]
    pub tickets: i64,
    /// So many percent of them are right at most, as far as opinions can say (the upper end of Wilson's interval). None:
    /// fewer than ten said something, or it is an older wording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_percent: Option<u32>,
    /// Whether that is below what is promised: 99 % where money follows, else 95 %.
    #[serde(default)]
    pub below_target: bool,
    /// When the last of them said so, or opened one. Unix time in milliseconds.
    pub last_ms: i64,
}

/// `GET /v1/feedback`: by entry, its newest wording first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackList {
    pub entries: Vec<FeedbackCount>,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    pub ready: bool,
    pub entries: usize,
    pub model: Option<String>,
    pub platforms: Vec<PlatformHealth>,
    /// Deliveries whose outcome nobody knows; a person should look.
    pub unknown_deliveries: i64,
    /// Nothing leaves until two people thaw the town.
    #[serde(default)]
    pub frozen: bool,
    /// Where vectors are configured: whether questions are looked up by them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<VectorHealth>,
}

/// How questions are looked up: by words and vectors, or still by words alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VectorHealth {
    /// By both since then, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid_since_ms: Option<i64>,
    /// Why by words alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// One account's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformHealth {
    pub account: String,
    /// Whether its receiver runs.
    pub receiving: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a client says on `GET /v1/ws`, one JSON object a text message. `id` is the client's own number for it, and the
/// answer carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SocketRequest {
    /// As `POST /v1/chat`.
    Say { id: u32, body: ChatBody },
    /// As `GET /v1/turns/{turn}/events`; `after` is what `Last-Event-ID` would be. A turn that is being read on this
    /// socket already is read from there on instead.
    Resume {
        id: u32,
        turn: TurnId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// As `POST /v1/turns/{turn}/cancel`.
    Cancel { id: u32, turn: TurnId },
}

/// What the daemon answers on `GET /v1/ws`. Every other message is an event of a turn: an `Envelope`, just as an event
/// stream has it in `data:`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketAnswer {
    /// Events of this turn follow, from here to its terminal.
    Reading { id: u32, turn: TurnId },
    /// The reader has all there is of this turn.
    Complete { id: u32, turn: TurnId },
    /// False where the turn had ended already.
    Cancelled { id: u32, cancelled: bool },
    /// Refused. Without `id` where the message has none that can be read.
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// The status that the same refusal has over HTTP.
        status: u16,
        error: ErrorBody,
    },
}

/// `GET /v1/scorecard`: how this installation does. `docs/numbers.md` states the formulas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scorecard {
    /// How far back starts and deliveries are counted.
    pub window_days: u32,
    /// What happened for the first time, oldest first.
    pub milestones: Vec<MilestoneReached>,
    pub starts: RunScore,
    /// By account.
    pub deliveries: Vec<DeliveryScore>,
    /// Who receives now.
    pub accounts: Vec<PlatformHealth>,
    /// Since this start.
    pub model: ModelScore,
    pub budget: BudgetScore,
}

/// What models have cost today (UTC), and what they may cost; requests under way count with the most they may come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetScore {
    pub tokens: i64,
    pub tokens_limit: i64,
    /// In millionths of `currency`, at the prices in the configuration.
    pub money_micros: i64,
    /// None: there is no limit.
    pub money_limit_micros: Option<i64>,
    pub currency: String,
}

/// A milestone: `first_start`, `first_account`, `first_question`, `first_answer` or `first_ticket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneReached {
    pub name: String,
    /// Unix time in milliseconds.
    pub at_ms: i64,
}

/// Lives of the daemon: `clean` of `ended` ended as they were told to, `ready` of `started` came to serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunScore {
    pub started: i64,
    pub ready: i64,
    pub ended: i64,
    pub clean: i64,
}

/// Messages of one account, by what became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryScore {
    pub account: String,
    pub sent: i64,
    pub refused: i64,
    pub expired: i64,
    pub unknown: i64,
}

/// A model's answers, and its last 1,024 first words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelScore {
    pub answered: u64,
    pub failed: u64,
    pub first_token_p50_ms: Option<u32>,
    pub first_token_p95_ms: Option<u32>,
}
