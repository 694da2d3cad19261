//! What an entry gives to look-up: its questions apart, and its answer.

use crate::entry::Entry;
use crate::features::Features;

/// How much a word of the answer counts beside a word of a question. Measured on held-out variants of the sample base:
/// the answer's words find entries whose variants did not foresee a wording.
const BODY: f32 = 0.3;

/// One entry, taken apart.
#[derive(Debug)]
pub(crate) struct Material {
    /// Title and variants.
    pub(crate) questions: Vec<Features>,
    body: Features,
}

impl Material {
    pub(crate) fn of(entry: &Entry) -> Self {
        let words: Vec<&str> = entry.body.runs().map(|run| run.text.as_str()).collect();
        let body = Features::of(&words.join(" ")).scaled(BODY);
        Self { questions: entry.questions().map(Features::of).collect(), body }
    }

    /// The entry as one lexical document, of the questions that are kept and the answer.
    pub(crate) fn document(&self, keep: impl Fn(usize) -> bool) -> Features {
        let kept = self.questions.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, q)| q);
        Features::merge(kept.chain(std::iter::once(&self.body)))
    }
}
