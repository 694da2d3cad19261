//! The grammar: which kinds of words, near each other, want something of the reader.

use super::class::{
    APE, APPROVE, BACK, BIO, BOOKMARK, CLAIM, COIN, CONNECT, CONTACT, Class, DEPLOY, DM, DOUBLE, EVERYONE, FREE, GET,
    GIVEAWAY, HANDLE, HARDWARE, HELP, INVEST, INVITE, JOB, LINK, LOST, MIGRATE, NEED, OFFICE, PAY, POSE, RECOVERED,
    REQUEST, REQUEST_LAST, REWARD, RUN, SCAN, SECRET, SEND, SIGN, TICKET, TROUBLE, UNLIMITED, URGENT, VALIDATE, VERIFY,
    WALLET, YOUR,
};

/// One wish. The first group is what the reader shall do, or what it turns on; a word of each other group must be near.
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) groups: &'static [Class],
    /// How far from the first group's word the others may begin, in bytes.
    pub(crate) within: usize,
    /// The others stand behind the first.
    pub(crate) ordered: bool,
    /// The writer's own story (`my funds`) takes nothing away: it is the bait.
    pub(crate) personal: bool,
    /// The share of the signal's weight.
    pub(crate) strength: f32,
    /// One sentence for a moderator.
    pub(crate) why: &'static str,
}

pub(super) const BASE: Rule =
    Rule { id: "", groups: &[], within: 120, ordered: false, personal: false, strength: 1.0, why: "" };

const SECRET_WHY: &str = "Asks for a seed phrase or a private key. Nobody honest does.";
const DM_WHY: &str = "Offers help and leads into private messages.";
const CLAIM_WHY: &str = "Promises tokens, in a hurry.";
const MIGRATION_WHY: &str = "Presses to migrate at a place that is not ours.";
const WALLET_WHY: &str = "Wants wallets validated or connected to mend something. There is no such thing.";
const VERIFY_WHY: &str = "A verification that runs a command, scans a code or takes over an account.";
const TOKEN_WHY: &str = "Touts a new token or contract.";
const DOUBLE_WHY: &str = "Promises more back than is sent.";
const RECOVERY_WHY: &str = "Promises to get lost money back.";
const INVEST_WHY: &str = "Promises profit through somebody.";
const JOB_WHY: &str = "A job that pays much for little.";
const POSING_WHY: &str = "Says to be one of us.";

pub(crate) const RULES: &[Rule] = &[
    Rule { id: "secret_request", groups: &[REQUEST, SECRET], within: 64, ordered: true, why: SECRET_WHY, ..BASE },
    Rule { id: "secret_request", groups: &[SECRET, REQUEST_LAST], within: 48, ordered: true, why: SECRET_WHY, ..BASE },
    Rule { id: "secret_request", groups: &[NEED, YOUR, SECRET], within: 64, ordered: true, why: SECRET_WHY, ..BASE },
    Rule {
        id: "secret_request",
        groups: &[SECRET, NEED, YOUR | WALLET],
        within: 64,
        strength: 0.8,
        why: SECRET_WHY,
        ..BASE
    },
    Rule { id: "wallet_validation", groups: &[VALIDATE, WALLET], within: 48, why: WALLET_WHY, ..BASE },
    Rule {
        id: "wallet_validation",
        groups: &[VERIFY, WALLET, TROUBLE | URGENT | LINK],
        within: 80,
        why: WALLET_WHY,
        ..BASE
    },
    Rule {
        id: "wallet_validation",
        groups: &[CONNECT, WALLET, TROUBLE, LINK | INVITE | YOUR],
        within: 90,
        why: WALLET_WHY,
        ..BASE
    },
    Rule {
        id: "wallet_validation",
        groups: &[CONNECT, WALLET, LINK],
        within: 60,
        strength: 0.7,
        why: WALLET_WHY,
        ..BASE
    },
    Rule {
        id: "claim_lure",
        groups: &[CLAIM, REWARD, LINK | BIO | EVERYONE | INVITE],
        within: 140,
        why: CLAIM_WHY,
        ..BASE
    },
    // Announcements of honest projects say this too; it needs one more reason.
    Rule { id: "claim_lure", groups: &[CLAIM, YOUR, REWARD], within: 40, strength: 0.6, why: CLAIM_WHY, ..BASE },
    Rule { id: "claim_lure", groups: &[CLAIM, REWARD, URGENT], within: 70, strength: 0.9, why: CLAIM_WHY, ..BASE },
    Rule { id: "claim_lure", groups: &[REWARD, URGENT, LINK | BIO], within: 140, why: CLAIM_WHY, ..BASE },
    Rule { id: "claim_lure", groups: &[REWARD, SIGN, CONNECT | GET], within: 120, why: CLAIM_WHY, ..BASE },
    Rule { id: "claim_lure", groups: &[REWARD, BIO], within: 120, why: CLAIM_WHY, ..BASE },
    Rule {
        id: "claim_lure",
        groups: &[EVERYONE, CLAIM | REWARD, LINK | INVITE | URGENT],
        within: 200,
        why: CLAIM_WHY,
        ..BASE
    },
    Rule {
        id: "migration_lure",
        groups: &[MIGRATE, REWARD, LINK],
        within: 80,
        strength: 0.8,
        why: MIGRATION_WHY,
        ..BASE
    },
    Rule {
        id: "migration_lure",
        groups: &[MIGRATE, URGENT, LINK | INVITE | BIO],
        within: 160,
        why: MIGRATION_WHY,
        ..BASE
    },
    Rule {
        id: "migration_lure",
        groups: &[MIGRATE, CONNECT | YOUR, LINK],
        within: 120,
        strength: 0.9,
        why: MIGRATION_WHY,
        ..BASE
    },
    Rule {
        id: "migration_lure",
        groups: &[MIGRATE, WALLET, URGENT, CONNECT | SEND],
        within: 160,
        why: MIGRATION_WHY,
        ..BASE
    },
    Rule {
        id: "approval_request",
        groups: &[APPROVE, UNLIMITED],
        within: 60,
        why: "Wants an unlimited approval: it empties wallets.",
        ..BASE
    },
    Rule {
        id: "approval_request",
        groups: &[SIGN, APPROVE],
        within: 50,
        why: "Wants a permit signed: it empties wallets.",
        ..BASE
    },
    Rule {
        id: "dm_redirect",
        groups: &[DM, HELP | TROUBLE, OFFICE | WALLET | MIGRATE | CLAIM | LOST | REWARD],
        within: 140,
        why: DM_WHY,
        ..BASE
    },
    Rule { id: "dm_redirect", groups: &[DM, HELP, HANDLE], within: 120, strength: 0.95, why: DM_WHY, ..BASE },
    Rule { id: "dm_redirect", groups: &[DM, OFFICE], within: 100, strength: 0.75, why: DM_WHY, ..BASE },
    Rule { id: "dm_redirect", groups: &[DM, HELP], within: 100, strength: 0.5, why: DM_WHY, ..BASE },
    Rule {
        id: "dm_redirect",
        groups: &[DM, REWARD | WALLET | MIGRATE],
        within: 100,
        strength: 0.6,
        why: DM_WHY,
        ..BASE
    },
    Rule {
        id: "ticket_lure",
        groups: &[TICKET, LINK | INVITE],
        within: 1,
        why: "Leads to a help desk that is not ours.",
        ..BASE
    },
    Rule {
        id: "ticket_lure",
        groups: &[TICKET, HANDLE | DM],
        within: 100,
        strength: 0.8,
        why: "Leads to a help desk that is not ours.",
        ..BASE
    },
    Rule {
        id: "posing",
        groups: &[POSE, VERIFY | CLAIM | DM | MIGRATE | HELP | LINK | SECRET | SEND],
        within: 180,
        personal: true,
        why: POSING_WHY,
        ..BASE
    },
    Rule { id: "posing", groups: &[OFFICE, DM, VERIFY], within: 120, why: POSING_WHY, ..BASE },
    Rule {
        id: "doubling",
        groups: &[SEND, GET, BACK | DOUBLE, COIN],
        within: 110,
        ordered: true,
        personal: true,
        why: DOUBLE_WHY,
        ..BASE
    },
    Rule { id: "doubling", groups: &[DOUBLE, SEND, COIN], within: 80, why: DOUBLE_WHY, ..BASE },
    Rule { id: "doubling", groups: &[DOUBLE, YOUR, COIN], within: 50, why: DOUBLE_WHY, ..BASE },
    Rule {
        id: "recovery",
        groups: &[RECOVERED, CONTACT | HANDLE | LINK],
        within: 200,
        personal: true,
        why: RECOVERY_WHY,
        ..BASE
    },
    Rule {
        id: "recovery",
        groups: &[LOST, CONTACT, HANDLE, HELP],
        within: 160,
        personal: true,
        why: RECOVERY_WHY,
        ..BASE
    },
    Rule {
        id: "investment",
        groups: &[INVEST, CONTACT | INVITE | HANDLE | DM],
        within: 200,
        personal: true,
        why: INVEST_WHY,
        ..BASE
    },
    Rule {
        id: "investment",
        groups: &[INVEST, PAY, LINK | YOUR],
        within: 160,
        personal: true,
        strength: 0.9,
        why: INVEST_WHY,
        ..BASE
    },
    Rule {
        id: "job_offer",
        groups: &[JOB, PAY, DM | HANDLE | CONTACT | SEND | COIN],
        within: 200,
        personal: true,
        why: JOB_WHY,
        ..BASE
    },
    Rule { id: "fake_verification", groups: &[SCAN, VERIFY | CLAIM | REWARD], within: 160, why: VERIFY_WHY, ..BASE },
    Rule {
        id: "fake_verification",
        groups: &[BOOKMARK, VERIFY | CLAIM | CONNECT],
        within: 120,
        strength: 0.95,
        why: VERIFY_WHY,
        ..BASE
    },
    Rule { id: "fake_verification", groups: &[RUN, VERIFY], within: 120, why: VERIFY_WHY, ..BASE },
    Rule { id: "fake_verification", groups: &[VERIFY, INVITE, CONNECT | WALLET], within: 140, why: VERIFY_WHY, ..BASE },
    Rule {
        id: "free_hardware",
        groups: &[GIVEAWAY, HARDWARE, FREE],
        within: 160,
        personal: true,
        why: "Gives away hardware to whoever writes first.",
        ..BASE
    },
    Rule { id: "fake_token", groups: &[DEPLOY, APE], within: 140, why: TOKEN_WHY, ..BASE },
    Rule { id: "fake_token", groups: &[DEPLOY, SEND, COIN], within: 140, why: TOKEN_WHY, ..BASE },
];
