//! The content blocks of an answer. Each has its index and keeps to it, however the vendor interleaves them; each that
//! says something is a part. They all stay open to the end, as a later event says whether the last was cut off.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use townkeeper_contract::provider::{ProviderEvent, ToolArgs};
use townkeeper_contract::stream::{Channel, ErrorClass, StreamError};

use super::wire::{Delta, Start};
use crate::answer::Answer;
use crate::call::{MAX_BYTES, MAX_CALLS, TOO_MANY_CALLS, arguments};
use crate::lenient::Words;

/// More blocks than this in one answer are a peer gone wrong.
const MAX_BLOCKS: usize = 4 * MAX_CALLS;

#[derive(Debug)]
struct Block {
    index: u64,
    kind: Kind,
    /// Set with its first word (a call's is its name).
    part: Option<u32>,
    /// Text, thought or input, as far as it came.
    body: String,
    stopped: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking {
        signature: String,
    },
    Call {
        id: String,
        name: String,
        /// What its beginning held already; counts where no piece follows.
        input: String,
    },
    /// Not for us (redacted thinking, a tool that the vendor runs itself): as it began.
    Opaque(Value),
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its blocks are whole, and its calls run.
    Whole,
    /// The vendor cut the last block off: nothing runs.
    Cut,
    /// There was no terminal: what did not stop is not whole, and nothing runs.
    Broken,
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    list: Vec<Block>,
    /// What the calls weigh, and what all else does that is held to be given back.
    call_bytes: usize,
    held_bytes: usize,
    /// Something came that could not be given back as it was: no more is held.
    blurred: bool,
}

impl Blocks {
    pub(super) fn begin(
        &mut self,
        index: u64,
        start: &Start<'_>,
        raw: &str,
        answer: &mut Answer,
    ) -> Result<(), StreamError> {
        if self.list.iter().any(|block| block.index == index) {
            return Err(answer.error(ErrorClass::Protocol, "a content block began twice"));
        }
        if self.list.len() >= MAX_BLOCKS {
            return Err(answer.error(ErrorClass::Protocol, "the answer holds too many content blocks"));
        }
        let kind = self.kind(start, raw, answer);
        let is_call = matches!(kind, Kind::Call { .. });
        self.list.push(Block { index, kind, part: None, body: String::new(), stopped: false });
        if is_call {
            self.weigh_call(raw.len(), answer)?;
        }
        let Some(block) = self.list.last_mut() else { return Ok(()) };
        match &block.kind {
            Kind::Text => block.say(Channel::Text, &start.text.text, true, answer),
            Kind::Thinking { .. } => block.say(Channel::Reasoning, &start.thinking.text, true, answer),
            Kind::Call { name, .. } => {
                let (part, name) = (*block.part.insert(answer.open()), Some(name.clone()));
                answer.push(ProviderEvent::ToolDelta { part, name, args: String::new() });
                Ok(())
            }
            Kind::Opaque(_) => Ok(()),
        }
    }

    fn kind(&mut self, start: &Start<'_>, raw: &str, answer: &mut Answer) -> Kind {
        let text = |words: &Words<'_>| words.text.clone().into_owned();
        let held = self.hold(raw.len());
        match &*start.r#type.text {
            "text" => Kind::Text,
            "thinking" => Kind::Thinking { signature: text(&start.signature) },
            "tool_use" if start.name.text.is_empty() => {
                answer.warn("a tool call without a name was dropped");
                Kind::Opaque(Value::Null)
            }
            "tool_use" => {
                let input = start.input.map(RawValue::get).filter(|input| *input != "{}").unwrap_or_default();
                Kind::Call { id: text(&start.id), name: text(&start.name), input: input.to_owned() }
            }
            _ if held => Kind::Opaque(serde_json::from_str(raw).unwrap_or_default()),
            _ => Kind::Opaque(Value::Null),
        }
    }

    pub(super) fn piece(&mut self, index: u64, delta: &Delta<'_>, answer: &mut Answer) -> Result<(), StreamError> {
        let Some(at) = self.list.iter().position(|block| block.index == index && !block.stopped) else {
            return Err(answer.error(ErrorClass::Protocol, "a piece of a content block that is not open"));
        };
        let (name, piece) = (&*delta.r#type.text, delta.piece());
        if piece.is_empty() {
            // Citations, and whatever is new: the vendor asks to pass over what one does not know.
            self.blurred |= !delta.is_known();
            return Ok(());
        }
        let held = if matches!(self.list[at].kind, Kind::Call { .. }) {
            self.weigh_call(piece.len(), answer)?;
            true
        } else {
            self.hold(piece.len())
        };
        let block = &mut self.list[at];
        match (name, &mut block.kind) {
            ("text_delta", Kind::Text) => block.say(Channel::Text, piece, held, answer)?,
            ("thinking_delta", Kind::Thinking { .. }) => block.say(Channel::Reasoning, piece, held, answer)?,
            ("signature_delta", Kind::Thinking { signature }) => {
                if held {
                    signature.push_str(piece);
                }
                // Of hidden thinking, all that is ever heard.
                answer.progress();
            }
            ("input_json_delta", Kind::Call { .. }) => {
                block.body.push_str(piece);
                let delta = |part| ProviderEvent::ToolDelta { part, name: None, args: piece.to_owned() };
                block.part.map(delta).into_iter().for_each(|delta| answer.push(delta));
            }
            ("input_json_delta", Kind::Opaque(_)) if held => block.body.push_str(piece),
            (_, Kind::Opaque(_)) => self.blurred = true,
            _ => return answer.odd("a piece that does not belong in its content block").map_or(Ok(()), Err),
        }
        Ok(())
    }

    pub(super) fn stop(&mut self, index: u64) {
        if let Some(block) = self.list.iter_mut().find(|block| block.index == index) {
            block.stopped = true;
        }
    }

    /// Ends every part. Gives the ids of the calls that are ready; `minted` makes one from a part number.
    pub(super) fn close(&mut self, ending: Ending, answer: &mut Answer, minted: impl Fn(u32) -> String) -> Vec<String> {
        let mut ready = Vec::new();
        let last = self.list.len().saturating_sub(1);
        for (at, block) in self.list.iter_mut().enumerate() {
            let Some(part) = block.part else { continue };
            let complete = match (&block.kind, ending) {
                (Kind::Call { .. }, Ending::Whole) => block.stopped,
                (Kind::Call { .. }, _) => false,
                (_, Ending::Whole) => true,
                (_, Ending::Cut) => at != last,
                (_, Ending::Broken) => block.stopped,
            };
            if complete {
                ready.extend(block.ready(part, &ready, answer, &minted));
            }
            answer.push(ProviderEvent::PartEnded { part, complete });
        }
        ready
    }

    /// The blocks as the vendor wants them back, and about what they weigh. Nothing where text and calls are all there
    /// is, or where they could not be given back unchanged. Call after [`close`](Self::close).
    pub(super) fn given_back(&self) -> Option<(Vec<Value>, usize)> {
        let plain = self.list.iter().all(|block| matches!(block.kind, Kind::Text | Kind::Call { .. }));
        if plain || self.blurred {
            return None;
        }
        // A text that is empty is sent, but not taken.
        let full = self.list.iter().filter(|block| !matches!(block.kind, Kind::Text) || !block.body.trim().is_empty());
        let blocks = full.map(Block::given_back).collect::<Option<Vec<_>>>()?;
        Some((blocks, self.held_bytes + self.call_bytes))
    }

    /// Whether so many bytes more can be held.
    fn hold(&mut self, bytes: usize) -> bool {
        self.held_bytes += bytes;
        self.blurred |= self.held_bytes > MAX_BYTES;
        !self.blurred
    }

    fn weigh_call(&mut self, bytes: usize, answer: &Answer) -> Result<(), StreamError> {
        self.call_bytes += bytes;
        let calls = self.list.iter().filter(|block| matches!(block.kind, Kind::Call { .. })).count();
        if calls > MAX_CALLS || self.call_bytes > MAX_BYTES {
            return Err(answer.error(ErrorClass::Protocol, TOO_MANY_CALLS));
        }
        Ok(())
    }
}

impl Block {
    /// A piece of text or thought, or nothing; `held` to be given back.
    fn say(&mut self, channel: Channel, text: &str, held: bool, answer: &mut Answer) -> Result<(), StreamError> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(error) = answer.looping(text) {
            return Err(error);
        }
        if held {
            self.body.push_str(text);
        }
        let part = *self.part.get_or_insert_with(|| answer.open());
        answer.say(part, channel, text);
        Ok(())
    }

    /// A whole call, and its id: the vendor's, unless it has none or `taken` has it.
    fn ready(
        &mut self,
        part: u32,
        taken: &[String],
        answer: &mut Answer,
        minted: impl Fn(u32) -> String,
    ) -> Option<String> {
        let Kind::Call { id, name, input } = &mut self.kind else { return None };
        if id.is_empty() || taken.contains(id) {
            *id = minted(part);
        }
        if self.body.is_empty() && !input.is_empty() {
            self.body = std::mem::take(input);
            answer.push(ProviderEvent::ToolDelta { part, name: None, args: self.body.clone() });
        }
        let (provider_id, name, args) = (id.clone(), name.clone(), arguments(self.body.clone()));
        answer.push(ProviderEvent::ToolReady { part, provider_id: provider_id.clone(), name, args });
        Some(provider_id)
    }

    fn given_back(&self) -> Option<Value> {
        let input = || match arguments(self.body.clone()) {
            ToolArgs::Json(json) if json.is_object() => Some(json),
            _ => None,
        };
        match &self.kind {
            Kind::Text => Some(json!({"type": "text", "text": self.body})),
            Kind::Thinking { signature } => {
                Some(json!({"type": "thinking", "thinking": self.body, "signature": signature}))
            }
            Kind::Call { id, name, .. } => Some(json!({"type": "tool_use", "id": id, "name": name, "input": input()?})),
            Kind::Opaque(Value::Object(start)) => {
                let mut block = start.clone();
                if !self.body.is_empty() {
                    block.insert("input".to_owned(), input()?);
                }
                Some(Value::Object(block))
            }
            Kind::Opaque(_) => None,
        }
    }
}
