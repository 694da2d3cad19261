//! What a model thought before it called a tool. The next request of the same turn must bring it back unchanged, signed
//! and partly encrypted as it is, and the contract has no place for it: so it waits here, in memory, for a while.
//! <https://platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows>
//!
//! Communities never mix: an answer is found only behind the very conversation it was given to, under its calls' ids.

use std::collections::VecDeque;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use townkeeper_contract::provider::{ChatMessage, ToolCall};

/// So many bytes in all; the oldest go first. One that is gone is a pity, not a fault: its text and calls go back alone.
const MAX_KEPT: usize = 4 << 20;

/// The answers of one provider.
#[derive(Debug, Default)]
pub(super) struct Kept {
    hashes: RandomState,
    answers: Mutex<VecDeque<Answer>>,
}

#[derive(Debug)]
struct Answer {
    place: Place,
    ids: Vec<String>,
    blocks: Vec<Value>,
    bytes: usize,
}

/// A place in a conversation: all that stands before it, as a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

/// Where the answer to one request is kept.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    pub(super) kept: Arc<Kept>,
    pub(super) place: Place,
}

impl Shelf {
    /// Keeps the blocks of an answer with these calls; `bytes` is about what they weigh.
    pub(super) fn keep(&self, ids: Vec<String>, blocks: Vec<Value>, bytes: usize) {
        let mut answers = self.kept.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back(Answer { place: self.place, ids, blocks, bytes });
        while answers.iter().map(|answer| answer.bytes).sum::<usize>() > MAX_KEPT {
            answers.pop_front();
        }
    }
}

impl Kept {
    /// The beginning of a conversation.
    pub(super) fn trail(&self, system: &str) -> Trail {
        let mut hasher = self.hashes.build_hasher();
        system.hash(&mut hasher);
        Trail(hasher)
    }

    /// The blocks of the answer at `place` that made these calls.
    pub(super) fn recall(&self, place: Place, calls: &[ToolCall]) -> Option<Vec<Value>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let made = |answer: &&Answer| {
            answer.place == place && answer.ids.iter().eq(calls.iter().map(|call| &call.provider_id))
        };
        answers.iter().rfind(made).map(|answer| answer.blocks.clone())
    }
}

/// A walk along a conversation.
pub(super) struct Trail(DefaultHasher);

impl Trail {
    /// The place after what was passed so far.
    pub(super) fn place(&self) -> Place {
        Place(self.0.finish())
    }

    pub(super) fn pass(&mut self, message: &ChatMessage) {
        match message {
            ChatMessage::User { text } => (0, text).hash(&mut self.0),
            ChatMessage::Assistant { text, calls } => {
                (1, text, calls.len()).hash(&mut self.0);
                for call in calls {
                    (&call.provider_id, &call.name, &call.arguments).hash(&mut self.0);
                }
            }
            ChatMessage::ToolResult { provider_id, name, content } => {
                (2, provider_id, name, content).hash(&mut self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> [ToolCall; 1] {
        [ToolCall { provider_id: id.into(), name: "look".into(), arguments: "{}".into() }]
    }

    fn place(kept: &Kept, text: &str) -> Place {
        let mut trail = kept.trail("Be brief.");
        trail.pass(&ChatMessage::User { text: text.into() });
        trail.place()
    }

    #[test]
    fn an_answer_is_found_only_where_it_was_given() {
        let kept = Arc::new(Kept::default());
        let shelf = |text| Shelf { kept: Arc::clone(&kept), place: place(&kept, text) };
        shelf("Why?").keep(vec!["x".into()], vec![Value::from("here")], 10);
        let found = |text, id| kept.recall(place(&kept, text), &call(id));
        assert_eq!(found("Why?", "x"), Some(vec![Value::from("here")]));
        // The same id, in the conversation of someone else; and another call here.
        assert_eq!((found("Where?", "x"), found("Why?", "y")), (None, None));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let kept = Arc::new(Kept::default());
        let shelf = Shelf { kept: Arc::clone(&kept), place: place(&kept, "Why?") };
        for n in 0..10 {
            shelf.keep(vec![n.to_string()], Vec::new(), MAX_KEPT / 4);
        }
        let found = (0..10).filter(|n| kept.recall(shelf.place, &call(&n.to_string())).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [6, 7, 8, 9]);
    }
}
