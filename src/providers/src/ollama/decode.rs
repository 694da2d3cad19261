//! Lines to events, pure: no clock, no I/O. The terminal is the line that says `done`; an error comes as a line too,
//! after which the body simply ends.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use townkeeper_contract::stream::{Channel, ErrorClass, StopReason, StreamError, Usage, UsageSource};

use crate::answer::{Answer, Decode};
use crate::chat::{Chat, Fragment};
use crate::http::{Said, Scrub};
use crate::lenient::{Index, Words};
use crate::sse::Frame;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    done: Option<bool>,
    #[serde(borrow)]
    done_reason: Words<'a>,
    prompt_eval_count: Index,
    eval_count: Index,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: Words<'a>,
    #[serde(borrow)]
    thinking: Words<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
}

/// A whole call; newer servers give it an id.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    id: Words<'a>,
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

impl Function<'_> {
    /// An object; some proxies write it as text.
    fn arguments(&self) -> Cow<'_, str> {
        match self.arguments.map(RawValue::get) {
            None => Cow::Borrowed(""),
            Some(text) if text.starts_with('"') => serde_json::from_str::<Words<'_>>(text).unwrap_or_default().text,
            Some(object) => Cow::Borrowed(object),
        }
    }
}

/// Where one answer stands.
#[derive(Debug)]
pub(super) struct State {
    chat: Chat,
}

impl State {
    pub(super) fn new(scrub: Scrub, messages: usize) -> Self {
        Self { chat: Chat::new(scrub, messages) }
    }

    fn line(&mut self, line: &Line<'_>, frame: Frame<'_>) {
        if let Some(said) = line.error.and_then(|_| Said::parse(frame.data)) {
            return self.chat.fail_as(said.class().unwrap_or(ErrorClass::Transient), &said.message);
        }
        if let Some(message) = &line.message {
            self.chat.piece(Channel::Reasoning, &message.thinking.text);
            self.chat.piece(Channel::Text, &message.content.text);
            for call in message.tool_calls.iter().flatten() {
                let Some(function) = &call.function else { continue };
                let (id, name, args) = (&call.id.text, &function.name.text, &function.arguments());
                self.chat.call(&Fragment { id, index: None, name, args });
            }
        }
        if line.done == Some(true) && !self.chat.answer.ended() {
            self.chat.usage(usage(line));
            self.done(&line.done_reason.text);
        }
    }

    fn done(&mut self, raw: &str) {
        let reason = match raw {
            // Older servers give no reason.
            "stop" | "" => StopReason::EndTurn,
            "length" => StopReason::Length,
            "load" | "unload" => {
                let message = format!("ollama ended with `{raw}`: the model was moved, and the answer is not whole");
                return self.chat.fail_as(ErrorClass::Truncated, &message);
            }
            _ => StopReason::Other,
        };
        self.chat.finish((!raw.is_empty()).then_some(raw), reason);
        self.chat.complete();
    }
}

impl Decode for State {
    fn decode(&mut self, frame: Frame<'_>) {
        if self.chat.answer.ended() {
            return;
        }
        match serde_json::from_str::<Line<'_>>(frame.data) {
            Ok(line) => self.line(&line, frame),
            Err(error) => self.chat.odd(&format!("a line that is not Ollama's: {error}")),
        }
    }

    fn over(&mut self, error: StreamError) {
        self.chat.over(error);
    }

    fn answer(&mut self) -> &mut Answer {
        &mut self.chat.answer
    }
}

/// What was counted, unless it was only to zero. A prompt that was cached whole is not counted.
fn usage(line: &Line<'_>) -> Option<Usage> {
    let (input, output) = (line.prompt_eval_count.0.unwrap_or(0), line.eval_count.0.unwrap_or(0));
    let usage = Usage { input, output, source: UsageSource::Reported, ..Usage::default() };
    (input > 0 || output > 0).then_some(usage)
}
