//! The canonical base: parse, index, look up. Pure: no files, no clock, no randomness.
//!
//! * [`entry`]: what an entry is, and what can be wrong with one
//! * [`mod@parse`]: a file's text in, an [`Entry`] or an [`EntryError`] out
//! * [`facts`]: links, addresses, dates and ratios, which answers show by id
//! * [`written`]: a whole base as its files hold it
//! * [`import`]: what others wrote, as drafts
//! * [`export`] and [`bundle`]: the base for others, as rows or signed
//! * [`mod@lint`]: what a base should not be published with
//! * [`base`]: all entries together; [`Base::look_up`] finds the one that answers a question, or none

pub mod base;
mod blocks;
pub mod bundle;
mod calibrate;
mod check;
mod content;
pub mod entry;
pub mod export;
pub mod facts;
mod features;
pub mod import;
mod index;
pub mod lint;
mod material;
pub mod parse;
mod spelling;
pub mod written;

pub use base::{Base, Hit, Lookup};
pub use entry::{Class, Entry, EntryError, Said, Status, Translation};
pub use facts::FactTable;
pub use lint::lint;
pub use parse::{parse, parse_with};
pub use written::Written;
