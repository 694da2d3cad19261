//! Scams in what people write: signals, a score, and a verdict that says why. Pure: no clock, no network, no randomness;
//! usable without the rest of Townkeeper.
//!
//! * [`message`]: what is judged, and what is known of who wrote it
//! * [`facts`]: what is ours: hosts, addresses, brands, staff
//! * [`fold`]: the text as a hurried reader sees it, with the way back to the original
//! * [`mod@model`]: how much a text reads like a scam
//! * [`delta`]: what a community taught, and can take back
//! * [`verdict`]: what came of it, with its evidence

pub mod delta;
pub mod facts;
pub mod fold;
pub mod message;
pub mod model;
pub mod verdict;

pub use delta::Delta;
pub use facts::Facts;
pub use fold::Folded;
pub use message::{Author, Message, Reply, Tier};
pub use model::Model;
pub use verdict::{Action, Evidence, Signal, Verdict};
