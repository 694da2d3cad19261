//! Frames to events, pure: no clock, no I/O. The terminal is `message_stop`; without it nothing is whole and no call runs.

use townkeeper_contract::stream::{ErrorClass, StopReason, StreamError};

use super::blocks::{Blocks, Ending};
use super::kept::Shelf;
use super::wire::{Counted, Delta, Event, Start};
use crate::answer::{Answer, Decode};
use crate::call::minted;
use crate::http::{Said, Scrub};
use crate::sse::Frame;

/// Where one answer stands.
#[derive(Debug)]
pub(super) struct State {
    answer: Answer,
    /// Messages in the request, so that an id we mint is new in its conversation.
    messages: usize,
    shelf: Shelf,
    begun: bool,
    blocks: Blocks,
    counted: Counted,
    /// The vendor's first `stop_reason`. No more than a word until the terminal comes.
    stop: Option<(StopReason, String)>,
}

impl Decode for State {
    fn decode(&mut self, frame: Frame<'_>) {
        let data = frame.data.trim();
        if self.answer.ended() || data.is_empty() {
            return;
        }
        match serde_json::from_str::<Event<'_>>(data) {
            Ok(event) => {
                if let Err(error) = self.event(&event, frame) {
                    self.fail(error);
                }
            }
            Err(_) if frame.event == "error" => self.fail(self.answer.error(ErrorClass::Transient, data)),
            Err(error) => {
                if let Some(error) = self.answer.odd(&format!("a frame that is not an event of a message: {error}")) {
                    self.fail(error);
                }
            }
        }
    }

    fn over(&mut self, error: StreamError) {
        if !self.answer.ended() {
            self.fail(error);
        }
    }

    fn answer(&mut self) -> &mut Answer {
        &mut self.answer
    }
}

impl State {
    pub(super) fn new(scrub: Scrub, messages: usize, shelf: Shelf) -> Self {
        Self {
            answer: Answer::new(scrub),
            messages,
            shelf,
            begun: false,
            blocks: Blocks::default(),
            counted: Counted::default(),
            stop: None,
        }
    }

    fn event(&mut self, event: &Event<'_>, frame: Frame<'_>) -> Result<(), StreamError> {
        // Both say the same; proxies lose one or the other.
        let name = if event.r#type.text.is_empty() { frame.event } else { &event.r#type.text };
        if let Some(counted) = event.counted() {
            self.counted.replace(counted);
            if let Some(usage) = self.counted.usage() {
                self.answer.set_usage(usage);
            }
        }
        match name {
            "message_start" if std::mem::replace(&mut self.begun, true) => {
                Err(self.answer.error(ErrorClass::Protocol, "a second message began in the same stream"))
            }
            "message_start" => Ok(()),
            "content_block_start" => self.block_start(event),
            "content_block_delta" => match (event.index.0, &event.delta) {
                (Some(index), Some(delta)) => self.blocks.piece(index, delta, &mut self.answer),
                _ => self.without("index or delta"),
            },
            "content_block_stop" => {
                event.index.0.into_iter().for_each(|index| self.blocks.stop(index));
                Ok(())
            }
            "message_delta" => {
                event.delta.iter().for_each(|delta| self.message(delta));
                Ok(())
            }
            "message_stop" => {
                self.complete();
                Ok(())
            }
            "ping" => Ok(()),
            // An error; or an event that is new, which the vendor asks to pass over.
            _ => self.other(name, frame),
        }
    }

    fn block_start(&mut self, event: &Event<'_>) -> Result<(), StreamError> {
        let start = event.content_block.and_then(|raw| Some((raw, serde_json::from_str::<Start<'_>>(raw.get()).ok()?)));
        match (event.index.0, start) {
            (Some(index), Some((raw, start))) => self.blocks.begin(index, &start, raw.get(), &mut self.answer),
            _ => self.without("index or content_block"),
        }
    }

    fn message(&mut self, delta: &Delta<'_>) {
        let raw = &*delta.stop_reason.text;
        if raw.is_empty() || self.stop.is_some() {
            return;
        }
        self.stop = Some((reason(raw), raw.to_owned()));
        if let Some(details) = &delta.stop_details {
            let (category, explanation) = (&details.category.text, &details.explanation.text);
            self.answer.warn(&format!("the vendor refused ({category}): {explanation}"));
        }
    }

    fn other(&mut self, name: &str, frame: Frame<'_>) -> Result<(), StreamError> {
        match Said::parse(frame.data) {
            Some(said) => Err(self.answer.error(said.class().unwrap_or(ErrorClass::Transient), &said.message)),
            None if name == "error" => Err(self.answer.error(ErrorClass::Transient, frame.data)),
            None => Ok(()),
        }
    }

    fn without(&mut self, what: &str) -> Result<(), StreamError> {
        self.answer.odd(&format!("an event of a content block without {what}")).map_or(Ok(()), Err)
    }

    /// The vendor's terminal has come: close what is open and stop.
    fn complete(&mut self) {
        let (reason, raw) = self.stop.take().map_or((StopReason::EndTurn, None), |(reason, raw)| (reason, Some(raw)));
        let ending = match reason {
            StopReason::EndTurn | StopReason::ToolUse | StopReason::StopSequence => Ending::Whole,
            _ => Ending::Cut,
        };
        let ready = self.close(ending);
        let reason = match (reason, ready.len()) {
            (StopReason::ToolUse, 0) => StopReason::Other,
            (reason, 0) => reason,
            _ => StopReason::ToolUse,
        };
        if reason == StopReason::ToolUse
            && let Some((blocks, bytes)) = self.blocks.given_back()
        {
            self.shelf.keep(ready, blocks, bytes);
        }
        self.answer.stop(reason, raw);
    }

    fn fail(&mut self, error: StreamError) {
        self.close(Ending::Broken);
        self.answer.fail(error);
    }

    fn close(&mut self, ending: Ending) -> Vec<String> {
        let messages = self.messages;
        self.blocks.close(ending, &mut self.answer, |part| minted(messages, part))
    }
}

/// <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>
fn reason(raw: &str) -> StopReason {
    match raw {
        "end_turn" => StopReason::EndTurn,
        "stop_sequence" => StopReason::StopSequence,
        "tool_use" => StopReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Refusal,
        // `pause_turn` among them: only tools that the vendor runs pause, and we ask for none.
        _ => StopReason::Other,
    }
}
