//! Content words: what a question is about, as opposed to the words that hold any question together.
//!
//! Function words alone make questions alike that ask different things ("what time is it", "what is it"). An entry may
//! answer a question only if the two share a word that means something.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::features::Features;

/// English, where they stand in questions; without apostrophes, as look-up reads them.
const FUNCTION_WORDS: &str = "a about again all also am an and any anyone are arent as at be been but by can cant could \
    day did didnt do does doesnt doing dont for from get getting give go going good got gm had has hasnt have havent having \
    he hello help her here hey hi him his how i id if ill im in into is isnt it its ive just know let like made make many \
    maybe me mean more much my need new no not now of ok okay on one or our out over please pls really right same say see \
    she should show so some someone something such sure take tell than thank thanks that thats the their them then \
    there these they thing things think this those time to today too try up us use very want was wasnt way we well were \
    what whats when whens where wheres which who whos why will with without wont work would you your yours yes";

static KNOWN: LazyLock<HashSet<u64>> =
    LazyLock::new(|| Features::of(FUNCTION_WORDS).words.iter().map(|(word, _)| *word).collect());

/// The content words of a text; sorted, as [`Features`] are.
pub(crate) fn content(features: &Features) -> impl Iterator<Item = u64> {
    features.words.iter().map(|(word, _)| *word).filter(|word| !KNOWN.contains(word))
}

/// Whether two texts share a word that means something. `known` is sorted.
pub(crate) fn shares(question: &Features, known: &[u64]) -> bool {
    content(question).any(|word| known.binary_search(&word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_meaning_counts() {
        let known: Vec<u64> = content(&Features::of("What time is it when the portal closes?")).collect();
        for (question, shared) in
            [("what is it and when", false), ("when closes it", true), ("PORTAL?", true), ("", false)]
        {
            assert_eq!(shares(&Features::of(question), &known), shared, "{question:?}");
        }
    }
}
