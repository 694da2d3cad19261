//! What is learnt from answers that were given: corrections, gaps, and whether a question is asked less often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, EntryId, PlaceId};

/// `POST /v1/knowledge/items/{name}/corrections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionOrder {
    /// False: nothing is sent, the answer says what would be.
    #[serde(default)]
    pub send: bool,
    /// Answers of the last so many days. None: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// Whose answer came from an older wording of an entry, and how each is put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Corrections {
    pub entry: EntryId,
    /// The wording that holds now; `withdrawn` where there is none.
    pub revision: String,
    /// What is said, in plain words.
    pub says: String,
    /// Answers given since then were looked at. Unix time in milliseconds.
    pub since_ms: i64,
    /// Whether it was to be sent.
    pub send: bool,
    /// How many answers were put right by this request: their messages are on their way.
    pub sent: u64,
    pub groups: Vec<CorrectionGroup>,
}

/// Answers in one place that are put right in the same way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct CorrectionGroup {
    pub account: AccountId,
    /// The group or channel. None: in private, or on the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceId>,
    /// The older wording.
    pub revision: String,
    pub way: CorrectionWay,
    pub answers: u64,
}

/// How an answer is put right, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionWay {
    /// Our message is edited; where the platform does not take that any more, it becomes a reply.
    Edit,
    /// One reply: the answer stands in several messages, or in one that cannot be named or changed.
    Reply,
    /// On the web: the page shows it as replaced when it is next loaded.
    OnPage,
    /// Its words are still the same.
    SameWords,
    /// Its messages are still on their way: to be asked for again.
    UnderWay,
    /// An answer to the question as it was edited stands there by now.
    Replaced,
    /// It never arrived, or is not kept any more, or its account is not configured any more.
    OutOfReach,
}

impl CorrectionWay {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Reply => "reply",
            Self::OnPage => "on_page",
            Self::SameWords => "same_words",
            Self::UnderWay => "under_way",
            Self::Replaced => "replaced",
            Self::OutOfReach => "out_of_reach",
        }
    }
}

/// `GET /v1/knowledge/gaps`: what was asked in vain in the last 30 days, the most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GapList {
    /// Questions asked since then were looked at. Unix time in milliseconds.
    pub since_ms: i64,
    /// Whether there were more than were looked at: then these are the newest.
    pub cut: bool,
    pub gaps: Vec<Gap>,
}

/// Questions that ask the same, and were not answered, or not quite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    pub questions: u64,
    pub people: u64,
    /// The groups and channels in which they were asked.
    pub places: Vec<GapPlace>,
    /// Entries that answered where that was "not quite" it.
    pub answered_by: Vec<EntryId>,
    /// How people ask it, the most typical first; without names, addresses and long numbers.
    pub wordings: Vec<String>,
    /// An entry to begin with, where it was asked in enough ways for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Draft>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct GapPlace {
    pub account: AccountId,
    pub place: PlaceId,
}

/// The file of an entry that nobody has written yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    pub name: String,
    /// Markdown with front matter, status `draft`.
    pub text: String,
}

/// `GET /v1/knowledge/trend`: how often each topic is asked about, week by week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendList {
    pub entries: Vec<Trend>,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    pub entry: EntryId,
    /// Weeks in which it was asked about, oldest first. The last one may not be over.
    pub weeks: Vec<WeekCount>,
    /// What came, oldest first.
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeekCount {
    /// Its Monday, as `2027-02-01`.
    pub week: String,
    pub answered: u64,
    /// Not answered then; the entry as it is today would answer.
    pub unanswered: u64,
}

/// A wording that came, and how often people asked before and after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub revision: String,
    /// The week in which it answered for the first time; on neither side.
    pub week: String,
    pub before: Side,
    pub after: Side,
    /// How many more (or, below 0, fewer) questions a week in percent. None: there are too few to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
}

/// Whole weeks, four at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    pub weeks: u32,
    pub questions: u64,
}
