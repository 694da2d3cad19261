//! What a model may cost: limits a day, and our own count of tokens. Pure.
//!
//! Tokens are estimated as bytes / 3, rounded up: for prose in any script more than vendors' tokenisers make of it.
//! That is what is reserved; what is settled is the larger of our count and the vendor's.

use chrono::DateTime;
use townkeeper_contract::provider::{ChatMessage, ChatRequest};
use townkeeper_contract::stream::Usage;

/// What may be spent in a day (UTC), in tokens of any model, questions and answers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub person_tokens_per_day: u64,
    pub workspace_tokens_per_day: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { person_tokens_per_day: 100_000, workspace_tokens_per_day: 2_000_000 }
    }
}

/// A vendor's count is believed up to this multiple of what was reserved: a token has at least one byte. What claims
/// more is a mistake, or a lie.
const BELIEVED: u64 = 3;

/// A message's frame, a tool's frame: what vendors add to the words.
const FRAME: u64 = 16;

/// An estimate of a text's tokens.
pub fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(3)
}

/// What a request's questions hold, in tokens by our estimate.
pub fn input(request: &ChatRequest) -> u64 {
    let message = |message: &ChatMessage| match message {
        ChatMessage::User { text } => text.len(),
        ChatMessage::Assistant { text, calls } => {
            text.len() + calls.iter().map(|call| call.name.len() + call.arguments.len()).sum::<usize>()
        }
        ChatMessage::ToolResult { name, content, .. } => name.len() + content.len(),
    };
    let tool = |tool: &townkeeper_contract::provider::ToolSpec| {
        tool.name.len() + tool.description.len() + tool.parameters.to_string().len()
    };
    let bytes = request.system.len()
        + request.messages.iter().map(message).sum::<usize>()
        + request.tools.iter().map(tool).sum::<usize>();
    tokens(bytes) + FRAME * (1 + request.messages.len() + request.tools.len()) as u64
}

/// What is reserved before a request leaves: its input, and the longest answer that was asked for.
pub fn reserve(request: &ChatRequest) -> u64 {
    input(request) + u64::from(request.max_output_tokens)
}

/// What is settled afterwards. `heard` is our count of what the vendor sent, in bytes of words, thoughts and
/// arguments; `reported` the vendor's own.
pub fn settle(reserved: u64, input: u64, heard: usize, reported: Option<&Usage>) -> u64 {
    let own = input.saturating_add(tokens(heard));
    let theirs = reported.map_or(0, |usage| usage.input.saturating_add(usage.output));
    own.max(theirs).min(reserved.saturating_mul(BELIEVED))
}

/// Whether a vendor sent more than any honest answer could be: it is to be cut off.
pub fn is_overrun(reserved: u64, input: u64, heard: usize) -> bool {
    input.saturating_add(tokens(heard)) > reserved.saturating_mul(BELIEVED)
}

/// The day a time belongs to, as days since 1970-01-01 (UTC).
pub fn day(now_ms: i64) -> i64 {
    DateTime::from_timestamp_millis(now_ms).map_or(0, |time| time.timestamp().div_euclid(24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        let messages = vec![ChatMessage::User { text: "a".repeat(300) }];
        ChatRequest { system: "b".repeat(600), messages, tools: Vec::new(), max_output_tokens: 100 }
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    #[test]
    fn the_estimate_counts_everything_that_is_sent() {
        let (input, reserved) = (input(&request()), reserve(&request()));
        assert_eq!((input, reserved), (300 + 32, 300 + 32 + 100));
    }

    #[test]
    fn the_larger_count_is_settled_and_a_lie_is_not_believed() {
        assert_eq!(settle(400, 300, 30, None), 310, "nothing reported: our own");
        assert_eq!(settle(400, 300, 30, Some(&usage(0, 0))), 310, "too little reported: our own");
        assert_eq!(settle(400, 300, 30, Some(&usage(320, 40))), 360, "the vendor's, where it is more");
        assert_eq!(settle(400, 300, 30, Some(&usage(u64::MAX, u64::MAX))), 1200, "a lie has an end");
        assert!(!is_overrun(400, 300, 2_700) && is_overrun(400, 300, 2_703));
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!((day(0), day(86_399_999), day(86_400_000), day(-1)), (0, 0, 1, -1));
    }
}
