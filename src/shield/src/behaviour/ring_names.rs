//! Ids of places and messages in few bytes, for the ring. Numbers are kept as numbers, what repeats is kept once, and
//! whatever else as it is, counted, so that the ring can make room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A message's id in eight bytes: two bits say how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(u64);

const NUMBER: u64 = 0;
/// A kept beginning, such as a chat, and a number within it.
const WITHIN: u64 = 1;
const ODD: u64 = 2;

/// What a kept name costs beside its letters: its count, its place in the table, and the table's empty places.
const PER_NAME: usize = 112;
/// The same, for an odd id.
const PER_ODD: usize = 40;
/// A longer id is none of a platform's.
pub(super) const LONGEST: usize = 255;

#[derive(Debug, Default)]
pub(super) struct Ids {
    names: Vec<Name>,
    numbers: HashMap<Arc<str>, u32>,
    free: Vec<u32>,
    /// In the order of their messages; the oldest has the number `first_odd`.
    odd: VecDeque<Box<str>>,
    first_odd: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Name {
    text: Arc<str>,
    uses: u32,
}

impl Ids {
    /// How many bytes names and odd ids take, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a name until it was released as often as it was held.
    pub(super) fn hold(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            if let Some(name) = self.names.get_mut(*number as usize) {
                name.uses += 1;
            }
            return *number;
        }
        let text: Arc<str> = text.into();
        self.bytes += text.len() + PER_NAME;
        let name = Name { text: text.clone(), uses: 1 };
        let free = self.free.pop();
        let number = free.unwrap_or_else(|| u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        match self.names.get_mut(number as usize) {
            Some(place) => *place = name,
            None => self.names.push(name),
        }
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn release(&mut self, number: u32) {
        let Some(name) = self.names.get_mut(number as usize) else { return };
        name.uses = name.uses.saturating_sub(1);
        if name.uses == 0 {
            let text = std::mem::replace(&mut name.text, "".into());
            self.numbers.remove(&text);
            self.free.push(number);
            self.bytes = self.bytes.saturating_sub(text.len() + PER_NAME);
        }
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| &name.text)
    }

    /// Keeps a message's id. To be dropped in the order of keeping.
    pub(super) fn keep(&mut self, message: &str) -> MessageId {
        if let Some(number) = number(message).filter(|number| *number < 1 << 62) {
            return MessageId(NUMBER << 62 | number);
        }
        let within = message.rfind(':').and_then(|at| message.split_at_checked(at + 1));
        let within = within.and_then(|(before, after)| Some((before, u32::try_from(number(after)?).ok()?)));
        if let Some((before, after)) = within {
            let before = self.hold(before);
            return MessageId(WITHIN << 62 | u64::from(before) << 32 | u64::from(after));
        }
        self.bytes += message.len() + PER_ODD;
        self.odd.push_back(message.into());
        MessageId(ODD << 62 | (self.first_odd + self.odd.len() as u64 - 1))
    }

    pub(super) fn message(&self, MessageId(id): MessageId) -> String {
        let rest = id & !(3 << 62);
        match id >> 62 {
            NUMBER => rest.to_string(),
            WITHIN => format!("{}{}", self.name((rest >> 32) as u32), rest & u64::from(u32::MAX)),
            _ => self.odd_at(rest).and_then(|at| self.odd.get(at)).map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Lets the oldest message's id go.
    pub(super) fn drop_oldest(&mut self, id: MessageId) {
        let left = self.wipe(id);
        if left.0 >> 62 == ODD && self.odd.pop_front().is_some() {
            self.first_odd += 1;
            self.bytes = self.bytes.saturating_sub(PER_ODD);
        }
    }

    /// Forgets what an id says; what is left holds its place among the odd ones.
    pub(super) fn wipe(&mut self, id: MessageId) -> MessageId {
        let rest = id.0 & !(3 << 62);
        match id.0 >> 62 {
            NUMBER => MessageId(0),
            WITHIN => {
                self.release((rest >> 32) as u32);
                MessageId(0)
            }
            _ => {
                let text =
                    self.odd_at(rest).and_then(|at| self.odd.get_mut(at)).map(std::mem::take).unwrap_or_default();
                self.bytes = self.bytes.saturating_sub(text.len());
                id
            }
        }
    }

    fn odd_at(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first_odd)?).ok()
    }
}

/// A number that is written back as it was.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
