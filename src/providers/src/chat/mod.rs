//! An answer that is one string of text, one of reasoning, one of refusal and a list of calls: what chat completions
//! and Ollama send. So each channel is one part, open from its first piece to the end, and each call is one.
//!
//! * [`tools`]: fragments of calls put together; [`think`]: reasoning written into the text

mod think;
mod tools;

use townkeeper_contract::provider::ProviderEvent;
use townkeeper_contract::stream::{Channel, ErrorClass, StopReason, StreamError, Usage};

pub(crate) use tools::Fragment;

use crate::answer::Answer;
use crate::call::{TOO_MANY_CALLS, minted};
use crate::http::Scrub;
use think::Think;
use tools::{Calls, TooMuch};

/// Where one answer stands.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) answer: Answer,
    /// Messages in the request, so that an id we mint is new in its conversation.
    messages: usize,
    channels: Channels,
    calls: Calls,
    think: Think,
    /// The vendor's first finish, which freezes the calls.
    finish: Option<(StopReason, Option<String>)>,
    warned_late: bool,
}

impl Chat {
    pub(crate) fn new(scrub: Scrub, messages: usize) -> Self {
        Self {
            answer: Answer::new(scrub),
            messages,
            channels: Channels::default(),
            calls: Calls::default(),
            think: Think::default(),
            finish: None,
            warned_late: false,
        }
    }

    /// The vendor has finished; only usage and formalities may follow.
    pub(crate) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The bytes are over, for `error`: without a finish that is what the stream ends in.
    pub(crate) fn over(&mut self, error: StreamError) {
        if self.answer.ended() {
            return;
        }
        if self.finish.is_some() { self.complete() } else { self.fail(error) }
    }

    /// A frame that cannot be read.
    pub(crate) fn odd(&mut self, message: &str) {
        if let Some(error) = self.answer.odd(message) {
            self.fail(error);
        }
    }

    pub(crate) fn usage(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.answer.set_usage(usage);
        }
    }

    /// A piece of a channel's text, or nothing.
    pub(crate) fn piece(&mut self, channel: Channel, text: &str) {
        if text.is_empty() || self.answer.ended() {
            return;
        }
        self.answer.progress();
        if let Some(error) = self.answer.looping(text) {
            return self.fail(error);
        }
        let Self { answer, channels, think, .. } = self;
        match channel {
            Channel::Text => think.feed(text, |channel, piece| channels.say(answer, channel, piece)),
            other => channels.say(answer, other, text),
        }
    }

    /// A piece of a call.
    pub(crate) fn call(&mut self, fragment: &Fragment<'_>) {
        if self.answer.ended() {
            return;
        }
        if self.finish.is_some() {
            if !std::mem::replace(&mut self.warned_late, true) {
                self.answer.warn("a piece of a tool call after the vendor's finish was dropped");
            }
            return;
        }
        self.answer.progress();
        if let Err(TooMuch) = self.calls.take(fragment, &mut self.answer) {
            self.fail_as(ErrorClass::Protocol, TOO_MANY_CALLS);
        }
    }

    /// The vendor's finish, in its word and ours. The first counts; vendors repeat it.
    pub(crate) fn finish(&mut self, raw: Option<&str>, reason: StopReason) {
        if self.finish.is_some() || self.answer.ended() {
            return;
        }
        // Cut off or blocked in the middle, no call can be trusted to be whole.
        let run = matches!(reason, StopReason::EndTurn | StopReason::ToolUse | StopReason::StopSequence);
        let reason = match (reason, self.close_calls(run)) {
            (StopReason::ToolUse, 0) => StopReason::Other,
            (reason, 0) => reason,
            _ => StopReason::ToolUse,
        };
        self.finish = Some((reason, raw.map(str::to_owned)));
    }

    /// The end of a finished answer: closes what is open and stops.
    pub(crate) fn complete(&mut self) {
        let Some((mut reason, raw)) = self.finish.take() else { return };
        self.let_go();
        if reason == StopReason::ContentFilter && !self.answer.emitted() {
            return self.fail_as(ErrorClass::ContentPolicy, "the vendor's filter left nothing of the answer");
        }
        if reason == StopReason::EndTurn && self.channels.has(Channel::Refusal) && !self.channels.has(Channel::Text) {
            reason = StopReason::Refusal;
        }
        let complete = !matches!(reason, StopReason::Length | StopReason::ContentFilter);
        self.channels.close(&mut self.answer, complete);
        self.answer.stop(reason, raw);
    }

    pub(crate) fn fail_as(&mut self, class: ErrorClass, message: &str) {
        self.fail(self.answer.error(class, message));
    }

    fn fail(&mut self, error: StreamError) {
        self.let_go();
        self.close_calls(false);
        self.channels.close(&mut self.answer, false);
        self.answer.fail(error);
    }

    /// Says what was held back in case it became a tag.
    fn let_go(&mut self) {
        let Self { answer, channels, think, .. } = self;
        think.finish(|channel, piece| channels.say(answer, channel, piece));
    }

    fn close_calls(&mut self, run: bool) -> usize {
        let messages = self.messages;
        self.calls.close(run, &mut self.answer, |part| minted(messages, part))
    }
}

/// The open channels, in the order of their parts.
#[derive(Debug, Default)]
struct Channels(Vec<(Channel, u32)>);

impl Channels {
    fn has(&self, channel: Channel) -> bool {
        self.0.iter().any(|(open, _)| *open == channel)
    }

    fn say(&mut self, answer: &mut Answer, channel: Channel, text: &str) {
        let known = self.0.iter().find(|(open, _)| *open == channel).map(|(_, part)| *part);
        let part = known.unwrap_or_else(|| {
            let part = answer.open();
            self.0.push((channel, part));
            part
        });
        answer.say(part, channel, text);
    }

    fn close(&mut self, answer: &mut Answer, complete: bool) {
        for (_, part) in std::mem::take(&mut self.0) {
            answer.push(ProviderEvent::PartEnded { part, complete });
        }
    }
}
