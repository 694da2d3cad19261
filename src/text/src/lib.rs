//! Text that knows where it came from. Pure: no clock, no network, no randomness.
//!
//! * [`rich`]: [`RichText`], a small tree (blocks of runs) whose runs carry their [`Origin`]
//! * [`markdown`]: Markdown in, `RichText` out (raw HTML stays literal text)
//! * [`flatten`]: `RichText` as one string with spans over it, as platforms want it
//! * [`measure`] and [`mod@cut`]: how platforms count, and cutting a `RichText` by it
//! * [`mod@normalise`]: NFKC, invisibles, case; the confusable skeleton
//! * [`mod@extract`]: links, hosts, addresses, dates, amounts, handles, invitations, and where in the text they stand
//! * [`allowed`]: what may be said, and what is nearly one of ours
//! * [`mod@defang`]: links of others that nobody can open by accident

pub mod allowed;
pub mod cut;
pub mod defang;
pub mod extract;
pub mod flatten;
pub mod markdown;
pub mod measure;
pub mod normalise;
pub mod rich;

pub use allowed::Allowed;
pub use cut::cut;
pub use defang::defang;
pub use extract::{Finding, FindingKind, extract};
pub use flatten::{Flat, Span, SpanKind};
pub use markdown::from_markdown;
pub use measure::Measure;
pub use normalise::{normalise, skeleton};
pub use rich::{Block, BlockKind, Origin, RichText, Run, Style};
