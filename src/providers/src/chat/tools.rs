//! Fragments of tool calls put together. Vendors leave out, repeat and rotate ids and indices; [`Calls::place`] is the
//! one rule that says which call a fragment belongs to. A call runs only from `ToolReady`, at the vendor's finish.

use townkeeper_contract::provider::ProviderEvent;

use crate::answer::Answer;
use crate::call::{MAX_BYTES, MAX_CALLS, arguments};

/// A piece of a call. What the vendor left out is empty.
#[derive(Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) id: &'a str,
    pub(crate) index: Option<u64>,
    pub(crate) name: &'a str,
    pub(crate) args: &'a str,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    /// A key, never a position: vendors start at 1, skip, repeat, and send 4294967295.
    index: Option<u64>,
    name: String,
    args: String,
    /// Set when the call is named, and so opened.
    part: Option<u32>,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    bytes: usize,
}

/// The answer holds more than [`MAX_CALLS`] or [`MAX_BYTES`].
#[derive(Debug)]
pub(super) struct TooMuch;

impl Calls {
    pub(super) fn take(&mut self, fragment: &Fragment<'_>, answer: &mut Answer) -> Result<(), TooMuch> {
        let Fragment { id, index, name, args } = *fragment;
        self.bytes += args.len() + name.len() + id.len();
        let at = self.place(id, index, name).unwrap_or(self.list.len());
        if at == self.list.len() {
            self.list.push(Call { id: id.to_owned(), index, ..Call::default() });
        }
        let Some(call) = self.list.get_mut(at) else { return Err(TooMuch) };
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        call.args.push_str(args);
        let new = match (call.part, name) {
            (Some(part), _) => (!args.is_empty()).then(|| (part, None, args.to_owned())),
            (None, "") => None,
            (None, name) => {
                name.clone_into(&mut call.name);
                let part = *call.part.insert(answer.open());
                Some((part, Some(name.to_owned()), call.args.clone()))
            }
        };
        if let Some((part, name, args)) = new {
            answer.push(ProviderEvent::ToolDelta { part, name, args });
        }
        if self.list.len() > MAX_CALLS || self.bytes > MAX_BYTES { Err(TooMuch) } else { Ok(()) }
    }

    /// The call a fragment belongs to; `None` for a new one. The latest match wins.
    ///
    /// 1. A known id names its call.
    /// 2. A known index does, if the fragment has no id, or an unknown one without a name (ids that rotate); but
    ///    another name without an id is another call.
    /// 3. An unknown id with a name is a new call, even where the index is taken.
    /// 4. With neither id nor index: the latest call, or a new one if there is a name.
    fn place(&self, id: &str, index: Option<u64>, name: &str) -> Option<usize> {
        if !id.is_empty()
            && let Some(at) = self.list.iter().rposition(|call| call.id == id)
        {
            return Some(at);
        }
        if let Some(index) = index {
            let at = self.list.iter().rposition(|call| call.index == Some(index))?;
            let known = &self.list[at];
            let other_name = !name.is_empty() && !known.name.is_empty() && known.name != name;
            // A call that has neither id nor name yet takes whatever names it.
            let unnamed = known.id.is_empty() && known.name.is_empty();
            let same = if id.is_empty() { !other_name } else { name.is_empty() || unnamed };
            return same.then_some(at);
        }
        if id.is_empty() && name.is_empty() { self.list.len().checked_sub(1) } else { None }
    }

    /// The vendor's finish. With `run`, calls that have a name become ready; without, they end incomplete. Returns
    /// how many are ready. `minted` makes an id from a part number for a call that got none.
    pub(super) fn close(&mut self, run: bool, answer: &mut Answer, minted: impl Fn(u32) -> String) -> usize {
        let mut ready = 0;
        for call in std::mem::take(&mut self.list) {
            let Some(part) = call.part else {
                let message = "a tool call without a name was dropped".to_owned();
                answer.push(ProviderEvent::Warning { message });
                continue;
            };
            if run {
                let provider_id = if call.id.is_empty() { minted(part) } else { call.id };
                let args = arguments(call.args);
                answer.push(ProviderEvent::ToolReady { part, provider_id, name: call.name, args });
                ready += 1;
            }
            answer.push(ProviderEvent::PartEnded { part, complete: run });
        }
        ready
    }
}
