//! What the store promises, told by its own interface, the same on both engines.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test: what cannot be set up must end it")]

mod actions;
mod acts;
mod agent;
mod audit;
mod cases;
mod corrections;
mod edits;
mod held;
mod home;
mod joins;
mod keeping;
mod knowledge;
mod ledger;
mod live;
mod moderation;
mod newer;
mod nodes;
mod people;
mod pictures;
mod places;
mod shield;
mod standing;
mod town;
mod upgrade;
