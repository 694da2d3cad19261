//! The answer being built: which parts are open, and the events that wait to be taken.
//!
//! Chat completions has one string of text, one of reasoning, one of refusal and a list of calls; so each channel is
//! one part, opened by its first piece and open to the end, and each call is one.

use std::collections::VecDeque;

use townkeeper_contract::provider::ProviderEvent;
use townkeeper_contract::stream::{Channel, StreamError};

pub(super) type Item = Result<ProviderEvent, StreamError>;

#[derive(Debug, Default)]
pub(super) struct Answer {
    items: VecDeque<Item>,
    parts: u32,
    /// The open channels, in the order of their parts.
    channels: Vec<(Channel, u32)>,
    /// Something has been said that a person may have seen.
    emitted: bool,
}

impl Answer {
    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    pub(super) fn push(&mut self, event: ProviderEvent) {
        self.emitted |= matches!(event, ProviderEvent::Delta { .. } | ProviderEvent::ToolDelta { .. });
        self.items.push_back(Ok(event));
    }

    /// The last item; not worth another try once something was said.
    pub(super) fn fail(&mut self, mut error: StreamError) {
        error.retriable &= !self.emitted;
        self.items.push_back(Err(error));
    }

    pub(super) fn emitted(&self) -> bool {
        self.emitted
    }

    /// Takes the next part number.
    pub(super) fn open(&mut self) -> u32 {
        self.parts += 1;
        self.parts - 1
    }

    pub(super) fn has(&self, channel: Channel) -> bool {
        self.channels.iter().any(|(open, _)| *open == channel)
    }

    /// A piece of a channel's text; never empty.
    pub(super) fn say(&mut self, channel: Channel, text: &str) {
        let known = self.channels.iter().find(|(open, _)| *open == channel).map(|(_, part)| *part);
        let part = known.unwrap_or_else(|| {
            let part = self.open();
            self.channels.push((channel, part));
            part
        });
        self.push(ProviderEvent::Delta { part, channel, text: text.to_owned() });
    }

    pub(super) fn close_channels(&mut self, complete: bool) {
        for (_, part) in std::mem::take(&mut self.channels) {
            self.push(ProviderEvent::PartEnded { part, complete });
        }
    }
}
