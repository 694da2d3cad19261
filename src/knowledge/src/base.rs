//! All entries together, and the look-up of the one that answers a question.

use std::collections::HashMap;
use std::sync::OnceLock;

use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::Allowed;

use crate::calibrate;
use crate::content::{content, shares};
use crate::entry::{Entry, EntryError, Status};
use crate::features::{Counts, Features, words};
use crate::index::{Index, confidence, cosine};
use crate::material::Material;
use crate::spelling::Spelling;

/// How many hits a look-up returns at most.
pub const MAX_HITS: usize = 5;

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
    threshold: f32,
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
        let own = material.questions.iter().map(|f| index.vector(f)).collect();
        let not = entry.not_variants.iter().map(|text| index.vector(&Features::of(text))).collect();
        Self { own, not }
    }

    /// Whether the question is closer to one that this entry must not answer than to any that it does.
    fn bars(&self, question: &Counts) -> bool {
        let nearest = |list: &[Counts]| list.iter().map(|v| cosine(question, v)).fold(0.0, f32::max);
        nearest(&self.not) > nearest(&self.own)
    }
}

/// What a look-up found.
#[derive(Debug)]
pub struct Lookup<'a> {
    /// Best first, at most [`MAX_HITS`], none with a score of 0.
    pub hits: Vec<Hit<'a>>,
    /// The best entry, if its score, less half of the runner-up's, reaches [`Base::threshold`].
    pub answer: Option<&'a Entry>,
}

/// An entry and how well it fits.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub entry: &'a Entry,
    /// 0 to 1; 1 is a question of the entry, word for word.
    pub score: f32,
}

impl Base {
    /// Puts entries together, each with the file it came from. Drafts are checked with the others and then left out.
    ///
    /// # Errors
    /// Every id that two files share; or that nothing is published at all.
    pub fn build(entries: Vec<(String, Entry)>) -> Result<Self, Vec<EntryError>> {
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
        Ok(Self::index(entries))
    }

    fn index(entries: Vec<Entry>) -> Self {
        let material: Vec<Material> = entries.iter().map(Material::of).collect();
        let docs: Vec<Features> = material.iter().map(|m| m.document(|_| true)).collect();
        let index = Index::build(&docs);
        let guarded = entries.iter().zip(&material).enumerate().filter(|(_, (e, _))| !e.not_variants.is_empty());
        let guards = guarded.map(|(i, (e, m))| (i, Guard::of(e, m, &index))).collect();
        let by_id = entries.iter().enumerate().map(|(i, e)| (e.id.clone(), i)).collect();
        let threshold = calibrate::threshold(&material);
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
            threshold,
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

    /// Finds the entries that fit the question, and the one that answers it.
    pub fn look_up(&self, question: &str) -> Lookup<'_> {
        let features = Features::of_question(question, &self.spelling);
        let mut scores: Vec<(usize, f32)> = self.index.scores(&features).into_iter().enumerate().collect();
        if let Some((_, score)) = self.exact.get(&features.exact).and_then(|&i| scores.get_mut(i)) {
            *score = 1.0;
        }
        self.demote_barred(&features, &mut scores);
        scores.retain(|(_, score)| *score > 0.0);
        scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let hits: Vec<Hit<'_>> = scores
            .iter()
            .take(MAX_HITS)
            .filter_map(|&(i, score)| Some(Hit { entry: self.entries.get(i)?, score }))
            .collect();
        let sure = confidence(hits.iter().map(|hit| hit.score)) >= self.threshold;
        let on_topic =
            scores.first().and_then(|(i, _)| self.topics.get(*i)).is_some_and(|topic| shares(&features, topic));
        let answer = hits.first().filter(|hit| sure && (on_topic || hit.score >= 1.0)).map(|hit| hit.entry);
        Lookup { hits, answer }
    }

    /// The answer to a question that only goes on from an entry ("and for a hardware wallet?"): asked again with that
    /// entry's title behind it. Only what shares a word that means something with the question itself can answer, and
    /// only if the title made it surer than it was without. The entry itself was just said.
    pub fn look_up_after(&self, question: &str, previous: &Entry) -> Option<&Entry> {
        let alone = Features::of_question(question, &self.spelling);
        let joined = Features::of_question(&format!("{question} {}", previous.title), &self.spelling);
        let candidates: Vec<usize> =
            self.topics.iter().enumerate().filter(|(_, topic)| shares(&alone, topic)).map(|(i, _)| i).collect();
        let of = |features: &Features| {
            let all = self.index.scores(features);
            let mut scores: Vec<(usize, f32)> =
                candidates.iter().filter_map(|&i| Some((i, all.get(i).copied()?))).collect();
            self.demote_barred(features, &mut scores);
            scores
        };
        let sure = |scores: &[(usize, f32)]| confidence(scores.iter().map(|(_, score)| *score));
        let scores = of(&joined);
        let grown = sure(&scores) >= self.threshold && sure(&scores) > sure(&of(&alone));
        let best = scores.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        grown.then(|| self.entries.get(best.0)).flatten().filter(|entry| entry.id != previous.id)
    }

    /// An entry that must not answer this question falls below the threshold: it may still be offered, never given.
    fn demote_barred(&self, question: &Features, scores: &mut [(usize, f32)]) {
        let below = self.threshold * 0.99;
        let mut vector = None;
        for (i, score) in scores.iter_mut().filter(|(_, score)| *score > below) {
            let Some(guard) = self.guards.get(i) else { continue };
            if guard.bars(vector.get_or_insert_with(|| self.index.vector(question))) {
                *score = below;
            }
        }
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

    /// What the best entry's score, less half of the runner-up's, must reach to be the answer.
    pub fn threshold(&self) -> f32 {
        self.threshold
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

/// Questions word for word; one that two entries ask says nothing.
fn exact(material: &[Material]) -> HashMap<u64, usize> {
    let mut owners: HashMap<u64, Option<usize>> = HashMap::new();
    for (i, of) in material.iter().enumerate() {
        for question in of.questions.iter().filter(|q| !q.words.is_empty()) {
            owners.entry(question.exact).and_modify(|o| *o = o.filter(|&o| o == i)).or_insert(Some(i));
        }
    }
    owners.into_iter().filter_map(|(question, owner)| Some((question, owner?))).collect()
}
