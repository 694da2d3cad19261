//! Scams in what people write: signals, a score, and a verdict that says why. Pure: no clock, no network, no randomness;
//! usable without the rest of Townkeeper.
//!
//! * [`message`]: what is judged, and what is known of who wrote it
//! * [`behaviour`]: what people do, whatever they say: bursts, copies, waves of joins; the last day, to be swept
//! * [`facts`]: what is ours: hosts, addresses, brands, staff; [`known`]: the same, ready for comparing
//! * [`fold`]: the text as a hurried reader sees it, with the way back to the original
//! * [`found`]: hosts, addresses, invitations and people in a text
//! * [`lists`]: hosts that are denied or allowed, compiled and guarded
//! * [`confirmed`]: what moderators confirmed, by the words of their cases
//! * [`signals`]: the layers, each with its reasons
//! * [`score`]: weights, and their sum
//! * [`patterns`]: regular expressions that moderators wrote down
//! * [`policy`]: what follows, where; shadow traffic; the fuse
//! * `media` (with the feature of that name): pictures seen before, and what their QR codes say
//! * [`mod@model`]: how much a text reads like a scam
//! * [`delta`]: what a community taught, and can take back
//! * [`verdict`]: what came of it, with its evidence
//! * [`Shield`]: all of it, for one workspace

pub mod behaviour;
pub mod confirmed;
pub mod delta;
pub mod facts;
pub mod fold;
pub mod found;
pub mod known;
mod letters;
pub mod lists;
#[cfg(feature = "media")]
pub mod media;
pub mod message;
pub mod model;
pub mod patterns;
pub mod policy;
pub mod score;
mod shape;
mod shield;
pub mod signals;
mod stance;
pub mod verdict;

pub use confirmed::{Confirmed, Entities};
pub use delta::Delta;
pub use facts::Facts;
pub use fold::Folded;
pub use known::Known;
pub use lists::{List, Lists};
pub use message::{Author, Message, Reply, Tier};
pub use model::Model;
pub use score::Weights;
pub use shield::Shield;
pub use verdict::{Action, Evidence, Grounds, Signal, Verdict};
