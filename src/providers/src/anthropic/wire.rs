//! The shapes that arrive, borrowed from the frame: one for all events, told apart by `type`.

use serde::Deserialize;
use serde_json::value::RawValue;
use townkeeper_contract::stream::{Usage, UsageSource};

use crate::lenient::{Index, Words};

/// One frame's data.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) r#type: Words<'a>,
    /// Which block: its position in the message, and a key to us.
    pub(super) index: Index,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// A block as it begins.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Start<'a> {
    #[serde(borrow)]
    pub(super) r#type: Words<'a>,
    #[serde(borrow)]
    pub(super) text: Words<'a>,
    #[serde(borrow)]
    pub(super) thinking: Words<'a>,
    #[serde(borrow)]
    pub(super) signature: Words<'a>,
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    pub(super) name: Words<'a>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// A piece of a block, or a change of the message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) r#type: Words<'a>,
    #[serde(borrow)]
    pub(super) text: Words<'a>,
    #[serde(borrow)]
    pub(super) thinking: Words<'a>,
    #[serde(borrow)]
    pub(super) signature: Words<'a>,
    #[serde(borrow)]
    pub(super) partial_json: Words<'a>,
    #[serde(borrow)]
    pub(super) stop_reason: Words<'a>,
    #[serde(borrow)]
    pub(super) stop_details: Option<StopDetails<'a>>,
}

/// Why the vendor's filter refused.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StopDetails<'a> {
    #[serde(borrow)]
    pub(super) category: Words<'a>,
    #[serde(borrow)]
    pub(super) explanation: Words<'a>,
}

impl Delta<'_> {
    /// What it adds to its block; nothing where its type is none we know.
    pub(super) fn piece(&self) -> &str {
        match &*self.r#type.text {
            "text_delta" => &self.text.text,
            "thinking_delta" => &self.thinking.text,
            "signature_delta" => &self.signature.text,
            "input_json_delta" => &self.partial_json.text,
            _ => "",
        }
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(&*self.r#type.text, "text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta")
    }
}

impl Event<'_> {
    /// What the event says was counted so far, at the message's beginning or end.
    pub(super) fn counted(&self) -> Option<Counted> {
        let raw = self.usage.or(self.message.as_ref().and_then(|message| message.usage))?;
        serde_json::from_str(raw.get()).ok()
    }
}

/// Tokens, each count the last that was told. A zero tells nothing: counts only grow.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    input_tokens: Index,
    output_tokens: Index,
    cache_read_input_tokens: Index,
    cache_creation_input_tokens: Index,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Index,
}

impl Counted {
    /// Replaces what `newer` tells, and nothing else.
    pub(super) fn replace(&mut self, newer: Self) {
        let replace = |old: &mut Index, new: Index| {
            if new.0.is_some_and(|count| count > 0) {
                *old = new;
            }
        };
        replace(&mut self.input_tokens, newer.input_tokens);
        replace(&mut self.output_tokens, newer.output_tokens);
        replace(&mut self.cache_read_input_tokens, newer.cache_read_input_tokens);
        replace(&mut self.cache_creation_input_tokens, newer.cache_creation_input_tokens);
        self.output_tokens_details = newer.output_tokens_details.or(self.output_tokens_details);
    }

    /// The sum; nothing where it was only counted to zero. `input` is the whole prompt, as other vendors count it: here
    /// `input_tokens` leaves out what was read from and written to the cache.
    pub(super) fn usage(&self) -> Option<Usage> {
        let count = |index: Index| index.0.unwrap_or(0);
        let cached_read = count(self.cache_read_input_tokens);
        let cached_write = count(self.cache_creation_input_tokens);
        let usage = Usage {
            input: count(self.input_tokens).saturating_add(cached_read).saturating_add(cached_write),
            output: count(self.output_tokens),
            cached_read,
            cached_write,
            reasoning: self.output_tokens_details.map_or(0, |details| count(details.thinking_tokens)),
            source: UsageSource::Reported,
        };
        (usage.input > 0 || usage.output > 0).then_some(usage)
    }
}
