//! Checks that every adapter and provider passes, over whatever wire it speaks.

pub mod platform;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;
use thiserror::Error;

use crate::provider::{ProviderEvent, ToolArgs};
use crate::stream::{Channel, StopReason, StreamError, Usage, UsageSource};

/// A rule of [`Provider::stream`](crate::provider::Provider::stream) that was broken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProviderFault {
    #[error("an item after the terminal")]
    AfterEnd,
    #[error("the stream ended without Stopped or an error")]
    NoEnd,
    #[error("part {part}: opened out of order; the next new part is {expected}")]
    PartNumber { part: u32, expected: u32 },
    #[error("part {part}: an event after PartEnded")]
    ClosedPart { part: u32 },
    #[error("part {part}: ended, but was never opened")]
    UnknownPart { part: u32 },
    #[error("part {part}: changed what it is")]
    MixedPart { part: u32 },
    #[error("part {part}: still open at the terminal")]
    OpenPart { part: u32 },
    #[error("part {part}: an empty delta")]
    EmptyDelta { part: u32 },
    #[error("part {part}: a tool call opens with its name and is named once")]
    Naming { part: u32 },
    #[error("part {part}: ready twice, under another name, or with arguments that were not streamed")]
    Ready { part: u32 },
    #[error("part {part}: `{id}` is empty or belongs to another call")]
    CallId { part: u32, id: String },
    #[error("part {part}: a tool call is complete if and only if it was ready")]
    Completeness { part: u32 },
    #[error("stopped with {reason:?} after {ready} ready calls")]
    Reason { reason: StopReason, ready: usize },
    #[error("zero tokens, reported as a fact")]
    ZeroUsage,
    #[error("retriable, though something was already said")]
    RepeatsItself,
    #[error("the error's message is too long or holds control characters")]
    Message,
}

/// What a part is, and how far it has come.
#[derive(Debug)]
enum Part {
    Text(Channel),
    Tool { name: String, args: String, ready: bool },
    Ended,
}

/// Watches one stream of a provider: feed it every item in order, then call [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct ProviderRules {
    parts: BTreeMap<u32, Part>,
    ids: Vec<String>,
    emitted: bool,
    ended: bool,
}

/// Checks a whole stream at once.
pub fn provider_stream<'a>(
    items: impl IntoIterator<Item = &'a Result<ProviderEvent, StreamError>>,
) -> Result<(), ProviderFault> {
    let mut rules = ProviderRules::default();
    items.into_iter().try_for_each(|item| rules.check(item))?;
    rules.finish()
}

impl ProviderRules {
    pub fn check(&mut self, item: &Result<ProviderEvent, StreamError>) -> Result<(), ProviderFault> {
        if self.ended {
            return Err(ProviderFault::AfterEnd);
        }
        match item {
            Ok(ProviderEvent::Delta { part, channel, text }) => self.delta(*part, *channel, text),
            Ok(ProviderEvent::ToolDelta { part, name, args }) => self.tool_delta(*part, name.as_deref(), args),
            Ok(ProviderEvent::ToolReady { part, provider_id, name, args }) => {
                self.tool_ready(*part, provider_id, name, args)
            }
            Ok(ProviderEvent::PartEnded { part, complete }) => self.part_ended(*part, *complete),
            Ok(ProviderEvent::Usage(usage)) => usage_is_said(usage),
            Ok(ProviderEvent::Warning { .. }) => Ok(()),
            Ok(ProviderEvent::Stopped { reason, .. }) => self.stopped(*reason),
            Err(error) => self.failed(error),
        }
    }

    /// Call when the stream is over.
    pub fn finish(&self) -> Result<(), ProviderFault> {
        if self.ended { Ok(()) } else { Err(ProviderFault::NoEnd) }
    }

    /// A part that was seen before, or the next new one, which `new` makes.
    fn part(&mut self, part: u32, new: impl FnOnce() -> Option<Part>) -> Result<&mut Part, ProviderFault> {
        let expected = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        match self.parts.entry(part) {
            Entry::Vacant(_) if part != expected => Err(ProviderFault::PartNumber { part, expected }),
            Entry::Vacant(free) => Ok(free.insert(new().ok_or(ProviderFault::Naming { part })?)),
            Entry::Occupied(known) => match known.into_mut() {
                Part::Ended => Err(ProviderFault::ClosedPart { part }),
                open => Ok(open),
            },
        }
    }

    fn delta(&mut self, part: u32, channel: Channel, text: &str) -> Result<(), ProviderFault> {
        if text.is_empty() {
            return Err(ProviderFault::EmptyDelta { part });
        }
        self.emitted = true;
        match self.part(part, || Some(Part::Text(channel)))? {
            Part::Text(known) if *known == channel => Ok(()),
            _ => Err(ProviderFault::MixedPart { part }),
        }
    }

    fn tool_delta(&mut self, part: u32, name: Option<&str>, piece: &str) -> Result<(), ProviderFault> {
        let opens = !self.parts.contains_key(&part);
        if opens != name.is_some_and(|name| !name.is_empty()) {
            return Err(ProviderFault::Naming { part });
        }
        if !opens && piece.is_empty() {
            return Err(ProviderFault::EmptyDelta { part });
        }
        self.emitted = true;
        let new = || Some(Part::Tool { name: name?.to_owned(), args: String::new(), ready: false });
        match self.part(part, new)? {
            Part::Tool { args, ready: false, .. } => args.push_str(piece),
            _ => return Err(ProviderFault::MixedPart { part }),
        }
        Ok(())
    }

    fn tool_ready(&mut self, part: u32, id: &str, named: &str, said: &ToolArgs) -> Result<(), ProviderFault> {
        if id.is_empty() || self.ids.iter().any(|known| known == id) {
            return Err(ProviderFault::CallId { part, id: id.to_owned() });
        }
        match self.part(part, || None)? {
            Part::Tool { name, args, ready } if !*ready && name == named && same(args, said) => *ready = true,
            _ => return Err(ProviderFault::Ready { part }),
        }
        self.ids.push(id.to_owned());
        Ok(())
    }

    fn part_ended(&mut self, part: u32, complete: bool) -> Result<(), ProviderFault> {
        match self.parts.get(&part) {
            None => return Err(ProviderFault::UnknownPart { part }),
            Some(Part::Ended) => return Err(ProviderFault::ClosedPart { part }),
            Some(Part::Tool { ready, .. }) if *ready != complete => {
                return Err(ProviderFault::Completeness { part });
            }
            Some(_) => {}
        }
        self.parts.insert(part, Part::Ended);
        Ok(())
    }

    fn stopped(&mut self, reason: StopReason) -> Result<(), ProviderFault> {
        let ready = self.ids.len();
        if (reason == StopReason::ToolUse) != (ready > 0) {
            return Err(ProviderFault::Reason { reason, ready });
        }
        self.end()
    }

    fn failed(&mut self, error: &StreamError) -> Result<(), ProviderFault> {
        if error.retriable && self.emitted {
            return Err(ProviderFault::RepeatsItself);
        }
        if error.message.len() > StreamError::MESSAGE_CAP || error.message.chars().any(char::is_control) {
            return Err(ProviderFault::Message);
        }
        self.end()
    }

    fn end(&mut self) -> Result<(), ProviderFault> {
        self.ended = true;
        match self.parts.iter().find(|(_, part)| !matches!(part, Part::Ended)) {
            Some((part, _)) => Err(ProviderFault::OpenPart { part: *part }),
            None => Ok(()),
        }
    }
}

fn usage_is_said(usage: &Usage) -> Result<(), ProviderFault> {
    let zero = usage.input == 0 && usage.output == 0;
    if zero && usage.source == UsageSource::Reported { Err(ProviderFault::ZeroUsage) } else { Ok(()) }
}

/// Whether the arguments of a ready call are those that were streamed; none at all are the empty object.
fn same(streamed: &str, said: &ToolArgs) -> bool {
    match said {
        ToolArgs::Unparseable { raw } => raw == streamed,
        ToolArgs::Json(json) if streamed.trim().is_empty() => json.as_object().is_some_and(serde_json::Map::is_empty),
        ToolArgs::Json(json) => serde_json::from_str::<Value>(streamed).is_ok_and(|streamed| streamed == *json),
    }
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "the items of a stream are results")]
mod tests {
    use super::*;
    use crate::stream::ErrorClass;

    type Item = Result<ProviderEvent, StreamError>;

    fn text(part: u32, text: &str) -> Item {
        Ok(ProviderEvent::Delta { part, channel: Channel::Text, text: text.into() })
    }

    fn tool(part: u32, name: Option<&str>, args: &str) -> Item {
        Ok(ProviderEvent::ToolDelta { part, name: name.map(str::to_owned), args: args.into() })
    }

    fn ready(part: u32, id: &str, args: Value) -> Item {
        let (provider_id, name) = (id.to_owned(), "look".to_owned());
        Ok(ProviderEvent::ToolReady { part, provider_id, name, args: ToolArgs::Json(args) })
    }

    fn ended(part: u32, complete: bool) -> Item {
        Ok(ProviderEvent::PartEnded { part, complete })
    }

    fn stopped(reason: StopReason) -> Item {
        Ok(ProviderEvent::Stopped { reason, raw: None })
    }

    fn failed(retriable: bool) -> Item {
        Err(StreamError::new(ErrorClass::Transient, retriable, "gone"))
    }

    #[test]
    fn streams_that_keep_the_rules_pass() {
        let end = || stopped(StopReason::EndTurn);
        let streams = [
            vec![end()],
            vec![failed(true)],
            vec![text(0, "a"), text(0, "b"), ended(0, true), end()],
            vec![text(0, "a"), ended(0, false), failed(false)],
            vec![
                text(0, "a"),
                tool(1, Some("look"), ""),
                tool(1, None, "{\"a\":1}"),
                ready(1, "x", serde_json::json!({"a": 1})),
                ended(1, true),
                ended(0, true),
                stopped(StopReason::ToolUse),
            ],
            vec![tool(0, Some("look"), "{"), ended(0, false), stopped(StopReason::Length)],
        ];
        for stream in &streams {
            assert_eq!(provider_stream(stream), Ok(()), "{stream:?}");
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        use ProviderFault as F;
        let end = || stopped(StopReason::EndTurn);
        let empty = || ready(0, "x", serde_json::json!({}));
        let open = || tool(0, Some("look"), "");
        let cases = [
            (vec![], F::NoEnd),
            (vec![end(), end()], F::AfterEnd),
            (vec![failed(true), end()], F::AfterEnd),
            (vec![text(1, "a")], F::PartNumber { part: 1, expected: 0 }),
            (vec![text(0, "")], F::EmptyDelta { part: 0 }),
            (vec![text(0, "a"), end()], F::OpenPart { part: 0 }),
            (vec![text(0, "a"), ended(0, true), text(0, "b")], F::ClosedPart { part: 0 }),
            (vec![ended(0, true)], F::UnknownPart { part: 0 }),
            (vec![text(0, "a"), tool(0, None, "{")], F::MixedPart { part: 0 }),
            (vec![tool(0, None, "{}")], F::Naming { part: 0 }),
            (vec![open(), tool(0, Some("look"), "{}")], F::Naming { part: 0 }),
            (vec![open(), tool(0, None, "")], F::EmptyDelta { part: 0 }),
            (vec![ready(0, "x", serde_json::json!({}))], F::Naming { part: 0 }),
            (vec![open(), ready(0, "", serde_json::json!({}))], F::CallId { part: 0, id: String::new() }),
            (vec![open(), ready(0, "x", serde_json::json!({"other": 1}))], F::Ready { part: 0 }),
            (vec![open(), ended(0, true)], F::Completeness { part: 0 }),
            (vec![open(), empty(), ended(0, false)], F::Completeness { part: 0 }),
            (vec![open(), empty(), ended(0, true), end()], F::Reason { reason: StopReason::EndTurn, ready: 1 }),
            (vec![stopped(StopReason::ToolUse)], F::Reason { reason: StopReason::ToolUse, ready: 0 }),
            (vec![text(0, "a"), ended(0, false), failed(true)], F::RepeatsItself),
        ];
        for (stream, fault) in cases {
            assert_eq!(provider_stream(&stream), Err(fault), "{stream:?}");
        }
    }
}
