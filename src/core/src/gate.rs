//! The gate: no link, address, date or amount leaves in a model's words unless the entry it cites holds it.
//!
//! What it finds must be, byte for byte or in its canonical form, what the cited entry holds ([`facts`]); else the answer
//! stops, and the verbatim entry, or the abstention, follows. A near miss is an alarm besides, never a correction. While
//! a model speaks, text is held back only from the first character that could begin such a finding, and only until it
//! cannot grow any more ([`scan`]). What is finished is judged by the origin of its words ([`origin`]), and what readers
//! of a turn may see of each event is in [`events`].

pub mod events;
pub mod facts;
pub mod origin;
mod scan;
mod words;

use townkeeper_contract::id::EntryId;
use townkeeper_knowledge::Base;

use facts::Foreign;
pub use facts::{Facts, LookAlike, Stopped};
pub use origin::leaving;
use scan::Scan;

/// What came of pushing text through the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// May be shown now; may be empty.
    Text(String),
    /// A finding that the cited entry does not hold. Nothing more passes.
    Blocked(Stopped),
}

/// Judges a model's answer while it is spoken. One value per answer.
#[derive(Debug)]
pub struct Gate {
    sources: Vec<(EntryId, Facts)>,
    cited: Option<usize>,
    /// Whether the answer's beginning, where a citation may stand, has passed.
    begun: bool,
    held: String,
    scan: Scan,
    passed: String,
    /// What stopped it.
    blocked: Option<Foreign>,
    /// Without a citation nothing may be said that needs one.
    nothing: Facts,
}

/// The longest stretch that is held back, in bytes. Ordinary facts end sooner.
const HELD: usize = 2 * 1024;

/// The longest `[entry-id]` at an answer's beginning.
const MARK: usize = 80;

impl Gate {
    /// A gate for an answer that may cite these entries.
    pub fn new(base: &Base, sources: &[EntryId]) -> Self {
        let mut gate = Self {
            sources: Vec::new(),
            cited: None,
            begun: false,
            held: String::new(),
            scan: Scan::default(),
            passed: String::new(),
            blocked: None,
            nothing: Facts::default(),
        };
        gate.allow(base, sources.iter());
        gate
    }

    /// Entries that a tool showed the model may be cited as well.
    pub fn allow<'a>(&mut self, base: &Base, sources: impl Iterator<Item = &'a EntryId>) {
        let entries = sources.filter_map(|id| base.get(id));
        self.sources.extend(entries.map(|entry| (entry.id.clone(), Facts::of(entry))));
    }

    /// The model speaks again, after a tool: unless it has cited an entry, it may do so now.
    pub fn again(&mut self) {
        self.begun = self.cited.is_some();
    }

    /// Another model begins anew: what the one before said and nobody heard is forgotten.
    pub fn restart(&mut self) {
        self.held.clear();
        self.scan = Scan::default();
        if self.passed.is_empty() {
            (self.cited, self.begun) = (None, false);
        }
    }

    /// The entry the model says it used.
    pub fn cited(&self) -> Option<&EntryId> {
        self.cited.and_then(|at| self.sources.get(at)).map(|(id, _)| id)
    }

    /// Everything that passed so far.
    pub fn passed(&self) -> &str {
        &self.passed
    }

    /// How much the model has said, held back or not, in bytes.
    pub fn len(&self) -> usize {
        self.passed.len() + self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// What of ours the finding that stopped it could be taken for.
    pub fn look_alike(&self, base: &Base) -> Option<LookAlike> {
        self.blocked.as_ref()?.look_alike(base)
    }

    /// Takes the next piece of the answer and returns what may be shown.
    pub fn push(&mut self, delta: &str) -> Passed {
        self.held.push_str(delta);
        self.release(false)
    }

    /// The model has finished: judges what is still held.
    pub fn finish(&mut self) -> Passed {
        match self.release(true) {
            // Last, the answer as a whole: what no single stretch showed.
            Passed::Text(text) => match self.facts().foreign("", &self.passed) {
                Some(foreign) => self.block(foreign),
                None => Passed::Text(text),
            },
            blocked @ Passed::Blocked(_) => blocked,
        }
    }

    fn facts(&self) -> &Facts {
        self.cited.and_then(|at| self.sources.get(at)).map_or(&self.nothing, |(_, facts)| facts)
    }

    fn block(&mut self, foreign: Foreign) -> Passed {
        let why = foreign.why;
        self.blocked = Some(foreign);
        self.held.clear();
        Passed::Blocked(why)
    }

    fn release(&mut self, end: bool) -> Passed {
        if self.is_blocked() || !self.begun && !self.read_mark(end) {
            return Passed::Text(String::new());
        }
        let (whole, suspicious) = self.scan.whole(&self.held, end);
        let rest = self.held.split_off(whole);
        let text = std::mem::replace(&mut self.held, rest);
        if suspicious && let Some(foreign) = self.facts().foreign(&self.passed, &text) {
            return self.block(foreign);
        }
        if self.held.len() > HELD {
            return self.block(Stopped::Endless.into());
        }
        self.passed.push_str(&text);
        Passed::Text(text)
    }

    /// Reads `[entry-id]` at the beginning. `false`: more text is needed to tell.
    fn read_mark(&mut self, end: bool) -> bool {
        let text = self.held.trim_start();
        if text.is_empty() && !end {
            return false;
        }
        if self.cited.is_some() {
            self.held = text.to_owned();
        } else if let Some(after) = text.strip_prefix('[') {
            match after.split_once(']') {
                Some((id, rest)) => {
                    self.cited = self.sources.iter().position(|(source, _)| source.as_str() == id);
                    if self.cited.is_some() {
                        self.held = rest.trim_start().to_owned();
                        if self.held.is_empty() && !end {
                            return false;
                        }
                    }
                }
                None if !end && after.len() < MARK => return false,
                None => {}
            }
        }
        self.begun = true;
        true
    }
}

#[cfg(test)]
mod tests;
