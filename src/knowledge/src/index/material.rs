//! What an entry gives to look-up: its questions apart, and its answer.

use std::collections::HashSet;

use super::features::Features;
use crate::entry::Entry;

/// How much a word of the answer counts beside a word of a question. Measured on held-out variants of the sample base:
/// the answer's words find entries whose variants did not foresee a wording.
const BODY: f32 = 0.3;

/// One entry, taken apart.
#[derive(Debug)]
pub(crate) struct Material {
    /// Title and variants, each once, however often it is written.
    pub(crate) questions: Vec<Question>,
    body: Features,
}

#[derive(Debug)]
pub(crate) struct Question {
    /// Its position in [`Entry::questions`].
    pub(crate) position: usize,
    pub(crate) features: Features,
}

impl Material {
    pub(crate) fn of(entry: &Entry) -> Self {
        let words: Vec<&str> = entry.body.runs().map(|run| run.text.as_str()).collect();
        let body = Features::of(&words.join(" ")).scaled(BODY);
        let mut seen = HashSet::new();
        let questions = entry.questions().map(Features::of).enumerate();
        let questions = questions.filter(|(_, features)| seen.insert(features.exact));
        let questions = questions.map(|(position, features)| Question { position, features });
        Self { questions: questions.collect(), body }
    }

    /// The entry as one lexical document: the questions and the answer.
    pub(crate) fn document(&self) -> Features {
        Features::merge(self.questions.iter().map(|question| &question.features).chain(std::iter::once(&self.body)))
    }
}
