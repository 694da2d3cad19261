//! The last day of a workspace, for the sweep: which messages were copies of this one. 56 bytes a message, and at most
//! so many; the oldest go first.
//!
//! Found by quarters of the fingerprint: two that differ in at most [`NEAR`] of 64 bits differ in at most two bits of
//! some quarter, so each quarter's 137 neighbours are looked up and their messages compared. None is missed.

use std::collections::VecDeque;

use super::fingerprint::{Fingerprint, NEAR};
use super::ring_names::{Ids, LONGEST, MessageId};

/// How long a message is remembered.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// How many messages there is room for, unless told otherwise.
pub const ROOM: usize = 1_000_000;

/// A message's share of memory, with its ids. Where odd ids take more, the oldest messages go: there is room for half as
/// many of Matrix.
const SHARE: usize = 62;

const QUARTERS: usize = 4;
const FLIPS: u32 = 2;
const _: () = assert!(NEAR < 4 * (FLIPS + 1), "copies would be missed");

/// Slots are allocated so many at a time: memory follows the traffic, and growing copies nothing.
const CHUNK: usize = 4_096;

/// A message to be remembered. One without a fingerprint is not.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub print: Fingerprint,
    /// By our own clock.
    pub at_ms: i64,
    /// The caller's number of the account that saw it.
    pub account: u16,
    pub place: &'a str,
    pub message: &'a str,
    /// See [`super::key`].
    pub person: u64,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub at_ms: i64,
    pub account: u16,
    pub place: String,
    pub message: String,
    pub person: u64,
    /// Bits between it and what was looked for.
    pub distance: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    print: u64,
    /// Milliseconds above, the account in the lowest 16 bits.
    stamp: u64,
    person: u64,
    message: MessageId,
    /// [`ERASED`], or a held name.
    place: u32,
    /// For each quarter, the number of the message before this one that has it too.
    older: [u32; QUARTERS],
}

const ERASED: u32 = u32::MAX;

impl Slot {
    fn at_ms(&self) -> i64 {
        (self.stamp >> 16).cast_signed()
    }
}

/// See above.
#[derive(Debug)]
pub struct Ring {
    room: usize,
    chunks: VecDeque<Vec<Slot>>,
    /// Slots of the first chunk that are gone.
    gone: usize,
    /// The number of the oldest message; it wraps around.
    first: u32,
    len: usize,
    /// For each quarter and each of its values, the number of the latest message that has it.
    heads: Vec<u32>,
    ids: Ids,
}

impl Default for Ring {
    fn default() -> Self {
        Self::new(ROOM)
    }
}

impl Ring {
    /// Room for so many messages; at most 2³⁰.
    pub fn new(room: usize) -> Self {
        let heads = vec![u32::MAX; QUARTERS << 16];
        let room = room.clamp(1, 1 << 30);
        Self { room, chunks: VecDeque::new(), gone: 0, first: 0, len: 0, heads, ids: Ids::default() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How much memory it holds, about.
    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Slot>() + self.heads.len() * size_of::<u32>() + self.ids.bytes()
    }

    /// Remembers a message; those a day older than it go. An id of more than 255 bytes is not remembered: `false`.
    pub fn insert(&mut self, entry: &Entry<'_>) -> bool {
        if entry.place.len() > LONGEST || entry.message.len() > LONGEST {
            return false;
        }
        self.expire(entry.at_ms);
        if self.len == self.room {
            self.drop_oldest();
        }
        let number = self.first.wrapping_add(u32::try_from(self.len).unwrap_or_default());
        let print = entry.print.bits();
        let mut older = [number; QUARTERS];
        for (quarter, older) in older.iter_mut().enumerate() {
            if let Some(head) = self.heads.get_mut(head(print, quarter)) {
                *older = std::mem::replace(head, number);
            }
        }
        let place = self.ids.hold(entry.place);
        let message = self.ids.keep(entry.message);
        let at_ms = entry.at_ms.clamp(0, (1 << 47) - 1).cast_unsigned();
        let stamp = at_ms << 16 | u64::from(entry.account);
        self.push(Slot { print, stamp, person: entry.person, message, place, older });
        let most = self.room.saturating_mul(SHARE).saturating_add(4_096);
        while self.len * size_of::<Slot>() + self.ids.bytes() > most && self.len > 1 {
            self.drop_oldest();
        }
        true
    }

    /// The copies of a text that came at `since_ms` or later, oldest first.
    pub fn near(&self, print: Fingerprint, since_ms: i64) -> Vec<Found> {
        self.look(print, since_ms, &NEIGHBOURS)
    }

    fn look(&self, print: Fingerprint, since_ms: i64, neighbours: &[u16]) -> Vec<Found> {
        let mut found = Vec::new();
        for quarter in 0..QUARTERS {
            for flip in neighbours {
                let wanted = print.bits() ^ u64::from(*flip) << (16 * quarter);
                self.walk(wanted, quarter, |number, slot| {
                    let differs = slot.print ^ print.bits();
                    // An earlier quarter had it already.
                    let seen = (0..quarter).any(|earlier| value(differs, earlier).count_ones() <= FLIPS);
                    if !seen && differs.count_ones() <= NEAR && slot.at_ms() >= since_ms {
                        found.push((number, self.found(slot, differs.count_ones())));
                    }
                });
            }
        }
        found.sort_by_key(|(back, _)| *back);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// Every message with this value of the quarter, the latest first.
    fn walk(&self, print: u64, quarter: usize, mut each: impl FnMut(u32, &Slot)) {
        let mut number = self.heads.get(head(print, quarter)).copied().unwrap_or_default();
        let mut last = u32::try_from(self.len).unwrap_or(u32::MAX);
        loop {
            // Only ever back: a number left over from long ago ends it.
            let back = number.wrapping_sub(self.first);
            let Some(slot) = self.slot(back).filter(|_| back < last) else { return };
            if slot.place != ERASED {
                if value(slot.print, quarter) != value(print, quarter) {
                    return;
                }
                each(back, slot);
            }
            last = back;
            number = slot.older.get(quarter).copied().unwrap_or(number);
        }
    }

    /// Forgets a person's messages; says how many there were. Looks at all of them.
    pub fn erase(&mut self, person: u64) -> usize {
        let gone = self.gone;
        let mut erased = 0;
        for (at, chunk) in self.chunks.iter_mut().enumerate() {
            let live = chunk.iter_mut().skip(if at == 0 { gone } else { 0 });
            for slot in live.filter(|slot| slot.person == person && slot.place != ERASED) {
                self.ids.release(slot.place);
                let message = self.ids.wipe(slot.message);
                *slot = Slot { print: 0, person: 0, place: ERASED, message, ..*slot };
                erased += 1;
            }
        }
        erased
    }

    /// Lets go what is older than a day.
    pub fn expire(&mut self, now_ms: i64) {
        while self.slot(0).is_some_and(|slot| slot.at_ms() < now_ms.saturating_sub(DAY_MS)) {
            self.drop_oldest();
        }
    }

    fn push(&mut self, slot: Slot) {
        if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push_back(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(slot);
            self.len += 1;
        }
    }

    fn drop_oldest(&mut self) {
        let Some(slot) = self.slot(0).copied() else { return };
        if slot.place != ERASED {
            self.ids.release(slot.place);
        }
        self.ids.drop_oldest(slot.message);
        (self.first, self.len, self.gone) = (self.first.wrapping_add(1), self.len - 1, self.gone + 1);
        if self.gone == CHUNK {
            self.chunks.pop_front();
            self.gone = 0;
        }
    }

    /// The message so many after the oldest.
    fn slot(&self, back: u32) -> Option<&Slot> {
        let at = self.gone + back as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    fn found(&self, slot: &Slot, distance: u32) -> Found {
        Found {
            at_ms: slot.at_ms(),
            account: (slot.stamp & 0xffff) as u16,
            place: self.ids.name(slot.place).to_owned(),
            message: self.ids.message(slot.message),
            person: slot.person,
            distance,
        }
    }
}

fn value(print: u64, quarter: usize) -> u16 {
    (print >> (16 * quarter) & 0xffff) as u16
}

fn head(print: u64, quarter: usize) -> usize {
    quarter << 16 | usize::from(value(print, quarter))
}

/// What turns one value of a quarter into each that differs from it in at most two bits.
const NEIGHBOURS: [u16; 137] = {
    let mut flips = [0; 137];
    let (mut at, mut one) = (1, 0);
    while one < 16 {
        let mut other = 0;
        while other <= one {
            flips[at] = 1 << one | 1 << other;
            at += 1;
            other += 1;
        }
        one += 1;
    }
    flips
};

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(print: u64, message: &str) -> Entry<'_> {
        Entry { print: Fingerprint::from_bits(print), at_ms: 1_000, account: 3, place: "square", message, person: 7 }
    }

    #[test]
    fn looking_at_a_quarter_alone_misses_what_its_neighbours_hold() {
        let mut ring = Ring::new(100);
        // Two bits in each quarter: no quarter is the same.
        ring.insert(&entry(0x0003_0003_0003_0003, "1"));
        let wanted = Fingerprint::from_bits(0);
        assert_eq!(ring.near(wanted, 0).len(), 1);
        assert_eq!(ring.look(wanted, 0, &[0]).len(), 0, "the twin");
    }

    #[test]
    fn ids_come_back_as_they_were() {
        let ids = [
            "0",
            "7",
            "1177293874123456789",
            "-1001234567890:4321",
            "!room:example.org:55",
            "$q5Zb_7-event",
            "007",
            "",
            "+5",
            "4611686018427387904",
            "18446744073709551616",
            "a:4294967296",
            "a:01",
            ":",
            "a:",
            "ж:1",
        ];
        let mut ring = Ring::new(100);
        for id in ids {
            assert!(ring.insert(&entry(1, id)));
        }
        let found: Vec<String> =
            ring.near(Fingerprint::from_bits(1), 0).into_iter().map(|found| found.message).collect();
        assert_eq!(found, ids);
        assert!(!ring.insert(&entry(1, &"x".repeat(256))));
    }

    #[test]
    fn numbers_wrap_around() {
        let mut ring = Ring::new(3);
        ring.first = u32::MAX - 2;
        for message in ["1", "2", "3", "4", "5", "6"] {
            ring.insert(&entry(9, message));
        }
        let found: Vec<String> =
            ring.near(Fingerprint::from_bits(9), 0).into_iter().map(|found| found.message).collect();
        assert_eq!(found, ["4", "5", "6"]);
    }
}
