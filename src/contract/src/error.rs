//! The four kinds of error. Every crate's own error type answers `kind()` with one of them; what to do follows from
//! the kind, never from a message.

/// What can be done about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Try again, not before this many milliseconds have passed.
    RetryAfter { ms: u64 },
    /// Trying again cannot help.
    Permanent,
    /// Not allowed; the reason may be told to the person.
    Denied { reason: String },
    /// A mistake of ours.
    Bug,
}
