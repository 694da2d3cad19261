//! The words everyone shares. No I/O and no vendor's name in here: an adapter, a model provider or a client needs
//! this crate and nothing else of ours.
//!
//! * [`id`]: identifiers as newtypes
//! * [`inbound`], [`outbound`]: what comes in from a platform, what goes out to one
//! * [`stream`]: `townkeeper.stream/1`, the events of a turn; [`verify`]: the rules they obey, as a type
//! * [`platform`], [`provider`]: the three small traits (`Platform`, `Host`, `Provider`) and their facts
//! * [`command`]: commands as data
//! * [`error`]: the four kinds of error
//! * [`api`]: bodies of the HTTP API; [`access`]: people, roles, permissions, tokens, audit, freeze
//! * [`case`]: what the shield found, and what moderators made of it
//! * [`policy`]: what follows from that, where and to whom
//! * [`learning`]: corrections, gaps, trends
//! * [`money`]: amounts of money, exact
//! * [`place`]: the settings of a place, and where each comes from
//! * [`knowledge`]: changing the canonical base
//! * `conformance` (feature): the checks every adapter and provider passes
//! * [`text`]: re-exported, so that nobody needs to reach below this floor

pub mod access;
pub mod api;
pub mod case;
pub mod command;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod id;
pub mod inbound;
pub mod knowledge;
pub mod learning;
pub mod lists;
pub mod moderation;
pub mod money;
pub mod outbound;
pub mod pattern;
pub mod place;
pub mod platform;
pub mod policy;
pub mod provider;
pub mod stream;
pub mod verify;

pub use townkeeper_text as text;

pub use futures_core::future::BoxFuture;
pub use futures_core::stream::BoxStream;
/// Tells long-running work to stop; cloned freely, cancelled once.
pub use tokio_util::sync::CancellationToken as Stop;
