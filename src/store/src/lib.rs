//! The only SQL. One file per noun; statements are written once, in SQL that every engine takes (`$1`, BIGINT
//! milliseconds, text ids, no arrays). Times come in as arguments.
//!
//! Writes are few and coarse (`accept`, `settle`, `claim`, `ack`, `open_ticket`). They queue up for one writer, which
//! puts whatever waits into one transaction: with `synchronous=FULL`, many callers share one fsync ([`writer`]).
//!
//! To add a noun: a migration in `migrations/*/`, a file here with its writes and reads, a step in the story test.

mod audit;
mod counter;
mod cursor;
mod db;
mod error;
pub mod fault;
mod freeze;
mod inbox;
mod lease;
mod ledger;
mod links;
mod open;
mod outbox;
mod people;
mod postgres;
mod raw;
mod schema;
mod sessions;
mod source;
mod sqlite;
mod tickets;
mod tokens;
mod transfer;
mod turns;
mod wake;
mod writer;

pub use audit::By;
pub use db::Engine;
pub use error::{Denied, StoreError};
pub use inbox::{Accept, Accepted, InboxRow, NewEvent, Recovered};
pub use lease::{Lease, account_lease, node_lease};
pub use ledger::{Ledger, LedgerEvent, LedgerSend, LedgerTicket};
pub use links::{Linked, SaidCode};
pub use open::Store;
pub use outbox::{Ack, Claimed, OutboxRow, Sendable, Verdict};
pub use sessions::OpenSession;
pub use tickets::NewTicket;
pub use tokens::HeldToken;
pub use transfer::Transferred;
pub use turns::{EndedTurn, PastTurn, Settle, Settled};
