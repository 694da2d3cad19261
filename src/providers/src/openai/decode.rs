//! Frames to events, pure: no clock, no I/O. What a terminal is, and what it takes to reach one, is decided here.

use serde_json::Value;
use serde_json::value::RawValue;
use townkeeper_contract::provider::ProviderEvent;
use townkeeper_contract::stream::{Channel, ErrorClass, StopReason, StreamError, Usage};

use super::Dialect;
use super::answer::{Answer, Item};
use super::repeat::{self, Repeat};
use super::think::Think;
use super::tools::{Calls, TooMuch};
use super::wire::{Choice, Chunk, Delta};
use crate::http::{Said, Scrub};
use crate::sse::Frame;

/// So many frames that are not JSON, and the stream is not worth listening to.
const MAX_MALFORMED: u32 = 16;

/// Where one answer stands.
#[derive(Debug)]
pub(super) struct State {
    dialect: &'static Dialect,
    scrub: Scrub,
    /// Messages in the request, so that an id we mint is new in its conversation.
    messages: usize,
    answer: Answer,
    calls: Calls,
    think: Think,
    repeat: Repeat,
    usage: Option<Usage>,
    /// The vendor's first `finish_reason`, which freezes the calls.
    finish: Option<(StopReason, Option<String>)>,
    malformed: u32,
    warned_late: bool,
    /// Content has come since [`State::progressed`] was last asked.
    progress: bool,
    ended: bool,
    whole: bool,
}

/// Takes one frame into `state`; the events are taken from there with [`State::pop`].
pub(super) fn decode(state: &mut State, frame: Frame<'_>) {
    let data = frame.data.trim();
    if state.ended || data.is_empty() {
        return;
    }
    if data == "[DONE]" {
        return state.done();
    }
    match serde_json::from_str::<Chunk<'_>>(data) {
        Ok(chunk) => state.chunk(&chunk, frame),
        Err(_) if frame.event == "error" => state.fail_as(ErrorClass::Transient, data),
        Err(error) => state.odd(&format!("a frame that is not a chunk of chat completions: {error}")),
    }
}

impl State {
    pub(super) fn new(dialect: &'static Dialect, scrub: Scrub, messages: usize) -> Self {
        Self {
            dialect,
            scrub,
            messages,
            answer: Answer::default(),
            calls: Calls::default(),
            think: Think::default(),
            repeat: Repeat::default(),
            usage: None,
            finish: None,
            malformed: 0,
            warned_late: false,
            progress: false,
            ended: false,
            whole: false,
        }
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.answer.pop()
    }

    /// The last event is among those waiting, or already taken.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// It ended in the vendor's own terminal.
    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    /// The vendor has finished; only usage and `[DONE]` may follow.
    pub(super) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether content came since this was last asked. Comments, pings and usage are not content.
    pub(super) fn progressed(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    pub(super) fn warn(&mut self, message: &str) {
        // The error's constructor is what cuts vendors' words to length.
        let message = self.scrub.error(ErrorClass::Protocol, message).message;
        self.answer.push(ProviderEvent::Warning { message });
    }

    /// The bytes are over, for `error`: without a finish that is what the stream ends in.
    pub(super) fn over(&mut self, error: StreamError) {
        if self.ended {
            return;
        }
        if self.finish.is_some() { self.complete() } else { self.fail(error) }
    }

    fn odd(&mut self, message: &str) {
        self.malformed += 1;
        if self.malformed > MAX_MALFORMED {
            return self.fail_as(ErrorClass::Protocol, message);
        }
        self.warn(message);
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, frame: Frame<'_>) {
        let choices = chunk.choices.as_deref().unwrap_or_default();
        let first = || choices.iter().filter(|choice| matches!(choice.index.0, None | Some(0)));
        if let Some(usage) = chunk.usage() {
            self.usage = Some(usage);
        }
        for delta in first().filter_map(|choice| choice.delta.as_ref()) {
            self.delta(delta);
        }
        if self.ended {
            return;
        }
        if let Some(said) = error_in(chunk, choices, frame) {
            return self.fail_as(said.class().unwrap_or(ErrorClass::Transient), &said.message);
        }
        for reason in first().map(|choice| &*choice.finish_reason.text).filter(|reason| !reason.is_empty()) {
            self.finish(Some(reason));
        }
    }

    /// The order within one delta: what was thought, what is said, what is done.
    fn delta(&mut self, delta: &Delta<'_>) {
        self.piece(Channel::Reasoning, &delta.reasoning());
        self.piece(Channel::Text, &delta.content.text);
        self.piece(Channel::Refusal, &delta.refusal.text);
        for fragment in delta.tool_calls.iter().flatten() {
            if self.ended {
                return;
            }
            if self.finish.is_some() {
                if !std::mem::replace(&mut self.warned_late, true) {
                    self.warn("a piece of a tool call after the vendor's finish was dropped");
                }
                continue;
            }
            self.progress = true;
            if let Err(TooMuch) = self.calls.take(fragment, &mut self.answer) {
                self.fail_as(ErrorClass::Protocol, "the answer holds too many tool calls, or too large ones");
            }
        }
    }

    fn piece(&mut self, channel: Channel, text: &str) {
        if text.is_empty() || self.ended {
            return;
        }
        self.progress = true;
        if self.repeat.is_loop(text) {
            let message = format!("the model sent the same piece {} times in a row", repeat::LIMIT);
            return self.fail_as(ErrorClass::Protocol, &message);
        }
        match channel {
            Channel::Text => self.think.feed(text, |channel, piece| self.answer.say(channel, piece)),
            other => self.answer.say(other, text),
        }
    }

    /// The first finish counts; vendors repeat it.
    fn finish(&mut self, raw: Option<&str>) {
        if self.finish.is_some() {
            return;
        }
        if raw == Some("error") {
            return self.fail_as(ErrorClass::Transient, "the vendor ended the answer with an error");
        }
        let reason = raw.map_or(StopReason::EndTurn, reason);
        // Cut off or blocked in the middle, no call can be trusted to be whole.
        let run = matches!(reason, StopReason::EndTurn | StopReason::ToolUse | StopReason::StopSequence);
        let reason = match (reason, self.close_calls(run)) {
            (StopReason::ToolUse, 0) => StopReason::Other,
            (reason, 0) => reason,
            _ => StopReason::ToolUse,
        };
        self.finish = Some((reason, raw.map(str::to_owned)));
    }

    fn close_calls(&mut self, run: bool) -> usize {
        let messages = self.messages;
        // Nine letters and digits: the narrowest form that any vendor demands of an id.
        let minted = |part: u32| format!("tk{:04}{:03}", messages % 10_000, part % 1000);
        self.calls.close(run, &mut self.answer, minted)
    }

    fn done(&mut self) {
        if self.dialect.done_completes && self.answer.emitted() {
            self.finish(None);
        }
        let error = self.scrub.error(ErrorClass::Truncated, "the answer ended without a finish_reason");
        self.over(error);
    }

    /// The vendor's terminal has come: close what is open and stop.
    fn complete(&mut self) {
        let Some((mut reason, raw)) = self.finish.take() else { return };
        self.think.finish(|channel, piece| self.answer.say(channel, piece));
        if reason == StopReason::ContentFilter && !self.answer.emitted() {
            return self.fail_as(ErrorClass::ContentPolicy, "the vendor's filter left nothing of the answer");
        }
        if reason == StopReason::EndTurn && self.answer.has(Channel::Refusal) && !self.answer.has(Channel::Text) {
            reason = StopReason::Refusal;
        }
        let complete = !matches!(reason, StopReason::Length | StopReason::ContentFilter);
        self.close(complete);
        self.whole = true;
        self.answer.push(ProviderEvent::Stopped { reason, raw });
    }

    fn fail_as(&mut self, class: ErrorClass, message: &str) {
        self.fail(self.scrub.error(class, message));
    }

    fn fail(&mut self, error: StreamError) {
        self.think.finish(|channel, piece| self.answer.say(channel, piece));
        self.close_calls(false);
        self.close(false);
        self.answer.fail(error);
    }

    fn close(&mut self, complete: bool) {
        self.ended = true;
        self.answer.close_channels(complete);
        if let Some(usage) = self.usage {
            self.answer.push(ProviderEvent::Usage(usage));
        }
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
    use crate::config::Kind;

    #[test]
    fn what_follows_the_terminal_changes_nothing() {
        let mut state = State::new(Dialect::of(Kind::OpenAi), Scrub::default(), 1);
        let said = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        for data in [said, "[DONE]", said, "[DONE]", r#"{"error":"late"}"#] {
            decode(&mut state, Frame { event: "", data });
        }
        state.over(StreamError::new(ErrorClass::Transient, true, "late"));
        let items: Vec<Item> = std::iter::from_fn(|| state.pop()).collect();
        assert_eq!(provider_stream(&items), Ok(()), "{items:?}");
        assert!(state.whole());
    }
}
