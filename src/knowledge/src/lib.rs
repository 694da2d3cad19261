//! The canonical base: parse, index, look up, and know how sure it is. Pure: no files, no clock, no randomness.
//!
//! * [`entry`]: what an entry is, and what can be wrong with one
//! * [`mod@parse`]: a file's text in, an [`Entry`] or an [`EntryError`] out
//! * [`base`]: all entries together; [`Base::look_up`] finds the one that answers a question, or none
//! * `index/`: how well entries fit a question
//! * [`calibrate`]: from which certainty on an entry may answer by itself
//! * [`language`]: which language a text is in, where that can be told
//! * [`report`]: what the base promises, and which of its entries are taken for each other
//! * [`self_test`]: whether a changed base may replace the live one
//! * [`eval`]: what it is worth on labelled questions

pub mod base;
pub mod calibrate;
mod check;
pub mod entry;
pub mod eval;
mod index;
pub mod language;
pub mod parse;
pub mod report;
pub mod self_test;

pub use base::{Base, Hit, Lookup, NEAR, Zone};
pub use calibrate::{Calibration, Certainty, Evidence, Promise};
pub use entry::{Class, Entry, EntryError, Status};
pub use parse::parse;
pub use report::Report;
pub use self_test::SelfTest;
