//! What the store promises, told by its own interface, the same on both engines.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

mod agent;
mod home;
mod ledger;
mod newer;
