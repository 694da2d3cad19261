//! What a model may cost: limits a day, our own count of tokens, and their price. Pure.
//!
//! Tokens are estimated as bytes / 3, rounded up: for prose in any script more than vendors' tokenisers make of it.
//! That is what is reserved; what is settled is the larger of our count and the vendor's. Money is those tokens at the
//! prices of the vendor that was asked, all questions at the full one: what vendors take off for repeated words is not seen.

use chrono::DateTime;
use townkeeper_contract::money::Money;
use townkeeper_contract::provider::{ChatMessage, ChatRequest};
use townkeeper_contract::stream::Usage;

/// What may be spent in a day (UTC), in tokens of any model, questions and answers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub person_tokens_per_day: u64,
    pub workspace_tokens_per_day: u64,
    /// `None`: as much as the tokens cost.
    pub workspace_money_per_day: Option<Money>,
    /// The name of the currency of all prices; only shown.
    pub currency: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            person_tokens_per_day: 100_000,
            workspace_tokens_per_day: 2_000_000,
            workspace_money_per_day: None,
            currency: "USD".to_owned(),
        }
    }
}

/// What a vendor takes for a million tokens of each kind. Nothing, where nobody named a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    pub input: Money,
    pub output: Money,
}

impl Prices {
    fn cost(self, input: u64, output: u64) -> Money {
        self.input.for_each_of(input).saturating_add(self.output.for_each_of(output))
    }
}

/// What a request costs, or may cost at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub tokens: u64,
    pub money: Money,
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
pub fn reserve(request: &ChatRequest, prices: Prices) -> Cost {
    let (input, output) = (input(request), u64::from(request.max_output_tokens));
    Cost { tokens: input + output, money: prices.cost(input, output) }
}

/// What is settled afterwards. `heard` is our count of what the vendor sent, in bytes of words, thoughts and
/// arguments; `reported` the vendor's own.
pub fn settle(reserved: Cost, prices: Prices, input: u64, heard: usize, reported: Option<&Usage>) -> Cost {
    let (asked, said) = reported.map_or((0, 0), |usage| (usage.input, usage.output));
    let own = input.saturating_add(tokens(heard));
    let counted = own.max(asked.saturating_add(said));
    let money = prices.cost(input.max(asked), tokens(heard).max(said));
    Cost {
        tokens: counted.min(reserved.tokens.saturating_mul(BELIEVED)),
        money: money.min(reserved.money.saturating_mul(BELIEVED)),
    }
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
        let (input, reserved) = (input(&request()), reserve(&request(), Prices::default()));
        assert_eq!((input, reserved), (300 + 32, Cost { tokens: 300 + 32 + 100, money: Money::default() }));
    }

    #[test]
    fn the_larger_count_is_settled_and_a_lie_is_not_believed() {
        let reserved = Cost { tokens: 400, money: Money::default() };
        let settle = |reported: Option<&Usage>| settle(reserved, Prices::default(), 300, 30, reported).tokens;
        assert_eq!(settle(None), 310, "nothing reported: our own");
        assert_eq!(settle(Some(&usage(0, 0))), 310, "too little reported: our own");
        assert_eq!(settle(Some(&usage(320, 40))), 360, "the vendor's, where it is more");
        assert_eq!(settle(Some(&usage(u64::MAX, u64::MAX))), 1200, "a lie has an end");
        assert!(!is_overrun(400, 300, 2_700) && is_overrun(400, 300, 2_703));
    }

    #[test]
    fn questions_and_answers_have_their_own_prices() {
        let prices = Prices { input: Money::from_micros(3_000_000), output: Money::from_micros(15_000_000) };
        let reserved = reserve(&request(), prices);
        assert_eq!(reserved.money.micros(), 332 * 3 + 100 * 15);
        let settle = |reported: Option<&Usage>| settle(reserved, prices, 332, 30, reported).money.micros();
        assert_eq!(settle(None), 332 * 3 + 10 * 15, "nothing reported: our own");
        assert_eq!(settle(Some(&usage(1, 1))), 332 * 3 + 10 * 15, "too little reported: our own");
        assert_eq!(settle(Some(&usage(340, 40))), 340 * 3 + 40 * 15, "the vendor's, where it is more");
        assert_eq!(settle(Some(&usage(u64::MAX, u64::MAX))), reserved.money.micros() * 3, "a lie has an end");
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!((day(0), day(86_399_999), day(86_400_000), day(-1)), (0, 0, 1, -1));
    }
}
