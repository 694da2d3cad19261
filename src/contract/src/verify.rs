//! The rules of `townkeeper.stream/1` as a type: feed it every envelope a consumer sees, in order.
//!
//! Run in every provider, adapter and golden test; cheap enough to run in production as well.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::id::TurnId;
use crate::stream::{Envelope, Event, VERSION};

/// A rule that was broken, with the `seq` at which it was.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Violation {
    #[error("seq {seq}: version {got}, expected {VERSION}")]
    Version { seq: u64, got: u8 },
    #[error("seq {seq}: belongs to another turn")]
    OtherTurn { seq: u64 },
    #[error("seq {seq}: expected {expected}")]
    Gap { seq: u64, expected: u64 },
    #[error("seq {seq}: the first event must be TurnStarted, or a Snapshot on resume")]
    First { seq: u64 },
    #[error("seq {seq}: TurnStarted may only come first")]
    Restarted { seq: u64 },
    #[error("seq {seq}: an event after TurnEnded")]
    AfterEnd { seq: u64 },
    #[error("seq {seq}: part {part} was closed before")]
    ClosedPart { seq: u64, part: u32 },
    #[error("seq {seq}: an empty delta")]
    EmptyDelta { seq: u64 },
    #[error("the stream ended without TurnEnded")]
    NoEnd,
}

/// Watches one consumer's view of one turn.
#[derive(Debug, Default)]
pub struct Verifier {
    turn: Option<TurnId>,
    attempt: u32,
    next: u64,
    open: BTreeMap<u32, bool>,
    ended: bool,
}

impl Verifier {
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks one more envelope. A higher attempt may begin with a `Snapshot` at any `seq`; so may a resumed or
    /// lagging consumer.
    pub fn check(&mut self, envelope: &Envelope) -> Result<(), Violation> {
        let seq = envelope.seq;
        if envelope.v != VERSION {
            return Err(Violation::Version { seq, got: envelope.v });
        }
        if self.ended {
            return Err(Violation::AfterEnd { seq });
        }
        self.place(envelope)?;
        self.parts(envelope)?;
        self.next = seq + 1;
        self.ended = matches!(envelope.event, Event::TurnEnded { .. });
        Ok(())
    }

    /// Call when the stream is over.
    pub fn finish(&self) -> Result<(), Violation> {
        if self.ended { Ok(()) } else { Err(Violation::NoEnd) }
    }

    fn place(&mut self, envelope: &Envelope) -> Result<(), Violation> {
        let seq = envelope.seq;
        let snapshot = matches!(envelope.event, Event::Snapshot { .. });
        let started = matches!(envelope.event, Event::TurnStarted { .. });
        match &self.turn {
            None => {
                if !(started && seq == 0 || snapshot) {
                    return Err(Violation::First { seq });
                }
                self.turn = Some(envelope.turn.clone());
                self.attempt = envelope.attempt;
            }
            Some(turn) if *turn != envelope.turn => return Err(Violation::OtherTurn { seq }),
            Some(_) if envelope.attempt > self.attempt && (snapshot || started && seq == 0) => {
                self.attempt = envelope.attempt;
                self.open.clear();
            }
            Some(_) if envelope.attempt != self.attempt => return Err(Violation::OtherTurn { seq }),
            Some(_) if started => return Err(Violation::Restarted { seq }),
            // A snapshot stands in for everything before it: it may skip forward, never back.
            Some(_) if snapshot && seq >= self.next => {}
            Some(_) if seq != self.next => return Err(Violation::Gap { seq, expected: self.next }),
            Some(_) => {}
        }
        Ok(())
    }

    fn parts(&mut self, envelope: &Envelope) -> Result<(), Violation> {
        let seq = envelope.seq;
        match &envelope.event {
            Event::Snapshot { parts, open_parts } => {
                self.open = parts.iter().map(|p| (p.part, open_parts.contains(&p.part))).collect();
                self.open.extend(open_parts.iter().map(|p| (*p, true)));
            }
            Event::StreamChunk { part, delta, .. } => {
                if delta.is_empty() {
                    return Err(Violation::EmptyDelta { seq });
                }
                self.touch(seq, *part)?;
            }
            Event::ToolCallDelta { part, .. } | Event::ToolCallReady { part, .. } => self.touch(seq, *part)?,
            Event::PartEnded { part, .. } => {
                self.touch(seq, *part)?;
                self.open.insert(*part, false);
            }
            _ => {}
        }
        Ok(())
    }

    fn touch(&mut self, seq: u64, part: u32) -> Result<(), Violation> {
        if *self.open.entry(part).or_insert(true) { Ok(()) } else { Err(Violation::ClosedPart { seq, part }) }
    }
}
