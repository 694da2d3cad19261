//! How far a person is trusted: by how long they are here and by how much they said that was their own. Staff are known
//! from elsewhere. Bounded; what falls out for want of room is read again from where the rows are stored.

use super::recent::Recent;
use crate::Tier;

/// How many people are known at a time.
pub const PEOPLE: usize = 262_144;

const DAY_S: u32 = 24 * 3_600;

/// What each rung asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// A message with fewer letters counts for nothing. See [`super::letters`].
    pub letters: u32,
    pub member: Rung,
    pub trusted: Rung,
}

/// So many messages, and so many days since the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    pub messages: u16,
    pub days: u16,
}

impl Default for Ladder {
    fn default() -> Self {
        let (member, trusted) = (Rung { messages: 10, days: 3 }, Rung { messages: 100, days: 30 });
        Self { letters: 12, member, trusted }
    }
}

/// What is known of a person, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub person: u64,
    /// To the second.
    pub first_ms: i64,
    /// Messages that counted.
    pub count: u16,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    first_s: u32,
    count: u16,
}

/// See above.
#[derive(Clone, Debug)]
pub struct Trust {
    ladder: Ladder,
    people: Recent<Known>,
}

impl Default for Trust {
    fn default() -> Self {
        Self::new(Ladder::default(), PEOPLE)
    }
}

impl Trust {
    pub fn new(ladder: Ladder, people: usize) -> Self {
        Self { ladder, people: Recent::new(people) }
    }

    /// Counts a message; `copied` says that it was another person's before. The row is what to store.
    pub fn note(&mut self, person: u64, at_ms: i64, letters: u32, copied: bool) -> Row {
        let known = self.people.entry(person, || Known { first_s: seconds(at_ms), count: 0 });
        if letters >= self.ladder.letters && !copied {
            known.count = known.count.saturating_add(1);
        }
        row(person, *known)
    }

    /// How far a person is trusted now; whoever is not known is new.
    pub fn tier(&self, person: u64, now_ms: i64) -> Tier {
        let Some(known) = self.people.get(person) else { return Tier::New };
        let days = seconds(now_ms).saturating_sub(known.first_s) / DAY_S;
        let climbed = |rung: Rung| known.count >= rung.messages && days >= u32::from(rung.days);
        match (climbed(self.ladder.member), climbed(self.ladder.trusted)) {
            (true, true) => Tier::Trusted,
            (true, false) => Tier::Member,
            (false, _) => Tier::New,
        }
    }

    /// Whether somebody has written before.
    pub fn knows(&self, person: u64) -> bool {
        self.people.get(person).is_some()
    }

    /// Takes a stored row; what is known already is not lowered by it.
    pub fn import(&mut self, row: Row) {
        let stored = Known { first_s: seconds(row.first_ms), count: row.count };
        let known = self.people.entry(row.person, || stored);
        known.first_s = known.first_s.min(stored.first_s);
        known.count = known.count.max(stored.count);
    }

    /// Every row, by person.
    pub fn export(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.people.iter().map(|(person, known)| row(person, *known)).collect();
        rows.sort_unstable_by_key(|row| row.person);
        rows
    }

    /// Forgets a person, who is new again.
    pub fn forget(&mut self, person: u64) {
        self.people.forget(person);
    }
}

fn row(person: u64, known: Known) -> Row {
    Row { person, first_ms: i64::from(known.first_s) * 1_000, count: known.count }
}

fn seconds(at_ms: i64) -> u32 {
    u32::try_from(at_ms.div_euclid(1_000).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;
    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn trust_takes_time_and_words_of_ones_own() {
        let mut trust = Trust::default();
        for at in 0..200 {
            trust.note(1, NOW + at, 40, false);
        }
        assert_eq!(trust.tier(1, NOW + 1_000), Tier::New, "a day is not bought with messages");
        assert_eq!(trust.tier(1, NOW + 3 * DAY_MS), Tier::Member);
        assert_eq!(trust.tier(1, NOW + 30 * DAY_MS), Tier::Trusted);
        assert_eq!(trust.tier(2, NOW), Tier::New);
    }

    #[test]
    fn neither_good_mornings_nor_others_words_count() {
        let mut trust = Trust::default();
        for at in 0..200 {
            trust.note(1, NOW + at, 2, false);
            trust.note(2, NOW + at, 40, true);
            trust.note(3, NOW + at, 40, false);
        }
        let later = NOW + 60 * DAY_MS;
        assert_eq!([1, 2, 3].map(|person| trust.tier(person, later)), [Tier::New, Tier::New, Tier::Trusted]);
    }

    #[test]
    fn rows_go_out_and_come_back() {
        let mut trust = Trust::default();
        for person in [5, 3, 9] {
            for at in 0..person {
                trust.note(person, NOW + i64::try_from(at).unwrap(), 40, false);
            }
        }
        let rows = trust.export();
        assert_eq!(rows.iter().map(|row| (row.person, row.count)).collect::<Vec<_>>(), [(3, 3), (5, 5), (9, 9)]);
        let mut again = Trust::default();
        for row in &rows {
            again.import(*row);
        }
        assert_eq!(again.export(), rows);
        // An older row lowers nothing.
        again.import(Row { person: 9, first_ms: NOW + DAY_MS, count: 1 });
        assert_eq!(again.export(), rows);
        again.forget(9);
        assert_eq!(again.export().len(), 2);
    }

    #[test]
    fn only_so_many_are_known() {
        let mut trust = Trust::new(Ladder::default(), 100);
        for person in 0..10_000 {
            trust.note(person, NOW, 40, false);
        }
        assert!(trust.people.len() <= 100);
        assert_eq!(trust.note(9_999, NOW, 40, false).count, 2, "the last ones are");
    }
}
