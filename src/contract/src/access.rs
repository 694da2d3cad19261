//! People and what they may do: roles, permissions, and the API's bodies for people, tokens, audit and freeze.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a set of words that stand in rows, in JSON and on the command line alike.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// By its word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What a person is to a workspace. Held in our store, by the person's id; a platform's own roles give nothing.
    Role {
        /// May do everything, and decides who else may.
        Owner = "owner",
        /// Keeps the peace: tickets, moderation, freeze.
        Moderator = "moderator",
        /// Keeps the canonical base.
        Editor = "editor",
        /// Speaks to everyone.
        Announcer = "announcer",
    }
}

words! {
    /// What may be allowed. Also the scopes of a token.
    Permission {
        ReadTickets = "read_tickets",
        WorkTickets = "work_tickets",
        EditKnowledge = "edit_knowledge",
        ApproveKnowledge = "approve_knowledge",
        Announce = "announce",
        Moderate = "moderate",
        ManagePeople = "manage_people",
        ManageTokens = "manage_tokens",
        ReadAudit = "read_audit",
        /// Stop everything that leaves; one is enough.
        Freeze = "freeze",
        /// Agree to go on; it takes two.
        Thaw = "thaw",
        /// Run the daemon: keys, backups.
        Operate = "operate",
    }
}

/// A person of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Ours. ULID text.
    pub id: String,
    /// For people's eyes; nothing follows from it.
    pub name: String,
    pub roles: Vec<Role>,
    pub identities: Vec<Identity>,
    /// Unix time in milliseconds, as everywhere.
    pub created_ms: i64,
}

/// An account on a platform that a person has proven to be theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// `telegram`, `discord`, …
    pub platform: String,
    /// The platform's own number, never a name.
    pub id: String,
    pub proven_ms: i64,
}

/// `GET /v1/people`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberList {
    pub people: Vec<Member>,
}

/// `POST /v1/people`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// 1 to 80 bytes.
    pub name: String,
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// `POST /v1/erase`: somebody wants to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseBody {
    /// As `telegram:main`.
    pub account: String,
    /// The platform's own number of the person.
    pub person: String,
}

/// What was erased: rows by table. Backups made before still hold them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    pub tables: BTreeMap<String, u64>,
}

/// `POST /v1/people/{person}/link`: to be said to the bot as `/link CODE`, within its time, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkCode {
    pub code: String,
    pub expires_ms: i64,
}

/// `POST /v1/people/{person}/login`: opens a session in a browser, within its time, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginLink {
    pub url: String,
    pub expires_ms: i64,
}

/// `GET /v1/me`: who is asking, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// As the audit log writes it: `operator`, `person:<id>`, `token:<id>`.
    pub actor: String,
    pub permissions: Vec<Permission>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenInfo {
    pub id: String,
    pub name: String,
    /// Whose it is; none: a machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What it may do at most; a person's token also never more than the person may today.
    pub scopes: Vec<Permission>,
    pub created_ms: i64,
    pub expires_ms: i64,
    /// To the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<i64>,
}

/// `GET /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenList {
    pub tokens: Vec<TokenInfo>,
}

/// `POST /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// 1 to 80 bytes: what it is for.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    pub scopes: Vec<Permission>,
    /// 1 to 366.
    pub days: u32,
}

/// The answer to [`NewToken`]: the only time that the secret is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedToken {
    pub token: String,
    pub info: TokenInfo,
}

/// One privileged act. `hash` covers every other field, `prev_hash` among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// Counts from 1 within a workspace, without gaps.
    pub n: i64,
    pub at_ms: i64,
    /// `operator`, `person:<id>`, `token:<id>`, `host`.
    pub actor: String,
    /// How they showed who they are: `operator`, `token:<id>`, `session`, `chat:<platform>:<id>`, `file`.
    pub method: String,
    /// `token.create`, `person.role.grant`, …
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// SHA-256 of what was there before; empty: nothing.
    pub before_hash: String,
    /// SHA-256 of what is there now; empty: nothing.
    pub after_hash: String,
    /// The record before; empty for the first.
    pub prev_hash: String,
    pub hash: String,
}

/// How far the log goes, kept beside it, so that a cut end shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditHead {
    pub n: i64,
    pub hash: String,
}

/// `GET /v1/audit`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditList {
    pub head: AuditHead,
    pub records: Vec<AuditRecord>,
}

/// `GET /v1/audit/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerdict {
    pub whole: bool,
    /// How many records were read.
    pub records: i64,
    /// The first record that is not as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<i64>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub head: AuditHead,
}

/// `GET /v1/freeze`, and the answer to every change of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FreezeState {
    /// Nothing leaves while this is so.
    pub frozen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Who, as the audit log writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who has agreed to go on; it takes two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<String>,
    /// The file `freeze` lies in the data folder: it must be gone before anyone can agree to go on.
    #[serde(default)]
    pub file: bool,
}

/// `POST /v1/freeze`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeBody {
    /// For the record; at most 500 bytes.
    #[serde(default)]
    pub reason: String,
}

/// `GET /.well-known/townkeeper.json`: which keys sign for this workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WellKnown {
    pub workspace: String,
    /// The canonical address, if one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The newest first; only it signs.
    pub keys: Vec<PublicKey>,
}

/// A published key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKey {
    /// `ed25519`.
    pub algorithm: String,
    /// 32 bytes as hexadecimal.
    pub key: String,
    pub since_ms: i64,
    /// After this, signatures of an earlier key count no more; none: the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until_ms: Option<i64>,
}
