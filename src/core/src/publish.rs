//! How the base changes: who must approve a change, what an approval is for, and when the change is live. An automaton
//! over values; the store runs it inside the transaction that writes.
//!
//! Proposed → (approved) → (cooling) → ready → published; or refused; or withdrawn. Where it stands is never stored: it
//! follows, every time anew, from the approvals, from who may approve *now*, and from the time. So nobody has to remember
//! to void anything: who is removed stops counting, and so does an approval of what was edited since.

mod check;
mod matter;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};
use townkeeper_contract::knowledge::{ChangeState, ItemChange};

pub use check::{Checked, Document, Terms, check, diff, document, facts, read};
pub use matter::is_grave;

use crate::access::Voter;

/// How many different people a grave change needs.
pub const VOICES: usize = 2;

/// What becomes of one item: the document that is published, and what takes its place. `None`: there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub item: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Edit {
    pub fn what(&self) -> ItemChange {
        match (&self.before, &self.after) {
            (_, None) => ItemChange::Removed,
            (None, Some(_)) => ItemChange::New,
            (Some(_), Some(_)) => ItemChange::Changed,
        }
    }
}

/// Whether an item is an entry; what is none is a facts table.
fn is_entry(item: &str) -> bool {
    item.rsplit_once('.').is_some_and(|(_, end)| end == "md")
}

/// One voice for what [`Change::seal`] was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// `person:<id>`: every session, token and linked account of a person is this one person.
    pub actor: String,
    pub seal: String,
    pub at_ms: i64,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Published,
    Refused,
    Withdrawn,
}

/// A change, as far as it can be decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Counts how often it was put; no edition is sealed like another, whatever it says.
    pub edition: i64,
    /// When this edition was put.
    pub proposed_ms: i64,
    /// Sorted by item.
    pub edits: Vec<Edit>,
    pub approvals: Vec<Approval>,
    pub ended: Option<Ended>,
}

/// Why something cannot be done to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It ended before.
    Ended,
    /// It is not what was looked at: it, or what it replaces, was edited since.
    Moved,
    /// Who asks has no voice in this.
    NoVoice,
    /// It has too few voices, or not been up for long enough.
    NotReady,
}

/// Where a change stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: ChangeState,
    /// Whose voices count.
    pub voices: Vec<String>,
    /// From when on it may be live, once it has its voices.
    pub live_ms: Option<i64>,
}

impl Change {
    /// How many different people must approve it.
    pub fn needs(&self) -> usize {
        if self.edits.iter().any(is_grave) { VOICES } else { 1 }
    }

    /// What an approval is for: the SHA-256 of the edition, of what each item will say, and of what that replaces. Fields
    /// stand behind their length, so that none runs into the next.
    pub fn seal(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"townkeeper.change/1");
        let mut field = |text: &str| {
            hasher.update(text.len().to_be_bytes());
            hasher.update(text);
        };
        field(&self.edition.to_string());
        for edit in &self.edits {
            field(&edit.item);
            for text in [&edit.before, &edit.after] {
                field(if text.is_some() { "+" } else { "-" });
                field(text.as_deref().unwrap_or_default());
            }
        }
        format!("{:x}", hasher.finalize())
    }

    /// Puts it anew. What was approved was another edition.
    pub fn edit(&mut self, edits: Vec<Edit>, now_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        self.edition += 1;
        self.proposed_ms = now_ms;
        self.edits = edits;
        Ok(())
    }

    /// Adds a voice for the seal that was looked at. `approvers`: who may approve now, and since when.
    pub fn approve(&mut self, actor: &str, seal: &str, now_ms: i64, approvers: &[Voter]) -> Result<(), Refusal> {
        self.is_open()?;
        if seal != self.seal() {
            return Err(Refusal::Moved);
        }
        if !self.has_voice(actor, approvers) {
            return Err(Refusal::NoVoice);
        }
        let again = self.approvals.iter().any(|voice| voice.actor == actor && voice.seal == seal);
        if !again {
            self.approvals.push(Approval { actor: actor.to_owned(), seal: seal.to_owned(), at_ms: now_ms });
        }
        Ok(())
    }

    /// Whether this approval counts today: it was for just this, by somebody who may approve, and could when it was put. Who
    /// became an approver while a change was waiting has no voice in it, or whoever stole one account would make a second.
    pub fn counts(&self, approval: &Approval, approvers: &[Voter]) -> bool {
        approval.seal == self.seal() && self.has_voice(&approval.actor, approvers)
    }

    fn has_voice(&self, actor: &str, approvers: &[Voter]) -> bool {
        approvers.iter().any(|voter| voter.actor == actor && voter.granted_ms <= self.proposed_ms)
    }

    /// Where it stands at this time.
    pub fn standing(&self, approvers: &[Voter], cooling_ms: i64, now_ms: i64) -> Standing {
        let mut counted: Vec<&Approval> = self.approvals.iter().filter(|voice| self.counts(voice, approvers)).collect();
        counted.sort_by(|a, b| (a.at_ms, &a.actor).cmp(&(b.at_ms, &b.actor)));
        let mut voices: Vec<String> = Vec::new();
        let mut times = Vec::new();
        for voice in counted {
            if !voices.contains(&voice.actor) {
                voices.push(voice.actor.clone());
                times.push(voice.at_ms);
            }
        }
        let needs = self.needs();
        // One person's change does not wait: nothing that money follows is in it.
        let wait_ms = if needs < VOICES { 0 } else { cooling_ms };
        let live_ms = times.get(needs - 1).map(|at_ms| at_ms.saturating_add(wait_ms));
        let state = match (self.ended, live_ms) {
            (Some(Ended::Published), _) => ChangeState::Published,
            (Some(Ended::Refused), _) => ChangeState::Refused,
            (Some(Ended::Withdrawn), _) => ChangeState::Withdrawn,
            (None, Some(live_ms)) if live_ms <= now_ms => ChangeState::Ready,
            (None, Some(_)) => ChangeState::Cooling,
            (None, None) if voices.is_empty() => ChangeState::Proposed,
            (None, None) => ChangeState::Approved,
        };
        Standing { state, voices, live_ms: live_ms.filter(|_| self.ended.is_none()) }
    }

    /// Makes it live, if it is ready.
    pub fn publish(&mut self, approvers: &[Voter], cooling_ms: i64, now_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        if self.standing(approvers, cooling_ms, now_ms).state != ChangeState::Ready {
            return Err(Refusal::NotReady);
        }
        self.ended = Some(Ended::Published);
        Ok(())
    }

    /// Ends it without publishing it.
    pub fn end(&mut self, how: Ended) -> Result<(), Refusal> {
        self.is_open()?;
        self.ended = Some(how);
        Ok(())
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.ended.is_some() { Err(Refusal::Ended) } else { Ok(()) }
    }
}
