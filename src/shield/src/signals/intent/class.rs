//! The kinds of words that the grammar knows, a bit each: verbs, objects, and what shows the stance of the writer.

/// A set of kinds.
pub(crate) type Class = u128;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident)*) => { classes!(@ 0_u32; $($(#[$doc])* $name)*); };
    (@ $bit:expr; $(#[$doc:meta])* $name:ident $($rest:tt)*) => {
        $(#[$doc])*
        pub(crate) const $name: Class = 1 << ($bit);
        classes!(@ $bit + 1; $($rest)*);
    };
    (@ $bit:expr;) => {};
}

classes! {
    /// Enter, send, share.
    REQUEST
    /// The same where the verb comes last.
    REQUEST_LAST
    /// Needs, requires.
    NEED
    /// Seed phrases, private keys.
    SECRET
    YOUR
    /// What the writer has, did or asks for himself.
    MY
    /// Write to me, in private.
    DM
    HELP
    /// The team, an admin, "kindly".
    OFFICE
    WALLET
    /// Validate, rectify, synchronise.
    VALIDATE
    CONNECT
    /// Stuck, pending, not showing.
    TROUBLE
    CLAIM
    REWARD
    URGENT
    MIGRATE
    APPROVE
    UNLIMITED
    SIGN
    SEND
    GET
    BACK
    DOUBLE
    COIN
    RECOVERED
    /// Write to him, over there.
    CONTACT
    LOST
    INVEST
    JOB
    /// Money per time, as words.
    PAY
    VERIFY
    /// Scan a code.
    SCAN
    BOOKMARK
    /// Paste and run.
    RUN
    GIVEAWAY
    HARDWARE
    FREE
    TICKET
    /// I am the manager; my main account is locked.
    POSE
    DEPLOY
    APE
    BIO
    EVERYONE
    /// Not, never.
    NOT
    /// "Don't miss", "not a scam": no negation, no warning.
    FALSE
    /// Scam, fake.
    WARN
    /// "Is not us", "do not click".
    DENOUNCE
    /// "The only real one", "worked for me".
    ENDORSE
    /// Legit, real, safe.
    ASK
    /// "Should I", "is it safe to": what follows is asked, not ordered.
    WONDER
    /// "He asked me to", "it says": what follows is told, not ordered.
    TOLD
    /// The talk of developers.
    DEV
    /// "You have won", "promo code".
    PRIZE
    /// What costs money elsewhere: subscriptions, gift cards, skins.
    GIFT
    /// "Your account was reported".
    ACCUSED
    /// "Vote for my sister", "try our game".
    FAVOUR
    ADULT
    /// A code that somebody else has received.
    CODE
    /// Stolen cards, rented accounts, bought followers.
    WARES
    /// Earn, make money, pay you.
    EARN
    /// "Suspicious login", "will be closed".
    ALARM
    /// Sign in, reply with the code.
    LOGIN
    /// A link that nobody knows; not a word, but there or not.
    LINK
    INVITE
    HANDLE
    BRAND
}

/// What is there or not, without a place in the text.
pub(crate) const PRESENT: Class = LINK | INVITE | HANDLE | BRAND;
