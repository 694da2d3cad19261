//! Overload on the web: how many visitors' turns may be worked on at once. Beyond that a request is told to come again at
//! once, which is cheap, instead of waiting in a line that only grows; what it said is not kept, and it knows.
//!
//! Only our own work counts: a turn that waits for its conversation or for a model gives its place back. Whoever asks for a
//! ticket, stops an answer or freezes the town is never turned away, and neither are chat platforms: they keep their
//! queues themselves.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use townkeeper_contract::inbound::{Body, Inbound};
use townkeeper_core::commands;

use crate::EngineError;

/// How many turns; about what the machine answers in a fortieth of a second.
const PLACES: usize = 128;

/// The places.
#[derive(Debug)]
pub(crate) struct Busy {
    places: Arc<Semaphore>,
}

impl Default for Busy {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Busy {
    /// A place for this event; none for those who need none.
    pub(crate) fn admit(&self, inbound: &Inbound) -> Result<Option<OwnedSemaphorePermit>, EngineError> {
        if goes_first(inbound) {
            return Ok(None);
        }
        Arc::clone(&self.places).try_acquire_owned().map(Some).map_err(|_| {
            metrics::counter!("townkeeper_shed_total", "why" => "overload").increment(1);
            EngineError::Overloaded
        })
    }
}

fn goes_first(inbound: &Inbound) -> bool {
    let ticket = match &inbound.body {
        Body::Action { action } => action.as_str().starts_with("ticket:"),
        Body::Command { name, .. } => name == commands::TICKET,
        _ => false,
    };
    ticket || inbound.is_control()
}
