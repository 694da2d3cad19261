//! Frames to events, pure: no clock, no I/O. What a terminal is, and what it takes to reach one, is decided here.

use serde_json::Value;
use serde_json::value::RawValue;
use townkeeper_contract::stream::{Channel, ErrorClass, StopReason, StreamError};

use super::Dialect;
use super::wire::{Choice, Chunk, Delta};
use crate::answer::{Answer, Decode};
use crate::chat::{Chat, Fragment};
use crate::http::{Said, Scrub};
use crate::sse::Frame;

/// Where one answer stands.
#[derive(Debug)]
pub(super) struct State {
    dialect: &'static Dialect,
    chat: Chat,
}

impl Decode for State {
    fn decode(&mut self, frame: Frame<'_>) {
        let data = frame.data.trim();
        if self.chat.answer.ended() || data.is_empty() {
            return;
        }
        if data == "[DONE]" {
            return self.done();
        }
        match serde_json::from_str::<Chunk<'_>>(data) {
            Ok(chunk) => self.chunk(&chunk, frame),
            Err(_) if frame.event == "error" => self.chat.fail_as(ErrorClass::Transient, data),
            Err(error) => self.chat.odd(&format!("a frame that is not a chunk of chat completions: {error}")),
        }
    }

    fn over(&mut self, error: StreamError) {
        self.chat.over(error);
    }

    fn answer(&mut self) -> &mut Answer {
        &mut self.chat.answer
    }

    fn finished(&self) -> bool {
        self.chat.finished()
    }
}

impl State {
    pub(super) fn new(dialect: &'static Dialect, scrub: Scrub, messages: usize) -> Self {
        Self { dialect, chat: Chat::new(scrub, messages) }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, frame: Frame<'_>) {
        let choices = chunk.choices.as_deref().unwrap_or_default();
        let first = || choices.iter().filter(|choice| matches!(choice.index.0, None | Some(0)));
        self.chat.usage(chunk.usage());
        for delta in first().filter_map(|choice| choice.delta.as_ref()) {
            self.delta(delta);
        }
        if self.chat.answer.ended() {
            return;
        }
        if let Some(said) = error_in(chunk, choices, frame) {
            return self.chat.fail_as(said.class().unwrap_or(ErrorClass::Transient), &said.message);
        }
        for raw in first().map(|choice| &*choice.finish_reason.text).filter(|raw| !raw.is_empty()) {
            if raw == "error" && !self.chat.finished() {
                return self.chat.fail_as(ErrorClass::Transient, "the vendor ended the answer with an error");
            }
            self.chat.finish(Some(raw), reason(raw));
        }
    }

    /// The order within one delta: what was thought, what is said, what is done.
    fn delta(&mut self, delta: &Delta<'_>) {
        self.chat.piece(Channel::Reasoning, &delta.reasoning());
        self.chat.piece(Channel::Text, &delta.content.text);
        self.chat.piece(Channel::Refusal, &delta.refusal.text);
        for call in delta.tool_calls.iter().flatten() {
            let (id, index, name) = (&*call.id.text, call.index.0, call.name());
            self.chat.call(&Fragment { id, index, name, args: &call.arguments() });
        }
    }

    fn done(&mut self) {
        if self.dialect.done_completes && self.chat.answer.emitted() {
            self.chat.finish(None, StopReason::EndTurn);
        }
        let error = self.chat.answer.error(ErrorClass::Truncated, "the answer ended without a finish_reason");
        self.chat.over(error);
    }
}

/// The error a frame holds, in any of the places vendors put one.
fn error_in(chunk: &Chunk<'_>, choices: &[Choice<'_>], frame: Frame<'_>) -> Option<Said> {
    let object = |raw: &RawValue| {
        let error: Value = serde_json::from_str(raw.get()).ok()?;
        Said::is_error(&error).then(|| Said::of(&error))
    };
    if let Some(said) = chunk.error.into_iter().chain(choices.iter().filter_map(|choice| choice.error)).find_map(object)
    {
        return Some(said);
    }
    if frame.event != "error" && chunk.object.text != "error" && chunk.r#type.text != "error" {
        return None;
    }
    serde_json::from_str(frame.data).ok().map(|whole: Value| Said::of(&whole))
}

fn reason(raw: &str) -> StopReason {
    match raw.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "end_turn" => StopReason::EndTurn,
        "stop_sequence" => StopReason::StopSequence,
        "tool_calls" | "function_call" | "tool_use" => StopReason::ToolUse,
        "length" | "max_tokens" | "model_length" => StopReason::Length,
        "content_filter" | "safety" => StopReason::ContentFilter,
        "refusal" => StopReason::Refusal,
        _ => StopReason::Other,
    }
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::conformance::provider_stream;

    use super::*;
    use crate::answer::Item;
    use crate::openai::OPENAI;

    #[test]
    fn what_follows_the_terminal_changes_nothing() {
        let mut state = State::new(&OPENAI, Scrub::default(), 1);
        let said = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        for data in [said, "[DONE]", said, "[DONE]", r#"{"error":"late"}"#] {
            state.decode(Frame { event: "", data });
        }
        state.over(StreamError::new(ErrorClass::Transient, true, "late"));
        let items: Vec<Item> = std::iter::from_fn(|| state.answer().pop()).collect();
        assert_eq!(provider_stream(&items), Ok(()), "{items:?}");
        assert!(state.answer().whole());
    }
}
