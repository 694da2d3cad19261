//! Scams in what people write: signals, a score, and a verdict that says why. Pure: no clock, no network, no randomness;
//! usable without the rest of Townkeeper.
//!
//! * [`message`]: what is judged, and what is known of who wrote it
//! * [`behaviour`]: what people do, whatever they say: bursts, copies, waves of joins; the last day, to be swept
//! * [`facts`]: what is ours: hosts, addresses, brands, staff
//! * [`fold`]: the text as a hurried reader sees it, with the way back to the original
//! * `media` (with the feature of that name): pictures seen before, and what their QR codes say
//! * [`verdict`]: what came of it, with its evidence

pub mod behaviour;
pub mod facts;
pub mod fold;
#[cfg(feature = "media")]
pub mod media;
pub mod message;
pub mod verdict;

pub use facts::Facts;
pub use fold::Folded;
pub use message::{Author, Message, Reply, Tier};
pub use verdict::{Action, Evidence, Signal, Verdict};
