//! All entries together, and the look-up of the one that answers a question.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Serialize;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::Allowed;

use crate::calibrate::held_out::{self, HeldOut};
use crate::calibrate::signals::Standing;
use crate::calibrate::{Calibration, Evidence};
use crate::entry::{Entry, EntryError, Status};
use crate::facts::FactTable;
use crate::hybrid::{Hybrid, Unfit, Vector};
use crate::index::content::{content, shares};
use crate::index::features::{Counts, Features, words};
use crate::index::material::Material;
use crate::index::spelling::Spelling;
use crate::index::{Index, nearest};
use crate::word_vectors::WordVectors;

/// How many hits a look-up returns at most.
pub const MAX_HITS: usize = 5;
/// The lowest score at which an entry may be what was meant.
pub const NEAR: f32 = 0.1;
/// What an entry that must not answer a question scores at most: it may still be offered.
const BARRED: f32 = 0.178;

/// What may be said: every entry that is not a draft, ready for look-up.
#[derive(Debug)]
pub struct Base {
    entries: Vec<Entry>,
    by_id: HashMap<EntryId, usize>,
    index: Index,
    spelling: Spelling,
    /// Entries with hard negatives, by position.
    guards: HashMap<usize, Guard>,
    /// A question word for word, and the one entry that asks it.
    exact: HashMap<u64, usize>,
    /// What each entry is about, by position: sorted content words.
    topics: Vec<Vec<u64>>,
    held_out: Vec<HeldOut>,
    calibration: Calibration,
    /// See [`Base::add_vectors`].
    hybrid: OnceLock<Hybrid>,
    evidence: Evidence,
    facts: FactTable,
    /// See [`Base::allowed`].
    allowed: OnceLock<Allowed>,
}

/// The questions of one entry, apart: those it answers and those it must not.
#[derive(Debug)]
struct Guard {
    own: Vec<Counts>,
    not: Vec<Counts>,
}

impl Guard {
    fn of(entry: &Entry, material: &Material, index: &Index) -> Self {
        let own = material.questions.iter().map(|q| index.vector(&q.features)).collect();
        let not = entry.not_variants.iter().map(|text| index.vector(&Features::of(text))).collect();
        Self { own, not }
    }

    /// Whether the question is closer to one that this entry must not answer than to any that it does.
    fn bars(&self, question: &Counts) -> bool {
        nearest(question, &self.not) > nearest(question, &self.own)
    }
}

/// What a look-up found.
#[derive(Debug)]
pub struct Lookup<'a> {
    /// Best first, at most [`MAX_HITS`], none with a score of 0.
    pub hits: Vec<Hit<'a>>,
    /// The best entry, if it is sure enough to answer by itself.
    pub answer: Option<&'a Entry>,
    /// The probability that the best hit is the right one.
    pub sure: f32,
}

/// What may be done with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Say the answer.
    Answer,
    /// Offer what may be meant.
    Suggest,
    /// Say that we do not know.
    Abstain,
}

impl Lookup<'_> {
    /// Whether the question stands in the base as it was asked: nothing else needs to be looked at.
    pub fn is_word_for_word(&self) -> bool {
        self.hits.first().is_some_and(|hit| hit.score >= 1.0)
    }

    pub fn zone(&self) -> Zone {
        match self.hits.first() {
            Some(_) if self.answer.is_some() => Zone::Answer,
            Some(hit) if hit.near => Zone::Suggest,
            _ => Zone::Abstain,
        }
    }
}

/// An entry and how well it fits.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub entry: &'a Entry,
    /// 0 to 1; 1 is a question of the entry, word for word.
    pub score: f32,
    /// The probability that it answers the question, seen by itself: its rivals are not considered, as they are in
    /// [`Lookup::sure`].
    pub p: f32,
    /// Whether it may be what was meant.
    pub near: bool,
}

impl Base {
    /// Puts entries together, each with the file it came from. Drafts are checked with the others and then left out.
    ///
    /// # Errors
    /// Every id that two files share; or that nothing is published at all.
    pub fn build(entries: Vec<(String, Entry)>) -> Result<Self, Vec<EntryError>> {
        Self::build_with(entries, Evidence::Own)
    }

    /// The same, for a base that somebody may have measured.
    ///
    /// # Errors
    /// As [`Base::build`].
    pub fn build_with(entries: Vec<(String, Entry)>, evidence: Evidence) -> Result<Self, Vec<EntryError>> {
        let errors = duplicates(&entries);
        if !errors.is_empty() {
            return Err(errors);
        }
        let entries: Vec<Entry> = entries.into_iter().map(|(_, e)| e).filter(|e| e.status != Status::Draft).collect();
        if entries.is_empty() {
            return Err(vec![EntryError {
                file: "the knowledge base".to_owned(),
                line: 0,
                reason: "no entry is published".to_owned(),
                remedy: "add at least one file `<id>.md` with `status: published`".to_owned(),
            }]);
        }
        Ok(Self::index(entries, evidence))
    }

    fn index(entries: Vec<Entry>, evidence: Evidence) -> Self {
        let material: Vec<Material> = entries.iter().map(Material::of).collect();
        let docs: Vec<Features> = material.iter().map(Material::document).collect();
        let index = Index::build(&docs);
        let guarded = entries.iter().zip(&material).enumerate().filter(|(_, (e, _))| !e.not_variants.is_empty());
        let guards = guarded.map(|(i, (e, m))| (i, Guard::of(e, m, &index))).collect();
        let by_id = entries.iter().enumerate().map(|(i, e)| (e.id.clone(), i)).collect();
        let held_out = held_out::all(&index, &docs, &material, None);
        let calibration = Calibration::fit(&held_out, &entries, evidence);
        let mut spelling = Spelling::default();
        for word in entries.iter().flat_map(Entry::all_questions).flat_map(words) {
            spelling.learn(&word);
        }
        let topics = docs.iter().map(|doc| content(doc).collect()).collect();
        Self {
            exact: exact(&material),
            topics,
            entries,
            by_id,
            index,
            spelling,
            guards,
            held_out,
            calibration,
            hybrid: OnceLock::new(),
            evidence,
            facts: FactTable::default(),
            allowed: OnceLock::new(),
        }
    }

    /// Every link, address, date and amount that any entry holds. Made when it is first asked for.
    pub fn allowed(&self) -> &Allowed {
        self.allowed.get_or_init(|| {
            let texts: Vec<String> = self.entries.iter().flat_map(Entry::published).collect();
            Allowed::of(texts.iter().map(String::as_str))
        })
    }

    /// Finds the entries that fit the question by its words, and the one that answers it.
    pub fn look_up(&self, question: &str) -> Lookup<'_> {
        self.look_up_with(question, None)
    }

    /// The same by words and vector, where the base has vectors of that size and does better with them; else by words.
    pub fn look_up_with(&self, question: &str, vector: Option<&Vector>) -> Lookup<'_> {
        let features = Features::of_question(question, &self.spelling);
        let mut scores = self.index.scores(&features);
        let hybrid = self.better().zip(vector).filter(|(hybrid, vector)| hybrid.dims() == vector.dims());
        if let Some((hybrid, vector)) = hybrid {
            scores.vectors = hybrid.nearness(vector);
        }
        let calibration = hybrid.map_or(&self.calibration, |(hybrid, _)| &hybrid.calibration);
        let mut sums = scores.sum();
        let word_for_word = self.exact.get(&features.exact).copied();
        if let Some(sum) = word_for_word.and_then(|i| sums.get_mut(i)) {
            *sum = 1.0;
        }
        // What an entry asks word for word, it need not be kept from.
        let barred = if word_for_word.is_some() { Vec::new() } else { self.demote_barred(&features, &mut sums) };
        let mut order: Vec<(usize, f32)> = sums.iter().copied().enumerate().filter(|(_, sum)| *sum > 0.0).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.truncate(MAX_HITS);
        let standing = Standing::new(&scores, &sums);
        let right = |i: usize| calibration.right(&standing.signals(i));
        let sure = order.first().map_or(0.0, |&(i, score)| if score >= 1.0 { 1.0 } else { right(i) });
        let mut hits = Vec::with_capacity(order.len());
        for &(i, score) in &order {
            let Some(entry) = self.entries.get(i) else { continue };
            let p = if score >= 1.0 { 1.0 } else { calibration.fits(&standing.signals(i)) };
            let near = score >= hybrid.map_or(NEAR, |(hybrid, _)| hybrid.near);
            hits.push(Hit { entry, score, p, near });
        }
        let best = order.first().map(|(i, _)| *i).filter(|i| !barred.contains(i));
        // Words alone are alike also where they mean nothing; a vector is near for what it means.
        let shared = best.and_then(|i| self.topics.get(i)).is_some_and(|topic| shares(&features, topic));
        let on_topic = shared || hybrid.is_some();
        // A question that stands in one entry, and in no other, needs no proof: people wrote down whose it is.
        let answers = |hit: &&Hit<'_>| hit.score >= 1.0 || on_topic && calibration.answers(hit.entry.class, sure);
        let answer = hits.first().filter(|_| best.is_some()).filter(answers).map(|hit| hit.entry);
        Lookup { hits, answer, sure }
    }

    /// The answer to a question that only goes on from an entry ("and for a hardware wallet?"): asked again with that
    /// entry's title behind it. Only what shares a word that means something with the question itself can answer, and
    /// only if the title made it surer than it was without. The entry itself was just said.
    pub fn look_up_after(&self, question: &str, previous: &Entry) -> Option<&Entry> {
        let alone = Features::of_question(question, &self.spelling);
        let joined = Features::of_question(&format!("{question} {}", previous.title), &self.spelling);
        let of = |features: &Features| {
            let scores = self.index.scores(features);
            let mut sums = scores.sum();
            for (sum, topic) in sums.iter_mut().zip(&self.topics) {
                *sum = if shares(&alone, topic) { *sum } else { 0.0 };
            }
            let barred = self.demote_barred(features, &mut sums);
            let best = held_out::first(&sums, None);
            let p = self.calibration.right(&Standing::new(&scores, &sums).signals(best));
            let may = sums.get(best).is_some_and(|sum| *sum > 0.0) && !barred.contains(&best);
            (if may { self.entries.get(best) } else { None }, p)
        };
        let (entry, sure) = of(&joined);
        let grown = sure > of(&alone).1;
        entry.filter(|entry| grown && self.calibration.answers(entry.class, sure) && entry.id != previous.id)
    }

    /// Entries that must not answer this question fall behind: they may still be offered, never given. Returns them. Looked
    /// at are those in front, until everyone in front was looked at: comparing question by question takes long.
    fn demote_barred(&self, question: &Features, sums: &mut [f32]) -> Vec<usize> {
        let (mut vector, mut barred, mut seen) = (None, Vec::new(), Vec::new());
        loop {
            let mut front: Vec<usize> = (0..sums.len()).filter(|i| sum_of(sums, *i) > NEAR).collect();
            front.sort_unstable_by(|a, b| sum_of(sums, *b).total_cmp(&sum_of(sums, *a)));
            front.truncate(MAX_HITS);
            front.retain(|i| !seen.contains(i));
            if front.is_empty() {
                return barred;
            }
            for i in front {
                seen.push(i);
                let (Some(guard), Some(sum)) = (self.guards.get(&i), sums.get_mut(i)) else { continue };
                if guard.bars(vector.get_or_insert_with(|| self.index.vector(question))) {
                    *sum = sum.min(BARRED);
                    barred.push(i);
                }
            }
        }
    }

    /// With the facts that its entries were filled from.
    #[must_use]
    pub fn with_facts(self, facts: FactTable) -> Self {
        Self { facts, ..self }
    }

    /// The facts that its entries show, by id; an entry names those that it shows.
    pub fn facts(&self) -> &FactTable {
        &self.facts
    }

    /// Whether an entry, by its position, must not answer this question.
    pub(crate) fn is_barred(&self, entry: usize, question: &str) -> bool {
        self.guards.get(&entry).is_some_and(|guard| guard.bars(&self.index.vector(&Features::of(question))))
    }

    /// Sums vectors with the words from now on, if that does better. `of` gives a question's vector, as texts are given by
    /// [`Entry::questions`]; what has none is found by its words. Takes as long as building the base: not beside answers.
    /// The first vectors stay.
    ///
    /// # Errors
    /// None of these vectors can be used.
    pub fn add_vectors(&self, of: impl Fn(&str) -> Option<Vector>) -> Result<(), Unfit> {
        let material: Vec<Material> = self.entries.iter().map(Material::of).collect();
        let vectors = self.entries.iter().zip(&material).map(|(entry, material)| {
            let texts: Vec<&str> = entry.questions().collect();
            material.questions.iter().map(|question| of(texts.get(question.position)?)).collect()
        });
        let hybrid =
            Hybrid::of(&self.index, &self.entries, &material, vectors.collect(), (&self.held_out, &self.calibration))?;
        self.hybrid.get_or_init(|| hybrid);
        Ok(())
    }

    /// A text as the mean of its words in a table, each by how rare it is in the base. `None`: the table has none of them.
    pub fn mean_of(&self, table: &WordVectors, text: &str) -> Option<Vector> {
        let mut mean = vec![0.0f32; table.dims()];
        for word in words(text) {
            let known = table.get(&word).or_else(|| table.get(self.spelling.meant(&word)?));
            let rarity = self.index.rarity(&word);
            for (sum, number) in mean.iter_mut().zip(known.unwrap_or_default()) {
                *sum += rarity * number;
            }
        }
        Vector::new(mean)
    }

    /// The size of the vectors that it has, if it has any.
    pub fn dims(&self) -> Option<usize> {
        self.hybrid.get().map(Hybrid::dims)
    }

    /// Whether it does better with the vectors that it has: only then is a question's vector looked at.
    pub fn is_hybrid(&self) -> bool {
        self.better().is_some()
    }

    fn better(&self) -> Option<&Hybrid> {
        self.hybrid.get().filter(|hybrid| hybrid.is_better)
    }

    /// What is known of it beside its own questions.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    pub fn get(&self, id: &EntryId) -> Option<&Entry> {
        self.by_id.get(id).and_then(|&i| self.entries.get(i))
    }

    /// All of them, in the order given to [`Base::build`].
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Those that people tick off, the most important first.
    pub fn checklists(&self) -> impl Iterator<Item = &Entry> {
        let mut lists: Vec<&Entry> = self.entries.iter().filter(|entry| entry.checklist.is_some()).collect();
        lists.sort_by_key(|entry| entry.checklist);
        lists.into_iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never true: a base without an entry is not built.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every question asked without itself, with the entries' positions; with vectors, if these do better.
    pub(crate) fn held_out(&self) -> &[HeldOut] {
        self.better().map_or(&self.held_out, |hybrid| &hybrid.held_out)
    }

    pub(crate) fn at(&self, position: usize) -> Option<&Entry> {
        self.entries.get(position)
    }

    /// From which certainty on it answers, and what it promises; with vectors, if these do better.
    pub fn calibration(&self) -> &Calibration {
        self.better().map_or(&self.calibration, |hybrid| &hybrid.calibration)
    }
}

fn duplicates(entries: &[(String, Entry)]) -> Vec<EntryError> {
    let mut first: HashMap<&EntryId, &str> = HashMap::new();
    let mut errors = Vec::new();
    for (file, entry) in entries {
        if let Some(other) = first.get(&entry.id) {
            errors.push(EntryError {
                file: file.clone(),
                line: 0,
                reason: format!("the id `{}` is already used by {other}", entry.id),
                remedy: "give one of the two another id, or merge them".to_owned(),
            });
        } else {
            first.insert(&entry.id, file);
        }
    }
    errors
}

fn sum_of(sums: &[f32], entry: usize) -> f32 {
    sums.get(entry).copied().unwrap_or_default()
}

/// Questions word for word; one that two entries ask says nothing.
fn exact(material: &[Material]) -> HashMap<u64, usize> {
    let mut owners: HashMap<u64, Option<usize>> = HashMap::new();
    for (i, of) in material.iter().enumerate() {
        for question in of.questions.iter().map(|q| &q.features).filter(|f| !f.words.is_empty()) {
            owners.entry(question.exact).and_modify(|o| *o = o.filter(|&o| o == i)).or_insert(Some(i));
        }
    }
    owners.into_iter().filter_map(|(question, owner)| Some((question, owner?))).collect()
}
