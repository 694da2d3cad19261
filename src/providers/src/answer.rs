//! The answer being built, whoever the vendor is: its parts, the events that wait to be taken, and its end. A vendor's
//! decoder ([`Decode`]) turns frames into calls upon it.

use std::collections::VecDeque;

use townkeeper_contract::provider::ProviderEvent;
use townkeeper_contract::stream::{Channel, ErrorClass, StopReason, StreamError, Usage};

use crate::http::Scrub;
use crate::repeat::{self, Repeat};
use crate::sse::Frame;

pub(crate) type Item = Result<ProviderEvent, StreamError>;

/// A vendor's frames to events, pure: no clock, no I/O. What a terminal is, and what it takes to reach one, it decides.
pub(crate) trait Decode: Send + 'static {
    /// Takes one frame; the events are taken from the answer. After the end it changes nothing.
    fn decode(&mut self, frame: Frame<'_>);

    /// The bytes are over, for `error`: without a finish that is what the stream ends in.
    fn over(&mut self, error: StreamError);

    fn answer(&mut self) -> &mut Answer;

    /// The vendor has finished, and only formalities may follow: they are not waited for long.
    fn finished(&self) -> bool {
        false
    }
}

/// So many frames that cannot be read, and the stream is not worth listening to.
const MAX_MALFORMED: u32 = 16;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// In the vendor's own terminal.
    Whole,
    Failed,
}

#[derive(Debug, Default)]
pub(crate) struct Answer {
    scrub: Scrub,
    items: VecDeque<Item>,
    parts: u32,
    usage: Option<Usage>,
    repeat: Repeat,
    malformed: u32,
    /// Something has been said that a person may have seen.
    emitted: bool,
    /// Content has come since [`Answer::progressed`] was last asked.
    progress: bool,
    end: Option<End>,
}

impl Answer {
    pub(crate) fn new(scrub: Scrub) -> Self {
        Self { scrub, ..Self::default() }
    }

    pub(crate) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    /// The last event is among those waiting, or already taken.
    pub(crate) fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// It ended in the vendor's own terminal.
    pub(crate) fn whole(&self) -> bool {
        self.end == Some(End::Whole)
    }

    /// Whether content came since this was last asked. Comments, pings and usage are not content.
    pub(crate) fn progressed(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// The model is at work, even where there is nothing to show of it.
    pub(crate) fn progress(&mut self) {
        self.progress = true;
    }

    /// Takes the next part number. Use it at once: the first event with it opens the part.
    pub(crate) fn open(&mut self) -> u32 {
        self.parts += 1;
        self.parts - 1
    }

    pub(crate) fn push(&mut self, event: ProviderEvent) {
        if matches!(event, ProviderEvent::Delta { .. } | ProviderEvent::ToolDelta { .. }) {
            (self.emitted, self.progress) = (true, true);
        }
        self.items.push_back(Ok(event));
    }

    pub(crate) fn emitted(&self) -> bool {
        self.emitted
    }

    /// A piece of text; never empty.
    pub(crate) fn say(&mut self, part: u32, channel: Channel, text: &str) {
        self.push(ProviderEvent::Delta { part, channel, text: text.to_owned() });
    }

    /// Replaces what was said of usage before.
    pub(crate) fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    pub(crate) fn error(&self, class: ErrorClass, message: &str) -> StreamError {
        self.scrub.error(class, message)
    }

    pub(crate) fn warn(&mut self, message: &str) {
        // The error's constructor is what cuts vendors' words to length.
        let message = self.error(ErrorClass::Protocol, message).message;
        self.items.push_back(Ok(ProviderEvent::Warning { message }));
    }

    /// A frame that cannot be read: a warning, or, after too many, the error to end in.
    pub(crate) fn odd(&mut self, message: &str) -> Option<StreamError> {
        self.malformed += 1;
        if self.malformed > MAX_MALFORMED {
            return Some(self.error(ErrorClass::Protocol, message));
        }
        self.warn(message);
        None
    }

    /// The error to end in where this piece is one of too many equal ones in a row.
    pub(crate) fn looping(&mut self, piece: &str) -> Option<StreamError> {
        let message = || format!("the model sent the same piece {} times in a row", repeat::LIMIT);
        self.repeat.is_loop(piece).then(|| self.error(ErrorClass::Protocol, &message()))
    }

    /// The vendor's terminal. Close every part first.
    pub(crate) fn stop(&mut self, reason: StopReason, raw: Option<String>) {
        self.end(End::Whole);
        self.push(ProviderEvent::Stopped { reason, raw });
    }

    /// The end in an error, not worth another try once something was said. Close every part first.
    pub(crate) fn fail(&mut self, mut error: StreamError) {
        self.end(End::Failed);
        error.retriable &= !self.emitted;
        self.items.push_back(Err(error));
    }

    fn end(&mut self, end: End) {
        self.end = Some(end);
        if let Some(usage) = self.usage {
            self.push(ProviderEvent::Usage(usage));
        }
    }
}
