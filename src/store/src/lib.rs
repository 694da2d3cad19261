//! The only SQL. One file per noun; statements are written once, in SQL that every engine takes (`$1`, BIGINT
//! milliseconds, text ids, no arrays). Times come in as arguments.
//!
//! Writes are few and coarse (`accept`, `settle`, `claim`, `ack`, `open_ticket`). They queue up for one writer, which
//! puts whatever waits into one transaction: with `synchronous=FULL`, many callers share one fsync ([`writer`]).
//!
//! To add a noun: a migration in `migrations/*/`, a file here with its writes and reads, a step in the story test.

mod actions;
mod adapter;
mod audit;
pub mod backup;
mod breaker;
mod budget;
mod cards;
mod cases;
mod corrections;
mod counter;
mod cursor;
mod db;
mod deliveries;
mod erase;
mod error;
pub mod fault;
mod feedback;
mod fingerprints;
mod freeze;
mod inbox;
mod knowledge;
mod learning;
mod lease;
mod ledger;
mod links;
mod live;
mod members;
mod memory;
mod milestone;
mod moderation;
mod open;
mod outbox;
mod owed;
mod patterns;
mod people;
mod pictures;
mod places;
mod postgres;
mod raw;
mod retention;
mod schema;
mod sessions;
mod shadow;
mod source;
mod sqlite;
mod standing;
mod tickets;
mod tokens;
mod transfer;
mod turns;
mod wake;
mod writer;

pub use actions::{NewAction, Press, Pressed};
pub use adapter::AdapterState;
pub use audit::By;
pub use breaker::{Acted, ByItself, Fuse};
pub use budget::{Allowance, Cost, Reserve, Reserved, Spent, budget_scope};
pub use cards::{Card, Redraw, ShowCases, Shown, StaleCard};
pub use cases::{DecideCase, JudgedCase, KeptCase, NewCase, Report};
pub use corrections::{Correct, Correction, Part, Told};
pub use db::Engine;
pub use erase::{ERASED, ErasedTable, ErasureReport, person_mark};
pub use error::{Denied, StoreError};
pub use feedback::NewFeedback;
pub use fingerprints::Print;
pub use inbox::{Accept, Accepted, InboxRow, NewEvent, Recovered};
pub use knowledge::changes::PutChange;
pub use knowledge::{Files, Imported, PublishedBase};
pub use learning::{Answered, InVain};
pub use lease::{Lease, account_lease, node_lease};
pub use ledger::{Ledger, LedgerEvent, LedgerSend, LedgerTicket};
pub use links::{Linked, SaidCode};
pub use live::{Live, LiveRow};
pub use members::Member;
pub use memory::{NoteRow, Remember, Remembered, Whose};
pub use milestone::{Deliveries, Milestone, Runs};
pub use moderation::{CaseAt, Followed, NewOrder, Notified, Order, Ordered, Waiting};
pub use open::{Opening, Store};
pub use outbox::{Ack, Claimed, OutboxRow, Sendable, Verdict};
pub use owed::{CaseCopy, Debt, Owed};
pub use pictures::JudgedPicture;
pub use places::SeenPlace;
pub use retention::{DEDUPE_DAYS, Retention};
pub use sessions::OpenSession;
pub use shadow::ShadowCounts;
pub use standing::{Change, Stand, Standing};
pub use tickets::NewTicket;
pub use tokens::HeldToken;
pub use transfer::Transferred;
pub use turns::{EndedTurn, Given, Once, PastTurn, Settle, Settled};
