//! Pure decisions: values in, values out. No clock, no network, no randomness; nothing here awaits.
//!
//! * [`mod@decide`]: what a turn's snapshot and an event lead to
//! * [`gate`]: what a model may say in public, judged while it speaks
//! * [`agent`], [`prompt`], [`tools`], [`memory`]: who answers, what a model is asked, what it may call and remember
//! * [`flood`], [`budget`], [`breaker`]: what stands in front of a model
//! * [`admission`]: how many turns at once
//! * [`held`]: what is held against somebody, of how they stood before and of what was done since
//! * [`limit`], [`pace`]: how much may leave for a platform; how often an answer is shown while it is written
//! * [`commands`]: the one list of commands
//! * [`conversation`]: the line in which a person's turns are taken
//! * [`places`]: what is set for a place, and where each setting comes from
//! * [`gaps`], [`trend`], [`drift`]: what was asked in vain, whether it is asked less often, whether answers help
//! * [`safety`], [`standing`]: what is ours; how the message that says so is kept in a place
//! * [`scan`]: where the shield sits
//! * [`say`]: every sentence a person reads
//! * [`publish`]: how the base changes
//! * [`access`]: roles and what they allow; [`secret`]: tokens and codes; [`audit`]: the log's chain

pub mod access;
pub mod admission;
pub mod agent;
pub mod audit;
pub mod breaker;
pub mod budget;
pub mod cases;
pub mod commands;
pub mod conversation;
pub mod decide;
pub mod drift;
pub mod flood;
pub mod gaps;
pub mod gate;
pub mod held;
pub mod limit;
pub mod memory;
pub mod pace;
pub mod places;
pub mod prompt;
pub mod publish;
pub mod safety;
pub mod say;
pub mod scan;
pub mod secret;
pub mod standing;
pub mod tools;
pub mod trend;

pub use agent::Agent;
pub use decide::{Ask, Decision, Event, Meaning, Past, Snapshot, Spoken, decide};
