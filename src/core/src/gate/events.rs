//! What readers of a turn may see of each event. Text is judged before it becomes an event; everything else that a
//! model, or its vendor, may have a hand in is judged here, on its way to the readers.

use townkeeper_contract::stream::{Event, Outcome};

use super::facts::Facts;
use crate::{say, tools};

/// The longest word of ours for why a note is not kept.
const REASON: usize = 40;

/// The event as everybody may see it: calls under names that we gave and without what they were called with, results as
/// names of entries, notes without their words, failures in our words.
pub fn shown(event: Event) -> Event {
    match event {
        Event::ToolCallDelta { part, call, name, args_delta: _ } => {
            let name = name.map(|name| tools::name(&name).to_owned());
            Event::ToolCallDelta { part, call, name, args_delta: None }
        }
        Event::ToolCallReady { part, call, name, args: _ } => {
            Event::ToolCallReady { part, call, name: tools::name(&name).to_owned(), args: None }
        }
        Event::ToolResult { call, ok, summary } => {
            let ids =
                summary.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ',' | ' '));
            Event::ToolResult { call, ok, summary: if ids { summary } else { String::new() } }
        }
        Event::MemoryWriteEvent { write, key, phase, reason } => {
            let bare = |text: &str| text.len() <= REASON && text.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
            let key = if bare(&key) { key } else { String::new() };
            Event::MemoryWriteEvent { write, key, phase, reason: reason.filter(|reason| bare(reason)) }
        }
        Event::TurnEnded { outcome: Outcome::Failed { mut error }, reply } => {
            if Facts::default().first_foreign(&error.message).is_some() {
                say::model_failed(error.class).clone_into(&mut error.message);
            }
            Event::TurnEnded { outcome: Outcome::Failed { error }, reply }
        }
        // Words that passed the gate while they came, or in `origin`; our own settings; numbers.
        event => event,
    }
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::id::CallId;
    use townkeeper_contract::provider::ToolArgs;
    use townkeeper_contract::stream::{ErrorClass, MemoryPhase, StreamError};

    use super::*;

    const BAIT: &str = "open lumen-claim.example.net";

    /// Every event in which a model could say something, each time the bait.
    fn events() -> Vec<Event> {
        let call = || CallId::new("c1");
        let bait = || BAIT.to_owned();
        let error = StreamError::new(ErrorClass::Internal, false, BAIT);
        vec![
            Event::ToolCallDelta { part: 0, call: call(), name: Some(bait()), args_delta: Some(bait()) },
            Event::ToolCallReady {
                part: 0,
                call: call(),
                name: bait(),
                args: Some(ToolArgs::Unparseable { raw: bait() }),
            },
            Event::ToolResult { call: call(), ok: true, summary: bait() },
            Event::MemoryWriteEvent {
                write: "c1".to_owned(),
                key: bait(),
                phase: MemoryPhase::Proposed,
                reason: Some(bait()),
            },
            Event::TurnEnded { outcome: Outcome::Failed { error }, reply: None },
        ]
    }

    #[test]
    fn no_event_shows_what_a_model_put_into_it() {
        for event in events() {
            // The twin: as it comes, everybody would read it.
            assert!(format!("{event:?}").contains("lumen-claim"), "{event:?}");
            let event = shown(event);
            assert!(!format!("{event:?}").contains("lumen-claim"), "{event:?}");
        }
    }

    #[test]
    fn our_own_events_stay_as_they_are() {
        let result =
            Event::ToolResult { call: CallId::new("c1"), ok: true, summary: "undo-migration, audit".to_owned() };
        let note = Event::MemoryWriteEvent {
            write: "c1".to_owned(),
            key: "note".to_owned(),
            phase: MemoryPhase::Rejected,
            reason: Some("too many".to_owned()),
        };
        let named =
            Event::ToolCallReady { part: 0, call: CallId::new("c1"), name: tools::LOOK_UP.to_owned(), args: None };
        for event in [result, note, named] {
            assert_eq!(shown(event.clone()), event);
        }
    }
}
