//! Whether a changed base may replace the live one: every question is asked without itself (leave-one-out) in both, and
//! none that found its entry before may now be another's.

use std::collections::HashMap;

use serde::Serialize;
use townkeeper_contract::id::EntryId;

use crate::base::Base;
use crate::calibrate::held_out::HeldOut;
use crate::index::features::Features;
use crate::report::{answers, question};

/// An entry that loses so many questions, and this share of them, is not to be published away.
const LOST: usize = 2;
const LOST_SHARE: usize = 4;

/// What a publication would change.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    pub stolen: Vec<Stolen>,
    /// Questions asked in both bases.
    pub asked: usize,
    /// Questions of each entry that loses some.
    #[serde(skip)]
    of: HashMap<EntryId, usize>,
}

/// A question that found its entry in the live base and finds another in the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stolen {
    pub question: String,
    pub owner: EntryId,
    pub thief: EntryId,
    /// Whether the thief would say its answer to it, rather than be offered.
    pub answers: bool,
}

impl SelfTest {
    /// Compares the bases on the questions that they share.
    pub fn new(live: &Base, next: &Base) -> Self {
        let (before, words) = (found(live), word_for_word(next));
        let was = word_for_word(live);
        let mut test = Self { stolen: Vec::new(), asked: 0, of: HashMap::new() };
        for held in next.held_out() {
            let (Some(owner), Some(text)) = (next.at(held.owner), question(next, held)) else { continue };
            let Some(mine_before) = before.get(&(&owner.id, text)) else { continue };
            test.asked += 1;
            *test.of.entry(owner.id.clone()).or_default() += 1;
            let exact = Features::of(text).exact;
            // The same words in another entry: nobody could answer them any more.
            let rival = |of: &HashMap<u64, Vec<usize>>, base: &Base| {
                let others = of.get(&exact).into_iter().flatten().filter_map(|i| base.at(*i));
                others.map(|entry| entry.id.clone()).find(|id| *id != owner.id)
            };
            let copied = rival(&words, next).filter(|_| rival(&was, live).is_none());
            let lost = (*mine_before && held.best != held.owner).then(|| next.at(held.best)).flatten();
            if let Some(thief) = copied.clone().or_else(|| lost.map(|entry| entry.id.clone())) {
                let answers = copied.is_some() || answers(next, held);
                test.stolen.push(Stolen { question: text.to_owned(), owner: owner.id.clone(), thief, answers });
            }
        }
        test
    }

    /// Whether the next base must not be published: a thief would say its answer, or an entry loses too many questions.
    pub fn refuses(&self) -> bool {
        self.stolen.iter().any(|stolen| stolen.answers) || !self.robbed().is_empty()
    }

    /// Entries that lose so many of their questions that people would hardly find them.
    pub fn robbed(&self) -> Vec<EntryId> {
        let lost = |id: &EntryId| self.stolen.iter().filter(|stolen| stolen.owner == *id).count();
        let too_many = |(id, all): &(&EntryId, &usize)| lost(id) >= LOST && lost(id) * LOST_SHARE >= **all;
        let mut robbed: Vec<EntryId> = self.of.iter().filter(too_many).map(|(id, _)| id.clone()).collect();
        robbed.sort();
        robbed
    }
}

/// Whether each question finds its entry.
fn found(base: &Base) -> HashMap<(&EntryId, &str), bool> {
    let of = |held: &HeldOut| Some(((&base.at(held.owner)?.id, question(base, held)?), held.best == held.owner));
    base.held_out().iter().filter_map(of).collect()
}

/// The entries that ask each question word for word.
fn word_for_word(base: &Base) -> HashMap<u64, Vec<usize>> {
    let mut asked = HashMap::<u64, Vec<usize>>::new();
    for held in base.held_out() {
        if let Some(text) = question(base, held) {
            asked.entry(Features::of(text).exact).or_default().push(held.owner);
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Report;
    use crate::entry::Entry;
    use crate::eval::Row;

    fn entry(id: &str, questions: &[&str]) -> (String, Entry) {
        let mut questions = questions.iter().map(|q| (*q).to_owned());
        let row = Row {
            id: id.to_owned(),
            question: questions.next().unwrap(),
            variants: questions.collect(),
            not_variants: Vec::new(),
            answer: "Yes.".to_owned(),
            class: None,
            lang: None,
        };
        (id.to_owned(), row.into())
    }

    fn live() -> Vec<(String, Entry)> {
        vec![
            entry("fees", &["what are the fees", "how high are the fees", "do you take fees", "tell me the fees"]),
            entry("hours", &["when is the office open", "opening hours of the office", "is the office open today"]),
        ]
    }

    fn against_live(added: (String, Entry)) -> SelfTest {
        let mut next = live();
        next.push(added);
        SelfTest::new(&Base::build(live()).unwrap(), &Base::build(next).unwrap())
    }

    #[test]
    fn an_entry_that_asks_the_same_steals_and_is_refused() {
        let test = against_live(entry("cost", &["what are the fees", "how high are the fees", "the fees please"]));
        assert!(test.refuses(), "{test:?}");
        assert!(test.stolen.iter().all(|s| s.owner.as_str() == "fees" && s.thief.as_str() == "cost"), "{test:?}");
        assert!(test.stolen.iter().any(|s| s.question == "what are the fees" && s.answers));
        assert_eq!(test.robbed(), [EntryId::from("fees")]);
    }

    #[test]
    fn an_entry_about_something_else_is_welcome() {
        let test = against_live(entry("parking", &["where can i park", "is there a garage", "parking for bicycles"]));
        assert_eq!((test.stolen.as_slice(), test.asked, test.refuses()), ([].as_slice(), 7, false));
    }

    #[test]
    fn the_report_names_who_is_taken_for_whom() {
        let mut entries = live();
        entries.push(entry("cost", &["what are the fees of it", "how high are the fees now", "tell me all the fees"]));
        let report = Report::new(&Base::build(entries).unwrap());
        let pairs: Vec<_> = report.confusions.iter().map(|c| (c.entry.as_str(), c.taken_by.as_str())).collect();
        assert!(pairs.contains(&("fees", "cost")) || pairs.contains(&("cost", "fees")), "{pairs:?}");
        assert!(pairs.iter().all(|pair| pair.0 != "hours"), "{pairs:?}");
        assert_eq!((report.entries, report.questions), (3, 10));
        assert!(report.first <= report.among_three && report.among_three <= 1.0);
    }
}
