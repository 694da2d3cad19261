//! The shapes that arrive, borrowed from the frame.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use townkeeper_contract::stream::{Usage, UsageSource};

use crate::lenient::{Index, Words};

/// One frame's data.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    x_groq: Option<XGroq<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    #[serde(borrow)]
    pub(super) r#type: Words<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct XGroq<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    pub(super) index: Index,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Words<'a>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Words<'a>,
    #[serde(borrow)]
    pub(super) refusal: Words<'a>,
    #[serde(borrow)]
    reasoning_content: Words<'a>,
    #[serde(borrow)]
    reasoning: Words<'a>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<Fragment<'a>>>,
}

/// A piece of a tool call.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fragment<'a> {
    pub(super) index: Index,
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Words<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Chunk<'_> {
    /// What the vendor counted so far; nothing where it only counted to zero.
    pub(super) fn usage(&self) -> Option<Usage> {
        let raw = self.usage.or(self.x_groq.as_ref().and_then(|groq| groq.usage))?;
        let wire: UsageWire = serde_json::from_str(raw.get()).ok()?;
        let prompt = wire.prompt_tokens_details.unwrap_or_default();
        let usage = Usage {
            input: wire.prompt_tokens.unwrap_or(0),
            output: wire.completion_tokens.unwrap_or(0),
            cached_read: prompt.cached_tokens.unwrap_or(0),
            cached_write: prompt.cache_write_tokens.unwrap_or(0),
            reasoning: wire.completion_tokens_details.unwrap_or_default().reasoning_tokens.unwrap_or(0),
            source: UsageSource::Reported,
        };
        (usage.input > 0 || usage.output > 0).then_some(usage)
    }
}

impl<'a> Delta<'a> {
    /// Reasoning from whichever field carries it. Several may, with the same words: the first that speaks wins.
    pub(super) fn reasoning(&self) -> Cow<'_, str> {
        let fields = [&self.reasoning_content.text, &self.reasoning.text, &self.content.thinking];
        if let Some(text) = fields.into_iter().find(|text| !text.is_empty()) {
            return Cow::Borrowed(text);
        }
        // Encrypted details hold neither text nor summary: there is nothing to show.
        let details = self.reasoning_details.and_then(|raw| serde_json::from_str::<Vec<Detail<'a>>>(raw.get()).ok());
        Cow::Owned(
            details.into_iter().flatten().map(|detail| [detail.text.text, detail.summary.text].concat()).collect(),
        )
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    text: Words<'a>,
    #[serde(borrow)]
    summary: Words<'a>,
}

impl Fragment<'_> {
    pub(super) fn name(&self) -> &str {
        self.function.as_ref().map_or("", |function| &function.name.text)
    }

    /// The piece of arguments: JSON text in a string, or (Ollama, some proxies) the object itself.
    pub(super) fn arguments(&self) -> Cow<'_, str> {
        let Some(raw) = self.function.as_ref().and_then(|function| function.arguments) else {
            return Cow::Borrowed("");
        };
        if !raw.get().starts_with('"') {
            return Cow::Borrowed(raw.get());
        }
        serde_json::from_str::<Words<'_>>(raw.get()).unwrap_or_default().text
    }
}

#[derive(Deserialize)]
struct UsageWire {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}
