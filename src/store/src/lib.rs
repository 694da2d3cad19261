//! The only SQL. One file per noun; statements are written once, in SQL that every engine takes (`$1`, BIGINT
//! milliseconds, text ids, no arrays). Times come in as arguments.
//!
//! Writes are few and coarse (`accept`, `settle`, `claim`, `ack`, `open_ticket`). They queue up for one writer, which
//! puts whatever waits into one transaction: with `synchronous=FULL`, many callers share one fsync ([`writer`]).
//!
//! To add a noun: a migration in `migrations/*/`, a file here with its writes and reads, a step in the story test.

mod budget;
mod counter;
mod cursor;
mod db;
mod error;
pub mod fault;
mod inbox;
mod ledger;
mod memory;
mod open;
mod outbox;
mod postgres;
mod raw;
mod schema;
mod source;
mod sqlite;
mod tickets;
mod turns;
mod writer;

pub use budget::{Allowance, Reserve, Spent};
pub use db::Engine;
pub use error::StoreError;
pub use inbox::{Accept, Accepted, InboxRow, NewEvent, Recovered};
pub use ledger::{Ledger, LedgerEvent, LedgerSend, LedgerTicket};
pub use memory::{NoteRow, Remember, Remembered, Whose};
pub use open::Store;
pub use outbox::{Ack, Claimed, OutboxRow, Sendable, Verdict};
pub use tickets::NewTicket;
pub use turns::{EndedTurn, PastTurn, Settle, Settled};
