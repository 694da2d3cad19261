//! The canonical base: parse, index, look up, and know how sure it is. Pure: no files, no clock, no randomness.
//!
//! * [`entry`]: what an entry is, and what can be wrong with one
//! * [`mod@parse`]: a file's text in, an [`Entry`] or an [`EntryError`] out
//! * [`facts`]: links, addresses, dates and ratios, which answers show by id
//! * [`written`]: a whole base as its files hold it
//! * [`import`]: what others wrote, as drafts
//! * [`export`] and [`bundle`]: the base for others, as rows or signed
//! * [`mod@lint`]: what a base should not be published with
//! * [`cluster`]: unanswered questions, put together by what they ask
//! * [`base`]: all entries together; [`Base::look_up`] finds the one that answers a question, or none
//! * `index/`: how well entries fit a question
//! * [`calibrate`]: from which certainty on an entry may answer by itself
//! * [`hybrid`] and [`word_vectors`]: vectors summed with the words, and a table to make them of
//! * [`language`]: which language a text is in, where that can be told
//! * [`report`]: what the base promises, and which of its entries are taken for each other
//! * [`self_test`]: whether a changed base may replace the live one
//! * [`eval`]: what it is worth on labelled questions

pub mod base;
mod blocks;
pub mod bundle;
pub mod calibrate;
mod check;
pub mod cluster;
pub mod entry;
pub mod eval;
pub mod export;
pub mod facts;
pub mod hybrid;
pub mod import;
mod index;
pub mod language;
pub mod lint;
pub mod parse;
pub mod report;
pub mod self_test;
pub mod word_vectors;
pub mod written;

pub use base::{Base, Hit, Lookup, NEAR, Zone};
pub use calibrate::{Calibration, Certainty, Evidence, Promise};
pub use entry::{Class, Entry, EntryError, Said, Status, Translation};
pub use facts::FactTable;
pub use hybrid::{Unfit, Vector};
pub use lint::lint;
pub use parse::{parse, parse_with};
pub use report::Report;
pub use self_test::SelfTest;
pub use word_vectors::WordVectors;
pub use written::Written;
