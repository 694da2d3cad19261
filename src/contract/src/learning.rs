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
