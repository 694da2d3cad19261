//! What the store promises, told by its own interface, the same on both engines.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be set up must end it")]

mod home;
mod keeping;
mod ledger;
mod newer;
mod town;
mod upgrade;
