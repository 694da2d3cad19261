//! The canonical base: parse, index, look up. Pure: no files, no clock, no randomness.
//!
//! * [`entry`]: what an entry is, and what can be wrong with one
//! * [`mod@parse`]: a file's text in, an [`Entry`] or an [`EntryError`] out
//! * [`cluster`]: unanswered questions, put together by what they ask
//! * [`base`]: all entries together; [`Base::look_up`] finds the one that answers a question, or none

pub mod base;
mod calibrate;
mod check;
pub mod cluster;
mod content;
pub mod entry;
mod features;
mod index;
mod material;
pub mod parse;
mod spelling;

pub use base::{Base, Hit, Lookup};
pub use entry::{Class, Entry, EntryError, Status};
pub use parse::parse;
